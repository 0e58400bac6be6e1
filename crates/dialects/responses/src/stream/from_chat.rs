//! Chunks of a chat, as events of a response.

use super::super::envelope::{Ending, Envelope, usage};
use super::super::events::Events;
use super::super::output::Output;
use bytes::Bytes;
use serde_json::{Value, json};
use wire::openai::{Usage, is_done};
use wire::sse::events;
use wire::{About, Translate};

/// Chunks of a chat become events of a response.
#[derive(Debug)]
pub struct FromChat {
    envelope: Envelope,
    output: Output,
    begun: bool,
    ended: bool,
    /// Why the choice ended.
    reason: Option<String>,
    usage: Option<Usage>,
    tier: Option<String>,
    /// The report that came with a chunk.
    althing: Value,
}

impl FromChat {
    /// At the beginning of a stream.
    pub fn new(about: &About<'_>) -> Self {
        let envelope = Envelope::new(about);
        let output = Output::new(about.id, &envelope.asked, Events::heard());
        let (reason, usage, tier, althing) = (None, None, None, Value::Null);
        Self { envelope, output, begun: false, ended: false, reason, usage, tier, althing }
    }

    fn chunk(&mut self, chunk: &Value) {
        if !chunk["error"].is_null() {
            return self.finish(Ending::Failed);
        }
        let Some(choices) = chunk["choices"].as_array() else { return };
        self.begin();
        self.usage = usage(&chunk["usage"]).or(self.usage);
        if let Some(tier) = chunk["service_tier"].as_str() {
            self.tier = Some(tier.to_owned());
        }
        if !chunk["althing"].is_null() {
            self.althing = chunk["althing"].clone();
        }
        let first = |choice: &&Value| choice["index"].as_u64().unwrap_or_default() == 0;
        for choice in choices.iter().filter(first) {
            self.output.take(choice);
            if let Some(reason) = choice["finish_reason"].as_str() {
                self.reason = Some(reason.to_owned());
            }
        }
    }

    fn begin(&mut self) {
        if self.begun {
            return;
        }
        self.begun = true;
        for kind in ["response.created", "response.in_progress"] {
            self.output.events.emit(kind, json!({ "response": self.envelope.begun() }));
        }
    }

    /// The one event that ends it all. The usage may come behind the last word, so this waits for the end.
    fn finish(&mut self, ending: Ending) {
        self.begin();
        self.ended = true;
        self.output.close(ending);
        let mut response = self.envelope.ended(ending, self.output.items(), self.usage, self.tier.as_deref());
        if !self.althing.is_null() {
            response["althing"] = self.althing.take();
        }
        self.output.events.emit(&format!("response.{}", ending.status()), json!({ "response": response }));
    }
}

impl Translate for FromChat {
    fn push(&mut self, block: &[u8]) -> Bytes {
        for data in events(block).filter_map(|event| event.data) {
            if self.ended {
                break;
            }
            if is_done(&data) {
                self.finish(Ending::of(self.reason.as_deref()));
            } else if let Ok(chunk) = serde_json::from_slice::<Value>(&data) {
                self.chunk(&chunk);
            }
        }
        self.output.events.take()
    }

    fn end(&mut self) -> Bytes {
        if !self.ended {
            self.finish(Ending::of(self.reason.as_deref()));
        }
        self.output.events.take()
    }
}
