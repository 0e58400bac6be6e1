//! Intervals by resampling whole blocks, and how far two runs differ. Knows no run and no statistic: it is handed in.
//!
//! What is measured within one second hangs together: a pause slows many calls at once. Drawing single values would
//! pretend that each is news, and make every interval too narrow. Whole blocks, such as slices of one second, are
//! drawn instead.

use crate::Interval;
use fastrand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// As many resamples as an interval of 95 % needs to stand still in its second digit.
pub const ROUNDS: usize = 1_000;

/// How far two runs differ.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Difference {
    /// The statistic of the first run, in its unit.
    pub a: f64,
    /// The statistic of the second run, in the same unit.
    pub b: f64,
    /// How far the second lies above the first, as a share of the first's size: 0.1 is 10 % more.
    pub effect: f64,
    /// The 95 % interval of the effect. An effect is shown where it leaves out 0.
    pub interval: Interval,
}

/// The 95 % interval of a statistic of blocks, by resampling whole blocks with replacement, `rounds` times
/// (see [`ROUNDS`]).
///
/// The percentile interval, widened to hold the statistic of what was measured. The statistic is handed the values of
/// all blocks drawn, unsorted, and may do with them what it likes. Values that are no number are left out, so are
/// resamples whose statistic is none. With a handful of blocks the interval is too narrow, as that of every bootstrap.
/// It costs as much as `rounds` statistics of the whole sample.
///
/// `None` with fewer than two blocks that hold a value, no rounds, or a statistic that is no number.
pub fn block_bootstrap(
    blocks: &[Vec<f64>],
    rounds: usize,
    seed: u64,
    statistic: impl Fn(&mut Vec<f64>) -> f64,
) -> Option<Interval> {
    let blocks = told(blocks)?;
    let mut rng = Rng::with_seed(seed);
    let resampled = (0..rounds).map(|_| statistic(&mut draw(&blocks, &mut rng))).collect();
    Interval::percentile(resampled, statistic(&mut blocks.concat()))
}

/// How far the statistic of the blocks of run `b` lies above that of run `a`, with its interval: blocks of both runs
/// are resampled as in [`block_bootstrap`].
///
/// `None` where either run has fewer than two blocks that hold a value, a statistic is not finite, or that of `a` is 0.
pub fn difference(
    a: &[Vec<f64>],
    b: &[Vec<f64>],
    rounds: usize,
    seed: u64,
    statistic: impl Fn(&mut Vec<f64>) -> f64,
) -> Option<Difference> {
    let (blocks_a, blocks_b) = (told(a)?, told(b)?);
    let (a, b) = (statistic(&mut blocks_a.concat()), statistic(&mut blocks_b.concat()));
    let effect = Some((b - a) / a.abs()).filter(|effect| effect.is_finite())?;
    let mut rng = Rng::with_seed(seed);
    let mut resample = || {
        let (a, b) = (statistic(&mut draw(&blocks_a, &mut rng)), statistic(&mut draw(&blocks_b, &mut rng)));
        (b - a) / a.abs()
    };
    let interval = Interval::percentile((0..rounds).map(|_| resample()).collect(), effect)?;
    Some(Difference { a, b, effect, interval })
}

/// The blocks without what is no number, if two or more hold a value.
fn told(blocks: &[Vec<f64>]) -> Option<Vec<Vec<f64>>> {
    let numbers = |block: &Vec<f64>| block.iter().copied().filter(|value| !value.is_nan()).collect();
    let told: Vec<Vec<f64>> = blocks.iter().map(numbers).filter(|block: &Vec<f64>| !block.is_empty()).collect();
    (told.len() >= 2).then_some(told)
}

/// The values of as many blocks as there are, each drawn from all of them.
fn draw(blocks: &[Vec<f64>], rng: &mut Rng) -> Vec<f64> {
    let mut drawn = Vec::with_capacity(blocks.iter().map(Vec::len).sum());
    for _ in blocks {
        drawn.extend(rng.choice(blocks).into_iter().flatten());
    }
    drawn
}

#[cfg(test)]
mod tests {
    use super::{block_bootstrap, difference};
    use crate::quantile;
    use fastrand::Rng;
    use proptest::prelude::*;

    #[expect(clippy::ptr_arg, reason = "the shape of a statistic")]
    fn median(sample: &mut Vec<f64>) -> f64 {
        sample.sort_unstable_by(f64::total_cmp);
        quantile(sample, 0.5).unwrap_or(f64::NAN)
    }

    #[expect(clippy::ptr_arg, reason = "the shape of a statistic")]
    fn mean(sample: &mut Vec<f64>) -> f64 {
        sample.iter().sum::<f64>() / sample.len() as f64
    }

    /// Blocks that share a pause of their own, around `level`.
    fn blocks(count: usize, level: f64, rng: &mut Rng) -> Vec<Vec<f64>> {
        let block = |rng: &mut Rng| {
            let pause = rng.f64() - 0.5;
            (0..10).map(|_| level + pause + (rng.f64() - 0.5) * 0.2).collect()
        };
        (0..count).map(|_| block(rng)).collect()
    }

    #[test]
    fn what_tells_nothing_has_no_interval() {
        let nan = f64::NAN;
        for blocks in [vec![], vec![vec![]], vec![vec![1.0, 2.0]], vec![vec![1.0], vec![]], vec![vec![1.0], vec![nan]]]
        {
            assert_eq!(block_bootstrap(&blocks, 10, 1, median), None, "{blocks:?}");
            assert_eq!(difference(&blocks, &[vec![1.0], vec![1.0]], 10, 1, median), None);
        }
        let two = [vec![1.0], vec![2.0]];
        assert_eq!(block_bootstrap(&two, 0, 1, median), None);
        assert_eq!(block_bootstrap(&two, 10, 1, |_| nan), None);
        assert_eq!(difference(&[vec![0.0], vec![0.0]], &two, 10, 1, median), None);
    }

    #[test]
    fn equal_values_leave_no_doubt() {
        let same = vec![vec![2.0; 5], vec![2.0, f64::NAN], vec![]];
        let found = block_bootstrap(&same, 50, 1, median).unwrap();
        assert_eq!((found.lo, found.hi), (2.0, 2.0));
        let found = difference(&same, &[vec![3.0], vec![3.0]], 50, 1, median).unwrap();
        assert_eq!((found.a, found.b, found.effect), (2.0, 3.0, 0.5));
        assert_eq!((found.interval.lo, found.interval.hi), (0.5, 0.5));
    }

    #[test]
    fn a_seed_gives_the_same_interval_again() {
        let blocks = blocks(20, 5.0, &mut Rng::with_seed(1));
        let found = |seed| block_bootstrap(&blocks, 100, seed, mean).unwrap();
        assert_eq!(found(3), found(3));
        assert_ne!(found(3), found(4));
    }

    #[test]
    fn blocks_are_kept_whole() {
        // Each block says the same hundred times: single values would narrow the interval by ten.
        let mut rng = Rng::with_seed(2);
        let once: Vec<Vec<f64>> = (0..40).map(|_| vec![rng.f64()]).collect();
        let often: Vec<Vec<f64>> = once.iter().map(|block| block.repeat(100)).collect();
        let width = |blocks: &[Vec<f64>]| {
            let found = block_bootstrap(blocks, 500, 1, mean).unwrap();
            found.hi - found.lo
        };
        assert!((width(&often) / width(&once) - 1.0).abs() < 1e-6);
    }

    #[test]
    fn the_interval_holds_the_truth_as_often_as_it_says() {
        let mut rng = Rng::with_seed(11);
        let held = (0..200).filter(|seed| {
            let blocks = blocks(30, 5.0, &mut rng);
            block_bootstrap(&blocks, 200, *seed, mean).unwrap().holds(5.0)
        });
        let held = held.count();
        assert!((180..=198).contains(&held), "{held} of 200");
    }

    #[test]
    fn a_difference_is_found_and_none_is_not() {
        let mut rng = Rng::with_seed(5);
        let (a, same, more) = (blocks(60, 5.0, &mut rng), blocks(60, 5.0, &mut rng), blocks(60, 5.5, &mut rng));
        let none = difference(&a, &same, 300, 1, median).unwrap();
        assert!(none.interval.holds(0.0), "{none:?}");
        let found = difference(&a, &more, 300, 1, median).unwrap();
        assert!(found.interval.lo > 0.0 && found.interval.holds(0.1), "{found:?}");
        // A share of the size: what lies below zero rises as well.
        let below = |blocks: &[Vec<f64>]| -> Vec<Vec<f64>> {
            blocks.iter().map(|block| block.iter().map(|value| value - 10.0).collect()).collect()
        };
        assert!(difference(&below(&a), &below(&more), 300, 1, median).unwrap().effect > 0.0);
    }

    proptest! {
        #[test]
        fn the_interval_holds_the_estimate(
            blocks in prop::collection::vec(prop::collection::vec(-1e3..1e3_f64, 1..5), 2..10),
            seed: u64,
        ) {
            let largest = |sample: &mut Vec<f64>| sample.iter().copied().fold(f64::MIN, f64::max);
            for statistic in [median, mean, largest] {
                let found = block_bootstrap(&blocks, 20, seed, statistic).unwrap();
                prop_assert!(found.holds(statistic(&mut blocks.concat())));
            }
            if let Some(found) = difference(&blocks, &blocks, 20, seed, median) {
                prop_assert!(found.effect == 0.0 && found.interval.holds(0.0));
            }
        }
    }
}
