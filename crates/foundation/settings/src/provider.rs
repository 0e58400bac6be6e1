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
    /// The most requests it works on at once; without it, what suits the kind. A panel whose members share a provider
    /// sends it one for each of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_flight_max: Option<usize>,
    /// How the number of requests at once follows what the provider bears; `in_flight_max` stays the most.
    pub concurrency: Concurrency,
    /// The most requests a minute over all its models.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rpm: Option<u32>,
    /// The most tokens a minute over all its models, read and written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tpm: Option<u32>,
    /// The most requests that wait for it; beyond it they fail over. 0 lets none wait.
    pub queue_max: usize,
    /// How long one attempt may take, in milliseconds; without it, what suits the kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// How long connecting may take, in milliseconds.
    pub connect_ms: u64,
    /// Connections that are kept for the next request, where that differs from `guard.pool_max`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pool_max: Option<usize>,
    /// The most bytes one answer may have; vectors for 2,048 texts with 3,072 numbers each have about 130 MB.
    pub reply_bytes_max: usize,
    /// The most bytes one event of a stream may have.
    pub event_bytes_max: usize,
    /// Headers sent with every request; credentials belong in `api_key`.
    pub headers: BTreeMap<String, String>,
    /// Whose price list holds here, such as `openai`, or `none`; without it, that of the kind at its usual address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prices: Option<String>,
    /// Where and as whom to ask, for providers on Amazon Web Services.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aws: Option<Aws>,
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
            in_flight_max: None,
            concurrency: Concurrency::default(),
            rpm: None,
            tpm: None,
            queue_max: 1_024,
            timeout_ms: None,
            connect_ms: 5_000,
            pool_max: None,
            reply_bytes_max: 256 * 1024 * 1024,
            event_bytes_max: 8 * 1024 * 1024,
            headers: BTreeMap::new(),
            prices: None,
            aws: None,
            breaker_failures: None,
            breaker_open_ms: None,
        }
    }
}

/// How the number of requests that a provider works on at once is found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Concurrency {
    /// What suits the kind: `gradient` for Ollama, `aimd` for everybody else.
    #[default]
    Auto,
    /// Always `in_flight_max`.
    Fixed,
    /// One more with each full round of answers, a tenth less with each 429, 503 or 529: for hosted models, whose
    /// limit is a rate.
    Aimd,
    /// As many as keep the time to the first token near its best: for engines on a machine of their own.
    Gradient,
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
    /// The most tokens a request and its answer can have together; a request that is certainly longer is refused
    /// before anybody is asked. Without it, what the price list knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context_tokens: Option<u64>,
    /// The most bytes a request may have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt_bytes_max: Option<usize>,
    /// The most requests a minute; beyond it the next model of a route takes over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rpm: Option<u32>,
    /// The most tokens a minute, read and written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tpm: Option<u32>,
    /// What it costs; without a price, what the price list says, and else its cost is unknown.
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

/// Where and as whom a provider on Amazon Web Services is asked. What is not set comes from the environment
/// (`AWS_REGION`, `AWS_ACCESS_KEY_ID` …) and from the usual files.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Aws {
    /// The region, such as `eu-central-1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The profile in the credentials file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The id of the access key, as `env:NAME` or `file:PATH`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_key_id: Option<SecretRef>,
    /// The access key itself, as `env:NAME` or `file:PATH`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_access_key: Option<SecretRef>,
    /// The token of a temporary key, as `env:NAME` or `file:PATH`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_token: Option<SecretRef>,
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
    /// US dollars per million tokens sent that the provider put into its cache; without it, as `input`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cached_write: Option<Usd>,
    /// The same where the provider keeps them for an hour; without it, as `cached_write`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cached_write_hour: Option<Usd>,
    /// US dollars per million tokens received that nobody reads; without it, as `output`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<Usd>,
    /// US dollars for each request, whatever its length.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<Usd>,
    /// What all tokens of a long request cost instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub long: Option<LongPrice>,
}

/// What all tokens of a long request cost, in US dollars per million.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LongPrice {
    /// Above how many tokens sent a request is a long one.
    pub above_tokens: u64,
    /// As in `price`.
    pub input: Usd,
    /// As in `price`.
    pub output: Usd,
    /// As in `price`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cached: Option<Usd>,
    /// As in `price`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cached_write: Option<Usd>,
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
