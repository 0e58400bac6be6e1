//! There and back: what a chat and Converse both have survives the trip. The way back exists for tests alone.

use crate::{reply, request};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use wire::About;

const MODEL: &str = "anthropic.claude-x";

/// A part of a user's message in a chat.
fn part() -> impl Strategy<Value = Value> {
    let mark = prop_oneof![
        Just(None),
        Just(Some(json!({ "type": "ephemeral" }))),
        Just(Some(json!({ "type": "ephemeral", "ttl": "1h" })))
    ];
    let part = prop_oneof![
        "[a-zä\"\\\\]{1,9}".prop_map(|text| json!({ "type": "text", "text": text })),
        ("(png|jpeg|gif|webp)", "[A-Za-z0-9+/]{4}")
            .prop_map(|(kind, data)| json!({ "type": "image_url", "image_url": { "url": format!("data:image/{kind};base64,{data}") } })),
    ];
    (part, mark).prop_map(|(mut part, mark)| {
        if let Some(mark) = mark {
            part["cache_control"] = mark;
        }
        part
    })
}

fn object() -> impl Strategy<Value = Value> {
    prop::collection::btree_map(
        "[a-z\"]{1,4}",
        prop_oneof![any::<i64>().prop_map(|n| json!(n)), "\\PC{0,6}".prop_map(|t| json!(t))],
        0..3,
    )
    .prop_map(|members| json!(members))
}

/// A user's question, an answer with thoughts and calls, and the results of the calls.
fn turn() -> impl Strategy<Value = Vec<Value>> {
    let thoughts = prop::collection::vec(
        prop_oneof![
            ("[a-z]{1,5}", "[A-Z]{1,5}")
                .prop_map(|(text, signature)| json!({ "type": "thinking", "thinking": text, "signature": signature })),
            "[A-Za-z0-9]{4}".prop_map(|data| json!({ "type": "redacted_thinking", "data": data })),
        ],
        0..3,
    );
    let calls =
        prop::collection::vec(("[a-zA-Z0-9_-]{1,64}", "[a-z]{1,8}", object(), any::<bool>(), "[a-z]{1,8}"), 0..3);
    (prop::collection::vec(part(), 1..4), "[a-zß]{1,9}", thoughts, calls).prop_map(|(parts, text, thoughts, calls)| {
        let mut answer = json!({ "role": "assistant", "content": [{ "type": "text", "text": text }] });
        if !thoughts.is_empty() {
            answer["thinking_blocks"] = json!(thoughts);
        }
        let mut turn = vec![json!({ "role": "user", "content": parts })];
        let mut results = Vec::new();
        for (id, name, input, failed, result) in calls {
            let call =
                json!({ "id": id, "type": "function", "function": { "name": name, "arguments": input.to_string() } });
            match answer["tool_calls"].as_array_mut() {
                Some(calls) => calls.push(call),
                None => answer["tool_calls"] = json!([call]),
            }
            let mut result =
                json!({ "role": "tool", "tool_call_id": id, "content": [{ "type": "text", "text": result }] });
            if failed {
                result["is_error"] = json!(true);
            }
            results.push(result);
        }
        turn.push(answer);
        turn.extend(results);
        turn
    })
}

/// The chat that a body of Converse stands for.
fn back(body: &Value) -> Value {
    let mut messages = Vec::new();
    if let Some(system) = body["system"].as_array() {
        messages.push(json!({ "role": "system", "content": parts(system) }));
    }
    for message in body["messages"].as_array().unwrap() {
        let content = message["content"].as_array().unwrap();
        let (mut plain, mut thoughts, mut calls) = (Vec::new(), Vec::new(), Vec::new());
        for block in content {
            let reasoning = &block["reasoningContent"];
            if let Some(result) = block.get("toolResult") {
                let mut tool = json!({ "role": "tool", "tool_call_id": result["toolUseId"], "content": parts(result["content"].as_array().unwrap()) });
                if result["status"] == "error" {
                    tool["is_error"] = json!(true);
                }
                messages.push(tool);
            } else if let Some(call) = block.get("toolUse") {
                let function = json!({ "name": call["name"], "arguments": call["input"].to_string() });
                calls.push(json!({ "id": call["toolUseId"], "type": "function", "function": function }));
            } else if let Some(text) = reasoning.get("reasoningText") {
                thoughts.push(json!({ "type": "thinking", "thinking": text["text"], "signature": text["signature"] }));
            } else if let Some(data) = reasoning.get("redactedContent") {
                thoughts.push(json!({ "type": "redacted_thinking", "data": data }));
            } else {
                plain.push(block.clone());
            }
        }
        if plain.is_empty() && calls.is_empty() {
            continue;
        }
        let mut made = json!({ "role": message["role"], "content": parts(&plain) });
        for (key, list) in [("thinking_blocks", thoughts), ("tool_calls", calls)] {
            if !list.is_empty() {
                made[key] = list.into();
            }
        }
        messages.push(made);
    }
    let mut chat = Map::new();
    chat.insert("messages".to_owned(), messages.into());
    let config = &body["inferenceConfig"];
    let fields = &body["additionalModelRequestFields"];
    for (key, value) in [
        ("max_tokens", &config["maxTokens"]),
        ("temperature", &config["temperature"]),
        ("top_p", &config["topP"]),
        ("stop", &config["stopSequences"]),
        ("thinking", &fields["thinking"]),
        ("top_k", &fields["top_k"]),
    ] {
        if !value.is_null() {
            chat.insert(key.to_owned(), value.clone());
        }
    }
    chat.into()
}

fn parts(blocks: &[Value]) -> Vec<Value> {
    let mut parts: Vec<Value> = Vec::new();
    for block in blocks {
        if let Some(point) = block.get("cachePoint") {
            let mut mark = json!({ "type": "ephemeral" });
            if !point["ttl"].is_null() {
                mark["ttl"] = point["ttl"].clone();
            }
            parts.last_mut().unwrap()["cache_control"] = mark;
        } else if let Some(text) = block.get("text") {
            parts.push(json!({ "type": "text", "text": text }));
        } else {
            let image = &block["image"];
            let (format, data) = (image["format"].as_str().unwrap(), image["source"]["bytes"].as_str().unwrap());
            parts.push(
                json!({ "type": "image_url", "image_url": { "url": format!("data:image/{format};base64,{data}") } }),
            );
        }
    }
    parts
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_both_have_survives(
        system in prop::option::of("[a-zé]{1,9}"),
        turns in prop::collection::vec(turn(), 1..4),
        knobs in (prop::option::of(1u64..9_999), prop::option::of((0u32..100).prop_map(|percent| f64::from(percent) / 100.0)), prop::option::of((0u32..100).prop_map(|percent| f64::from(percent) / 100.0)), prop::option::of(1u64..99)),
        stop in prop::option::of(prop::collection::vec("[A-Z]{1,4}", 1..3)),
        thinks in any::<bool>(),
    ) {
        let mut messages: Vec<Value> = turns.concat();
        if let Some(system) = system {
            messages.insert(0, json!({ "role": "system", "content": [{ "type": "text", "text": system }] }));
        }
        // Results and the question behind them are one message in Converse and end in the same order.
        messages.push(json!({ "role": "user", "content": [{ "type": "text", "text": "end" }] }));
        let messages = merged(messages);
        let mut chat = json!({ "messages": messages });
        for (key, value) in [("max_tokens", json!(knobs.0)), ("temperature", json!(knobs.1)), ("top_p", json!(knobs.2)), ("stop", json!(stop)), ("top_k", json!(knobs.3))] {
            if !value.is_null() {
                chat[key] = value;
            }
        }
        if thinks {
            chat["thinking"] = json!({ "type": "enabled", "budget_tokens": 1024 });
        }
        let asked = request::from_chat(chat.to_string().as_bytes(), MODEL).unwrap();
        prop_assert_eq!(&asked.lost, &Vec::<String>::new());
        prop_assert_eq!(back(&asked.body), chat);
    }

    #[test]
    fn replies_keep_words_thoughts_and_calls(turn in turn()) {
        let answer = &turn[1];
        let chat = json!({ "messages": [{ "role": "user", "content": "q" }, answer] });
        let asked = request::from_chat(chat.to_string().as_bytes(), MODEL).unwrap();
        let body = json!({ "output": { "message": asked.body["messages"][1] }, "stopReason": "end_turn" });
        let about = About { id: "r", model: "m", created: 1, original: None };
        let reply = reply::to_chat(body.to_string().as_bytes(), &about, &BTreeSet::new()).unwrap();
        let reply: Value = serde_json::from_slice(reply.bytes()).unwrap();
        let message = &reply["choices"][0]["message"];
        prop_assert_eq!(&message["content"], &answer["content"][0]["text"]);
        for member in ["thinking_blocks", "tool_calls"] {
            prop_assert_eq!(&message[member], &answer[member]);
        }
    }

    #[test]
    fn translating_is_total(bytes in prop::collection::vec(any::<u8>(), 0..80), value in any_json()) {
        let about = About { id: "r", model: "m", created: 1, original: None };
        for body in [bytes, value.to_string().into_bytes()] {
            let _ = request::from_chat(&body, MODEL);
            let _ = reply::to_chat(&body, &about, &BTreeSet::new());
        }
        let odd = json!({ "messages": [{ "role": "user", "content": value }, { "role": "assistant", "tool_calls": value, "thinking_blocks": value },
            { "role": "tool", "tool_call_id": "x", "content": value }], "tools": value, "tool_choice": value, "response_format": value,
            "stop": value, "thinking": value, "additionalModelRequestFields": value });
        let _ = request::from_chat(odd.to_string().as_bytes(), MODEL);
    }
}

/// Neighbours of one role as one message.
fn merged(messages: Vec<Value>) -> Vec<Value> {
    let mut made: Vec<Value> = Vec::new();
    for message in messages {
        match made.last_mut() {
            Some(last) if last["role"] == message["role"] && message["role"] == "user" => {
                let more = message["content"].as_array().unwrap().clone();
                last["content"].as_array_mut().unwrap().extend(more);
            }
            _ => made.push(message),
        }
    }
    made
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(|b| json!(b)),
        any::<i64>().prop_map(|n| json!(n)),
        "(text|image_url|file|function|custom|json_schema|thinking|data:image/png;base64,AA==|\\PC{0,6})"
            .prop_map(|t| json!(t)),
    ];
    let key = "(type|text|image_url|url|file|file_data|filename|function|name|arguments|id|custom|input|parameters|json_schema|schema|cache_control|content|output|message|stopReason)";
    leaf.prop_recursive(4, 32, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key, inner, 0..4).prop_map(|members| json!(members)),
        ]
    })
}
