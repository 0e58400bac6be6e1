//! How long to wait before asking again: longer each time, and never in step with everybody else who waits.
//! Does not know whether asking again is allowed or whether there is time left.

use std::time::Duration;

/// Exponential waits with equal jitter: half of each is fixed, half is random.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The wait before the first retry, jitter included at most this. Default 100 ms: short beside any model's answer.
    pub base: Duration,
    /// The longest wait of our own choice. Default 5 s, Finagle's first step: callers wait behind it.
    pub cap: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { base: Duration::from_millis(100), cap: Duration::from_secs(5) }
    }
}

impl Backoff {
    /// The wait before retry number `attempt`, counted from 0: between half and all of `base * 2^attempt`, or of `cap`
    /// where that is less.
    ///
    /// `retry_after`, what the upstream asked for, is a floor that `cap` does not lower: the wait is at least that, and
    /// up to a tenth more so that all who were told the same do not come back at once. Compare the result with the
    /// time that is left before sleeping on it.
    pub fn delay(&self, attempt: u32, retry_after: Option<Duration>, rng: &mut fastrand::Rng) -> Duration {
        let factor = 2u32.checked_pow(attempt).unwrap_or(u32::MAX);
        let half = self.base.saturating_mul(factor).min(self.cap) / 2;
        let own = half.saturating_add(up_to(half, rng));
        match retry_after {
            Some(floor) => own.max(floor.saturating_add(up_to(floor / 10, rng))),
            None => own,
        }
    }
}

fn up_to(most: Duration, rng: &mut fastrand::Rng) -> Duration {
    let nanos = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
    Duration::from_nanos(rng.u64(0..=nanos))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn doubles_up_to_the_cap() {
        let mut rng = fastrand::Rng::with_seed(7);
        let backoff = Backoff::default();
        for (attempt, most) in [(0, 100), (1, 200), (5, 3_200), (6, 5_000), (31, 5_000), (32, 5_000), (u32::MAX, 5_000)]
        {
            let most = Duration::from_millis(most);
            let delays = [(); 200].map(|()| backoff.delay(attempt, None, &mut rng));
            assert!(delays.iter().all(|&delay| delay >= most / 2 && delay <= most));
            let spread = delays.iter().max().unwrap().saturating_sub(*delays.iter().min().unwrap());
            assert!(spread > most * 2 / 5, "attempt {attempt} hardly varies");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_waits() {
        let waits = |seed| {
            let mut rng = fastrand::Rng::with_seed(seed);
            [0, 1, 2].map(|attempt| Backoff::default().delay(attempt, None, &mut rng))
        };
        assert_eq!(waits(3), waits(3));
        assert_ne!(waits(3), waits(4));
    }

    fn duration() -> impl Strategy<Value = Duration> {
        let short = (0..100_000u64).prop_map(Duration::from_millis);
        let any = (any::<u64>(), 0..1_000_000_000u32).prop_map(|(secs, nanos)| Duration::new(secs, nanos));
        prop_oneof![short, any]
    }

    proptest! {
        #[test]
        fn stays_in_its_bounds(
            base in duration(), cap in duration(), attempt: u32, floor in prop::option::of(duration()), seed: u64,
        ) {
            let delay = Backoff { base, cap }.delay(attempt, floor, &mut fastrand::Rng::with_seed(seed));
            let floor = floor.unwrap_or_default();
            prop_assert!(delay >= floor);
            prop_assert!(delay <= cap.max(floor.saturating_add(floor / 10)));
        }
    }
}
