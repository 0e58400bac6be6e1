//! Translations between a chat and a message, whatever comes and however it is cut.

use crate::heard;
use crate::support::{chat, delta, finish, message, pieces, translated, translated_in};
use fastrand::Rng;
use proptest::prelude::*;
use serde_json::{Value, json};
use wire::Dialect::{Chat, Messages};

/// Something that a model says, in the order of its beginning.
#[derive(Debug, Clone)]
enum Saying {
    Text(String),
    Thinking(String),
    Signed(String, String),
    Redacted(String),
    Call(String, Value),
}

fn saying() -> impl Strategy<Value = Saying> {
    let text = || "[\\PC\"\\\\\n\r\t\u{0}]{1,12}";
    let arguments = prop_oneof![
        Just(json!({})),
        (text(), text()).prop_map(|(key, value)| json!({ key: [value, { "n": 1.5 }] })),
        text().prop_map(|value| json!({ "path": value, "deep": { "a": [[], "}"] } })),
    ];
    prop_oneof![
        text().prop_map(Saying::Text),
        text().prop_map(Saying::Thinking),
        (text(), text()).prop_map(|(text, signature)| Saying::Signed(text, signature)),
        text().prop_map(Saying::Redacted),
        ("[a-z]{1,8}", arguments).prop_map(|(name, input)| Saying::Call(name, input)),
    ]
}

/// Chunks of a chat that say it, each in pieces.
fn as_chunks(sayings: &[Saying], at: &[usize]) -> Vec<Value> {
    let mut chunks = vec![delta(json!({ "role": "assistant", "content": "" }))];
    let mut calls = 0;
    for saying in sayings {
        let mut all = |member: &str, text: &str| {
            chunks.extend(pieces(text, at).into_iter().map(|piece| delta(json!({ member: piece }))));
        };
        match saying {
            Saying::Text(text) => all("content", text),
            Saying::Thinking(text) => all("reasoning_content", text),
            Saying::Signed(text, signature) => {
                all("reasoning_content", text);
                let block = json!({ "type": "thinking", "thinking": "", "signature": signature });
                chunks.push(delta(json!({ "thinking_blocks": [block] })));
            }
            Saying::Redacted(data) => {
                let block = json!({ "type": "redacted_thinking", "data": data });
                chunks.push(delta(json!({ "thinking_blocks": [block] })));
            }
            Saying::Call(name, input) => {
                let id = format!("call_{calls}");
                let call = json!({ "index": calls, "id": id, "type": "function", "function": { "name": name } });
                chunks.push(delta(json!({ "tool_calls": [call] })));
                for piece in pieces(&input.to_string(), at) {
                    let call = json!({ "index": calls, "function": { "arguments": piece } });
                    chunks.push(delta(json!({ "tool_calls": [call] })));
                }
                calls += 1;
            }
        }
    }
    chunks.push(finish(if calls > 0 { "tool_calls" } else { "stop" }));
    chunks.push(json!({ "choices": [], "usage": { "prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10 } }));
    chunks
}

/// Events of a message that say it.
fn as_events(sayings: &[Saying], at: &[usize]) -> Vec<Value> {
    let start = json!({ "id": "m", "role": "assistant", "content": [], "usage": { "input_tokens": 7 } });
    let mut events = vec![json!({ "type": "message_start", "message": start }), json!({ "type": "ping" })];
    for (index, saying) in sayings.iter().enumerate() {
        let (block, deltas) = match saying {
            Saying::Text(text) => (json!({ "type": "text", "text": "" }), vec![("text_delta", "text", text.clone())]),
            Saying::Thinking(text) => {
                (json!({ "type": "thinking", "thinking": "" }), vec![("thinking_delta", "thinking", text.clone())])
            }
            Saying::Signed(text, signature) => (
                json!({ "type": "thinking", "thinking": "", "signature": "" }),
                vec![("thinking_delta", "thinking", text.clone()), ("signature_delta", "signature", signature.clone())],
            ),
            Saying::Redacted(data) => (json!({ "type": "redacted_thinking", "data": data }), Vec::new()),
            Saying::Call(name, input) => (
                json!({ "type": "tool_use", "id": format!("toolu_{index}"), "name": name, "input": {} }),
                vec![("input_json_delta", "partial_json", input.to_string())],
            ),
        };
        events.push(json!({ "type": "content_block_start", "index": index, "content_block": block }));
        for (kind, member, text) in deltas {
            let whole = [text.clone()];
            let parts = if kind == "signature_delta" { whole.to_vec() } else { pieces(&text, at) };
            let delta = |part: String| json!({ "type": kind, member: part });
            let event = |part| json!({ "type": "content_block_delta", "index": index, "delta": delta(part) });
            events.extend(parts.into_iter().map(event));
        }
        events.push(json!({ "type": "content_block_stop", "index": index }));
    }
    let calls = sayings.iter().any(|saying| matches!(saying, Saying::Call(..)));
    let reason = if calls { "tool_use" } else { "end_turn" };
    let usage = json!({ "output_tokens": 3 });
    events.push(json!({ "type": "message_delta", "delta": { "stop_reason": reason }, "usage": usage }));
    events.push(json!({ "type": "message_stop" }));
    events
}

/// The blocks that a message should hold: words of the same kind that follow each other are one.
fn expected(sayings: &[Saying]) -> Vec<Value> {
    let (mut blocks, mut calls) = (Vec::<Value>::new(), 0);
    for saying in sayings {
        let last = blocks.last_mut();
        let unsigned = last.as_ref().is_some_and(|last| last["type"] == "thinking" && last["signature"] == "");
        match (saying, last) {
            (Saying::Text(text), Some(last)) if last["type"] == "text" => {
                last["text"] = json!(format!("{}{text}", last["text"].as_str().unwrap()));
            }
            (Saying::Text(text), _) => blocks.push(json!({ "type": "text", "text": text })),
            (Saying::Thinking(text), Some(last)) if unsigned => {
                last["thinking"] = json!(format!("{}{text}", last["thinking"].as_str().unwrap()));
            }
            (Saying::Signed(text, signature), Some(last)) if unsigned => {
                last["thinking"] = json!(format!("{}{text}", last["thinking"].as_str().unwrap()));
                last["signature"] = json!(signature);
            }
            (Saying::Thinking(text), _) => {
                blocks.push(json!({ "type": "thinking", "thinking": text, "signature": "" }));
            }
            (Saying::Signed(text, signature), _) => {
                blocks.push(json!({ "type": "thinking", "thinking": text, "signature": signature }));
            }
            (Saying::Redacted(data), _) => blocks.push(json!({ "type": "redacted_thinking", "data": data })),
            (Saying::Call(name, input), _) => {
                let id = format!("call_{calls}");
                calls += 1;
                blocks.push(json!({ "type": "tool_use", "id": id, "name": name, "input": input.to_string() }));
            }
        }
    }
    blocks
}

/// Blocks without their ids, which differ between the two directions.
fn without_ids(blocks: &[Value]) -> Vec<Value> {
    let without = |block: &Value| {
        let mut block = block.clone();
        block.as_object_mut().unwrap().remove("id");
        block
    };
    blocks.iter().map(without).collect()
}

proptest! {
    #[test]
    fn a_chat_becomes_a_message_without_loss(
        sayings in prop::collection::vec(saying(), 0..8),
        at in prop::collection::vec(0..40_usize, 0..4),
        sizes in prop::collection::vec(1..9_usize, 1..4),
    ) {
        let events = chat(&as_chunks(&sayings, &at));
        let out = translated_in(Chat, Messages, &events, &sizes);
        prop_assert_eq!(&out, &translated(Chat, Messages, &events), "another cut, other bytes");
        let heard = heard::message(&out).map_err(TestCaseError::fail)?;
        prop_assert_eq!(&heard.blocks, &expected(&sayings));
        prop_assert_eq!(&heard.delta["usage"]["output_tokens"], 3);
        // And back.
        let again = heard::chat(&translated(Messages, Chat, &[&out])).map_err(TestCaseError::fail)?;
        let direct = said(&sayings);
        prop_assert_eq!((again.content, again.reasoning, again.thinking), (direct.0, direct.1, direct.2));
        let calls: Vec<_> = again.calls.into_iter().map(|[_, name, input]| (name, input)).collect();
        prop_assert_eq!(calls, direct.3);
    }

    #[test]
    fn a_message_becomes_a_chat_without_loss(
        sayings in prop::collection::vec(saying(), 0..8),
        at in prop::collection::vec(0..40_usize, 0..4),
        sizes in prop::collection::vec(1..9_usize, 1..4),
    ) {
        let events = message(&as_events(&sayings, &at));
        let out = translated_in(Messages, Chat, &events, &sizes);
        prop_assert_eq!(&out, &translated(Messages, Chat, &events), "another cut, other bytes");
        let heard = heard::chat(&out).map_err(TestCaseError::fail)?;
        let direct = said(&sayings);
        prop_assert_eq!((heard.content, heard.reasoning, heard.thinking), (direct.0, direct.1, direct.2));
        let calls: Vec<_> = heard.calls.into_iter().map(|[_, name, input]| (name, input)).collect();
        prop_assert_eq!(calls, direct.3);
        prop_assert_eq!(heard.usage, Some(json!({ "prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10 })));
        // And back.
        let again = heard::message(&translated(Chat, Messages, &[&out])).map_err(TestCaseError::fail)?;
        prop_assert_eq!(without_ids(&again.blocks), without_ids(&expected(&sayings)));
    }

    #[test]
    fn calls_that_come_by_turns_keep_their_arguments(
        inputs in prop::collection::vec("[\\PC\"\\\\{}]{0,12}", 1..5),
        at in prop::collection::vec(0..40_usize, 0..6),
        turns in prop::collection::vec((0..6_usize, 0..3_usize), 0..60),
    ) {
        // Ids and names come where chance puts them, arguments before them or behind, text in between.
        let inputs: Vec<String> = inputs.iter().map(|input| json!({ "a": input }).to_string()).collect();
        let mut rest: Vec<Vec<Value>> = inputs.iter().enumerate().map(|(index, input)| {
            let arguments = |piece| json!({ "index": index, "function": { "arguments": piece } });
            let mut parts: Vec<Value> = pieces(input, &at).into_iter().map(arguments).collect();
            let place = at.first().map_or(0, |at| at % (parts.len() + 1));
            parts.insert(place, json!({ "index": index, "function": { "name": format!("f{index}") } }));
            let place = at.last().map_or(0, |at| at % (parts.len() + 1));
            parts.insert(place, json!({ "index": index, "id": format!("id{index}") }));
            parts.reverse();
            parts
        }).collect();
        let (mut chunks, mut text) = (Vec::new(), String::new());
        for (turn, kind) in turns.into_iter().chain((0..400).map(|turn| (turn % 5, 0))) {
            if kind == 2 {
                chunks.push(delta(json!({ "content": "x" })));
                text.push('x');
            } else if let Some(part) = rest.get_mut(turn).and_then(Vec::pop) {
                chunks.push(delta(json!({ "tool_calls": [part] })));
            }
        }
        prop_assert!(rest.iter().all(Vec::is_empty));
        let heard = heard::message(&translated(Chat, Messages, &chat(&chunks))).map_err(TestCaseError::fail)?;
        let of = |kind: &str| heard.blocks.iter().filter(|block| block["type"] == kind).collect::<Vec<_>>();
        let mut calls = of("tool_use");
        calls.sort_by_key(|call| call["name"].as_str().map(str::to_owned));
        prop_assert_eq!(calls.len(), inputs.len());
        for (at, call) in calls.iter().enumerate() {
            prop_assert_eq!(&call["id"], &json!(format!("id{at}")));
            prop_assert_eq!(&call["input"], &json!(inputs[at]));
        }
        prop_assert_eq!(of("text").iter().filter_map(|block| block["text"].as_str()).collect::<String>(), text);
        prop_assert_eq!(&heard.delta["delta"]["stop_reason"], "tool_use");
    }

    #[test]
    fn any_bytes_are_survived(blocks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..8)) {
        heard::message(&translated(Chat, Messages, &blocks)).map_err(TestCaseError::fail)?;
        heard::chat(&translated(Messages, Chat, &blocks)).map_err(TestCaseError::fail)?;
    }
}

/// Text, reasoning, thinking blocks and calls, as a chat gives them.
fn said(sayings: &[Saying]) -> (String, String, Vec<Value>, Vec<(String, String)>) {
    let mut said = (String::new(), String::new(), Vec::new(), Vec::new());
    for saying in sayings {
        match saying {
            Saying::Text(text) => said.0 += text,
            Saying::Thinking(text) => said.1 += text,
            Saying::Signed(text, signature) => {
                said.1 += text;
                said.2.push(json!({ "type": "thinking", "thinking": "", "signature": signature }));
            }
            Saying::Redacted(data) => said.2.push(json!({ "type": "redacted_thinking", "data": data })),
            Saying::Call(name, input) => said.3.push((name.clone(), input.to_string())),
        }
    }
    said
}

/// Streams that nobody meant: good ones with bytes, values and events changed, doubled, left out or exchanged.
#[test]
fn mutated_streams_still_become_well_formed_ones() {
    const CASES: u64 = 2_000;
    let first = crate::fuzz::from_env("ALTHING_FUZZ_SEED", crate::fuzz::SEED);
    let cases = crate::fuzz::from_env("ALTHING_FUZZ_CASES", CASES).min(CASES);
    let sayings = [
        Saying::Signed("hm".into(), "sig".into()),
        Saying::Text("Grüße \"you\"".into()),
        Saying::Redacted("data".into()),
        Saying::Call("read".into(), json!({ "path": "a\\b", "n": [1] })),
        Saying::Call("list".into(), json!({})),
        Saying::Thinking("so".into()),
    ];
    let sources =
        [(Chat, Messages, chat(&as_chunks(&sayings, &[3, 5]))), (Messages, Chat, message(&as_events(&sayings, &[4])))];
    for seed in first..first + cases {
        let mut rng = Rng::with_seed(seed);
        let (from, to, good) = &sources[rng.usize(..sources.len())];
        let events = mutated(&mut rng, good);
        let out = translated(*from, *to, &events);
        let heard = if *to == Messages { heard::message(&out).map(drop) } else { heard::chat(&out).map(drop) };
        assert!(heard.is_ok(), "again with ALTHING_FUZZ_SEED={seed} ALTHING_FUZZ_CASES=1: {heard:?}");
    }
}

fn mutated(rng: &mut Rng, good: &[String]) -> Vec<Vec<u8>> {
    const VALUES: &[&str] =
        &["null", "0", "-1", "1e9", "\"\"", "\"a\"", "[]", "{}", "[1]", "[\"a\"]", "{\"a\":1}", "true", "\"\\u00e9\""];
    let mut events: Vec<Vec<u8>> = good.iter().map(|event| event.clone().into_bytes()).collect();
    for _ in 0..rng.usize(1..6) {
        let (at, other) = (rng.usize(..events.len()), rng.usize(..events.len()));
        match rng.u8(..6) {
            0 => events.swap(at, other),
            1 => events.insert(at, events[other].clone()),
            2 if events.len() > 1 => drop(events.remove(at)),
            3 => {
                // The value behind a colon becomes another.
                let text = String::from_utf8_lossy(&events[at]).into_owned();
                let colons: Vec<usize> = text.match_indices("\":").map(|(at, _)| at + 2).collect();
                let Some(colon) = (!colons.is_empty()).then(|| colons[rng.usize(..colons.len())]) else { continue };
                let end = text[colon..].find([',', '}', ']']).map_or(text.len(), |end| colon + end);
                events[at] = [&text[..colon], VALUES[rng.usize(..VALUES.len())], &text[end..]].concat().into_bytes();
            }
            _ if events[at].len() > 2 => {
                let byte = rng.usize(..events[at].len() - 2);
                events[at][byte] = rng.u8(..);
            }
            _ => {}
        }
    }
    events
}
