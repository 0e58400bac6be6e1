//! Whole replies, both ways.

use super::*;
use wire::Dialect;
use wire::openai::ChatReply;

fn reply(message: &Value, reason: &str) -> ChatReply {
    let body = json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m", "service_tier": "default",
        "choices": [{ "index": 0, "message": message, "finish_reason": reason }],
        "usage": { "prompt_tokens": 30, "completion_tokens": 9, "total_tokens": 39,
            "prompt_tokens_details": { "cached_tokens": 20 }, "completion_tokens_details": { "reasoning_tokens": 4 } },
    });
    ChatReply::parse(Bytes::from(body.to_string())).unwrap()
}

/// The response for a chat's reply to a request.
fn response(message: &Value, reason: &str, request: &str) -> Value {
    let request = ask(request).unwrap();
    serde_json::from_slice(&reply_from_chat(&reply(message, reason), &about(request.original()))).unwrap()
}

#[test]
fn plain_text_and_everything_echoed() {
    insta::assert_snapshot!(
        "reply_text",
        pretty(&response(&json!({ "role": "assistant", "content": "{\"name\":\"cat\"}" }), "stop", RICH))
    );
}

#[test]
fn reasoning_text_and_calls_of_every_kind() {
    let call = |id: &str, name: &str, arguments: &str| json!({ "id": id, "type": "function", "function": { "name": name, "arguments": arguments } });
    let message = json!({
        "role": "assistant", "content": "Let me look.", "reasoning_content": "Look first.",
        "thinking_blocks": [{ "type": "thinking", "thinking": "Look first.", "signature": "c2ln" }],
        "tool_calls": [
            call("c1", "shell", "{\"command\":[\"ls\"]}"),
            call("c2", "apply_patch", "{\"input\":\"*** Begin Patch\\n\"}"),
            call("c3", "local_shell", "{\"command\":[\"ls\",\"-l\"],\"timeout_ms\":1000}"),
            call("c4", "mcp__docs__find", ""),
            json!({ "id": "c5", "type": "custom", "custom": { "name": "sing", "input": "la" } }),
        ],
    });
    let response = response(&message, "tool_calls", CODEX);
    insta::assert_snapshot!("reply_calls", pretty(&response["output"]));
}

#[test]
fn cut_short_refused_and_cited() {
    let cut = response(&json!({ "content": "Once" }), "length", RICH);
    assert_eq!(cut["status"], "incomplete");
    assert_eq!(cut["incomplete_details"], json!({ "reason": "max_output_tokens" }));
    assert_eq!(cut["output"][0]["status"], "incomplete");
    let filtered = response(&json!({ "content": null }), "content_filter", RICH);
    assert_eq!(json!([filtered["incomplete_details"]["reason"], filtered["output"]]), json!(["content_filter", []]));
    let refused = response(&json!({ "content": null, "refusal": "No." }), "stop", RICH);
    assert_eq!(refused["output"][0]["content"], json!([{ "type": "refusal", "refusal": "No." }]));
    let source = json!({ "start_index": 0, "end_index": 2, "title": "t", "url": "https://example.org" });
    let cited = json!({ "content": "As", "annotations": [{ "type": "url_citation", "url_citation": source }] });
    let cited = &response(&cited, "stop", RICH)["output"][0]["content"][0];
    assert_eq!(cited["annotations"][0]["url"], "https://example.org");
}

#[test]
fn there_and_back() {
    let message = json!({
        "role": "assistant", "content": "Let me look.", "reasoning_content": "Look first.",
        "tool_calls": [{ "id": "c1", "type": "function", "function": { "name": "shell", "arguments": "{\"a\": 1.50}" } }],
    });
    let chat = reply(&message, "tool_calls");
    let native = chat.reworded(Dialect::Responses, reply_from_chat(&chat, &about(None)));
    let again = reply_to_chat(native.bytes().clone()).unwrap();
    assert_eq!(again.message(), message);
    assert_eq!(again.usage(), chat.usage());
    let body: Value = serde_json::from_slice(again.bytes()).unwrap();
    assert_eq!(body["choices"][0]["finish_reason"], "tool_calls");
    let told: Value = serde_json::from_slice(&native.with_althing(&json!({ "a": 1 }))).unwrap();
    assert_eq!(json!([told["object"], told["althing"]]), json!(["response", { "a": 1 }]));
}

#[test]
fn what_is_no_response_is_refused() {
    for body in ["", "{}", r#"{"output":7}"#, "[]"] {
        assert!(reply_to_chat(Bytes::from(body)).is_err(), "{body}");
    }
}

#[test]
fn signed_reasoning_travels_only_where_it_was_asked_for() {
    let blocks = json!([
        { "type": "thinking", "thinking": "One.", "signature": "c2ln" },
        { "type": "redacted_thinking", "data": "ZGF0YQ==" },
    ]);
    let message = json!({ "content": "a", "reasoning_content": "One.", "thinking_blocks": blocks });
    let asked = response(&message, "stop", CODEX);
    let sealed = asked["output"][0]["encrypted_content"].as_str().unwrap();
    assert_eq!(json!(seal::open(sealed)), blocks);
    assert_eq!(response(&message, "stop", RICH)["output"][0]["encrypted_content"], Value::Null);
    assert_eq!(seal::shut(&[json!({ "type": "thinking", "thinking": "unsigned" })]), None);
    for forged in ["gAAAA", "althing.thinking.", "althing.thinking.{}", "althing.thinking.[7,{\"type\":\"text\"}]"] {
        assert_eq!(seal::open(forged).unwrap_or_default(), Vec::<Value>::new(), "{forged}");
    }
}
