//! How sure the percentiles of a run are where slow seconds come together. Knows seconds and values, no request.

use statistics::{Interval, ROUNDS, block_bootstrap};

/// The 95 % interval of a percentile of all values together, by resampling whole seconds; each second's values are
/// sorted. None with fewer than two seconds that hold a value.
///
/// Nothing is put together and sorted again for each of a thousand resamples, which took longer than the run itself:
/// seconds are drawn by their numbers, and the value is searched among all of them.
pub(super) fn interval(seconds: &[Vec<f64>], all_sorted: &[f64], share: f64) -> Option<Interval> {
    let numbers: Vec<Vec<f64>> =
        (0..seconds.len()).filter(|second| !seconds[*second].is_empty()).map(|second| vec![second as f64]).collect();
    block_bootstrap(&numbers, ROUNDS, 1, |drawn| {
        let drawn: Vec<&[f64]> =
            drawn.iter().filter_map(|second| seconds.get(*second as usize)).map(Vec::as_slice).collect();
        pooled(&drawn, all_sorted, share).unwrap_or(f64::NAN)
    })
}

/// The quantile, by nearest rank, of several sorted samples together, all of whose values are among `all_sorted`.
fn pooled(samples: &[&[f64]], all_sorted: &[f64], share: f64) -> Option<f64> {
    let count: usize = samples.iter().map(|sample| sample.len()).sum();
    let rank = (share * count as f64 - 1e-9).ceil().max(1.0) as usize;
    let up_to = |most: f64| samples.iter().map(|sample| sample.partition_point(|value| *value <= most)).sum::<usize>();
    all_sorted.get(all_sorted.partition_point(|value| up_to(*value) < rank)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use statistics::quantile;

    fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
        let mut values: Vec<f64> = values.collect();
        values.sort_unstable_by(f64::total_cmp);
        values
    }

    #[test]
    fn it_is_what_sorting_every_resample_gives() {
        let mut rng = fastrand::Rng::with_seed(3);
        // Some seconds without an answer, and values that repeat.
        let seconds: Vec<Vec<f64>> =
            (0..12).map(|second| sorted((0..second % 5 * 9).map(|_| f64::from(rng.u32(0..40) + second)))).collect();
        let all = sorted(seconds.iter().flatten().copied());
        for share in [0.5, 0.95, 0.99, 1.0] {
            let plain = block_bootstrap(&seconds, ROUNDS, 1, |sample: &mut Vec<f64>| {
                sample.sort_unstable_by(f64::total_cmp);
                quantile(sample, share).unwrap_or(f64::NAN)
            });
            assert_eq!(interval(&seconds, &all, share), plain, "{share}");
        }
    }

    #[test]
    fn one_second_tells_nothing() {
        for seconds in [vec![], vec![vec![1.0, 2.0]], vec![vec![1.0], vec![]]] {
            assert_eq!(interval(&seconds, &sorted(seconds.iter().flatten().copied()), 0.5), None, "{seconds:?}");
        }
    }
}
