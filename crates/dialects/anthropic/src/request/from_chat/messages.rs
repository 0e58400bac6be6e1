//! Messages of a chat as turns of a conversation. Refuses to know any knob.

use super::super::given::{given, list, text, wrong};
use super::super::note;
use super::content::{blocks, input, words};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use wire::WireError;

/// What a chat says.
#[derive(Default)]
pub(super) struct Said {
    /// Blocks for the system, written.
    pub(super) system: Vec<String>,
    turns: Vec<Turn>,
    /// The tools that have been called, each once.
    pub(super) called: BTreeSet<String>,
    /// Whether results follow a call in front of which no thought with a signature stands: a model that thinks would
    /// refuse that.
    pub(super) unsigned_call: bool,
}

struct Turn {
    role: &'static str,
    blocks: Vec<String>,
}

/// Reads all messages of a chat.
pub(super) fn messages(chat: &Value, lost: &mut Vec<String>) -> Result<Said, WireError> {
    let mut said = Said::default();
    for (at, message) in list(&chat["messages"], "messages", "a list of messages")?.iter().enumerate() {
        let at = format!("messages[{at}]");
        if given(message, "name").is_some() {
            note(lost, "`name` of a message");
        }
        match text(message, &at, "role")? {
            "system" | "developer" => said.system(message, &at, lost)?,
            "user" => {
                let blocks = blocks(&message["content"], &format!("{at}.content"), lost)?;
                said.add("user", marked(written(&blocks), message));
            }
            "assistant" => said.assistant(message, &at, lost)?,
            "tool" => said.result(message, &at, lost)?,
            "function" => return Err(refuse(format!("{at}.role"), "send results of calls as `tool`")),
            _ => return Err(wrong(format!("{at}.role"), "a known role", &message["role"])),
        }
    }
    Ok(said)
}

impl Said {
    /// All turns, written.
    pub(super) fn written(&self) -> String {
        let turns = self.turns.iter().map(|turn| {
            let (role, blocks) = (turn.role, turn.blocks.join(","));
            format!(r#"{{"role":"{role}","content":[{blocks}]}}"#)
        });
        format!("[{}]", turns.collect::<Vec<_>>().join(","))
    }

    /// Adds to the last turn, if it is of the same role: turns take turns.
    fn add(&mut self, role: &'static str, blocks: Vec<String>) {
        if blocks.is_empty() {
            return;
        }
        match self.turns.last_mut().filter(|last| last.role == role) {
            Some(last) => last.blocks.extend(blocks),
            None => self.turns.push(Turn { role, blocks }),
        }
    }

    fn system(&mut self, message: &Value, at: &str, lost: &mut Vec<String>) -> Result<(), WireError> {
        let at = format!("{at}.content");
        let blocks = blocks(&message["content"], &at, lost)?;
        if let Some(place) = blocks.iter().position(|block| block["type"] != "text") {
            return Err(refuse(format!("{at}[{place}]"), "the system's words are text"));
        }
        self.system.extend(marked(written(&blocks), message));
        Ok(())
    }

    fn assistant(&mut self, message: &Value, at: &str, lost: &mut Vec<String>) -> Result<(), WireError> {
        if let Some(key) = ["function_call", "audio"].into_iter().find(|key| given(message, key).is_some()) {
            return Err(refuse(format!("{at}.{key}"), "say it with `content` and `tool_calls`"));
        }
        let mut out = thoughts(message, lost);
        let signed = !out.is_empty();
        let content = blocks(&message["content"], &format!("{at}.content"), lost)?;
        out.extend(written(&content));
        out.extend(message["refusal"].as_str().and_then(words).map(|block| block.to_string()));
        let calls = given(message, "tool_calls");
        let calls = calls.map_or(Ok(&[][..]), |calls| list(calls, &format!("{at}.tool_calls"), "a list of calls"))?;
        for (place, call) in calls.iter().enumerate() {
            out.push(self.call(call, &format!("{at}.tool_calls[{place}]"))?);
        }
        if !calls.is_empty() {
            self.unsigned_call = !signed;
        } else if !out.is_empty() {
            self.unsigned_call = false;
        }
        self.add("assistant", marked(out, message));
        Ok(())
    }

    fn call(&mut self, call: &Value, at: &str) -> Result<String, WireError> {
        let kind = if given(call, "custom").is_some() { "custom" } else { "function" };
        let (function, at_function) = (&call[kind], format!("{at}.{kind}"));
        let (id, name) = (text(call, at, "id")?, text(function, &at_function, "name")?);
        let input = match kind {
            "custom" => json!({ "input": text(function, &at_function, "input")? }).to_string(),
            _ => match given(function, "arguments") {
                None => "{}".to_owned(),
                Some(Value::String(arguments)) => input(arguments),
                // Some clients send the object itself.
                Some(other) => input(&other.to_string()),
            },
        };
        if !self.called.contains(name) {
            self.called.insert(name.to_owned());
        }
        let (id, name) = (json!(identifier(id)), json!(name));
        Ok(format!(r#"{{"type":"tool_use","id":{id},"name":{name},"input":{input}}}"#))
    }

    fn result(&mut self, message: &Value, at: &str, lost: &mut Vec<String>) -> Result<(), WireError> {
        let id = identifier(text(message, at, "tool_call_id")?);
        let mut block = json!({ "type": "tool_result", "tool_use_id": id });
        match &message["content"] {
            Value::String(text) => block["content"] = json!(text),
            content => {
                let blocks = blocks(content, &format!("{at}.content"), lost)?;
                if !blocks.is_empty() {
                    block["content"] = Value::Array(blocks);
                }
            }
        }
        if message["is_error"] == true {
            block["is_error"] = json!(true);
        }
        self.add("user", marked(vec![block.to_string()], message));
        Ok(())
    }
}

fn refuse(param: String, why: &'static str) -> WireError {
    WireError::Unsupported { param, why }
}

fn written(blocks: &[Value]) -> Vec<String> {
    blocks.iter().map(Value::to_string).collect()
}

/// Puts the mark on a message, up to which the provider shall keep it in a cache, on its last block.
fn marked(mut blocks: Vec<String>, message: &Value) -> Vec<String> {
    if let (Some(control), Some(last)) = (given(message, "cache_control"), blocks.last_mut())
        && !last.contains("\"cache_control\":")
        && last.ends_with('}')
    {
        last.truncate(last.len() - 1);
        last.push_str(&format!(",\"cache_control\":{control}}}"));
    }
    blocks
}

/// What the model had thought. Only what it has signed comes back to it.
fn thoughts(message: &Value, lost: &mut Vec<String>) -> Vec<String> {
    let mut out = Vec::new();
    let thought = message["thinking_blocks"].as_array().map(Vec::as_slice).unwrap_or_default();
    for block in thought {
        let text = |key: &str| block[key].as_str().unwrap_or_default();
        match text("type") {
            "thinking" if !text("signature").is_empty() => {
                let (thinking, signature) = (text("thinking"), text("signature"));
                out.push(json!({ "type": "thinking", "thinking": thinking, "signature": signature }).to_string());
            }
            "redacted_thinking" if !text("data").is_empty() => {
                out.push(json!({ "type": "redacted_thinking", "data": text("data") }).to_string());
            }
            _ => note(lost, "`thinking_blocks` without a signature"),
        }
    }
    let words = |key: &str| message[key].as_str().is_some_and(|words| !words.is_empty());
    if thought.is_empty() && (words("reasoning_content") || words("reasoning")) {
        note(lost, "`reasoning_content` (it has no signature)");
    }
    out
}

/// An id as Anthropic takes it: letters, digits, `_` and `-`.
fn identifier(id: &str) -> String {
    id.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect()
}
