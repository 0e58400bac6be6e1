//! What a reply tells about itself: who answered, what it cost, how far a panel agreed.

use models::Cost;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};
use std::sync::Arc;
use std::time::Duration;

/// The object `althing` in a chat reply.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Report {
    /// The id of the request.
    #[schemars(with = "String")]
    #[serde(serialize_with = "as_text")]
    pub request_id: Arc<str>,
    /// The model whose words these are, as `provider/model`; the panel's name for a list of answers.
    pub served_by: String,
    /// Whether a script made the answer up.
    pub simulated: bool,
    /// Whether something failed on the way to this answer.
    pub degraded: bool,
    /// What failed, and what else a reader should know.
    pub reasons: Vec<String>,
    /// Where the answer came from: `off` while nothing is cached.
    pub cache: &'static str,
    /// US dollars over all models that replied, `null` when a price or a token count is unknown. What a cancelled call
    /// cost is never known.
    #[schemars(with = "Option<f64>")]
    #[serde(serialize_with = "as_number")]
    pub cost_usd: Cost,
    /// Milliseconds that this server added to the time spent waiting for models.
    pub overhead_ms: f64,
    /// How far a panel agreed; only a panel has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agreement: Option<Agreement>,
}

impl Report {
    /// Notes how long the whole request took, of which `waited` was spent waiting for models.
    pub fn set_overhead(&mut self, total: Duration, waited: Duration) {
        let added_us = total.saturating_sub(waited).as_micros();
        self.overhead_ms = added_us as f64 / 1_000.0;
    }
}

/// How far a panel agreed, as the contract defines it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Agreement {
    /// How answers were compared: `exact`, `numeric` or `lexical`.
    pub method: &'static str,
    /// How many members were asked.
    pub asked: usize,
    /// How many answered.
    pub answered: usize,
    /// Whether the leading group holds the share that the panel asks for.
    pub reached: bool,
    /// The leading group's share of the weight of all who neither failed nor timed out.
    pub share: f64,
    /// The 95 % Wilson interval of that share.
    pub interval: [f64; 2],
    /// How many independent voices the answers are worth, given how models are known to err together.
    pub effective_voters: f64,
    /// Whether members were cancelled because they could not change the result.
    pub stopped_early: bool,
    /// Milliseconds saved by that, judged by what the cancelled members usually take; 0 when that is not known.
    pub saved_ms: u64,
    /// The groups of answers that agree, the heaviest first.
    pub clusters: Vec<ClusterReport>,
    /// What became of each member, in the panel's order.
    pub members: Vec<MemberReport>,
    /// What a reader should know before trusting the figures.
    pub caution: Vec<String>,
    /// How many of the answers scripts made up; told as a caution.
    #[serde(skip)]
    pub simulated: usize,
}

/// Answers that agree.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ClusterReport {
    /// The answer closest to all others in the group, word for word.
    pub answer: String,
    /// The group's share of the weight of all who neither failed nor timed out.
    pub share: f64,
    /// Who is in it.
    pub members: Vec<String>,
}

/// What became of one member.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct MemberReport {
    /// Which.
    pub model: String,
    /// How it ended.
    pub outcome: MemberOutcome,
    /// Why there is no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Milliseconds until it ended.
    pub latency_ms: f64,
    /// US dollars; `null` when unknown.
    #[schemars(with = "Option<f64>")]
    #[serde(serialize_with = "as_number")]
    pub cost_usd: Cost,
}

/// How asking one member ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MemberOutcome {
    /// With an answer.
    Answered,
    /// With a fault.
    Failed,
    /// Without an answer in time.
    TimedOut,
    /// Cancelled, because it could not change the result.
    Cancelled,
    /// Never asked.
    Skipped,
}

fn as_text<S: Serializer>(text: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

fn as_number<S: Serializer>(cost: &Cost, serializer: S) -> Result<S::Ok, S::Error> {
    cost.and_then(|cost: Decimal| f64::try_from(cost).ok()).serialize(serializer)
}
