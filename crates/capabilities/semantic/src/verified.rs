//! How often a kept answer to a similar question would have been wrong, and whether that is too often.
//!
//! Of the last [`LAST`] verified hits, because questions change. Below [`VERIFIED_MIN`] of them nothing is decided: one
//! wrong answer among three says little. From then on the share that was observed counts, not the end of its interval:
//! of two mistakes, to ask once more costs less than to answer wrongly. While it does not answer, every hit is verified,
//! as the model is asked anyway, so the way back is short.

use statistics::wilson;
use std::collections::VecDeque;

/// Verified hits that are remembered.
pub const LAST: usize = 200;
/// The fewest verified hits of which something is concluded.
pub const VERIFIED_MIN: usize = 20;

/// The last verified hits.
#[derive(Debug, Default)]
pub struct Verified {
    right: VecDeque<bool>,
    stopped: bool,
}

impl Verified {
    /// Notes whether a kept answer was right; tells whether answering stops (`Some(false)`) or goes on (`Some(true)`)
    /// from now on, where that changes.
    pub fn note(&mut self, right: bool, errors_max: f64) -> Option<bool> {
        self.right.push_back(right);
        if self.right.len() > LAST {
            self.right.pop_front();
        }
        let too_many = self.share().is_some_and(|share| share > errors_max);
        let stops = self.right.len() >= VERIFIED_MIN && too_many;
        let before = std::mem::replace(&mut self.stopped, stops);
        (before != stops).then_some(!stops)
    }

    /// Whether kept answers are given.
    pub fn answers(&self) -> bool {
        !self.stopped
    }

    /// How many are remembered.
    pub fn len(&self) -> usize {
        self.right.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.right.is_empty()
    }

    /// How many of them were wrong.
    pub fn wrong(&self) -> usize {
        self.right.iter().filter(|right| !**right).count()
    }

    /// The share of wrong ones; `None` before the first.
    pub fn share(&self) -> Option<f64> {
        (!self.is_empty()).then(|| self.wrong() as f64 / self.len() as f64)
    }

    /// The 95 % interval of that share, by Wilson.
    pub fn interval(&self) -> [f64; 2] {
        wilson(self.wrong() as f64, self.len() as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::{LAST, VERIFIED_MIN, Verified};

    #[test]
    fn it_stops_when_wrong_too_often_and_comes_back() {
        let mut verified = Verified::default();
        assert_eq!((verified.share(), verified.interval()), (None, [0.0, 1.0]));
        assert_eq!(verified.note(false, 0.02), None);
        for _ in 2..VERIFIED_MIN {
            assert_eq!(verified.note(true, 0.02), None);
        }
        assert!(verified.answers());
        // The twentieth makes it one in twenty.
        assert_eq!(verified.note(true, 0.02), Some(false));
        assert_eq!((verified.answers(), verified.share()), (false, Some(0.05)));
        let interval = verified.interval();
        assert!(interval[0] < 0.05 && interval[1] > 0.2, "{interval:?}");
        // One in fifty is as many as there may be.
        for _ in VERIFIED_MIN + 1..50 {
            assert_eq!(verified.note(true, 0.02), None);
        }
        assert_eq!(verified.note(true, 0.02), Some(true));
        assert!(verified.answers());
    }

    #[test]
    fn what_is_long_ago_counts_no_more() {
        let mut verified = Verified::default();
        for _ in 0..LAST {
            verified.note(false, 0.5);
        }
        assert!(!verified.answers());
        for _ in 0..LAST {
            verified.note(true, 0.5);
        }
        assert_eq!((verified.len(), verified.wrong(), verified.answers()), (LAST, 0, true));
    }
}
