//! What goes, what stays, and that no word is lost.

use super::{Taste, plain};
use crate::openai::{ChatRequest, Limits};
use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};

const PLAIN: Taste<'_> = Taste { additions: &[], stream_usage: true, completion_tokens: false };

fn sent(chat: &Value, taste: &Taste<'_>) -> (Value, Vec<String>) {
    let limits = Limits { n_max: 1, messages_max: 99 };
    let request = ChatRequest::parse(Bytes::from(chat.to_string()), &limits).unwrap();
    let outgoing = plain(&request, "theirs", taste);
    (serde_json::from_slice(&outgoing.body).unwrap(), outgoing.lost)
}

/// Every addition at once.
fn rich() -> Value {
    let kept = json!({ "type": "ephemeral" });
    json!({
        "model": "ours", "max_tokens": 9, "thinking": { "type": "enabled", "budget_tokens": 5 }, "top_k": 3,
        "messages": [
            { "role": "system", "content": [
                { "type": "text", "text": "one", "cache_control": kept }, { "type": "text", "text": "two" }] },
            { "role": "user", "content": "hi", "cache_control": kept },
            { "role": "assistant", "content": null, "reasoning_content": "hm",
                "thinking_blocks": [{ "type": "thinking", "thinking": "hm", "signature": "s" }],
                "tool_calls": [{ "id": "c", "type": "function", "function": { "name": "f", "arguments": "{}" } }] },
            { "role": "tool", "tool_call_id": "c", "is_error": true, "content": [{ "type": "text", "text": "no" }] },
        ],
        "tools": [{ "type": "function", "function": { "name": "f", "parameters": {} }, "cache_control": kept }],
        "user": "u", "metadata": { "a": "b" },
    })
}

#[test]
fn additions_go_and_the_rest_stays() {
    let (body, lost) = sent(&rich(), &PLAIN);
    assert_eq!(
        body,
        json!({
            "model": "theirs", "max_tokens": 9,
            "messages": [
                { "role": "system", "content": "one\n\ntwo" },
                { "role": "user", "content": "hi" },
                { "role": "assistant", "content": null,
                    "tool_calls": [{ "id": "c", "type": "function", "function": { "name": "f", "arguments": "{}" } }] },
                { "role": "tool", "tool_call_id": "c", "content": "no" },
            ],
            "tools": [{ "type": "function", "function": { "name": "f", "parameters": {} } }],
            "user": "u", "metadata": { "a": "b" },
        })
    );
    assert_eq!(lost, ["`thinking`", "`top_k`"]);
}

#[test]
fn what_a_provider_documents_it_gets() {
    let all = ["cache_control", "reasoning_content", "thinking", "thinking_blocks", "top_k", "is_error"];
    let (body, lost) = sent(&rich(), &Taste { additions: &all, ..PLAIN });
    let mut expect = rich();
    expect["model"] = json!("theirs");
    expect["messages"][3]["content"] = json!("no");
    assert_eq!((body, lost.len()), (expect, 0));
    let (body, _) = sent(&rich(), &Taste { additions: &["reasoning_content"], ..PLAIN });
    assert_eq!(body["messages"][2]["reasoning_content"], "hm");
    assert_eq!(body["messages"][2].get("thinking_blocks"), None);
}

#[test]
fn how_much_to_think_is_lost_only_where_nothing_says_it() {
    let mut chat = rich();
    chat["reasoning_effort"] = json!("low");
    assert_eq!(sent(&chat, &PLAIN).1, ["`top_k`"]);
    chat["thinking"] = Value::Null;
    chat["top_k"] = Value::Null;
    chat.as_object_mut().unwrap().shift_remove("reasoning_effort");
    assert!(sent(&chat, &PLAIN).1.is_empty());
}

#[test]
fn the_limit_has_the_name_that_is_known() {
    let limits = |chat: Value, completion_tokens| {
        let (body, _) = sent(&chat, &Taste { completion_tokens, ..PLAIN });
        (body["max_tokens"].as_u64(), body["max_completion_tokens"].as_u64())
    };
    let chat = |members: &str| {
        let text = format!(r#"{{"model":"m","messages":[{{"role":"user","content":"hi"}}]{members}}}"#);
        serde_json::from_str::<Value>(&text).unwrap()
    };
    assert_eq!(limits(chat(r#","max_tokens":3"#), true), (None, Some(3)));
    assert_eq!(limits(chat(r#","max_tokens":3"#), false), (Some(3), None));
    assert_eq!(limits(chat(r#","max_completion_tokens":4"#), false), (Some(4), None));
    assert_eq!(limits(chat(r#","max_tokens":3,"max_completion_tokens":4"#), true), (None, Some(4)));
    assert_eq!(limits(chat(r#","max_tokens":null"#), true), (None, None));
    assert_eq!(limits(chat(""), false), (None, None));
}

#[test]
fn the_usage_of_a_stream_is_asked_for_where_that_is_understood() {
    let options = |stream: bool, given: Value, stream_usage| {
        let chat = json!({ "model": "m", "messages": [{ "role": "user", "content": "hi" }], "stream": stream,
            "stream_options": given });
        sent(&chat, &Taste { stream_usage, ..PLAIN }).0["stream_options"].clone()
    };
    let asked = json!({ "include_usage": true });
    assert_eq!(options(true, Value::Null, true), asked);
    let more = json!({ "include_obfuscation": false, "include_usage": true });
    assert_eq!(options(true, json!({ "include_obfuscation": false }), true), more);
    assert_eq!(options(true, asked.clone(), false), Value::Null);
    assert_eq!(options(false, asked, true), Value::Null);
}

#[test]
fn pictures_of_tools_follow_behind_all_results() {
    let image = |at: u32| json!({ "type": "image_url", "image_url": { "url": format!("data:image/png;base64,{at}") } });
    let result = |id: &str, content: Value| json!({ "role": "tool", "tool_call_id": id, "content": content });
    let turn = |after: &[Value]| {
        let mut messages = vec![
            result("a", json!([{ "type": "text", "text": "seen" }, image(1)])),
            result("b", json!([image(2)])),
            result("c", json!("plain")),
        ];
        messages.extend_from_slice(after);
        sent(&json!({ "model": "m", "messages": messages }), &PLAIN).0["messages"].clone()
    };
    let note = |id: &str| json!({ "type": "text", "text": format!("From the result of the tool call `{id}`:") });
    let moved = [note("a"), image(1), note("b"), image(2)];
    let results = [result("a", json!("seen")), result("b", json!("(it follows below)")), result("c", json!("plain"))];
    let with = |tail: &[Value]| Value::Array(results.iter().chain(tail).cloned().collect());
    assert_eq!(turn(&[]), with(&[json!({ "role": "user", "content": moved })]));
    let mut joined = moved.to_vec();
    joined.push(json!({ "type": "text", "text": "and?" }));
    assert_eq!(
        turn(&[json!({ "role": "user", "content": "and?" })]),
        with(&[json!({ "role": "user", "content": joined })])
    );
    let said = json!({ "role": "assistant", "content": "well" });
    assert_eq!(turn(std::slice::from_ref(&said)), with(&[json!({ "role": "user", "content": moved }), said]));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "(text|tool|user|role|image_url|hi)".prop_map(Value::from),
    ];
    let key = "(type|text|role|content|cache_control|tool_call_id|thinking|tools|stream_options|image_url)";
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key, inner), 0..4).prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn anything_that_parses_is_sent(content in any_json(), tools in any_json(), thinking in any_json()) {
        let message = json!({ "role": "tool", "content": content, "tool_call_id": tools });
        let chat = json!({ "model": "m", "messages": [message.clone(), message], "tools": tools, "thinking": thinking });
        if let Ok(request) = ChatRequest::parse(Bytes::from(chat.to_string()), &Limits { n_max: 1, messages_max: 9 }) {
            let sent = plain(&request, "theirs", &PLAIN);
            let again = ChatRequest::parse(sent.body, &Limits { n_max: 1, messages_max: 9 });
            prop_assert!(again.is_ok(), "{again:?}");
        }
    }
}
