//! The middle of a handful of figures, one of which may be far off. Knows neither units nor who said what.

/// What a trimmed mean leaves out at each end, as a share of the weight.
const TRIM: f64 = 0.2;

/// Sums of weights are compared up to this share of all weight.
const EPSILON: f64 = 1e-9;

/// The weighted median of `(value, weight)` pairs, in the unit of the values.
///
/// The smallest value at which half of the weight is reached; where exactly half is, the middle between it and the next.
/// Values that are not finite and weights that are not above 0 are left out. `None` where nothing is left.
pub fn weighted_median(pairs: &[(f64, f64)]) -> Option<f64> {
    let sorted = sorted(pairs);
    let total: f64 = sorted.iter().map(|(_, weight)| weight).sum();
    let mut below = 0.0;
    let mut values = sorted.iter().peekable();
    while let Some((value, weight)) = values.next() {
        below += weight;
        let next = values.peek().map_or(*value, |(next, _)| *next);
        if (below - total / 2.0).abs() <= EPSILON * total {
            return Some(value / 2.0 + next / 2.0);
        }
        if below > total / 2.0 {
            return Some(*value);
        }
    }
    None
}

/// The weighted median of how far the values lie from `centre`: the median absolute deviation, without the factor that
/// makes it comparable to a standard deviation. In the unit of the values.
///
/// `None` as for [`weighted_median`].
pub fn deviation(pairs: &[(f64, f64)], centre: f64) -> Option<f64> {
    let apart: Vec<(f64, f64)> = pairs.iter().map(|(value, weight)| ((value - centre).abs(), *weight)).collect();
    weighted_median(&apart)
}

/// The mean without the fifth of the weight that lies lowest and the fifth that lies highest, in the unit of the
/// values. A value at the edge counts with the part of its weight that is within.
///
/// `None` as for [`weighted_median`].
pub fn trimmed_mean(pairs: &[(f64, f64)]) -> Option<f64> {
    let sorted = sorted(pairs);
    let total: f64 = sorted.iter().map(|(_, weight)| weight).sum();
    let (from, to) = (TRIM * total, (1.0 - TRIM) * total);
    let (mut below, mut sum, mut kept) = (0.0, 0.0, 0.0);
    for (value, weight) in &sorted {
        let within = ((below + weight).min(to) - f64::max(below, from)).max(0.0);
        sum += value * within;
        kept += within;
        below += weight;
    }
    (kept > 0.0).then_some(sum / kept)
}

fn sorted(pairs: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let counts = |(value, weight): &&(f64, f64)| value.is_finite() && weight.is_finite() && *weight > 0.0;
    let mut sorted: Vec<(f64, f64)> = pairs.iter().filter(counts).copied().collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    sorted
}

#[cfg(test)]
mod tests {
    use super::{deviation, trimmed_mean, weighted_median};
    use proptest::prelude::*;

    fn even(values: &[f64]) -> Vec<(f64, f64)> {
        values.iter().map(|value| (*value, 1.0)).collect()
    }

    #[test]
    fn known_values() {
        for (values, median, mad, trimmed) in [
            (&[3.0][..], 3.0, 0.0, 3.0),
            (&[1.0, 2.0], 1.5, 0.5, 1.5),
            (&[5.0, 1.0, 3.0], 3.0, 2.0, 3.0),
            (&[1.0, 2.0, 3.0, 4.0, 1e6], 3.0, 1.0, 3.0),
            (&[1.0, 1.0, 2.0, 2.0, 4.0, 6.0, 9.0], 2.0, 1.0, 12.2 / 4.2),
        ] {
            let pairs = even(values);
            assert_eq!(weighted_median(&pairs), Some(median), "{values:?}");
            assert_eq!(deviation(&pairs, median), Some(mad), "{values:?}");
            let found = trimmed_mean(&pairs).unwrap();
            assert!((found - trimmed).abs() < 1e-9, "{values:?}: {found}");
        }
    }

    #[test]
    fn weights_count_and_nothing_else_does() {
        assert_eq!(weighted_median(&[(1.0, 3.0), (2.0, 1.0), (9.0, 1.0)]), Some(1.0));
        assert_eq!(weighted_median(&[(1.0, 1.0), (2.0, 1.0), (9.0, 2.0)]), Some(5.5));
        assert_eq!(weighted_median(&[(f64::NAN, 9.0), (7.0, 1.0), (1.0, 0.0), (2.0, -1.0)]), Some(7.0));
        for pairs in [&[][..], &[(1.0, 0.0)], &[(f64::INFINITY, 1.0)]] {
            assert_eq!((weighted_median(pairs), deviation(pairs, 0.0), trimmed_mean(pairs)), (None, None, None));
        }
    }

    proptest! {
        #[test]
        fn the_middle_lies_within_and_heavy_majorities_hold_it(
            values in prop::collection::vec((-1e3..1e3_f64, 0.1..5.0_f64), 1..9), heavy in -1e3..1e3_f64
        ) {
            let (low, high) = values.iter().fold((f64::MAX, f64::MIN), |(l, h), (v, _)| (l.min(*v), h.max(*v)));
            for found in [weighted_median(&values).unwrap(), trimmed_mean(&values).unwrap()] {
                prop_assert!(low - 1e-9 <= found && found <= high + 1e-9);
            }
            let all: f64 = values.iter().map(|(_, weight)| weight).sum();
            let mut with = values.clone();
            with.push((heavy, all + 0.1));
            prop_assert_eq!(weighted_median(&with), Some(heavy));
        }
    }
}
