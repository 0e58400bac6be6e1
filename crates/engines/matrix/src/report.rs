//! What a reply tells about itself: who answered, what it cost, how far a panel agreed.

use consensus::{Agreement, as_number};
use models::Cost;
use schemars::JsonSchema;
use serde::{Serialize, Serializer};
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
    /// Where the answer came from: `hit-memory`, `hit-disk`, `hit-redis`, `miss`, or `off` where nothing is kept.
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

/// An answer in words, with its report.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AskAnswer {
    /// The answer, word for word; for a panel that does not agree, each answer with its share.
    pub answer: String,
    /// What to know about it.
    #[serde(flatten)]
    pub report: Report,
}

fn as_text<S: Serializer>(text: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}
