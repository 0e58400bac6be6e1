//! A chat that stands for a request in another dialect, on its way to a provider that knows OpenAI's chat and little
//! else: what this house adds to that format is taken out again, save what the provider documents as its own.
//!
//! What only steers a cache or proves earlier reasoning goes without a word, because no answer depends on it. Words
//! and pictures always arrive.

use super::ChatRequest;
use crate::Outgoing;
use bytes::Bytes;
use serde_json::{Map, Value, json};

/// What a provider takes beyond the chat that all of them know.
#[derive(Debug, Clone, Copy, Default)]
pub struct Taste<'a> {
    /// Additions of this house that it documents as its own, by the member's name.
    pub additions: &'a [&'a str],
    /// Whether it may be asked for the usage of a stream.
    pub stream_usage: bool,
    /// Whether it wants `max_completion_tokens` where others know `max_tokens`.
    pub completion_tokens: bool,
}

/// Additions at the top of a request that steer the answer.
const KNOBS: &[&str] = &["thinking", "top_k"];
/// What stands in a result that holds no text: some providers refuse an empty one.
const BELOW: &str = "(it follows below)";
/// Additions to messages.
const OF_MESSAGES: &[&str] = &["cache_control", "reasoning_content", "thinking_blocks", "is_error"];

/// The request in OpenAI's own words, for an upstream that calls the model `name`.
pub fn plain(request: &ChatRequest, name: &str, taste: &Taste<'_>) -> Outgoing {
    let mut body: Map<String, Value> = serde_json::from_slice(request.bytes()).unwrap_or_default();
    let takes = |key: &str| taste.additions.contains(&key);
    body.insert("model".to_owned(), json!(name));
    let mut lost = Vec::new();
    for key in KNOBS.iter().filter(|key| !takes(key)) {
        let told = body.shift_remove(*key).is_some_and(|value| value.is_object() || value.is_number());
        // How much to think is said twice.
        if told && !(*key == "thinking" && body.contains_key("reasoning_effort")) {
            lost.push(format!("`{key}`"));
        }
    }
    limit(&mut body, taste.completion_tokens);
    usage(&mut body, request.stream(), taste.stream_usage);
    if let Some(Value::Array(tools)) = body.get_mut("tools") {
        for tool in tools.iter_mut().filter_map(Value::as_object_mut).filter(|_| !takes("cache_control")) {
            tool.shift_remove("cache_control");
        }
    }
    if let Some(Value::Array(messages)) = body.get_mut("messages") {
        *messages = pictures_apart(std::mem::take(messages));
        for message in messages.iter_mut().filter_map(Value::as_object_mut) {
            for key in OF_MESSAGES.iter().filter(|key| !takes(key)) {
                message.shift_remove(*key);
            }
            if let Some(content) = message.get_mut("content") {
                simple(content, takes("cache_control"));
            }
        }
    }
    Outgoing { body: Bytes::from(Value::Object(body).to_string()), headers: Vec::new(), lost }
}

/// The longest answer, under the name that the provider knows; of two the one it knows counts.
fn limit(body: &mut Map<String, Value>, completion_tokens: bool) {
    let (known, other) = match completion_tokens {
        true => ("max_completion_tokens", "max_tokens"),
        false => ("max_tokens", "max_completion_tokens"),
    };
    if let Some(most) = body.shift_remove(other).filter(|most| !most.is_null()) {
        body.entry(known).or_insert(most);
    }
}

/// Whether the usage is asked for at the end of a stream.
fn usage(body: &mut Map<String, Value>, stream: bool, stream_usage: bool) {
    let given = body.shift_remove("stream_options");
    if stream && stream_usage {
        let mut options = given.unwrap_or_default();
        if !options.is_object() {
            options = json!({});
        }
        options["include_usage"] = json!(true);
        body.insert("stream_options".to_owned(), options);
    }
}

/// Results of tools hold text alone: what else is in them goes into a message of the user's behind all results of the
/// same turn, which must not be torn apart.
fn pictures_apart(messages: Vec<Value>) -> Vec<Value> {
    let mut out: Vec<Value> = Vec::with_capacity(messages.len());
    let mut moved: Vec<Value> = Vec::new();
    for mut message in messages {
        let is_result = message["role"] == "tool";
        if !is_result && !moved.is_empty() {
            let parts = std::mem::take(&mut moved);
            match message["role"] == "user" && (message["content"].is_string() || message["content"].is_array()) {
                true => prepend(&mut message["content"], parts),
                false => out.push(json!({ "role": "user", "content": parts })),
            }
        }
        if is_result && let Some(parts) = message["content"].as_array_mut() {
            let (texts, others): (Vec<_>, Vec<_>) = std::mem::take(parts).into_iter().partition(is_text);
            *parts = texts;
            if !others.is_empty() {
                if parts.is_empty() {
                    parts.push(json!({ "type": "text", "text": BELOW }));
                }
                let id = message["tool_call_id"].as_str().unwrap_or_default();
                moved.push(json!({ "type": "text", "text": format!("From the result of the tool call `{id}`:") }));
                moved.extend(others);
            }
        }
        out.push(message);
    }
    if !moved.is_empty() {
        out.push(json!({ "role": "user", "content": moved }));
    }
    out
}

fn is_text(part: &Value) -> bool {
    part["type"] == "text"
}

fn prepend(content: &mut Value, mut parts: Vec<Value>) {
    match content.take() {
        Value::Array(own) => parts.extend(own),
        text => parts.push(json!({ "type": "text", "text": text })),
    }
    *content = Value::Array(parts);
}

/// Parts without what only a cache reads; nothing but text becomes one string, which every provider takes.
fn simple(content: &mut Value, keeps_cache_control: bool) {
    let Some(parts) = content.as_array_mut() else { return };
    for part in parts.iter_mut().filter_map(Value::as_object_mut).filter(|_| !keeps_cache_control) {
        part.shift_remove("cache_control");
    }
    let text = |part: &Value| match part.as_object() {
        Some(part) if part.len() == 2 && part.get("type").is_some_and(|kind| kind == "text") => {
            part.get("text").and_then(Value::as_str).map(str::to_owned)
        }
        _ => None,
    };
    if let Some(texts) = parts.iter().map(text).collect::<Option<Vec<_>>>() {
        *content = Value::String(texts.join("\n\n"));
    }
}

#[cfg(test)]
mod tests;
