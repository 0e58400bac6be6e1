//! Messages and reasoning.

use super::super::events::Events;
use super::super::seal;
use super::Output;
use serde_json::{Value, json};

/// What is being written.
#[derive(Debug)]
pub(super) enum Open {
    Reasoning(Reasoning),
    Message(Message),
}

#[derive(Debug)]
pub(super) struct Reasoning {
    place: usize,
    id: String,
    text: String,
    /// Where in the text the block begins that is not signed yet.
    unsigned: usize,
    blocks: Vec<Value>,
}

#[derive(Debug)]
pub(super) struct Message {
    place: usize,
    id: String,
    parts: Vec<Value>,
    part: Part,
}

#[derive(Debug)]
struct Part {
    kind: Kind,
    text: String,
    annotations: Vec<Value>,
    logprobs: Vec<Value>,
}

/// Of which kind a part of a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Refusal,
}

impl Part {
    fn new(kind: Kind) -> Self {
        Self { kind, text: String::new(), annotations: Vec::new(), logprobs: Vec::new() }
    }

    fn value(&self) -> Value {
        let Self { text, annotations, logprobs, .. } = self;
        match self.kind {
            Kind::Text => {
                json!({ "type": "output_text", "text": text, "annotations": annotations, "logprobs": logprobs })
            }
            Kind::Refusal => json!({ "type": "refusal", "refusal": text }),
        }
    }
}

impl Output {
    /// Reasoning: its text, and blocks that are signed or cannot be read.
    pub(super) fn think(&mut self, said: &Value) {
        let text = [&said["reasoning_content"], &said["reasoning"]].into_iter().filter_map(Value::as_str);
        let text = text.into_iter().find(|text| !text.is_empty()).unwrap_or_default();
        let blocks = said["thinking_blocks"].as_array().map(Vec::as_slice).unwrap_or_default();
        let thought = |block: &Value| block["thinking"].as_str().map(str::to_owned);
        let text = if text.is_empty() { blocks.iter().filter_map(thought).collect() } else { text.to_owned() };
        if text.is_empty() && blocks.is_empty() {
            return;
        }
        if !matches!(self.open, Some(Open::Reasoning(_))) {
            self.close_words("completed");
            let id = self.next_id("rs");
            let place = self.add(json!({ "id": id, "type": "reasoning", "summary": [] }));
            let (text, blocks) = (String::new(), Vec::new());
            self.open = Some(Open::Reasoning(Reasoning { place, id, text, unsigned: 0, blocks }));
        }
        let Some(Open::Reasoning(open)) = &mut self.open else { return };
        let at = open.at();
        if open.text.is_empty() && !text.is_empty() {
            let part = with(&at, "part", json!({ "type": "summary_text", "text": "" }));
            self.events.emit("response.reasoning_summary_part.added", part);
        }
        if !text.is_empty() {
            self.events.emit("response.reasoning_summary_text.delta", with(&at, "delta", text.as_str().into()));
            open.text.push_str(&text);
        }
        for block in blocks {
            let mut block = block.clone();
            if block["type"] == "thinking" && block["thinking"].as_str().unwrap_or_default().is_empty() {
                block["thinking"] = open.text.get(open.unsigned..).unwrap_or_default().into();
            }
            open.unsigned = open.text.len();
            open.blocks.push(block);
        }
    }

    /// Words of a message.
    pub(super) fn say(&mut self, kind: Kind, text: &str, logprobs: &[Value]) {
        if text.is_empty() {
            return;
        }
        self.begin(kind);
        let Some(Open::Message(message)) = &mut self.open else { return };
        let mut delta = with(&message.at(), "delta", text.into());
        if kind == Kind::Text {
            delta["logprobs"] = logprobs.into();
        }
        self.events.emit(&format!("response.{}.delta", kind.name()), delta);
        message.part.text.push_str(text);
        message.part.logprobs.extend_from_slice(logprobs);
    }

    /// Sources of a text, which a chat wraps once more.
    pub(super) fn annotate(&mut self, annotations: &Value) {
        for annotation in annotations.as_array().into_iter().flatten() {
            let Some(kind) = annotation["type"].as_str() else { continue };
            let mut flat = json!({ "type": kind });
            if let (Some(flat), Some(inner)) = (flat.as_object_mut(), annotation[kind].as_object()) {
                flat.extend(inner.clone());
            }
            self.begin(Kind::Text);
            let Some(Open::Message(message)) = &mut self.open else { return };
            let mut event = with(&message.at(), "annotation", flat.clone());
            event["annotation_index"] = message.part.annotations.len().into();
            message.part.annotations.push(flat);
            self.events.emit("response.output_text.annotation.added", event);
        }
    }

    /// Makes the part that is being written one of this kind.
    fn begin(&mut self, kind: Kind) {
        if !matches!(self.open, Some(Open::Message(_))) {
            self.close_words("completed");
            let id = self.next_id("msg");
            let place = self.add(message(&id, "in_progress", &[]));
            self.open = Some(Open::Message(Message { place, id, parts: Vec::new(), part: Part::new(kind) }));
        } else if let Some(Open::Message(open)) = &mut self.open {
            if open.part.kind == kind {
                return;
            }
            end_part(open, &mut self.events);
            open.part = Part::new(kind);
        }
        if let Some(Open::Message(open)) = &self.open {
            self.events.emit("response.content_part.added", with(&open.at(), "part", open.part.value()));
        }
    }

    /// Ends the message or the reasoning that is being written.
    pub(super) fn close_words(&mut self, status: &str) {
        match self.open.take() {
            None => {}
            Some(Open::Message(mut open)) => {
                end_part(&mut open, &mut self.events);
                self.done(open.place, message(&open.id, status, &open.parts));
            }
            Some(Open::Reasoning(open)) => self.close_reasoning(open),
        }
    }

    fn close_reasoning(&mut self, open: Reasoning) {
        let mut item = json!({ "id": open.id, "type": "reasoning", "summary": [] });
        if !open.text.is_empty() {
            let at = open.at();
            let part = json!({ "type": "summary_text", "text": open.text });
            self.events.emit("response.reasoning_summary_text.done", with(&at, "text", open.text.into()));
            self.events.emit("response.reasoning_summary_part.done", with(&at, "part", part.clone()));
            item["summary"] = json!([part]);
        }
        if let Some(sealed) = seal::shut(&open.blocks).filter(|_| self.seals) {
            item["encrypted_content"] = sealed.into();
        }
        self.done(open.place, item);
    }
}

impl Reasoning {
    fn at(&self) -> Value {
        json!({ "item_id": self.id, "output_index": self.place, "summary_index": 0 })
    }
}

impl Message {
    fn at(&self) -> Value {
        json!({ "item_id": self.id, "output_index": self.place, "content_index": self.parts.len() })
    }
}

impl Kind {
    /// As events name it.
    fn name(self) -> &'static str {
        match self {
            Self::Text => "output_text",
            Self::Refusal => "refusal",
        }
    }
}

/// Ends the part of a message that is being written.
fn end_part(open: &mut Message, events: &mut Events) {
    let (at, part) = (open.at(), open.part.value());
    let mut done =
        with(&at, if open.part.kind == Kind::Text { "text" } else { "refusal" }, open.part.text.as_str().into());
    if open.part.kind == Kind::Text {
        done["logprobs"] = part["logprobs"].clone();
    }
    events.emit(&format!("response.{}.done", open.part.kind.name()), done);
    events.emit("response.content_part.done", with(&at, "part", part.clone()));
    open.parts.push(part);
}

fn message(id: &str, status: &str, parts: &[Value]) -> Value {
    json!({ "id": id, "type": "message", "status": status, "role": "assistant", "content": parts })
}

fn with(at: &Value, key: &str, value: Value) -> Value {
    let mut all = at.clone();
    all[key] = value;
    all
}
