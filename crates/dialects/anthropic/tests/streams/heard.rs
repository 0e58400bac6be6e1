//! What a client hears: strict readers of a message's events and of a chat's chunks, as the official clients put them
//! together. They accept nothing that a client would stumble over.

use crate::oracle::dispatched;
use serde_json::{Value, json};

/// What came of a message.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Message {
    /// Its blocks; the input of a call is the text that came.
    pub(crate) blocks: Vec<Value>,
    pub(crate) start: Value,
    pub(crate) delta: Value,
    pub(crate) stop: Value,
    pub(crate) pings: usize,
    pub(crate) error: Option<Value>,
}

/// What came of a chat.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Chat {
    pub(crate) content: String,
    pub(crate) reasoning: String,
    pub(crate) thinking: Vec<Value>,
    /// Id, name and arguments.
    pub(crate) calls: Vec<[String; 3]>,
    pub(crate) finish: Option<String>,
    pub(crate) usage: Option<Value>,
    pub(crate) error: Option<Value>,
}

/// The events of a message, put together; an error for what breaks the rules of its format.
pub(crate) fn message(stream: &[u8]) -> Result<Message, String> {
    let mut heard = Message::default();
    let (mut open, mut ended) = (false, false);
    for (name, data) in dispatched(stream) {
        let event: Value = serde_json::from_str(&data).map_err(|error| format!("{error}: {data}"))?;
        let kind = event["type"].as_str().unwrap_or_default();
        let begun = !heard.start.is_null();
        let index = event["index"].as_u64().map(|index| index as usize);
        let here = begun && !ended && heard.delta.is_null();
        let good = name == kind
            && match kind {
                "ping" | "error" => !ended,
                "message_start" => !begun && !ended,
                "content_block_start" => here && !open && index == Some(heard.blocks.len()),
                "content_block_delta" => here && open && index == Some(heard.blocks.len() - 1),
                "content_block_stop" => here && open && index == Some(heard.blocks.len() - 1),
                "message_delta" => here && !open,
                "message_stop" => begun && !ended && !heard.delta.is_null(),
                _ => false,
            };
        if !good {
            return Err(format!("`{name}` out of place: {data}"));
        }
        match kind {
            "ping" => heard.pings += 1,
            "message_start" => heard.start = event["message"].clone(),
            "content_block_start" => (heard.blocks.push(block(&event)), open = true).1,
            "content_block_delta" => more(heard.blocks.last_mut().ok_or("no block")?, &event["delta"])?,
            "content_block_stop" => open = false,
            "message_delta" => heard.delta = event,
            "message_stop" => (heard.stop, ended) = (event, true),
            _ => (heard.error, ended) = (Some(event), true),
        }
    }
    if !ended && (open || !heard.start.is_null()) { Err(format!("it has no end: {heard:?}")) } else { Ok(heard) }
}

fn block(event: &Value) -> Value {
    let mut block = event["content_block"].clone();
    if block["type"] == "tool_use" {
        block["input"] = json!("");
    }
    block
}

fn more(block: &mut Value, delta: &Value) -> Result<(), String> {
    let (kind, member, source) = match delta["type"].as_str().unwrap_or_default() {
        "text_delta" => ("text", "text", "text"),
        "thinking_delta" => ("thinking", "thinking", "thinking"),
        "signature_delta" => ("thinking", "signature", "signature"),
        "input_json_delta" => ("tool_use", "input", "partial_json"),
        other => return Err(format!("an unknown delta: `{other}`")),
    };
    if block["type"] != kind || (kind == "thinking" && block["signature"] != "") {
        return Err(format!("{delta} in {block}"));
    }
    let text = delta[source].as_str().ok_or_else(|| format!("no `{source}`: {delta}"))?;
    block[member] = json!(format!("{}{text}", block[member].as_str().unwrap_or_default()));
    Ok(())
}

/// The chunks of a chat, put together; an error for what breaks the rules of its format.
pub(crate) fn chat(stream: &[u8]) -> Result<Chat, String> {
    let mut heard = Chat::default();
    let (mut begun, mut done) = (false, false);
    for (name, data) in dispatched(stream) {
        if done || !name.is_empty() || heard.error.is_some() {
            return Err(format!("`{name}` out of place: {data}"));
        }
        if data == "[DONE]" {
            done = true;
            continue;
        }
        let chunk: Value = serde_json::from_str(&data).map_err(|error| format!("{error}: {data}"))?;
        if chunk["error"].is_object() {
            heard.error = Some(chunk["error"].clone());
            continue;
        }
        let Some(choice) = chunk["choices"].get(0) else {
            heard.usage = Some(chunk["usage"].clone());
            continue;
        };
        let first = choice["delta"]["role"] == "assistant";
        if first == begun || heard.finish.is_some() || choice["index"] != 0 {
            return Err(format!("out of place: {data}"));
        }
        begun = true;
        heard.delta(&choice["delta"])?;
        heard.finish = choice["finish_reason"].as_str().map(str::to_owned);
    }
    let whole = heard.error.is_some() || (done && heard.finish.is_some()) || !begun;
    if whole { Ok(heard) } else { Err(format!("it has no end: {heard:?}")) }
}

impl Chat {
    fn delta(&mut self, delta: &Value) -> Result<(), String> {
        self.content += delta["content"].as_str().unwrap_or_default();
        self.reasoning += delta["reasoning_content"].as_str().unwrap_or_default();
        self.thinking.extend(delta["thinking_blocks"].as_array().into_iter().flatten().cloned());
        for call in delta["tool_calls"].as_array().into_iter().flatten() {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let index = call["index"].as_u64().ok_or("a call without a number")? as usize;
            if index == self.calls.len() && call["id"].is_string() && call["type"] == "function" {
                self.calls.push([text(&call["id"]), text(&call["function"]["name"]), String::new()]);
            }
            let known = self.calls.get_mut(index).ok_or_else(|| format!("a call that has not begun: {call}"))?;
            known[2] += &text(&call["function"]["arguments"]);
        }
        Ok(())
    }
}
