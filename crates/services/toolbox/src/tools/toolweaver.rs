//! The tools that ToolWeaver's users know: `tool_search_tool` and its companions.

use super::{Outcome, Run, Short, arguments, call, inner, result_schema, spec};
use crate::{Call, Detail, Find, Toolbox, Wanted};
use caller::{Caller, ToolSpec};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// The most tools of one search.
const TOP_K_MAX: usize = 50;

pub(super) fn all() -> Vec<(ToolSpec, Run)> {
    vec![
        (spec(search_spec()), |toolbox, caller, given| Box::pin(search(toolbox, caller, given))),
        (spec(list_spec()), |toolbox, caller, given| Box::pin(list(toolbox, caller, given))),
        (spec(info_spec()), |toolbox, caller, given| Box::pin(info(toolbox, caller, given))),
        (spec(execute_spec()), |toolbox, caller, given| Box::pin(execute(toolbox, caller, given))),
        (spec(statistics_spec()), |toolbox, caller, given| Box::pin(statistics(toolbox, caller, given))),
    ]
}

fn object(properties: Value, required: &[&str]) -> Value {
    json!({ "type": "object", "properties": properties, "required": required })
}

fn search_spec() -> Short {
    Short {
        name: "tool_search_tool",
        title: "Search for tools",
        description: "Search the catalogue for tools by what you need done. Returns the definitions of the best.",
        input: object(
            json!({
                "query": { "type": "string", "description": "what the tool should do" },
                "top_k": { "type": "integer", "minimum": 1, "maximum": TOP_K_MAX, "default": 5 },
                "domain": { "type": "string", "description": "look in this domain alone; `auto`: in the query's own" }
            }),
            &["query"],
        ),
        output: object(
            json!({
                "tools": { "type": "array", "items": { "type": "object" } },
                "query": { "type": "string" },
                "total_available": { "type": "integer" },
                "returned": { "type": "integer" },
                "weak": { "type": "boolean" },
                "degraded": { "type": "string" }
            }),
            &["tools", "query", "total_available", "returned"],
        ),
        read_only: true,
        open_world: false,
    }
}

fn list_spec() -> Short {
    Short {
        name: "list_tools",
        title: "List tools",
        description: "List the catalogue in pages, optionally of one server or domain.",
        input: object(
            json!({
                "server": { "type": "string" }, "domain": { "type": "string" }, "cursor": { "type": "string" },
                "limit": { "type": "integer", "minimum": 1, "maximum": 1000, "default": 50 }
            }),
            &[],
        ),
        output: object(
            json!({ "data": { "type": "array", "items": { "type": "object" } }, "cursor": { "type": ["string", "null"] } }),
            &["data"],
        ),
        read_only: true,
        open_world: false,
    }
}

fn info_spec() -> Short {
    Short {
        name: "tool_info",
        title: "Tell about a tool",
        description: "A tool's whole definition, also in the format for models, and how its calls went.",
        input: object(json!({ "name": { "type": "string", "description": "the tool's id" } }), &["name"]),
        output: object(json!({ "tool": { "type": "object" }, "llm_format": { "type": "object" } }), &["tool"]),
        read_only: true,
        open_world: false,
    }
}

fn execute_spec() -> Short {
    Short {
        name: "execute_tool",
        title: "Execute a tool",
        description: "Call a tool of the catalogue.",
        input: object(
            json!({
                "name": { "type": "string", "description": "the tool's id" },
                "parameters": { "type": "object" },
                "idempotency_key": { "type": "string" }
            }),
            &["name"],
        ),
        output: result_schema(),
        read_only: false,
        open_world: true,
    }
}

fn statistics_spec() -> Short {
    Short {
        name: "tool_statistics",
        title: "Statistics of tools",
        description: "How many tools there are by domain, server and type, and how their calls went.",
        input: object(json!({}), &[]),
        output: json!({ "type": "object" }),
        read_only: true,
        open_world: false,
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SearchArguments {
    query: String,
    top_k: Option<usize>,
    domain: Option<String>,
}

async fn search(toolbox: &Arc<Toolbox>, caller: &Caller, given: Value) -> Outcome {
    let given: SearchArguments = arguments(given)?;
    let top_k = given.top_k.unwrap_or(5);
    if !(1..=TOP_K_MAX).contains(&top_k) {
        return Err(crate::ToolboxError::argument(format!("`top_k` must be 1 to {TOP_K_MAX}"), None));
    }
    let find = Find {
        query: given.query.clone(),
        limit: top_k,
        domain: given.domain,
        detail: Detail::Names,
        max_tokens: usize::MAX,
        ..Find::default()
    };
    let answer = toolbox.find(caller, &find).await?;
    let mut tools = Vec::with_capacity(answer.tools.len());
    for found in &answer.tools {
        let mut shown = toolbox.get(&caller.guest.identity, &found.id).await?.definition.shown();
        shown["relevance_score"] = json!(found.score);
        tools.push(shown);
    }
    let mut told = json!({
        "returned": tools.len(), "tools": tools, "query": given.query, "total_available": answer.total_available,
        "weak": answer.weak,
    });
    if let Some(degraded) = answer.degraded {
        told["degraded"] = json!(degraded);
    }
    if let Some(domain) = answer.domain {
        told["domain"] = json!(domain);
    }
    Ok(told)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListArguments {
    server: Option<String>,
    domain: Option<String>,
    cursor: Option<String>,
    limit: Option<usize>,
}

async fn list(toolbox: &Arc<Toolbox>, caller: &Caller, given: Value) -> Outcome {
    let given: ListArguments = arguments(given)?;
    let wanted = Wanted {
        server: given.server,
        domain: given.domain,
        cursor: given.cursor,
        limit: Some(given.limit.unwrap_or(50)),
        ..Wanted::default()
    };
    toolbox.list(&caller.guest.identity, &wanted).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InfoArguments {
    #[serde(alias = "id", alias = "tool_name")]
    name: String,
}

async fn info(toolbox: &Arc<Toolbox>, caller: &Caller, given: Value) -> Outcome {
    let given: InfoArguments = arguments(given)?;
    let info = toolbox.get(&caller.guest.identity, &given.name).await?;
    Ok(json!({ "llm_format": info.definition.to_llm_format(), "tool": info.shown() }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExecuteArguments {
    #[serde(alias = "id", alias = "tool_name")]
    name: String,
    #[serde(alias = "arguments")]
    parameters: Option<Value>,
    idempotency_key: Option<String>,
}

async fn execute(toolbox: &Arc<Toolbox>, caller: &Caller, given: Value) -> Outcome {
    let given: ExecuteArguments = arguments(given)?;
    let wanted = Call {
        id: given.name,
        arguments: inner(given.parameters)?,
        idempotency_key: given.idempotency_key,
        query: None,
        read_only: false,
    };
    call(toolbox, caller, wanted).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoArguments {}

async fn statistics(toolbox: &Arc<Toolbox>, caller: &Caller, given: Value) -> Outcome {
    let NoArguments {} = arguments(given)?;
    Ok(serde_json::to_value(toolbox.statistics(&caller.guest.identity)).unwrap_or_default())
}
