//! The estimate beside a real tokenizer, and what counts in a request.

use super::{Estimate, estimate_tokens, samples, text_tokens};
use crate::openai::{ChatRequest, Limits};
use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};

/// How far the estimate may be off, in percent: measured, and rounded up to the next five.
fn bounds(name: &str) -> (f64, f64) {
    match name {
        "English" | "Chinese" | "hex" => (-5.0, 5.0),
        "German" | "Japanese" | "Russian" | "Rust" | "JSON" | "Markdown" => (-10.0, 10.0),
        "Python" => (-5.0, 15.0),
        // Chance makes words that no vocabulary has: it is rare in text, and too low an estimate refuses nobody.
        "base64" => (-25.0, 0.0),
        _ => (-25.0, 25.0),
    }
}

#[test]
fn stays_close_to_a_real_tokenizer() {
    let real = tiktoken_rs::o200k_base().unwrap();
    for (name, text) in samples::all() {
        let counted = real.encode_ordinary(&text).len() as f64;
        let off = (text_tokens(&text) as f64 / counted - 1.0) * 100.0;
        let (least, most) = bounds(name);
        assert!((least..=most).contains(&off), "{name}: off by {off:.1} %");
    }
}

fn request(body: &Value) -> ChatRequest {
    ChatRequest::parse(Bytes::from(body.to_string()), &Limits { n_max: 1, messages_max: 99 }).unwrap()
}

fn of_content(content: &Value) -> Estimate {
    request(&json!({ "model": "m", "messages": [{ "role": "user", "content": content }] })).estimate()
}

#[test]
fn pictures_sound_and_seals_are_no_text() {
    let data = samples::base64(40_000);
    let short = of_content(&json!("look at this"));
    assert_eq!((short.text, short.media), (7, 0));
    let parts = json!([
        { "type": "text", "text": "look at this" },
        { "type": "image_url", "image_url": { "url": format!("data:image/png;base64,{data}"), "detail": "low" } },
        { "type": "input_audio", "input_audio": { "data": data, "format": "wav" } },
        { "type": "file", "file": { "file_data": format!("data:application/pdf;base64,{data}"), "filename": "a.pdf" } },
    ]);
    let rich = of_content(&parts);
    assert_eq!(rich.media, 3);
    assert!(rich.text < 20, "{rich:?}");
    assert_eq!(rich.tokens(), rich.text + 3_000);
    let sealed = request(&json!({ "model": "m", "messages": [{ "role": "assistant", "content": "look at this",
        "thinking_blocks": [{ "type": "redacted_thinking", "data": data }, { "type": "thinking", "signature": data }] }] }));
    assert!(sealed.estimate().text < 30, "{:?}", sealed.estimate());
    let spoken = of_content(&json!([{ "type": "text", "text": data }]));
    assert!(spoken.text > 15_000, "the same as words counts");
}

#[test]
fn tools_and_earlier_calls_are_read_too() {
    let bare = json!({ "model": "m", "messages": [{ "role": "user", "content": "hi" }] });
    let least = estimate_tokens(&request(&bare));
    let mut tools = bare.clone();
    tools["tools"] = json!([{ "type": "function", "function": { "name": "find_trains", "parameters": {
        "type": "object", "properties": { "from": { "type": "string", "description": samples::ENGLISH } } } } }]);
    assert!(estimate_tokens(&request(&tools)) > least + 180);
    let mut calls = bare.clone();
    calls["messages"] = json!([{ "role": "assistant", "content": null, "tool_calls": [{ "id": "c", "type": "function",
        "function": { "name": "f", "arguments": samples::JSON } }] }]);
    assert!(estimate_tokens(&request(&calls)) > least + 180);
    let mut knobs = bare;
    knobs["metadata"] = json!({ "note": samples::ENGLISH });
    assert_eq!(estimate_tokens(&request(&knobs)), least, "what no model reads costs nothing");
}

proptest! {
    #[test]
    fn no_text_has_more_tokens_than_bytes(text in "\\PC{0,200}") {
        prop_assert!(text_tokens(&text) <= text.len() as u64);
    }

    #[test]
    fn half_of_it_is_never_too_much(words in prop::collection::vec(0..120usize, 1..200)) {
        let known: Vec<&str> = samples::ENGLISH.split(' ').collect();
        let text: Vec<&str> = words.iter().map(|at| known[at % known.len()]).collect();
        let text = text.join(" ");
        let counted = VOCABULARY.with(|real| real.encode_ordinary(&text).len() as u64);
        prop_assert!(text_tokens(&text) / 2 <= counted, "{text}");
    }
}

thread_local! {
    static VOCABULARY: tiktoken_rs::CoreBPE = tiktoken_rs::o200k_base().unwrap();
}
