//! Tools that a client offers, as a chat offers them. Refuses to know what they do.

use super::super::given::{given, list, text, wrong};
use super::super::note;
use super::content::cached;
use super::is_strict;
use serde_json::{Map, Value, json};
use wire::WireError;

/// Sets the tools and which of them may be called.
pub(super) fn tools(
    offered: &Value,
    choice: Option<&Value>,
    chat: &mut Map<String, Value>,
    lost: &mut Vec<String>,
) -> Result<(), WireError> {
    let mut functions = Vec::new();
    for (at, tool) in list(offered, "tools", "a list of tools")?.iter().enumerate() {
        let at = format!("tools[{at}]");
        if !tool.is_object() {
            return Err(wrong(at, "a tool", tool));
        }
        functions.extend(function(tool, &at, lost)?);
    }
    let choice = choice.map(|choice| chosen(choice, lost)).transpose()?;
    if functions.is_empty() {
        return Ok(());
    }
    let named = |name: &Value| functions.iter().any(|tool| tool["function"]["name"] == *name);
    if let Some((choice, one_by_one)) = choice {
        match choice.as_ref().map(|choice| &choice["function"]["name"]) {
            Some(name) if !name.is_null() && !named(name) => note(lost, "`tool_choice`"),
            _ => chat.extend(choice.map(|choice| ("tool_choice".to_owned(), choice))),
        }
        if one_by_one {
            chat.insert("parallel_tool_calls".to_owned(), json!(false));
        }
    }
    chat.insert("tools".to_owned(), Value::Array(functions));
    Ok(())
}

fn function(tool: &Value, at: &str, lost: &mut Vec<String>) -> Result<Option<Value>, WireError> {
    let name = text(tool, at, "name");
    let kind = given(tool, "type").map_or(Ok("custom"), |_| text(tool, at, "type"))?;
    if kind != "custom" {
        // Those with a date in their type have no schema: only Anthropic's models know how to call them.
        let name = name.unwrap_or(kind);
        let whose = if is_run_there(kind) { "only Anthropic runs" } else { "only Anthropic's models know" };
        note(lost, format!("`{name}` (a tool that {whose})"));
        return Ok(None);
    }
    let mut function = json!({ "name": name? });
    for (key, value) in tool.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null()) {
        match key.as_str() {
            "type" | "name" | "cache_control" => {}
            "description" => function["description"] = value.clone(),
            "strict" if value == &json!(true) && is_strict(&tool["input_schema"]) => function["strict"] = json!(true),
            "strict" if value == &json!(false) => {}
            "input_schema" if value.is_object() => function["parameters"] = value.clone(),
            "input_schema" => return Err(wrong(format!("{at}.input_schema"), "an object", value)),
            _ => note(lost, format!("`tools.{key}`")),
        }
    }
    if function.get("parameters").is_none() {
        return Err(WireError::Missing { param: format!("{at}.input_schema") });
    }
    Ok(Some(cached(json!({ "type": "function", "function": function }), tool)))
}

fn is_run_there(kind: &str) -> bool {
    !["bash_", "text_editor_", "computer_", "memory_"].iter().any(|known| kind.starts_with(known))
}

/// Which tool may be called, and whether one at a time.
fn chosen(choice: &Value, lost: &mut Vec<String>) -> Result<(Option<Value>, bool), WireError> {
    if !choice.is_object() {
        return Err(wrong("tool_choice", "an object", choice));
    }
    let chosen = match text(choice, "tool_choice", "type")? {
        "auto" => Some(json!("auto")),
        "any" => Some(json!("required")),
        "none" => Some(json!("none")),
        "tool" => {
            let name = text(choice, "tool_choice", "name")?;
            Some(json!({ "type": "function", "function": { "name": name } }))
        }
        _ => {
            note(lost, "`tool_choice`");
            None
        }
    };
    Ok((chosen, choice["disable_parallel_tool_use"] == true))
}
