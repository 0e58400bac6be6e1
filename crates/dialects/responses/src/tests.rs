//! Requests, replies and streams, against golden transcripts and by their properties.

mod looks;
mod properties;
mod replies;
mod requests;
mod streams;

use super::*;
use bytes::Bytes;
use serde_json::{Value, json};
use wire::openai::{ChatRequest, Limits};
use wire::{About, Original, Translate, WireError};

const LIMITS: Limits = Limits { n_max: 4, messages_max: 16 };
/// A request as a coding agent on the command line sends it.
const CODEX: &str = include_str!("tests/golden/codex.json");
/// Its next request, with what has happened in between.
const CODEX_NEXT: &str = include_str!("tests/golden/codex_next.json");
/// A request with pictures, files, a schema and everything else that can be set.
const RICH: &str = include_str!("tests/golden/rich.json");

fn ask(body: &str) -> Result<ChatRequest, WireError> {
    request_to_chat(Bytes::copy_from_slice(body.as_bytes()), &LIMITS)
}

/// The chat that a request stands for, and what gets lost.
fn chat(body: &str) -> (Value, Vec<String>) {
    let request = ask(body).unwrap();
    (serde_json::from_slice(request.bytes()).unwrap(), request.original().unwrap().lost.clone())
}

fn about<'a>(original: Option<&'a Original>) -> About<'a> {
    About { id: "0123-ab", model: "claude", created: 1_760_000_000, original }
}

/// The data of all events, in their order.
fn datas(bytes: &[u8]) -> Vec<Value> {
    let all = wire::sse::events(bytes).map(|event| {
        let data: Value = serde_json::from_slice(event.data.as_ref().unwrap()).unwrap();
        assert_eq!(event.name.as_deref(), data["type"].as_str());
        data
    });
    all.collect()
}

/// A stream of chunks with these choices' deltas, then what ends it.
fn chunks(deltas: &[Value], reason: &str) -> Vec<Value> {
    let chunk = |choices: Value| json!({ "id": "c", "object": "chat.completion.chunk", "choices": choices });
    let mut all: Vec<Value> =
        deltas.iter().map(|delta| chunk(json!([{ "index": 0, "delta": delta, "finish_reason": null }]))).collect();
    all.push(chunk(json!([{ "index": 0, "delta": {}, "finish_reason": reason }])));
    all
}

fn sse(chunks: &[Value]) -> Vec<u8> {
    let mut all: Vec<String> = chunks.iter().map(|chunk| format!("data: {chunk}\n\n")).collect();
    all.push("data: [DONE]\n\n".to_owned());
    all.concat().into_bytes()
}

/// The events for a stream of chunks.
fn streamed(chunks: &[Value], original: Option<&Original>) -> Vec<u8> {
    let mut translate = FromChat::new(&about(original));
    let mut out = translate.push(&sse(chunks)).to_vec();
    out.extend_from_slice(&translate.end());
    out
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap()
}
