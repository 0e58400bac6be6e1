//! A response as a chat's reply.

use super::super::envelope::usage;
use super::super::tools::{LOCAL_SHELL, chat_name};
use bytes::Bytes;
use serde_json::{Value, json};
use wire::WireError;
use wire::openai::ChatReply;

/// The chat's reply that a response stands for.
///
/// # Errors
/// [`WireError`] for bytes that are not JSON, and for JSON without a list of what was answered.
pub fn reply_to_chat(body: Bytes) -> Result<ChatReply, WireError> {
    let response: Value = serde_json::from_slice(&body).map_err(|error| WireError::not_json(&error))?;
    let Some(items) = response["output"].as_array() else { return Err(WireError::Missing { param: "output".into() }) };
    let (mut text, mut refusal, mut reasoning) = (String::new(), String::new(), String::new());
    let (mut calls, mut annotations, mut logprobs) = (Vec::new(), Vec::new(), Vec::new());
    for item in items {
        match item["type"].as_str() {
            Some("message") => {
                for part in item["content"].as_array().into_iter().flatten() {
                    text.push_str(part["text"].as_str().unwrap_or_default());
                    refusal.push_str(part["refusal"].as_str().unwrap_or_default());
                    annotations
                        .extend(part["annotations"].as_array().into_iter().flatten().filter_map(wrapped_annotation));
                    logprobs.extend(part["logprobs"].as_array().into_iter().flatten().cloned());
                }
            }
            Some("reasoning") => think(item, &mut reasoning),
            _ => calls.extend(called(item)),
        }
    }
    let reason = reason(&response, !calls.is_empty());
    let content = if text.is_empty() && !(calls.is_empty() && refusal.is_empty()) { Value::Null } else { text.into() };
    let mut message = json!({ "role": "assistant", "content": content });
    let mut set = |key: &str, value: Value| {
        if value != "" && value != json!([]) {
            message[key] = value;
        }
    };
    set("refusal", refusal.into());
    set("reasoning_content", reasoning.into());
    set("tool_calls", calls.into());
    set("annotations", annotations.into());
    let mut choice = json!({ "index": 0, "message": message, "logprobs": null, "finish_reason": reason });
    if !logprobs.is_empty() {
        choice["logprobs"] = json!({ "content": logprobs });
    }
    ChatReply::parse(Bytes::from(envelope(&response, choice).to_string()))
}

fn envelope(response: &Value, choice: Value) -> Value {
    let id = response["id"].as_str().unwrap_or_default();
    let id = format!("chatcmpl-{}", id.strip_prefix("resp_").unwrap_or(id));
    // Some count the seconds with a fraction.
    let created = response["created_at"].as_f64().unwrap_or_default() as u64;
    let mut chat = json!({
        "id": id, "object": "chat.completion", "created": created, "model": response["model"], "choices": [choice],
    });
    if let Some(usage) = usage(&response["usage"]) {
        chat["usage"] = json!(usage);
    }
    for key in ["service_tier", "althing"] {
        if !response[key].is_null() {
            chat[key] = response[key].clone();
        }
    }
    chat
}

/// What can be read of reasoning.
fn think(item: &Value, reasoning: &mut String) {
    let texts =
        |key: &str| item[key].as_array().into_iter().flatten().filter_map(|part| part["text"].as_str()).collect();
    let (whole, summary): (Vec<&str>, Vec<&str>) = (texts("content"), texts("summary"));
    for text in if whole.is_empty() { summary } else { whole } {
        if !reasoning.is_empty() {
            reasoning.push_str("\n\n");
        }
        reasoning.push_str(text);
    }
}

/// The call that an item stands for; `None` for an item that is none.
pub(in super::super) fn called(item: &Value) -> Option<Value> {
    let text = |key: &str| item[key].as_str().unwrap_or_default();
    let id = item["call_id"].as_str().or(item["id"].as_str()).unwrap_or_default();
    let name = chat_name(item["namespace"].as_str(), text("name"));
    match item["type"].as_str()? {
        "function_call" => {
            let arguments = if text("arguments").is_empty() { "{}" } else { text("arguments") };
            Some(json!({ "id": id, "type": "function", "function": { "name": name, "arguments": arguments } }))
        }
        "custom_tool_call" => {
            Some(json!({ "id": id, "type": "custom", "custom": { "name": name, "input": text("input") } }))
        }
        "local_shell_call" => {
            let mut action = item["action"].clone();
            action.as_object_mut().map(|action| action.shift_remove("type"));
            let arguments = action.to_string();
            Some(json!({ "id": id, "type": "function", "function": { "name": LOCAL_SHELL, "arguments": arguments } }))
        }
        _ => None,
    }
}

/// A source of a text, wrapped as a chat wraps it.
pub(in super::super) fn wrapped_annotation(annotation: &Value) -> Option<Value> {
    let kind = annotation["type"].as_str()?;
    let mut inner = annotation.clone();
    inner.as_object_mut()?.shift_remove("type");
    let mut out = json!({ "type": kind });
    out[kind] = inner;
    Some(out)
}

/// Why a chat would have ended there.
pub(in super::super) fn reason(response: &Value, calls: bool) -> &'static str {
    match response["incomplete_details"]["reason"].as_str() {
        Some("content_filter") => "content_filter",
        Some(_) => "length",
        None if response["status"] == "incomplete" => "length",
        None if calls => "tool_calls",
        None => "stop",
    }
}
