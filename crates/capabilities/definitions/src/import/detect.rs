//! Which format a document is in, and what its lines or items are.

use serde::de::IgnoredAny;
use serde_json::{Map, Value};

/// What a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A tool in each line, as JSON.
    JsonLines,
    /// A list of tools, or an object with `tools`.
    Json,
    /// OpenAPI 3, as JSON or YAML.
    OpenApi,
    /// The configuration file of an MCP client: servers, as JSON or TOML.
    Mcp,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::JsonLines, Self::Json, Self::OpenApi, Self::Mcp];

    /// As it is written: `jsonl`, `json`, `openapi` or `mcp`.
    pub fn name(self) -> &'static str {
        match self {
            Self::JsonLines => "jsonl",
            Self::Json => "json",
            Self::OpenApi => "openapi",
            Self::Mcp => "mcp",
        }
    }

    /// The format that a word names.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == word)
    }
}

/// The tops of the objects that configuration files of clients are.
const SERVERS: [&str; 3] = ["mcpServers", "servers", "mcp_servers"];

/// What a document looks like.
pub(super) fn format(bytes: &[u8]) -> Result<Format, (String, String)> {
    let text = bytes.trim_ascii_start();
    let unknown = || {
        let hint = "send tools as JSON Lines or a JSON list, an OpenAPI document, or an MCP client's configuration";
        ("the document is none of the formats known".to_owned(), hint.to_owned())
    };
    match text.first() {
        None => Err(("the document is empty".to_owned(), unknown().1)),
        Some(b'[') if serde_json::from_slice::<IgnoredAny>(text).is_ok() => Ok(Format::Json),
        Some(b'{') => Ok(object(text)),
        _ => yaml_or_toml(bytes).ok_or_else(unknown),
    }
}

fn object(text: &[u8]) -> Format {
    // With comments in it, as VS Code allows, it is no JSON, and a configuration file all the same.
    let Ok(whole) = serde_json::from_slice::<Map<String, Value>>(text) else {
        let configured = SERVERS.iter().any(|key| contains(text, format!("\"{key}\"").as_bytes()));
        let first = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let lines = serde_json::from_slice::<IgnoredAny>(first).is_ok();
        return if configured && !lines { Format::Mcp } else { Format::JsonLines };
    };
    if whole.contains_key("openapi") || whole.contains_key("swagger") {
        return Format::OpenApi;
    }
    if SERVERS.iter().any(|key| whole.get(*key).is_some_and(|it| it.is_object() || it.is_array())) {
        return Format::Mcp;
    }
    if whole.contains_key("mcp") { Format::Mcp } else { Format::Json }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

fn yaml_or_toml(bytes: &[u8]) -> Option<Format> {
    let text = std::str::from_utf8(bytes).ok()?;
    let starts = |head: &str| text.lines().any(|line| line.trim_start_matches(['"', '\'']).starts_with(head));
    if starts("openapi") || starts("swagger") {
        return Some(Format::OpenApi);
    }
    text.lines().any(|line| line.trim_start().starts_with("[mcp_servers")).then_some(Format::Mcp)
}

/// A line's item with its number, for each line that is not empty.
pub(super) fn lines(bytes: &[u8]) -> impl Iterator<Item = (usize, Result<Value, String>)> + Send + '_ {
    let numbered = bytes.split(|byte| *byte == b'\n').enumerate();
    let full = numbered.filter(|(_, line)| !line.trim_ascii().is_empty());
    full.map(|(at, line)| {
        (at + 1, serde_json::from_slice(line).map_err(|error| format!("the line is no JSON: {error}")))
    })
}

/// The items of a list, or of the list in `tools`.
pub(super) fn list(
    bytes: &[u8],
) -> Result<impl Iterator<Item = (usize, Result<Value, String>)> + Send + use<>, (String, String)> {
    let hint = || "send a list of tools, or an object with `tools`".to_owned();
    let whole: Value =
        serde_json::from_slice(bytes).map_err(|error| (format!("the document is no JSON: {error}"), hint()))?;
    let items = match whole {
        Value::Array(items) => items,
        Value::Object(mut object) => match object.remove("tools") {
            Some(Value::Array(items)) => items,
            // ToolWeaver's catalogues map names to tools.
            Some(Value::Object(named)) => named.into_iter().map(|(name, tool)| with_name(name, tool)).collect(),
            None if object.contains_key("name") || object.contains_key("function") => vec![Value::Object(object)],
            _ => return Err(("the object holds no `tools`".to_owned(), hint())),
        },
        _ => return Err(("the document is neither a list nor an object".to_owned(), hint())),
    };
    Ok(items.into_iter().enumerate().map(|(at, item)| (at + 1, Ok(item))))
}

fn with_name(name: String, mut tool: Value) -> Value {
    if let Some(tool) = tool.as_object_mut() {
        tool.entry("name").or_insert(Value::String(name));
    }
    tool
}
