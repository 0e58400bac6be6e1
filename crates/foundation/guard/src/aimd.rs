//! A limit on concurrency for upstreams whose own limit is a rate: it grows while they accept everything and shrinks
//! when they refuse. Knows no latency: what a hosted model takes says nothing about how busy it is.

use std::time::Instant;

/// Where a limit starts when nothing is known.
const START: f64 = 20.0;
/// What is left of it after a refusal.
const BACK_OFF: f64 = 0.9;

/// Additive increase, multiplicative decrease.
///
/// Until the first refusal each success in use raises the limit by one, so that it doubles with each round; from then
/// on a full round of successes does. A refusal takes a tenth off, once per round: those whose requests were sent
/// before tell of the old limit.
#[derive(Debug, Clone)]
pub struct Aimd {
    limit: f64,
    most: f64,
    successes: f64,
    refused_at: Option<Instant>,
}

impl Aimd {
    /// Starts at 20, or at `most` where that is less; at least 1.
    pub fn new(most: u32) -> Self {
        let most = f64::from(most.max(1));
        Self { limit: START.min(most), most, successes: 0.0, refused_at: None }
    }

    /// The limit now.
    pub fn limit(&self) -> u32 {
        self.limit as u32
    }

    /// How far the limit may get soon: all the way, as long as nobody was refused.
    pub fn reach(&self) -> u32 {
        if self.refused_at.is_none() { self.most as u32 } else { self.limit() }
    }

    /// A request was accepted while `in_flight` were under way, itself included. Counts only while at least half of
    /// the limit is in use: else nobody knows whether more would be borne.
    pub fn accepted(&mut self, in_flight: u32) {
        if f64::from(in_flight) * 2.0 < self.limit {
            return;
        }
        self.successes += 1.0;
        if self.refused_at.is_none() || self.successes >= self.limit.floor() {
            self.successes = 0.0;
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
        self.limit = (self.limit * BACK_OFF).max(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::Aimd;
    use proptest::prelude::*;
    use std::time::{Duration, Instant};

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn doubles_until_the_first_refusal_then_grows_by_one_a_round() {
        let (mut aimd, start) = (Aimd::new(200), Instant::now());
        assert_eq!((aimd.limit(), aimd.reach()), (20, 200));
        (0..20).for_each(|_| aimd.accepted(20));
        assert_eq!(aimd.limit(), 40);
        aimd.refused(start, start + MS);
        assert_eq!((aimd.limit(), aimd.reach()), (36, 36));
        (0..35).for_each(|_| aimd.accepted(36));
        assert_eq!(aimd.limit(), 36);
        aimd.accepted(36);
        assert_eq!(aimd.limit(), 37);
        (0..100_000).for_each(|_| aimd.accepted(200));
        assert_eq!(aimd.limit(), 200);
    }

    #[test]
    fn a_limit_that_is_not_used_does_not_grow() {
        let mut aimd = Aimd::new(200);
        (0..1_000).for_each(|_| aimd.accepted(9));
        assert_eq!(aimd.limit(), 20);
        aimd.accepted(10);
        assert_eq!(aimd.limit(), 21);
    }

    #[test]
    fn one_round_takes_off_one_tenth() {
        let (mut aimd, start) = (Aimd::new(200), Instant::now());
        for after in 1..20 {
            aimd.refused(start, start + MS * after);
        }
        assert_eq!(aimd.limit(), 18);
        aimd.refused(start + MS * 30, start + MS * 40);
        assert_eq!(aimd.limit(), 16);
        for at in 1..200 {
            aimd.refused(start + MS * 100 * at, start + MS * 100 * at);
        }
        assert_eq!(aimd.limit(), 1);
    }

    #[test]
    fn the_most_is_the_most() {
        for (most, expect) in [(0, 1), (1, 1), (3, 3), (20, 20), (21, 20), (u32::MAX, 20)] {
            assert_eq!(Aimd::new(most).limit(), expect, "{most}");
        }
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
                prop_assert!((1..=most.max(1)).contains(&aimd.limit()) && aimd.reach() >= aimd.limit());
            }
        }
    }
}
