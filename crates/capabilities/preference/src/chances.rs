//! How often each option comes first when weights and scores are drawn (stochastic multicriteria acceptability analysis,
//! Lahdelma, Hokkanen & Salminen 1998). Knows how draws are asked for and reported, not how they are made.

use crate::canon::Canon;
use crate::draw::{Tally, tally};
use crate::{PreferenceError, Table};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use statistics::{Interval, wilson};

/// Draws that are usual: a probability is within ± 0.01 of the truth 95 times of 100 (1.96² / (4 · 0.01²) = 9,604).
pub const DRAWS: usize = 10_000;

/// Draws at most.
pub const DRAWS_MAX: usize = 1_000_000;

/// How far weights drawn around the given ones may lie from them, as a factor: from two thirds to one and a half times.
pub const AROUND: f64 = 1.5;

/// The largest such factor.
pub const FACTOR_MAX: f64 = 100.0;

/// Which weights are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Weights {
    /// The given ones, always.
    Given,
    /// Each given one times a factor of its own, whose logarithm is uniform: from 1 / `factor` to `factor`, and as
    /// often above 1 as below.
    Around {
        /// The largest factor, from 1 to [`FACTOR_MAX`].
        factor: f64,
    },
    /// All weights that there are, each as likely as any other (uniform on the simplex): as if none had been given.
    Uniform,
}

/// What is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Draws {
    /// How many, from 1 to [`DRAWS_MAX`].
    pub count: usize,
    /// The seed: the same gives the same figures, on every machine.
    pub seed: u64,
    /// Which weights.
    pub weights: Weights,
    /// Whether each score gets normal noise with the table's standard deviation for it, and is then put back onto the
    /// scale where it lies beyond.
    pub spread: bool,
}

impl Draws {
    /// [`DRAWS`] with weights [`AROUND`] the given ones, and the spread of the scores.
    pub fn usual(seed: u64) -> Self {
        Self { count: DRAWS, seed, weights: Weights::Around { factor: AROUND }, spread: true }
    }
}

/// How often an option came first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Chance {
    /// The share of draws in which it came first; those that tie share a draw.
    pub first: f64,
    /// The 95 % interval of that share (Wilson): what it may be when all that could be drawn was.
    pub interval: Interval,
    /// The mean of the weights that it came first with, as shares of 1, a weight per criterion: the weights of somebody
    /// who would choose it. `None` where it never did.
    pub central_weights: Option<Vec<f64>>,
}

/// How often each option came first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Chances {
    /// What was drawn.
    pub draws: Draws,
    /// One per option, in the table's order; the shares add up to 1, or to 0 where no option has a score.
    pub options: Vec<Chance>,
}

/// Draws weights and scores, and counts who comes first by the weighted sum over the cells that have a score. An option
/// without any never does.
///
/// The figures do not depend on the order in which options and criteria were handed in, and options that are alike in
/// every cell get the same.
///
/// # Errors
///
/// [`PreferenceError::Count`] for no draw or more than [`DRAWS_MAX`], [`PreferenceError::Number`] for a factor that is
/// not from 1 to [`FACTOR_MAX`].
pub fn chances(table: &Table, draws: &Draws) -> Result<Chances, PreferenceError> {
    PreferenceError::check_count("draws", draws.count, 1, DRAWS_MAX)?;
    if let Weights::Around { factor } = draws.weights {
        PreferenceError::check(|| "the factor".to_owned(), factor, 1.0, FACTOR_MAX)?;
    }
    let canon = Canon::of(table);
    let counted = Counted::of(&tally(table, &canon, draws), &canon);
    let count = draws.count as f64;
    let options = counted.first.iter().zip(counted.weights.chunks_exact(table.criteria())).map(|(first, weights)| {
        let [lo, hi] = wilson(*first, count);
        let central_weights = (*first > 0.0).then(|| weights.iter().map(|weight| weight / first).collect());
        Chance { first: first / count, interval: Interval { lo, hi }, central_weights }
    });
    Ok(Chances { draws: *draws, options: options.collect() })
}

/// What was counted, options and criteria in the table's order.
struct Counted {
    first: Vec<f64>,
    /// Flat, option by option.
    weights: Vec<f64>,
}

impl Counted {
    /// What is alike has the same chance, so that each gets the mean of what was counted for all that are.
    fn of(tally: &Tally, canon: &Canon) -> Self {
        let width = canon.criteria.len();
        let mut first = vec![0.0; tally.first.len()];
        let mut weights = vec![0.0; tally.weights.len()];
        for (row, option) in canon.options.iter().enumerate() {
            copy(&tally.first, row, &mut first, *option);
            for (column, criterion) in canon.criteria.iter().enumerate() {
                copy(&tally.weights, row * width + column, &mut weights, option * width + criterion);
            }
            canon.like_criteria.iter().for_each(|group| even(&mut weights, group.iter().map(|at| option * width + at)));
        }
        for group in &canon.like_options {
            even(&mut first, group.iter().copied());
            (0..width).for_each(|criterion| even(&mut weights, group.iter().map(|at| at * width + criterion)));
        }
        Self { first, weights }
    }
}

fn copy(from: &[f64], at: usize, to: &mut [f64], place: usize) {
    if let (Some(value), Some(place)) = (from.get(at), to.get_mut(place)) {
        *place = *value;
    }
}

/// Gives each of some figures their mean.
fn even(figures: &mut [f64], places: impl ExactSizeIterator<Item = usize> + Clone) {
    let count = places.len() as f64;
    let mean = places.clone().filter_map(|at| figures.get(at)).sum::<f64>() / count;
    for at in places {
        figures.get_mut(at).into_iter().for_each(|figure| *figure = mean);
    }
}
