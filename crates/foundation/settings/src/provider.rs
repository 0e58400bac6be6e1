//! Providers and the models they offer, as written in the settings file.
//!
//! The kind of a provider is a word here: which kinds exist is known where they are built.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema};
use serde::de::value::MapAccessDeserializer;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::names::{Named, name_or_table};
use crate::secret::SecretRef;
use crate::usd::Usd;

/// A place that answers: one address, one credential, its own limits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Provider {
    /// The name before the slash in `provider/model`; no slash and no white space in it.
    pub name: String,
    /// The protocol the provider speaks.
    pub kind: String,
    /// Its address, `http://` or `https://`; without one the kind's usual address is used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// Its credential, as `env:NAME` or `file:PATH`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key: Option<SecretRef>,
    /// The models it offers, each a name or a table.
    pub models: Vec<ModelEntry>,
    /// The family its models belong to unless they say otherwise; relatives tend to make the same mistakes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    /// The most requests it works on at once. A panel whose members share a provider sends it one for each of them.
    pub in_flight_max: usize,
    /// The most requests that wait for it; beyond it they fail over. 0 lets none wait.
    pub queue_max: usize,
    /// How long one attempt may take, in milliseconds.
    pub timeout_ms: u64,
    /// How long connecting may take, in milliseconds.
    pub connect_ms: u64,
    /// The most bytes one answer may have.
    pub reply_bytes_max: usize,
    /// The most bytes one event of a stream may have.
    pub event_bytes_max: usize,
    /// Headers sent with every request; credentials belong in `api_key`.
    pub headers: BTreeMap<String, String>,
    /// Failures in a row after which it is set aside, where it differs from `guard.breaker_failures`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub breaker_failures: Option<u32>,
    /// How long it stays set aside in milliseconds, where it differs from `guard.breaker_open_ms`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub breaker_open_ms: Option<u64>,
}

impl Default for Provider {
    fn default() -> Self {
        Self {
            name: String::new(),
            kind: "openai".to_owned(),
            base_url: None,
            api_key: None,
            models: Vec::new(),
            family: None,
            in_flight_max: 512,
            queue_max: 1_024,
            timeout_ms: 60_000,
            connect_ms: 5_000,
            reply_bytes_max: 32 * 1024 * 1024,
            event_bytes_max: 8 * 1024 * 1024,
            headers: BTreeMap::new(),
            breaker_failures: None,
            breaker_open_ms: None,
        }
    }
}

/// A model of a provider: a bare name, or a table when there is more to say.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, remote = "Self")]
#[schemars(transform = or_name)]
pub struct ModelEntry {
    /// The name after the slash in `provider/model`.
    pub name: String,
    /// What the provider calls it, where that differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream_name: Option<String>,
    /// The family it belongs to, where that differs from the provider's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    /// The most tokens one answer of it can have, where that is known; with budgets, it is what a request without a
    /// limit of its own is reckoned with, instead of `budget.output_tokens`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_tokens_max: Option<u64>,
    /// What it costs; without a price its cost is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
    /// What a scripted model says and how it misbehaves; of use only to providers that follow a script.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Map<String, serde_json::Value>>")]
    pub script: Option<toml::Table>,
}

impl Named for ModelEntry {
    const EXPECTED: &'static str = "the name of a model or a table";

    fn named(name: String) -> Self {
        Self { name, ..Self::default() }
    }

    fn from_table<'de, A: serde::de::MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        Self::deserialize(MapAccessDeserializer::new(map))
    }
}

impl<'de> Deserialize<'de> for ModelEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        name_or_table(deserializer)
    }
}

impl Serialize for ModelEntry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if *self == Self::named(self.name.clone()) {
            return serializer.serialize_str(&self.name);
        }
        Self::serialize(self, serializer)
    }
}

/// What a model costs, in US dollars per million tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Price {
    /// US dollars per million tokens sent.
    pub input: Usd,
    /// US dollars per million tokens received.
    pub output: Usd,
    /// US dollars per million tokens sent that the provider had in its cache; without it, as `input`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cached: Option<Usd>,
}

/// Lets the schema of a table also accept a bare name.
pub(crate) fn or_name(schema: &mut Schema) {
    let table = std::mem::take(schema);
    let description = table.get("description").cloned();
    *schema = schemars::json_schema!({ "anyOf": [{ "type": "string", "minLength": 1 }, table] });
    if let Some(description) = description {
        schema.insert("description".to_owned(), description);
    }
}
