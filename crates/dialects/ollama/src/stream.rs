//! Lines of a stream, into chunks of a chat and out of them.

use super::reply::{call_from_chat, call_to_chat, done_reason, finish_reason, last, moment, usage};
use bytes::Bytes;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use wire::openai::{StreamWriter, Usage, is_done};
use wire::sse::events;
use wire::{About, Translate};

/// Chunks of a chat become lines.
#[derive(Debug)]
pub struct FromChat {
    model: String,
    created: u64,
    /// Calls whose arguments still come.
    calls: Vec<Call>,
    reason: &'static str,
    usage: Option<Usage>,
    althing: Option<Value>,
    /// Whether the last line has been written.
    ended: bool,
}

/// A call that is being written.
#[derive(Debug)]
struct Call {
    index: u64,
    id: String,
    name: String,
    arguments: String,
}

impl FromChat {
    /// At the beginning of a stream.
    pub fn new(about: &About<'_>) -> Self {
        Self {
            model: about.model.to_owned(),
            created: about.created,
            calls: Vec::new(),
            reason: "stop",
            usage: None,
            althing: None,
            ended: false,
        }
    }

    fn chunk(&mut self, data: &[u8], out: &mut String) {
        let Ok(chunk) = serde_json::from_slice::<Value>(data) else { return };
        if !chunk["error"].is_null() {
            out.push_str(&format!("{}\n", super::error(&chunk)));
            self.ended = true;
            return;
        }
        if let Some(althing) = chunk.get("althing") {
            self.althing = Some(althing.clone());
        }
        let counted = chunk.get("usage").and_then(|usage| {
            let raw: Box<RawValue> = serde_json::from_str(&usage.to_string()).ok()?;
            Usage::read(&raw)
        });
        self.usage = counted.or(self.usage);
        let choice = &chunk["choices"][0];
        let delta = &choice["delta"];
        for (ours, names) in
            [("thinking", &["reasoning_content", "reasoning"][..]), ("content", &["content", "refusal"])]
        {
            let said = names.iter().find_map(|name| delta[*name].as_str().filter(|text| !text.is_empty()));
            if let Some(said) = said {
                let mut message = json!({ "role": "assistant", "content": "" });
                message[ours] = said.into();
                self.line(&message, out);
            }
        }
        for (position, call) in delta["tool_calls"].as_array().into_iter().flatten().enumerate() {
            self.call(call, position as u64);
        }
        if let Some(reason) = choice["finish_reason"].as_str() {
            self.reason = done_reason(reason);
            self.say_calls(out);
        }
    }

    /// A call, or a piece of one; `position` counts where the chat does not.
    fn call(&mut self, said: &Value, position: u64) {
        let (index, function) = (said["index"].as_u64().unwrap_or(position), &said["function"]);
        let id = said["id"].as_str().unwrap_or_default();
        let name = function["name"].as_str().unwrap_or_default();
        // Some count every call as the first one: another id with a name is another call.
        let goes_on = |call: &&mut Call| {
            let another = !name.is_empty() && !id.is_empty() && !call.id.is_empty() && call.id != id;
            call.index == index && !another
        };
        let arguments = match &function["arguments"] {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            // Some give the arguments as they mean them.
            other => other.to_string(),
        };
        match self.calls.iter_mut().rev().find(goes_on) {
            Some(call) => {
                for (known, told) in [(&mut call.id, id), (&mut call.name, name)] {
                    if known.is_empty() {
                        known.push_str(told);
                    }
                }
                call.arguments.push_str(&arguments);
            }
            None => self.calls.push(Call { index, id: id.to_owned(), name: name.to_owned(), arguments }),
        }
    }

    fn say_calls(&mut self, out: &mut String) {
        let calls = std::mem::take(&mut self.calls);
        if !calls.is_empty() {
            let calls: Vec<Value> =
                calls.iter().map(|call| call_from_chat(&call.id, &call.name, &call.arguments)).collect();
            self.line(&json!({ "role": "assistant", "content": "", "tool_calls": calls }), out);
        }
    }

    fn line(&self, message: &Value, out: &mut String) {
        let line =
            json!({ "model": self.model, "created_at": moment(self.created), "message": message, "done": false });
        out.push_str(&format!("{line}\n"));
    }

    fn finish(&mut self, out: &mut String) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        self.say_calls(out);
        let about = About { id: "", model: &self.model, created: self.created, original: None };
        let message = json!({ "role": "assistant", "content": "" });
        let mut line = last(&about, &message, self.reason, self.usage);
        if let Some(althing) = self.althing.take() {
            line["althing"] = althing;
        }
        out.push_str(&format!("{line}\n"));
    }
}

impl Translate for FromChat {
    fn push(&mut self, block: &[u8]) -> Bytes {
        let mut out = String::new();
        for data in events(block).filter_map(|event| event.data) {
            if self.ended {
                break;
            }
            if is_done(&data) {
                self.finish(&mut out);
            } else {
                self.chunk(&data, &mut out);
            }
        }
        Bytes::from(out)
    }

    fn end(&mut self) -> Bytes {
        let mut out = String::new();
        self.finish(&mut out);
        Bytes::from(out)
    }
}

/// Lines become chunks of a chat, with the usage in a chunk of its own before the end.
#[derive(Debug)]
pub struct ToChat {
    writer: StreamWriter,
    /// What the answer is called.
    id: String,
    begun: bool,
    calls: usize,
    ended: bool,
}

impl ToChat {
    /// At the beginning of a stream.
    pub fn new(about: &About<'_>) -> Self {
        let id = format!("chatcmpl-{}", about.id);
        let writer = StreamWriter { id, created: about.created, model: about.model.to_owned() };
        Self { writer, id: about.id.to_owned(), begun: false, calls: 0, ended: false }
    }

    fn line(&mut self, line: &[u8], out: &mut Vec<u8>) {
        let Ok(line) = serde_json::from_slice::<Value>(line) else { return };
        if !line["error"].is_null() {
            // What an upstream says may quote prompts: that it failed is all that is told.
            let error = json!({ "error": { "message": "the provider reported an error", "type": "api_error" } });
            out.extend_from_slice(&StreamWriter::error(&error));
            self.ended = true;
            return;
        }
        if !std::mem::replace(&mut self.begun, true) {
            out.extend_from_slice(&self.writer.delta(&json!({ "role": "assistant", "content": "" })));
        }
        let said = &line["message"];
        for (theirs, ours) in [("thinking", "reasoning_content"), ("content", "content")] {
            if let Some(text) = said[theirs].as_str().filter(|text| !text.is_empty()) {
                out.extend_from_slice(&self.writer.delta(&json!({ ours: text })));
            }
        }
        for call in said["tool_calls"].as_array().into_iter().flatten() {
            let mut call = call_to_chat(&self.id, self.calls, call);
            call["index"] = self.calls.into();
            self.calls += 1;
            out.extend_from_slice(&self.writer.delta(&json!({ "tool_calls": [call] })));
        }
        if line["done"] == true {
            let reason = finish_reason(line["done_reason"].as_str(), self.calls > 0);
            out.extend_from_slice(&self.writer.finish(reason, None::<&()>));
            if let Some(usage) = usage(&line) {
                out.extend_from_slice(&self.writer.usage(usage, None::<&()>));
            }
            out.extend_from_slice(&StreamWriter::done());
            self.ended = true;
        }
    }
}

impl Translate for ToChat {
    /// Whole lines in.
    fn push(&mut self, block: &[u8]) -> Bytes {
        let mut out = Vec::new();
        for line in block.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
            if self.ended {
                break;
            }
            self.line(line, &mut out);
        }
        Bytes::from(out)
    }

    fn end(&mut self) -> Bytes {
        Bytes::new()
    }
}
