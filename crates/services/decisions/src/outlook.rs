//! What a decision comes to, as whoever reads it is told.

use crate::Message;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use std::borrow::Cow;

/// How to read a decision.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Look {
    /// Whether to tell what was said to models and by them.
    #[serde(default)]
    pub include_history: bool,
    /// The seed of chance; the decision's own if left out, so that the same decision gives the same figures.
    #[serde(default)]
    pub seed: Option<u64>,
}

/// A decision as it can be decided now.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Outlook {
    /// The decision's id.
    pub session_id: String,
    /// Its version.
    pub version: i64,
    /// Whether every pair has a score or an abstention.
    pub complete: bool,
    /// What each option was given by each criterion, by their names. Pairs without a score are here too, with `raw_score`
    /// null.
    pub matrix: Named<Named<Cell>>,
    /// The options from first to last.
    pub rankings: Vec<Ranking>,
    /// What follows, in a sentence or two.
    pub recommendation: String,
    /// The criteria's weights, by name.
    pub criteria_weights: Named<f64>,
    /// When a pair was scored last, RFC 3339 in UTC.
    pub evaluation_timestamp: Option<String>,
    /// About the decision itself.
    pub session_info: SessionInfo,
    /// Whether a script gave any of the scores.
    pub simulated: bool,
    /// Whether scores are missing, or somebody else was asked than was asked for.
    pub degraded: bool,
    /// What, and why.
    pub reasons: Vec<String>,
    /// What was said to models and by them; only where it is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub history: Option<Vec<Message>>,
    /// All of it, as it can be exported: second opinions, sensitivity, how often each is first, close calls, what is
    /// missing.
    pub sheet: sheet::Sheet,
}

/// Things by name, in an order of their own; an object in JSON.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Named<T>(pub Vec<(String, T)>);

impl<T> Named<T> {
    /// What has this name.
    pub fn get(&self, name: &str) -> Option<&T> {
        self.0.iter().find(|(of, _)| of == name).map(|(_, it)| it)
    }
}

impl<T: Serialize> Serialize for Named<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, it) in &self.0 {
            map.serialize_entry(name, it)?;
        }
        map.end()
    }
}

impl<T: JsonSchema> JsonSchema for Named<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Named_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        std::collections::BTreeMap::<String, T>::json_schema(generator)
    }
}

/// A cell of the matrix.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Cell {
    /// 1 to 10; `None` without a score.
    pub raw_score: Option<f64>,
    /// The score times the criterion's weight; `None` without a score.
    pub weighted_score: Option<f64>,
    /// Why this score, or why none.
    pub justification: String,
    /// `scored`, `abstained`, `failed` or `missing`.
    pub outcome: String,
    /// 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
}

/// An option in its place.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Ranking {
    /// Its name.
    pub option: String,
    /// The weighted mean of its scores, 1 to 10; 0 where it has none.
    pub weighted_total: f64,
    /// What that is made of, one for each criterion.
    pub breakdown: Vec<RankingPart>,
    /// Its place from 1; equal totals share one.
    pub rank: usize,
}

/// What a criterion gives to an option's total.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct RankingPart {
    /// Its name.
    pub criterion: String,
    /// Its weight.
    pub weight: f64,
    /// 1 to 10; `None` without a score, which then counts neither in the sum nor in the weight.
    pub score: Option<f64>,
    /// The score times the weight; `None` without a score.
    pub weighted_score: Option<f64>,
    /// Why.
    pub justification: String,
}

/// About a decision itself.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SessionInfo {
    /// What is to be decided.
    pub topic: String,
    /// When it was begun, RFC 3339 in UTC.
    pub created_at: String,
    /// How many evaluations have ended.
    pub evaluations_run: i64,
    /// Whom pairs are put to.
    pub model: Option<String>,
    /// As it was asked for.
    pub model_backend: String,
}
