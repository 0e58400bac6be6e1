//! Streams to translate, and translations of them in any pieces.

use anthropic::{FromChat, ToChat};
use serde_json::Value;
use wire::{About, Dialect, Translate};

/// About every answer here.
pub(crate) const ABOUT: About<'static> = About { id: "abc-1", model: "oak", created: 1_790_000_000, original: None };

/// The events of a chat: one for each chunk, `[DONE]` behind them.
pub(crate) fn chat(chunks: &[Value]) -> Vec<String> {
    let chunks = chunks.iter().map(|chunk| format!("data: {chunk}\n\n"));
    chunks.chain(["data: [DONE]\n\n".to_owned()]).collect()
}

/// A chunk with this delta in its only choice.
pub(crate) fn delta(delta: Value) -> Value {
    serde_json::json!({ "id": "c", "object": "chat.completion.chunk", "choices": [{ "index": 0, "delta": delta }] })
}

/// The chunk that ends a choice.
pub(crate) fn finish(reason: &str) -> Value {
    serde_json::json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": reason }] })
}

/// The events of a message.
pub(crate) fn message(events: &[Value]) -> Vec<String> {
    events.iter().map(|event| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap())).collect()
}

/// The translation between a chat and a message.
pub(crate) fn translator(from: Dialect, to: Dialect) -> Box<dyn Translate> {
    match (from, to) {
        (Dialect::Chat, Dialect::Messages) => Box::new(FromChat::new(&ABOUT)),
        (Dialect::Messages, Dialect::Chat) => Box::new(ToChat::new(&ABOUT)),
        other => panic!("{other:?} is not translated here"),
    }
}

/// What becomes of a stream that comes in these blocks and then ends well.
pub(crate) fn translated<T: AsRef<[u8]>>(from: Dialect, to: Dialect, blocks: &[T]) -> Vec<u8> {
    let mut translate = translator(from, to);
    let mut out: Vec<u8> = blocks.iter().flat_map(|block| translate.push(block.as_ref())).collect();
    out.extend_from_slice(&translate.end());
    out
}

/// The same with as many events in a block as `sizes` say, from its beginning again when it ends.
pub(crate) fn translated_in(from: Dialect, to: Dialect, events: &[String], sizes: &[usize]) -> Vec<u8> {
    let (mut blocks, mut rest, mut sizes) = (Vec::new(), events, sizes.iter().cycle());
    while !rest.is_empty() {
        let size = sizes.next().copied().unwrap_or(1).clamp(1, rest.len());
        blocks.push(rest[..size].concat());
        rest = &rest[size..];
    }
    translated(from, to, &blocks)
}

/// A text in pieces, between characters, at these places.
pub(crate) fn pieces(text: &str, at: &[usize]) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let mut at: Vec<usize> = at.iter().map(|at| at % (chars.len() + 1)).chain([0, chars.len()]).collect();
    at.sort_unstable();
    at.windows(2).map(|pair| chars[pair[0]..pair[1]].iter().collect()).collect()
}
