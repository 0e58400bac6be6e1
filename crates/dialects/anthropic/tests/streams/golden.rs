//! Streams as the providers' API references show them, and what becomes of each; and the rules one by one.

use crate::heard;
use crate::support::{chat, delta, finish, message, translated};
use serde_json::{Value, json};
use wire::Dialect::{Chat, Messages};

macro_rules! golden {
    ($name:literal, $from:expr, $to:expr) => {{
        let stream = include_str!(concat!("../golden/streams/", $name, ".sse"));
        let out = translated($from, $to, &[stream]);
        let one_by_one: Vec<&str> = stream.split_inclusive("\n\n").collect();
        assert_eq!(translated($from, $to, &one_by_one), out, "another cut, other bytes");
        let heard = if $to == Messages { heard::message(&out).map(drop) } else { heard::chat(&out).map(drop) };
        assert_eq!(heard, Ok(()));
        insta::assert_snapshot!($name, String::from_utf8(out).unwrap());
    }};
}

#[test]
fn chats_become_messages() {
    golden!("chat-text", Chat, Messages);
    golden!("chat-tools", Chat, Messages);
}

#[test]
fn messages_become_chats() {
    golden!("message-text", Messages, Chat);
    golden!("message-tools", Messages, Chat);
    golden!("message-error", Messages, Chat);
}

/// The blocks and the reason to stop of what these deltas become.
fn blocks_of(deltas: &[Value], reason: &str) -> (Vec<Value>, Value) {
    let mut chunks: Vec<Value> = deltas.iter().cloned().map(delta).collect();
    chunks.push(finish(reason));
    let heard = heard::message(&translated(Chat, Messages, &chat(&chunks))).unwrap();
    (heard.blocks, heard.delta["delta"]["stop_reason"].clone())
}

#[test]
fn an_error_ends_a_message_and_nothing_follows() {
    let stream = include_bytes!("../golden/streams/chat-error.sse");
    let out = translated(Chat, Messages, &[stream]);
    let heard = heard::message(&out).unwrap();
    assert_eq!(
        (&heard.blocks[0]["text"], heard.error.map(|event| event["type"].clone())),
        (&json!("Half an"), Some(json!("error")))
    );
    assert!(heard.delta.is_null() && heard.stop.is_null(), "no false end");
}

#[test]
fn the_same_words_under_several_names_are_said_once() {
    let thinking =
        |text: &str, signature: &str| json!({ "type": "thinking", "thinking": text, "signature": signature });
    let block = json!([thinking("hm", "")]);
    let details =
        json!([{ "type": "reasoning.text", "text": "hm", "signature": null, "format": "anthropic-claude-v1" }]);
    for delta in [
        json!({ "reasoning_content": "hm", "thinking_blocks": block }),
        json!({ "reasoning": "hm", "reasoning_details": details }),
        json!({ "reasoning": "hm", "reasoning_content": "hm" }),
        json!({ "reasoning_details": details }),
        json!({ "reasoning_details": [{ "type": "reasoning.summary", "summary": "hm" }] }),
        json!({ "content": [{ "type": "thinking", "thinking": [{ "type": "text", "text": "hm" }] }] }),
        json!({ "content": [{ "type": "thinking", "thinking": "hm" }], "reasoning": "" }),
    ] {
        assert_eq!(blocks_of(std::slice::from_ref(&delta), "stop").0, [thinking("hm", "")], "{delta}");
    }
    // A whole reply as one delta, as a panel's answer comes.
    let whole = json!({
        "reasoning_content": "hm", "content": "Yes.",
        "thinking_blocks": [thinking("hm", "sig"), { "type": "redacted_thinking", "data": "xx" }],
        "tool_calls": [
            { "index": 0, "id": "a", "type": "function", "function": { "name": "f", "arguments": "{}" } },
            { "index": 1, "id": "b", "type": "function", "function": { "name": "g", "arguments": "{\"x\":1}" } },
        ],
    });
    let expected = [
        thinking("hm", "sig"),
        json!({ "type": "redacted_thinking", "data": "xx" }),
        json!({ "type": "text", "text": "Yes." }),
        json!({ "type": "tool_use", "id": "a", "name": "f", "input": "{}" }),
        json!({ "type": "tool_use", "id": "b", "name": "g", "input": "{\"x\":1}" }),
    ];
    assert_eq!(blocks_of(&[whole], "tool_calls"), (expected.to_vec(), json!("tool_use")));
}

#[test]
fn what_others_encrypt_is_no_redacted_thinking() {
    let of = |format: Value| {
        let part = json!({ "type": "reasoning.encrypted", "data": "xx", "format": format });
        blocks_of(&[json!({ "reasoning_details": [part] })], "stop").0.len()
    };
    assert_eq!([of(json!("anthropic-claude-v1")), of(Value::Null), of(json!("openai-responses-v1"))], [1, 1, 0]);
}

#[test]
fn calls_are_told_apart_however_they_are_numbered() {
    let call = |index: Value, id: Value, name: Value, arguments: Value| {
        let function = json!({ "name": name, "arguments": arguments });
        json!({ "tool_calls": [{ "index": index, "id": id, "function": function }] })
    };
    let none = Value::Null;
    let inputs = |deltas: &[Value]| {
        let (blocks, reason) = blocks_of(deltas, "stop");
        assert_eq!(reason, "tool_use", "whatever the chat says");
        let show = |block: &Value| format!("{} {} {}", block["id"], block["name"], block["input"]).replace('"', "");
        blocks.iter().map(show).collect::<Vec<_>>()
    };
    let (zero, one) = (json!(0), json!(1));
    let (a, b, f, g) = (json!("a"), json!("b"), json!("f"), json!("g"));
    let (empty, full) = (json!(""), json!("[1]"));
    let check = |deltas: &[Value], expect: &[&str]| assert_eq!(inputs(deltas), expect, "{deltas:?}");
    // Every call is number 0.
    check(
        &[
            call(zero.clone(), a.clone(), f.clone(), full.clone()),
            call(zero.clone(), b.clone(), g.clone(), full.clone()),
        ],
        &["a f [1]", "b g [1]"],
    );
    // Another id in every part.
    check(
        &[
            call(zero.clone(), a.clone(), f.clone(), empty.clone()),
            call(zero.clone(), b.clone(), none.clone(), full.clone()),
        ],
        &["a f [1]"],
    );
    // The id and the name again in every part.
    check(
        &[call(zero.clone(), a.clone(), f.clone(), json!("[")), call(zero.clone(), a.clone(), f.clone(), json!("1]"))],
        &["a f [1]"],
    );
    // No numbers.
    check(
        &[
            call(none.clone(), a.clone(), f.clone(), json!("[")),
            call(none.clone(), none.clone(), none.clone(), json!("1]")),
        ],
        &["a f [1]"],
    );
    check(
        &[
            call(none.clone(), a.clone(), f.clone(), full.clone()),
            call(none.clone(), b.clone(), g.clone(), full.clone()),
        ],
        &["a f [1]", "b g [1]"],
    );
    // Neither numbers nor ids: they get some.
    check(
        &[call(none.clone(), none.clone(), f.clone(), full.clone()), call(none.clone(), none.clone(), g, full.clone())],
        &["call_abc-1_0 f [1]", "call_abc-1_1 g [1]"],
    );
    // Arguments before the rest; arguments that are an object; none at all.
    check(
        &[call(one.clone(), none.clone(), none.clone(), full), call(one.clone(), a.clone(), f.clone(), empty)],
        &["a f [1]"],
    );
    check(&[call(zero, a.clone(), f.clone(), json!({ "x": [1.50] }))], &["a f {\\x\\:[1.5]}"]);
    check(&[call(one, a, f, none)], &["a f {}"]);
    // As chats had it before there were several.
    let old = |name: Value, arguments: &str| json!({ "function_call": { "name": name, "arguments": arguments } });
    check(&[old(json!("f"), "["), old(Value::Null, "1]")], &["call_abc-1 f [1]"]);
}

#[test]
fn a_number_that_comes_again_behind_a_call_that_has_ended_begins_another() {
    let call = |id: Value, name: &str, arguments: &str| {
        let function = json!({ "name": name, "arguments": arguments });
        json!({ "tool_calls": [{ "index": 0, "id": id, "function": function }] })
    };
    let (first, again) = (call(json!("a"), "f", "[1]"), call(Value::Null, "g", "[2]"));
    let inputs = |deltas: &[Value]| {
        let calls = blocks_of(deltas, "stop").0.into_iter().filter(|block| block["type"] == "tool_use");
        calls.map(|call| call["input"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(inputs(&[first.clone(), json!({ "content": "and" }), again.clone()]), ["[1]", "[2]"]);
    assert_eq!(inputs(&[first, again]), ["[1][2]"], "it has not ended while nothing else has come");
}

#[test]
fn reasons_to_stop_mean_the_same() {
    let text = json!({ "content": "a" });
    let call = json!({ "tool_calls": [{ "index": 0, "id": "a", "function": { "name": "f" } }] });
    let refusal = json!({ "refusal": "No." });
    for (delta, reason, expect) in [
        (&text, "stop", "end_turn"),
        (&text, "length", "max_tokens"),
        (&text, "content_filter", "refusal"),
        (&text, "tool_calls", "end_turn"),
        (&text, "eos", "end_turn"),
        (&call, "tool_calls", "tool_use"),
        (&call, "function_call", "tool_use"),
        (&call, "stop", "tool_use"),
        (&call, "length", "max_tokens"),
        (&refusal, "stop", "refusal"),
    ] {
        assert_eq!(blocks_of(std::slice::from_ref(delta), reason).1, expect, "{delta} {reason}");
    }
    for (reason, expect) in [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("pause_turn", "stop"),
        ("tool_use", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("refusal", "content_filter"),
    ] {
        let start = json!({ "type": "message_start", "message": {} });
        let end = json!({ "type": "message_delta", "delta": { "stop_reason": reason } });
        let heard = heard::chat(&translated(Messages, Chat, &message(&[start, end]))).unwrap();
        assert_eq!(heard.finish.as_deref(), Some(expect), "{reason}");
    }
}

#[test]
fn a_sequence_that_ended_an_answer_is_told() {
    for member in ["stop_sequence", "stop_reason"] {
        let mut end = finish("stop");
        end["choices"][0][member] = json!("EN\"D");
        let out = translated(Chat, Messages, &chat(&[delta(json!({ "content": "a" })), end]));
        let told = heard::message(&out).unwrap().delta["delta"].clone();
        assert_eq!(told, json!({ "stop_reason": "stop_sequence", "stop_sequence": "EN\"D" }));
    }
    let mut end = finish("stop");
    end["choices"][0]["stop_reason"] = json!(128_009);
    let out = translated(Chat, Messages, &chat(&[end]));
    assert_eq!(heard::message(&out).unwrap().delta["delta"]["stop_reason"], "end_turn", "a token is no sequence");
}

#[test]
fn the_text_for_a_custom_tool_becomes_an_object() {
    let call = |custom: Value, id: Value| json!({ "tool_calls": [{ "index": 0, "id": id, "custom": custom }] });
    let parts = [
        call(json!({ "name": "sh", "input": "" }), json!("a")),
        call(json!({ "input": "echo \"" }), Value::Null),
        call(json!({ "input": "a\\n\"\n" }), Value::Null),
    ];
    for (deltas, text) in [(&parts[..], "echo \"a\\n\"\n"), (&parts[..1], "")] {
        let (blocks, _) = blocks_of(deltas, "tool_calls");
        let input: Value = serde_json::from_str(blocks[0]["input"].as_str().unwrap()).unwrap();
        assert_eq!(input, json!({ "input": text }));
    }
}

#[test]
fn what_is_spoken_is_said() {
    let (blocks, _) = blocks_of(&[json!({ "audio": { "id": "a", "transcript": "Hi" } })], "stop");
    assert_eq!(blocks, [json!({ "type": "text", "text": "Hi" })]);
}

#[test]
fn a_message_waits_for_its_usage_and_no_longer() {
    let usage = json!({ "choices": [], "usage": { "prompt_tokens": 1, "completion_tokens": 2 } });
    let mut translate = crate::support::translator(Chat, Messages);
    let mut push =
        |chunk: Value| String::from_utf8(translate.push(format!("data: {chunk}\n\n").as_bytes()).to_vec()).unwrap();
    assert!(push(delta(json!({ "content": "a" }))).contains("message_start"));
    assert!(!push(finish("stop")).contains("message_delta"));
    let end = push(usage.clone());
    assert!(
        end.contains("\"output_tokens\":2")
            && end.ends_with("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n")
    );
    assert_eq!(push(usage), "", "it has ended");
    assert_eq!(translate.end(), "");
}

#[test]
fn a_broken_stream_gets_no_end_and_an_empty_one_gets_one() {
    let mut translate = crate::support::translator(Chat, Messages);
    let out = translate.push(format!("data: {}\n\n", delta(json!({ "content": "a" }))).as_bytes());
    assert!(!String::from_utf8(out.to_vec()).unwrap().contains("message_stop"));
    let heard = heard::message(&translated::<&str>(Chat, Messages, &[])).unwrap();
    assert_eq!((heard.blocks.len(), heard.delta["delta"]["stop_reason"].as_str()), (0, Some("end_turn")));
    let heard = heard::chat(&translated::<&str>(Messages, Chat, &[])).unwrap();
    assert_eq!(heard.finish.as_deref(), Some("stop"));
}

#[test]
fn halves_of_a_character_meet_again() {
    // Some cut a stream between the halves of an escaped character; whoever puts the words together has it again.
    let half = |text: &str| format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n");
    let out = translated(Chat, Messages, &[half("\\ud83d"), half("\\ude00")]);
    let text = String::from_utf8(out).unwrap();
    assert!(text.contains(r#""text":"\ud83d""#) && text.contains(r#""text":"\ude00""#), "{text}");
}

#[test]
fn an_input_that_stands_at_the_beginning_of_a_block_is_told() {
    let block = |input: Value| json!({ "type": "tool_use", "id": "a", "name": "f", "input": input });
    let start = |input| json!({ "type": "content_block_start", "index": 0, "content_block": block(input) });
    let more = json!({ "type": "content_block_delta", "index": 0,
        "delta": { "type": "input_json_delta", "partial_json": "{\"y\":2}" } });
    let stop = json!({ "type": "content_block_stop", "index": 0 });
    for (events, expect) in [
        (vec![start(json!({ "x": 1 })), stop.clone()], "{\"x\":1}"),
        (vec![start(json!({ "x": 1 }))], "{\"x\":1}"),
        (vec![start(json!({})), more.clone(), stop], "{\"y\":2}"),
        (vec![start(Value::Null)], "{}"),
    ] {
        let heard = heard::chat(&translated(Messages, Chat, &message(&events))).unwrap();
        assert_eq!(heard.calls, [["a", "f", expect].map(str::to_owned)]);
        assert_eq!(heard.finish.as_deref(), Some("tool_calls"));
    }
}
