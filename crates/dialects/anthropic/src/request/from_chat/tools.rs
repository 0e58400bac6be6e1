//! Tools of a chat as Anthropic's models are offered them. Refuses to know what they do.

use super::super::given::{given, list, text, wrong};
use super::super::note;
use super::Draft;
use super::messages::Said;
use serde_json::{Value, json};
use wire::WireError;

/// Writes the tools and which of them may be called; tells whether one has to be.
pub(super) fn tools(chat: &Value, said: &Said, draft: &mut Draft) -> Result<bool, WireError> {
    let mut tools = Vec::new();
    if let Some(offered) = given(chat, "tools") {
        for (at, offer) in list(offered, "tools", "a list of tools")?.iter().enumerate() {
            tools.push(tool(offer, &format!("tools[{at}]"), &mut draft.lost)?);
        }
    }
    if tools.is_empty() {
        // Whoever speaks of calls has to say which tools there are, even where none may be called any more.
        if !said.called.is_empty() {
            let named = said.called.iter().map(|name| json!({ "name": name, "input_schema": { "type": "object" } }));
            draft.set("tools", &named.collect());
            draft.set("tool_choice", &json!({ "type": "none" }));
        }
        return Ok(false);
    }
    draft.set("tools", &Value::Array(tools));
    let choice = choice(given(chat, "tool_choice"), &mut draft.lost);
    let one_by_one = chat["parallel_tool_calls"] == false && choice.as_ref().is_none_or(|c| c["type"] != "none");
    let forced = choice.as_ref().is_some_and(|choice| choice["type"] == "any" || choice["type"] == "tool");
    let mut choice = choice.or_else(|| one_by_one.then(|| json!({ "type": "auto" })));
    if let Some(choice) = &mut choice {
        if one_by_one {
            choice["disable_parallel_tool_use"] = json!(true);
        }
        draft.set("tool_choice", choice);
    }
    Ok(forced)
}

fn tool(offer: &Value, at: &str, lost: &mut Vec<String>) -> Result<Value, WireError> {
    if !offer.is_object() {
        return Err(wrong(at, "a tool", offer));
    }
    let mut tool = match given(offer, "custom") {
        Some(custom) => {
            let name = text(custom, &format!("{at}.custom"), "name")?;
            note(lost, format!("`{name}` as a custom tool (it is called with one text, `input`)"));
            let properties = json!({ "input": { "type": "string" } });
            let schema = json!({ "type": "object", "properties": properties, "required": ["input"] });
            described(name, custom, &schema)
        }
        None => {
            let at = format!("{at}.function");
            let function = given(offer, "function").ok_or_else(|| WireError::Missing { param: at.clone() })?;
            let empty = json!({ "type": "object", "properties": {} });
            let schema = given(function, "parameters").unwrap_or(&empty);
            described(text(function, &at, "name")?, function, schema)
        }
    };
    if let Some(control) = given(offer, "cache_control") {
        tool["cache_control"] = control.clone();
    }
    Ok(tool)
}

fn described(name: &str, offer: &Value, schema: &Value) -> Value {
    let mut tool = json!({ "name": name });
    if let Some(description) = given(offer, "description") {
        tool["description"] = description.clone();
    }
    tool["input_schema"] = schema.clone();
    if offer["strict"] == true {
        tool["strict"] = json!(true);
    }
    tool
}

fn choice(choice: Option<&Value>, lost: &mut Vec<String>) -> Option<Value> {
    let choice = choice?;
    let mode = |mode: Option<&str>| match mode {
        Some("auto") => Some(json!({ "type": "auto" })),
        Some("required" | "any") => Some(json!({ "type": "any" })),
        Some("none") => Some(json!({ "type": "none" })),
        _ => None,
    };
    let named = choice["function"]["name"].as_str().or_else(|| choice["custom"]["name"].as_str());
    let chosen = match (choice, named) {
        (Value::String(word), _) => mode(Some(word)),
        (_, Some(name)) => Some(json!({ "type": "tool", "name": name })),
        (_, None) => {
            // Which of the tools are allowed cannot be said.
            note(lost, "`tool_choice.allowed_tools`");
            return mode(choice["allowed_tools"]["mode"].as_str());
        }
    };
    if chosen.is_none() {
        note(lost, "`tool_choice`");
    }
    chosen
}
