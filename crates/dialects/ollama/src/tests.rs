//! Calls, refusals and large requests: what goes astray most easily between a chat and Ollama's.

use super::*;
use bytes::Bytes;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use wire::openai::{ChatReply, ChatRequest, Limits};
use wire::{About, Translate};

const ABOUT: About<'_> = About { id: "req_0a", model: "m", created: 0, original: None };
const LIMITS: Limits = Limits { n_max: 4, messages_max: 10_000 };

/// The messages of the lines that these deltas become.
fn told(deltas: &[Value]) -> Vec<Value> {
    let mut translate = FromChat::new(&ABOUT);
    let mut out = Vec::new();
    for delta in deltas {
        let chunk = json!({ "choices": [{ "index": 0, "delta": delta, "finish_reason": null }] });
        out.extend_from_slice(&translate.push(format!("data: {chunk}\n\n").as_bytes()));
    }
    out.extend_from_slice(&translate.end());
    let lines = out.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice::<Value>(line).unwrap()["message"].take()).collect()
}

fn piece(index: u64, id: Option<&str>, name: Option<&str>, arguments: &str) -> Value {
    let mut call = json!({ "index": index, "function": { "arguments": arguments } });
    if let Some(id) = id {
        call["id"] = id.into();
    }
    if let Some(name) = name {
        call["function"]["name"] = name.into();
    }
    json!({ "tool_calls": [call] })
}

#[test]
fn calls_of_a_stream_stay_apart_and_keep_their_ids() {
    let both = json!([
        { "id": "a", "function": { "name": "f", "arguments": { "x": 1 } } },
        { "id": "b", "function": { "name": "g", "arguments": { "y": 2 } } },
    ]);
    for pieces in [
        // Numbered, their pieces mixed.
        vec![
            piece(0, Some("a"), Some("f"), "{\"x\""),
            piece(1, Some("b"), Some("g"), "{\"y\""),
            piece(0, None, None, ":1}"),
            piece(1, None, None, ":2}"),
        ],
        // Every call counted as the first.
        vec![
            piece(0, Some("a"), Some("f"), "{\"x\""),
            piece(0, None, None, ":1}"),
            piece(0, Some("b"), Some("g"), "{\"y\":2}"),
        ],
        // The name and the id told with every piece.
        vec![
            piece(0, Some("a"), Some("f"), "{\"x\""),
            piece(0, Some("a"), Some("f"), ":1}"),
            piece(1, Some("b"), Some("g"), "{\"y\":2}"),
        ],
        // Not counted at all.
        vec![json!({ "tool_calls": both })],
    ] {
        assert_eq!(told(&pieces)[0]["tool_calls"], both, "{pieces:?}");
    }
}

#[test]
fn a_refusal_beside_empty_words_is_said() {
    let said =
        told(&[json!({ "content": "", "refusal": "No." }), json!({ "reasoning_content": "", "reasoning": "Hm." })]);
    assert_eq!((&said[0]["content"], &said[1]["thinking"]), (&json!("No."), &json!("Hm.")));
}

#[test]
fn a_whole_reply_keeps_the_ids_of_its_calls() {
    let call = json!({ "id": "a", "type": "function", "function": { "name": "f", "arguments": "{}" } });
    let message = json!({ "role": "assistant", "content": null, "reasoning_content": "", "reasoning": "Hm.",
        "tool_calls": [call] });
    let body = json!({ "choices": [{ "message": message, "finish_reason": "tool_calls" }] });
    let reply = reply_from_chat(&ChatReply::parse(Bytes::from(body.to_string())).unwrap(), &ABOUT);
    let message = serde_json::from_slice::<Value>(&reply).unwrap()["message"].take();
    assert_eq!(message["tool_calls"], json!([{ "id": "a", "function": { "name": "f", "arguments": {} } }]));
    assert_eq!(message["thinking"], "Hm.");
}

#[test]
fn calls_without_ids_get_some_that_no_other_answer_has() {
    let said = json!({ "role": "assistant", "content": "", "tool_calls": [
        { "function": { "name": "f", "arguments": {} } },
        { "id": "given", "function": { "name": "f", "arguments": {} } },
        { "id": "", "function": { "name": "f", "arguments": {} } },
    ] });
    let reply = reply_to_chat(json!({ "message": said, "done": true }).to_string().as_bytes(), &ABOUT).unwrap();
    let ids: Vec<Value> =
        reply.message()["tool_calls"].as_array().unwrap().iter().map(|call| call["id"].clone()).collect();
    assert_eq!(ids, ["call_0a_0", "given", "call_0a_2"]);
    let line = format!("{}\n", json!({ "message": said, "done": true }));
    let streamed = ToChat::new(&ABOUT).push(line.as_bytes());
    let streamed = String::from_utf8_lossy(&streamed);
    for id in ids {
        assert!(streamed.contains(&format!("\"id\":{id}")), "{id} in {streamed}");
    }
}

/// The ids of the calls and of the results in the chat that these messages become.
fn ids(messages: Value) -> (Vec<String>, Vec<String>) {
    let body = json!({ "model": "m", "messages": messages });
    let chat = request_to_chat(Bytes::from(body.to_string()), &LIMITS).unwrap();
    let chat: Value = serde_json::from_slice(chat.bytes()).unwrap();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let messages = chat["messages"].as_array().unwrap();
    let calls = messages.iter().filter_map(|message| message["tool_calls"].as_array()).flatten();
    (
        calls.filter_map(|call| text(&call["id"])).collect(),
        messages.iter().filter_map(|message| text(&message["tool_call_id"])).collect(),
    )
}

#[test]
fn results_find_their_calls_by_id_or_else_by_name() {
    let calls = json!([
        { "function": { "name": "f", "arguments": {} } },
        { "id": "own", "function": { "name": "f", "arguments": {} } },
        { "function": { "name": "g", "arguments": {} } },
    ]);
    let messages = json!([
        { "role": "assistant", "content": "", "tool_calls": calls },
        { "role": "tool", "tool_name": "g", "content": "" },
        { "role": "tool", "tool_call_id": "own", "content": "" },
        { "role": "tool", "tool_name": "f", "content": "" },
        { "role": "tool", "content": "" },
        { "role": "tool", "tool_name": "f", "content": "" },
    ]);
    let (made, answered) = ids(messages);
    assert_eq!(made, ["call_0", "own", "call_2"]);
    assert_eq!(answered, ["call_2", "own", "call_0", "own", "call_unknown"]);
}

#[test]
fn many_calls_and_many_results_are_no_search_of_each_in_all() {
    let call =
        |at: usize| json!({ "id": format!("i{at}"), "type": "function", "function": { "name": format!("f{at}") } });
    let calls: Vec<Value> = (0..5_000).map(call).collect();
    let result = json!({ "role": "tool", "tool_call_id": "unknown", "content": "" });
    let mut messages = vec![json!({ "role": "assistant", "content": "", "tool_calls": calls })];
    messages.extend(std::iter::repeat_n(result, 5_000));
    let chat = json!({ "model": "m", "messages": messages });
    let chat = ChatRequest::parse(Bytes::from(chat.to_string()), &LIMITS).unwrap();
    let began = Instant::now();
    request_from_chat(&chat, "up").unwrap();
    for message in &mut messages[1..] {
        *message = json!({ "role": "tool", "tool_name": "unknown", "content": "" });
    }
    ids(Value::from(messages));
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[test]
fn what_gets_lost_is_told_up_to_a_limit() {
    let mut body = json!({ "model": "m", "messages": [{ "role": "user", "content": "x" }], "options": {} });
    (0..100).for_each(|at| body["options"][format!("knob_{at}")] = 1.into());
    let chat = request_to_chat(Bytes::from(body.to_string()), &LIMITS).unwrap();
    assert_eq!(chat.original().unwrap().lost.len(), 32);
}

#[test]
fn a_body_that_is_no_object_is_told_so() {
    let refused = embed_to_request(&Bytes::from_static(b"[1]")).unwrap_err();
    assert_eq!(refused.to_string(), "`body` must be a JSON object, not something else");
}
