//! One absolute end for a request with all its attempts and fallbacks. Does not know what the time is spent on.

use std::time::{Duration, Instant};

/// What "no limit worth naming" becomes where the platform's clock cannot count further: about 30 years.
const FAR: Duration = Duration::from_secs(30 * 365 * 86_400);

/// The part of the time left, one in so many, that an attempt leaves to those behind it.
const KEPT_PART: u32 = 5;

/// The moment by which a request must be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Deadline {
    at: Instant,
}

impl Deadline {
    /// The deadline `timeout` after `now`. A timeout too long for the platform's clock becomes about 30 years.
    pub fn after(now: Instant, timeout: Duration) -> Self {
        Self { at: now.checked_add(timeout).or_else(|| now.checked_add(FAR)).unwrap_or(now) }
    }

    /// The moment itself.
    pub fn at(&self) -> Instant {
        self.at
    }

    /// The time left; none when it has passed, so that what is returned is never zero.
    pub fn remaining(&self, now: Instant) -> Option<Duration> {
        self.at.checked_duration_since(now).filter(|left| !left.is_zero())
    }

    /// The time one attempt may take: `cap`, or what is left of the request's if that is less. A fifth of that is kept
    /// for whoever may be asked after it; more would cut answers that are slow and sound.
    ///
    /// `candidates_left` counts this attempt too. None when there is no time to give, never zero.
    pub fn attempt(&self, now: Instant, cap: Duration, candidates_left: u32) -> Option<Duration> {
        let left = self.remaining(now)?;
        let kept = if candidates_left > 1 { left / KEPT_PART } else { Duration::ZERO };
        Some((left - kept).min(cap)).filter(|time| !time.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn counts_down_to_none() {
        let now = Instant::now();
        let deadline = Deadline::after(now, SECOND * 10);
        assert_eq!(deadline.at(), now + SECOND * 10);
        assert_eq!(deadline.remaining(now + SECOND * 4), Some(SECOND * 6));
        assert_eq!(deadline.remaining(now + SECOND * 10), None);
        assert_eq!(deadline.remaining(now + SECOND * 11), None);
    }

    #[test]
    fn leaves_a_fifth_to_whoever_comes_after() {
        let now = Instant::now();
        let deadline = Deadline::after(now, SECOND * 12);
        let check = |passed, cap, candidates, expect: Option<u32>| {
            let given = deadline.attempt(now + SECOND * passed, SECOND * cap, candidates);
            assert_eq!(given, expect.map(|secs| SECOND * secs));
        };
        let check_ms = |candidates, expect| {
            assert_eq!(deadline.attempt(now, SECOND * 60, candidates), Some(Duration::from_millis(expect)));
        };
        check_ms(2, 9_600);
        check_ms(3, 9_600);
        check(0, 2, 3, Some(2));
        check(2, 60, 2, Some(8));
        check(6, 60, 1, Some(6));
        check(6, 60, 0, Some(6));
        check(0, 0, 1, None);
        check(12, 60, 1, None);
    }

    #[test]
    fn an_endless_timeout_is_far_away() {
        let now = Instant::now();
        assert!(Deadline::after(now, Duration::MAX).remaining(now) >= Some(FAR));
    }

    proptest! {
        #[test]
        fn nobody_is_cut_who_leaves_a_fifth(
            timeout_ms in 1..100_000u64, cap_ms in 1..100_000u64, candidates in 1..6u32,
        ) {
            let start = Instant::now();
            let deadline = Deadline::after(start, Duration::from_millis(timeout_ms));
            let cap = Duration::from_millis(cap_ms);
            let mut now = start;
            for left in (1..=candidates).rev() {
                let remaining = deadline.at() - now;
                let given = deadline.attempt(now, cap, left);
                let fair = cap.min(if left > 1 { remaining / KEPT_PART * (KEPT_PART - 1) } else { remaining });
                prop_assert!(given.is_some_and(|given| given >= fair && given <= cap), "{:?} for {}", given, left);
                now += given.unwrap_or_default();
            }
            prop_assert!(now <= deadline.at());
        }
    }
}
