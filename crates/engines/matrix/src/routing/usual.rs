//! How long an endpoint usually takes, looked up once a second at most: the figures are made of hundreds of calls.

use models::{Endpoint, Recent};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How old the figures may be.
const AGE_MAX: Duration = Duration::from_secs(1);
/// Fewer calls have no 95th percentile worth the name.
const CALLS_MIN: usize = 20;

/// The figures, and when they were looked up.
#[derive(Debug, Default)]
pub(crate) struct Usual(Mutex<Option<(Instant, Recent)>>);

impl Usual {
    fn of(&self, endpoint: &Endpoint) -> Recent {
        let now = Instant::now();
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match *seen {
            Some((at, recent)) if now.duration_since(at) < AGE_MAX => recent,
            _ => seen.insert((now, endpoint.health().recent)).1,
        }
    }

    /// The time to the first token that half of the calls did not exceed, in seconds; that of whole answers where
    /// nobody streams.
    pub(crate) fn median_s(&self, endpoint: &Endpoint) -> Option<f64> {
        let recent = self.of(endpoint);
        Some(recent.first_token_ms.or(recent.answer_ms)?.p50 / 1_000.0)
    }

    /// The time that one call in twenty exceeds, to the first token of a stream or to the end of a whole answer;
    /// `None` before there were twenty.
    pub(crate) fn late_after(&self, endpoint: &Endpoint, stream: bool) -> Option<Duration> {
        let recent = self.of(endpoint);
        let times = if stream { recent.first_token_ms } else { recent.answer_ms };
        let late_s = times.filter(|_| recent.calls >= CALLS_MIN)?.p95 / 1_000.0;
        Duration::try_from_secs_f64(late_s).ok()
    }
}
