//! How long an endpoint usually takes, looked up once a second at most: the figures are made of hundreds of calls.

use models::{Endpoint, Quantiles, Recent};
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

    /// The time that half of the calls did not exceed, in seconds: of streams to the first token, or of whole answers.
    pub(crate) fn median_s(&self, endpoint: &Endpoint, stream: bool) -> Option<f64> {
        Some(self.times(endpoint, stream)?.p50 / 1_000.0)
    }

    /// The time that one call in twenty exceeds, to the first token of a stream or to the end of a whole answer;
    /// `None` before there were twenty of that kind.
    pub(crate) fn late_after(&self, endpoint: &Endpoint, stream: bool) -> Option<Duration> {
        let times = self.times(endpoint, stream).filter(|times| times.samples >= CALLS_MIN)?;
        Duration::try_from_secs_f64(times.p95 / 1_000.0).ok()
    }

    /// Times of one kind alone: neither tells anything about the other.
    fn times(&self, endpoint: &Endpoint, stream: bool) -> Option<Quantiles> {
        let recent = self.of(endpoint);
        if stream { recent.first_token_ms } else { recent.whole_ms }
    }
}
