//! Lays a curve through the mean throughput of each level. Knows nothing about chance.
//!
//! Written as users over throughput the law is a straight one: N / X = d + bN + cN(N − 1) with d = (1 − σ) / λ,
//! b = σ / λ and c = κ / λ. All of the law's bounds together say that none of the three is negative. So each step is a
//! non-negative least squares with three unknowns, small enough to try which of them are zero.

use super::Usl;

/// A level for the fit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Point {
    pub(super) n: f64,
    /// The mean throughput.
    pub(super) x: f64,
    /// How many repeats it is the mean of.
    pub(super) weight: f64,
}

type Vector = [f64; 3];
type Matrix = [Vector; 3];

/// Steps at most; a handful is usual.
const STEPS_MAX: usize = 60;
/// What a step must gain, as a share, to be followed by another.
const GAIN_MIN: f64 = 1e-10;

/// The curve whose relative residuals (X − X̂) / X̂ are least, in the sense of the gamma deviance
/// Σ (X / X̂ − 1 − ln (X / X̂)): their squares, as long as they are small, and unlike the plain squares not less for a
/// curve that lies too high. Gauss–Newton with halved steps; starts at the curve that weighs N / X by X / N.
///
/// Points are checked by the caller: `n` ≥ 1, `x` and `weight` positive and finite.
pub(super) fn curve(points: &[Point], start: Option<Usl>) -> Usl {
    // With all of the weight on c a single user would be infinitely fast; d never quite vanishes.
    let least = points.iter().map(|point| point.n / point.x).fold(f64::INFINITY, f64::min) * 1e-9;
    let floor = |[d, b, c]: Vector| [d.max(least), b, c];
    let from = |usl: Usl| [(1.0 - usl.sigma) / usl.lambda, usl.sigma / usl.lambda, usl.kappa / usl.lambda];
    let mut at = floor(start.map_or_else(|| step(points, None), from));
    let mut lost = deviance(points, at);
    for _ in 0..STEPS_MAX {
        let full = floor(step(points, Some(at)));
        let Some((next, left)) = descend(points, at, full, lost) else { break };
        let gained = lost - left;
        (at, lost) = (next, left);
        if gained <= GAIN_MIN * lost {
            break;
        }
    }
    let [d, b, c] = at;
    Usl { lambda: 1.0 / (d + b), sigma: b / (d + b), kappa: c / (d + b) }
}

/// The longest of the step, its half, its quarter … that loses less than `lost`, and what it loses.
fn descend(points: &[Point], from: Vector, to: Vector, lost: f64) -> Option<(Vector, f64)> {
    let part = |share: f64| {
        let mut next = from;
        next.iter_mut().zip(to).for_each(|(value, to)| *value += share * (to - *value));
        next
    };
    let halves = (0..20).map(|times| part(0.5_f64.powi(times)));
    halves.map(|next| (next, deviance(points, next))).find(|(_, left)| *left < lost)
}

/// Users over throughput, N / X, at a level.
fn inverse([d, b, c]: Vector, n: f64) -> f64 {
    d + b * n + c * n * (n - 1.0)
}

fn deviance(points: &[Point], at: Vector) -> f64 {
    let lost = |point: &Point| {
        // X / X̂ − 1; by this form of the logarithm what is nearly nothing does not drown in rounding.
        let residual = point.x * inverse(at, point.n) / point.n - 1.0;
        point.weight * (residual - residual.ln_1p())
    };
    points.iter().map(lost).sum()
}

/// Where a whole Gauss–Newton step leads, or where to start.
///
/// With X̂ = N / Ŷ the residual changes by the row (1, N, N(N − 1)) / Ŷ times the change, and the row times where it
/// stands is 1; so the new place is the least squares of the rows against 1 − residual. At the start Ŷ is what was
/// measured, and no residual is left.
fn step(points: &[Point], at: Option<Vector>) -> Vector {
    let (mut squares, mut products) = (Matrix::default(), Vector::default());
    for point in points {
        let measured = point.n / point.x;
        let expected = at.map_or(measured, |at| inverse(at, point.n));
        let row = [1.0, point.n, point.n * (point.n - 1.0)].map(|value| value / expected);
        let goal = 2.0 - expected / measured;
        for (i, left) in row.iter().enumerate() {
            products[i] += point.weight * left * goal;
            for (j, right) in row.iter().enumerate() {
                squares[i][j] += point.weight * left * right;
            }
        }
    }
    non_negative(squares, products)
}

/// The least squares of the normal equations among vectors without a negative: the best of those that come of leaving
/// out some of the unknowns.
fn non_negative(mut squares: Matrix, mut products: Vector) -> Vector {
    // Columns of one size: N² is a thousand times N, and rounding would see the one alone.
    let scale = [0, 1, 2].map(|i: usize| squares[i][i].sqrt());
    for i in 0..3 {
        products[i] /= scale[i];
        for j in 0..3 {
            squares[i][j] /= scale[i] * scale[j];
        }
    }
    let mut best = (0.0, Vector::default());
    // The first has all three: where it is no negative, no other is better.
    for kept in [[true; 3], [true, true, false], [true, false, true], [false, true, true]]
        .into_iter()
        .chain([0, 1, 2].map(|only| [0, 1, 2].map(|i: usize| i == only)))
    {
        let Some(found) = solve(&squares, &products, kept).filter(|found| found.iter().all(|value| *value >= 0.0))
        else {
            continue;
        };
        let gain: f64 = found.iter().zip(&products).map(|(value, product)| value * product).sum();
        if gain > best.0 {
            best = (gain, found);
        }
        if kept == [true; 3] {
            break;
        }
    }
    let [d, b, c] = best.1;
    [d / scale[0], b / scale[1], c / scale[2]]
}

/// Solves for the unknowns that are kept, by Cholesky; the others are 0. `None` where they cannot be told apart.
fn solve(squares: &Matrix, products: &Vector, kept: [bool; 3]) -> Option<Vector> {
    let entry = |i: usize, j: usize| match (kept[i] && kept[j], i == j) {
        (true, _) => squares[i][j],
        (false, true) => 1.0,
        (false, false) => 0.0,
    };
    let mut lower = Matrix::default();
    for i in 0..3 {
        for j in 0..=i {
            let rest = entry(i, j) - (0..j).map(|k| lower[i][k] * lower[j][k]).sum::<f64>();
            lower[i][j] = if i == j { Some(rest).filter(|rest| *rest > 1e-13)?.sqrt() } else { rest / lower[j][j] };
        }
    }
    let mut found = Vector::default();
    for i in 0..3 {
        let product = if kept[i] { products[i] } else { 0.0 };
        found[i] = (product - (0..i).map(|k| lower[i][k] * found[k]).sum::<f64>()) / lower[i][i];
    }
    for i in (0..3).rev() {
        found[i] = (found[i] - (i + 1..3).map(|k| lower[k][i] * found[k]).sum::<f64>()) / lower[i][i];
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::{Point, curve, deviance};
    use crate::usl::Usl;
    use proptest::prelude::*;

    const USERS: [f64; 7] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0];

    fn points(usl: Usl, noise: &[f64]) -> Vec<Point> {
        let point = |(n, noise): (&f64, &f64)| Point { n: *n, x: usl.throughput(*n) * noise, weight: 1.0 };
        USERS.iter().zip(noise).map(point).collect()
    }

    fn lost(points: &[Point], usl: Usl) -> f64 {
        deviance(points, [(1.0 - usl.sigma) / usl.lambda, usl.sigma / usl.lambda, usl.kappa / usl.lambda])
    }

    #[test]
    fn what_lies_outside_the_bounds_is_laid_on_them() {
        // Better than linear: no σ and no κ. Falling from the start: no user helps another.
        let line = |x: fn(f64) -> f64| -> Vec<Point> {
            USERS.iter().map(|n| Point { n: *n, x: x(*n), weight: 1.0 }).collect()
        };
        let up = curve(&line(|n| n.powf(1.2)), None);
        assert_eq!((up.sigma, up.kappa), (0.0, 0.0));
        let down = curve(&line(|n| 100.0 / n.sqrt()), None);
        assert!(down.lambda > 0.0 && (0.0..=1.0).contains(&down.sigma) && down.peak().n < 2.0, "{down:?}");
        let steep = curve(&line(|n| 1.0 / (n * n)), None);
        assert!(steep.lambda.is_finite() && steep.kappa.is_finite(), "{steep:?}");
        let flat = curve(&line(|_| 5.0), None);
        assert!((flat.lambda - 5.0).abs() < 1e-6 && (flat.sigma - 1.0).abs() < 1e-6 && flat.kappa < 1e-9, "{flat:?}");
    }

    #[test]
    fn it_leans_to_neither_side() {
        // Half a level of repeats at 1.5 times the curve, half at 0.5 times: their mean is the curve.
        let usl = Usl { lambda: 40.0, sigma: 0.02, kappa: 0.0004 };
        let both = [points(usl, &[1.5; 7]), points(usl, &[0.5; 7])].concat();
        let found = curve(&both, None);
        assert!((found.lambda / 40.0 - 1.0).abs() < 1e-4, "{found:?}");
    }

    proptest! {
        #[test]
        fn a_curve_is_found_again(lambda in 0.01..1e5_f64, sigma in 0.0..=1.0_f64, kappa in 0.0..0.05_f64) {
            let usl = Usl { lambda, sigma, kappa };
            let found = curve(&points(usl, &[1.0; 7]), None);
            prop_assert!((found.lambda / lambda - 1.0).abs() < 1e-5, "{found:?}");
            prop_assert!((found.sigma - sigma).abs() < 1e-5 && (found.kappa - kappa).abs() < 1e-6, "{found:?}");
        }

        #[test]
        fn no_curve_nearby_is_better(
            sigma in 0.0..=1.0_f64,
            kappa in 0.0..0.01_f64,
            noise in prop::collection::vec(0.4..2.5_f64, 7),
        ) {
            let points = points(Usl { lambda: 40.0, sigma, kappa }, &noise);
            let found = curve(&points, None);
            let Usl { lambda, sigma, kappa } = found;
            for usl in [
                Usl { lambda: lambda * 1.01, ..found },
                Usl { lambda: lambda / 1.01, ..found },
                Usl { sigma: (sigma + 0.01).min(1.0), ..found },
                Usl { sigma: (sigma - 0.01).max(0.0), ..found },
                Usl { kappa: kappa + 1e-4, ..found },
                Usl { kappa: (kappa - 1e-4).max(0.0), ..found },
            ] {
                prop_assert!(lost(&points, found) <= lost(&points, usl) * (1.0 + 1e-6), "{found:?} {usl:?}");
            }
        }
    }
}
