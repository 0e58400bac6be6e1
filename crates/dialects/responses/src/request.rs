//! Requests, into a chat.

mod items;
mod parts;

use super::look::{at, wrong};
use super::tools::{chat_tools, choose};
use bytes::Bytes;
use serde_json::{Map, Value, json};
use std::collections::HashSet;
use std::ops::Range;
use wire::Fields;
use wire::openai::{ChatRequest, Limits};
use wire::{Dialect, Original};
use wire::{WireError, check_nesting};

/// What a chat says in the same words.
const SAME: [&str; 9] = [
    "temperature",
    "top_p",
    "user",
    "service_tier",
    "safety_identifier",
    "prompt_cache_key",
    "prompt_cache_retention",
    "prompt_cache_options",
    "stream",
];
/// What is read elsewhere here, or asks for nothing that a chat could do differently.
const READ: [&str; 14] = [
    "model",
    "input",
    "instructions",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "max_output_tokens",
    "reasoning",
    "text",
    "include",
    "top_logprobs",
    "store",
    "stream_options",
    // Counts the calls of tools that OpenAI runs.
    "max_tool_calls",
];
/// What would need a memory between requests.
const KEPT: [(&str, &str); 3] = [
    ("previous_response_id", "nothing is kept between requests: send the whole conversation in `input`"),
    ("conversation", "nothing is kept between requests: send the whole conversation in `input`"),
    ("prompt", "no templates are kept here: send the text in `instructions` and `input`"),
];
/// The most that is told of what gets lost: a body may hold any number of unknown members.
const LOST_MAX: usize = 32;

/// The chat that a request for a response stands for.
///
/// What only OpenAI's own service can do is no error: it is in [`Original::lost`], and a provider that speaks
/// responses gets the request as it came.
///
/// # Errors
/// [`WireError`] for bytes that are no JSON object, members of the wrong type, content that no chat can hold, and
/// whatever would need something kept between requests.
pub fn request_to_chat(body: Bytes, limits: &Limits) -> Result<ChatRequest, WireError> {
    let asked = read(&body)?;
    let model = model_span(&body)?;
    refuse_kept(&asked)?;
    let mut lost = Vec::new();
    let mut chat = json!({ "model": asked["model"] });
    let messages = items::messages(&asked, &mut lost)?;
    if messages.len() > limits.messages_max {
        let (found, most) = (messages.len().to_string(), limits.messages_max as u64);
        return Err(WireError::OutOfRange { param: "input".into(), found, least: 1, most });
    }
    chat["messages"] = messages.into();
    for key in SAME {
        if !asked[key].is_null() {
            chat[key] = asked[key].clone();
        }
    }
    output(&asked, &mut chat, &mut lost)?;
    offer(&asked, &mut chat, &mut lost)?;
    tell_lost(&asked, &mut lost);
    let mut told = HashSet::new();
    lost.retain(|word| told.insert(word.clone()));
    lost.truncate(LOST_MAX);
    let original = Original { dialect: Dialect::Responses, bytes: body, model, headers: Vec::new(), lost };
    ChatRequest::translated(&chat, original, limits)
}

fn read(body: &Bytes) -> Result<Value, WireError> {
    std::str::from_utf8(body).map_err(|error| WireError::not_utf8(body, &error))?;
    check_nesting(body)?;
    let asked: Value = serde_json::from_slice(body).map_err(|error| WireError::not_json(&error))?;
    if asked.is_object() { Ok(asked) } else { Err(wrong("body", "a JSON object", &asked)) }
}

/// Where the value of `model` stands. Of several the last holds, as it does for whoever reads a map.
fn model_span(body: &Bytes) -> Result<Range<usize>, WireError> {
    let missing = || WireError::Missing { param: "model".into() };
    let fields: Fields<'_> = serde_json::from_slice(body).map_err(|error| WireError::not_json(&error))?;
    let (_, value) = fields.0.iter().rev().find(|(key, _)| key == "model").ok_or_else(missing)?;
    let start = value.get().as_ptr() as usize - body.as_ptr() as usize;
    Ok(start..start + value.get().len())
}

fn refuse_kept(asked: &Value) -> Result<(), WireError> {
    if let Some((key, why)) = KEPT.iter().find(|(key, _)| !asked[key].is_null()) {
        return Err(WireError::Unsupported { param: (*key).to_owned(), why });
    }
    if asked["background"] == true {
        let why = "nothing is kept between requests: leave it out and wait for the answer, or set `stream`";
        return Err(WireError::Unsupported { param: "background".into(), why });
    }
    Ok(())
}

/// How the answer is to be: how long, how well thought through, in which shape.
fn output(asked: &Value, chat: &mut Value, lost: &mut Vec<String>) -> Result<(), WireError> {
    match &asked["max_output_tokens"] {
        Value::Null => {}
        most if most.as_u64().is_some_and(|most| most > 0) => chat["max_completion_tokens"] = most.clone(),
        Value::Number(found) => {
            let (param, found) = ("max_output_tokens".to_owned(), found.to_string());
            return Err(WireError::OutOfRange { param, found, least: 1, most: u64::MAX });
        }
        other => return Err(wrong("max_output_tokens", "a whole number", other)),
    }
    for (key, value) in members(asked, "reasoning")? {
        match key.as_str() {
            "effort" => chat["reasoning_effort"] = value.clone(),
            // Whoever thinks aloud is heard, whether a summary was asked for or not.
            "summary" | "generate_summary" => {}
            other => lost.push(format!("`reasoning.{other}`")),
        }
    }
    for (key, value) in members(asked, "text")? {
        match key.as_str() {
            "format" => format(value, chat)?,
            "verbosity" => chat["verbosity"] = value.clone(),
            other => lost.push(format!("`text.{other}`")),
        }
    }
    let asks = |what: &str| asked["include"].as_array().is_some_and(|list| list.iter().any(|it| it == what));
    let top = asked["top_logprobs"].as_u64().filter(|top| *top > 0);
    if top.is_some() || asks("message.output_text.logprobs") {
        chat["logprobs"] = true.into();
    }
    if let Some(top) = top {
        chat["top_logprobs"] = top.into();
    }
    Ok(())
}

/// The members of an object that may be missing, but for those that are `null`.
fn members<'a>(asked: &'a Value, key: &str) -> Result<impl Iterator<Item = (&'a String, &'a Value)>, WireError> {
    let members: Option<&Map<String, Value>> = match &asked[key] {
        Value::Null => None,
        Value::Object(members) => Some(members),
        other => return Err(wrong(key, "an object", other)),
    };
    Ok(members.into_iter().flatten().filter(|(_, value)| !value.is_null()))
}

fn format(format: &Value, chat: &mut Value) -> Result<(), WireError> {
    const PARAM: &str = "text.format";
    if !format.is_object() {
        return Err(wrong(PARAM, "an object", format));
    }
    match super::look::text(format, "type", PARAM)? {
        "text" => {}
        "json_schema" => {
            let mut named = format.clone();
            named.as_object_mut().map(|named| named.shift_remove("type"));
            chat["response_format"] = json!({ "type": "json_schema", "json_schema": named });
        }
        "json_object" => chat["response_format"] = json!({ "type": "json_object" }),
        _ => {
            let why = "use `text`, `json_schema` or `json_object`";
            return Err(WireError::Unsupported { param: at(PARAM, "type"), why });
        }
    }
    Ok(())
}

/// The tools, and how a model may choose among them.
fn offer(asked: &Value, chat: &mut Value, lost: &mut Vec<String>) -> Result<(), WireError> {
    let mut tools = chat_tools(&asked["tools"], lost)?;
    let choice = choose(&asked["tool_choice"], &mut tools, lost)?;
    // A choice among none is refused by those who check it.
    if tools.is_empty() {
        return Ok(());
    }
    chat["tools"] = tools.into();
    if let Some(choice) = choice {
        chat["tool_choice"] = choice;
    }
    if !asked["parallel_tool_calls"].is_null() {
        chat["parallel_tool_calls"] = asked["parallel_tool_calls"].clone();
    }
    Ok(())
}

/// What is asked for at the top and has no place in a chat.
fn tell_lost(asked: &Value, lost: &mut Vec<String>) {
    for (key, value) in asked.as_object().into_iter().flatten() {
        let nothing = value.is_null() || *value == json!({}) || *value == json!([]);
        if nothing {
            continue;
        }
        match key.as_str() {
            "store" if *value == true => lost.push("`store` (nothing is kept between requests)".to_owned()),
            "truncation" if value == "disabled" => {}
            "background" => {}
            // OpenAI's chat takes it only from those who let it keep the answer.
            "metadata" => lost.push("`metadata` (it comes back in the reply, the provider is not told)".to_owned()),
            key if SAME.contains(&key) || READ.contains(&key) => {}
            key => lost.push(format!("`{}`", key.chars().take(64).collect::<String>())),
        }
    }
}
