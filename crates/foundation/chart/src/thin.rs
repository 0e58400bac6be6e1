//! Thinning: of very many points, those that a drawing of this width can show. Knows only pixels.

/// A point on its way into a drawing, in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) x: f64,
    pub(crate) y: f64,
    /// The pixels of the lower and of the upper bound, if it has any.
    pub(crate) bounds: Option<(f64, f64)>,
    /// Which unbroken stretch of its series it belongs to.
    pub(crate) run: usize,
}

/// How many columns a series is thinned to. Two points are left of each, so that a series draws at most 800.
pub(crate) const COLUMNS: usize = 400;

/// Keeps the lowest and the highest point of each column, so that no peak disappears. The samples come in order of x;
/// few of them are all kept.
pub(crate) fn thin(samples: &[Sample], columns: usize) -> Vec<Sample> {
    if samples.len() <= 2 * columns {
        return samples.to_vec();
    }
    let mut kept = Vec::with_capacity(2 * columns);
    for column in in_columns(samples, columns) {
        let by_height = |one: &(usize, &Sample), other: &(usize, &Sample)| one.1.y.total_cmp(&other.1.y);
        let top = column.iter().enumerate().min_by(by_height);
        let bottom = column.iter().enumerate().max_by(by_height);
        if let (Some((top, _)), Some((bottom, _))) = (top, bottom) {
            kept.push(column[top.min(bottom)]);
            kept.extend((top != bottom).then(|| column[top.max(bottom)]));
        }
    }
    kept
}

/// The outermost bounds of each column, one sample for each; samples without bounds are left out.
pub(crate) fn envelope(samples: &[Sample], columns: usize) -> Vec<Sample> {
    let bounded: Vec<Sample> = samples.iter().filter(|sample| sample.bounds.is_some()).copied().collect();
    if bounded.len() <= 2 * columns {
        return bounded;
    }
    let outermost = |column: &[Sample]| {
        let bounds = column.iter().filter_map(|sample| sample.bounds);
        let bounds = bounds.reduce(|(low, high), (lower, higher)| (low.max(lower), high.min(higher)));
        column.first().map(|first| Sample { bounds, ..*first })
    };
    in_columns(&bounded, columns).filter_map(outermost).collect()
}

fn in_columns(samples: &[Sample], columns: usize) -> impl Iterator<Item = &[Sample]> {
    let (first, last) = (samples.first().map_or(0.0, |one| one.x), samples.last().map_or(0.0, |one| one.x));
    let per_pixel = columns as f64 / (last - first).max(f64::MIN_POSITIVE);
    // Saturates, so that whatever the pixels are there are no more columns than this.
    let column = move |sample: &Sample| (((sample.x - first) * per_pixel) as usize).min(columns - 1);
    samples.chunk_by(move |one, other| column(one) == column(other))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn samples(heights: &[f64]) -> Vec<Sample> {
        let sample = |(index, y): (usize, &f64)| {
            let x = 600.0 * index as f64 / heights.len() as f64;
            Sample { x, y: *y, bounds: Some((*y + 1.0, *y - 1.0)), run: index / 7 }
        };
        heights.iter().enumerate().map(sample).collect()
    }

    #[test]
    fn few_points_are_all_kept() {
        let few = samples(&[3.0; 20]);
        assert_eq!(thin(&few, 10), few);
        assert_eq!(thin(&[], 10), []);
        let same_x: Vec<Sample> = samples(&[3.0; 50]).iter().map(|sample| Sample { x: 5.0, ..*sample }).collect();
        assert!(thin(&same_x, 10).len() <= 2);
    }

    proptest! {
        #[test]
        fn extremes_survive_and_order_stays(heights in prop::collection::vec(0.0..200.0f64, 1..3_000)) {
            let all = samples(&heights);
            let kept = thin(&all, 50);
            prop_assert!(kept.len() <= 100);
            let ends = |samples: &[Sample]| {
                let heights = || samples.iter().map(|sample| sample.y);
                (heights().fold(f64::MAX, f64::min), heights().fold(f64::MIN, f64::max))
            };
            prop_assert_eq!(ends(&all), ends(&kept));
            prop_assert!(kept.is_sorted_by(|one, other| one.x <= other.x));
            let band = envelope(&all, 50);
            let (top, bottom) = ends(&all);
            prop_assert!(band.len() <= 100);
            prop_assert!(band.iter().any(|sample| sample.bounds.is_some_and(|(_, high)| high == top - 1.0)));
            prop_assert!(band.iter().any(|sample| sample.bounds.is_some_and(|(low, _)| low == bottom + 1.0)));
        }
    }
}
