//! Turns of a conversation as messages of a chat. Refuses to know any knob.

use super::super::given::{given, list, text, wrong};
use super::content::{cached, content, part, parts};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use wire::WireError;

/// The members of a turn as text: what a tool is called with keeps its digits.
#[derive(Deserialize)]
struct Turn<'a> {
    #[serde(borrow)]
    role: Option<&'a RawValue>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
}

/// The input of a call as it is written.
#[derive(Deserialize)]
struct Input<'a> {
    #[serde(borrow)]
    input: Option<&'a RawValue>,
}

/// All messages of the chat, the system's first.
pub(super) fn messages(
    system: Option<&Value>,
    raw: Option<&RawValue>,
    lost: &mut Vec<String>,
) -> Result<Value, WireError> {
    let mut turns = Turns { out: Vec::new(), lost };
    if let Some(system) = system {
        turns.system(system, "system")?;
    }
    let missing = || WireError::Missing { param: "messages".into() };
    let raw = raw.filter(|raw| raw.get() != "null").ok_or_else(missing)?;
    let list: Vec<&RawValue> = match raw.get().starts_with('[') {
        true => serde_json::from_str(raw.get()).map_err(|e| WireError::not_json(&e))?,
        false => return Err(wrong("messages", "a list of messages", &value(raw)?)),
    };
    if list.is_empty() {
        return Err(WireError::Empty { param: "messages".into() });
    }
    for (at, turn) in list.into_iter().enumerate() {
        turns.take(&format!("messages[{at}]"), turn)?;
    }
    Ok(Value::Array(turns.out))
}

fn value(raw: &RawValue) -> Result<Value, WireError> {
    serde_json::from_str(raw.get()).map_err(|e| WireError::not_json(&e))
}

struct Turns<'a> {
    out: Vec<Value>,
    lost: &'a mut Vec<String>,
}

impl Turns<'_> {
    fn take(&mut self, at: &str, raw: &RawValue) -> Result<(), WireError> {
        if !raw.get().starts_with('{') {
            return Err(wrong(at, "an object with `role` and `content`", &value(raw)?));
        }
        let turn: Turn<'_> = serde_json::from_str(raw.get()).map_err(|e| WireError::not_json(&e))?;
        let member = |raw: Option<&RawValue>, key: &str| {
            let value = raw.map(value).transpose()?.filter(|value| !value.is_null());
            value.ok_or_else(|| WireError::Missing { param: format!("{at}.{key}") })
        };
        let role = member(turn.role, "role")?;
        let content = member(turn.content, "content")?;
        let param = format!("{at}.content");
        match role.as_str() {
            Some("user") => self.user(&content, &param),
            Some("assistant") => self.assistant(&content, &param, turn.content),
            // Instructions in the middle of a conversation.
            Some("system") => self.system(&content, &param),
            _ => Err(wrong(format!("{at}.role"), "`user`, `assistant` or `system`", &role)),
        }
    }

    fn system(&mut self, words: &Value, at: &str) -> Result<(), WireError> {
        let parts = parts(words, at, self.lost)?;
        if !parts.is_empty() {
            self.out.push(json!({ "role": "system", "content": content(parts) }));
        }
        Ok(())
    }

    fn user(&mut self, words: &Value, at: &str) -> Result<(), WireError> {
        if words.is_string() {
            self.out.push(json!({ "role": "user", "content": words }));
            return Ok(());
        }
        let mut rest = Vec::new();
        let blocks = blocks(words, at)?;
        for (place, block) in blocks.iter().enumerate() {
            let at = format!("{at}[{place}]");
            match text(block, &at, "type")? {
                "tool_result" => self.result(block, &at)?,
                "mid_conv_system" => {
                    let words = given(block, "content").unwrap_or(&Value::Null);
                    self.system(words, &format!("{at}.content"))?;
                }
                _ => rest.extend(part(block, &at, self.lost)?),
            }
        }
        if !rest.is_empty() || blocks.is_empty() {
            self.out.push(json!({ "role": "user", "content": content(rest) }));
        }
        Ok(())
    }

    fn result(&mut self, block: &Value, at: &str) -> Result<(), WireError> {
        let id = text(block, at, "tool_use_id")?;
        let parts = match given(block, "content") {
            Some(words) => parts(words, &format!("{at}.content"), self.lost)?,
            None => Vec::new(),
        };
        let content = if parts.is_empty() { json!("") } else { content(parts) };
        let mut message = json!({ "role": "tool", "tool_call_id": id, "content": content });
        if block["is_error"] == true {
            message["is_error"] = json!(true);
        }
        self.out.push(cached(message, block));
        Ok(())
    }

    fn assistant(&mut self, words: &Value, at: &str, raw: Option<&RawValue>) -> Result<(), WireError> {
        if words.is_string() {
            self.out.push(json!({ "role": "assistant", "content": words }));
            return Ok(());
        }
        // The blocks once more, for what tools are called with.
        let raws: Vec<&RawValue> = raw.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
        let (mut rest, mut thought, mut calls) = (Vec::new(), Vec::new(), Vec::new());
        for (place, block) in blocks(words, at)?.iter().enumerate() {
            let at = format!("{at}[{place}]");
            match text(block, &at, "type")? {
                "thinking" | "redacted_thinking" => thought.push(thinking(block, &at)?),
                "tool_use" => calls.push(call(block, &at, raws.get(place).copied())?),
                _ => rest.extend(part(block, &at, self.lost)?),
            }
        }
        let content = match (rest.is_empty(), calls.is_empty()) {
            (true, true) => json!(""),
            (true, false) => Value::Null,
            (false, _) => content(rest),
        };
        let mut message = json!({ "role": "assistant", "content": content });
        // A call has no place for it in a chat; on the message it means the end of it.
        if let Some(last) = blocks(words, at)?.last().filter(|last| last["type"] == "tool_use") {
            message = cached(message, last);
        }
        if !thought.is_empty() {
            let words: String = thought.iter().filter_map(|block| block["thinking"].as_str()).collect();
            if !words.is_empty() {
                message["reasoning_content"] = json!(words);
            }
            message["thinking_blocks"] = Value::Array(thought);
        }
        if !calls.is_empty() {
            message["tool_calls"] = Value::Array(calls);
        }
        self.out.push(message);
        Ok(())
    }
}

fn blocks<'a>(words: &'a Value, at: &str) -> Result<&'a [Value], WireError> {
    let blocks = list(words, at, "a string or a list of blocks")?;
    match blocks.iter().position(|block| !block.is_object()) {
        Some(place) => Err(wrong(format!("{at}[{place}]"), "a block", &blocks[place])),
        None => Ok(blocks),
    }
}

fn thinking(block: &Value, at: &str) -> Result<Value, WireError> {
    let kind = text(block, at, "type")?;
    let keys: &[&str] = if kind == "thinking" { &["thinking", "signature"] } else { &["data"] };
    let mut out = Map::from_iter([("type".to_owned(), json!(kind))]);
    for key in keys {
        // A thought without a signature is one of another provider's.
        let words = if *key == "signature" { block[*key].as_str().unwrap_or_default() } else { text(block, at, key)? };
        out.insert((*key).to_owned(), json!(words));
    }
    Ok(Value::Object(out))
}

fn call(block: &Value, at: &str, raw: Option<&RawValue>) -> Result<Value, WireError> {
    let (id, name) = (text(block, at, "id")?, text(block, at, "name")?);
    let input = raw.and_then(|raw| serde_json::from_str::<Input<'_>>(raw.get()).ok()).and_then(|block| block.input);
    let arguments = input.map_or("{}", RawValue::get);
    if !arguments.starts_with('{') {
        return Err(wrong(format!("{at}.input"), "an object", &block["input"]));
    }
    let function = json!({ "name": name, "arguments": arguments });
    Ok(json!({ "id": id, "type": "function", "function": function }))
}
