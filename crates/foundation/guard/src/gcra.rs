//! So many at once, then one every so often: the generic cell rate algorithm (ITU-T I.371), a leaky bucket in one
//! number. Knows no clock: time is handed in as what has passed since any moment that its owner keeps.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A rate with a burst: from any moment on, at most `most` plus one for each `per` that passes.
///
/// Without a lock: it is asked by many tasks at once, and whoever is refused changes nothing.
#[derive(Debug)]
pub struct Gcra {
    per: u64,
    /// How far the next free moment may lie ahead.
    ahead: u64,
    /// The moment, in nanoseconds, when nothing that was taken is owed any more.
    free_at: AtomicU64,
}

impl Gcra {
    /// Lets `most` pass at once and one more after each `per`. Zero reads as one, of either: a rate that lets nobody
    /// pass would have no wait to tell.
    pub fn new(per: Duration, most: u32) -> Self {
        let per = nanos(per).max(1);
        Self { per, ahead: per.saturating_mul(u64::from(most.max(1))), free_at: AtomicU64::new(0) }
    }

    /// So many a minute, and `most` at once. None a minute reads as one.
    pub fn per_minute(rate: u32, most: u32) -> Self {
        const MINUTE_NANOS: u64 = 60_000_000_000;
        // Rounded up, so that rounding never lets one too many pass.
        Self::new(Duration::from_nanos(MINUTE_NANOS.div_ceil(u64::from(rate.max(1)))), most)
    }

    /// Takes one.
    ///
    /// # Errors
    /// How long to wait until there is one again, as far as nobody else takes it.
    pub fn check(&self, now: Duration) -> Result<(), Duration> {
        let now = nanos(now);
        let take = |free_at: u64| self.next(free_at, now).ok();
        match self.free_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take) {
            Ok(_) => Ok(()),
            Err(free_at) => self.next(free_at, now).map(drop),
        }
    }

    /// Whether [`Gcra::check`] would let one pass; takes nothing.
    ///
    /// # Errors
    /// As for [`Gcra::check`].
    pub fn peek(&self, now: Duration) -> Result<(), Duration> {
        self.next(self.free_at.load(Ordering::Relaxed), nanos(now)).map(drop)
    }

    /// The free moment after one more is taken.
    fn next(&self, free_at: u64, now: u64) -> Result<u64, Duration> {
        let next = free_at.max(now).saturating_add(self.per);
        let ahead = next - now.min(next);
        if ahead <= self.ahead { Ok(next) } else { Err(Duration::from_nanos(ahead - self.ahead)) }
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::Gcra;
    use proptest::prelude::*;
    use std::time::Duration;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_burst_then_one_every_so_often() {
        let gcra = Gcra::new(10 * MS, 3);
        let at = Duration::from_secs(7);
        assert_eq!((0..5).map(|_| gcra.check(at)).filter(Result::is_ok).count(), 3);
        assert_eq!(gcra.check(at), Err(10 * MS));
        assert_eq!(gcra.check(at + 4 * MS), Err(6 * MS));
        assert_eq!(gcra.check(at + 10 * MS), Ok(()));
        assert_eq!(gcra.check(at + 10 * MS), Err(10 * MS));
        assert_eq!((0..9).map(|_| gcra.check(at * 2)).filter(Result::is_ok).count(), 3);
    }

    #[test]
    fn looking_takes_nothing() {
        let gcra = Gcra::new(10 * MS, 1);
        assert_eq!((gcra.peek(MS), gcra.peek(MS), gcra.check(MS)), (Ok(()), Ok(()), Ok(())));
        assert_eq!((gcra.peek(MS), gcra.check(MS)), (Err(10 * MS), Err(10 * MS)));
    }

    #[test]
    fn rates_per_minute_never_round_up() {
        let gcra = Gcra::per_minute(7, 1);
        let taken = (0..600_000).filter(|ms| gcra.check(*ms * MS).is_ok()).count();
        assert!((69..=70).contains(&taken), "{taken}");
        assert!(Gcra::per_minute(0, 0).check(Duration::ZERO).is_ok());
        assert!(Gcra::per_minute(u32::MAX, u32::MAX).check(Duration::ZERO).is_ok());
    }

    #[test]
    fn senseless_values_break_nothing() {
        for (per, most) in [(Duration::ZERO, 0), (Duration::MAX, u32::MAX), (Duration::MAX, 1)] {
            let gcra = Gcra::new(per, most);
            assert_eq!(gcra.check(Duration::ZERO), Ok(()));
            for at in [Duration::MAX, Duration::ZERO, Duration::MAX] {
                let _ = gcra.check(at);
            }
        }
    }

    #[test]
    fn many_threads_take_no_more_than_there_is() {
        let gcra = Gcra::new(Duration::from_secs(60), 1_000);
        let taken: usize = std::thread::scope(|scope| {
            let take = || (0..1_000).filter(|_| gcra.check(MS).is_ok()).count();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(take)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(taken, 1_000);
    }

    proptest! {
        #[test]
        fn never_more_than_the_burst_and_the_rate(
            per_ms in 1..50u32,
            most in 1..20u32,
            pauses in prop::collection::vec(0..40u32, 1..300),
        ) {
            let gcra = Gcra::new(MS * per_ms, most);
            let (mut now, mut taken) = (MS * 1_000, Vec::new());
            for pause in pauses {
                now += MS * pause;
                match gcra.check(now) {
                    Ok(()) => taken.push(now),
                    // The wait suffices, and nothing shorter does.
                    Err(wait) => {
                        prop_assert!(gcra.peek(now + wait).is_ok());
                        prop_assert!(gcra.peek(now + wait - Duration::from_nanos(1)).is_err());
                    }
                }
            }
            for (at, first) in taken.iter().enumerate() {
                let passed = |last: &Duration| (*last - *first).as_millis() / u128::from(per_ms);
                let fits = |(count, last): (u128, &Duration)| count <= u128::from(most) + passed(last);
                prop_assert!((1..).zip(&taken[at..]).all(fits));
            }
        }
    }
}
