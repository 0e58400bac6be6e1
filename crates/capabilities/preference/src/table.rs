//! The table that everything starts from: scores of options by criteria, some of them absent, and the criteria's
//! weights. Knows no method and no names.

use crate::sum::steady;
use crate::{PreferenceError, TIE};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Options in a table, at most.
pub const OPTIONS_MAX: usize = 1_000;

/// Criteria in a table, at most.
pub const CRITERIA_MAX: usize = 1_000;

/// The largest size of a score, and of a weight; one divided by it is the smallest weight. Within it no sum and no
/// square of what is computed here becomes infinite.
pub const MAGNITUDE_MAX: f64 = 1e12;

/// Options in a table, at least: an order of one says nothing.
const OPTIONS_MIN: usize = 2;

/// Which way a criterion is better.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// A larger score is better.
    #[default]
    Benefit,
    /// A smaller score is better, as with a price.
    Cost,
}

/// The scale that all scores are given on. It is fixed: it does not move with the options that happen to be there.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Scale {
    /// The lowest score.
    pub lo: f64,
    /// The highest score.
    pub hi: f64,
}

impl Scale {
    /// From the lowest to the highest score, in points.
    pub fn length(self) -> f64 {
        self.hi - self.lo
    }
}

impl Default for Scale {
    /// 1 to 10.
    fn default() -> Self {
        Self { lo: 1.0, hi: 10.0 }
    }
}

/// Scores of options by criteria, with weights; checked when it is made.
///
/// Options and criteria are known by their index, from 0, in the order they were handed in.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Flat, option by option; NaN where there is no score.
    scores: Vec<f64>,
    /// As `scores`, turned so that more is better.
    worths: Vec<f64>,
    /// As `scores`: the standard deviation of each score; 0 where there is none.
    spreads: Vec<f64>,
    weights: Vec<f64>,
    directions: Vec<Direction>,
    scale: Scale,
}

impl Table {
    /// A table on the scale 1 to 10 where more is always better. `rows` holds a row per option with a cell per
    /// criterion, in points; `None` is a cell without a score.
    ///
    /// # Errors
    ///
    /// As [`Table::on`].
    pub fn new(weights: &[f64], rows: &[Vec<Option<f64>>]) -> Result<Self, PreferenceError> {
        Self::on(Scale::default(), &vec![Direction::Benefit; weights.len()], weights, rows)
    }

    /// A table on a scale of its own, with a direction per criterion.
    ///
    /// # Errors
    ///
    /// [`PreferenceError::Count`] with fewer than 2 options, no criterion, or more than [`OPTIONS_MAX`] or
    /// [`CRITERIA_MAX`]; [`PreferenceError::Length`] where a row or `directions` is not as long as `weights`;
    /// [`PreferenceError::Number`] where a score is not on the scale, a weight is not above 0, the scale is empty, or
    /// anything is larger than [`MAGNITUDE_MAX`].
    pub fn on(
        scale: Scale,
        directions: &[Direction],
        weights: &[f64],
        rows: &[Vec<Option<f64>>],
    ) -> Result<Self, PreferenceError> {
        PreferenceError::check_count("options", rows.len(), OPTIONS_MIN, OPTIONS_MAX)?;
        PreferenceError::check_count("criteria", weights.len(), 1, CRITERIA_MAX)?;
        PreferenceError::check_length(|| "the list of directions".to_owned(), directions.len(), weights.len())?;
        PreferenceError::check(|| "the scale's `lo`".to_owned(), scale.lo, -MAGNITUDE_MAX, MAGNITUDE_MAX)?;
        let above = scale.lo + scale.lo.abs().max(1.0) / MAGNITUDE_MAX;
        PreferenceError::check(|| "the scale's `hi`".to_owned(), scale.hi, above, MAGNITUDE_MAX)?;
        let scores = flat("the row of option", weights.len(), rows, |option, criterion, cell| {
            let Some(score) = cell else { return Ok(f64::NAN) };
            let what = || format!("the score of option `{option}` by criterion `{criterion}`");
            // Adding 0 turns a negative zero into the zero that it equals.
            PreferenceError::check(what, *score, scale.lo, scale.hi).map(|()| score + 0.0)
        })?;
        let turned = |(score, direction): (&f64, &Direction)| match direction {
            Direction::Benefit => *score,
            Direction::Cost => scale.lo + scale.hi - score,
        };
        let worths = scores.iter().zip(directions.iter().cycle()).map(turned).collect();
        let spreads = vec![0.0; scores.len()];
        let table = Self { scores, worths, spreads, weights: Vec::new(), directions: directions.to_vec(), scale };
        table.weighing(weights)
    }

    /// The same scores with other weights, such as those that [`ahp`](crate::ahp()) makes.
    ///
    /// # Errors
    ///
    /// [`PreferenceError::Length`] where it is not one weight per criterion, [`PreferenceError::Number`] where one is
    /// not above 0 or larger than [`MAGNITUDE_MAX`].
    pub fn with_weights(&self, weights: &[f64]) -> Result<Self, PreferenceError> {
        self.clone().weighing(weights)
    }

    /// The same table with the standard deviation of each score, in points: a row per option, a cell per criterion.
    /// What stands where there is no score counts for nothing.
    ///
    /// # Errors
    ///
    /// [`PreferenceError::Length`] where the rows are not as many and as long as the scores', and
    /// [`PreferenceError::Number`] where a deviation is negative, not finite or larger than [`MAGNITUDE_MAX`].
    pub fn with_spread(mut self, rows: &[Vec<f64>]) -> Result<Self, PreferenceError> {
        PreferenceError::check_length(|| "the list of spreads".to_owned(), rows.len(), self.options())?;
        let spreads = flat("the spreads of option", self.criteria(), rows, |option, criterion, spread| {
            let what = || format!("the spread of option `{option}` by criterion `{criterion}`");
            PreferenceError::check(what, *spread, 0.0, MAGNITUDE_MAX).map(|()| spread + 0.0)
        })?;
        let known = |(spread, score): (f64, &f64)| if score.is_nan() { 0.0 } else { spread };
        self.spreads = spreads.into_iter().zip(&self.scores).map(known).collect();
        Ok(self)
    }

    fn weighing(mut self, weights: &[f64]) -> Result<Self, PreferenceError> {
        PreferenceError::check_length(|| "the list of weights".to_owned(), weights.len(), self.directions.len())?;
        for (criterion, weight) in weights.iter().enumerate() {
            let what = || format!("the weight of criterion `{criterion}`");
            PreferenceError::check(what, *weight, 1.0 / MAGNITUDE_MAX, MAGNITUDE_MAX)?;
        }
        self.weights = weights.to_vec();
        Ok(self)
    }

    /// How many options there are.
    pub fn options(&self) -> usize {
        self.scores.len() / self.directions.len()
    }

    /// How many criteria there are.
    pub fn criteria(&self) -> usize {
        self.directions.len()
    }

    /// The weights, one per criterion.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// The directions, one per criterion.
    pub(crate) fn directions(&self) -> &[Direction] {
        &self.directions
    }

    /// The scale of the scores.
    pub fn scale(&self) -> Scale {
        self.scale
    }

    /// The scores of one option, one per criterion; NaN where there is none.
    pub(crate) fn scores(&self, option: usize) -> &[f64] {
        row(&self.scores, option, self.criteria())
    }

    /// As `scores`, on the same scale but turned so that more is better: a cost is mirrored at the scale's middle.
    pub(crate) fn worths(&self, option: usize) -> &[f64] {
        row(&self.worths, option, self.criteria())
    }

    /// The standard deviations of one option's scores, one per criterion; 0 where there is none.
    pub(crate) fn spreads(&self, option: usize) -> &[f64] {
        row(&self.spreads, option, self.criteria())
    }

    /// Whether an option has any score at all.
    pub(crate) fn is_scored(&self, option: usize) -> bool {
        self.scores(option).iter().any(|score| !score.is_nan())
    }

    /// The cells of an option that have a score: how much each is worth, and its weight.
    pub(crate) fn present(&self, option: usize) -> impl Iterator<Item = (f64, f64)> {
        self.worths(option).iter().zip(&self.weights).filter(|(worth, _)| !worth.is_nan()).map(|(a, b)| (*a, *b))
    }

    /// The table with each criterion stretched so that the worst score that there is becomes 0 and the best 1, costs
    /// turned into benefits, spreads stretched along. A criterion by which all are alike, to a
    /// rounding, becomes 1 for all of them.
    ///
    /// On it [`weighted_sum`](crate::weighted_sum) is the weighted sum with min-max normalisation, and
    /// [`chances`](crate::chances()) draw for that one.
    pub fn min_max(&self) -> Self {
        let criteria = self.criteria();
        let mut stretched = self.clone();
        for criterion in 0..criteria {
            let column = || self.worths.iter().skip(criterion).step_by(criteria).filter(|worth| !worth.is_nan());
            let (lo, hi) =
                (column().copied().fold(f64::INFINITY, f64::min), column().copied().fold(f64::MIN, f64::max));
            let alike = hi - lo <= TIE * self.scale.length();
            let cells = stretched.worths.iter_mut().zip(&mut stretched.spreads).skip(criterion).step_by(criteria);
            for (worth, spread) in cells.filter(|(worth, _)| !worth.is_nan()) {
                *worth = if alike { 1.0 } else { (*worth - lo) / (hi - lo) };
                *spread = if alike { 0.0 } else { *spread / (hi - lo) };
            }
        }
        let (scale, directions) = (Scale { lo: 0.0, hi: 1.0 }, vec![Direction::Benefit; criteria]);
        Self { scores: stretched.worths.clone(), scale, directions, ..stretched }
    }

    /// The sum of all weights, the same however the criteria are ordered.
    pub(crate) fn weight_sum(&self) -> f64 {
        steady(&mut self.weights.clone())
    }
}

fn row(cells: &[f64], option: usize, criteria: usize) -> &[f64] {
    cells.get(option * criteria..(option + 1) * criteria).unwrap_or(&[])
}

/// The cells of all rows in one list, each checked.
fn flat<Cell>(
    what: &str,
    criteria: usize,
    rows: &[Vec<Cell>],
    read: impl Fn(usize, usize, &Cell) -> Result<f64, PreferenceError>,
) -> Result<Vec<f64>, PreferenceError> {
    let mut cells = Vec::with_capacity(rows.len() * criteria);
    for (option, row) in rows.iter().enumerate() {
        PreferenceError::check_length(|| format!("{what} `{option}`"), row.len(), criteria)?;
        for (criterion, cell) in row.iter().enumerate() {
            cells.push(read(option, criterion, cell)?);
        }
    }
    Ok(cells)
}
