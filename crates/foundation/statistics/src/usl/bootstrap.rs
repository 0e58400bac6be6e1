//! How sure a curve is: lays it again and again through what might as well have been measured.

use super::fit::{Point, curve};
use super::level::check;
use super::{FitError, Level, Usl};
use crate::{Interval, Z_95};
use fastrand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The parameters of the curve, as degrees of freedom that the fit uses up.
const PARAMETERS: usize = 3;
/// No resampled throughput falls below this share of the curve: a throughput is positive.
const SHARE_MIN: f64 = 0.01;

/// A curve laid through levels, with 95 % intervals of all that it says.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Fit {
    /// The curve.
    pub usl: Usl,
    /// The interval of λ, in the unit of the throughput.
    pub lambda: Interval,
    /// The interval of σ.
    pub sigma: Interval,
    /// The interval of κ.
    pub kappa: Interval,
    /// The interval of the users at the peak; its upper end is infinite where the fall was not seen.
    pub peak_n: Interval,
    /// The interval of the highest throughput, in its unit.
    pub peak_x: Interval,
    /// The root mean square of the repeats' distance from the curve, as a share of the curve.
    pub relative_error: f64,
}

/// Lays a curve through levels of load by least squares of relative residuals, within the law's bounds, and says how
/// sure it is by `rounds` resamples (see [`crate::ROUNDS`]).
///
/// The intervals are percentiles of curves through the fit's own throughput, moved by resampled noise. The plain
/// resampling of repeats would promise too much, in three ways that are set right. The scatter of k repeats is too
/// small by √((k − 1) / k), and is divided by it. Levels may scatter around the curve more than their repeats
/// explain, because what disturbed a level disturbed all its repeats, because there was one repeat only, or because
/// the law is not quite the truth: the surplus of variance, of L levels on L − 3 degrees of freedom, is drawn for each
/// level as a whole, from the levels' own residuals. Both kinds of scatter are known from few values, and are widened by
/// Student's t over the normal quantile.
///
/// A peak beyond the highest level is a guess from the bend before it: where the curve never falls, what it comes ever
/// closer to lies above the interval about one time in ten, not one in forty. Measure until throughput falls.
///
/// # Errors
/// Fewer than [`super::LEVELS_MIN`] different levels, a span under [`super::SPAN_MIN`], a level that is not finite or
/// below one user, a level without a repeat, a throughput that is not positive and finite.
pub fn fit(levels: &[Level], rounds: usize, seed: u64) -> Result<Fit, FitError> {
    check(levels)?;
    let points: Vec<Point> = levels.iter().map(mean).collect();
    let usl = curve(&points, None);
    let noise = Noise::of(levels, &points, usl);
    let mut rng = Rng::with_seed(seed);
    let curves: Vec<Usl> = (0..rounds).map(|_| curve(&noise.resample(&points, usl, &mut rng), Some(usl))).collect();
    let interval = |figure: fn(&Usl) -> f64| {
        Interval::percentile(curves.iter().map(figure).collect(), figure(&usl)).unwrap_or(Interval::ALL)
    };
    Ok(Fit {
        usl,
        lambda: interval(|usl| usl.lambda),
        sigma: interval(|usl| usl.sigma),
        kappa: interval(|usl| usl.kappa),
        peak_n: interval(|usl| usl.peak().n),
        peak_x: interval(|usl| usl.peak().x),
        relative_error: relative_error(levels, usl),
    })
}

fn mean(level: &Level) -> Point {
    let weight = level.x.len() as f64;
    Point { n: level.n, x: level.x.iter().sum::<f64>() / weight, weight }
}

fn relative_error(levels: &[Level], usl: Usl) -> f64 {
    let repeats = levels.iter().flat_map(|level| level.x.iter().map(|x| x / usl.throughput(level.n) - 1.0));
    mean_square(&repeats.collect::<Vec<_>>()).sqrt()
}

fn mean_square(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum::<f64>() / values.len() as f64
}

/// What moves the levels, as shares of the curve.
struct Noise {
    /// For each level, how far its repeats lie from their mean; a single repeat tells nothing.
    repeats: Vec<Vec<f64>>,
    /// What the levels' means differ from the curve by, beyond what the repeats explain.
    levels: Vec<f64>,
}

impl Noise {
    fn of(levels: &[Level], points: &[Point], usl: Usl) -> Self {
        let apart = |(level, point): (&Level, &Point)| -> Vec<f64> {
            let unbiased = (point.weight / (point.weight - 1.0).max(1.0)).sqrt() / usl.throughput(point.n);
            level.x.iter().map(|x| (x - point.x) * unbiased).collect()
        };
        let mut repeats: Vec<Vec<f64>> = levels.iter().zip(points).map(apart).collect();
        let explained = repeats.iter().map(|apart| mean_square(apart) / apart.len() as f64).sum::<f64>();
        let residuals: Vec<f64> = points.iter().map(|point| point.x / usl.throughput(point.n) - 1.0).collect();
        let count = residuals.len();
        let found = mean_square(&residuals);
        let free = count.saturating_sub(PARAMETERS);
        let surplus = (found * count as f64 / free as f64 - explained / count as f64).max(0.0);
        let scale = if surplus > 0.0 { (surplus / found).sqrt() * widened(free as f64) } else { 0.0 };
        let wider = widened(freedom(&repeats, free as f64));
        repeats.iter_mut().flatten().for_each(|apart| *apart *= wider);
        Self { repeats, levels: residuals.into_iter().map(|residual| residual * scale).collect() }
    }

    /// What might as well have been measured.
    fn resample(&self, points: &[Point], usl: Usl, rng: &mut Rng) -> Vec<Point> {
        let moved = |(point, repeats): (&Point, &Vec<f64>)| {
            let own: f64 = repeats.iter().filter_map(|_| rng.choice(repeats)).sum();
            let moved = 1.0 + own / point.weight + rng.choice(&self.levels).copied().unwrap_or_default();
            Point { x: usl.throughput(point.n) * moved.max(SHARE_MIN), ..*point }
        };
        points.iter().zip(&self.repeats).map(moved).collect()
    }
}

/// From how many degrees of freedom the scatter of repeats is known, for a figure of the curve.
///
/// By Welch and Satterthwaite, who let the levels that scatter most count most. A figure of a curve of three parameters
/// leans on as few as three of the levels, so no more is taken than their part; and no less than what the levels' own
/// residuals know (`least`), since they show a scatter that the repeats missed.
fn freedom(repeats: &[Vec<f64>], least: f64) -> f64 {
    let all: usize = repeats.iter().map(|apart| apart.len().saturating_sub(1)).sum();
    let leaned_on = all as f64 * PARAMETERS as f64 / repeats.len() as f64;
    let (mut sum, mut squares) = (0.0, 0.0);
    for apart in repeats.iter().filter(|apart| apart.len() > 1) {
        let variance = mean_square(apart) / apart.len() as f64;
        sum += variance;
        squares += variance * variance / (apart.len() as f64 - 1.0);
    }
    // Without any scatter the first is no number, and the smaller of the two is the other.
    (sum * sum / squares).min(leaned_on).max(least)
}

/// How much wider an interval is for a scatter that is known from so many degrees of freedom, 3 or more: Student's t
/// over the normal quantile, by the series of Cornish and Fisher (Abramowitz and Stegun, 26.7.5).
fn widened(free: f64) -> f64 {
    let z2 = Z_95 * Z_95;
    1.0 + (z2 + 1.0) / (4.0 * free)
        + ((5.0 * z2 + 16.0) * z2 + 3.0) / (96.0 * free.powi(2))
        + (((3.0 * z2 + 19.0) * z2 + 17.0) * z2 - 15.0) / (384.0 * free.powi(3))
}

#[cfg(test)]
mod tests {
    use super::{Fit, Interval, Level, Usl, fit, widened};
    use crate::{ROUNDS, Z_95};
    use fastrand::Rng;
    use proptest::prelude::*;

    const TRUTH: Usl = Usl { lambda: 40.0, sigma: 0.02, kappa: 0.0004 };
    const USERS: [f64; 7] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0];

    /// A normal number, by Box and Muller.
    fn normal(rng: &mut Rng) -> f64 {
        (-2.0 * (1.0 - rng.f64()).ln()).sqrt() * (std::f64::consts::TAU * rng.f64()).cos()
    }

    /// Levels of a curve, with noise of each level as a whole and of each repeat.
    fn levels(usl: Usl, repeats: usize, [level, repeat]: [f64; 2], rng: &mut Rng) -> Vec<Level> {
        let measure = |n: &f64| {
            let x = usl.throughput(*n) * (1.0 + level * normal(rng));
            Level { n: *n, x: (0..repeats).map(|_| x * (1.0 + repeat * normal(rng))).collect() }
        };
        USERS.iter().map(measure).collect()
    }

    /// In how many of a hundred seeds the interval of the highest throughput holds the true one.
    fn held(usl: Usl, repeats: usize, noise: [f64; 2], rounds: usize) -> usize {
        let holds = |seed: &u64| {
            let levels = levels(usl, repeats, noise, &mut Rng::with_seed(*seed));
            fit(&levels, rounds, *seed).unwrap().peak_x.holds(usl.peak().x)
        };
        (0..100).filter(holds).count()
    }

    #[test]
    fn the_highest_throughput_lies_in_its_interval() {
        let held = held(TRUTH, 5, [0.0, 0.04], ROUNDS);
        assert!(held >= 90, "{held} of 100");
    }

    #[test]
    fn and_where_levels_scatter_as_a_whole_or_were_measured_once() {
        for (repeats, noise) in [(1, [0.0, 0.04]), (5, [0.04, 0.01])] {
            let held = held(TRUTH, repeats, noise, 200);
            assert!(held >= 90, "{held} of 100 by {repeats}");
        }
    }

    #[test]
    fn the_interval_tells_something() {
        // Five repeats of 4 % noise leave the highest throughput open by a few per cent.
        let found = fit(&levels(TRUTH, 5, [0.0, 0.04], &mut Rng::with_seed(1)), 200, 1).unwrap();
        let peak = TRUTH.peak();
        assert!((found.peak_x.hi - found.peak_x.lo) / peak.x < 0.15, "{found:?}");
        assert!(found.peak_n.holds(peak.n) && found.peak_n.hi < 2.0 * peak.n, "{found:?}");
        assert!((0.02..0.06).contains(&found.relative_error), "{found:?}");
        assert!(found.lambda.holds(40.0) && found.sigma.holds(0.02) && found.kappa.holds(0.0004), "{found:?}");
    }

    #[test]
    fn without_noise_nothing_is_open() {
        let found = fit(&levels(TRUTH, 3, [0.0; 2], &mut Rng::with_seed(1)), 20, 1).unwrap();
        assert!(found.relative_error < 1e-6 && found.peak_x.hi - found.peak_x.lo < 1e-3, "{found:?}");
    }

    #[test]
    fn a_fall_that_was_not_seen_is_not_promised() {
        let linear = Usl { lambda: 40.0, sigma: 0.0, kappa: 0.0 };
        let found = fit(&levels(linear, 5, [0.0, 0.04], &mut Rng::with_seed(1)), 200, 1).unwrap();
        assert_eq!(found.peak_n.hi, f64::INFINITY, "{found:?}");
        let text = serde_json::to_string(&found).unwrap();
        assert_eq!(serde_json::from_str::<Fit>(&text).unwrap().peak_n.hi, f64::INFINITY);
    }

    #[test]
    fn no_rounds_leave_everything_open() {
        let found = fit(&levels(TRUTH, 5, [0.0, 0.04], &mut Rng::with_seed(1)), 0, 1).unwrap();
        assert_eq!(found.peak_x, Interval::ALL);
    }

    #[test]
    fn students_t() {
        for (free, expect, off) in [(3.0, 3.182, 0.03), (4.0, 2.776, 0.01), (10.0, 2.228, 0.001), (28.0, 2.048, 0.001)]
        {
            assert!((widened(free) * Z_95 - expect).abs() < off, "{free}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn intervals_hold_the_fit(
            throughputs in prop::collection::vec(prop::collection::vec(1e-3..1e6_f64, 1..4), 7),
            seed: u64,
        ) {
            let levels: Vec<_> = USERS.iter().zip(throughputs).map(|(n, x)| Level { n: *n, x }).collect();
            let found = fit(&levels, 10, seed).unwrap();
            let peak = found.usl.peak();
            for (interval, value) in [
                (found.lambda, found.usl.lambda),
                (found.sigma, found.usl.sigma),
                (found.kappa, found.usl.kappa),
                (found.peak_n, peak.n),
                (found.peak_x, peak.x),
            ] {
                prop_assert!(interval.holds(value), "{found:?}");
            }
            prop_assert!(found.usl.lambda > 0.0 && (0.0..=1.0).contains(&found.usl.sigma) && found.usl.kappa >= 0.0);
            prop_assert_eq!(found, fit(&levels, 10, seed).unwrap());
        }
    }
}
