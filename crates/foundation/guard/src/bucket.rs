//! So much a minute of something whose amount is reckoned first and known later: tokens, requests that may not be sent
//! after all. Knows no clock: moments are handed in.

use std::time::{Duration, Instant};

/// The most that is owed beyond a full bucket, in minutes' worth. What cost more than that would lock out everybody for
/// what one call did.
const DEBT_MAX: f64 = 2.0;

/// A leaky bucket that holds a whole minute's worth: whoever was idle may take that at once, and from then on each
/// leaves as much room as the rate lets drain, the way the providers' own limits are documented.
///
/// Unlike [`crate::Gcra`], which takes one at a time for good, it takes many and takes back what was not used. What
/// cost more than was reckoned leaves a debt, of two minutes' worth at most.
#[derive(Debug, Clone)]
pub struct Bucket {
    per_minute: f64,
    /// What has been taken and has not drained yet; more than a minute's worth is a debt.
    level: f64,
    at: Option<Instant>,
    told: Option<Told>,
    /// Debits so far.
    debits: u64,
    /// Nothing is left of those before.
    gone_before: u64,
    /// The part of everything in it that has not drained since it was last empty.
    undrained: f64,
}

/// What one call has taken out of a [`Bucket`].
#[must_use = "what was taken and not used is settled"]
#[derive(Debug, Clone, Copy, Default)]
pub struct Debit {
    number: u64,
    amount: f64,
    /// What was undrained then.
    undrained: f64,
}

/// What an upstream has told of its own bucket.
#[derive(Debug, Clone, Copy)]
struct Told {
    /// When it starts anew.
    resets_at: Instant,
    /// What was taken since it told, and the first debit of that.
    since: f64,
    first: u64,
}

impl Bucket {
    /// So much a minute; nothing reads as one.
    pub fn new(per_minute: u32) -> Self {
        let (level, undrained) = (0.0, 1.0);
        Self {
            per_minute: f64::from(per_minute.max(1)),
            level,
            at: None,
            told: None,
            debits: 0,
            gone_before: 0,
            undrained,
        }
    }

    /// How long until `amount` fits; zero when it does. What is more than a whole minute's worth fits when nothing else
    /// is there: it would never pass otherwise.
    pub fn wait(&mut self, now: Instant, amount: f64) -> Duration {
        self.drain(now);
        let over = self.level + amount.min(self.per_minute) - self.per_minute;
        // Whatever rounding leaves is far below one of anything.
        if over < 1e-6 {
            return Duration::ZERO;
        }
        let drained = Duration::from_secs_f64(over / self.per_minute * 60.0);
        // What the upstream starts anew need not drain.
        let fits_then = |told: &Told| told.since + amount.min(self.per_minute) <= self.per_minute;
        let reset = self.told.filter(fits_then).map(|told| told.resets_at.saturating_duration_since(now));
        reset.map_or(drained, |reset| reset.min(drained))
    }

    /// Takes `amount`, whether it fits or not.
    pub fn debit(&mut self, now: Instant, amount: f64) -> Debit {
        self.drain(now);
        let amount = amount.min(self.per_minute * (1.0 + DEBT_MAX) - self.level).max(0.0);
        self.level += amount;
        if let Some(told) = &mut self.told {
            told.since += amount;
        }
        let number = self.debits;
        self.debits += 1;
        Debit { number, amount, undrained: self.undrained }
    }

    /// Takes what a call has used beyond its debit, or back what it has not used: no more than is still there of this
    /// debit, as what has drained since, or was never let in, would be taken from others' debits.
    pub fn settle(&mut self, now: Instant, debit: Debit, used: f64) {
        if used > debit.amount {
            let _ = self.debit(now, used - debit.amount);
            return;
        }
        self.drain(now);
        if debit.number < self.gone_before {
            return;
        }
        let there = debit.amount * (self.undrained / debit.undrained);
        let back = (debit.amount - used).min(there).min(self.level);
        self.level -= back;
        if let Some(told) = self.told.as_mut().filter(|told| debit.number >= told.first) {
            told.since = (told.since - back).max(0.0);
        }
    }

    /// What the upstream says is left of its own bucket, and when that starts anew. Nobody else's use of it is known
    /// otherwise, so that less may be left than we think, and never more.
    pub fn clamp(&mut self, now: Instant, remaining: u64, resets_in: Option<Duration>) {
        self.drain(now);
        self.level = self.level.max(self.per_minute - remaining as f64);
        let told = |resets_at| Told { resets_at, since: 0.0, first: self.debits };
        self.told = resets_in.and_then(|wait| now.checked_add(wait)).map(told);
    }

    /// The share that is left, from 0 to 1.
    pub fn left(&mut self, now: Instant) -> f64 {
        self.drain(now);
        (1.0 - self.level / self.per_minute).clamp(0.0, 1.0)
    }

    fn drain(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(*self.at.get_or_insert(now));
        self.at = self.at.max(Some(now));
        let before = self.level;
        self.level = (before - passed.as_secs_f64() / 60.0 * self.per_minute).max(0.0);
        if self.level > 0.0 {
            self.undrained *= self.level / before;
        }
        if let Some(told) = self.told.filter(|told| now >= told.resets_at) {
            self.level = self.level.min(told.since);
            self.gone_before = self.gone_before.max(told.first);
            self.told = None;
        }
        // Long before nothing can be told from it any more.
        if self.level <= 0.0 || self.undrained < 1e-9 {
            (self.gone_before, self.undrained) = (self.debits, 1.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Bucket;
    use proptest::prelude::*;
    use std::time::{Duration, Instant};

    const SECOND: Duration = Duration::from_secs(1);

    fn take(bucket: &mut Bucket, now: Instant, amount: f64) -> Result<(), Duration> {
        let wait = bucket.wait(now, amount);
        if wait.is_zero() {
            let _ = bucket.debit(now, amount);
        }
        if wait.is_zero() { Ok(()) } else { Err(wait) }
    }

    #[test]
    fn a_minutes_worth_at_once_then_as_much_as_drains() {
        let (mut bucket, now) = (Bucket::new(20), Instant::now());
        assert_eq!((0..30).filter(|_| take(&mut bucket, now, 1.0).is_ok()).count(), 20);
        assert_eq!(take(&mut bucket, now, 1.0), Err(SECOND * 3));
        assert_eq!(take(&mut bucket, now + SECOND * 3, 1.0), Ok(()));
        let later = now + SECOND * 3_600;
        assert_eq!((0..30).filter(|_| take(&mut bucket, later, 1.0).is_ok()).count(), 20, "no more for waiting longer");
    }

    #[test]
    fn debts_and_credits() {
        let (mut bucket, now) = (Bucket::new(60), Instant::now());
        let debit = bucket.debit(now, 90.0);
        assert_eq!(take(&mut bucket, now, 1.0), Err(SECOND * 31));
        bucket.settle(now, debit, 10.0);
        assert_eq!(bucket.left(now), 50.0 / 60.0);
        let debit = bucket.debit(now, 20.0);
        bucket.settle(now, debit, 40.0);
        assert!((bucket.left(now) - 10.0 / 60.0).abs() < 1e-9, "it used more");
        let later = now + SECOND * 600;
        assert_eq!(take(&mut bucket, later, 100.0), Ok(()), "what is more than a minute's worth passes alone");
        assert_eq!(take(&mut bucket, later, 1.0), Err(SECOND * 41));
    }

    #[test]
    fn a_debt_is_two_minutes_worth_at_most() {
        let (mut bucket, now) = (Bucket::new(60), Instant::now());
        let debit = bucket.debit(now, 1e6);
        assert_eq!(take(&mut bucket, now, 1.0), Err(SECOND * 121));
        let other = bucket.debit(now, 1e6);
        bucket.settle(now, other, 0.0);
        assert_eq!(take(&mut bucket, now, 1.0), Err(SECOND * 121), "what was not let in is not given back");
        bucket.settle(now, debit, 30.0);
        assert_eq!(bucket.left(now), 0.5);
    }

    #[test]
    fn what_is_given_back_is_never_what_others_took() {
        let near = |bucket: &mut Bucket, now, expect: f64, why| {
            let left = bucket.left(now);
            assert!((left - expect).abs() < 1e-9, "{left} is not {expect}: {why}");
        };
        let (mut bucket, now) = (Bucket::new(60), Instant::now());
        let long = bucket.debit(now, 50.0);
        let later = now + SECOND * 55;
        assert_eq!(take(&mut bucket, later, 50.0), Ok(()));
        bucket.settle(later, long, 1.0);
        near(&mut bucket, later, 10.0 / 60.0, "it had drained");
        let mut bucket = Bucket::new(60);
        let first = bucket.debit(now, 40.0);
        let later = now + SECOND * 20;
        let second = bucket.debit(later, 20.0);
        bucket.settle(later, second, 0.0);
        bucket.settle(later, first, 0.0);
        near(&mut bucket, later, 1.0, "whoever ends first takes nothing from whoever began first");
        let told = bucket.debit(later, 30.0);
        bucket.clamp(later, 0, Some(SECOND));
        let anew = later + SECOND;
        assert_eq!(take(&mut bucket, anew, 30.0), Ok(()));
        bucket.settle(anew, told, 0.0);
        near(&mut bucket, anew, 0.5, "what was taken before it started anew is gone");
        let drained = bucket.debit(anew, 0.5);
        let later = anew + SECOND * 60;
        bucket.clamp(later, 10, None);
        bucket.settle(later, drained, 0.0);
        near(&mut bucket, later, 10.0 / 60.0, "what the upstream tells stands");
    }

    #[test]
    fn what_starts_anew_has_drained_all_the_same() {
        let (mut bucket, now) = (Bucket::new(60), Instant::now());
        bucket.clamp(now, 1_000, Some(SECOND * 30));
        let first = bucket.debit(now, 40.0);
        let anew = now + SECOND * 30;
        let second = bucket.debit(anew, 20.0);
        bucket.settle(anew, first, 0.0);
        assert!((bucket.left(anew) - 40.0 / 60.0).abs() < 1e-9, "three quarters of the first had drained");
        bucket.settle(anew, second, 20.0);
        // Whoever is told of a far start, is empty before it, and takes something again.
        let (mut bucket, now) = (Bucket::new(60), Instant::now());
        bucket.clamp(now, 1_000, Some(SECOND * 50));
        let old = bucket.debit(now, 40.0);
        let (empty, anew) = (now + SECOND * 45, now + SECOND * 50);
        let _ = bucket.debit(empty, 30.0);
        bucket.settle(anew, old, 0.0);
        assert!((bucket.left(anew) - 35.0 / 60.0).abs() < 1e-9, "nothing is left of the old one");
    }

    #[test]
    fn what_the_upstream_tells_counts_if_it_is_less() {
        let (mut bucket, now) = (Bucket::new(60), Instant::now());
        bucket.clamp(now, 1_000, Some(SECOND));
        assert_eq!(bucket.left(now), 1.0);
        bucket.clamp(now, 2, None);
        assert_eq!((take(&mut bucket, now, 2.0), take(&mut bucket, now, 1.0)), (Ok(()), Err(SECOND)));
        bucket.clamp(now, 0, Some(SECOND * 5));
        assert_eq!(take(&mut bucket, now, 60.0), Err(SECOND * 5), "it starts anew sooner than it drains");
        assert_eq!(take(&mut bucket, now + SECOND, 1.0), Ok(()));
        let anew = now + SECOND * 5;
        assert_eq!(bucket.left(anew), 59.0 / 60.0, "what was taken since counts in the new one");
        bucket.clamp(anew, 0, Some(Duration::MAX));
        assert_eq!(bucket.left(anew), 0.0);
    }

    #[test]
    fn time_that_goes_back_breaks_nothing() {
        let (mut bucket, now) = (Bucket::new(0), Instant::now() + SECOND * 100);
        assert_eq!(take(&mut bucket, now, 1.0), Ok(()));
        assert_eq!(take(&mut bucket, now - SECOND * 50, 1.0), Err(SECOND * 60));
        assert_eq!(take(&mut bucket, now + SECOND * 30, 1.0), Err(SECOND * 30));
    }

    #[derive(Debug, Clone)]
    enum Step {
        Pause(u64),
        Debit(u32),
        Settle(prop::sample::Index, u32),
        Clamp(u64, Option<u64>),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let clamp = (0..70_u64, prop::option::of(0..90_000_u64));
        let step = prop_oneof![
            4 => (0..40_000_u64).prop_map(Step::Pause),
            4 => (0..30_u32).prop_map(Step::Debit),
            2 => (any::<prop::sample::Index>(), 0..30_u32).prop_map(|(which, used)| Step::Settle(which, used)),
            2 => clamp.prop_map(|(remaining, resets_in)| Step::Clamp(remaining, resets_in)),
        ];
        prop::collection::vec(step, 1..60)
    }

    proptest! {
        #[test]
        fn what_open_calls_hold_is_in_it(steps in steps()) {
            let (mut bucket, mut now, mut open) = (Bucket::new(60), Instant::now(), Vec::new());
            for step in steps {
                match step {
                    Step::Pause(ms) => now += Duration::from_millis(ms),
                    Step::Debit(amount) => open.push(bucket.debit(now, f64::from(amount))),
                    Step::Settle(..) if open.is_empty() => {}
                    Step::Settle(which, used) => {
                        let debit = open.swap_remove(which.index(open.len()));
                        bucket.settle(now, debit, f64::from(used));
                    }
                    Step::Clamp(left, resets_in) => bucket.clamp(now, left, resets_in.map(Duration::from_millis)),
                }
                bucket.drain(now);
                let held = open.iter().filter(|debit| debit.number >= bucket.gone_before);
                let held: f64 = held.map(|debit| debit.amount * bucket.undrained / debit.undrained).sum();
                prop_assert!(bucket.level >= held - 1e-6, "{held} of {bucket:?}");
            }
        }

        #[test]
        fn the_wait_suffices_and_the_rate_is_kept(
            rate in 1..500u32, asks in prop::collection::vec((0..20_000u64, 1..800u32), 1..80),
        ) {
            let (mut bucket, mut now) = (Bucket::new(rate), Instant::now());
            let (start, mut taken) = (now, 0.0);
            for (pause_ms, amount) in asks {
                now += Duration::from_millis(pause_ms);
                let amount = f64::from(amount.min(rate));
                if let Err(wait) = take(&mut bucket, now, amount) {
                    now += wait + Duration::from_millis(1);
                    prop_assert_eq!(take(&mut bucket, now, amount), Ok(()));
                }
                taken += amount;
                let minutes = (now - start).as_secs_f64() / 60.0;
                prop_assert!(taken <= f64::from(rate) * (1.0 + minutes) + 1e-3);
            }
        }
    }
}
