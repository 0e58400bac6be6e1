//! How fast something rises: the slope through points that a few wild ones do not turn. Knows neither axis.

use crate::{Interval, Z_95};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// More points than this are drawn together first: each with each makes half a million slopes.
const POINTS_MAX: usize = 1_000;

/// The slope through points.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Slope {
    /// How much y rises as x rises by one.
    pub per_x: f64,
    /// The 95 % interval of the slope; an end that so few points cannot bound is infinite. A rise is shown where it
    /// leaves out 0.
    pub interval: Interval,
}

/// The Theil–Sen slope of `(x, y)` points: the median of the slopes between each two, which up to 29 % of wild points
/// do not carry away.
///
/// The interval is the one by the ranks of those slopes (Sen, "Estimates of the Regression Coefficient Based on
/// Kendall's Tau", 1968), with Kendall's correction for equal x. It takes the points' errors as independent: where
/// neighbours hang together, hand in fewer points, further apart. Of more than 1,000 points, neighbours by x are drawn
/// together to their medians first. Points that are not finite are left out.
///
/// `None` under three points or where all share one x.
pub fn slope(points: &[(f64, f64)]) -> Option<Slope> {
    let mut points: Vec<_> = points.iter().copied().filter(|(x, y)| x.is_finite() && y.is_finite()).collect();
    points.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    if points.len() > POINTS_MAX {
        points = points.chunks(points.len().div_ceil(POINTS_MAX)).filter_map(together).collect();
    }
    if points.len() < 3 {
        return None;
    }
    let slopes = slopes(&points);
    let per_x = median(&slopes)?;
    let rank = (slopes.len() as f64 - Z_95 * kendall_variance(&points).sqrt()) / 2.0;
    // A negative rank becomes 0: no slope is low enough.
    let rank = rank.floor() as usize;
    let at = |rank: usize| slopes.get(rank.checked_sub(1)?).copied();
    let lo = at(rank).unwrap_or(f64::NEG_INFINITY);
    let hi = at(slopes.len() + 1 - rank).unwrap_or(f64::INFINITY);
    Some(Slope { per_x, interval: Interval { lo, hi } })
}

/// The slopes between each two points with different x, sorted.
fn slopes(points: &[(f64, f64)]) -> Vec<f64> {
    let mut slopes = Vec::with_capacity(points.len() * (points.len() - 1) / 2);
    for (at, (x, y)) in points.iter().enumerate() {
        let later = points.iter().skip(at + 1).filter(|(later, _)| later > x);
        slopes.extend(later.map(|(later, high)| (high - y) / (later - x)));
    }
    slopes.sort_unstable_by(f64::total_cmp);
    slopes
}

/// The variance of Kendall's count of rising less falling pairs when nothing rises, for points sorted by x.
fn kendall_variance(points: &[(f64, f64)]) -> f64 {
    let term = |n: usize| (n * (n - 1) * (2 * n + 5)) as f64;
    let equal: f64 = points.chunk_by(|a, b| a.0 == b.0).map(|equal| term(equal.len())).sum();
    (term(points.len()) - equal) / 18.0
}

/// One point for several: the medians of both.
fn together(points: &[(f64, f64)]) -> Option<(f64, f64)> {
    let middle = |mut values: Vec<f64>| {
        values.sort_unstable_by(f64::total_cmp);
        median(&values)
    };
    Some((middle(points.iter().map(|point| point.0).collect())?, middle(points.iter().map(|point| point.1).collect())?))
}

/// The middle of sorted values, or between the two in the middle.
fn median(sorted: &[f64]) -> Option<f64> {
    let upper = *sorted.get(sorted.len() / 2)?;
    let lower = *sorted.get((sorted.len() - 1) / 2)?;
    Some(lower + (upper - lower) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::slope;
    use fastrand::Rng;
    use proptest::prelude::*;

    /// A line with even noise around it.
    fn line(n: usize, per_x: f64, noise: f64, rng: &mut Rng) -> Vec<(f64, f64)> {
        (0..n).map(|x| (x as f64, 7.0 + per_x * x as f64 + noise * (rng.f64() - 0.5))).collect()
    }

    #[test]
    fn too_little_has_no_slope() {
        let (nan, all) = (f64::NAN, f64::INFINITY);
        for points in [
            &[][..],
            &[(1.0, 1.0)],
            &[(1.0, 1.0), (2.0, 2.0)],
            &[(1.0, 1.0), (2.0, 2.0), (nan, 3.0)],
            &[(1.0, 1.0), (2.0, 2.0), (3.0, all)],
            &[(1.0, 1.0), (1.0, 2.0), (1.0, 3.0)],
        ] {
            assert_eq!(slope(points), None, "{points:?}");
        }
    }

    #[test]
    fn known_values() {
        // Kendall's count varies by 125 for ten points: the ends are ranks 11 and 35 of their 45 slopes.
        let line = |count: u32| -> Vec<_> { (0..count).map(|x| (f64::from(x), f64::from(x * x))).collect() };
        for (count, expect) in [
            (3, (2.0, f64::NEG_INFINITY, f64::INFINITY)),
            // The slopes of a parabola are the sums of the two x: for ten points 45 of them, from 1 to 17.
            (10, (9.0, 6.0, 12.0)),
        ] {
            let found = slope(&line(count)).unwrap();
            assert_eq!((found.per_x, found.interval.lo, found.interval.hi), expect);
        }
        let flat = slope(&[(0.0, 3.0), (1.0, 3.0), (1.0, 3.0), (5.0, 3.0), (6.0, 3.0), (7.0, 3.0)]).unwrap();
        assert_eq!((flat.per_x, flat.interval.lo, flat.interval.hi), (0.0, 0.0, 0.0));
    }

    #[test]
    fn a_quarter_of_wild_points_does_not_turn_it() {
        let mut points = line(100, 2.0, 1.0, &mut Rng::with_seed(1));
        points.iter_mut().step_by(4).for_each(|point| point.1 = 1e6);
        let found = slope(&points).unwrap();
        assert!((found.per_x - 2.0).abs() < 0.1, "{found:?}");
    }

    #[test]
    fn many_points_are_drawn_together() {
        let found = slope(&line(30_000, 0.001, 1.0, &mut Rng::with_seed(1))).unwrap();
        assert!(found.interval.holds(0.001) && found.interval.lo > 0.0009, "{found:?}");
    }

    #[test]
    fn the_interval_holds_the_truth_as_often_as_it_says() {
        for (n, per_x) in [(12, 0.0), (40, 0.3)] {
            let mut rng = Rng::with_seed(3);
            let held =
                (0..400).filter(|_| slope(&line(n, per_x, 2.0, &mut rng)).unwrap().interval.holds(per_x)).count();
            assert!((368..=396).contains(&held), "{held} of 400 for {n}");
        }
    }

    proptest! {
        #[test]
        fn the_interval_holds_the_slope(
            points in prop::collection::vec((0..20_u8, -1e3..1e3_f64), 3..40),
        ) {
            let points: Vec<_> = points.into_iter().map(|(x, y)| (f64::from(x), y)).collect();
            if let Some(found) = slope(&points) {
                prop_assert!(found.interval.holds(found.per_x));
            }
        }

        #[test]
        fn more_points_narrow_it(seed: u64) {
            let width = |n| {
                let found = slope(&line(n, 1.0, 1.0, &mut Rng::with_seed(seed))).unwrap();
                found.interval.hi - found.interval.lo
            };
            prop_assert!(width(100) < width(12));
        }
    }
}
