//! What a sheet holds: plain values, handed in by whoever has them. Computes nothing and checks nothing.
//!
//! Options and criteria are named everywhere by their names, which are unique in a decision. Figures are finite numbers;
//! what is no number is written as `null` and shown as a dash. Every list may be empty and, when read, absent.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The smallest weight that a criterion may have.
pub const WEIGHT_MIN: f64 = 0.1;
/// The largest weight that a criterion may have.
pub const WEIGHT_MAX: f64 = 10.0;

/// A decision as it stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Sheet {
    /// The decision's id, `dec_` and 32 hexadecimal digits.
    pub id: String,
    /// What is to be decided.
    pub topic: String,
    /// When the decision was begun, RFC 3339 in UTC.
    pub created: String,
    /// When a pair was scored last, RFC 3339 in UTC; `None` before the first.
    pub evaluated: Option<String>,
    /// Who scored, as far as a pair names nobody else: a model, a panel or a route.
    pub model: String,
    /// Whether any score came from a scripted model.
    pub simulated: bool,
    /// The options, in the order in which they were added.
    pub options: Vec<DecisionOption>,
    /// The criteria, in the order in which they were added.
    pub criteria: Vec<Criterion>,
    /// What each pair was given. A pair that is not here was never asked.
    pub pairs: Vec<Pair>,
    /// The options from first to last.
    pub ranking: Vec<Ranked>,
    /// What follows, in a sentence or two; empty where nothing does.
    pub recommendation: String,
    /// What other methods make of the same scores.
    pub opinions: Vec<Opinion>,
    /// What it takes of a weight to change who is first; `None` where that was not or could not be computed.
    pub sensitivity: Option<Sensitivity>,
    /// How often each option is first when weights and scores vary; `None` where that was not computed.
    pub first_share: Option<FirstShare>,
    /// Whether the first place is close; `None` where that was not judged.
    pub close_call: Option<CloseCall>,
    /// The pairs that have no score although they should, each with why.
    pub missing: Vec<Missing>,
    /// What is to be known before believing the rest: fallbacks, degraded answers, flagged texts.
    pub cautions: Vec<String>,
}

/// One of the things to choose from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct DecisionOption {
    /// Its name.
    pub name: String,
    /// What it is; may be empty.
    pub description: String,
    /// What in its texts looked like an order to a model, in words.
    pub flags: Vec<String>,
}

/// What options are judged by. More is always better.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Criterion {
    /// Its name.
    pub name: String,
    /// What it means; may be empty.
    pub description: String,
    /// Its weight, from [`WEIGHT_MIN`] to [`WEIGHT_MAX`].
    pub weight: f64,
    /// Its weight over the sum of all weights, from 0 to 1.
    pub share: f64,
    /// What in its texts looked like an order to a model, in words.
    pub flags: Vec<String>,
}

/// What became of the question how good one option is by one criterion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It has a score.
    Scored,
    /// Whoever was asked could not judge, and said why.
    Abstained,
    /// Nobody could be asked, or the answer could not be read.
    Failed,
    /// It was not asked yet.
    #[default]
    Missing,
}

/// One option by one criterion.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Pair {
    /// The option's name.
    pub option: String,
    /// The criterion's name.
    pub criterion: String,
    /// What became of it.
    pub outcome: Outcome,
    /// From 1 to 10, where it was scored.
    pub score: Option<f64>,
    /// How sure whoever scored says to be, from 0 to 1.
    pub confidence: Option<f64>,
    /// Why this score; may be empty.
    pub justification: String,
    /// Why there is no score; empty where there is one.
    pub reason: String,
    /// Who was asked; empty where it is the sheet's model.
    pub model: String,
    /// Whether a scripted model answered.
    pub simulated: bool,
    /// What the members of a panel gave; empty where one model was asked.
    pub votes: Vec<Vote>,
    /// The standard deviation of the votes' scores, in points of the scale; `None` with fewer than two.
    pub spread: Option<f64>,
}

/// What one member of a panel gave.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Vote {
    /// The member.
    pub model: String,
    /// From 1 to 10; `None` where it gave none.
    pub score: Option<f64>,
    /// Why it gave none; empty where it did.
    pub reason: String,
}

/// An option in its place.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Ranked {
    /// The option's name.
    pub option: String,
    /// The weighted mean of its scores, from 1 to 10, and 0 where it has none.
    pub total: f64,
    /// Its place, from 1; equal totals share one.
    pub rank: u32,
    /// Whether another option has the same total.
    pub tied: bool,
    /// The share of all weight that its scores cover, from 0 to 1.
    pub covered_weight: f64,
    /// What its total is made of, one for each criterion.
    pub breakdown: Vec<Breakdown>,
}

/// What one criterion gives to an option's total.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Breakdown {
    /// The criterion's name.
    pub criterion: String,
    /// The criterion's weight.
    pub weight: f64,
    /// The score, from 1 to 10; `None` where there is none, and then nothing is given.
    pub score: Option<f64>,
    /// Points of the total that come from it: score · weight / the sum of the weights that count for this option.
    pub points: f64,
}

/// The order by another method.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Opinion {
    /// The method, such as `TOPSIS`.
    pub method: String,
    /// The options from first to last; empty where the method gives no order, and then `note` says why.
    pub order: Vec<Place>,
    /// Whether it puts the same option first as the ranking does; `None` where that cannot be said.
    pub agrees: Option<bool>,
    /// Kendall's τ between this order and the ranking, from −1 to 1.
    pub tau: Option<f64>,
    /// What is to be known of it; may be empty.
    pub note: String,
}

/// An option's place by another method.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Place {
    /// The option's name.
    pub option: String,
    /// Its place, from 1; equal values share one.
    pub rank: u32,
    /// What the method gave it, in the method's own measure.
    pub value: f64,
}

/// What it takes to change who is first, by one weight at a time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Sensitivity {
    /// One for each criterion.
    pub criteria: Vec<Lever>,
    /// The criterion whose weight needs the smallest change; `None` where none changes it.
    pub smallest: Option<String>,
}

/// One criterion's weight, all others unchanged.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Lever {
    /// The criterion's name.
    pub criterion: String,
    /// Its weight as it is.
    pub weight: f64,
    /// Where another option becomes first, the smallest change first; the nearest within [`WEIGHT_MIN`] to
    /// [`WEIGHT_MAX`] at least, where there is one. Who is first stays so at every weight that is nearer. Empty where no
    /// weight within the range changes it, and where the first place is shared.
    pub flips: Vec<Flip>,
}

/// Where another option becomes first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Flip {
    /// The weight at which the first is caught up with; a little further, and it is overtaken. Above 0; it may lie
    /// outside of [`WEIGHT_MIN`] to [`WEIGHT_MAX`].
    pub at: f64,
    /// The option that becomes first; several where they do so together.
    pub rivals: Vec<String>,
    /// From the weight as it is to `at`: negative where less weight does it.
    pub change: f64,
}

/// How often each option is first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct FirstShare {
    /// How many times weights and scores were drawn.
    pub draws: u64,
    /// With which seed; the same seed gives the same figures.
    pub seed: u64,
    /// What was drawn from what, in words.
    pub varied: String,
    /// One for each option.
    pub options: Vec<Chance>,
}

/// How often an option is first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Chance {
    /// The option's name.
    pub option: String,
    /// The share of the draws, from 0 to 1.
    pub p: f64,
    /// The lower end of its 95 % interval.
    pub low: f64,
    /// The upper end of its 95 % interval.
    pub high: f64,
}

/// Whether the first place is close.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct CloseCall {
    /// Whether it is.
    pub close: bool,
    /// Why, or why not, in words.
    pub reasons: Vec<String>,
}

/// A pair without a score.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Missing {
    /// The option's name.
    pub option: String,
    /// The criterion's name.
    pub criterion: String,
    /// Why there is none.
    pub reason: String,
}
