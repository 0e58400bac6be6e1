//! A chat as Ollama is asked.

use super::OPTIONS;
use bytes::Bytes;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use wire::openai::ChatRequest;
use wire::{Outgoing, WireError};

/// What a chat may ask for that Ollama has no word for.
const UNKNOWN: [&str; 8] = [
    "logit_bias",
    "logprobs",
    "top_logprobs",
    "tool_choice",
    "parallel_tool_calls",
    "modalities",
    "audio",
    "prediction",
];

/// The request that a chat stands for, with `model` as Ollama calls it.
///
/// # Errors
/// [`WireError::Unsupported`] for an image that is only an address, and for sound and files.
pub fn request_from_chat(request: &ChatRequest, model: &str) -> Result<Outgoing, WireError> {
    let chat: Map<String, Value> = serde_json::from_slice(request.bytes()).map_err(|e| WireError::not_json(&e))?;
    let said = |key: &str| chat.get(key).filter(|value| !value.is_null());
    let mut lost: Vec<String> = UNKNOWN.iter().filter(|key| asks(said(key))).map(|key| format!("`{key}`")).collect();
    if request.n() > 1 {
        lost.push("`n`, it gives one answer".to_owned());
    }
    let messages = said("messages").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut called = HashMap::new();
    let messages = messages.iter().enumerate().map(|(at, it)| message(at, it, &mut called));
    let messages = messages.collect::<Result<Vec<_>, _>>()?;
    let mut body = json!({ "model": model, "messages": messages, "stream": request.stream() });
    if let Some(tools) = said("tools").and_then(Value::as_array).filter(|tools| !tools.is_empty()) {
        let functions: Vec<Value> = tools.iter().filter(|tool| tool["type"] == "function").map(plain_tool).collect();
        if functions.len() < tools.len() {
            lost.push("tools that are no functions".to_owned());
        }
        body["tools"] = functions.into();
    }
    let format = said("response_format").and_then(|format| match format["type"].as_str()? {
        "json_schema" => Some(format["json_schema"]["schema"].clone()),
        "json_object" => Some("json".into()),
        _ => None,
    });
    let set = [("format", format), ("think", think(&chat)), ("keep_alive", said("keep_alive").cloned())];
    for (key, value) in set {
        if let Some(value) = value {
            body[key] = value;
        }
    }
    let options = options(&chat, request);
    if !options.is_empty() {
        body["options"] = options.into();
    }
    Ok(Outgoing { body: Bytes::from(body.to_string()), headers: Vec::new(), lost })
}

/// Whether a value asks for anything beyond what happens anyway.
fn asks(value: Option<&Value>) -> bool {
    value.is_some_and(|value| match value {
        Value::Bool(yes) => *yes,
        Value::String(text) => text != "auto",
        Value::Array(list) => !list.is_empty() && list.as_slice() != ["text"],
        Value::Object(members) => !members.is_empty(),
        Value::Null => false,
        Value::Number(_) => true,
    })
}

/// One message; `called` are the functions of the calls so far, by their ids.
fn message<'a>(at: usize, message: &'a Value, called: &mut HashMap<&'a str, &'a str>) -> Result<Value, WireError> {
    let role = match message["role"].as_str().unwrap_or("user") {
        "developer" => "system",
        "function" => "tool",
        role => role,
    };
    let (content, images) = content(at, &message["content"])?;
    let mut out = json!({ "role": role, "content": content });
    if !images.is_empty() {
        out["images"] = images.into();
    }
    if let Some(thinking) = message["reasoning_content"].as_str().filter(|text| !text.is_empty()) {
        out["thinking"] = thinking.into();
    }
    if let Some(calls) = message["tool_calls"].as_array().filter(|calls| !calls.is_empty()) {
        out["tool_calls"] = calls.iter().map(call).collect();
        called.extend(calls.iter().filter_map(|call| Some((call["id"].as_str()?, call["function"]["name"].as_str()?))));
    }
    if role == "tool" {
        // Ollama knows a call by its function, a chat by its id.
        let name = message["name"].as_str().or_else(|| called.get(message["tool_call_id"].as_str()?).copied());
        if let Some(name) = name {
            out["tool_name"] = name.into();
        }
    }
    Ok(out)
}

/// A call; arguments that are no object are kept as the one argument they are.
fn call(call: &Value) -> Value {
    let function = &call["function"];
    let text = function["arguments"].as_str().unwrap_or_default();
    let arguments = match serde_json::from_str::<Value>(text) {
        Ok(object @ Value::Object(_)) => object,
        _ if text.trim().is_empty() => json!({}),
        _ => json!({ "arguments": text }),
    };
    json!({ "function": { "name": function["name"], "arguments": arguments } })
}

/// A tool without what only other providers read.
fn plain_tool(tool: &Value) -> Value {
    let mut function = tool["function"].clone();
    if let Some(function) = function.as_object_mut() {
        function.shift_remove("strict");
    }
    json!({ "type": "function", "function": function })
}

/// The text of a content, its parts joined by line ends, and its images.
fn content(at: usize, content: &Value) -> Result<(String, Vec<Value>), WireError> {
    let parts = match content {
        Value::String(text) => return Ok((text.clone(), Vec::new())),
        Value::Array(parts) => parts,
        _ => return Ok((String::new(), Vec::new())),
    };
    let (mut texts, mut images) = (Vec::new(), Vec::new());
    for (place, part) in parts.iter().enumerate() {
        let refuse = |why| WireError::Unsupported { param: format!("messages[{at}].content[{place}]"), why };
        match part["type"].as_str().unwrap_or_default() {
            "text" => texts.push(part["text"].as_str().unwrap_or_default()),
            "refusal" => texts.push(part["refusal"].as_str().unwrap_or_default()),
            "image_url" => {
                let url = part["image_url"]["url"].as_str().or_else(|| part["image_url"].as_str()).unwrap_or_default();
                let data = url.strip_prefix("data:").and_then(|data| data.split_once(";base64,"));
                let (_, data) = data.ok_or_else(|| refuse("send the image itself as `data:…;base64,…`"))?;
                images.push(data.into());
            }
            _ => return Err(refuse("this provider reads text and images only")),
        }
    }
    Ok((texts.join("\n"), images))
}

/// Whether the model shall think, and how hard.
fn think(chat: &Map<String, Value>) -> Option<Value> {
    match chat.get("thinking").and_then(|thinking| thinking["type"].as_str()) {
        Some("enabled" | "adaptive") => return Some(true.into()),
        Some("disabled") => return Some(false.into()),
        _ => {}
    }
    match chat.get("reasoning_effort")?.as_str()? {
        "none" | "minimal" => Some(false.into()),
        effort @ ("low" | "medium" | "high") => Some(effort.into()),
        _ => Some(true.into()),
    }
}

fn options(chat: &Map<String, Value>, request: &ChatRequest) -> Map<String, Value> {
    let said = |(ours, theirs): &(&str, &str)| {
        let value = chat.get(*theirs).filter(|value| !value.is_null())?;
        let list = *ours == "stop" && value.is_string();
        Some(((*ours).to_owned(), if list { json!([value]) } else { value.clone() }))
    };
    let mut options: Map<String, Value> = OPTIONS.iter().filter_map(said).collect();
    if let Some(most) = request.output_tokens_max() {
        options.insert("num_predict".to_owned(), most.into());
    }
    options
}
