//! Whole replies, into a chat and out of it. Refuses to know requests.

use super::request::input;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use wire::openai::{ChatReply, Usage};
use wire::{About, WireError};

/// The message that a chat's reply stands for: its first choice.
pub fn reply_from_chat(reply: &ChatReply, about: &About<'_>) -> Bytes {
    let body: Value = serde_json::from_slice(reply.bytes()).unwrap_or_default();
    let choice = &body["choices"][0];
    let blocks = blocks(&choice["message"], about);
    let calls = blocks.iter().any(|block| block.starts_with(CALL));
    let sequence = ["stop_sequence", "stop_reason"].into_iter().find_map(|key| choice[key].as_str());
    let refused = choice["message"]["refusal"].as_str().is_some_and(|words| !words.is_empty());
    let stop_reason = match choice["finish_reason"].as_str() {
        Some("length") => "max_tokens",
        Some("content_filter") => "refusal",
        _ if refused => "refusal",
        // Some say `stop` behind a call, but whoever reads a message looks here for whether it is to act.
        _ if calls => "tool_use",
        _ if sequence.is_some() => "stop_sequence",
        _ => "end_turn",
    };
    let sequence = sequence.filter(|_| stop_reason == "stop_sequence");
    let (id, model) = (json!(format!("msg_{}", about.id)), json!(about.model));
    let (sequence, content, usage) = (json!(sequence), blocks.join(","), usage(reply.usage().unwrap_or_default()));
    Bytes::from(format!(
        r#"{{"id":{id},"type":"message","role":"assistant","model":{model},"content":[{content}],"stop_reason":"{stop_reason}","stop_sequence":{sequence},"usage":{usage}}}"#
    ))
}

/// How every block with a call begins.
const CALL: &str = r#"{"type":"tool_use","#;

/// What a message says: thoughts, words, calls, each written.
fn blocks(message: &Value, about: &About<'_>) -> Vec<String> {
    let mut out = thoughts(message);
    let mut say = |text: &str| {
        if !text.is_empty() {
            out.push(json!({ "type": "text", "text": text }).to_string());
        }
    };
    match &message["content"] {
        Value::String(text) => say(text),
        Value::Array(parts) => {
            let texts = parts.iter().filter_map(|part| part["text"].as_str().or_else(|| part["refusal"].as_str()));
            texts.for_each(&mut say);
        }
        _ => {}
    }
    say(message["refusal"].as_str().unwrap_or_default());
    say(message["audio"]["transcript"].as_str().unwrap_or_default());
    for (at, call) in message["tool_calls"].as_array().into_iter().flatten().enumerate() {
        let usual = wire::call_id(about.id, at);
        out.push(tool_use(call["id"].as_str().filter(|id| !id.is_empty()).unwrap_or(&usual), call));
    }
    if message["function_call"].is_object() {
        out.push(tool_use(&format!("call_{}", about.id), &json!({ "function": message["function_call"] })));
    }
    out
}

fn thoughts(message: &Value) -> Vec<String> {
    let mut out = Vec::new();
    for block in message["thinking_blocks"].as_array().into_iter().flatten() {
        let text = |key: &str| block[key].as_str().unwrap_or_default();
        out.push(match text("type") {
            "redacted_thinking" => json!({ "type": "redacted_thinking", "data": text("data") }),
            _ => json!({ "type": "thinking", "thinking": text("thinking"), "signature": text("signature") }),
        });
    }
    let words = ["reasoning_content", "reasoning"].into_iter().find_map(|key| message[key].as_str());
    if let Some(words) = words.filter(|words| out.is_empty() && !words.is_empty()) {
        // Nobody signs the thoughts of other models; the member is there all the same, since clients insist on it.
        out.push(json!({ "type": "thinking", "thinking": words, "signature": "" }));
    }
    out.iter().map(Value::to_string).collect()
}

fn tool_use(id: &str, call: &Value) -> String {
    let custom = &call["custom"];
    let (name, input) = if custom.is_object() {
        (&custom["name"], json!({ "input": custom["input"] }).to_string())
    } else {
        let function = &call["function"];
        let input = match &function["arguments"] {
            Value::Null => "{}".to_owned(),
            Value::String(arguments) => input(arguments),
            other => input(&other.to_string()),
        };
        (&function["name"], input)
    };
    let name = name.as_str().unwrap_or_default();
    format!(r#"{CALL}"id":{},"name":{},"input":{input}}}"#, json!(id), json!(name))
}

/// A usage as Anthropic tells it: what came from the cache or went into it is not counted as input.
pub(crate) fn usage(usage: Usage) -> Value {
    let Usage { prompt_tokens, cached_tokens, cache_write_tokens, cache_write_hour_tokens, .. } = usage;
    let mut told = json!({
        "input_tokens": prompt_tokens.saturating_sub(cached_tokens).saturating_sub(cache_write_tokens),
        "cache_creation_input_tokens": cache_write_tokens,
        "cache_read_input_tokens": cached_tokens,
    });
    if cache_write_hour_tokens > 0 {
        told["cache_creation"] = json!({
            "ephemeral_5m_input_tokens": cache_write_tokens.saturating_sub(cache_write_hour_tokens),
            "ephemeral_1h_input_tokens": cache_write_hour_tokens,
        });
    }
    told["output_tokens"] = json!(usage.completion_tokens);
    if usage.reasoning_tokens > 0 {
        told["output_tokens_details"] = json!({ "thinking_tokens": usage.reasoning_tokens });
    }
    told
}

/// A message, as far as a chat can say it.
#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    content: Vec<&'a RawValue>,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    model: Option<&'a RawValue>,
    #[serde(borrow)]
    stop_reason: Option<&'a RawValue>,
    #[serde(borrow)]
    stop_sequence: Option<&'a RawValue>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    #[serde(borrow)]
    althing: Option<&'a RawValue>,
}

/// What a tool is called with, as it is written.
#[derive(Deserialize)]
struct Call<'a> {
    #[serde(borrow)]
    input: Option<&'a RawValue>,
}

/// The chat's reply that a message stands for. Blocks of tools that Anthropic runs itself have no place in it.
///
/// # Errors
/// [`WireError`] for bytes that are not JSON, or JSON without a list of blocks.
pub fn reply_to_chat(body: Bytes) -> Result<ChatReply, WireError> {
    let message: Message<'_> = serde_json::from_slice(&body).map_err(|e| WireError::not_json(&e))?;
    let value = |raw: Option<&RawValue>| raw.map(|raw| serde_json::from_str::<Value>(raw.get()).unwrap_or_default());
    let text = |raw: Option<&RawValue>| value(raw).filter(Value::is_string);
    let said = said(&message.content);
    let finish = match text(message.stop_reason).as_ref().and_then(Value::as_str) {
        Some("max_tokens" | "model_context_window_exceeded") => "length",
        Some("refusal") => "content_filter",
        Some("tool_use") | None if said.get("tool_calls").is_some() => "tool_calls",
        _ => "stop",
    };
    let mut choice = json!({ "index": 0, "message": said, "logprobs": null, "finish_reason": finish });
    if let Some(sequence) = text(message.stop_sequence) {
        choice["stop_sequence"] = sequence;
    }
    let mut chat = json!({
        "id": text(message.id).unwrap_or_else(|| json!("")), "object": "chat.completion", "created": 0,
        "model": text(message.model).unwrap_or_else(|| json!("")), "choices": [choice],
    });
    if let Some(usage) = message.usage.and_then(Usage::read) {
        let both = usage.prompt_tokens.saturating_add(usage.completion_tokens);
        chat["usage"] = json!(Usage { total_tokens: usage.total_tokens.max(both), ..usage });
    }
    if let Some(report) = value(message.althing) {
        chat["althing"] = report;
    }
    ChatReply::parse(Bytes::from(chat.to_string()))
}

/// The message of a chat that these blocks make.
fn said(content: &[&RawValue]) -> Value {
    let (mut words, mut thought, mut calls) = (String::new(), Vec::new(), Vec::new());
    for raw in content {
        let block: Value = serde_json::from_str(raw.get()).unwrap_or_default();
        let text = |key: &str| block[key].as_str().unwrap_or_default();
        match text("type") {
            "text" => words.push_str(text("text")),
            "thinking" => {
                let (thinking, signature) = (text("thinking"), text("signature"));
                thought.push(json!({ "type": "thinking", "thinking": thinking, "signature": signature }));
            }
            "redacted_thinking" => thought.push(json!({ "type": "redacted_thinking", "data": text("data") })),
            "tool_use" => {
                let input = serde_json::from_str::<Call<'_>>(raw.get()).ok().and_then(|call| call.input);
                let function = json!({ "name": text("name"), "arguments": input.map_or("{}", RawValue::get) });
                calls.push(json!({ "id": text("id"), "type": "function", "function": function }));
            }
            _ => {}
        }
    }
    let content = if words.is_empty() && !calls.is_empty() { Value::Null } else { json!(words) };
    let mut message = json!({ "role": "assistant", "content": content, "refusal": null });
    let thinking: String = thought.iter().filter_map(|block| block["thinking"].as_str()).collect();
    if !thinking.is_empty() {
        message["reasoning_content"] = json!(thinking);
    }
    if !thought.is_empty() {
        message["thinking_blocks"] = Value::Array(thought);
    }
    if !calls.is_empty() {
        message["tool_calls"] = Value::Array(calls);
    }
    message
}

#[cfg(test)]
mod tests;
