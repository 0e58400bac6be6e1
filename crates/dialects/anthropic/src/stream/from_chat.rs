//! Chunks of a chat become events of a message. Refuses to know how blocks are kept apart.

use super::super::error_event;
use super::blocks::{Blocks, CallPart, event};
use super::chunk::{Choice, Chunk, Delta, Function, Said, ToolCall, list};
use super::json::{escaped, inside, inside_or_text, object, one_line, read};
use crate::reply;
use bytes::Bytes;
use serde_json::value::RawValue;
use wire::openai::{Usage, is_done};
use wire::sse::events;
use wire::{About, Translate};

/// Chunks of a chat become events of a message.
///
/// The message ends once, when the chat has said that it does: `message_delta` waits for the usage, which comes behind
/// the last choice.
#[derive(Debug)]
pub struct FromChat {
    id: String,
    model: String,
    begun: bool,
    ended: bool,
    blocks: Blocks,
    finish: Option<String>,
    /// The sequence that ended it, where the chat tells.
    sequence: Option<String>,
    refused: bool,
    usage: Option<Usage>,
    althing: Option<String>,
}

impl FromChat {
    /// At the beginning of a stream.
    pub fn new(about: &About<'_>) -> Self {
        Self {
            id: escaped(about.id),
            model: escaped(about.model),
            begun: false,
            ended: false,
            blocks: Blocks::default(),
            finish: None,
            sequence: None,
            refused: false,
            usage: None,
            althing: None,
        }
    }

    fn read(&mut self, text: &str, out: &mut Vec<u8>) {
        let Ok(chunk) = serde_json::from_str::<Chunk<'_>>(text) else { return };
        if chunk.error.is_some_and(|error| !matches!(error.get(), "{}" | "[]" | "\"\"")) {
            self.ended = true;
            out.extend_from_slice(&error_event(&serde_json::from_str(text).unwrap_or_default()));
            return;
        }
        let counted = chunk.usage.and_then(Usage::read);
        self.usage = match (self.usage, counted) {
            (Some(before), Some(now)) => Some(before.or_more(now)),
            (before, now) => now.or(before),
        };
        if let Some(report) = chunk.althing {
            self.althing = Some(one_line(report).into_owned());
        }
        self.begin(out);
        let choices = list(chunk.choices);
        for choice in choices.iter().filter_map(|choice| object::<Choice<'_>>(Some(choice))) {
            // Of several answers a message can hold one.
            if choice.index.is_none_or(|index| index.get() == "0") {
                self.choice(&choice, out);
            }
        }
        if self.finish.is_some() && choices.is_empty() && counted.is_some() {
            self.close(out);
        }
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        if self.begun {
            return;
        }
        self.begun = true;
        let usage = reply::usage(self.usage.unwrap_or_default()).to_string();
        let open = r#","message":{"id":"msg_"#;
        let kind = r#"","type":"message","role":"assistant","model":""#;
        let rest = r#"","content":[],"stop_reason":null,"stop_sequence":null,"usage":"#;
        event(out, "message_start", &[open, &self.id, kind, &self.model, rest, &usage, "}"]);
    }

    fn choice(&mut self, choice: &Choice<'_>, out: &mut Vec<u8>) {
        if let Some(delta) = object::<Delta<'_>>(choice.delta) {
            delta.thought(|said| self.say(&said, out));
            delta.said(|said| self.say(&said, out));
            let calls = list(delta.tool_calls);
            for (at, call) in calls.iter().enumerate() {
                // Whoever sends several at once need not number them.
                self.call(call, (calls.len() > 1).then_some(at as u64), out);
            }
            self.function_call(delta.function_call, out);
        }
        let reason = inside(choice.finish_reason);
        if !reason.is_empty() {
            self.finish = Some(reason.to_owned());
        }
        let sequence = [choice.stop_sequence, choice.stop_reason].into_iter().map(inside).find(|text| !text.is_empty());
        self.sequence = sequence.map(str::to_owned).or(self.sequence.take());
    }

    fn say(&mut self, said: &Said<'_>, out: &mut Vec<u8>) {
        match *said {
            Said::Text(words) => self.blocks.text(out, words),
            Said::Refusal(words) => {
                self.refused |= !words.is_empty();
                self.blocks.text(out, words);
            }
            Said::Thinking(words) => self.blocks.thinking(out, words),
            Said::Signature(signature) => self.blocks.signature(out, signature),
            Said::Redacted(data) => self.blocks.redacted(out, data),
        }
    }

    fn call(&mut self, raw: &RawValue, place: Option<u64>, out: &mut Vec<u8>) {
        let Some(call) = object::<ToolCall<'_>>(Some(raw)) else { return };
        // A custom tool takes any text, where a message wants an object.
        let custom = call.function.is_none() && call.custom.is_some();
        let function = object::<Function<'_>>(call.function.or(call.custom));
        let (name, arguments) = function.map_or((None, None), |function| (function.name, function.arguments));
        let arguments = inside_or_text(arguments);
        let index = read::<u64>(call.index).or(place);
        let part = CallPart { index, id: inside(call.id), name: inside(name), arguments: &arguments, custom };
        self.blocks.call(out, &part);
    }

    /// The one call of older chats, which has no id.
    fn function_call(&mut self, raw: Option<&RawValue>, out: &mut Vec<u8>) {
        let Some(Function { name, arguments }) = object(raw) else { return };
        let (id, arguments) = (format!("call_{}", self.id), inside_or_text(arguments));
        let part = CallPart { id: &id, name: inside(name), arguments: &arguments, ..CallPart::default() };
        self.blocks.call(out, &part);
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        if self.ended {
            return;
        }
        self.ended = true;
        self.begin(out);
        self.blocks.finish(out, &self.id);
        let usage = reply::usage(self.usage.unwrap_or_default()).to_string();
        let open = r#","delta":{"stop_reason":""#;
        let reason = self.stop_reason();
        let sequence = self.sequence.as_deref().filter(|_| reason == "stop_sequence");
        let sequence = sequence.map_or_else(|| "null".to_owned(), |sequence| format!("\"{sequence}\""));
        event(out, "message_delta", &[open, reason, r#"","stop_sequence":"#, &sequence, r#"},"usage":"#, &usage]);
        match &self.althing {
            Some(report) => event(out, "message_stop", &[",\"althing\":", report]),
            None => event(out, "message_stop", &[]),
        }
    }

    /// Why it ended. Some say `stop` behind a call, but whoever reads a message looks here for whether it is to act.
    fn stop_reason(&self) -> &'static str {
        match self.finish.as_deref() {
            Some("length") => "max_tokens",
            Some("content_filter") => "refusal",
            _ if self.refused => "refusal",
            _ if self.blocks.calls_tools() => "tool_use",
            _ if self.sequence.is_some() => "stop_sequence",
            _ => "end_turn",
        }
    }
}

impl Translate for FromChat {
    fn push(&mut self, block: &[u8]) -> Bytes {
        let mut out = Vec::new();
        for event in events(block) {
            match event.data {
                _ if self.ended => break,
                None => out.extend_from_slice(crate::PING),
                Some(data) if is_done(&data) => self.close(&mut out),
                Some(data) => self.read(&String::from_utf8_lossy(&data), &mut out),
            }
        }
        Bytes::from(out)
    }

    fn end(&mut self) -> Bytes {
        let mut out = Vec::new();
        self.close(&mut out);
        Bytes::from(out)
    }
}
