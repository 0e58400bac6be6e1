//! A whole reply of Converse as a chat's.

use super::usage::{finish, usage};
use crate::ConverseError;
use bytes::Bytes;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use wire::About;
use wire::openai::ChatReply;

/// Reads a reply; calls of the tools in `custom` come back as the plain text that they take.
///
/// # Errors
/// [`ConverseError::NotAReply`] for what is none, in words that quote nothing of it.
pub fn to_chat(body: &[u8], about: &About<'_>, custom: &BTreeSet<String>) -> Result<ChatReply, ConverseError> {
    let body: Value = serde_json::from_slice(body).map_err(|_| none("it is not JSON"))?;
    let content = body["output"]["message"]["content"].as_array();
    let content = content.ok_or_else(|| none("`output.message.content` is missing"))?;
    let reason = finish(body["stopReason"].as_str().unwrap_or_default())?;
    let mut chat = json!({
        "id": about.id, "object": "chat.completion", "created": about.created, "model": about.model,
        "choices": [{ "index": 0, "message": message(content, custom), "logprobs": null, "finish_reason": reason }],
    });
    if let Some(usage) = usage(&body["usage"]) {
        chat["usage"] = json!(usage);
    }
    ChatReply::parse(Bytes::from(chat.to_string())).map_err(|error| ConverseError::of(&error))
}

fn none(what: &str) -> ConverseError {
    ConverseError::NotAReply { what: what.to_owned() }
}

fn message(content: &[Value], custom: &BTreeSet<String>) -> Value {
    let (mut said, mut thought, mut blocks, mut calls) = (String::new(), String::new(), Vec::new(), Vec::new());
    for block in content {
        said.push_str(block["text"].as_str().unwrap_or_default());
        for part in block["citationsContent"]["content"].as_array().into_iter().flatten() {
            said.push_str(part["text"].as_str().unwrap_or_default());
        }
        let reasoning = &block["reasoningContent"];
        if let Some(text) = reasoning["reasoningText"]["text"].as_str() {
            thought.push_str(text);
            if let Some(signature) = reasoning["reasoningText"]["signature"].as_str() {
                blocks.push(json!({ "type": "thinking", "thinking": text, "signature": signature }));
            }
        }
        if let Some(data) = reasoning["redactedContent"].as_str() {
            blocks.push(redacted(data));
        }
        let call = &block["toolUse"];
        // What the provider ran itself is not for the client to run.
        if let Some(name) = call["name"].as_str().filter(|_| call["type"] != "server_tool_use") {
            calls.push(tool_call(call["toolUseId"].as_str().unwrap_or_default(), name, &call["input"], custom));
        }
    }
    let mut message = Map::new();
    message.insert("role".to_owned(), "assistant".into());
    let content = if said.is_empty() && !calls.is_empty() { Value::Null } else { said.into() };
    message.insert("content".to_owned(), content);
    if !thought.is_empty() {
        message.insert("reasoning_content".to_owned(), thought.into());
    }
    if !blocks.is_empty() {
        message.insert("thinking_blocks".to_owned(), blocks.into());
    }
    if !calls.is_empty() {
        message.insert("tool_calls".to_owned(), calls.into());
    }
    message.into()
}

/// A thought that nobody may read.
pub(crate) fn redacted(data: &str) -> Value {
    json!({ "type": "redacted_thinking", "data": data })
}

fn tool_call(id: &str, name: &str, input: &Value, custom: &BTreeSet<String>) -> Value {
    if custom.contains(name) {
        return json!({ "id": id, "type": "custom", "custom": { "name": name, "input": plain_input(input) } });
    }
    let arguments = if input.is_null() { "{}".to_owned() } else { input.to_string() };
    json!({ "id": id, "type": "function", "function": { "name": name, "arguments": arguments } })
}

/// The text for a tool that takes text; an input that was not asked for stays what it is.
pub(crate) fn plain_input(input: &Value) -> String {
    input["input"].as_str().map_or_else(|| input.to_string(), str::to_owned)
}
