//! Events of a response, as chunks of a chat.

use super::super::envelope::usage;
use super::super::reply::{called, reason, wrapped_annotation};
use bytes::Bytes;
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use wire::openai::{StreamWriter, is_done};
use wire::sse::events;
use wire::{About, Translate};

/// Events of a response become chunks of a chat.
#[derive(Debug)]
pub struct ToChat {
    writer: StreamWriter,
    out: Vec<u8>,
    begun: bool,
    ended: bool,
    /// The calls by the places of their items: how the chat counts them, and whether their arguments have begun.
    calls: HashMap<u64, (usize, bool)>,
    /// The parts whose words have been told.
    told: HashSet<(u64, u64)>,
    /// The event that tells reasoning, and the part that it tells: some tell it twice, whole and in short.
    thinks: Option<(String, u64, u64)>,
    /// Whether the usage is told at the end.
    tells_usage: bool,
}

impl ToChat {
    /// At the beginning of a stream.
    pub fn new(about: &About<'_>) -> Self {
        let (id, model) = (format!("chatcmpl-{}", about.id), about.model.to_owned());
        let writer = StreamWriter { id, created: about.created, model };
        let (calls, told) = (HashMap::new(), HashSet::new());
        Self { writer, out: Vec::new(), begun: false, ended: false, calls, told, thinks: None, tells_usage: true }
    }

    /// Whether the usage is told, in a chunk of its own at the end: clients that do not ask for it need not know such
    /// a chunk. Told unless said otherwise.
    #[must_use]
    pub fn with_usage(self, tells_usage: bool) -> Self {
        Self { tells_usage, ..self }
    }

    fn event(&mut self, event: &Value) {
        let number = |key: &str| event[key].as_u64().unwrap_or_default();
        let place = number("output_index");
        let delta = event["delta"].as_str().unwrap_or_default();
        match event["type"].as_str().unwrap_or_default() {
            "response.created" | "response.in_progress" | "response.queued" => self.begin(),
            "response.output_text.delta" => {
                self.told.insert((place, number("content_index")));
                self.words(&json!({ "content": delta }), &event["logprobs"]);
            }
            "response.refusal.delta" => {
                self.told.insert((place, number("content_index")));
                self.say(&json!({ "refusal": delta }));
            }
            "response.output_text.done" if self.told.insert((place, number("content_index"))) => {
                self.words(&json!({ "content": event["text"] }), &event["logprobs"]);
            }
            "response.refusal.done" if self.told.insert((place, number("content_index"))) => {
                self.say(&json!({ "refusal": event["refusal"] }));
            }
            "response.output_text.annotation.added" => {
                if let Some(annotation) = wrapped_annotation(&event["annotation"]) {
                    self.say(&json!({ "annotations": [annotation] }));
                }
            }
            kind @ "response.reasoning_summary_text.delta" => self.think(kind, place, number("summary_index"), delta),
            kind @ "response.reasoning_text.delta" => self.think(kind, place, number("content_index"), delta),
            "response.output_item.added" => self.item(place, &event["item"], false),
            "response.output_item.done" => self.item(place, &event["item"], true),
            "response.function_call_arguments.delta" => self.arguments(place, "function", "arguments", delta),
            "response.custom_tool_call_input.delta" => self.arguments(place, "custom", "input", delta),
            "response.completed" | "response.incomplete" => self.finish(&event["response"]),
            "response.failed" | "response.cancelled" | "error" => self.fail(),
            _ => {}
        }
    }

    fn begin(&mut self) {
        if !self.begun {
            self.begun = true;
            self.out.extend_from_slice(&self.writer.delta(&json!({ "role": "assistant", "content": "" })));
        }
    }

    fn say(&mut self, delta: &Value) {
        self.begin();
        self.out.extend_from_slice(&self.writer.delta(delta));
    }

    /// Words, with what is told of their likelihood.
    fn words(&mut self, delta: &Value, logprobs: &Value) {
        let Some(logprobs) = logprobs.as_array().filter(|list| !list.is_empty()) else { return self.say(delta) };
        self.begin();
        let StreamWriter { id, created, model } = &self.writer;
        let choice = json!({ "index": 0, "delta": delta, "logprobs": { "content": logprobs }, "finish_reason": null });
        let chunk = json!({
            "id": id, "object": "chat.completion.chunk", "created": created, "model": model, "choices": [choice],
        });
        self.out.extend_from_slice(format!("data: {chunk}\n\n").as_bytes());
    }

    fn think(&mut self, kind: &str, place: u64, part: u64, delta: &str) {
        let mut text = delta.to_owned();
        match &self.thinks {
            Some((first, _, _)) if first != kind => return,
            Some((_, old_place, old_part)) if (*old_place, *old_part) != (place, part) => text.insert_str(0, "\n\n"),
            _ => {}
        }
        self.thinks = Some((kind.to_owned(), place, part));
        self.say(&json!({ "reasoning_content": text }));
    }

    /// A call begins, or is whole: whatever of it has not been told is told then.
    fn item(&mut self, place: u64, item: &Value, whole: bool) {
        let Some(mut call) = called(item) else { return };
        let key = if call["custom"].is_object() { "custom" } else { "function" };
        let told = if key == "custom" { "input" } else { "arguments" };
        // What the local shell is to do comes in one piece.
        let late = item["type"] == "local_shell_call" && !whole;
        if late || self.calls.get(&place).is_some_and(|(_, begun)| *begun) {
            return;
        }
        match self.calls.get(&place) {
            Some(_) if !whole => {}
            Some(_) => {
                let rest = call[key][told].as_str().unwrap_or_default().to_owned();
                self.arguments(place, key, told, &rest);
            }
            None => {
                let index = self.calls.len();
                self.calls.insert(place, (index, whole));
                call["index"] = index.into();
                if !whole {
                    call[key][told] = "".into();
                }
                self.say(&json!({ "tool_calls": [call] }));
            }
        }
    }

    fn arguments(&mut self, place: u64, key: &str, told: &str, delta: &str) {
        let Some((index, begun)) = self.calls.get_mut(&place) else { return };
        *begun = true;
        let mut call = json!({ "index": *index });
        call[key][told] = delta.into();
        self.say(&json!({ "tool_calls": [call] }));
    }

    fn finish(&mut self, response: &Value) {
        self.begin();
        self.ended = true;
        let reason = reason(response, !self.calls.is_empty());
        let althing = Some(&response["althing"]).filter(|report| !report.is_null());
        match usage(&response["usage"]).filter(|_| self.tells_usage) {
            Some(usage) => {
                self.out.extend_from_slice(&self.writer.finish(reason, None::<&()>));
                self.out.extend_from_slice(&self.writer.usage(usage, althing));
            }
            None => self.out.extend_from_slice(&self.writer.finish(reason, althing)),
        }
        self.out.extend_from_slice(&StreamWriter::done());
    }

    /// What an upstream says of its error is not repeated.
    fn fail(&mut self) {
        self.ended = true;
        let error = json!({ "message": "the provider reported an error", "type": "server_error", "param": null,
            "code": "server_error" });
        self.out.extend_from_slice(&StreamWriter::error(&json!({ "error": error })));
    }
}

impl Translate for ToChat {
    fn push(&mut self, block: &[u8]) -> Bytes {
        for data in events(block).filter_map(|event| event.data) {
            if self.ended || is_done(&data) {
                continue;
            }
            if let Ok(event) = serde_json::from_slice::<Value>(&data) {
                self.event(&event);
            }
        }
        std::mem::take(&mut self.out).into()
    }

    fn end(&mut self) -> Bytes {
        if !self.ended {
            self.finish(&Value::Null);
        }
        std::mem::take(&mut self.out).into()
    }
}
