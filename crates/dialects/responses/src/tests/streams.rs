//! Streams, both ways.

use super::*;
use wire::openai::Usage;

fn call(index: u64, id: &str, name: &str, arguments: &str) -> Value {
    json!({ "tool_calls": [{ "index": index, "id": id, "type": "function", "function": { "name": name, "arguments": arguments } }] })
}

fn more(index: u64, arguments: &str) -> Value {
    json!({ "tool_calls": [{ "index": index, "function": { "arguments": arguments } }] })
}

/// One line for each event: what it is, where, and what it says.
fn lines(events: &[Value]) -> String {
    let line = |event: &Value| {
        let mut short = event.clone();
        let kind = event["type"].as_str().unwrap().to_owned();
        for key in ["type", "sequence_number"] {
            short.as_object_mut().unwrap().remove(key);
        }
        if event["response"].is_object() {
            let response = &event["response"];
            short = json!({ "id": response["id"], "status": response["status"], "output": response["output"].as_array().unwrap().len(),
                "usage": response["usage"], "althing": response["althing"] });
        }
        format!("{kind} {short}\n")
    };
    events.iter().map(line).collect()
}

#[test]
fn text_with_usage_and_report() {
    let mut all = chunks(
        &[json!({ "role": "assistant", "content": "" }), json!({ "content": "Hel" }), json!({ "content": "lo" })],
        "stop",
    );
    all.push(json!({ "choices": [], "usage": { "prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5 }, "althing": { "cost_usd": 0.001 } }));
    let request = ask(r#"{"model":"m","input":"hi","stream":true}"#).unwrap();
    insta::assert_snapshot!("stream_text", String::from_utf8(streamed(&all, request.original())).unwrap());
}

#[test]
fn reasoning_text_and_mixed_calls() {
    let deltas = [
        json!({ "reasoning_content": "Look " }),
        json!({ "reasoning_content": "first." }),
        json!({ "thinking_blocks": [{ "type": "thinking", "thinking": "", "signature": "c2ln" }] }),
        json!({ "content": "I look." }),
        call(0, "c1", "shell", ""),
        call(1, "c2", "apply_patch", "{\"input\":"),
        more(0, "{\"command\":"),
        more(1, "\"*** Begin\\n\"}"),
        more(0, "[]}"),
        call(2, "c3", "local_shell", "{\"command\":[\"ls\"]}"),
        call(3, "c4", "mcp__docs__find", ""),
    ];
    let request = ask(CODEX).unwrap();
    insta::assert_snapshot!(
        "stream_calls",
        lines(&datas(&streamed(&chunks(&deltas, "tool_calls"), request.original())))
    );
}

#[test]
fn refused_cut_short_and_broken() {
    let ends = |chunks: &[Value]| datas(&streamed(chunks, None)).last().unwrap().clone();
    let cut = ends(&chunks(&[json!({ "content": "Once" })], "length"));
    assert_eq!(
        json!([cut["type"], cut["response"]["output"][0]["status"]]),
        json!(["response.incomplete", "incomplete"])
    );
    let refused =
        datas(&streamed(&chunks(&[json!({ "content": "Well. " }), json!({ "refusal": "No." })], "stop"), None));
    insta::assert_snapshot!("stream_refusal", lines(&refused));
    let mut broken = chunks(&[json!({ "content": "Once" })], "stop");
    broken.insert(1, json!({ "error": { "message": "the key sk-1 is bad", "code": "invalid_api_key" } }));
    let failed = ends(&broken);
    assert_eq!(
        json!([failed["type"], failed["response"]["error"]["code"]]),
        json!(["response.failed", "server_error"])
    );
    assert!(!failed.to_string().contains("sk-1"));
}

#[test]
fn nothing_at_all_is_a_whole_response() {
    let mut translate = FromChat::new(&about(None));
    let kinds: Vec<Value> = datas(&translate.end()).iter().map(|event| event["type"].clone()).collect();
    assert_eq!(kinds, ["response.created", "response.in_progress", "response.completed"]);
    assert!(translate.push(b"data: {\"choices\":[]}\n\ndata: [DONE]\n\n").is_empty());
}

#[test]
fn without_an_end_there_is_no_ending() {
    let mut translate = FromChat::new(&about(None));
    let first = translate.push(&sse(&chunks(&[json!({ "content": "Once" })], "stop"))[..60]);
    assert!(!String::from_utf8_lossy(&first).contains("response.completed"));
}

#[test]
fn calls_that_are_counted_badly_stay_apart() {
    let same = [call(0, "c1", "f", "{}"), call(0, "c2", "f", "{}")];
    let late = [json!({ "tool_calls": [{ "index": 0, "id": "c1" }] }), more(0, "{\"a\""), call(0, "c1", "f", ":1}")];
    let whole = [
        json!({ "tool_calls": [{ "function": { "name": "f", "arguments": { "a": 1 } } }, { "function": { "name": "g" } }] }),
    ];
    let old = [
        json!({ "function_call": { "name": "f", "arguments": "{\"a\"" } }),
        json!({ "function_call": { "arguments": ":1}" } }),
    ];
    let check = |deltas: &[Value], expect: Value| {
        let last = datas(&streamed(&chunks(deltas, "tool_calls"), None)).pop().unwrap();
        let short = |item: &Value| json!([item["call_id"], item["name"], item["arguments"]]);
        let items: Vec<Value> = last["response"]["output"].as_array().unwrap().iter().map(short).collect();
        assert_eq!(json!(items), expect);
    };
    check(&same, json!([["c1", "f", "{}"], ["c2", "f", "{}"]]));
    check(&late, json!([["c1", "f", "{\"a\":1}"]]));
    check(&whole, json!([["call_0123-ab_0", "f", "{\"a\":1}"], ["call_0123-ab_1", "g", "{}"]]));
    check(&old, json!([["call_0123-ab_0", "f", "{\"a\":1}"]]));
}

/// Events as a provider writes them, by their data.
fn native(events: &[Value]) -> Vec<u8> {
    events
        .iter()
        .map(|event| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap()))
        .collect::<String>()
        .into_bytes()
}

fn to_chat(events: &[Value]) -> String {
    let mut translate = ToChat::new(&about(None));
    let mut out = translate.push(&native(events)).to_vec();
    out.extend_from_slice(&translate.end());
    String::from_utf8(out).unwrap()
}

#[test]
fn a_native_stream_becomes_chunks() {
    let events = [
        json!({ "type": "response.created", "response": { "id": "resp_1" } }),
        json!({ "type": "response.output_item.added", "output_index": 0, "item": { "type": "reasoning", "summary": [] } }),
        json!({ "type": "response.reasoning_summary_text.delta", "output_index": 0, "summary_index": 0, "delta": "One." }),
        json!({ "type": "response.reasoning_summary_text.delta", "output_index": 0, "summary_index": 1, "delta": "Two." }),
        json!({ "type": "response.reasoning_text.delta", "output_index": 0, "content_index": 0, "delta": "One. Two." }),
        json!({ "type": "response.output_text.delta", "output_index": 1, "content_index": 0, "delta": "Hi",
            "logprobs": [{ "token": "Hi", "logprob": -0.5 }] }),
        json!({ "type": "response.output_text.done", "output_index": 1, "content_index": 0, "text": "Hi" }),
        json!({ "type": "response.output_text.done", "output_index": 1, "content_index": 1, "text": " all" }),
        json!({ "type": "response.output_item.added", "output_index": 2,
            "item": { "type": "function_call", "call_id": "c1", "name": "f", "arguments": "" } }),
        json!({ "type": "response.function_call_arguments.delta", "output_index": 2, "delta": "{}" }),
        json!({ "type": "response.output_item.done", "output_index": 2,
            "item": { "type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}" } }),
        json!({ "type": "response.output_item.added", "output_index": 3,
            "item": { "type": "custom_tool_call", "call_id": "c2", "name": "g", "input": "" } }),
        json!({ "type": "response.output_item.done", "output_index": 3,
            "item": { "type": "custom_tool_call", "call_id": "c2", "name": "g", "input": "whole" } }),
        json!({ "type": "response.output_item.done", "output_index": 4,
            "item": { "type": "local_shell_call", "call_id": "c3", "action": { "type": "exec", "command": ["ls"] } } }),
        json!({ "type": "response.completed", "response": { "status": "completed", "althing": { "x": 1 },
            "usage": { "input_tokens": 3, "input_tokens_details": { "cached_tokens": 1 }, "output_tokens": 2, "total_tokens": 5 } } }),
        json!({ "type": "response.output_text.delta", "output_index": 9, "delta": "too late" }),
    ];
    insta::assert_snapshot!("stream_to_chat", to_chat(&events));
}

#[test]
fn native_endings() {
    let check = |event: Value, expect: &str| assert!(to_chat(std::slice::from_ref(&event)).contains(expect), "{event}");
    let incomplete = |reason: &str| json!({ "type": "response.incomplete", "response": { "status": "incomplete", "incomplete_details": { "reason": reason } } });
    check(incomplete("max_output_tokens"), r#""finish_reason":"length""#);
    check(incomplete("content_filter"), r#""finish_reason":"content_filter""#);
    check(json!({ "type": "response.completed", "response": {} }), r#""finish_reason":"stop""#);
    let failed = to_chat(&[json!({ "type": "response.failed", "response": { "error": { "message": "sk-1" } } })]);
    assert!(failed.contains("server_error") && !failed.contains("sk-1") && !failed.contains("[DONE]"));
}

#[test]
fn the_usage_keeps_its_details() {
    let counted = Usage {
        prompt_tokens: 9,
        completion_tokens: 4,
        total_tokens: 13,
        cached_tokens: 3,
        cache_write_tokens: 2,
        cache_write_hour_tokens: 1,
        reasoning_tokens: 2,
    };
    let mut all = chunks(&[json!({ "content": "a" })], "stop");
    all.push(json!({ "choices": [], "usage": counted }));
    let last = datas(&streamed(&all, None)).pop().unwrap();
    assert_eq!(crate::envelope::usage(&last["response"]["usage"]), Some(counted));
    assert_eq!(view(last.to_string().as_bytes(), true).unwrap().usage, Some(counted));
}
