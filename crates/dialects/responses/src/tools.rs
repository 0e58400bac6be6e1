//! Tools that only the responses know, as functions of a chat, and how the calls of these functions come back.
//!
//! A chat knows functions. A free-form tool becomes a function with one text, `input`; the local shell one with a
//! command; a namespace becomes a part of the names in it. What a name stands for is read from the request again when
//! the answer comes: nothing is kept in between. Knows nothing of messages and events.

use super::look::{at, text, wrong};
use serde_json::{Map, Value, json};
use std::collections::{HashMap, HashSet};
use wire::WireError;

/// How a tool is called in responses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// With arguments in JSON.
    Function,
    /// With any text.
    Custom,
    /// With a command for a shell.
    LocalShell,
}

/// What a chat's name for a tool stands for.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) kind: Kind,
    pub(super) name: String,
    pub(super) namespace: Option<String>,
}

/// The tools of one request, by the names that a chat gives them.
#[derive(Debug, Default)]
pub(super) struct Tools(HashMap<String, Known>);

/// The name that the local shell has in a chat.
pub(super) const LOCAL_SHELL: &str = "local_shell";

impl Tools {
    /// Reads the value of `tools`; what makes no sense is left out.
    pub(super) fn read(tools: &Value) -> Self {
        let mut known = Self::default();
        for tool in tools.as_array().into_iter().flatten() {
            known.add(tool, None);
        }
        known
    }

    fn add(&mut self, tool: &Value, namespace: Option<&str>) {
        let name = tool["name"].as_str();
        let (kind, name) = match (tool["type"].as_str(), name) {
            (Some("function"), Some(name)) => (Kind::Function, name),
            (Some("custom"), Some(name)) => (Kind::Custom, name),
            (Some("local_shell"), _) => (Kind::LocalShell, LOCAL_SHELL),
            (Some("namespace"), Some(name)) => {
                tool["tools"].as_array().into_iter().flatten().for_each(|inner| self.add(inner, Some(name)));
                return;
            }
            _ => return,
        };
        let known = Known { kind, name: name.to_owned(), namespace: namespace.map(str::to_owned) };
        // The first of a name holds, as it does for whoever reads the list from its beginning.
        self.0.entry(chat_name(namespace, name)).or_insert(known);
    }

    /// What a chat's name stands for; a function where nobody has said otherwise.
    pub(super) fn of(&self, name: &str) -> Known {
        let plain = || Known { kind: Kind::Function, name: name.to_owned(), namespace: None };
        self.0.get(name).cloned().unwrap_or_else(plain)
    }
}

/// The name of a tool in a chat, which has no namespaces.
pub(super) fn chat_name(namespace: Option<&str>, name: &str) -> String {
    match namespace {
        None | Some("") => name.to_owned(),
        Some(space) if space.ends_with("__") => format!("{space}{name}"),
        Some(space) => format!("{space}__{name}"),
    }
}

/// The tools as a chat has them. What only OpenAI's service can run goes into `lost`.
pub(super) fn chat_tools(tools: &Value, lost: &mut Vec<String>) -> Result<Vec<Value>, WireError> {
    let Some(tools) = (match tools {
        Value::Null => return Ok(Vec::new()),
        tools => tools.as_array(),
    }) else {
        return Err(wrong("tools", "a list", tools));
    };
    let mut out = Vec::new();
    for (index, tool) in tools.iter().enumerate() {
        chat_tool(tool, &format!("tools[{index}]"), None, &mut out, lost)?;
    }
    Ok(out)
}

fn chat_tool(
    tool: &Value,
    param: &str,
    namespace: Option<&str>,
    out: &mut Vec<Value>,
    lost: &mut Vec<String>,
) -> Result<(), WireError> {
    if !tool.is_object() {
        return Err(wrong(param, "an object", tool));
    }
    match text(tool, "type", param)? {
        "function" => {
            let mut function = json!({ "name": chat_name(namespace, text(tool, "name", param)?) });
            for key in ["description", "parameters", "strict"] {
                if !tool[key].is_null() {
                    function[key] = tool[key].clone();
                }
            }
            out.push(json!({ "type": "function", "function": function }));
        }
        "custom" => out.push(custom(chat_name(namespace, text(tool, "name", param)?), tool)),
        "local_shell" => out.push(local_shell()),
        "namespace" if namespace.is_none() => {
            let name = text(tool, "name", param)?;
            let inner = tool["tools"].as_array().ok_or_else(|| wrong(&at(param, "tools"), "a list", &tool["tools"]))?;
            for (index, tool) in inner.iter().enumerate() {
                chat_tool(tool, &format!("{param}.tools[{index}]"), Some(name), out, lost)?;
            }
        }
        hosted => lost.push(format!("`{hosted}` (a tool that only OpenAI's own service knows)")),
    }
    Ok(())
}

/// A free-form tool as a function. Its format cannot be enforced there, so the description tells it.
fn custom(name: String, tool: &Value) -> Value {
    let mut description = tool["description"].as_str().unwrap_or_default().to_owned();
    let format = &tool["format"];
    if let Some(definition) = format["definition"].as_str() {
        let syntax = format["syntax"].as_str().unwrap_or("given");
        let gap = if description.is_empty() { "" } else { "\n\n" };
        description += &format!("{gap}`input` must match this {syntax} grammar:\n{definition}");
    }
    let input = json!({ "type": "string", "description": "The whole input of the tool, as plain text." });
    let parameters = json!({
        "type": "object", "properties": { "input": input }, "required": ["input"], "additionalProperties": false,
    });
    json!({ "type": "function", "function": { "name": name, "description": description, "parameters": parameters } })
}

fn local_shell() -> Value {
    let parameters = json!({
        "type": "object",
        "properties": {
            "command": { "type": "array", "items": { "type": "string" }, "description": "The program and its arguments." },
            "working_directory": { "type": "string" },
            "timeout_ms": { "type": "integer" },
            "env": { "type": "object", "additionalProperties": { "type": "string" } },
            "user": { "type": "string" },
        },
        "required": ["command"],
    });
    let description = "Runs a command on the user's machine.";
    json!({ "type": "function",
        "function": { "name": LOCAL_SHELL, "description": description, "parameters": parameters } })
}

/// What a model may choose, where it has tools at all. A list of allowed tools becomes the list of tools, which
/// everybody understands.
pub(super) fn choose(
    choice: &Value,
    tools: &mut Vec<Value>,
    lost: &mut Vec<String>,
) -> Result<Option<Value>, WireError> {
    const PARAM: &str = "tool_choice";
    let named = |choice: &Value, param: &str| match text(choice, "type", param)? {
        "function" | "custom" => Ok(Some(chat_name(choice["namespace"].as_str(), text(choice, "name", param)?))),
        "local_shell" => Ok(Some(LOCAL_SHELL.to_owned())),
        _ => Ok::<_, WireError>(None),
    };
    match choice {
        Value::Null => Ok(None),
        Value::String(_) => Ok(Some(choice.clone())),
        Value::Object(_) if choice["type"] == "allowed_tools" => {
            let param = at(PARAM, "tools");
            let list = choice["tools"].as_array().ok_or_else(|| wrong(&param, "a list", &choice["tools"]))?;
            let mut allowed = HashSet::new();
            for (index, tool) in list.iter().enumerate() {
                allowed.extend(named(tool, &format!("{param}[{index}]"))?);
            }
            tools.retain(|tool| tool["function"]["name"].as_str().is_some_and(|name| allowed.contains(name)));
            Ok(Some(if choice["mode"].is_string() { choice["mode"].clone() } else { "auto".into() }))
        }
        Value::Object(_) => Ok(match named(choice, PARAM)? {
            Some(name) => Some(json!({ "type": "function", "function": { "name": name } })),
            None => {
                lost.push(format!(
                    "`tool_choice` (`{}` is not among the tools)",
                    choice["type"].as_str().unwrap_or_default()
                ));
                None
            }
        }),
        _ => Err(wrong(PARAM, "a string or an object", choice)),
    }
}

/// The bare text in the arguments of a free-form tool; a model that wrote something else meant all of it.
pub(super) fn bare(arguments: &str) -> String {
    match serde_json::from_str::<Value>(arguments) {
        Ok(Value::Object(object)) if object.len() == 1 => match object.get("input") {
            Some(Value::String(input)) => input.clone(),
            _ => arguments.to_owned(),
        },
        _ => arguments.to_owned(),
    }
}

/// What the local shell is to do, from the arguments of a call; what is no command is one word.
pub(super) fn action(arguments: &str) -> Value {
    let mut asked: Map<String, Value> = serde_json::from_str(arguments).unwrap_or_default();
    let command = match asked.shift_remove("command") {
        Some(Value::Array(words)) => {
            words.into_iter().map(|word| word.as_str().map_or_else(|| word.to_string(), str::to_owned).into()).collect()
        }
        Some(Value::String(line)) => vec![Value::from("sh"), "-c".into(), line.into()],
        _ if arguments.trim().is_empty() => Vec::new(),
        _ => vec![Value::from(arguments)],
    };
    let env = asked.shift_remove("env").filter(Value::is_object).unwrap_or_else(|| json!({}));
    let mut action = json!({ "type": "exec", "command": command, "env": env });
    for key in ["timeout_ms", "user", "working_directory"] {
        if let Some(value) = asked.shift_remove(key).filter(|value| !value.is_null()) {
            action[key] = value;
        }
    }
    action
}
