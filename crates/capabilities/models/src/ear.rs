//! What the head of an answer tells, and whether the request ever left, on its way from a provider's protocol to whoever
//! guards the endpoint.

use guard::Quota;
use http::HeaderMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Listens to one call. A provider that has heads lets it hear them, and one that has connections whether there was one;
/// nothing depends on either.
#[derive(Debug, Default)]
pub struct Ear {
    head: OnceLock<Quota>,
    asked: AtomicBool,
    sent: AtomicBool,
}

impl Ear {
    /// The head has arrived, with what it says of rates. Only the first counts.
    pub fn hear(&self, headers: &HeaderMap) {
        let _ = self.head.set(quota(headers));
    }

    /// A request is about to be sent; whoever sends it notes when there is a connection to send it over.
    pub fn sending(&self) -> &AtomicBool {
        self.asked.store(true, Ordering::Relaxed);
        &self.sent
    }

    /// Whether the request is known not to have been sent: the provider has not even heard of it.
    pub(crate) fn is_unsent(&self) -> bool {
        self.asked.load(Ordering::Relaxed) && !self.sent.load(Ordering::Relaxed)
    }

    /// What the head said of rates, if it said anything.
    pub(crate) fn quota(&self) -> Option<&Quota> {
        self.head.get().filter(|quota| !quota.is_empty())
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
