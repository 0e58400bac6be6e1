//! What a decision is made of, as whoever asks for it is told. Knows no table and no protocol.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The smallest and the largest weight of a criterion.
pub const WEIGHTS: [f64; 2] = [0.1, 10.0];
/// The smallest and the largest score.
pub const SCORES: [f64; 2] = [1.0, 10.0];
/// What answers as `model` of a pair that the caller has scored itself.
pub const CALLER: &str = "caller";

/// What of an option is to be changed; what is left out stays. Other texts make its scores outdated.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OptionChange {
    /// Its new name.
    #[serde(default)]
    pub name: Option<String>,
    /// Its new description.
    #[serde(default)]
    pub description: Option<String>,
}

/// What of a criterion is to be changed; what is left out stays. Another weight makes no score outdated; other texts or
/// another model make those of its column.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CriterionChange {
    /// Its new name.
    #[serde(default)]
    pub name: Option<String>,
    /// Its new description.
    #[serde(default)]
    pub description: Option<String>,
    /// Its new weight.
    #[serde(default)]
    pub weight: Option<f64>,
    /// Its new instruction; an empty one removes it.
    #[serde(default)]
    pub custom_prompt: Option<String>,
    /// Whom to ask from now on.
    #[serde(default)]
    pub model_backend: Option<String>,
    /// Which model to ask from now on.
    #[serde(default)]
    pub model_name: Option<String>,
    /// How much chance the model may use from now on.
    #[serde(default)]
    pub temperature: Option<f64>,
}

/// A score that the caller gives itself.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GivenScore {
    /// The option's name.
    pub option: String,
    /// The criterion's name.
    pub criterion: String,
    /// 1 to 10; left out, it is an abstention, and `justification` says why.
    #[serde(default)]
    pub score: Option<f64>,
    /// How sure, 0 to 1.
    #[serde(default)]
    pub confidence: Option<f64>,
    /// Why.
    #[serde(default)]
    pub justification: String,
}

/// How two criteria compare, for weights by AHP.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    /// The criterion's name.
    pub criterion: String,
    /// The name of the one it is compared with.
    pub with: String,
    /// How many times as important the first one is, 1/9 to 9.
    pub times: f64,
}

/// A decision as it stands.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Decision {
    /// `dec_` and 32 hexadecimal digits.
    pub id: String,
    /// What is to be decided.
    pub topic: String,
    /// The kind of provider or the provider that was asked for.
    pub model_backend: String,
    /// Whom pairs are put to: a model, a panel or a route; `None` where nothing is set up, so that only the caller
    /// can score.
    pub model: Option<String>,
    /// How much chance the models may use.
    pub temperature: f64,
    /// Grows with each change; a write that carries an older one is refused.
    pub version: i64,
    /// When it was begun, in milliseconds since 1970.
    pub created_ms: i64,
    /// When it was last used, in milliseconds since 1970, give or take a minute.
    pub touched_ms: i64,
    /// When a pair was scored last, in milliseconds since 1970.
    pub evaluated_ms: Option<i64>,
    /// How many evaluations have ended.
    pub evaluations_run: i64,
    /// Whether an evaluation is running, on this server or on another.
    pub evaluating: bool,
    /// Whether somebody else is asked than was asked for.
    pub degraded: bool,
    /// Why, and what else there is to know.
    pub reasons: Vec<String>,
    /// What to choose from, in the order in which it was added.
    pub options: Vec<DecisionOption>,
    /// What to judge by, in the order in which it was added.
    pub criteria: Vec<Criterion>,
    /// How criteria compare two by two, where that was told.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub comparisons: Vec<Comparison>,
    /// What each pair was given; those never asked are not here.
    pub pairs: Vec<Pair>,
}

/// Something to choose.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct DecisionOption {
    /// Its name.
    pub name: String,
    /// What it is.
    pub description: String,
    /// What in its texts looks like an order to a model.
    pub flags: Vec<String>,
}

/// What options are judged by.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Criterion {
    /// Its name.
    pub name: String,
    /// What it means.
    pub description: String,
    /// How much it counts, 0.1 to 10.
    pub weight: f64,
    /// What whoever scores it is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_prompt: Option<String>,
    /// Whom its pairs are put to, where that is not the decision's model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// How much chance that one may use, where it is not the decision's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// What in its texts looks like an order to a model.
    pub flags: Vec<String>,
}

/// What became of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PairOutcome {
    /// It has a score.
    Scored,
    /// Whoever was asked could not judge, and said why.
    Abstained,
    /// Nobody answered, or nothing that could be read.
    Failed,
}

impl PairOutcome {
    /// As it is written: `scored`, `abstained` or `failed`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scored => "scored",
            Self::Abstained => "abstained",
            Self::Failed => "failed",
        }
    }

    /// The outcome that a word names; what nobody wrote counts as failed, and is asked again.
    pub(crate) fn named(word: &str) -> Self {
        let all = [Self::Scored, Self::Abstained];
        all.into_iter().find(|it| it.name() == word).unwrap_or(Self::Failed)
    }
}

/// One option by one criterion, asked.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Pair {
    /// The option's name.
    pub option: String,
    /// The criterion's name.
    pub criterion: String,
    /// What became of it.
    pub outcome: PairOutcome,
    /// 1 to 10.
    pub score: Option<f64>,
    /// 0 to 1.
    pub confidence: Option<f64>,
    /// Why this score.
    pub justification: String,
    /// Why there is none.
    pub reason: String,
    /// Of a failure: its stable name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Of a failure: whether asking again may help.
    pub retryable: bool,
    /// What members of a panel gave.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub votes: Vec<Vote>,
    /// The standard deviation of the votes' scores.
    pub spread: Option<f64>,
    /// Who answered; `caller` for a score that the caller gave.
    pub model: String,
    /// Whether a script answered.
    pub simulated: bool,
    /// What it cost in US dollars, where that is known.
    pub cost_usd: Option<f64>,
    /// The version of the question it is the answer to.
    pub prompt_version: String,
    /// Whether the texts it was asked with have changed since: it counts no longer, and is asked anew.
    pub outdated: bool,
    /// What there is to know of the answer: clamped, read from prose, repaired.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
}

/// What one member of a panel gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Vote {
    /// Who.
    pub model: String,
    /// 1 to 10.
    pub score: Option<f64>,
    /// 0 to 1.
    pub confidence: Option<f64>,
    /// Why no score.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// A message of a pair's conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Message {
    /// The option's name.
    pub option: String,
    /// The criterion's name.
    pub criterion: String,
    /// Who was asked.
    pub model: String,
    /// `user` or `assistant`.
    pub role: String,
    /// What was said.
    pub content: String,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
}

/// A decision in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Listed {
    /// Its id.
    pub id: String,
    /// What is to be decided.
    pub topic: String,
    /// When it was begun, in milliseconds since 1970.
    pub created_ms: i64,
    /// When it was last used, in milliseconds since 1970.
    pub touched_ms: i64,
    /// The options' names.
    pub options: Vec<String>,
    /// The criteria's names.
    pub criteria: Vec<String>,
    /// How many evaluations have ended.
    pub evaluations_run: i64,
    /// When a pair was scored last, by whomever, in milliseconds since 1970.
    pub evaluated_ms: Option<i64>,
    /// Whether one is running.
    pub evaluating: bool,
    /// Its version.
    pub version: i64,
}

impl Listed {
    /// `evaluated` once an evaluation has ended or a pair was scored, also by the caller, before that `setup`.
    pub fn status(&self) -> &'static str {
        if self.evaluations_run > 0 || self.evaluated_ms.is_some() { "evaluated" } else { "setup" }
    }
}
