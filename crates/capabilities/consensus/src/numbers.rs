//! What the figures among the answers come to: their middle and how far they lie around it. It decides no vote.

use crate::number::Quantity;
use statistics::{deviation, trimmed_mean, weighted_median};
use std::collections::BTreeMap;

/// From so many figures on, a trimmed mean leaves out something at each end.
const TRIMMED_MIN: usize = 5;

/// The middle of several figures of one unit, by weight.
#[derive(Debug, Clone, PartialEq)]
pub struct Numbers {
    /// The weighted median, in `unit`.
    pub median: f64,
    /// The weighted median of the distances from it, in `unit`: the median absolute deviation.
    pub mad: f64,
    /// The mean without the fifth of the weight at each end, in `unit`, from five figures on.
    pub trimmed_mean: Option<f64>,
    /// The unit, empty when there is none; figures of another one are not counted.
    pub unit: String,
    /// The members whose figures were counted, ascending.
    pub members: Vec<usize>,
}

/// The middle of the figures in the unit that most weight uses; `None` without a figure that weighs anything.
pub(super) fn numbers(figures: &[(usize, f64, &Quantity)]) -> Option<Numbers> {
    let mut by_unit: BTreeMap<&str, f64> = BTreeMap::new();
    figures.iter().for_each(|(_, weight, figure)| *by_unit.entry(&figure.unit).or_default() += weight);
    let (unit, _) = by_unit.into_iter().max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(a.0)))?;
    let counted: Vec<_> = figures.iter().filter(|(_, _, figure)| figure.unit == unit).collect();
    let pairs: Vec<(f64, f64)> = counted.iter().map(|(_, weight, figure)| (figure.value, *weight)).collect();
    let median = weighted_median(&pairs)?;
    Some(Numbers {
        median,
        mad: deviation(&pairs, median)?,
        trimmed_mean: (pairs.len() >= TRIMMED_MIN).then(|| trimmed_mean(&pairs)).flatten(),
        unit: unit.to_owned(),
        members: counted.iter().map(|(member, ..)| *member).collect(),
    })
}
