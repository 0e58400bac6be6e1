//! The little statistics that rounds need. Knows no benchmark.

/// The middle of a sample, or between the two that are; 0 of none.
pub(super) fn median(sample: &[f64]) -> f64 {
    let mut sorted = sample.to_vec();
    sorted.sort_by(f64::total_cmp);
    let above = sorted.len() / 2;
    let below = sorted.len().saturating_sub(1) / 2;
    match (sorted.get(below), sorted.get(above)) {
        (Some(below), Some(above)) => f64::midpoint(*below, *above),
        _ => 0.0,
    }
}

/// The least of a sample that so large a share of it does not exceed; 0 of none.
pub(super) fn percentile(sample: &[f64], share: f64) -> f64 {
    let mut sorted = sample.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

/// By which share the medians of the two halves of a sample differ.
pub(super) fn drift(sample: &[f64]) -> f64 {
    let (first, second) = sample.split_at(sample.len() / 2);
    match (median(first), median(second)) {
        (first, second) if first > 0.0 && second > 0.0 => first.max(second) / first.min(second) - 1.0,
        _ => 0.0,
    }
}

/// To four digits that count.
pub(super) fn round(value: f64) -> f64 {
    format!("{value:.3e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), 2.5);
        assert_eq!(median(&[]), 0.0);
    }

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let sample: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!((percentile(&sample, 0.95), percentile(&sample, 0.5), percentile(&[], 0.5)), (95.0, 50.0, 0.0));
    }

    #[test]
    fn drift_is_between_halves_in_either_direction() {
        let check = |sample: &[f64], expect: f64| assert!((drift(sample) - expect).abs() < 1e-9, "{sample:?}");
        check(&[1.0, 1.0, 1.5, 1.5], 0.5);
        check(&[1.5, 1.5, 1.0, 1.0], 0.5);
        check(&[1.0, 9.0, 1.0, 1.0, 1.0, 9.0], 0.0);
        check(&[1.0], 0.0);
    }

    #[test]
    fn four_digits_count() {
        assert_eq!((round(0.000_123_456), round(123_456.0), round(0.0)), (0.000_123_5, 123_500.0, 0.0));
    }
}
