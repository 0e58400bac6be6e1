//! Frames by hand, cut at every byte, damaged, too long; and what they come to as a chat.

use super::*;
use crate::bedrock::tests::frame;
use converse::ConverseError;
use proptest::prelude::*;
use serde_json::json;
use wire::About;

const ABOUT: About<'static> = About { id: "r", model: "m", created: 1, original: None };
fn arguments(index: u32, piece: &str) -> Value {
    json!({ "tool_calls": [{ "index": index, "function": { "arguments": piece } }] })
}

const MOST: usize = 1_000;

fn events(events: &[(&str, Value)]) -> Bytes {
    let frames: Vec<Bytes> = events.iter().map(|(name, event)| frame("event", name, &event.to_string())).collect();
    Bytes::from(frames.concat())
}

fn reader(custom: &[&str]) -> Reader {
    let custom = custom.iter().map(|name| (*name).to_owned()).collect();
    Reader::new(ToChat::new(&ABOUT, custom), MOST)
}

/// The deltas, the reason and the usage of all chunks, and whether the stream has ended as it should.
fn read(reader: &mut Reader, bytes: &Bytes) -> (Vec<Value>, bool) {
    let mut out = reader.push(bytes).to_vec();
    if reader.failed.is_none() {
        out.extend_from_slice(&reader.chat.end());
    }
    chunks(&out)
}

fn chunks(out: &[u8]) -> (Vec<Value>, bool) {
    let (mut seen, mut done) = (Vec::new(), false);
    for event in wire::sse::events(out) {
        let data = event.data.unwrap();
        assert!(!done, "nothing comes behind the end");
        done = wire::openai::is_done(&data);
        if !done {
            let chunk: Value = serde_json::from_slice(&data).unwrap();
            assert_eq!((&chunk["id"], &chunk["model"], &chunk["created"]), (&json!("r"), &json!("m"), &json!(1)));
            let choice = &chunk["choices"][0];
            seen.push(match (&chunk["usage"], choice["finish_reason"].as_str()) {
                (Value::Object(usage), _) => json!({ "usage": usage }),
                (_, Some(reason)) => json!(reason),
                _ => choice["delta"].clone(),
            });
        }
    }
    (seen, done)
}

fn block(at: u64, delta: Value) -> (&'static str, Value) {
    ("contentBlockDelta", json!({ "contentBlockIndex": at, "delta": delta, "p": "abcd" }))
}

fn call(at: u64, id: &str, name: &str) -> (&'static str, Value) {
    ("contentBlockStart", json!({ "contentBlockIndex": at, "start": { "toolUse": { "toolUseId": id, "name": name } } }))
}

fn stop(at: u64) -> (&'static str, Value) {
    ("contentBlockStop", json!({ "contentBlockIndex": at }))
}

fn whole() -> Vec<(&'static str, Value)> {
    vec![
        ("messageStart", json!({ "role": "assistant" })),
        block(0, json!({ "reasoningContent": { "text": "hm" } })),
        block(0, json!({ "reasoningContent": { "signature": "SI" } })),
        block(0, json!({ "reasoningContent": { "signature": "G" } })),
        stop(0),
        block(1, json!({ "reasoningContent": { "redactedContent": "AAEC" } })),
        stop(1),
        block(2, json!({ "text": "Größe " })),
        block(2, json!({ "text": "zählt" })),
        stop(2),
        call(3, "a", "weather"),
        block(3, json!({ "toolUse": { "input": "" } })),
        block(3, json!({ "toolUse": { "input": "{\"ci" } })),
        block(3, json!({ "toolUse": { "input": "ty\":1}" } })),
        stop(3),
        call(4, "b", "now"),
        stop(4),
        ("messageStop", json!({ "stopReason": "tool_use" })),
        (
            "metadata",
            json!({ "usage": { "inputTokens": 3, "outputTokens": 4, "totalTokens": 7 }, "metrics": { "latencyMs": 9 } }),
        ),
    ]
}

fn expected() -> Vec<Value> {
    let begin = |at: u32, id: &str, name: &str| {
        let function = json!({ "name": name, "arguments": "" });
        json!({ "tool_calls": [{ "index": at, "id": id, "type": "function", "function": function }] })
    };
    vec![
        json!({ "role": "assistant", "content": "" }),
        json!({ "reasoning_content": "hm" }),
        json!({ "thinking_blocks": [{ "type": "thinking", "thinking": "", "signature": "SIG" }] }),
        json!({ "thinking_blocks": [{ "type": "redacted_thinking", "data": "AAEC" }] }),
        json!({ "content": "Größe " }),
        json!({ "content": "zählt" }),
        begin(0, "a", "weather"),
        arguments(0, "{\"ci"),
        arguments(0, "ty\":1}"),
        begin(1, "b", "now"),
        arguments(1, "{}"),
        json!("tool_calls"),
        json!({ "usage": { "prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7 } }),
    ]
}

#[test]
fn a_stream_reads_the_same_wherever_it_is_cut() {
    let bytes = events(&whole());
    assert_eq!(read(&mut reader(&[]), &bytes), (expected(), true));
    for cut in 0..=bytes.len() {
        let mut reader = reader(&[]);
        let mut out = reader.push(&bytes.slice(..cut)).to_vec();
        out.extend_from_slice(&reader.push(&bytes.slice(cut..)));
        assert_eq!(chunks(&out), (expected(), true), "cut at {cut}");
        assert!(reader.failed.is_none() && reader.chat.end().is_empty());
    }
    let mut reader = reader(&[]);
    let out: Vec<u8> = bytes.chunks(1).flat_map(|byte| reader.push(&Bytes::copy_from_slice(byte))).collect();
    assert_eq!(chunks(&out), (expected(), true));
}

#[test]
fn a_stream_that_breaks_off_has_no_end_and_one_without_metadata_has() {
    let all = whole();
    for most in 0..all.len() {
        let (seen, done) = read(&mut reader(&[]), &events(&all[..most]));
        assert_eq!(done, most == all.len() - 1, "{most}");
        assert_eq!(seen, expected()[..seen.len()]);
    }
    // What comes behind the end says nothing more, and an event told twice is told once.
    let twice = [all.clone(), all.clone()].concat();
    assert_eq!(read(&mut reader(&[]), &events(&twice)), (expected(), true));
}

#[test]
fn a_tool_that_takes_text_gets_text() {
    for (pieces, expect) in [
        (&["{\"input\": \"a\\n", "b\"}"][..], "a\nb"),
        (&["{\"other\":1}"], "{\"other\":1}"),
        (&["torn {"], "torn {"),
        (&[], ""),
    ] {
        let mut all = vec![call(0, "a", "patch")];
        all.extend(pieces.iter().map(|piece| block(0, json!({ "toolUse": { "input": piece } }))));
        all.push(("messageStop", json!({ "stopReason": "tool_use" })));
        let custom = json!({ "name": "patch", "input": expect });
        let call = json!({ "tool_calls": [{ "index": 0, "id": "a", "type": "custom", "custom": custom }] });
        assert_eq!(read(&mut reader(&["patch"]), &events(&all)), (vec![call, json!("tool_calls")], true));
    }
}

#[test]
fn an_exception_ends_the_stream_behind_what_was_said() {
    let said = frame("event", "contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"a"}}"#);
    let broke = frame("exception", "modelStreamErrorException", r#"{"message":"SECRET"}"#);
    let mut late = reader(&[]);
    let (seen, done) = read(&mut late, &Bytes::from([&said[..], &broke, &said].concat()));
    assert_eq!((seen, done), (vec![json!({ "content": "a" })], false));
    assert_eq!(late.failed, Some(ModelError::ErrorEvent { code: Some("server_error".to_owned()) }));
    let mut early = reader(&[]);
    assert!(early.push(&frame("exception", "throttlingException", r#"{"message":"SECRET"}"#)).is_empty());
    assert_eq!(early.failed, Some(ModelError::RateLimited { retry_after: None }));
    let mut garbled = reader(&[]);
    garbled.push(&frame("event", "messageStop", r#"{"stopReason":"malformed_tool_use"}"#));
    assert!(matches!(garbled.failed, Some(ModelError::NotAReply { .. })));
    let mut rubbish = reader(&[]);
    rubbish.push(&frame("event", "messageStart", "SECRET"));
    assert!(matches!(&rubbish.failed, Some(ModelError::NotAReply { what }) if !what.contains("SECRET")));
}

/// A frame by hand, as the encoding is documented: total length, length of the headers, CRC of both, one header
/// `:event-type` of the type string (7), the payload `{}`, CRC of all before.
const BY_HAND: &[u8] = &[
    0, 0, 0, 45, 0, 0, 0, 27, 0x52, 0x13, 0x5e, 0xbf, 11, b':', b'e', b'v', b'e', b'n', b't', b'-', b't', b'y', b'p',
    b'e', 7, 0, 12, b'm', b'e', b's', b's', b'a', b'g', b'e', b'S', b't', b'a', b'r', b't', b'{', b'}', 0, 0, 0, 0,
];

#[test]
fn frames_are_as_documented() {
    let crc = |bytes: &[u8]| crc_by_definition(bytes).to_be_bytes();
    let mut by_hand = BY_HAND.to_vec();
    let prelude = crc(&by_hand[..8]);
    by_hand[8..12].copy_from_slice(&prelude);
    let end = by_hand.len() - 4;
    let all = crc(&by_hand[..end]);
    by_hand[end..].copy_from_slice(&all);
    let mut frames = Frames::new(MOST);
    frames.push(&Bytes::from(by_hand.clone()));
    let read = frames.next().unwrap().unwrap();
    assert_eq!((header(&read, ":event-type"), read.payload().as_ref()), ("messageStart", &b"{}"[..]));
    assert_eq!(header(&read, ":message-type"), "");
    assert!(frames.next().unwrap().is_none());
    // One wrong bit anywhere is noticed, or makes the frame so long that its end never comes.
    for at in 0..by_hand.len() * 8 {
        let mut damaged = by_hand.clone();
        damaged[at / 8] ^= 1 << (at % 8);
        let mut frames = Frames::new(MOST);
        frames.push(&Bytes::from(damaged));
        assert!(!matches!(frames.next(), Ok(Some(_))), "bit {at}");
    }
}

/// CRC-32 as in IEEE 802.3, bit by bit.
fn crc_by_definition(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
    !bytes.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

#[test]
fn a_frame_has_a_longest_and_a_shortest() {
    let text = "x".repeat(MOST);
    let long = frame("event", "messageStart", &json!({ "role": text }).to_string());
    let mut frames = Frames::new(MOST);
    // Its length alone is enough.
    frames.push(&long.slice(..4));
    let error = frames.next().unwrap_err();
    assert_eq!(error.to_string(), "one event of the stream is longer than 1000 bytes");
    let mut frames = Frames::new(long.len());
    frames.push(&long);
    assert!(frames.next().unwrap().is_some());
    let mut short = Frames::new(MOST);
    short.push(&Bytes::from_static(&[0, 0, 0, 15, 0, 0]));
    assert!(matches!(short.next(), Err(ConverseError::NotAReply { .. })));
}

proptest! {
    #[test]
    fn reading_is_total(bytes in prop::collection::vec(any::<u8>(), 0..200), cut in 0usize..200) {
        let bytes = Bytes::from(bytes);
        let mut reader = reader(&[]);
        let cut = cut.min(bytes.len());
        reader.push(&bytes.slice(..cut));
        reader.push(&bytes.slice(cut..));
    }

    #[test]
    fn what_is_framed_is_never_trusted(name in "[a-zA-Z:]{0,20}", payload in "\\PC{0,60}", headers in prop::collection::vec(any::<u8>(), 0..40)) {
        reader(&[]).push(&frame("event", &name, &payload));
        reader(&[]).push(&frame("exception", &name, &payload));
        // Headers that make no sense under checksums that are right.
        let length = u32::try_from(headers.len()).unwrap();
        let mut bytes = [(length + 16).to_be_bytes(), length.to_be_bytes()].concat();
        bytes.extend(crc_by_definition(&bytes).to_be_bytes());
        bytes.extend(&headers);
        bytes.extend(crc_by_definition(&bytes).to_be_bytes());
        reader(&[]).push(&Bytes::from(bytes));
    }
}
