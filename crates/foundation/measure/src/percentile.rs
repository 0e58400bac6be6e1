//! Exact percentiles of small samples, and an average that forgets. Pure: no clock, no allocation beyond one copy.

/// How much one new observation counts in an [`Ewma`], 0 to 1.
pub const EWMA_WEIGHT: f64 = 0.2;

/// The smallest value that at least `percent` % of the sample do not exceed (nearest rank), in the sample's unit.
///
/// The sample need not be sorted; `percent` is clamped to 0..=100, where 0 gives the smallest value. `None` for an
/// empty sample.
pub fn percentile(sample: &[f64], percent: f64) -> Option<f64> {
    let last = sample.len().checked_sub(1)?;
    // Multiplying before dividing keeps whole ranks whole: 95 % of 20 is 19, not a hair above it.
    let rank = (percent.clamp(0.0, 100.0) * sample.len() as f64 / 100.0).ceil() as usize;
    let mut copy = sample.to_vec();
    let (_, value, _) = copy.select_nth_unstable_by(rank.saturating_sub(1).min(last), f64::total_cmp);
    Some(*value)
}

/// An exponentially weighted moving average: each observation counts [`EWMA_WEIGHT`], all before it the rest.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Ewma {
    value: Option<f64>,
}

impl Ewma {
    /// An average that has seen nothing.
    pub const fn new() -> Self {
        Self { value: None }
    }

    /// Takes one observation in; the first becomes the average. What is not a finite number is ignored.
    pub fn observe(&mut self, observation: f64) {
        if observation.is_finite() {
            self.value = Some(self.value.map_or(observation, |value| value + EWMA_WEIGHT * (observation - value)));
        }
    }

    /// The average in the unit of the observations; `None` before the first.
    pub fn value(&self) -> Option<f64> {
        self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_nearest_rank() {
        let sample = [50.0, 15.0, 20.0, 40.0, 35.0];
        for (percent, expect) in [(0.0, 15.0), (5.0, 15.0), (30.0, 20.0), (40.0, 20.0), (50.0, 35.0), (100.0, 50.0)] {
            assert_eq!(percentile(&sample, percent), Some(expect), "{percent} %");
        }
        let twenty: Vec<f64> = (1..=20).map(f64::from).collect();
        assert_eq!(percentile(&twenty, 95.0), Some(19.0));
    }

    #[test]
    fn survives_odd_samples_and_odd_percents() {
        assert_eq!(percentile(&[], 50.0), None);
        assert_eq!(percentile(&[7.0], 99.0), Some(7.0));
        assert_eq!(percentile(&[1.0, 2.0], 250.0), Some(2.0));
        assert_eq!(percentile(&[1.0, 2.0], -3.0), Some(1.0));
        assert_eq!(percentile(&[f64::NAN, 1.0, 2.0], 50.0), Some(2.0));
        assert_eq!(percentile(&[1.0, 2.0], f64::NAN), Some(1.0));
    }

    #[test]
    fn the_average_starts_at_the_first_and_follows_slowly() {
        let mut average = Ewma::new();
        assert_eq!(average.value(), None);
        average.observe(10.0);
        assert_eq!(average.value(), Some(10.0));
        average.observe(20.0);
        assert_eq!(average.value(), Some(12.0));
        average.observe(f64::NAN);
        average.observe(f64::INFINITY);
        assert_eq!(average.value(), Some(12.0));
    }

    #[test]
    fn the_average_stays_within_what_it_saw() {
        let mut average = Ewma::default();
        for step in 0..1000 {
            average.observe(f64::from(step * 37 % 101));
            let value = average.value().unwrap();
            assert!((0.0..=100.0).contains(&value), "{value}");
        }
    }
}
