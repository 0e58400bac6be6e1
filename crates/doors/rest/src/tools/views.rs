//! What is sent about tools, and what is answered as the OpenAPI document describes it. Answers are made in the catalogue;
//! here they are only described.
#![expect(dead_code, reason = "answers are described here, and made in the catalogue")]

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Which tools, in the query.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    pub(super) server: Option<String>,
    pub(super) domain: Option<String>,
    pub(super) tag: Option<String>,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) tenant: Option<String>,
    pub(super) limit: Option<usize>,
    pub(super) cursor: Option<String>,
}

/// What is removed, in the query.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Removal {
    pub(super) version: Option<i64>,
    pub(super) tenant: Option<String>,
}

/// What is forgotten, in the query.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Usage {
    pub(super) id: Option<String>,
}

/// What is read, in the query.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pick {
    pub(super) uri: String,
}

/// What holds for all tools of a document, in the query.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Importing {
    pub(super) format: Option<String>,
    pub(super) server: Option<String>,
    pub(super) tenant: Option<String>,
    pub(super) role: Option<String>,
    pub(super) tags: Option<String>,
    pub(super) domain: Option<String>,
    pub(super) base_url: Option<String>,
    pub(super) document_url: Option<String>,
    pub(super) credential: Option<String>,
    pub(super) timeout_ms: Option<u64>,
    pub(super) trust_read_only: bool,
    pub(super) replace: bool,
}

/// What is looked for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Search {
    /// What the tool should do, in a few words.
    pub(super) query: String,
    /// The most tools, 1 to 100; 5 where it is left out.
    #[serde(alias = "top_k")]
    pub(super) limit: Option<usize>,
    /// Of one server only.
    pub(super) server: Option<String>,
    /// That carry all of these.
    #[serde(default)]
    pub(super) tags: Vec<String>,
    /// That are trusted to change nothing.
    #[serde(default)]
    pub(super) read_only: bool,
    /// Of one domain only; `auto`: of the one that the question is about.
    pub(super) domain: Option<String>,
    /// How much is told of each: `names`, `summary` or `schema`.
    pub(super) detail: Option<String>,
    /// About how many tokens the answer may take; as many as it needs where it is left out.
    pub(super) max_tokens: Option<usize>,
}

/// A call.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Run {
    /// With what.
    #[serde(default, alias = "parameters")]
    pub(super) arguments: Map<String, Value>,
    /// The same key with the same arguments is the same call, for a day.
    pub(super) idempotency_key: Option<String>,
    /// The question that led to the tool, from which later searches learn.
    pub(super) query: Option<String>,
    /// Refuse unless the tool is trusted to change nothing.
    #[serde(default)]
    pub(super) read_only: bool,
}

/// A tool in a list.
#[derive(JsonSchema)]
pub(super) struct ListedView {
    /// By which it is described and called.
    id: String,
    /// Its own name.
    name: String,
    /// Who offers it.
    server: String,
    /// What kind of thing it is.
    r#type: String,
    /// What it is about.
    domain: String,
    /// What it does, in a line.
    summary: String,
    /// Words to filter by.
    tags: Option<Vec<String>>,
    /// Whose it is; nobody's: everybody's.
    tenant: Option<String>,
    /// Who may find and call it.
    role: String,
    /// Whether it says that it changes nothing.
    read_only: bool,
    /// Whether an operator vouches for that.
    trusted_read_only: bool,
    /// The tool that calls it.
    call_with: String,
    /// How often it was changed, from 1.
    version: i64,
}

/// A tool in full.
#[derive(JsonSchema)]
pub(super) struct InfoView {
    /// By which it is described and called.
    id: String,
    /// Its own name.
    name: String,
    /// What it does.
    description: String,
    /// JSON Schema of its arguments.
    input_schema: Value,
    /// How often it was changed, from 1.
    revision: i64,
    /// The tool that calls it.
    call_with: String,
    /// How often it was called from here.
    calls: i64,
    /// The share of those that succeeded.
    success_rate: Option<f64>,
    /// What half of the last hundred successful calls took at most, in milliseconds.
    p50_ms: Option<u32>,
}

/// A tool that was found.
#[derive(JsonSchema)]
struct HitView {
    /// By which it is described and called.
    id: String,
    /// Who offers it.
    server: Option<String>,
    /// What it does, in a line.
    summary: Option<String>,
    /// How good it is among those found for this question, 0 to 1.
    score: f64,
    /// The tool that calls it.
    call_with: String,
    /// Its arguments.
    input_schema: Option<Value>,
}

/// What was found.
#[derive(JsonSchema)]
pub(super) struct FoundView {
    /// Best first.
    tools: Vec<HitView>,
    /// Whether some were left out for want of room.
    truncated: bool,
    /// The version of the catalogue.
    catalog_version: i64,
    /// How many tools there are for you.
    total_available: u64,
    /// Whether nothing says that any of them has to do with the question.
    weak: bool,
    /// What was missing, where something was.
    degraded: Option<String>,
    /// The domain that was looked through, where that was decided here.
    domain: Option<String>,
    /// What the answer spares a model's context.
    tokens: BTreeMap<String, Value>,
}

/// What a call came to.
#[derive(JsonSchema)]
pub(super) struct RunView {
    /// What the tool answered.
    result: Value,
    /// Where the whole answer can be read, if it is too large to stand here.
    resource_link: Option<Value>,
}

/// What became of an import.
#[derive(JsonSchema)]
pub(super) struct ReportView {
    /// What the document was taken for.
    format: String,
    /// New tools.
    added: u64,
    /// Tools that differ from before.
    changed: u64,
    /// Tools that were there already.
    same: u64,
    /// Tools that were there and are not in the document, where it replaces.
    removed: u64,
    /// Those that did not go in, the first thousand: where, what and why.
    refused: Vec<BTreeMap<String, Value>>,
    /// How many did not go in.
    refused_total: u64,
    /// Servers of a configuration file, which are known and not connected.
    upstreams: Vec<BTreeMap<String, Value>>,
    /// The version of the catalogue afterwards.
    catalog_version: i64,
}

/// How many tools a domain has.
#[derive(JsonSchema)]
pub(super) struct DomainView {
    /// Its name.
    name: String,
    /// How many tools.
    tools: u64,
    /// The words that put tools into it.
    keywords: Vec<String>,
}

/// The catalogue in figures.
#[derive(JsonSchema)]
pub(super) struct StatisticsView {
    /// How many tools.
    tools: u64,
    /// What their definitions take in a model's context.
    tokens: u64,
    /// The version of the catalogue.
    catalog_version: i64,
    /// Tools by domain.
    by_domain: BTreeMap<String, u64>,
    /// Tools by server.
    by_server: BTreeMap<String, u64>,
    /// Tools by kind.
    by_type: BTreeMap<String, u64>,
    /// The tools that were called most.
    most_called: Vec<BTreeMap<String, Value>>,
    /// Documents of the index, those that have vectors, and those that wait for them.
    index: BTreeMap<String, Value>,
    /// Tokens that searches saved since the start of this server.
    tokens_saved_total: u64,
}

/// What was forgotten.
#[derive(JsonSchema)]
pub(super) struct UsageView {
    /// How many questions.
    forgotten: u64,
}

/// A server that is known.
#[derive(JsonSchema)]
pub(super) struct UpstreamView {
    /// Its name.
    name: String,
    /// `stdio`, `http`, `sse` or `websocket`.
    transport: String,
    /// Whose it is; nobody's: everybody's.
    tenant: Option<String>,
    /// Whether it is connected.
    connected: bool,
    /// The variables that must be set before it can be connected.
    needs: Option<Vec<String>>,
}
