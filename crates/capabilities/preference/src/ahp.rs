//! AHP: weights made of comparisons in pairs, and how far the comparisons contradict each other. Knows no options.

use crate::sum::sum;
use crate::table::CRITERIA_MAX;
use crate::{Method, Order, PreferenceError, Table};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Above this consistency ratio comparisons are to be looked at again (Saaty 1977).
pub const CR_WARNED: f64 = 0.10;

/// Above this consistency ratio no weights are made of them.
pub const CR_REFUSED: f64 = 0.20;

/// The strongest comparison that is taken; Saaty's scale ends at 9.
pub const JUDGEMENT_MAX: f64 = 100.0;

/// How far the product of a comparison and its opposite may lie from 1: 0.33 stands for a third, 0.14 for a seventh.
pub const RECIPROCITY_TOLERANCE: f64 = 0.05;

/// Mean consistency indices of random comparisons of 1, 2, 3 … things (Saaty 1980).
const RANDOM_INDEX: [f64; 15] =
    [0.0, 0.0, 0.58, 0.90, 1.12, 1.24, 1.32, 1.41, 1.45, 1.49, 1.51, 1.48, 1.56, 1.57, 1.59];

/// Rounds of the power iteration, at most; comparisons that are half sensible take a dozen.
const ROUNDS_MAX: usize = 10_000;

/// The iteration ends when no weight moves by more than this.
const SETTLED: f64 = 1e-15;

/// What the consistency ratio says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Consistency {
    /// Up to [`CR_WARNED`].
    Fine,
    /// Above [`CR_WARNED`]: the weights hold, but should be looked at.
    Warned,
    /// Above [`CR_REFUSED`]: the weights are shown, but no order is made with them.
    Refused,
}

/// The comparison that fits the others least.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AtOdds {
    /// Which criterion was compared.
    pub criterion: usize,
    /// With which other.
    pub with: usize,
    /// How many times as important it was said to be.
    pub said: f64,
    /// How many times as important all comparisons together make it.
    pub implied: f64,
}

/// Weights made of comparisons.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ahp {
    /// A weight per criterion; their sum is 1.
    pub weights: Vec<f64>,
    /// The largest eigenvalue; as large as the number of criteria where nothing is contradicted, else larger.
    pub lambda_max: f64,
    /// The consistency ratio; 0 with fewer than three criteria.
    pub ratio: f64,
    /// What the ratio says.
    pub consistency: Consistency,
    /// The comparison that fits the others least; `None` where all fit.
    pub at_odds: Option<AtOdds>,
}

impl Ahp {
    /// The weighted sum of a table with these weights in place of its own.
    ///
    /// # Errors
    ///
    /// [`PreferenceError::Inconsistent`] where the comparisons contradict each other too much,
    /// [`PreferenceError::Length`] where they were about another number of criteria.
    pub fn order(&self, table: &Table) -> Result<Order, PreferenceError> {
        if self.consistency == Consistency::Refused {
            return Err(PreferenceError::Inconsistent { ratio: self.ratio });
        }
        Ok(sum(Method::Ahp, &table.with_weights(&self.weights)?))
    }
}

/// Weights by the principal eigenvector (Saaty 1977). `comparisons[i][j]` says how many times as important criterion
/// `i` is as criterion `j`; CR = (λmax − n) / ((n − 1) · RI), with Saaty's RI up to 15 criteria and above the line
/// λmax = 2.7699 n − 4.3513 of random comparisons (Alonso & Lamata 2006).
///
/// A comparison and its opposite that are rounded are reconciled by their geometric mean.
///
/// # Errors
///
/// [`PreferenceError::Count`] without criteria or with more than [`CRITERIA_MAX`], [`PreferenceError::Length`] where
/// the matrix is not square, [`PreferenceError::Number`] where a comparison is not within 1 / [`JUDGEMENT_MAX`] to
/// [`JUDGEMENT_MAX`], or not 1 on the diagonal, and [`PreferenceError::NotReciprocal`] where `[j][i]` is not
/// 1 / `[i][j]` within [`RECIPROCITY_TOLERANCE`].
pub fn ahp(comparisons: &[Vec<f64>]) -> Result<Ahp, PreferenceError> {
    let matrix = checked(comparisons)?;
    let n = comparisons.len();
    let (weights, lambda_max) = principal(&matrix, n);
    let ratio = ratio(lambda_max, n);
    let consistency = match ratio {
        ratio if ratio > CR_REFUSED => Consistency::Refused,
        ratio if ratio > CR_WARNED => Consistency::Warned,
        _ => Consistency::Fine,
    };
    let at_odds = at_odds(&matrix, &weights);
    Ok(Ahp { weights, lambda_max, ratio, consistency, at_odds })
}

/// The comparisons in one list, row by row, each the exact reciprocal of its opposite.
fn checked(comparisons: &[Vec<f64>]) -> Result<Vec<f64>, PreferenceError> {
    let n = comparisons.len();
    PreferenceError::check_count("criteria", n, 1, CRITERIA_MAX)?;
    for (i, row) in comparisons.iter().enumerate() {
        PreferenceError::check_length(|| format!("the comparisons of criterion `{i}`"), row.len(), n)?;
        for (j, given) in row.iter().enumerate() {
            let (min, max) = if i == j { (1.0, 1.0) } else { (1.0 / JUDGEMENT_MAX, JUDGEMENT_MAX) };
            PreferenceError::check(|| format!("the comparison `[{i}][{j}]`"), *given, min, max)?;
        }
    }
    let mut matrix = Vec::with_capacity(n * n);
    for (row, given) in comparisons.iter().enumerate() {
        for (column, (given, back)) in given.iter().zip(comparisons.iter().filter_map(|of| of.get(row))).enumerate() {
            if (given * back - 1.0).abs() > RECIPROCITY_TOLERANCE {
                return Err(PreferenceError::NotReciprocal { row, column, given: *given, back: *back });
            }
            matrix.push((given / back).sqrt());
        }
    }
    Ok(matrix)
}

/// The principal eigenvector, with the sum 1, and its eigenvalue, by power iteration: all entries are positive, so it
/// converges from anywhere (Perron).
fn principal(matrix: &[f64], n: usize) -> (Vec<f64>, f64) {
    let mut weights = vec![1.0 / n as f64; n];
    let mut lambda = n as f64;
    for _ in 0..ROUNDS_MAX {
        let product = |row: &[f64]| row.iter().zip(&weights).map(|(a, b)| a * b).sum::<f64>();
        let mut next: Vec<f64> = matrix.chunks_exact(n).map(product).collect();
        lambda = next.iter().sum();
        next.iter_mut().for_each(|weight| *weight /= lambda);
        let moved = next.iter().zip(&weights).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        weights = next;
        if moved <= SETTLED {
            break;
        }
    }
    (weights, lambda)
}

fn ratio(lambda_max: f64, n: usize) -> f64 {
    if n < 3 {
        return 0.0;
    }
    let n_minus_1 = n as f64 - 1.0;
    let fitted = (1.7699 * n as f64 - 4.3513) / n_minus_1;
    let random = RANDOM_INDEX.get(n - 1).copied().unwrap_or(fitted);
    // What is consistent may come out below by a rounding.
    ((lambda_max - n as f64) / n_minus_1 / random).max(0.0)
}

fn at_odds(matrix: &[f64], weights: &[f64]) -> Option<AtOdds> {
    let mut worst: Option<(f64, AtOdds)> = None;
    for (criterion, (row, own)) in matrix.chunks_exact(weights.len()).zip(weights).enumerate() {
        for (with, (said, other)) in row.iter().zip(weights).enumerate().skip(criterion + 1) {
            let implied = own / other;
            let off = f64::max(said / implied, implied / said);
            if off > 1.0 + 1e-9 && worst.is_none_or(|(most, _)| off > most) {
                worst = Some((off, AtOdds { criterion, with, said: *said, implied }));
            }
        }
    }
    worst.map(|(_, at_odds)| at_odds)
}
