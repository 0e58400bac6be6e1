//! One absolute end for a request with all its attempts and fallbacks. Does not know what the time is spent on.

use std::time::{Duration, Instant};

/// What "no limit worth naming" becomes where the platform's clock cannot count further: about 30 years.
const FAR: Duration = Duration::from_secs(30 * 365 * 86_400);

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

    /// The time one attempt may take: `cap`, or an equal share of what is left if that is less, so that the candidates
    /// behind it keep theirs.
    ///
    /// `candidates_left` counts this attempt too; 0 reads as 1. None when there is no time to give, never zero.
    pub fn attempt(&self, now: Instant, cap: Duration, candidates_left: u32) -> Option<Duration> {
        let share = self.remaining(now)? / candidates_left.max(1);
        Some(share.min(cap)).filter(|time| !time.is_zero())
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
    fn shares_what_is_left() {
        let now = Instant::now();
        let deadline = Deadline::after(now, SECOND * 12);
        let check = |passed, cap, candidates, expect: Option<u32>| {
            let given = deadline.attempt(now + SECOND * passed, SECOND * cap, candidates);
            assert_eq!(given, expect.map(|secs| SECOND * secs));
        };
        check(0, 60, 3, Some(4));
        check(0, 2, 3, Some(2));
        check(6, 60, 2, Some(3));
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
        fn every_candidate_gets_a_fair_share(
            timeout_ms in 1..100_000u64, cap_ms in 1..100_000u64, candidates in 1..20u32,
        ) {
            let start = Instant::now();
            let deadline = Deadline::after(start, Duration::from_millis(timeout_ms));
            let cap = Duration::from_millis(cap_ms);
            let fair = cap.min(Duration::from_millis(timeout_ms) / candidates);
            let mut now = start;
            for left in (1..=candidates).rev() {
                let given = deadline.attempt(now, cap, left);
                prop_assert!(given.is_some_and(|given| given >= fair && given <= cap), "{:?} for {}", given, left);
                now += given.unwrap_or_default();
            }
            prop_assert!(now <= deadline.at());
        }
    }
}
