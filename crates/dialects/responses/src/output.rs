//! What a model has answered, item by item, from the messages and deltas of a chat.
//!
//! Whole replies and streams are made by the same hand, so that they cannot differ. At most one message or one stretch
//! of reasoning is being written at a time; calls stay open until the end, because their arguments may come mixed.

mod calls;
mod words;

use super::envelope::Ending;
use super::events::Events;
use super::tools::Tools;
use calls::Call;
use serde_json::{Value, json};
use words::Open;

/// The items of one answer.
#[derive(Debug)]
pub(super) struct Output {
    /// What the ids of all items hold.
    id: String,
    tools: Tools,
    /// Whether signed reasoning goes out, for the client to send it back.
    seals: bool,
    items: Vec<Value>,
    open: Option<Open>,
    calls: Vec<Call>,
    /// Where everything is told as it happens.
    pub(super) events: Events,
}

impl Output {
    /// Nothing yet, for this request.
    pub(super) fn new(id: &str, asked: &Value, events: Events) -> Self {
        let include = asked["include"].as_array();
        let seals = include.is_some_and(|list| list.iter().any(|it| it == "reasoning.encrypted_content"));
        let tools = Tools::read(&asked["tools"]);
        Self { id: id.to_owned(), tools, seals, items: Vec::new(), open: None, calls: Vec::new(), events }
    }

    /// Takes in what a choice says: a delta or a whole message.
    pub(super) fn take(&mut self, choice: &Value) {
        let said = if choice["delta"].is_object() { &choice["delta"] } else { &choice["message"] };
        self.think(said);
        let mut logprobs = choice["logprobs"]["content"].as_array().map(Vec::as_slice).unwrap_or_default();
        match &said["content"] {
            Value::String(text) => self.say(words::Kind::Text, text, logprobs),
            Value::Array(parts) => {
                for part in parts {
                    self.say(words::Kind::Text, part["text"].as_str().unwrap_or_default(), logprobs);
                    logprobs = &[];
                    self.say(words::Kind::Refusal, part["refusal"].as_str().unwrap_or_default(), &[]);
                }
            }
            _ => {}
        }
        self.annotate(&said["annotations"]);
        self.say(words::Kind::Refusal, said["refusal"].as_str().unwrap_or_default(), &[]);
        for (position, call) in said["tool_calls"].as_array().into_iter().flatten().enumerate() {
            self.call(call, position as u64);
        }
        if said["function_call"].is_object() {
            // The older way to call, one at a time.
            self.call(&json!({ "index": 0, "function": said["function_call"] }), 0);
        }
    }

    /// Ends what is still being written.
    pub(super) fn close(&mut self, ending: Ending) {
        let status = if ending == Ending::Completed { "completed" } else { "incomplete" };
        self.close_words(status);
        self.close_calls(status);
    }

    /// All items; none is left behind.
    pub(super) fn items(&mut self) -> Vec<Value> {
        std::mem::take(&mut self.items)
    }

    /// Puts an item at the end and tells of it. Returns its place.
    fn add(&mut self, item: Value) -> usize {
        let place = self.items.len();
        self.events.emit("response.output_item.added", json!({ "output_index": place, "item": item }));
        self.items.push(item);
        place
    }

    /// The item as it is at last.
    fn done(&mut self, place: usize, item: Value) {
        self.events.emit("response.output_item.done", json!({ "output_index": place, "item": item }));
        if let Some(slot) = self.items.get_mut(place) {
            *slot = item;
        }
    }

    /// The id of the item that will be added next.
    fn next_id(&self, prefix: &str) -> String {
        format!("{prefix}_{}_{}", self.id, self.items.len())
    }
}
