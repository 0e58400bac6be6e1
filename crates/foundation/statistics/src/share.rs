//! Shares of operations: how sure they are, and how many more would settle a question. Knows no operation.

use crate::Z_95;

/// More operations than this nobody waits for: a question that needs more counts as one that cannot be settled.
pub const OPERATIONS_MAX: u64 = 1_000_000_000;

/// The 95 % Wilson score interval of a share: `[lo, hi]` within 0 and 1.
///
/// `successes` of `n` may be weights. Without a sample (`n` not above 0) nothing is known: `[0, 1]`.
pub fn wilson(successes: f64, n: f64) -> [f64; 2] {
    if !(n > 0.0 && n.is_finite() && successes.is_finite()) {
        return [0.0, 1.0];
    }
    let share = (successes / n).clamp(0.0, 1.0);
    let z2 = Z_95 * Z_95;
    let scale = 1.0 + z2 / n;
    let centre = share + z2 / (2.0 * n);
    let margin = Z_95 * (share * (1.0 - share) / n + z2 / (4.0 * n * n)).sqrt();
    [((centre - margin) / scale).clamp(0.0, 1.0), ((centre + margin) / scale).clamp(0.0, 1.0)]
}

/// How many operations in all it takes until the 95 % Wilson interval lies wholly on one side of `target`, if the
/// observed `share` goes on.
///
/// The interval is the inversion of the score test, so it leaves out `target` once the share is z standard deviations
/// away, taken at `target`: n = z² · target · (1 − target) / (share − target)². A target of 0 or 1 has no deviation;
/// there the first operation that goes the other way settles it. `None` where the share is the target, either is no
/// share, or it takes more than [`OPERATIONS_MAX`].
pub fn operations_to_settle(share: f64, target: f64) -> Option<u64> {
    let is_share = |value: f64| (0.0..=1.0).contains(&value);
    if !is_share(share) || !is_share(target) || share == target {
        return None;
    }
    let apart = (share - target).abs();
    let variance = target * (1.0 - target);
    let n = if variance > 0.0 { Z_95 * Z_95 * variance / (apart * apart) } else { 1.0 / apart };
    // Rounding must not cost an operation: 1 / (1 − 0.9) is a little more than 10.
    let n = (n * (1.0 - 1e-12)).ceil().max(1.0);
    (n <= OPERATIONS_MAX as f64).then_some(n as u64)
}

#[cfg(test)]
mod tests {
    use super::{operations_to_settle, wilson};
    use proptest::prelude::*;

    #[test]
    fn wilson_known_values() {
        for (successes, n, [lo, hi]) in [
            (8.0, 10.0, [0.4902, 0.9433]),
            (0.0, 10.0, [0.0, 0.2775]),
            (10.0, 10.0, [0.7225, 1.0]),
            (3.0, 5.0, [0.2307, 0.8824]),
            (1.0, 1.0, [0.2065, 1.0]),
            (0.0, 0.0, [0.0, 1.0]),
            (1.0, -1.0, [0.0, 1.0]),
            (1.0, f64::NAN, [0.0, 1.0]),
            (f64::NAN, 5.0, [0.0, 1.0]),
        ] {
            let found = wilson(successes, n);
            assert!((found[0] - lo).abs() < 5e-5 && (found[1] - hi).abs() < 5e-5, "{successes} of {n}: {found:?}");
        }
    }

    #[test]
    fn operations_known_values() {
        for (share, target, expect) in [
            (1.0, 0.95, Some(73)),
            (0.98, 0.95, Some(203)),
            (0.97, 0.95, Some(457)),
            (0.96, 0.95, Some(1_825)),
            (0.94, 0.95, Some(1_825)),
            (0.95, 0.95, None),
            (0.950_000_1, 0.95, None),
            (0.9, 1.0, Some(10)),
            (0.25, 0.0, Some(4)),
            (1.0, 1e-9, Some(1)),
            (1.0, 1.0, None),
            (f64::NAN, 0.95, None),
            (0.9, f64::NAN, None),
            (1.1, 0.95, None),
            (0.9, -0.1, None),
        ] {
            assert_eq!(operations_to_settle(share, target), expect, "{share} {target}");
        }
    }

    proptest! {
        #[test]
        fn the_interval_holds_the_share(n in 0.01..1e6_f64, part in 0.0..=1.0_f64) {
            let [lo, hi] = wilson(part * n, n);
            prop_assert!(0.0 <= lo && lo <= part + 1e-9 && part <= hi + 1e-9 && hi <= 1.0);
        }

        #[test]
        fn more_of_the_same_narrows_it(n in 1.0..1e4_f64, part in 0.0..=1.0_f64) {
            let width = |n: f64| { let [lo, hi] = wilson(part * n, n); hi - lo };
            prop_assert!(width(n * 2.0) < width(n));
        }

        #[test]
        fn so_many_settle_it_and_one_fewer_does_not(share in 0.0..=1.0_f64, target in 0.01..0.99_f64) {
            let settled = |n: f64| {
                let [lo, hi] = wilson(share * n, n);
                lo > target - 1e-12 || hi < target + 1e-12
            };
            if let Some(n) = operations_to_settle(share, target).filter(|n| *n < 100_000) {
                prop_assert!(settled(n as f64));
                prop_assert!(n == 1 || !settled(n as f64 - 1.01));
            }
        }
    }
}
