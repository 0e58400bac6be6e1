//! Replies: golden ones into a chat and out of it, and what comes back unchanged.

use super::*;
use proptest::prelude::*;

const ABOUT: About<'_> = About { id: "abc-1", model: "a/b", created: 1, original: None };

fn message(chat: &Value) -> Value {
    let chat = ChatReply::parse(Bytes::from(chat.to_string())).unwrap();
    serde_json::from_slice(&reply_from_chat(&chat, &ABOUT)).unwrap()
}

fn chat(message: &Value) -> Value {
    serde_json::from_slice(reply_to_chat(Bytes::from(message.to_string())).unwrap().bytes()).unwrap()
}

#[test]
fn golden_replies() {
    let pretty = |bytes: &[u8]| {
        let value: Value = serde_json::from_slice(bytes).unwrap();
        serde_json::to_string_pretty(&value).unwrap()
    };
    for (name, text) in [
        ("message_tools", include_str!("../../tests/golden/anthropic/message_tools.json")),
        ("message_stop", include_str!("../../tests/golden/anthropic/message_stop.json")),
    ] {
        insta::assert_snapshot!(name, pretty(reply_to_chat(Bytes::from_static(text.as_bytes())).unwrap().bytes()));
    }
    let reply = include_str!("../../tests/golden/anthropic/chat_reply.json");
    let reply = ChatReply::parse(Bytes::from_static(reply.as_bytes())).unwrap();
    insta::assert_snapshot!("chat_reply", pretty(&reply_from_chat(&reply, &ABOUT)));
}

#[test]
fn every_end_has_its_word() {
    let call = json!([{ "id": "a", "function": { "name": "f", "arguments": "{}" } }]);
    for (choice, reason) in [
        (json!({ "message": { "content": "x" }, "finish_reason": "stop" }), "end_turn"),
        (json!({ "message": { "content": "x" }, "finish_reason": null }), "end_turn"),
        (json!({ "message": { "content": "x" }, "finish_reason": "length" }), "max_tokens"),
        (json!({ "message": { "content": "x" }, "finish_reason": "content_filter" }), "refusal"),
        (json!({ "message": { "refusal": "no" }, "finish_reason": "stop" }), "refusal"),
        (json!({ "message": { "tool_calls": call }, "finish_reason": "tool_calls" }), "tool_use"),
        (json!({ "message": { "tool_calls": call }, "finish_reason": "stop" }), "tool_use"),
        (json!({ "message": { "tool_calls": call }, "finish_reason": "length" }), "max_tokens"),
        (json!({ "message": { "content": "x" }, "finish_reason": "stop", "stop_reason": "END" }), "stop_sequence"),
    ] {
        let found = message(&json!({ "choices": [choice] }));
        assert_eq!(found["stop_reason"], reason, "{choice}");
        assert_eq!(found["stop_sequence"], if reason == "stop_sequence" { json!("END") } else { Value::Null });
    }
    for (reason, finish) in [
        ("end_turn", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("stop_sequence", "stop"),
        ("refusal", "content_filter"),
        ("pause_turn", "stop"),
        ("something_new", "stop"),
    ] {
        assert_eq!(chat(&json!({ "content": [], "stop_reason": reason }))["choices"][0]["finish_reason"], finish);
    }
}

#[test]
fn odd_replies_still_say_what_they_say() {
    let legacy =
        json!({ "choices": [{ "message": { "content": null, "function_call": { "name": "f", "arguments": "" } } }] });
    let expect = json!([{ "type": "tool_use", "id": "call_abc-1", "name": "f", "input": {} }]);
    assert_eq!(message(&legacy)["content"], expect);
    let parts = json!([{ "type": "text", "text": "a" }, { "type": "refusal", "refusal": "b" }]);
    let odd = json!({ "choices": [{ "message": { "content": parts, "tool_calls": [{ "custom": { "name": "s", "input": "ls" } }] } }] });
    let expect = json!([
        { "type": "text", "text": "a" }, { "type": "text", "text": "b" },
        { "type": "tool_use", "id": "call_abc-1_0", "name": "s", "input": { "input": "ls" } },
    ]);
    assert_eq!(message(&odd)["content"], expect);
    assert_eq!(message(&json!({ "choices": [{ "message": {} }] }))["content"], json!([]));
    for text in ["", "{}", "[]", r#"{"content":"x"}"#, r#"{"content":7}"#] {
        assert!(reply_to_chat(Bytes::from_static(text.as_bytes())).is_err(), "{text}");
    }
}

#[test]
fn a_report_of_an_althing_behind_us_stays_one() {
    let behind = r#"{"content":[],"althing":{"simulated":true}}"#;
    let reply = reply_to_chat(Bytes::from_static(behind.as_bytes())).unwrap();
    assert!(reply.simulated());
    let with = reply.with_althing(&json!({ "new": 1 }));
    assert_eq!(serde_json::from_slice::<Value>(&with).unwrap()["althing"], json!({ "new": 1 }));
}

fn blocks() -> impl Strategy<Value = Vec<Value>> {
    let words = || "[a-zA-Zäé😀\"\\\\\n ]{1,12}";
    let thought = prop_oneof![
        (words(), "[a-z]{0,4}")
            .prop_map(|(words, sig)| json!({ "type": "thinking", "thinking": words, "signature": sig })),
        words().prop_map(|data| json!({ "type": "redacted_thinking", "data": data })),
    ];
    let text = words().prop_map(|text| json!({ "type": "text", "text": text }));
    let call = (words(), "[a-z]{1,8}", words(), any::<i64>()).prop_map(|(id, name, key, number)| {
        json!({ "type": "tool_use", "id": id, "name": name, "input": { key: [number, { "a": null }] } })
    });
    let all = (prop::collection::vec(thought, 0..3), prop::option::of(text), prop::collection::vec(call, 0..3));
    all.prop_map(|(thoughts, text, calls)| thoughts.into_iter().chain(text).chain(calls).collect())
}

proptest! {
    #[test]
    fn there_and_back_nothing_is_lost(blocks in blocks(), counts in prop::array::uniform4(0..1_000_u64), sequence in prop::option::of("[a-z]{1,4}")) {
        let calls = blocks.iter().any(|block| block["type"] == "tool_use");
        let reason = match &sequence { _ if calls => "tool_use", Some(_) => "stop_sequence", None => "end_turn" };
        let told = json!({
            "id": "msg_abc-1", "type": "message", "role": "assistant", "model": "a/b", "content": blocks,
            "stop_reason": reason, "stop_sequence": sequence.filter(|_| !calls),
            "usage": {
                "input_tokens": counts[0], "output_tokens": counts[1],
                "cache_read_input_tokens": counts[2], "cache_creation_input_tokens": counts[3],
            },
        });
        prop_assert_eq!(message(&chat(&told)), told);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = reply_to_chat(Bytes::from(bytes));
    }

    #[test]
    fn any_blocks_are_read(block in "\\{\"(type|text|id|input)\":(\"(text|thinking|tool_use)\"|1|null|\\[\\]|\\{\\})\\}") {
        let body = format!(r#"{{"content":[{block},7,null]}}"#);
        prop_assert!(reply_to_chat(Bytes::from(body)).is_ok());
    }
}
