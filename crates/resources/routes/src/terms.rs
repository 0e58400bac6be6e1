//! When a request came, and within what it is read and answered.

use crate::Refusal;
use fault::Kind;
use http::{HeaderMap, HeaderName};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use wire::openai::Limits;

/// The header by which a client shortens the deadline of one request, in milliseconds.
const TIMEOUT_HEADER: HeaderName = HeaderName::from_static("x-althing-timeout-ms");

/// The id of a request and when it came.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// As it stands in replies, logs and errors.
    pub id: Arc<str>,
    /// When its head had been read.
    pub at: Instant,
}

/// Within what a request is read and answered, as settings say when it comes. A listener puts an `Arc` of them into the
/// extensions of each request.
#[derive(Debug, Clone)]
pub struct Terms {
    /// The largest body, in bytes.
    pub body_bytes_max: usize,
    /// How long a body may take to come.
    pub body_read: Duration,
    /// How long a request may take.
    pub deadline: Duration,
    /// After how long a stream without events says for the first time that it is still there.
    pub keepalive_first: Duration,
    /// How often it says so from then on.
    pub keepalive: Duration,
    /// What a chat may hold.
    pub chat: Limits,
    /// Cancelled when the server's time to drain is over: streams that are still open say so and end.
    pub cut: CancellationToken,
}

impl Terms {
    /// How long this request may take: as long as the client says, but no longer than settings do.
    ///
    /// # Errors
    /// A refusal where the header is no number.
    pub fn deadline(&self, headers: &HeaderMap) -> Result<Duration, Box<Refusal>> {
        let Some(asked) = headers.get(TIMEOUT_HEADER) else { return Ok(self.deadline) };
        match asked.to_str().ok().and_then(|ms| ms.trim().parse::<u64>().ok()) {
            Some(ms) => Ok(Duration::from_millis(ms.max(1)).min(self.deadline)),
            None => {
                let message = format!("the header `{TIMEOUT_HEADER}` is not a number of milliseconds");
                let refusal = Refusal::new(Kind::BadInput, "invalid_header", message);
                Err(Box::new(refusal.hint("send a whole number, or leave it out")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_shortens_its_deadline_and_never_lengthens_it() {
        let terms = Terms {
            body_bytes_max: 1,
            body_read: Duration::ZERO,
            deadline: Duration::from_secs(10),
            keepalive_first: Duration::ZERO,
            keepalive: Duration::ZERO,
            chat: Limits { n_max: 1, messages_max: 1 },
            cut: CancellationToken::new(),
        };
        for (value, expect) in [
            (None, Some(10_000)),
            (Some("250"), Some(250)),
            (Some(" 7 "), Some(7)),
            (Some("0"), Some(1)),
            (Some("99999999"), Some(10_000)),
            (Some("-1"), None),
            (Some("soon"), None),
        ] {
            let pair = value.map(|value| (TIMEOUT_HEADER, value.parse().unwrap()));
            let found = terms.deadline(&pair.into_iter().collect());
            assert_eq!(found.ok().map(|found| found.as_millis()), expect, "{value:?}");
        }
    }
}
