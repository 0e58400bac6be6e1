//! An interval of 95 % and how it is written. Knows nothing about what is measured.

use crate::{TAIL, quantile};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A 95 % interval, in the unit of what it is about.
///
/// Written as `[lo, hi]`. JSON has no infinity, so an end that is infinite or no number is written as `null`, and
/// `null` is read as minus infinity in the first place and as infinity in the second: what is not known is never read
/// as narrower than it was.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "[Option<f64>; 2]", into = "[Option<f64>; 2]")]
#[schemars(with = "[Option<f64>; 2]")]
pub struct Interval {
    /// The lower end; minus infinity where there is none.
    pub lo: f64,
    /// The upper end; infinity where there is none.
    pub hi: f64,
}

impl Interval {
    /// Everything: nothing is known.
    pub(crate) const ALL: Self = Self { lo: f64::NEG_INFINITY, hi: f64::INFINITY };

    /// Whether a value lies within, the ends included.
    pub fn holds(self, value: f64) -> bool {
        self.lo <= value && value <= self.hi
    }

    /// The middle 95 % of resampled values, widened to hold the estimate that it goes with: a statistic that leans to
    /// one side, like a maximum, may lie outside of its resamples. Values that are no number are left out.
    ///
    /// `None` where the estimate is no number or no value is left.
    pub(crate) fn percentile(mut resampled: Vec<f64>, estimate: f64) -> Option<Self> {
        resampled.retain(|value| !value.is_nan());
        resampled.sort_unstable_by(f64::total_cmp);
        let (lo, hi) = (quantile(&resampled, TAIL)?, quantile(&resampled, 1.0 - TAIL)?);
        (!estimate.is_nan()).then(|| Self { lo: lo.min(estimate), hi: hi.max(estimate) })
    }
}

impl From<[Option<f64>; 2]> for Interval {
    fn from([lo, hi]: [Option<f64>; 2]) -> Self {
        Self { lo: lo.unwrap_or(f64::NEG_INFINITY), hi: hi.unwrap_or(f64::INFINITY) }
    }
}

impl From<Interval> for [Option<f64>; 2] {
    fn from(interval: Interval) -> Self {
        [interval.lo, interval.hi].map(|end| end.is_finite().then_some(end))
    }
}

#[cfg(test)]
mod tests {
    use super::Interval;

    const ALL: f64 = f64::INFINITY;
    const NAN: f64 = f64::NAN;

    #[test]
    fn written_as_two_numbers_and_read_back() {
        for (lo, hi, text, back) in [
            (1.5, 2.0, "[1.5,2.0]", (1.5, 2.0)),
            (1.5, ALL, "[1.5,null]", (1.5, ALL)),
            (-ALL, 2.0, "[null,2.0]", (-ALL, 2.0)),
            (ALL, ALL, "[null,null]", (-ALL, ALL)),
            (NAN, NAN, "[null,null]", (-ALL, ALL)),
        ] {
            let written = serde_json::to_string(&Interval { lo, hi }).unwrap();
            assert_eq!(written, text);
            let read: Interval = serde_json::from_str(&written).unwrap();
            assert_eq!((read.lo, read.hi), back);
        }
        assert!(serde_json::from_str::<Interval>("[1.0]").is_err());
    }

    #[test]
    fn the_schema_is_that_of_two_numbers_or_null() {
        let schema = serde_json::to_value(schemars::schema_for!(Interval)).unwrap();
        assert_eq!(schema["type"], "array");
        assert_eq!((&schema["minItems"], &schema["maxItems"]), (&2.into(), &2.into()));
        assert_eq!(schema["items"]["type"], serde_json::json!(["number", "null"]));
    }

    #[test]
    fn the_middle_of_resampled_values() {
        let hundred: Vec<f64> = (1..=1_000).rev().map(f64::from).collect();
        for (resampled, estimate, expect) in [
            (hundred.clone(), 500.0, Some((25.0, 975.0))),
            (hundred.clone(), 1_000.0, Some((25.0, 1_000.0))),
            (hundred.clone(), -1.0, Some((-1.0, 975.0))),
            (hundred, NAN, None),
            (vec![NAN, 3.0, ALL], 3.0, Some((3.0, ALL))),
            (vec![NAN], 3.0, None),
            (vec![], 3.0, None),
        ] {
            assert_eq!(Interval::percentile(resampled, estimate).map(|found| (found.lo, found.hi)), expect);
        }
    }
}
