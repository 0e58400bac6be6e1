//! What is sent about decisions and answered, beside what the room of decisions itself describes.

use decisions::{Comparison, GivenScore, Listed, Progress};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value, json};
use std::borrow::Cow;

/// Which page, in the query.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    pub(super) limit: Option<usize>,
    pub(super) cursor: Option<String>,
}

/// The version that a decision must have, in the query.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Version {
    pub(super) version: Option<i64>,
}

/// Whether to wait for an evaluation, in the query.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wait {
    pub(super) wait: Option<bool>,
}

/// A change, and in the same object the version that it is meant for.
#[derive(Debug)]
pub(super) struct Change<T> {
    pub(super) what: T,
    pub(super) version: Option<i64>,
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Change<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut members = Map::<String, Value>::deserialize(deserializer)?;
        let version = members.shift_remove("version").unwrap_or_default();
        let version =
            Deserialize::deserialize(version).map_err(|error| D::Error::custom(format!("version: {error}")))?;
        let what = T::deserialize(Value::Object(members)).map_err(D::Error::custom)?;
        Ok(Self { what, version })
    }
}

impl<T: JsonSchema> JsonSchema for Change<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("Change{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = T::json_schema(generator);
        let about = json!({ "type": ["integer", "null"], "description": "the version that the decision must have" });
        if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
            properties.insert("version".to_owned(), about);
        }
        schema
    }
}

/// Scores that the caller gives itself.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Scores {
    /// A score for each pair that is meant.
    pub(super) scores: Vec<GivenScore>,
    /// The version that the decision must have.
    #[serde(default)]
    pub(super) version: Option<i64>,
}

/// How criteria compare, in place of what was told before.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Comparisons {
    /// One for each two criteria; an empty list takes them back.
    pub(super) comparisons: Vec<Comparison>,
    /// The version that the decision must have.
    #[serde(default)]
    pub(super) version: Option<i64>,
}

/// A decision in a list.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ListedView {
    #[serde(flatten)]
    decision: Listed,
    /// `evaluated` once an evaluation has ended, before that `setup`.
    status: &'static str,
}

impl From<Listed> for ListedView {
    fn from(decision: Listed) -> Self {
        Self { status: decision.status(), decision }
    }
}

/// An evaluation that goes on in the background.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Begun {
    /// The decision.
    pub(super) session_id: String,
    /// How far it is.
    pub(super) progress: Progress,
    /// Where to listen to how far it is.
    pub(super) events: String,
    /// Where to read what it has come to.
    pub(super) matrix: String,
}
