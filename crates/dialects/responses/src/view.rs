//! A look at events that pass by, and errors.

use super::envelope::usage;
use bytes::Bytes;
use memchr::memmem::find;
use serde::Deserialize;
use serde_json::{Value, json};
use std::borrow::Cow;
use wire::openai::{ChunkView, is_done};

/// Words without which an event neither ends a stream nor tells of an error.
const WEIGHTY: [&[u8]; 4] =
    [b"\"response.completed\"", b"\"response.incomplete\"", b"\"response.failed\"", b"\"error\""];

#[derive(Deserialize)]
struct Raw<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Cow<'a, str>,
    response: Option<Value>,
    item: Option<Item>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Item {
    #[serde(default, rename = "type")]
    kind: String,
}

/// Reads an event's data; `None` if it is none of a response.
///
/// `begun` says that the stream has shown its first token: then only what may end it is parsed.
pub fn view(data: &[u8], begun: bool) -> Option<ChunkView> {
    if is_done(data) {
        return Some(ChunkView { done: true, ..ChunkView::default() });
    }
    if begun && !WEIGHTY.iter().any(|word| find(data, word).is_some()) {
        return Some(ChunkView::default());
    }
    let raw: Raw<'_> = serde_json::from_slice(data).ok()?;
    let kind = raw.kind.as_ref();
    let ends = matches!(kind, "response.completed" | "response.incomplete");
    // Every response has an `error` that is null; beside one, it is an error in place of an event.
    let error = matches!(kind, "response.failed" | "error") || raw.error.is_some_and(|error| !error.is_null());
    let calls = raw.item.is_some_and(|item| !matches!(item.kind.as_str(), "" | "message" | "reasoning"));
    let usage = raw.response.filter(|_| ends).and_then(|response| usage(&response["usage"]));
    let token = kind.ends_with(".delta") || calls;
    Some(ChunkView { token, finished: ends, usage, error, done: ends, only_usage: false })
}

/// Characters that the model has written in an event, as far as a look without parsing tells.
pub fn said_chars(data: &[u8]) -> u64 {
    // The type stands first, and only deltas hold one.
    let is_delta =
        string_of(data, b"\"type\"").is_some_and(|kind| kind.starts_with(b"response.") && ends_in_delta(kind));
    if is_delta { string_of(data, b"\"delta\"").map_or(0, count) } else { 0 }
}

fn ends_in_delta(rest: &[u8]) -> bool {
    memchr::memchr(b'"', rest).is_some_and(|end| rest[..end].ends_with(b".delta"))
}

/// What follows the opening quote of the first string under this key.
fn string_of<'a>(data: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    let after = data.get(find(data, key)? + key.len()..)?;
    after.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start().strip_prefix(b"\"")
}

/// Characters up to the closing quote; an escape is one.
fn count(mut text: &[u8]) -> u64 {
    let mut chars = 0;
    loop {
        text = match text {
            [] | [b'"', ..] => return chars,
            [b'\\', b'u', rest @ ..] => rest.get(4..).unwrap_or_default(),
            [b'\\', rest @ ..] => rest.get(1..).unwrap_or_default(),
            // The later bytes of a character begin with the bits 10.
            [0x80..=0xBF, rest @ ..] => {
                text = rest;
                continue;
            }
            [_, rest @ ..] => rest,
        };
        chars += 1;
    }
}

/// The event that tells of an error, from one in OpenAI's shape.
///
/// The members of the published event stand at the top, and the error once more in one piece: the official clients
/// raise an exception only for that. How many events went before is not known here, so it counts as the first.
pub fn error_event(body: &Value) -> Bytes {
    let error = &body["error"];
    let event = json!({
        "type": "error", "sequence_number": 0, "code": error["code"], "message": error["message"],
        "param": error["param"], "request_id": error["request_id"], "error": error,
    });
    Bytes::from(format!("event: error\ndata: {event}\n\n"))
}
