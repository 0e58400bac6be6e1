//! What Ollama's clients ask, as a chat.

use super::OPTIONS;
use bytes::Bytes;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashMap, VecDeque};
use wire::Fields;
use wire::openai::{ChatRequest, Limits};
use wire::{Dialect, Original};
use wire::{WireError, check_nesting};

/// What only an Ollama can heed.
const ONLY_OLLAMA: [&str; 5] = ["keep_alive", "template", "raw", "suffix", "context"];

/// The most that is told of what gets lost: a body may hold any number of unknown options.
const LOST_MAX: usize = 32;

/// The chat that a request stands for. Ollama streams unless it is told not to.
///
/// # Errors
/// [`WireError`] for bytes that are no JSON object, and for members of the wrong type.
pub fn request_to_chat(body: Bytes, limits: &Limits) -> Result<ChatRequest, WireError> {
    std::str::from_utf8(&body).map_err(|error| WireError::not_utf8(&body, &error))?;
    check_nesting(&body)?;
    let asked: Map<String, Value> = serde_json::from_slice(&body).map_err(|error| not_an_object(&body, &error))?;
    let model = asked.get("model").and_then(Value::as_str).ok_or(WireError::Missing { param: "model".into() })?;
    let stream = match asked.get("stream") {
        None | Some(Value::Null) => true,
        Some(Value::Bool(stream)) => *stream,
        Some(_) => return Err(wrong("stream", "true or false")),
    };
    let messages = asked.get("messages").ok_or(WireError::Missing { param: "messages".into() })?;
    let messages = messages.as_array().ok_or_else(|| wrong("messages", "a list of messages"))?;
    let mut calls = Calls::default();
    let messages = messages.iter().enumerate().map(|(at, it)| message(at, it, &mut calls));
    let messages = messages.collect::<Result<Vec<_>, _>>()?;
    let mut chat = json!({ "model": model, "messages": messages, "stream": stream });
    let mut set = |key: &str, value: Value| chat[key] = value;
    if let Some(tools) = asked.get("tools").and_then(Value::as_array).filter(|tools| !tools.is_empty()) {
        set("tools", tools.iter().map(|tool| json!({ "type": "function", "function": tool["function"] })).collect());
    }
    match asked.get("format") {
        Some(Value::String(format)) if format == "json" => set("response_format", json!({ "type": "json_object" })),
        Some(schema @ Value::Object(_)) => {
            let named = json!({ "name": "answer", "schema": schema });
            set("response_format", json!({ "type": "json_schema", "json_schema": named }));
        }
        _ => {}
    }
    match asked.get("think") {
        Some(Value::Bool(true)) => set("reasoning_effort", "medium".into()),
        Some(Value::Bool(false)) => set("reasoning_effort", "none".into()),
        Some(Value::String(effort)) => set("reasoning_effort", effort.as_str().into()),
        _ => {}
    }
    let lost = options(&asked, &mut set);
    let span = model_span(&body).ok_or(WireError::Missing { param: "model".into() })?;
    let original = Original { dialect: Dialect::Ollama, bytes: body, model: span, headers: Vec::new(), lost };
    ChatRequest::translated(&chat, original, limits)
}

/// Sets what a chat has a word for, and tells the rest.
fn options(asked: &Map<String, Value>, set: &mut impl FnMut(&str, Value)) -> Vec<String> {
    let mut lost: Vec<String> =
        ONLY_OLLAMA.iter().filter(|key| asked.contains_key(**key)).map(|key| format!("`{key}`")).collect();
    let Some(options) = asked.get("options").and_then(Value::as_object) else { return lost };
    for (key, value) in options {
        match OPTIONS.iter().find(|(ours, _)| ours == key) {
            Some((_, theirs)) => set(theirs, value.clone()),
            // What is below zero means: as much as it likes.
            None if key == "num_predict" => {
                if let Some(most) = value.as_u64().filter(|most| *most > 0) {
                    set("max_tokens", most.into());
                }
            }
            None if lost.len() < LOST_MAX => lost.push(format!("`options.{key}`")),
            None => {}
        }
    }
    lost
}

/// Calls that are still without their result: a chat names the id of the call, Ollama often but the function.
#[derive(Default)]
struct Calls {
    made: usize,
    /// The function and the id of each, by the order in which they were made.
    open: BTreeMap<usize, (String, String)>,
    /// When the calls of a function were made, some of which may be answered.
    of: HashMap<String, VecDeque<usize>>,
}

impl Calls {
    fn make(&mut self, call: &Value) -> Value {
        let function = &call["function"];
        let (at, name) = (self.made, function["name"].as_str().unwrap_or_default());
        let id = call["id"].as_str().filter(|id| !id.is_empty()).map_or_else(|| format!("call_{at}"), str::to_owned);
        self.made += 1;
        self.open.insert(at, (name.to_owned(), id.clone()));
        self.of.entry(name.to_owned()).or_default().push_back(at);
        let arguments = match &function["arguments"] {
            Value::String(text) => text.clone(),
            Value::Null => "{}".to_owned(),
            other => other.to_string(),
        };
        json!({ "id": id, "type": "function", "function": { "name": function["name"], "arguments": arguments } })
    }

    /// The id of the oldest open call of this function, or of any.
    fn close(&mut self, name: Option<&str>) -> String {
        let of = name.and_then(|name| self.of.get_mut(name));
        let of = of.and_then(|of| std::iter::from_fn(|| of.pop_front()).find(|at| self.open.contains_key(at)));
        let at = of.or_else(|| self.open.keys().next().copied());
        at.and_then(|at| self.open.remove(&at)).map_or_else(|| "call_unknown".to_owned(), |(_, id)| id)
    }
}

fn message(at: usize, message: &Value, calls: &mut Calls) -> Result<Value, WireError> {
    if !message.is_object() {
        return Err(wrong(&format!("messages[{at}]"), "an object with `role` and `content`"));
    }
    let param = |name: &str| format!("messages[{at}].{name}");
    let role = message["role"].as_str().ok_or_else(|| WireError::Missing { param: param("role") })?;
    let text = match &message["content"] {
        Value::String(text) => text.as_str(),
        Value::Null => "",
        _ => return Err(wrong(&param("content"), "a string")),
    };
    let images = message["images"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut out = json!({ "role": role });
    if images.is_empty() {
        out["content"] = text.into();
    } else {
        let part = |image: &Value| {
            let data = image.as_str().ok_or_else(|| wrong(&param("images"), "a list of images in base64"))?;
            Ok(json!({ "type": "image_url", "image_url": { "url": format!("data:{};base64,{data}", sniffed(data)) } }))
        };
        let mut parts = vec![json!({ "type": "text", "text": text })];
        parts.extend(images.iter().map(part).collect::<Result<Vec<_>, WireError>>()?);
        out["content"] = parts.into();
    }
    if let Some(thinking) = message["thinking"].as_str().filter(|text| !text.is_empty()) {
        out["reasoning_content"] = thinking.into();
    }
    if let Some(made) = message["tool_calls"].as_array().filter(|made| !made.is_empty()) {
        out["tool_calls"] = made.iter().map(|call| calls.make(call)).collect();
    }
    if role == "tool" {
        let id = message["tool_call_id"].as_str().filter(|id| !id.is_empty()).map(str::to_owned);
        let name = message["tool_name"].as_str().or(message["name"].as_str());
        out["tool_call_id"] = id.unwrap_or_else(|| calls.close(name)).into();
    }
    Ok(out)
}

/// The media type that an image's first bytes tell, in base64.
fn sniffed(data: &str) -> &'static str {
    match data.get(..4) {
        Some("iVBO") => "image/png",
        Some("R0lG") => "image/gif",
        Some("UklG") => "image/webp",
        _ => "image/jpeg",
    }
}

/// Where the value of `model` stands in a body.
fn model_span(body: &Bytes) -> Option<std::ops::Range<usize>> {
    let fields: Fields<'_> = serde_json::from_slice(body).ok()?;
    let (_, value) = fields.0.iter().rev().find(|(key, _)| key == "model")?;
    let start = value.get().as_ptr() as usize - body.as_ptr() as usize;
    Some(start..start + value.get().len())
}

fn wrong(param: &str, expected: &'static str) -> WireError {
    WireError::WrongType { param: param.to_owned(), expected, found: "something else" }
}

/// Why a body is no object: it is something else, or no JSON at all.
pub(crate) fn not_an_object(body: &[u8], error: &serde_json::Error) -> WireError {
    match serde_json::from_slice::<Value>(body) {
        Ok(_) => wrong("body", "a JSON object"),
        Err(_) => WireError::not_json(error),
    }
}
