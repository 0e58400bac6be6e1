//! What the head of an answer tells, on its way from a provider's protocol to whoever guards the endpoint.

use guard::Quota;
use http::HeaderMap;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

/// Listens for the head of one answer. A provider that has heads lets it hear them; nothing depends on it.
#[derive(Debug, Default)]
pub struct Ear(OnceLock<Head>);

#[derive(Debug)]
struct Head {
    at: Instant,
    quota: Quota,
}

impl Ear {
    /// The head has arrived, with what it says of rates. Only the first counts.
    pub fn hear(&self, headers: &HeaderMap) {
        let _ = self.0.set(Head { at: Instant::now(), quota: quota(headers) });
    }

    /// How long after `started` the head arrived, if it has.
    pub(crate) fn head_after(&self, started: Instant) -> Option<Duration> {
        Some(self.0.get()?.at.saturating_duration_since(started))
    }

    /// What it said of rates, if it said anything.
    pub(crate) fn quota(&self) -> Option<&Quota> {
        self.0.get().map(|head| &head.quota).filter(|quota| !quota.is_empty())
    }
}

/// What headers tell of rates. One pass over them: most answers have none of these.
fn quota(headers: &HeaderMap) -> Quota {
    let (mut quota, mut now) = (Quota::default(), None);
    for (name, value) in headers {
        let name = name.as_str();
        if !name.starts_with("x-ratelimit-") && !name.starts_with("anthropic-ratelimit-") {
            continue;
        }
        let secs = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let now = *now.get_or_insert_with(secs);
        if let Ok(value) = value.to_str() {
            quota.note(name, value, now);
        }
    }
    quota
}
