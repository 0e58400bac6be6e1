//! A chat as a request for a message. Refuses to know who has written the chat.

mod content;
mod messages;
mod model;
mod thinking;
mod tools;

pub(crate) use content::input;

use super::note;
use bytes::Bytes;
use model::Generation;
use serde_json::{Map, Value, json};
use wire::Fields;
use wire::openai::ChatRequest;
use wire::{Outgoing, WireError};

/// Members of a chat that are read elsewhere than in [`Draft::knob`].
const READ: &[&str] = &[
    "model",
    "messages",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "max_tokens",
    "max_completion_tokens",
    "thinking",
    "reasoning_effort",
    "stream_options",
];

/// What is said of a `top_k` that cannot be asked for.
const OWN_TOP_K: &str = "`top_k` (this model has its own)";
/// The least `top_p` that a model which thinks takes.
const THINKING_TOP_P: f64 = 0.95;

/// A request on its way to be written.
struct Draft {
    generation: Generation,
    members: Vec<(&'static str, String)>,
    output_config: Map<String, Value>,
    lost: Vec<String>,
}

pub(super) fn from_chat(request: &ChatRequest, model: &str, output_tokens: u64) -> Result<Outgoing, WireError> {
    let chat: Value = serde_json::from_slice(request.bytes()).map_err(|e| WireError::not_json(&e))?;
    let generation = Generation::of(model);
    let mut draft = Draft { generation, members: Vec::new(), output_config: Map::new(), lost: Vec::new() };
    let max_tokens = request.output_tokens_max().unwrap_or(output_tokens).max(1);
    draft.set("model", &json!(model));
    draft.set("max_tokens", &json!(max_tokens));
    let said = messages::messages(&chat, &mut draft.lost)?;
    if !said.system.is_empty() {
        draft.members.push(("system", format!("[{}]", said.system.join(","))));
    }
    draft.members.push(("messages", said.written()));
    let forced = tools::tools(&chat, &said, &mut draft)?;
    let bars = thinking::Bars { forced, unsigned_call: said.unsigned_call };
    let thinks = thinking::thinking(&chat, max_tokens, bars, &mut draft);
    for (key, value) in chat.as_object().into_iter().flatten() {
        if !READ.contains(&key.as_str()) && !value.is_null() {
            draft.knob(key, value, &chat, thinks)?;
        }
    }
    let output_config = std::mem::take(&mut draft.output_config);
    if !output_config.is_empty() {
        draft.set("output_config", &Value::Object(output_config));
    }
    let body = Bytes::from(Fields(Vec::new()).write(&[], &draft.members));
    Ok(Outgoing { body, headers: Vec::new(), lost: draft.lost })
}

impl Draft {
    fn set(&mut self, key: &'static str, value: &Value) {
        self.members.push((key, value.to_string()));
    }

    /// Something beside the words. `thinks` says that we have asked for thinking, where a chat only named an effort:
    /// a model that thinks takes no other temperature than its own.
    fn knob(&mut self, key: &str, value: &Value, chat: &Value, thinks: bool) -> Result<(), WireError> {
        match key {
            "stream" => self.set("stream", value),
            "temperature" => self.temperature(value, chat, thinks),
            "top_p" => self.top_p(value, chat, thinks),
            "top_k" if thinks || self.generation == Generation::Adaptive => note(&mut self.lost, OWN_TOP_K),
            "top_k" => self.set("top_k", value),
            "stop" => self.stop(value),
            "user" if value.is_string() => self.set("metadata", &json!({ "user_id": value })),
            "service_tier" => match value.as_str() {
                Some("auto") => self.set("service_tier", &json!("auto")),
                Some("default") => self.set("service_tier", &json!("standard_only")),
                _ => note(&mut self.lost, "`service_tier`"),
            },
            "cache_control" => self.set("cache_control", value),
            "response_format" => self.format(value),
            "functions" if asks(value) => {
                return Err(WireError::Unsupported { param: key.to_owned(), why: "offer them as `tools`" });
            }
            "function_call" => {}
            "n" if value == &json!(1) => {}
            _ if asks(value) => note(&mut self.lost, format!("`{key}`")),
            _ => {}
        }
        Ok(())
    }

    fn effort(&mut self, effort: &str) {
        self.output_config.insert("effort".to_owned(), json!(effort));
    }

    fn temperature(&mut self, value: &Value, chat: &Value, thinks: bool) {
        let heat = value.as_f64().unwrap_or(1.0);
        if thinks || self.generation == Generation::Adaptive {
            if heat != 1.0 {
                note(&mut self.lost, "`temperature` (this model has its own)");
            }
        } else if heat > 1.0 {
            note(&mut self.lost, "`temperature` above 1 (asked with 1)");
            self.set("temperature", &json!(1));
        } else if heat != 1.0 || !is_changed(chat, "top_p") || self.generation == Generation::Foreign {
            self.set("temperature", value);
        }
    }

    fn top_p(&mut self, value: &Value, chat: &Value, thinks: bool) {
        let share = value.as_f64().unwrap_or(1.0);
        if self.generation == Generation::Adaptive || (thinks && share < THINKING_TOP_P) {
            if share != 1.0 {
                note(&mut self.lost, "`top_p` (this model has its own)");
            }
        } else if thinks || !is_changed(chat, "temperature") || self.generation == Generation::Foreign {
            self.set("top_p", value);
        } else if share != 1.0 {
            // Claude takes one of the two.
            note(&mut self.lost, "`top_p` beside `temperature`");
        }
    }

    /// Where to stop; what has no visible character would be refused.
    fn stop(&mut self, value: &Value) {
        let all: Vec<&str> = match value {
            Value::String(text) => vec![text],
            other => other.as_array().into_iter().flatten().filter_map(Value::as_str).collect(),
        };
        let (texts, blank): (Vec<&str>, Vec<&str>) = all.into_iter().partition(|text| !text.trim().is_empty());
        if !blank.is_empty() {
            note(&mut self.lost, "`stop` without a visible character");
        }
        if !texts.is_empty() {
            self.set("stop_sequences", &json!(texts));
        }
    }

    fn format(&mut self, format: &Value) {
        match format["type"].as_str() {
            Some("text") => {}
            Some("json_schema") if format["json_schema"]["schema"].is_object() => {
                let schema = closed(format["json_schema"]["schema"].clone());
                self.output_config.insert("format".to_owned(), json!({ "type": "json_schema", "schema": schema }));
            }
            _ => note(&mut self.lost, "`response_format` without a schema"),
        }
    }
}

/// A schema whose objects allow no other members than they name, unless it says so itself: Anthropic takes no other.
fn closed(mut schema: Value) -> Value {
    const WORDS: [&str; 4] = ["enum", "const", "default", "examples"];
    let is_object =
        schema["type"] == "object" || schema["type"].as_array().is_some_and(|of| of.contains(&json!("object")));
    match &mut schema {
        Value::Object(members) => {
            for (_, value) in members.iter_mut().filter(|(key, _)| !WORDS.contains(&key.as_str())) {
                *value = closed(value.take());
            }
            if is_object {
                members.entry("additionalProperties").or_insert(json!(false));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| *item = closed(item.take())),
        _ => {}
    }
    schema
}

/// Whether a temperature or a share is another than the usual 1.
fn is_changed(chat: &Value, key: &str) -> bool {
    chat[key].as_f64().is_some_and(|value| value != 1.0)
}

/// Whether a value asks for anything beyond what happens anyway.
fn asks(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(yes) => *yes,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => text != "auto",
        Value::Array(list) => !list.is_empty() && list.as_slice() != ["text"],
        Value::Object(members) => !members.is_empty(),
    }
}
