//! Whole replies, into a chat and out of it, and errors.

use bytes::Bytes;
use serde_json::{Map, Value, json};
use wire::openai::{ChatReply, Usage, compose_reply};
use wire::{About, WireError, call_id};

/// The line, or the whole reply, that Ollama ends with.
pub(super) fn finish_reason(done_reason: Option<&str>, called: bool) -> &'static str {
    match done_reason {
        _ if called => "tool_calls",
        Some("length") => "length",
        _ => "stop",
    }
}

/// What Ollama calls the end of a choice.
pub(super) fn done_reason(finish_reason: &str) -> &'static str {
    if finish_reason == "length" { "length" } else { "stop" }
}

/// The counts of a reply.
pub(super) fn usage(reply: &Value) -> Option<Usage> {
    let (read, written) = (reply["prompt_eval_count"].as_u64(), reply["eval_count"].as_u64());
    if read.is_none() && written.is_none() {
        return None;
    }
    // What its own cache held is not counted at all.
    let (prompt_tokens, completion_tokens) = (read.unwrap_or_default(), written.unwrap_or_default());
    let total_tokens = prompt_tokens.saturating_add(completion_tokens);
    Some(Usage { prompt_tokens, completion_tokens, total_tokens, ..Usage::default() })
}

/// A call of a tool as a chat has it; Ollama's have no ids of their own before 2025. `answer_id` is that of the answer.
pub(super) fn call_to_chat(answer_id: &str, at: usize, call: &Value) -> Value {
    let function = &call["function"];
    let arguments = match &function["arguments"] {
        Value::String(text) => text.clone(),
        Value::Null => "{}".to_owned(),
        other => other.to_string(),
    };
    let id = call["id"].as_str().filter(|id| !id.is_empty()).map_or_else(|| call_id(answer_id, at), str::to_owned);
    json!({ "id": id, "type": "function", "function": { "name": function["name"], "arguments": arguments } })
}

/// A call of a tool as Ollama has it; arguments that are no object are kept as the one argument they are.
pub(super) fn call_from_chat(id: &str, name: &str, arguments: &str) -> Value {
    let arguments = match serde_json::from_str::<Value>(arguments) {
        Ok(object @ Value::Object(_)) => object,
        _ if arguments.trim().is_empty() => json!({}),
        _ => json!({ "arguments": arguments }),
    };
    let function = json!({ "name": name, "arguments": arguments });
    if id.is_empty() { json!({ "function": function }) } else { json!({ "id": id, "function": function }) }
}

/// The chat's reply that Ollama's stands for.
///
/// # Errors
/// [`WireError`] for bytes that are no reply.
pub fn reply_to_chat(body: &[u8], about: &About<'_>) -> Result<ChatReply, WireError> {
    let reply: Value = serde_json::from_slice(body).map_err(|error| WireError::not_json(&error))?;
    let said = &reply["message"];
    if !said.is_object() {
        return Err(WireError::Missing { param: "message".to_owned() });
    }
    let calls = said["tool_calls"].as_array().map(Vec::as_slice).unwrap_or_default();
    let text = said["content"].as_str().unwrap_or_default();
    let content = if text.is_empty() && !calls.is_empty() { Value::Null } else { text.into() };
    let mut message = json!({ "role": "assistant", "content": content });
    if let Some(thinking) = said["thinking"].as_str().filter(|text| !text.is_empty()) {
        message["reasoning_content"] = thinking.into();
    }
    if !calls.is_empty() {
        message["tool_calls"] = calls.iter().enumerate().map(|(at, call)| call_to_chat(about.id, at, call)).collect();
    }
    let finish = finish_reason(reply["done_reason"].as_str(), !calls.is_empty());
    let (id, model) = (format!("chatcmpl-{}", about.id), reply["model"].as_str().unwrap_or(about.model));
    let counted = usage(&reply);
    let bytes = compose_reply(&id, about.created, model, &message, finish, counted.unwrap_or_default());
    match counted {
        Some(usage) => Ok(ChatReply::composed(bytes, usage)),
        // A usage that nobody told must not read as nothing used.
        None => {
            let mut body: Map<String, Value> = serde_json::from_slice(&bytes).unwrap_or_default();
            body.shift_remove("usage");
            ChatReply::parse(Bytes::from(Value::Object(body).to_string()))
        }
    }
}

/// The reply that a chat's stands for.
pub fn reply_from_chat(reply: &ChatReply, about: &About<'_>) -> Bytes {
    let body: Value = serde_json::from_slice(reply.bytes()).unwrap_or_default();
    let choice = &body["choices"][0];
    let said = &choice["message"];
    let mut message = json!({ "role": "assistant", "content": reply.text() });
    let thinking =
        ["reasoning_content", "reasoning"].iter().find_map(|key| said[*key].as_str().filter(|text| !text.is_empty()));
    if let Some(thinking) = thinking {
        message["thinking"] = thinking.into();
    }
    if let Some(calls) = said["tool_calls"].as_array().filter(|calls| !calls.is_empty()) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let call = |call: &Value| {
            let function = &call["function"];
            call_from_chat(&text(&call["id"]), &text(&function["name"]), &text(&function["arguments"]))
        };
        message["tool_calls"] = calls.iter().map(call).collect();
    }
    let reason = done_reason(choice["finish_reason"].as_str().unwrap_or("stop"));
    Bytes::from(last(about, &message, reason, reply.usage()).to_string())
}

/// What ends a reply, whole or streamed. Durations are not known here.
pub(super) fn last(about: &About<'_>, message: &Value, done_reason: &str, usage: Option<Usage>) -> Value {
    let usage = usage.unwrap_or_default();
    json!({
        "model": about.model, "created_at": moment(about.created), "message": message,
        "done": true, "done_reason": done_reason,
        "total_duration": 0, "load_duration": 0,
        "prompt_eval_count": usage.prompt_tokens, "prompt_eval_duration": 0,
        "eval_count": usage.completion_tokens, "eval_duration": 0,
    })
}

/// A moment as replies tell it, from seconds since 1970.
pub(super) fn moment(unix_s: u64) -> String {
    calendar::rfc3339(unix_s.cast_signed().saturating_mul(1_000))
}

/// An error's body, from one in OpenAI's shape.
pub fn error(body: &Value) -> Value {
    let error = &body["error"];
    json!({ "error": error["message"], "code": error["code"], "request_id": error["request_id"] })
}
