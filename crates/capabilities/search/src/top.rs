//! The best of many, in an order that nothing but their scores and names decides.

use std::cmp::Ordering;

/// The smallest number that is gathered before the worse half is let go.
const GATHER_MIN: usize = 64;

/// The best so many of what it is told.
pub(crate) struct Top<F> {
    most: usize,
    kept: Vec<(f32, u32)>,
    /// What is worse than this is not among the best.
    floor: f32,
    /// Which of two comes first where their scores are equal.
    tie: F,
}

impl<F: Fn(u32, u32) -> Ordering> Top<F> {
    pub(crate) fn new(most: usize, tie: F) -> Self {
        Self { most, kept: Vec::new(), floor: f32::NEG_INFINITY, tie }
    }

    pub(crate) fn push(&mut self, score: f32, slot: u32) {
        if score < self.floor {
            return;
        }
        self.kept.push((score, slot));
        if self.kept.len() >= (2 * self.most).max(GATHER_MIN) {
            self.prune();
        }
    }

    /// The best, in no order.
    pub(crate) fn finish(mut self) -> Vec<(f32, u32)> {
        self.prune();
        self.kept
    }

    fn prune(&mut self) {
        if self.kept.len() <= self.most {
            return;
        }
        if let Some(last) = self.most.checked_sub(1) {
            let order = |a: &(f32, u32), b: &(f32, u32)| b.0.total_cmp(&a.0).then_with(|| (self.tie)(a.1, b.1));
            let (_, worst, _) = self.kept.select_nth_unstable_by(last, order);
            self.floor = worst.0;
        }
        self.kept.truncate(self.most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_best_are_those_of_a_whole_sort(scores in prop::collection::vec(0_u8..20, 0..500), most in 0_usize..100) {
            let mut top = Top::new(most, |a: u32, b: u32| a.cmp(&b));
            let mut all: Vec<(f32, u32)> = scores.iter().zip(0..).map(|(&score, slot)| (f32::from(score), slot)).collect();
            all.iter().for_each(|&(score, slot)| top.push(score, slot));
            let order = |a: &(f32, u32), b: &(f32, u32)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
            all.sort_by(order);
            all.truncate(most);
            let mut best = top.finish();
            best.sort_by(order);
            prop_assert_eq!(best, all);
        }
    }
}
