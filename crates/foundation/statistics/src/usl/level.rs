//! What is measured at one level of load, and whether levels can hold a curve. Knows no curve.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Fewer different levels tell no curve of three parameters from a coincidence.
pub const LEVELS_MIN: usize = 6;
/// The highest level is at least so many times the lowest: a curve that was seen on one stretch alone bends anywhere.
pub const SPAN_MIN: f64 = 16.0;

/// One level of load and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Level {
    /// Users at once, at least one.
    pub n: f64,
    /// The throughput of each repeat.
    pub x: Vec<f64>,
}

/// Why no curve was laid through levels.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum FitError {
    /// Too few different levels.
    #[error("only `{levels}` different levels of load: measure at {LEVELS_MIN} or more, such as 1, 2, 4, 8, 16, 32")]
    Levels {
        /// How many there are.
        levels: usize,
    },
    /// The levels lie too close together.
    #[error("the highest level of load is only `{span}` times the lowest: measure up to {SPAN_MIN} times or more")]
    Span {
        /// The highest over the lowest.
        span: f64,
    },
    /// A level that is no number of users.
    #[error("a level of load of `{n}` users: it must be finite and at least 1")]
    Users {
        /// What was handed in.
        n: f64,
    },
    /// A level at which nothing was measured.
    #[error("the level of `{n}` users has no throughput: measure it or leave it out")]
    Unmeasured {
        /// The level.
        n: f64,
    },
    /// A throughput that a curve of positive numbers cannot hold.
    #[error("a throughput of `{x}` at `{n}` users: it must be positive and finite; leave out repeats that failed")]
    Throughput {
        /// The level.
        n: f64,
        /// What was handed in.
        x: f64,
    },
}

/// Whether levels can hold a curve.
pub(super) fn check(levels: &[Level]) -> Result<(), FitError> {
    for Level { n, x } in levels {
        let n = *n;
        if !(n.is_finite() && n >= 1.0) {
            return Err(FitError::Users { n });
        }
        if x.is_empty() {
            return Err(FitError::Unmeasured { n });
        }
        if let Some(x) = x.iter().copied().find(|x| !(x.is_finite() && *x > 0.0)) {
            return Err(FitError::Throughput { n, x });
        }
    }
    let mut users: Vec<f64> = levels.iter().map(|level| level.n).collect();
    users.sort_unstable_by(f64::total_cmp);
    users.dedup();
    let span = users.last().zip(users.first()).map_or(0.0, |(most, least)| most / least);
    match users.len() {
        levels if levels < LEVELS_MIN => Err(FitError::Levels { levels }),
        _ if span < SPAN_MIN => Err(FitError::Span { span }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{FitError, Level, check};

    #[test]
    fn levels_that_hold_no_curve() {
        let levels = |users: &[f64]| -> Vec<Level> { users.iter().map(|n| Level { n: *n, x: vec![1.0] }).collect() };
        let with = |x: Vec<f64>| [levels(&[1.0, 2.0, 4.0, 8.0, 16.0]), vec![Level { n: 32.0, x }]].concat();
        for (levels, expect) in [
            (vec![], "only `0` different levels"),
            (levels(&[1.0, 2.0, 4.0, 8.0, 16.0]), "only `5` different levels"),
            (levels(&[1.0, 2.0, 4.0, 8.0, 16.0, 16.0]), "only `5` different levels"),
            (levels(&[1.0, 2.0, 3.0, 4.0, 5.0, 15.0]), "only `15` times the lowest"),
            (levels(&[0.5, 2.0, 4.0, 8.0, 16.0, 32.0]), "a level of load of `0.5` users"),
            (levels(&[1.0, 2.0, 4.0, 8.0, 16.0, f64::INFINITY]), "a level of load of `inf` users"),
            (levels(&[f64::NAN]), "a level of load of `NaN` users"),
            (with(vec![]), "the level of `32` users has no throughput"),
            (with(vec![1.0, 0.0]), "a throughput of `0` at `32` users"),
            (with(vec![f64::NAN]), "a throughput of `NaN` at `32` users"),
            (with(vec![f64::INFINITY]), "a throughput of `inf` at `32` users"),
        ] {
            let message = check(&levels).unwrap_err().to_string();
            assert!(message.contains(expect), "{message}");
        }
        assert_eq!(check(&with(vec![1.0])), Ok(()));
        assert_eq!(check(&levels(&[1.0])), Err(FitError::Levels { levels: 1 }));
    }
}
