//! Tools and the choice among them, as Converse wants them.

use super::content::{Draft, is_tool};
use super::request::cannot;
use crate::ConverseError;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// The tools on offer; `None` where there are none and the conversation has called none.
///
/// Tools that take plain text are offered with one member, `input`, and noted in `custom`.
pub(crate) fn config(
    draft: &mut Draft,
    chat: &Map<String, Value>,
    custom: &mut BTreeSet<String>,
) -> Result<Option<Value>, ConverseError> {
    let mut tools = Vec::new();
    let given = match chat.get("tools") {
        None | Some(Value::Null) => &[],
        Some(Value::Array(given)) => given.as_slice(),
        Some(_) => return Err(cannot("`tools` must be a list")),
    };
    for (at, tool) in given.iter().enumerate() {
        let at = format!("tools[{at}]");
        match tool["type"].as_str().unwrap_or_default() {
            "function" => tools.push(function(&tool["function"], &at)?),
            "custom" => tools.push(plain(draft, &tool["custom"], &at, custom)?),
            other => {
                draft.lose(format!("`{other}` (a tool that only its maker runs)"));
                continue;
            }
        }
        draft.mark(tool, &mut tools);
    }
    let needed = draft.messages.iter().flat_map(|(_, blocks)| blocks).any(is_tool);
    let choice = chat.get("tool_choice").unwrap_or(&Value::Null);
    // Converse cannot forbid tools: they are left out, unless the conversation has used them.
    if choice == "none" && !tools.is_empty() {
        if !needed {
            return Ok(None);
        }
        draft.lose("`tool_choice` `none`: the conversation has called tools".to_owned());
    }
    if tools.is_empty() && needed {
        tools
            .extend(draft.called.iter().map(|name| json!({ "toolSpec": { "name": name, "inputSchema": anything() } })));
    }
    if tools.is_empty() {
        return Ok(None);
    }
    if chat.get("parallel_tool_calls") == Some(&Value::Bool(false)) {
        draft.lose("`parallel_tool_calls`".to_owned());
    }
    let mut config = json!({ "tools": tools });
    if let Some(choice) = chosen(draft, choice) {
        config["toolChoice"] = choice;
    }
    Ok(Some(config))
}

fn anything() -> Value {
    json!({ "json": { "type": "object", "properties": {} } })
}

fn function(given: &Value, at: &str) -> Result<Value, ConverseError> {
    let mut spec = spec(given, at)?;
    let schema = given.get("parameters").filter(|schema| schema.is_object());
    spec["inputSchema"] = schema.map_or_else(anything, |schema| json!({ "json": schema }));
    if given["strict"] == true {
        spec["strict"] = true.into();
    }
    Ok(json!({ "toolSpec": spec }))
}

fn plain(draft: &mut Draft, given: &Value, at: &str, custom: &mut BTreeSet<String>) -> Result<Value, ConverseError> {
    let mut spec = spec(given, at)?;
    if let Some(name) = given["name"].as_str() {
        custom.insert(name.to_owned());
    }
    if given["format"]["type"] == "grammar" {
        draft.lose(format!("`{at}.custom.format`"));
    }
    let schema = json!({ "type": "object", "properties": { "input": { "type": "string" } }, "required": ["input"] });
    spec["inputSchema"] = json!({ "json": schema });
    Ok(json!({ "toolSpec": spec }))
}

fn spec(given: &Value, at: &str) -> Result<Value, ConverseError> {
    let name = given["name"].as_str().ok_or_else(|| cannot(format!("`{at}` has no name")))?;
    let mut spec = json!({ "name": name });
    if let Some(description) = given["description"].as_str().filter(|text| !text.trim().is_empty()) {
        spec["description"] = description.into();
    }
    Ok(spec)
}

fn chosen(draft: &mut Draft, choice: &Value) -> Option<Value> {
    match choice {
        Value::String(word) if word == "auto" => Some(json!({ "auto": {} })),
        Value::String(word) if word == "required" => Some(json!({ "any": {} })),
        Value::Null | Value::String(_) => None,
        object => {
            let name = object["function"]["name"].as_str().or_else(|| object["custom"]["name"].as_str());
            if name.is_none() {
                draft.lose("`tool_choice` (a choice among several)".to_owned());
            }
            name.map(|name| json!({ "tool": { "name": name } }))
        }
    }
}
