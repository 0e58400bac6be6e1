//! A request for a message as a chat. Refuses to know what becomes of the chat.

mod content;
mod messages;
mod tools;

use super::given::{given, text, wrong};
use super::{effort_of, note};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use wire::Fields;
use wire::openai::{ChatRequest, Limits};
use wire::{Dialect, Original};
use wire::{WireError, check_nesting};

/// The members of which a second one would be ambiguous.
#[derive(Deserialize)]
struct Known<'a> {
    #[serde(borrow)]
    model: Option<&'a RawValue>,
    #[serde(borrow)]
    messages: Option<&'a RawValue>,
    #[serde(borrow, rename = "max_tokens")]
    _max_tokens: Option<&'a RawValue>,
    #[serde(borrow, rename = "stream")]
    _stream: Option<&'a RawValue>,
}

pub(super) fn to_chat(
    body: Bytes,
    headers: Vec<(&'static str, String)>,
    limits: &Limits,
    needs_limit: bool,
) -> Result<ChatRequest, WireError> {
    std::str::from_utf8(&body).map_err(|error| WireError::not_utf8(&body, &error))?;
    check_nesting(&body)?;
    if body.trim_ascii_start().first() != Some(&b'{') {
        let found: Value = serde_json::from_slice(&body).map_err(|e| WireError::not_json(&e))?;
        return Err(wrong("body", "a JSON object", &found));
    }
    let known: Known<'_> = serde_json::from_slice(&body).map_err(|e| WireError::not_json(&e))?;
    let start = known.model.map_or(0, |model| model.get().as_ptr() as usize - body.as_ptr() as usize);
    let model = start..start + known.model.map_or(0, |model| model.get().len());
    let rest = rest(&body)?;
    let mut lost = Vec::new();
    let mut chat = Map::new();
    if let Some(name) = rest.get("model") {
        chat.insert("model".to_owned(), name.clone());
    }
    let messages = messages::messages(rest.get("system"), known.messages, &mut lost)?;
    chat.insert("messages".to_owned(), messages);
    Knobs { asked: &rest, chat: &mut chat, lost: &mut lost }.read(needs_limit)?;
    let original = Original { dialect: Dialect::Messages, bytes: body.clone(), model, headers, lost };
    ChatRequest::translated(&Value::Object(chat), original, limits)
}

/// All members but the messages, and none that is `null`.
fn rest(body: &Bytes) -> Result<Value, WireError> {
    let fields: Fields<'_> = serde_json::from_slice(body).map_err(|e| WireError::not_json(&e))?;
    let mut rest = Map::new();
    for (key, value) in fields.0 {
        if key != "messages" && value.get() != "null" {
            let value = serde_json::from_str(value.get()).map_err(|e| WireError::not_json(&e))?;
            rest.insert(key.into_owned(), value);
        }
    }
    Ok(Value::Object(rest))
}

/// What a request says beside its words.
struct Knobs<'a> {
    asked: &'a Value,
    chat: &'a mut Map<String, Value>,
    lost: &'a mut Vec<String>,
}

impl Knobs<'_> {
    fn read(mut self, needs_limit: bool) -> Result<(), WireError> {
        if needs_limit && given(self.asked, "max_tokens").is_none() {
            return Err(WireError::Missing { param: "max_tokens".into() });
        }
        let members = self.asked.as_object().into_iter().flatten();
        for (key, value) in members {
            match key.as_str() {
                "model" | "system" | "tool_choice" => {}
                "stream" | "temperature" | "top_p" | "top_k" => self.set(key, value.clone()),
                "max_tokens" => self.max_tokens(value)?,
                "stop_sequences" => self.stop(value)?,
                "tools" => tools::tools(value, given(self.asked, "tool_choice"), self.chat, self.lost)?,
                "thinking" => self.thinking(value)?,
                "metadata" => self.metadata(value)?,
                "service_tier" => self.service_tier(value),
                "output_config" => self.output_config(value)?,
                // What `output_config.format` was called before.
                "output_format" => self.format(value, "output_format")?,
                _ => note(self.lost, format!("`{key}`")),
            }
        }
        Ok(())
    }

    fn set(&mut self, key: &str, value: Value) {
        self.chat.insert(key.to_owned(), value);
    }

    fn max_tokens(&mut self, most: &Value) -> Result<(), WireError> {
        let Some(found) = most.as_f64().filter(|most| most.fract() == 0.0) else {
            return Err(wrong("max_tokens", "a whole number", most));
        };
        if found < 0.0 || found > u64::MAX as f64 {
            let (param, found) = ("max_tokens".to_owned(), most.to_string());
            return Err(WireError::OutOfRange { param, found, least: 0, most: u64::MAX });
        }
        if found == 0.0 {
            // Whoever wants none fills Anthropic's cache; elsewhere one token is the least that can be asked for.
            note(self.lost, "`max_tokens` of 0 (asked for 1)");
        }
        self.set("max_completion_tokens", if found == 0.0 { json!(1) } else { most.clone() });
        Ok(())
    }

    fn stop(&mut self, texts: &Value) -> Result<(), WireError> {
        let list = super::given::list(texts, "stop_sequences", "a list of strings")?;
        if let Some(at) = list.iter().position(|text| !text.is_string()) {
            return Err(wrong(format!("stop_sequences[{at}]"), "a string", &list[at]));
        }
        if !list.is_empty() {
            self.set("stop", texts.clone());
        }
        Ok(())
    }

    fn thinking(&mut self, thinking: &Value) -> Result<(), WireError> {
        if !thinking.is_object() {
            return Err(wrong("thinking", "an object", thinking));
        }
        self.set("thinking", thinking.clone());
        // An effort that the client names itself holds.
        let named = given(self.asked, "output_config").is_some_and(|config| given(config, "effort").is_some());
        if text(thinking, "thinking", "type")? == "enabled" && !named {
            let effort = effort_of(thinking["budget_tokens"].as_u64().unwrap_or_default());
            self.set("reasoning_effort", json!(effort));
        }
        Ok(())
    }

    fn metadata(&mut self, metadata: &Value) -> Result<(), WireError> {
        let Some(members) = metadata.as_object() else { return Err(wrong("metadata", "an object", metadata)) };
        for (key, value) in members.iter().filter(|(_, value)| !value.is_null()) {
            match (key.as_str(), value) {
                ("user_id", Value::String(_)) => self.set("user", value.clone()),
                ("user_id", _) => return Err(wrong("metadata.user_id", "a string", value)),
                _ => note(self.lost, format!("`metadata.{key}`")),
            }
        }
        Ok(())
    }

    fn service_tier(&mut self, tier: &Value) {
        match tier.as_str() {
            Some("auto") => self.set("service_tier", json!("auto")),
            Some("standard_only") => self.set("service_tier", json!("default")),
            _ => note(self.lost, "`service_tier`"),
        }
    }

    fn output_config(&mut self, config: &Value) -> Result<(), WireError> {
        let Some(members) = config.as_object() else { return Err(wrong("output_config", "an object", config)) };
        for (key, value) in members.iter().filter(|(_, value)| !value.is_null()) {
            match (key.as_str(), value.as_str()) {
                ("format", _) => self.format(value, "output_config.format")?,
                ("effort", Some(effort @ ("low" | "medium" | "high"))) => self.set("reasoning_effort", json!(effort)),
                ("effort", Some(effort @ ("xhigh" | "max"))) => {
                    note(self.lost, format!("`output_config.effort` of `{effort}` (asked for `high`)"));
                    self.set("reasoning_effort", json!("high"));
                }
                _ => note(self.lost, format!("`output_config.{key}`")),
            }
        }
        Ok(())
    }

    fn format(&mut self, format: &Value, at: &str) -> Result<(), WireError> {
        if !format.is_object() {
            return Err(wrong(at, "an object", format));
        }
        if text(format, at, "type")? != "json_schema" {
            note(self.lost, format!("`{at}`"));
            return Ok(());
        }
        let schema = given(format, "schema").ok_or_else(|| WireError::Missing { param: format!("{at}.schema") })?;
        let mut named = json!({ "name": "answer", "schema": schema });
        if is_strict(schema) {
            named["strict"] = json!(true);
        }
        self.set("response_format", json!({ "type": "json_schema", "json_schema": named }));
        Ok(())
    }
}

/// Whether OpenAI could promise to keep to a schema: it does where each object names all its members as required and
/// allows no others, and else refuses to promise. Anthropic promises more.
fn is_strict(schema: &Value) -> bool {
    let sound = match schema.get("properties").and_then(Value::as_object) {
        None => schema.get("type").is_none_or(|kind| kind != "object"),
        Some(members) => {
            let required = schema["required"].as_array().map(Vec::as_slice).unwrap_or_default();
            schema["additionalProperties"] == false && members.keys().all(|key| required.iter().any(|name| name == key))
        }
    };
    sound
        && match schema {
            Value::Object(members) => members.values().all(is_strict),
            Value::Array(items) => items.iter().all(is_strict),
            _ => true,
        }
}
