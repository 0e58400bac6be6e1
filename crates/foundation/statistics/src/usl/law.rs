//! The curve of the law: its throughput, its peak, and how many users reach a throughput. Knows no measurement.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A curve. What [`fit`](super::fit()) gives has λ > 0, 0 ≤ σ ≤ 1 and κ ≥ 0, and the methods assume it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Usl {
    /// The throughput of one user.
    pub lambda: f64,
    /// The share of work that waits in line, from 0 to 1.
    pub sigma: f64,
    /// The cost of agreement between each two users, as a share of one user's work.
    pub kappa: f64,
}

/// The top of a curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Peak {
    /// The users at the top, at least one; infinite where the curve never falls.
    pub n: f64,
    /// The throughput there, or what it comes ever closer to; infinite where it rises for ever.
    pub x: f64,
}

impl Usl {
    /// The throughput of `n` users. Below one there is nobody to wait for or to agree with, so that a part of a user
    /// gives that part of λ; the law itself would give more than λN there, answers faster than any were seen.
    pub fn throughput(&self, n: f64) -> f64 {
        if n < 1.0 {
            return self.lambda * n;
        }
        self.lambda * n / (1.0 + self.sigma * (n - 1.0) + self.kappa * n * (n - 1.0))
    }

    /// The most that the curve gives: at N = √((1 − σ) / κ), or at one user where it falls from the start.
    pub fn peak(&self) -> Peak {
        if self.kappa > 0.0 {
            let n = ((1.0 - self.sigma) / self.kappa).max(0.0).sqrt().max(1.0);
            // So small a κ that its root overflows: as good as none.
            if n.is_finite() {
                return Peak { n, x: self.throughput(n) };
            }
        }
        Peak { n: f64::INFINITY, x: if self.sigma > 0.0 { self.lambda / self.sigma } else { f64::INFINITY } }
    }

    /// How many users it takes to reach a throughput, before the peak; a part of one below λ. `None` above the peak,
    /// where it would take infinitely many, and for what is no throughput.
    pub fn users_for(&self, x: f64) -> Option<f64> {
        if !(0.0..=self.peak().x).contains(&x) {
            return None;
        }
        if x <= self.lambda {
            return Some(x / self.lambda);
        }
        // κx N² − (λ − (σ − κ)x) N + (1 − σ)x = 0, its smaller root, in the form that does not subtract likes. At the
        // peak both roots are one, and rounding must not make their distance imaginary.
        let linear = self.lambda - (self.sigma - self.kappa) * x;
        let constant = (1.0 - self.sigma) * x;
        let apart = (linear * linear - 4.0 * self.kappa * x * constant).max(0.0).sqrt();
        Some(2.0 * constant / (linear + apart)).filter(|n| n.is_finite())
    }
}

#[cfg(test)]
mod tests {
    use super::{Peak, Usl};
    use proptest::prelude::*;

    const ALL: f64 = f64::INFINITY;

    fn usl(lambda: f64, sigma: f64, kappa: f64) -> Usl {
        Usl { lambda, sigma, kappa }
    }

    #[test]
    fn known_curves() {
        let near = |found: f64, expect: f64| found == expect || (found / expect - 1.0).abs() < 1e-9;
        for (usl, n, x, peak) in [
            (usl(40.0, 0.0, 0.0), 10.0, 400.0, Peak { n: ALL, x: ALL }),
            (usl(40.0, 0.1, 0.0), 11.0, 220.0, Peak { n: ALL, x: 400.0 }),
            (usl(40.0, 1.0, 0.0), 11.0, 40.0, Peak { n: ALL, x: 40.0 }),
            (usl(40.0, 0.0, 0.01), 10.0, 400.0 / 1.9, Peak { n: 10.0, x: 400.0 / 1.9 }),
            (usl(40.0, 0.19, 0.01), 1.0, 40.0, Peak { n: 9.0, x: 360.0 / 3.24 }),
            (usl(40.0, 1.0, 0.5), 2.0, 40.0 / 1.5, Peak { n: 1.0, x: 40.0 }),
        ] {
            assert!(near(usl.throughput(n), x), "{usl:?}");
            let found = usl.peak();
            assert!(near(found.n, peak.n) && near(found.x, peak.x), "{usl:?}: {found:?}");
        }
    }

    #[test]
    fn users_for_known_values() {
        for (usl, x, expect) in [
            (usl(40.0, 0.0, 0.0), 400.0, Some(10.0)),
            (usl(40.0, 0.1, 0.0), 220.0, Some(11.0)),
            (usl(40.0, 0.1, 0.0), 400.0, None),
            (usl(40.0, 0.1, 0.0), 401.0, None),
            (usl(40.0, 0.19, 0.01), 40.0, Some(1.0)),
            (usl(40.0, 0.19, 0.01), 0.0, Some(0.0)),
            (usl(40.0, 0.19, 0.01), 112.0, None),
            (usl(40.0, 0.19, 0.01), -1.0, None),
            (usl(40.0, 0.19, 0.01), f64::NAN, None),
            (usl(40.0, 0.0, 0.0), ALL, None),
        ] {
            let found = usl.users_for(x);
            let near = found.zip(expect).map_or(found == expect, |(found, expect)| (found - expect).abs() < 1e-9);
            assert!(near, "{usl:?} at {x}: {found:?}");
        }
    }

    #[test]
    fn a_part_of_a_user_waits_for_nobody() {
        for usl in [usl(20_000.0, 0.4, 0.01), usl(20_000.0, 0.0, 0.0), usl(20_000.0, 1.0, 0.5)] {
            for (n, x) in [(0.0, 0.0), (0.0025, 50.0), (0.5, 10_000.0), (1.0, 20_000.0)] {
                assert_eq!((usl.throughput(n), usl.users_for(x)), (x, Some(n)), "{usl:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn nobody_is_answered_faster_than_one_user_alone(
            lambda in 0.1..1e5_f64, sigma in 0.0..=1.0_f64, kappa in 0.0..0.1_f64, part in 0.001..1.0_f64,
        ) {
            let usl = usl(lambda, sigma, kappa);
            let x = part * usl.peak().x.min(1e3 * lambda);
            let Some(n) = usl.users_for(x) else { return Ok(()) };
            prop_assert!(n / x >= (1.0 - 1e-9) / lambda, "{:?} at {}: {}", usl, x, n);
        }

        #[test]
        fn nothing_lies_above_the_peak(
            lambda in 0.1..1e4_f64, sigma in 0.0..=1.0_f64, kappa in 0.0..0.1_f64, n in 1.0..1e4_f64,
        ) {
            let usl = usl(lambda, sigma, kappa);
            let peak = usl.peak();
            prop_assert!(usl.throughput(n) <= peak.x * (1.0 + 1e-9));
            prop_assert_eq!(usl.users_for(peak.x * 1.001), None);
        }

        #[test]
        fn so_many_users_give_that_throughput(
            lambda in 0.1..1e4_f64, sigma in 0.0..0.99_f64, kappa in 1e-6..0.1_f64, part in 0.0..1.0_f64,
        ) {
            let usl = usl(lambda, sigma, kappa);
            let peak = usl.peak();
            let x = lambda + part * (peak.x - lambda);
            let n = usl.users_for(x).unwrap();
            prop_assert!((usl.throughput(n) / x - 1.0).abs() < 1e-6 && n <= peak.n * (1.0 + 1e-6));
        }
    }
}
