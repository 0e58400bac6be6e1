//! What an evaluation is told, and what it tells.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How to evaluate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Evaluate {
    /// Whether pairs that have a score are asked anew too. What the caller scored itself stays. Where such an
    /// evaluation was broken off, the next one goes on with what it has not asked.
    #[serde(default)]
    pub refresh: bool,
    /// The version that the decision must have.
    #[serde(default)]
    pub version: Option<i64>,
}

/// How far an evaluation is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct Progress {
    /// Pairs that this evaluation is to ask.
    pub total: usize,
    /// Those that have an outcome, of whatever kind.
    pub done: usize,
    /// Of those, the ones with a score.
    pub scored: usize,
    /// Of those, the ones where the model could not judge.
    pub abstained: usize,
    /// Of those, the ones that nobody answered readably.
    pub failed: usize,
    /// The pair that came last.
    pub last: Option<LastPair>,
    /// Whether it has ended.
    pub finished: bool,
}

/// The pair that came last.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct LastPair {
    /// The option's name.
    pub option: String,
    /// The criterion's name.
    pub criterion: String,
    /// `scored`, `abstained` or `failed`.
    pub outcome: crate::PairOutcome,
    /// 1 to 10, if scored.
    pub score: Option<f64>,
}

/// What an evaluation came to.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Evaluation {
    /// The decision.
    pub session_id: String,
    /// Its version now.
    pub version: i64,
    /// Whether every pair has a score or an abstention now.
    pub complete: bool,
    /// How many of what.
    pub summary: Summary,
    /// Pairs that failed, with why.
    pub errors: Vec<PairFault>,
    /// Pairs without an outcome, with why they were not asked.
    pub missing: Vec<PairFault>,
    /// Pairs that were put to a model this time.
    pub asked: usize,
    /// Pairs whose score was there already.
    pub reused: usize,
    /// What this evaluation cost in US dollars; `None` where a part of it is unknown.
    pub cost_usd: Option<f64>,
    /// Whether a script gave any of the answers.
    pub simulated: bool,
    /// Whether something failed, was left out, or somebody else was asked than was asked for.
    pub degraded: bool,
    /// What, and why.
    pub reasons: Vec<String>,
    /// Milliseconds that it took.
    pub took_ms: f64,
}

/// How many of what, over the whole matrix.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Summary {
    /// Options.
    pub options_evaluated: usize,
    /// Criteria.
    pub criteria_used: usize,
    /// Pairs in all.
    pub total_evaluations: usize,
    /// Pairs with a score.
    pub successful_scores: usize,
    /// Pairs where the model could not judge.
    pub abstentions: usize,
    /// Pairs that failed or were never asked.
    pub errors: usize,
}

/// A pair without a score, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PairFault {
    /// The option's name.
    pub option: String,
    /// The criterion's name.
    pub criterion: String,
    /// A stable name in `snake_case`.
    pub code: String,
    /// Why.
    pub reason: String,
    /// Whether asking again may help.
    pub retryable: bool,
}
