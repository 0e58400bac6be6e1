//! How many texts are embedded together. Knows no model and no clock.
//!
//! A graphics card makes the vectors of many texts in nearly the time of one, a processor does not. And whoever asks
//! waits for the batch at hand. So the batch doubles, up to [`BATCH_MAX`], each time that a full one took no longer than
//! [`QUICK`]; it halves when one took longer than [`SLOW`], and when memory ran out, and is then never that large again.

use std::time::Duration;

/// The most texts that are embedded together.
pub(super) const BATCH_MAX: usize = 128;
/// A device that makes a full batch in this time may get twice as many.
const QUICK: Duration = Duration::from_millis(100);
/// Nobody who asks should wait longer than this for a batch of somebody else.
const SLOW: Duration = Duration::from_millis(400);

/// How many texts are embedded together now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pace {
    batch: usize,
    most: usize,
}

impl Pace {
    /// Begins with so many.
    pub(super) fn new(batch: usize) -> Self {
        Self { batch: batch.clamp(1, BATCH_MAX), most: BATCH_MAX }
    }

    pub(super) fn batch(self) -> usize {
        self.batch
    }

    /// Notes how long a batch of `texts` took.
    pub(super) fn took(&mut self, texts: usize, time: Duration) {
        if time > SLOW && texts <= self.batch {
            self.batch = (texts / 2).max(1);
        } else if time <= QUICK && texts == self.batch {
            self.batch = (self.batch * 2).min(self.most);
        }
    }

    /// Notes that there was no memory for a batch of `texts`. Says whether fewer can be tried.
    pub(super) fn ran_out(&mut self, texts: usize) -> bool {
        self.most = (texts / 2).clamp(1, self.most);
        self.batch = self.batch.min(self.most);
        texts > 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_quick_device_gets_more_and_a_slow_one_less() {
        let mut pace = Pace::new(32);
        for (texts, took_ms, then) in [
            (32, 100, 64),
            (5, 1, 64),
            (64, 101, 64),
            (64, 20, 128),
            (128, 20, 128),
            (128, 400, 128),
            (128, 401, 64),
            (64, 900, 32),
            (1, 900, 1),
            (1, 900, 1),
            (1, 90, 2),
        ] {
            pace.took(texts, ms(took_ms));
            assert_eq!(pace.batch(), then, "{texts} in {took_ms} ms");
        }
        assert_eq!((Pace::new(0).batch(), Pace::new(1_000).batch()), (1, 128));
    }

    #[test]
    fn what_there_was_no_memory_for_is_not_tried_again() {
        let mut pace = Pace::new(128);
        assert!(pace.ran_out(128));
        assert_eq!(pace.batch(), 64);
        assert!(pace.ran_out(40), "40 long texts need more than 64 short ones");
        assert_eq!(pace.batch(), 20);
        (0..9).for_each(|_| pace.took(pace.batch(), ms(1)));
        assert_eq!(pace.batch(), 20);
        assert!(!pace.ran_out(1));
        assert_eq!(pace.batch(), 1);
    }
}
