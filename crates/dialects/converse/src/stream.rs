//! A stream of Converse as the chunks of a chat.

use super::reply::{plain_input, redacted};
use super::usage::{finish, usage};
use crate::ConverseError;
use bytes::{Bytes, BytesMut};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use wire::About;
use wire::openai::StreamWriter;

/// Turns events into chunks, one after the other.
pub struct ToChat {
    writer: StreamWriter,
    custom: BTreeSet<String>,
    /// Blocks that have begun, by their index.
    open: BTreeMap<u64, Open>,
    calls: u32,
    begun: bool,
    finished: bool,
    counted: bool,
    done: bool,
}

/// A block that has more to it than its deltas.
enum Open {
    /// A call, by its index among calls, and whether its arguments have begun.
    Call(u32, bool),
    /// A call whose text is known only when its input is whole.
    Custom { index: u32, id: String, name: String, input: String },
    /// A thought and the signature behind it.
    Thought(String),
    /// What the provider runs itself.
    Foreign,
}

impl ToChat {
    /// Nothing yet.
    pub fn new(about: &About<'_>, custom: BTreeSet<String>) -> Self {
        let writer = StreamWriter { id: about.id.to_owned(), created: about.created, model: about.model.to_owned() };
        let open = BTreeMap::new();
        Self { writer, custom, open, calls: 0, begun: false, finished: false, counted: false, done: false }
    }

    /// Whether something has come that may have cost something.
    pub fn begun(&self) -> bool {
        self.begun
    }

    /// Takes one event in; empty where it means nothing in a chat.
    pub fn event(&mut self, kind: &str, event: &Value) -> Result<Bytes, ConverseError> {
        if self.done {
            return Ok(Bytes::new());
        }
        let at = event["contentBlockIndex"].as_u64().unwrap_or_default();
        let chunk = match kind {
            "messageStart" => Some(json!({ "role": "assistant", "content": "" })),
            "contentBlockStart" => self.start(at, &event["start"]["toolUse"]),
            "contentBlockDelta" => self.delta(at, &event["delta"]),
            "contentBlockStop" => self.stop(at),
            "messageStop" if !self.finished => return self.finish(event["stopReason"].as_str().unwrap_or_default()),
            "metadata" if !self.counted => return Ok(self.count(event)),
            _ => None,
        };
        self.begun |= chunk.is_some();
        Ok(chunk.map(|delta| self.writer.delta(&delta)).unwrap_or_default())
    }

    /// What is left to say when the stream has ended: nothing if it broke off.
    pub fn end(&mut self) -> Bytes {
        if self.finished && !std::mem::replace(&mut self.done, true) { StreamWriter::done() } else { Bytes::new() }
    }

    fn start(&mut self, at: u64, call: &Value) -> Option<Value> {
        let name = call["name"].as_str()?;
        if call["type"] == "server_tool_use" {
            self.open.insert(at, Open::Foreign);
            return None;
        }
        let (index, id) = (self.calls, call["toolUseId"].as_str().unwrap_or_default());
        self.calls += 1;
        if self.custom.contains(name) {
            let (id, name) = (id.to_owned(), name.to_owned());
            self.open.insert(at, Open::Custom { index, id, name, input: String::new() });
            return None;
        }
        self.open.insert(at, Open::Call(index, false));
        let function = json!({ "name": name, "arguments": "" });
        Some(json!({ "tool_calls": [{ "index": index, "id": id, "type": "function", "function": function }] }))
    }

    fn delta(&mut self, at: u64, delta: &Value) -> Option<Value> {
        let said = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        if let Some(text) = said(&delta["text"]) {
            return Some(json!({ "content": text }));
        }
        if let Some(piece) = said(&delta["toolUse"]["input"]) {
            return match self.open.get_mut(&at)? {
                Open::Call(index, begun) => {
                    *begun = true;
                    Some(arguments(*index, &piece))
                }
                Open::Custom { input, .. } => {
                    input.push_str(&piece);
                    None
                }
                Open::Thought(_) | Open::Foreign => None,
            };
        }
        let reasoning = &delta["reasoningContent"];
        if let Some(text) = said(&reasoning["text"]) {
            return Some(json!({ "reasoning_content": text }));
        }
        if let Some(piece) = said(&reasoning["signature"]) {
            if let Open::Thought(signature) = self.open.entry(at).or_insert_with(|| Open::Thought(String::new())) {
                signature.push_str(&piece);
            }
            return None;
        }
        said(&reasoning["redactedContent"]).map(|data| json!({ "thinking_blocks": [redacted(&data)] }))
    }

    fn stop(&mut self, at: u64) -> Option<Value> {
        match self.open.remove(&at)? {
            // A call without arguments has empty ones.
            Open::Call(index, false) => Some(arguments(index, "{}")),
            Open::Custom { index, id, name, input } => {
                let input = serde_json::from_str(&input).map_or(input, |input| plain_input(&input));
                let custom = json!({ "name": name, "input": input });
                Some(json!({ "tool_calls": [{ "index": index, "id": id, "type": "custom", "custom": custom }] }))
            }
            Open::Thought(signature) => {
                Some(json!({ "thinking_blocks": [{ "type": "thinking", "thinking": "", "signature": signature }] }))
            }
            Open::Call(_, true) | Open::Foreign => None,
        }
    }

    /// Blocks that nobody has ended end here.
    fn finish(&mut self, reason: &str) -> Result<Bytes, ConverseError> {
        let reason = finish(reason)?;
        let mut out = BytesMut::new();
        while let Some(at) = self.open.keys().next().copied() {
            if let Some(delta) = self.stop(at) {
                out.extend_from_slice(&self.writer.delta(&delta));
            }
        }
        self.finished = true;
        out.extend_from_slice(&self.writer.finish(reason, None::<&()>));
        out.extend_from_slice(&self.end_if_whole());
        Ok(out.freeze())
    }

    fn count(&mut self, event: &Value) -> Bytes {
        self.counted = true;
        let usage = usage(&event["usage"]).map(|usage| self.writer.usage(usage, None::<&()>));
        Bytes::from([usage.unwrap_or_default(), self.end_if_whole()].concat())
    }

    /// The metadata comes last: nobody has to wait for the connection to end.
    fn end_if_whole(&mut self) -> Bytes {
        if self.counted { self.end() } else { Bytes::new() }
    }
}

fn arguments(index: u32, piece: &str) -> Value {
    json!({ "tool_calls": [{ "index": index, "function": { "arguments": piece } }] })
}
