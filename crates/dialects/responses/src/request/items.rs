//! The items of a conversation, as messages. Items of one turn of the assistant become one message.

use super::super::look::{at, text, wrong};
use super::super::seal;
use super::super::tools::{LOCAL_SHELL, chat_name};
use super::parts::{content, parts};
use serde_json::{Value, json};
use std::collections::HashMap;
use wire::WireError;

/// Records of what OpenAI's own service did: a chat has no place for them.
const HOSTED: [&str; 22] = [
    "additional_tools",
    "apply_patch_call",
    "apply_patch_call_output",
    "code_interpreter_call",
    "compaction",
    "compaction_trigger",
    "computer_call",
    "computer_call_output",
    "configuration_update",
    "file_search_call",
    "image_generation_call",
    "mcp_approval_request",
    "mcp_approval_response",
    "mcp_call",
    "mcp_list_tools",
    "program",
    "program_output",
    "shell_call",
    "shell_call_output",
    "tool_search_call",
    "tool_search_output",
    "web_search_call",
];

/// The messages for `instructions` and `input`.
pub(super) fn messages(asked: &Value, lost: &mut Vec<String>) -> Result<Vec<Value>, WireError> {
    let mut reader = Reader { messages: Vec::new(), turn: Turn::default(), shells: HashMap::new(), lost };
    match &asked["instructions"] {
        Value::Null => {}
        Value::String(text) if text.is_empty() => {}
        Value::String(text) => reader.messages.push(json!({ "role": "system", "content": text })),
        other => return Err(wrong("instructions", "a string", other)),
    }
    match &asked["input"] {
        Value::String(text) => reader.messages.push(json!({ "role": "user", "content": text })),
        Value::Array(items) if items.is_empty() => return Err(WireError::Empty { param: "input".into() }),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                reader.item(item, &format!("input[{index}]"))?;
            }
        }
        Value::Null => return Err(WireError::Missing { param: "input".into() }),
        other => return Err(wrong("input", "a string or a list of items", other)),
    }
    reader.close_turn();
    if reader.messages.is_empty() {
        return Err(WireError::Empty { param: "input".into() });
    }
    Ok(reader.messages)
}

/// What the assistant has said since somebody else spoke.
#[derive(Default)]
struct Turn {
    parts: Vec<Value>,
    calls: Vec<Value>,
    reasoning: String,
    blocks: Vec<Value>,
}

struct Reader<'a> {
    messages: Vec<Value>,
    turn: Turn,
    /// The calls of the local shell, by the ids of their items: an output may name either.
    shells: HashMap<String, String>,
    lost: &'a mut Vec<String>,
}

impl Reader<'_> {
    fn item(&mut self, item: &Value, param: &str) -> Result<(), WireError> {
        if !item.is_object() {
            return Err(wrong(param, "an object", item));
        }
        // A message may leave its type out.
        let kind =
            if item["type"].is_null() && !item["role"].is_null() { "message" } else { text(item, "type", param)? };
        match kind {
            "message" => self.message(item, param),
            "reasoning" => self.reasoning(item, param),
            "function_call" => {
                let arguments = text(item, "arguments", param)?;
                self.call(item, param, if arguments.trim().is_empty() { "{}".to_owned() } else { arguments.to_owned() })
            }
            "custom_tool_call" => {
                let input = json!({ "input": text(item, "input", param)? });
                self.call(item, param, input.to_string())
            }
            "local_shell_call" => self.shell(item, param),
            "function_call_output" | "custom_tool_call_output" => {
                let id = text(item, "call_id", param)?.to_owned();
                self.result(&id, item, param)
            }
            "local_shell_call_output" => {
                let key = if item["call_id"].is_null() { "id" } else { "call_id" };
                let id = text(item, key, param)?;
                let id = self.shells.get(id).map_or(id, String::as_str).to_owned();
                self.result(&id, item, param)
            }
            "item_reference" => {
                let why = "nothing is kept between requests: send the item itself";
                Err(WireError::Unsupported { param: param.to_owned(), why })
            }
            hosted if HOSTED.contains(&hosted) => {
                self.lost.push(format!("`{hosted}` (an item that only OpenAI's own service can read)"));
                Ok(())
            }
            _ => Err(WireError::Unsupported {
                param: at(param, "type"),
                why: "no such item is known here: leave it out",
            }),
        }
    }

    fn message(&mut self, item: &Value, param: &str) -> Result<(), WireError> {
        let said = parts(&item["content"], &at(param, "content"))?;
        let role = match text(item, "role", param)? {
            "assistant" => {
                self.turn.parts.extend(said.into_iter().filter(|part| part["text"] != ""));
                return Ok(());
            }
            "user" => "user",
            // Most providers know only the older of the two names, and OpenAI takes it as the newer one.
            "system" | "developer" => "system",
            _ => {
                let why = "use `user`, `assistant`, `system` or `developer`";
                return Err(WireError::Unsupported { param: at(param, "role"), why });
            }
        };
        self.close_turn();
        self.messages.push(json!({ "role": role, "content": content(said) }));
        Ok(())
    }

    /// What can be read of reasoning; what only the provider that wrote it can open stays behind.
    fn reasoning(&mut self, item: &Value, param: &str) -> Result<(), WireError> {
        let texts = |key: &str| match &item[key] {
            Value::Null => Ok(Vec::new()),
            Value::Array(list) => Ok(list.iter().filter_map(|part| part["text"].as_str()).collect()),
            other => Err(wrong(&at(param, key), "a list of texts", other)),
        };
        let (whole, summary) = (texts("content")?, texts("summary")?);
        for text in if whole.is_empty() { summary } else { whole } {
            if !self.turn.reasoning.is_empty() {
                self.turn.reasoning.push_str("\n\n");
            }
            self.turn.reasoning.push_str(text);
        }
        self.turn.blocks.extend(item["encrypted_content"].as_str().and_then(seal::open).unwrap_or_default());
        Ok(())
    }

    fn call(&mut self, item: &Value, param: &str, arguments: String) -> Result<(), WireError> {
        let (id, name) = (text(item, "call_id", param)?, text(item, "name", param)?);
        let name = chat_name(item["namespace"].as_str(), name);
        self.turn.calls.push(called(id, &name, arguments));
        Ok(())
    }

    fn shell(&mut self, item: &Value, param: &str) -> Result<(), WireError> {
        let id = text(item, "call_id", param)?;
        let Value::Object(mut action) = item["action"].clone() else {
            return Err(wrong(&at(param, "action"), "an object", &item["action"]));
        };
        action.shift_remove("type");
        if let Some(own) = item["id"].as_str() {
            self.shells.insert(own.to_owned(), id.to_owned());
        }
        self.turn.calls.push(called(id, LOCAL_SHELL, Value::from(action).to_string()));
        Ok(())
    }

    fn result(&mut self, id: &str, item: &Value, param: &str) -> Result<(), WireError> {
        let said = content(parts(&item["output"], &at(param, "output"))?);
        self.close_turn();
        self.messages.push(json!({ "role": "tool", "tool_call_id": id, "content": said }));
        Ok(())
    }

    fn close_turn(&mut self) {
        let Turn { parts, calls, reasoning, blocks } = std::mem::take(&mut self.turn);
        if parts.is_empty() && calls.is_empty() && reasoning.is_empty() && blocks.is_empty() {
            return;
        }
        let said = if parts.is_empty() && !calls.is_empty() { Value::Null } else { content(parts) };
        let mut message = json!({ "role": "assistant", "content": said });
        if !reasoning.is_empty() {
            message["reasoning_content"] = reasoning.into();
        }
        if !blocks.is_empty() {
            message["thinking_blocks"] = blocks.into();
        }
        if !calls.is_empty() {
            message["tool_calls"] = calls.into();
        }
        self.messages.push(message);
    }
}

fn called(id: &str, name: &str, arguments: String) -> Value {
    json!({ "id": id, "type": "function", "function": { "name": name, "arguments": arguments } })
}
