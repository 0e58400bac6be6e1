//! A limit on concurrency for upstreams whose own limit is a rate: it shrinks when they refuse and grows while they
//! accept everything. Knows no latency: what a hosted model takes says nothing about how busy it is.

use std::time::Instant;

/// What is left of the limit after a refusal, and while nobody knows yet where about it lies.
const BACK_OFF: f64 = 0.9;
const BACK_OFF_SEARCHING: f64 = 0.5;
/// The search goes no lower: a refusal of one among few is one of a rate, which tells little about how many at once.
const SEARCH_MIN: f64 = 20.0;

/// Additive increase, multiplicative decrease.
///
/// Nobody is held back before anything was refused. The first refusals halve the limit, once per round, until it is
/// borne for a round; from then on a refusal takes a tenth off, and each full round of successes in use adds one.
/// Refusals of requests that were sent before the last cut tell of the old limit, and count no more.
#[derive(Debug, Clone)]
pub struct Aimd {
    limit: f64,
    most: f64,
    successes: f64,
    refused_at: Option<Instant>,
    searching: bool,
}

impl Aimd {
    /// Starts at `most`, at least 1.
    pub fn new(most: u32) -> Self {
        let most = f64::from(most.max(1));
        Self { limit: most, most, successes: 0.0, refused_at: None, searching: true }
    }

    /// The limit now.
    pub fn limit(&self) -> u32 {
        self.limit as u32
    }

    /// A request was accepted while `in_flight` were under way, itself included. Counts only while at least half of
    /// the limit is in use: else nobody knows whether more would be borne.
    pub fn accepted(&mut self, in_flight: u32) {
        if self.refused_at.is_none() || f64::from(in_flight) * 2.0 < self.limit {
            return;
        }
        self.successes += 1.0;
        if self.successes >= self.limit.floor() {
            self.successes = 0.0;
            self.searching = false;
            self.limit = (self.limit + 1.0).min(self.most);
        }
    }

    /// A request that was sent at `sent` was refused for want of room.
    pub fn refused(&mut self, sent: Instant, now: Instant) {
        if self.refused_at.is_some_and(|at| sent < at) {
            return;
        }
        self.refused_at = Some(now);
        self.successes = 0.0;
        self.searching &= self.limit > SEARCH_MIN;
        self.limit = if self.searching {
            (self.limit * BACK_OFF_SEARCHING).max(SEARCH_MIN)
        } else {
            (self.limit * BACK_OFF).max(1.0)
        };
    }
}

#[cfg(test)]
mod tests {
    use super::Aimd;
    use proptest::prelude::*;
    use std::time::{Duration, Instant};

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn nobody_is_held_back_until_something_is_refused() {
        for (most, expect) in [(0, 1), (1, 1), (3, 3), (20, 20), (256, 256)] {
            let mut aimd = Aimd::new(most);
            assert_eq!(aimd.limit(), expect, "{most}");
            (0..1_000).for_each(|_| aimd.accepted(expect));
            assert_eq!(aimd.limit(), expect, "{most}");
        }
    }

    #[test]
    fn halves_until_a_round_is_borne_then_takes_tenths_and_adds_ones() {
        let (mut aimd, start) = (Aimd::new(256), Instant::now());
        aimd.refused(start, start + MS);
        aimd.refused(start, start + MS * 2);
        assert_eq!(aimd.limit(), 128, "one round is one cut");
        aimd.refused(start + MS * 3, start + MS * 4);
        assert_eq!(aimd.limit(), 64);
        (0..63).for_each(|_| aimd.accepted(64));
        assert_eq!(aimd.limit(), 64);
        aimd.accepted(64);
        assert_eq!(aimd.limit(), 65);
        aimd.refused(start + MS * 5, start + MS * 6);
        assert_eq!(aimd.limit(), 58);
        (0..100_000).for_each(|_| aimd.accepted(256));
        assert_eq!(aimd.limit(), 256);
    }

    #[test]
    fn refusals_of_a_rate_do_not_end_all_concurrency_at_once() {
        let (mut aimd, start) = (Aimd::new(256), Instant::now());
        for at in 1..=4 {
            aimd.refused(start + MS * at, start + MS * at);
        }
        assert_eq!(aimd.limit(), 20);
        aimd.refused(start + MS * 5, start + MS * 5);
        assert_eq!(aimd.limit(), 18);
        for at in 6..200 {
            aimd.refused(start + MS * at, start + MS * at);
        }
        assert_eq!(aimd.limit(), 1);
    }

    #[test]
    fn a_limit_that_is_not_used_does_not_grow() {
        let (mut aimd, start) = (Aimd::new(40), Instant::now());
        aimd.refused(start, start);
        (0..1_000).for_each(|_| aimd.accepted(9));
        assert_eq!(aimd.limit(), 20);
        (0..20).for_each(|_| aimd.accepted(10));
        assert_eq!(aimd.limit(), 21);
    }

    proptest! {
        #[test]
        fn stays_in_its_bounds(most in 0..300u32, steps in prop::collection::vec((any::<bool>(), 0..400u32), 0..400)) {
            let (mut aimd, mut now) = (Aimd::new(most), Instant::now());
            for (accepted, in_flight) in steps {
                let before = aimd.limit();
                now += MS;
                if accepted {
                    aimd.accepted(in_flight);
                    prop_assert!(aimd.limit() == before || aimd.limit() == before + 1);
                } else {
                    aimd.refused(now, now);
                    prop_assert!(aimd.limit() <= before);
                }
                prop_assert!((1..=most.max(1)).contains(&aimd.limit()));
            }
        }
    }
}
