//! A chat as Converse wants it.
//!
//! Words that Converse cannot carry make the whole request untranslatable; knobs that it does not have are listed as
//! lost. Members that belong to Converse itself, such as `guardrailConfig`, pass untouched.

use super::content::{self, Draft};
use super::tools;
use crate::ConverseError;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// What is sent.
#[derive(Debug)]
pub struct Asked {
    /// The body, but for the model, which stands in the address.
    pub body: Value,
    /// What Converse cannot say, in words for people.
    pub lost: Vec<String>,
    /// Tools that take plain text, whose calls come back wrapped in an object.
    pub custom: BTreeSet<String>,
}

/// Who made a model, as far as its name tells: what is beyond Converse differs between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Maker {
    Anthropic,
    Amazon,
    OpenAi,
    Other,
    /// An ARN or a name that does not tell.
    Unknown,
}

impl Maker {
    pub(crate) fn of(model: &str) -> Self {
        let name = model.rsplit('/').next().unwrap_or(model);
        let mut parts = name.split('.');
        let last = parts.next_back();
        let makers: Vec<&str> = parts.collect();
        match makers.last() {
            Some(&"anthropic") => Self::Anthropic,
            Some(&"amazon") => Self::Amazon,
            Some(&"openai") => Self::OpenAi,
            Some(_) if last.is_some() => Self::Other,
            _ => Self::Unknown,
        }
    }

    /// Whether Anthropic's own members mean something to it, or may.
    pub(crate) fn may_be_anthropic(self) -> bool {
        matches!(self, Self::Anthropic | Self::Unknown)
    }

    /// Whether it signs or seals its thoughts, or may.
    pub(crate) fn may_sign(self) -> bool {
        self != Self::Other
    }

    /// Whether it has a cache of prompts, or may.
    pub(crate) fn may_cache(self) -> bool {
        matches!(self, Self::Anthropic | Self::Amazon | Self::Unknown)
    }
}

/// Members of Converse that a chat may hold as they are.
const PASSED: [&str; 6] = [
    "guardrailConfig",
    "performanceConfig",
    "requestMetadata",
    "promptVariables",
    "additionalModelResponseFieldPaths",
    "additionalModelRequestFields",
];

/// Members that are looked at below, or that say nothing which a provider must know.
const KNOWN: [&str; 18] = [
    "model",
    "messages",
    "stream",
    "stream_options",
    "max_tokens",
    "max_completion_tokens",
    "temperature",
    "top_p",
    "stop",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "response_format",
    "reasoning_effort",
    "thinking",
    "top_k",
    "service_tier",
    "n",
];

/// What Converse calls efforts, from the least to the most.
const EFFORTS: [&str; 5] = ["low", "medium", "high", "xhigh", "max"];

/// Claudes that came before efforts and refuse them.
const WITHOUT_EFFORT: [&str; 8] = [
    "claude-3",
    "claude-v2",
    "claude-instant",
    "claude-opus-4-2025",
    "claude-opus-4-1",
    "claude-sonnet-4-2025",
    "claude-sonnet-4-5",
    "claude-haiku-4-5",
];

/// Translates a chat for `model`.
///
/// # Errors
/// [`ConverseError::Untranslatable`] for words that Converse has no place for.
pub fn from_chat(chat: &[u8], model: &str) -> Result<Asked, ConverseError> {
    let chat: Map<String, Value> = serde_json::from_slice(chat).map_err(|_| cannot("it is not an object"))?;
    let get = |key: &str| chat.get(key).unwrap_or(&Value::Null);
    let mut draft = Draft::new(Maker::of(model));
    content::messages(&mut draft, get("messages"))?;
    let mut custom = BTreeSet::new();
    let tool_config = tools::config(&mut draft, &chat, &mut custom)?;
    let inference = inference(&chat);
    let output = output(&mut draft, &chat, model)?;
    let additional = additional(&mut draft, &chat);
    let mut body = Map::new();
    let filled = |value: &Value| !value.as_object().is_some_and(Map::is_empty);
    body.extend((!draft.system.is_empty()).then(|| ("system".to_owned(), draft.system.split_off(0).into())));
    let messages = draft.messages.split_off(0).into_iter();
    let messages: Vec<Value> = messages.map(|(role, content)| json!({ "role": role, "content": content })).collect();
    body.insert("messages".to_owned(), messages.into());
    body.extend(Some(("inferenceConfig".to_owned(), inference)).filter(|(_, value)| filled(value)));
    body.extend(tool_config.map(|config| ("toolConfig".to_owned(), config)));
    body.extend(Some(("additionalModelRequestFields".to_owned(), additional)).filter(|(_, value)| filled(value)));
    body.extend(Some(("outputConfig".to_owned(), output)).filter(|(_, value)| filled(value)));
    if let Some(tier) = tier(&mut draft, get("service_tier")) {
        body.insert("serviceTier".to_owned(), json!({ "type": tier }));
    }
    for (key, value) in &chat {
        if PASSED.contains(&key.as_str()) {
            body.entry(key.as_str()).or_insert_with(|| value.clone());
        } else if !KNOWN.contains(&key.as_str()) && !is_default(key, value) {
            draft.lose(format!("`{key}`"));
        }
    }
    if get("n").as_u64().is_some_and(|n| n > 1) {
        draft.lose("`n`: one choice is made".to_owned());
    }
    Ok(Asked { body: body.into(), lost: draft.lost, custom })
}

/// The body of a count of tokens for the same request.
pub fn for_count(body: Value) -> Value {
    let mut converse = Map::new();
    if let Value::Object(body) = body {
        let counted = ["system", "messages", "toolConfig", "additionalModelRequestFields"];
        converse.extend(body.into_iter().filter(|(key, _)| counted.contains(&key.as_str())));
    }
    json!({ "input": { "converse": converse } })
}

/// Values that say what would hold anyway.
fn is_default(key: &str, value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Number(number) => key.ends_with("_penalty") && number.as_f64() == Some(0.0),
        Value::Object(members) => members.is_empty(),
        Value::Array(list) => list.is_empty() || (key == "modalities" && *value == json!(["text"])),
        Value::String(text) => key == "verbosity" && text == "medium",
        Value::Bool(true) => false,
    }
}

fn inference(chat: &Map<String, Value>) -> Value {
    let mut config = Map::new();
    let given = |key: &str| chat.get(key).filter(|value| !value.is_null());
    let stop = given("stop").map(|stop| match stop {
        Value::String(one) => json!([one]),
        many => many.clone(),
    });
    let values = [
        ("maxTokens", given("max_completion_tokens").or_else(|| given("max_tokens")).cloned()),
        ("temperature", given("temperature").cloned()),
        ("topP", given("top_p").cloned()),
        ("stopSequences", stop.filter(|stop| *stop != json!([]))),
    ];
    config.extend(values.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))));
    config.into()
}

/// The shape of the answer and the effort put into it.
fn output(draft: &mut Draft, chat: &Map<String, Value>, model: &str) -> Result<Value, ConverseError> {
    let mut config = Map::new();
    let format = chat.get("response_format").unwrap_or(&Value::Null);
    match format["type"].as_str() {
        Some("json_schema") => {
            let given = &format["json_schema"];
            let schema =
                given.get("schema").ok_or_else(|| cannot("`response_format.json_schema.schema` is missing"))?;
            let mut made = Map::new();
            for key in ["name", "description"] {
                made.extend(given.get(key).filter(|text| text.is_string()).map(|text| (key.to_owned(), text.clone())));
            }
            made.insert("schema".to_owned(), schema.to_string().into());
            let format = json!({ "type": "json_schema", "structure": { "jsonSchema": made } });
            config.insert("textFormat".to_owned(), format);
        }
        Some("json_object") => draft.lose("`response_format` `json_object`: Converse wants a schema".to_owned()),
        _ => {}
    }
    if let Some(effort) = chat.get("reasoning_effort").and_then(Value::as_str)
        && draft.maker != Maker::OpenAi
    {
        let effort = if effort == "minimal" { "low" } else { effort };
        let knows = draft.maker == Maker::Anthropic && !WITHOUT_EFFORT.iter().any(|old| model.contains(old));
        if knows && EFFORTS.contains(&effort) {
            config.insert("effort".to_owned(), effort.into());
        } else {
            draft.lose("`reasoning_effort`".to_owned());
        }
    }
    Ok(config.into())
}

/// What goes to the model itself, past Converse.
fn additional(draft: &mut Draft, chat: &Map<String, Value>) -> Value {
    let given = |key: &str| chat.get(key).filter(|value| !value.is_null());
    let mut fields = given("additionalModelRequestFields").and_then(Value::as_object).cloned().unwrap_or_default();
    let maker = draft.maker;
    let mut put = |key: &str, value: Value| {
        fields.entry(key).or_insert(value);
    };
    match given("thinking") {
        Some(thinking) if maker.may_be_anthropic() => put("thinking", thinking.clone()),
        Some(thinking) if thinking["type"] != "disabled" => draft.lose("`thinking`".to_owned()),
        _ => {}
    }
    match given("top_k") {
        Some(top_k) if maker.may_be_anthropic() => put("top_k", top_k.clone()),
        Some(top_k) if maker == Maker::Amazon => put("inferenceConfig", json!({ "topK": top_k })),
        Some(_) => draft.lose("`top_k`".to_owned()),
        None => {}
    }
    if let Some(effort) = given("reasoning_effort")
        && maker == Maker::OpenAi
    {
        put("reasoning_effort", effort.clone());
    }
    fields.into()
}

fn tier<'a>(draft: &mut Draft, tier: &'a Value) -> Option<&'a str> {
    match tier.as_str()? {
        "auto" => None,
        tier @ ("default" | "flex" | "priority") => Some(tier),
        _ => {
            draft.lose("`service_tier`".to_owned());
            None
        }
    }
}

/// A request that Converse has no words for.
pub(crate) fn cannot(what: impl Into<String>) -> ConverseError {
    ConverseError::Untranslatable { what: what.into() }
}
