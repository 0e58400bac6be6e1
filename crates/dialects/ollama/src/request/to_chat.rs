//! What Ollama's clients ask, as a chat.

use super::OPTIONS;
use bytes::Bytes;
use serde_json::{Map, Value, json};
use wire::Fields;
use wire::openai::{ChatRequest, Limits};
use wire::{Dialect, Original};
use wire::{WireError, check_nesting};

/// What only an Ollama can heed.
const ONLY_OLLAMA: [&str; 5] = ["keep_alive", "template", "raw", "suffix", "context"];

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
            None => lost.push(format!("`options.{key}`")),
        }
    }
    lost
}

/// Calls that are still without their result: Ollama names the function, a chat the id of the call.
#[derive(Default)]
struct Calls {
    made: usize,
    open: Vec<(String, String)>,
}

impl Calls {
    fn make(&mut self, call: &Value) -> Value {
        let (function, id) = (&call["function"], format!("call_{}", self.made));
        self.made += 1;
        self.open.push((function["name"].as_str().unwrap_or_default().to_owned(), id.clone()));
        let arguments = match &function["arguments"] {
            Value::String(text) => text.clone(),
            Value::Null => "{}".to_owned(),
            other => other.to_string(),
        };
        json!({ "id": id, "type": "function", "function": { "name": function["name"], "arguments": arguments } })
    }

    /// The oldest open call of this function, or of any where no name is told.
    fn close(&mut self, name: Option<&str>) -> String {
        let fits = |(called, _): &(String, String)| name.is_none_or(|name| name == called);
        let at = self.open.iter().position(fits).or_else(|| (!self.open.is_empty()).then_some(0));
        at.map_or_else(|| "call_unknown".to_owned(), |at| self.open.remove(at).1)
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
        out["tool_call_id"] = calls.close(message["tool_name"].as_str().or(message["name"].as_str())).into();
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

fn not_an_object(body: &[u8], error: &serde_json::Error) -> WireError {
    match serde_json::from_slice::<Value>(body) {
        Ok(_) => wrong("body", "a JSON object"),
        Err(_) => WireError::not_json(error),
    }
}
