//! Until when an upstream is left alone because it asked for that. Knows neither why nor any clock: time is handed in as
//! what has passed since a moment that the owner keeps.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How long somebody is left alone. Without a lock: it is one number, asked before every request.
#[derive(Debug, Default)]
pub struct Parked {
    /// In nanoseconds of the owner's time; 0 for never.
    until: AtomicU64,
}

impl Parked {
    /// Leaves it alone for `wait` from `now`, at most for `most`. What was asked for before stands if it is longer.
    /// Whether that made it longer.
    pub fn park(&self, now: Duration, wait: Duration, most: Duration) -> bool {
        let until = nanos(now.saturating_add(wait.min(most)));
        self.until.fetch_max(until, Ordering::Relaxed) < until
    }

    /// How much longer it is left alone; `None` when it is not.
    pub fn left(&self, now: Duration) -> Option<Duration> {
        let left = self.until.load(Ordering::Relaxed).saturating_sub(nanos(now));
        (left > 0).then(|| Duration::from_nanos(left))
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: Duration = Duration::from_secs(1);
    const MOST: Duration = Duration::from_secs(300);

    #[test]
    fn the_longest_wait_stands_and_none_is_longer_than_the_most() {
        let parked = Parked::default();
        assert_eq!(parked.left(SECOND), None);
        assert!(parked.park(SECOND, SECOND * 10, MOST));
        assert!(!parked.park(SECOND * 2, SECOND * 5, MOST));
        assert_eq!(parked.left(SECOND * 4), Some(SECOND * 7));
        assert_eq!((parked.left(SECOND * 11), parked.left(SECOND * 12)), (None, None));
        assert!(parked.park(SECOND * 12, Duration::MAX, MOST));
        assert_eq!(parked.left(SECOND * 12), Some(MOST));
        assert!(!Parked::default().park(Duration::ZERO, Duration::ZERO, MOST));
    }

    proptest! {
        #[test]
        fn is_left_alone_exactly_as_long_as_the_longest_asked_for(
            asks in prop::collection::vec((0..500u64, 0..400u64), 1..20), at in 0..1_000u64,
        ) {
            let parked = Parked::default();
            for (now, wait) in &asks {
                parked.park(SECOND * u32::try_from(*now).unwrap(), Duration::from_secs(*wait), MOST);
            }
            let until = asks.iter().map(|(now, wait)| now + wait.min(&300)).max().unwrap();
            let left = Duration::from_secs(until.saturating_sub(at));
            prop_assert_eq!(parked.left(Duration::from_secs(at)), (!left.is_zero()).then_some(left));
        }
    }
}
