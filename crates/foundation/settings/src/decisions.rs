//! The section about decisions: how many are kept and for how long, how large one may be, how it is evaluated.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Decisions: options judged by criteria, one question to a model for each pair.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Decisions {
    /// The most decisions that one tenant holds; when there are more, those used least recently go.
    pub sessions_max: usize,
    /// How long a decision is kept after it was last used, in seconds.
    pub session_ttl_s: u64,
    /// How often decisions past their time are removed, in seconds.
    pub sweep_s: u64,
    /// How many decisions go together when there are too many.
    pub evict_batch: usize,
    /// The share of the memory limit from which on the oldest quarter of all decisions goes, up to 1; 0 never looks.
    pub memory_share_max: f64,
    /// The most options of one decision; above 20 pairs become many, and with them costs.
    pub options_max: usize,
    /// The most criteria of one decision; above 15 pairs become many, and with them costs.
    pub criteria_max: usize,
    /// The longest topic, in characters.
    pub topic_chars_max: usize,
    /// The longest name of an option, in characters.
    pub option_name_chars_max: usize,
    /// The longest name of a criterion, in characters.
    pub criterion_name_chars_max: usize,
    /// The longest description of an option or a criterion, in characters.
    pub description_chars_max: usize,
    /// The longest instruction that a criterion may bring along, in characters.
    pub custom_prompt_chars_max: usize,
    /// How much of a justification is kept, in characters.
    pub justification_chars_max: usize,
    /// How many messages of each pair's conversation are kept; 0 keeps none.
    pub history_max: usize,
    /// How much of each of those messages is kept, in characters.
    pub message_chars_max: usize,
    /// How many questions about one criterion may be with models at once, for each evaluation.
    pub criterion_in_flight_max: usize,
    /// How many questions may be with models at once, over all evaluations of this server.
    pub in_flight_max: usize,
    /// The share that one tenant may have of the places for questions which others leave it, and one place in any case;
    /// with 1 nobody looks at tenants. The tenant `default` may have all places until another one has come.
    pub tenant_share: f64,
    /// How many evaluations may run at once on this server.
    pub evaluations_max: usize,
    /// How long one pair may take over all attempts, in milliseconds.
    pub pair_deadline_ms: u64,
    /// How long an evaluation that nobody waits for may take, in milliseconds.
    pub evaluation_deadline_ms: u64,
    /// How often a pair is asked again after a failure that may pass.
    pub retries_max: u32,
    /// How long to wait before the first time, in milliseconds; doubled each time.
    pub retry_base_ms: u64,
    /// After how many pairs in a row for which no model answered an evaluation stops asking; 0 never stops.
    pub breaker_failures: u32,
    /// For how long a server that evaluates a decision keeps others from doing so without a sign of life, in
    /// milliseconds.
    pub lease_ms: u64,
    /// How often chance is asked for how firm a result is: draws over weights and scores.
    pub draws: u32,
}

impl Default for Decisions {
    fn default() -> Self {
        Self {
            sessions_max: 100,
            session_ttl_s: 3_600,
            sweep_s: 300,
            evict_batch: 10,
            memory_share_max: 0.8,
            options_max: 20,
            criteria_max: 15,
            topic_chars_max: 500,
            option_name_chars_max: 200,
            criterion_name_chars_max: 100,
            description_chars_max: 1_000,
            custom_prompt_chars_max: 2_000,
            justification_chars_max: 2_000,
            history_max: 10,
            message_chars_max: 8_000,
            criterion_in_flight_max: 10,
            in_flight_max: 20,
            tenant_share: 0.5,
            evaluations_max: 100,
            pair_deadline_ms: 120_000,
            evaluation_deadline_ms: 3_600_000,
            retries_max: 3,
            retry_base_ms: 1_000,
            breaker_failures: 5,
            lease_ms: 5_000,
            draws: 10_000,
        }
    }
}

impl Decisions {
    /// The most options that the limits are made for; more are allowed, and warned of.
    pub const OPTIONS_USUAL: usize = 20;
    /// The same of criteria.
    pub const CRITERIA_USUAL: usize = 15;

    /// What to think of before raising limits as these do; empty for usual ones.
    pub fn warnings(&self) -> Vec<String> {
        let large = self.options_max > Self::OPTIONS_USUAL || self.criteria_max > Self::CRITERIA_USUAL;
        let pairs = self.options_max.saturating_mul(self.criteria_max);
        let text = || {
            format!(
                "decisions of up to {} options and {} criteria may ask models {pairs} questions each: mind costs, \
                 `decisions.in_flight_max` and `decisions.evaluation_deadline_ms`",
                self.options_max, self.criteria_max
            )
        };
        large.then(text).into_iter().collect()
    }
}

/// What a built-in profile overrides: key and value.
pub(crate) fn profile(name: &str) -> &'static [(&'static str, &'static str, i64)] {
    match name {
        "dev" => &[
            ("decisions", "sessions_max", 10),
            ("decisions", "session_ttl_s", 1_800),
            ("decisions", "sweep_s", 300),
            ("decisions", "criterion_in_flight_max", 3),
            ("decisions", "in_flight_max", 5),
            ("decisions", "pair_deadline_ms", 60_000),
            ("decisions", "retries_max", 1),
            ("decisions", "breaker_failures", 0),
        ],
        "prod" => &[
            ("decisions", "sessions_max", 500),
            ("decisions", "session_ttl_s", 3_600),
            ("decisions", "sweep_s", 180),
            ("decisions", "criterion_in_flight_max", 10),
            ("decisions", "in_flight_max", 20),
            ("decisions", "pair_deadline_ms", 120_000),
            ("decisions", "retries_max", 3),
            ("decisions", "breaker_failures", 5),
        ],
        "high-scale" => &[
            ("decisions", "sessions_max", 2_000),
            ("decisions", "session_ttl_s", 1_800),
            ("decisions", "sweep_s", 60),
            ("decisions", "criterion_in_flight_max", 20),
            ("decisions", "in_flight_max", 50),
            ("decisions", "pair_deadline_ms", 180_000),
            ("decisions", "retries_max", 2),
            ("decisions", "breaker_failures", 3),
        ],
        _ => &[],
    }
}
