//! Quantiles of a sample, how sure they are, and how many more operations would settle them. Assumes no distribution,
//! and knows neither what was measured nor in which unit.

use crate::{Interval, OPERATIONS_MAX, TAIL, Z_95};

/// Up to so many values the binomial ranks are summed exactly.
const EXACT_MAX: u64 = 1_000;
/// And beyond, while the binomial varies too little for the normal distribution to stand in for it.
const VARIANCE_MIN: f64 = 100.0;

/// The value at a share of a **sorted** sample, by nearest rank: the smallest that at least that share does not
/// exceed. `None` for an empty sample or a share outside of 0 to 1.
pub fn quantile<T: Copy>(sorted: &[T], share: f64) -> Option<T> {
    if !(0.0..=1.0).contains(&share) {
        return None;
    }
    // 0.07 of 100 is a little more than 7 in floating point; the rank is still the seventh.
    let rank = (share * sorted.len() as f64 - 1e-9).ceil().max(1.0) as usize;
    sorted.get(rank.min(sorted.len()).checked_sub(1)?).copied()
}

/// The 95 % interval of a quantile of whatever a **sorted** sample was drawn from, in the unit of the sample.
///
/// Its ends are values of the sample: how many of them lie below the true quantile is binomial, whatever the
/// distribution, so the ranks that leave out at most 2.5 % on each side are known. They are exact up to 1,000 values
/// and for quantiles near an end, else from the normal distribution with continuity correction. An end that a sample
/// of that size cannot bound is infinite, as are both for a sample that is empty or holds what is no number, and for a
/// share outside of 0 to 1.
pub fn quantile_interval(sorted: &[f64], share: f64) -> Interval {
    if !(0.0..=1.0).contains(&share) || sorted.iter().any(|value| value.is_nan()) {
        return Interval::ALL;
    }
    let (lo, hi) = ranks(sorted.len() as u64, share);
    let at = |rank: u64| sorted.get(usize::try_from(rank).ok()?.checked_sub(1)?).copied();
    Interval { lo: at(lo).unwrap_or(f64::NEG_INFINITY), hi: at(hi).unwrap_or(f64::INFINITY) }
}

/// How many operations in all it takes until the interval of a quantile ([`quantile_interval`]) leaves out `limit`, if
/// further ones fall like the **sorted** sample: a guess.
///
/// The quantile lies beyond the limit when fewer values than its share fall short of it, so the question is one about
/// a share, with the same ranks as the interval. `None` where no number would settle it (the quantile is the limit, or
/// exactly its share of the sample lies on one side), where it takes more than [`OPERATIONS_MAX`], and for a sample
/// that tells nothing.
pub fn quantile_operations_to_settle(sorted: &[f64], share: f64, limit: f64) -> Option<u64> {
    let value = quantile(sorted, share).filter(|_| !limit.is_nan() && !sorted.iter().any(|value| value.is_nan()))?;
    let part = |count: usize| count as f64 / sorted.len() as f64;
    // Values that are the limit itself count against whichever side is to be shown.
    if value < limit {
        let under = part(sorted.partition_point(|value| *value < limit));
        settle(under, share)
    } else if value > limit {
        let above = part(sorted.len() - sorted.partition_point(|value| *value <= limit));
        settle(above, 1.0 - share)
    } else {
        None
    }
}

/// How many it takes until so large a part of them on one side is more than that share allows.
///
/// Whole operations make the answer jump back and forth by a few; any number at which it turns is as good a guess.
fn settle(part: f64, share: f64) -> Option<u64> {
    // What rounding leaves of nothing would be asked for in vain a billion times.
    if part - share < 1e-9 {
        return None;
    }
    let settled = |n: u64| (part * n as f64 + 1e-9).floor() as u64 >= ranks(n, share).1;
    let mut enough = 1;
    while !settled(enough) {
        enough = (enough < OPERATIONS_MAX).then(|| (enough * 2).min(OPERATIONS_MAX))?;
    }
    let mut too_few = enough / 2;
    while enough - too_few > 1 {
        let middle = too_few + (enough - too_few) / 2;
        *(if settled(middle) { &mut enough } else { &mut too_few }) = middle;
    }
    Some(enough)
}

/// The ranks of the interval's ends, from 1: 0 and `n` + 1 are ends that the sample cannot bound.
fn ranks(n: u64, share: f64) -> (u64, u64) {
    (rank(n, share), n + 1 - rank(n, 1.0 - share))
}

/// The largest rank that lies above the quantile with a chance of at most [`TAIL`]: the largest r such that fewer
/// than r of `n` fall below it so seldom.
fn rank(n: u64, share: f64) -> u64 {
    let count = n as f64;
    let variance = count * share * (1.0 - share);
    if share <= 0.0 || share >= 1.0 {
        return if share >= 1.0 { n } else { 0 };
    }
    if n > EXACT_MAX && variance >= VARIANCE_MIN {
        // The first term of Cornish and Fisher for how the binomial leans, half a rank at most.
        let leaning = (Z_95 * Z_95 - 1.0) * (1.0 - 2.0 * share) / 6.0;
        return (count * share - Z_95 * variance.sqrt() + leaning + 0.5).floor() as u64;
    }
    // Logarithms: 0.01 to the power of 1,000 is too small to be written otherwise.
    let odds = (share / (1.0 - share)).ln();
    let mut chance_ln = count * (-share).ln_1p();
    let mut below = 0.0;
    for rank in 0..n {
        below += chance_ln.exp();
        if below > TAIL {
            return rank;
        }
        let at = rank as f64;
        chance_ln += odds + ((count - at) / (at + 1.0)).ln();
    }
    n
}

#[cfg(test)]
mod tests {
    use super::{quantile, quantile_interval, quantile_operations_to_settle, ranks};
    use proptest::prelude::*;

    fn numbers(n: u32) -> Vec<f64> {
        (1..=n).map(f64::from).collect()
    }

    #[test]
    fn nearest_ranks() {
        for (n, share, expect) in [
            (0, 0.5, None),
            (1, 0.0, Some(1.0)),
            (1, 1.0, Some(1.0)),
            (5, 0.3, Some(2.0)),
            (5, 0.4, Some(2.0)),
            (5, 0.5, Some(3.0)),
            (20, 0.95, Some(19.0)),
            (100, 0.07, Some(7.0)),
            (100, 0.99, Some(99.0)),
            (100, 1.0, Some(100.0)),
            (100, 1.1, None),
            (100, -0.1, None),
            (100, f64::NAN, None),
        ] {
            assert_eq!(quantile(&numbers(n), share), expect, "{n} {share}");
        }
        assert_eq!(quantile(&["a", "b"], 0.5), Some("a"));
    }

    #[test]
    fn ranks_of_the_binomial_table() {
        // The medians are those of the sign test; of the 99th percentile, 0.99^n falls under 2.5 % at 368 values.
        for (n, share, expect) in [
            (0, 0.5, (0, 1)),
            (5, 0.5, (0, 6)),
            (6, 0.5, (1, 6)),
            (10, 0.5, (2, 9)),
            (20, 0.5, (6, 15)),
            (50, 0.5, (18, 33)),
            (100, 0.5, (40, 61)),
            (367, 0.99, (359, 368)),
            (368, 0.99, (360, 368)),
            (10, 0.0, (0, 1)),
            (10, 1.0, (10, 11)),
        ] {
            assert_eq!(ranks(n, share), expect, "{n} {share}");
        }
    }

    #[test]
    fn the_normal_stands_in_for_the_binomial() {
        // One value more moves the ranks by one at most.
        for share in [0.2, 0.5, 0.8] {
            let (exact, normal) = (ranks(1_000, share), ranks(1_001, share));
            let near = normal.0.abs_diff(exact.0) <= 1 && normal.1.abs_diff(exact.1) <= 1;
            assert!(near, "{share}: {exact:?} {normal:?}");
        }
        // Near an end it would not: so few beyond the rank are still summed.
        assert_eq!(ranks(36_000, 0.9999).1, 36_001);
        assert_eq!(ranks(40_000, 0.9999).1, 40_000);
    }

    #[test]
    fn intervals_of_samples_that_tell_little() {
        let check = |sample: &[f64], share: f64, lo: f64, hi: f64| {
            let found = quantile_interval(sample, share);
            assert_eq!((found.lo, found.hi), (lo, hi), "{sample:?} {share}");
        };
        let (all, none) = (f64::INFINITY, f64::NEG_INFINITY);
        check(&[], 0.5, none, all);
        check(&[3.0], 0.5, none, all);
        check(&[3.0; 10], 0.5, 3.0, 3.0);
        check(&[3.0; 10], 0.99, 3.0, all);
        check(&[3.0, f64::NAN, 4.0], 0.0, none, all);
        check(&[3.0; 10], f64::NAN, none, all);
        check(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, all], 0.5, 2.0, 9.0);
    }

    #[test]
    fn the_interval_holds_the_truth_as_often_as_it_says() {
        for (n, share) in [(30, 0.5), (200, 0.9), (2_000, 0.95)] {
            let mut rng = fastrand::Rng::with_seed(7);
            let held = (0..500).filter(|_| {
                let mut sample: Vec<f64> = (0..n).map(|_| rng.f64()).collect();
                sample.sort_unstable_by(f64::total_cmp);
                quantile_interval(&sample, share).holds(share)
            });
            let held = held.count();
            assert!((465..=495).contains(&held), "{held} of 500 at {share} of {n}");
        }
    }

    #[test]
    fn operations_known_values() {
        let hundred = numbers(100);
        for (sample, share, limit, expect) in [
            // All lie under the limit: 0.95^n falls under 2.5 % at 72, 0.99^n at 368.
            (&hundred[..], 0.95, 101.0, Some(72)),
            (&hundred, 0.99, 101.0, Some(368)),
            (&hundred, 0.5, 101.0, Some(6)),
            (&hundred, 0.5, 0.0, Some(6)),
            // 0.6 against 0.5: z² · 0.25 / 0.1² is 96, and half an operation on each side.
            (&hundred, 0.5, 60.5, Some(105)),
            (&hundred, 0.5, 40.5, Some(105)),
            // The quantile is the limit, or its share lies exactly below.
            (&hundred, 0.5, 50.0, None),
            (&hundred, 0.5, 50.5, None),
            (&[3.0; 10], 0.9, 3.0, None),
            (&[], 0.9, 3.0, None),
            (&[f64::NAN], 0.9, 3.0, None),
            (&hundred, 0.9, f64::NAN, None),
            (&hundred, f64::NAN, 3.0, None),
        ] {
            let found = quantile_operations_to_settle(sample, share, limit);
            let near = match (found, expect) {
                (Some(found), Some(expect)) => found.abs_diff(expect) <= expect / 20,
                (found, expect) => found == expect,
            };
            assert!(near, "{share} against {limit}: {found:?}, not {expect:?}");
        }
    }

    proptest! {
        #[test]
        fn the_interval_holds_the_quantile(
            mut sample in prop::collection::vec(-1e6..1e6_f64, 1..300),
            share in 0.0..=1.0_f64,
        ) {
            sample.sort_unstable_by(f64::total_cmp);
            prop_assert!(quantile_interval(&sample, share).holds(quantile(&sample, share).unwrap()));
        }

        #[test]
        fn more_of_the_same_narrows_it(n in 1..2_000_u32, share in 0.01..0.99_f64) {
            let width = |n: u32| {
                let sample: Vec<f64> = (1..=n).map(|value| f64::from(value) / f64::from(n)).collect();
                let interval = quantile_interval(&sample, share);
                interval.hi - interval.lo
            };
            prop_assert!(width(n * 4) <= width(n));
        }

        #[test]
        fn so_many_of_the_same_settle_it(
            mut sample in prop::collection::vec(0..40_u32, 1..40),
            share in 0.05..0.95_f64,
            limit in 0..40_u32,
        ) {
            sample.sort_unstable();
            let repeat = |times: u64| -> Vec<f64> {
                sample.iter().flat_map(|value| (0..times).map(|_| f64::from(*value))).collect()
            };
            let limit = f64::from(limit);
            let needed = quantile_operations_to_settle(&repeat(1), share, limit);
            if let Some(n) = needed.filter(|n| *n < 20_000) {
                // Half as many again, since it jumps by whole operations.
                let times = (n + n / 2).div_ceil(sample.len() as u64);
                prop_assert!(!quantile_interval(&repeat(times), share).holds(limit));
                let too_few = n / 2 / sample.len() as u64;
                prop_assert!(quantile_interval(&repeat(too_few), share).holds(limit));
            }
        }
    }
}
