//! A look at events that pass by, and errors. Refuses to know what an event is turned into.

use bytes::Bytes;
use memchr::memmem;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use wire::openai::{ChunkView, Usage, delta_chars};

/// What we look at in an event.
#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    #[serde(borrow)]
    delta: Option<&'a RawValue>,
    #[serde(borrow)]
    content_block: Option<&'a RawValue>,
}

/// What we look at in a delta, a block or the message at the beginning.
#[derive(Deserialize, Default)]
struct Inner<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    text: Option<&'a RawValue>,
    #[serde(borrow)]
    thinking: Option<&'a RawValue>,
    #[serde(borrow)]
    partial_json: Option<&'a RawValue>,
    #[serde(borrow)]
    stop_reason: Option<&'a RawValue>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
}

/// Reads the data of an event; `None` if it is none of a message.
///
/// `begun` says that the stream has shown its first token: then only what may hold a usage, an error or the end is
/// parsed.
pub fn view(data: &[u8], begun: bool) -> Option<ChunkView> {
    const TELLING: [&[u8]; 3] = [b"\"usage\"", b"\"error\"", b"\"message_stop\""];
    if begun && !TELLING.iter().any(|word| memmem::find(data, word).is_some()) {
        return Some(ChunkView::default());
    }
    let event: Event<'_> = serde_json::from_slice(data).ok()?;
    let kind = event.kind?;
    let inner = |raw: Option<&'_ RawValue>| raw.is_some_and(|raw| raw.get().starts_with('{'));
    let part = event.delta.or(event.content_block).or(event.message).filter(|raw| inner(Some(raw)));
    let part: Inner<'_> = part.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
    let mut view = ChunkView::default();
    match &*kind {
        "message_start" => view.usage = part.usage.and_then(Usage::read),
        "content_block_start" => {
            let loud = matches!(part.kind.as_deref(), Some("tool_use" | "redacted_thinking"));
            view.token = loud || says(part.text) || says(part.thinking);
        }
        "content_block_delta" => view.token = says(part.text) || says(part.thinking) || says(part.partial_json),
        "message_delta" => {
            view.usage = event.usage.and_then(Usage::read);
            view.finished = says(part.stop_reason);
            view.token = view.finished;
        }
        "message_stop" => view.done = true,
        "error" => view.error = true,
        _ => {}
    }
    Some(view)
}

/// Whether a text is there and holds anything.
fn says(raw: Option<&RawValue>) -> bool {
    raw.is_some_and(|raw| raw.get().starts_with('"') && raw.get() != "\"\"")
}

/// Characters that the model has written in an event, as far as a look without parsing tells: text, thinking, what
/// tools are called with.
pub fn said_chars(data: &[u8]) -> u64 {
    delta_chars(data, &[b"text", b"thinking", b"partial_json"])
}

/// An error's body, from one in OpenAI's shape; `code`, `param` and `attempts` stay beside what Anthropic's clients
/// know.
pub fn error(body: &Value) -> Value {
    let error = &body["error"];
    let mut detail = Map::new();
    detail.insert("type".to_owned(), json!(class(error)));
    detail.insert("message".to_owned(), json!(error["message"].as_str().unwrap_or("something went wrong")));
    for key in ["code", "param", "attempts"] {
        if let Some(value) = error.get(key).filter(|value| !value.is_null()) {
            detail.insert(key.to_owned(), value.clone());
        }
    }
    let mut out = json!({ "type": "error", "error": detail, "request_id": error["request_id"] });
    if let Some(report) = body.get("althing") {
        out["althing"] = report.clone();
    }
    out
}

/// The event that tells of an error.
pub fn error_event(body: &Value) -> Bytes {
    Bytes::from(format!("event: error\ndata: {}\n\n", error(body)))
}

/// Anthropic's word for what went wrong, from ours or from that of whoever answered.
fn class(error: &Value) -> &'static str {
    const KNOWN: [&str; 10] = [
        "invalid_request_error",
        "authentication_error",
        "billing_error",
        "permission_error",
        "not_found_error",
        "request_too_large",
        "rate_limit_error",
        "timeout_error",
        "api_error",
        "overloaded_error",
    ];
    let word = |key: &str| error[key].as_str().unwrap_or_default();
    let known = |key: &str| KNOWN.into_iter().find(|known| *known == word(key));
    let of_code = match word("code") {
        "model_not_found" | "path_not_found" | "not_found" => Some("not_found_error"),
        "upstream_timeout" | "deadline_exceeded" => Some("timeout_error"),
        "shutting_down" | "provider_busy" => Some("overloaded_error"),
        code if code.contains("too_large") => Some("request_too_large"),
        code if code.contains("overloaded") => Some("overloaded_error"),
        _ => known("code"),
    };
    of_code.or_else(|| known("type")).unwrap_or(match word("type") {
        "insufficient_quota" => "billing_error",
        _ => "api_error",
    })
}

#[cfg(test)]
mod tests;
