//! `find_tools`, `describe_tools`, `call_tool`, `call_read_tool`.

use super::{Outcome, Run, Short, arguments, call, inner, result_schema, spec};
use crate::catalogue::Viewer;
use crate::error::ToolboxError;
use crate::{Call, Detail, Find, Toolbox};
use caller::{Caller, ToolSpec};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// The most tools that one answer of `find_tools` names.
const FOUND_MAX: usize = 20;
/// The most tools that are described at once.
const DESCRIBED_MAX: usize = 10;
/// The most that an answer may be asked to take, in tokens.
const TOKENS_MAX: usize = 50_000;

pub(super) fn all() -> Vec<(ToolSpec, Run)> {
    vec![
        (spec(find_spec()), |toolbox, caller, given| Box::pin(find(toolbox, caller, given))),
        (spec(describe_spec()), |toolbox, caller, given| Box::pin(describe(toolbox, caller, given))),
        (spec(call_spec()), |toolbox, caller, given| Box::pin(call_any(toolbox, caller, given))),
        (spec(read_spec()), |toolbox, caller, given| Box::pin(call_read(toolbox, caller, given))),
    ]
}

fn find_spec() -> Short {
    Short {
        name: "find_tools",
        title: "Find tools",
        description: "Search a large catalogue of tools by what you need done. Call a tool it finds by its id through \
                      the tool named in call_with.",
        input: json!({
            "type": "object",
            "properties": {
                "query": { "type": "string", "description": "what the tool should do" },
                "limit": { "type": "integer", "minimum": 1, "maximum": FOUND_MAX, "default": 5 },
                "server": { "type": "string" },
                "tags": { "type": "array", "items": { "type": "string" } },
                "read_only": { "type": "boolean", "description": "only tools that change nothing" },
                "detail": { "enum": ["names", "summary", "schema"], "default": "summary" },
                "max_tokens": { "type": "integer", "minimum": 1, "maximum": TOKENS_MAX, "default": 2000 }
            },
            "required": ["query"], "additionalProperties": false
        }),
        output: json!({
            "type": "object",
            "properties": {
                "tools": { "type": "array", "items": { "type": "object", "properties": {
                    "id": { "type": "string" }, "server": { "type": "string" }, "summary": { "type": "string" },
                    "score": { "type": "number" }, "call_with": { "type": "string" },
                    "input_schema": { "type": "object" }
                }, "required": ["id", "score", "call_with"] } },
                "truncated": { "type": "boolean" },
                "catalog_version": { "type": "integer" },
                "weak": { "type": "boolean", "description": "probably none fits" },
                "degraded": { "type": "string" },
                "tokens": { "type": "object" }
            },
            "required": ["tools", "truncated", "catalog_version"]
        }),
        read_only: true,
        open_world: false,
    }
}

fn describe_spec() -> Short {
    Short {
        name: "describe_tools",
        title: "Describe tools",
        description: "Full definitions of tools by id: arguments, examples, how their calls went.",
        input: json!({
            "type": "object",
            "properties": { "ids": {
                "type": "array", "items": { "type": "string" }, "minItems": 1, "maxItems": DESCRIBED_MAX } },
            "required": ["ids"], "additionalProperties": false
        }),
        output: json!({
            "type": "object",
            "properties": {
                "tools": { "type": "array", "items": { "type": "object" } },
                "unknown": { "type": "array", "items": { "type": "object" } }
            },
            "required": ["tools"]
        }),
        read_only: true,
        open_world: false,
    }
}

fn call_spec() -> Short {
    Short {
        name: "call_tool",
        title: "Call a tool",
        description: "Call a tool of the catalogue. Large results come as a resource_link.",
        input: json!({
            "type": "object",
            "properties": {
                "id": { "type": "string" },
                "arguments": { "type": "object", "description": "as its input_schema says" },
                "idempotency_key": { "type": "string", "description": "same key, same call: made once a day" },
                "affinity": { "type": "string" }
            },
            "required": ["id"]
        }),
        output: result_schema(),
        read_only: false,
        open_world: true,
    }
}

fn read_spec() -> Short {
    Short {
        name: "call_read_tool",
        title: "Call a read-only tool",
        description: "As call_tool, for tools that change nothing; others are refused.",
        input: json!({
            "type": "object",
            "properties": { "id": { "type": "string" }, "arguments": { "type": "object" } },
            "required": ["id"], "additionalProperties": false
        }),
        output: result_schema(),
        read_only: true,
        open_world: true,
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FindArguments {
    query: String,
    limit: Option<usize>,
    server: Option<String>,
    tags: Option<Vec<String>>,
    read_only: Option<bool>,
    detail: Option<String>,
    max_tokens: Option<usize>,
}

async fn find(toolbox: &Arc<Toolbox>, caller: &Caller, given: Value) -> Outcome {
    let given: FindArguments = arguments(given)?;
    let detail = match given.detail.as_deref() {
        None => Detail::Summary,
        Some(word) => Detail::named(word).ok_or_else(|| {
            let hint = "write `names`, `summary` or `schema`".to_owned();
            ToolboxError::argument(format!("`detail` is `{}`", definitions::text::cut(word, 40)), hint)
        })?,
    };
    let limit = given.limit.unwrap_or(5);
    if !(1..=FOUND_MAX).contains(&limit) {
        return Err(ToolboxError::argument(format!("`limit` must be 1 to {FOUND_MAX}"), None));
    }
    let max_tokens = given.max_tokens.unwrap_or(2_000);
    if !(1..=TOKENS_MAX).contains(&max_tokens) {
        return Err(ToolboxError::argument(format!("`max_tokens` must be 1 to {TOKENS_MAX}"), None));
    }
    let wanted = Find {
        query: given.query,
        limit,
        server: given.server,
        tags: given.tags.unwrap_or_default(),
        read_only: given.read_only.unwrap_or(false),
        domain: None,
        detail,
        max_tokens,
    };
    let answer = toolbox.find(caller, &wanted).await?;
    Ok(serde_json::to_value(answer).unwrap_or_default())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DescribeArguments {
    ids: Vec<String>,
}

async fn describe(toolbox: &Arc<Toolbox>, caller: &Caller, given: Value) -> Outcome {
    let given: DescribeArguments = arguments(given)?;
    if given.ids.is_empty() || given.ids.len() > DESCRIBED_MAX {
        return Err(ToolboxError::argument(format!("`ids` must hold 1 to {DESCRIBED_MAX} ids"), None));
    }
    let (mut tools, mut unknown, mut last) = (Vec::new(), Vec::new(), None);
    for id in &given.ids {
        match toolbox.get(&caller.guest.identity, id).await {
            Ok(info) => tools.push(info.shown()),
            Err(ToolboxError::Unknown { what, id, nearest }) => {
                unknown.push(json!({ "id": id, "nearest": nearest }));
                last = Some(ToolboxError::Unknown { what, id, nearest });
            }
            Err(error) => return Err(error),
        }
    }
    match last {
        Some(error) if tools.is_empty() && given.ids.len() == 1 => Err(error),
        _ if unknown.is_empty() => Ok(json!({ "tools": tools })),
        _ => Ok(json!({ "tools": tools, "unknown": unknown })),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CallArguments {
    id: String,
    arguments: Option<Value>,
    idempotency_key: Option<String>,
    /// Upstreams with a state are not connected yet; until then this changes nothing.
    #[serde(rename = "affinity")]
    _affinity: Option<String>,
    query: Option<String>,
}

async fn call_any(toolbox: &Arc<Toolbox>, caller: &Caller, given: Value) -> Outcome {
    let given: CallArguments = arguments(given)?;
    let wanted = Call {
        arguments: inner_or_schema(toolbox, caller, &given.id, given.arguments).await?,
        id: given.id,
        idempotency_key: given.idempotency_key,
        query: given.query,
        read_only: false,
    };
    call(toolbox, caller, wanted).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadArguments {
    id: String,
    arguments: Option<Value>,
    query: Option<String>,
}

async fn call_read(toolbox: &Arc<Toolbox>, caller: &Caller, given: Value) -> Outcome {
    let given: ReadArguments = arguments(given)?;
    let wanted = Call {
        arguments: inner_or_schema(toolbox, caller, &given.id, given.arguments).await?,
        id: given.id,
        idempotency_key: None,
        query: given.query,
        read_only: true,
    };
    call(toolbox, caller, wanted).await
}

/// The arguments of the tool that is meant; what is no object is told with that tool's schema, if it is known.
async fn inner_or_schema(
    toolbox: &Arc<Toolbox>,
    caller: &Caller,
    id: &str,
    given: Option<Value>,
) -> Result<serde_json::Map<String, Value>, ToolboxError> {
    match inner(given) {
        Ok(members) => Ok(members),
        Err(error) => {
            let entry = toolbox.entry(&Viewer::of(&caller.guest.identity), id).await?;
            let tool = toolbox.definition(&entry).await?;
            Err(crate::call::misfit(&tool, definitions::Misfit::unfit(&tool, vec![error.to_string()])))
        }
    }
}
