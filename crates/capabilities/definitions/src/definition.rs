//! What a tool is: its names, its schemas, who may call it. Knows no table, no index and no socket.
//!
//! The model is ToolWeaver's, so that its definitions are read as they are. Parameters and input schema say the same:
//! whichever was given, the schema is kept, and the parameters are read off it.

use crate::text::first_sentence;
use caller::Role;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// The longest summary, in characters.
const SUMMARY_CHARS_MAX: usize = 160;
/// How deep parameters are read off a schema.
const PARAMETER_DEPTH_MAX: usize = 5;
/// The most text that is read off a schema, in bytes.
const WORDS_BYTES_MAX: usize = 16 * 1024;

/// What kind of thing a tool is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A tool of an MCP server.
    Mcp,
    /// A function of some program.
    #[default]
    Function,
    /// Code that is run.
    CodeExec,
    /// Another agent.
    Agent,
    /// A tool like those that find tools.
    Tool,
    /// An operation of an HTTP API, called from here.
    Http,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Mcp, Self::Function, Self::CodeExec, Self::Agent, Self::Tool, Self::Http];

    /// As it is written: `mcp`, `function`, `code_exec`, `agent`, `tool` or `http`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mcp => "mcp",
            Self::Function => "function",
            Self::CodeExec => "code_exec",
            Self::Agent => "agent",
            Self::Tool => "tool",
            Self::Http => "http",
        }
    }

    /// The kind that a word names.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == word)
    }
}

/// One parameter, as ToolWeaver writes it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Its JSON type; `string` where nothing is said.
    #[serde(rename = "type", default = "string")]
    pub kind: String,
    /// What it means.
    #[serde(default)]
    pub description: String,
    /// Whether it must be given.
    #[serde(default)]
    pub required: bool,
    /// The values there are.
    #[serde(rename = "enum", default, skip_serializing_if = "Option::is_none")]
    pub choices: Option<Vec<Value>>,
    /// For objects: the schemas of their members.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub properties: Option<Value>,
    /// For lists: the schema of their items.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<Value>,
    /// What it is when it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
}

fn string() -> String {
    "string".to_owned()
}

/// A call that shows how a tool is used.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Example {
    /// When.
    #[serde(default)]
    pub scenario: String,
    /// The arguments.
    #[serde(default)]
    pub input: Value,
    /// The result.
    #[serde(default)]
    pub output: Value,
    /// What to heed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub notes: String,
}

/// What whoever offers a tool says of it; nobody has checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Annotations {
    /// Changes nothing.
    #[serde(alias = "readOnlyHint")]
    pub read_only: bool,
    /// May destroy something.
    #[serde(alias = "destructiveHint")]
    pub destructive: bool,
    /// Twice is once.
    #[serde(alias = "idempotentHint")]
    pub idempotent: bool,
    /// Reaches beyond its server.
    #[serde(alias = "openWorldHint")]
    pub open_world: bool,
}

impl Default for Annotations {
    fn default() -> Self {
        Self { read_only: false, destructive: true, idempotent: false, open_world: true }
    }
}

/// How an operation of an HTTP API is called.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Http {
    /// Where the API is, such as `https://api.example/v1`.
    pub base_url: String,
    /// The operation.
    pub operation: openapi::Operation,
    /// The name of the credential in the settings that it is called with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
    /// How long it may take, in milliseconds, where that differs from the settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
}

/// A tool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Definition {
    /// By which it is found and called; unique in what a tenant sees.
    pub id: Arc<str>,
    /// Its own name.
    pub name: String,
    /// What kind of thing it is.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// What it does.
    pub description: String,
    /// Who offers it: a server, a provider.
    pub server: String,
    /// JSON Schema of the arguments; an object.
    pub input_schema: Value,
    /// JSON Schema of the result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<Value>,
    /// The result in words, or as ToolWeaver writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returns: Option<Value>,
    /// Whatever else was said of it.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub metadata: Map<String, Value>,
    /// Where it came from: `jsonl`, `json`, `openapi`.
    pub source: String,
    /// Its own version, such as `1.0`.
    pub version: String,
    /// Whether clients load it only when it is found.
    pub defer_loading: bool,
    /// How it is used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<Example>,
    /// What it is about.
    pub domain: String,
    /// Words to filter by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Whose it is; nobody's: everybody's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<Arc<str>>,
    /// Who may find and call it: this role and those above.
    #[serde(with = "role")]
    pub role: Role,
    /// What whoever offers it says of it.
    pub annotations: Annotations,
    /// Whether the operator vouches that it changes nothing.
    #[serde(default)]
    pub trusted_read_only: bool,
    /// How it is called, where that can be done from here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<Http>,
}

/// Roles by name.
mod role {
    use caller::Role;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(role: &Role, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(role.name())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Role, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Definition {
    /// What it does, in a line.
    pub fn summary(&self) -> String {
        first_sentence(&self.description, SUMMARY_CHARS_MAX)
    }

    /// Its parameters, as far as the schema names them.
    pub fn parameters(&self) -> Vec<Parameter> {
        parameters(&self.input_schema)
    }

    /// As OpenAI's `tools` want it, with its examples at the end of the description.
    pub fn to_llm_format(&self) -> Value {
        let mut description = self.description.clone();
        for (at, example) in self.examples.iter().enumerate() {
            let head = if at == 0 { "\n\nExamples:" } else { "" };
            description += &format!("{head}\n- {}: {} → {}", example.scenario, example.input, example.output);
            if !example.notes.is_empty() {
                description += &format!(" ({})", example.notes);
            }
        }
        let function = json!({ "name": self.name, "description": description, "parameters": self.input_schema });
        json!({ "type": "function", "function": function })
    }

    /// As clients are shown it: with its parameters, and without what only the server needs.
    pub fn shown(&self) -> Value {
        let mut shown = serde_json::to_value(self).unwrap_or_default();
        if let Some(shown) = shown.as_object_mut() {
            let http = shown.remove("http");
            if let Some(http) = http {
                let part = |key: &str| http.get(key).cloned().unwrap_or_default();
                let operation = part("operation");
                let of = |key: &str| operation.get(key).cloned().unwrap_or_default();
                let told = json!({
                    "base_url": part("base_url"), "method": of("method"), "path": of("path"),
                    "credential": part("credential"),
                });
                shown.insert("http".to_owned(), told);
            }
            shown.insert("parameters".to_owned(), json!(self.parameters()));
        }
        shown
    }

    /// About how many tokens its definition takes in a model's context: a token for every four bytes.
    pub fn tokens(&self) -> u64 {
        let text = self.name.len() + self.description.len() + self.input_schema.to_string().len();
        tokens(text)
    }

    /// Whether calling it through `call_read_tool` is right.
    pub fn call_with(&self) -> &'static str {
        if self.trusted_read_only { "call_read_tool" } else { "call_tool" }
    }
}

/// About how many tokens so many bytes are.
pub fn tokens(bytes: usize) -> u64 {
    (bytes as u64).div_ceil(4)
}

/// The parameters that a schema names.
pub(crate) fn parameters(schema: &Value) -> Vec<Parameter> {
    let required: Vec<&str> =
        schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let properties = schema.get("properties").and_then(Value::as_object);
    let of = |(name, part): (&String, &Value)| Parameter {
        name: name.clone(),
        kind: type_of(part),
        description: part.get("description").and_then(Value::as_str).unwrap_or_default().to_owned(),
        required: required.contains(&name.as_str()),
        choices: part.get("enum").and_then(Value::as_array).cloned(),
        properties: part.get("properties").filter(|it| it.is_object()).cloned(),
        items: part.get("items").cloned(),
        default: part.get("default").cloned(),
    };
    properties.into_iter().flatten().map(of).collect()
}

fn type_of(schema: &Value) -> String {
    match schema.get("type") {
        Some(Value::String(name)) => name.clone(),
        Some(Value::Array(names)) => {
            let first = names.iter().filter_map(Value::as_str).find(|name| *name != "null");
            first.unwrap_or("null").to_owned()
        }
        _ if schema.get("properties").is_some() => "object".to_owned(),
        _ => "any".to_owned(),
    }
}

/// The schema that parameters say.
pub(crate) fn schema_of(parameters: &[Parameter]) -> Value {
    let mut properties = Map::new();
    for it in parameters {
        let mut part = Map::new();
        if !it.kind.is_empty() && it.kind != "any" {
            part.insert("type".to_owned(), json!(it.kind));
        }
        if !it.description.is_empty() {
            part.insert("description".to_owned(), json!(it.description));
        }
        let more = [
            ("enum", it.choices.clone().map(Value::Array)),
            ("properties", it.properties.clone()),
            ("items", it.items.clone()),
            ("default", it.default.clone()),
        ];
        part.extend(more.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))));
        properties.insert(it.name.clone(), Value::Object(part));
    }
    let required: Vec<&str> = parameters.iter().filter(|it| it.required).map(|it| it.name.as_str()).collect();
    let mut schema = json!({ "type": "object", "properties": properties });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

/// Names and descriptions in a schema, for the index: those of members of members too, up to a depth and a size.
pub fn words_of(schema: &Value) -> Vec<(String, String)> {
    let (mut words, mut room) = (Vec::new(), WORDS_BYTES_MAX);
    gather(schema, &mut words, &mut room, 0);
    words
}

fn gather(schema: &Value, words: &mut Vec<(String, String)>, room: &mut usize, depth: usize) {
    if depth > PARAMETER_DEPTH_MAX {
        return;
    }
    for (name, part) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let text = part.get("description").and_then(Value::as_str).unwrap_or_default();
        let size = name.len() + text.len();
        if size > *room {
            return;
        }
        *room -= size;
        words.push((name.clone(), text.to_owned()));
        gather(part, words, room, depth + 1);
        if let Some(items) = part.get("items") {
            gather(items, words, room, depth + 1);
        }
    }
}

#[cfg(test)]
mod tests;
