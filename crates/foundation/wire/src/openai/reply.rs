//! A whole chat reply.

use super::content::texts;
use super::{StreamWriter, Usage};
use crate::WireError;
use crate::dialect::Dialect;
use crate::fields::Fields;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// A reply in any dialect; a chat holds at least one choice with a message. Its words can be read only as a chat: of
/// any other dialect the bytes, the usage and the marks are known here.
#[derive(Debug, Clone)]
pub struct ChatReply {
    dialect: Dialect,
    bytes: Bytes,
    usage: Option<Usage>,
    has_althing: bool,
    simulated: bool,
}

#[derive(Deserialize)]
struct Raw<'a> {
    #[serde(borrow)]
    choices: Vec<Choice<'a>>,
    // A malformed usage makes the cost unknown, not the answer worthless.
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    #[serde(borrow)]
    althing: Option<&'a RawValue>,
}

/// What we believe of the report of an Althing behind us.
#[derive(Deserialize)]
struct Behind {
    #[serde(default)]
    simulated: bool,
}

/// What is looked at in a reply of another dialect.
#[derive(Deserialize)]
struct Native<'a> {
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(borrow)]
    output: Option<&'a RawValue>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    #[serde(borrow)]
    althing: Option<&'a RawValue>,
}

/// The usage, whether there is a report of an Althing behind us, and whether it tells of a script.
fn about(usage: Option<&RawValue>, althing: Option<&RawValue>) -> (Option<Usage>, bool, bool) {
    let behind = althing.and_then(|althing| serde_json::from_str::<Behind>(althing.get()).ok());
    (usage.and_then(Usage::read), althing.is_some(), behind.is_some_and(|behind| behind.simulated))
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow)]
    message: &'a RawValue,
}

impl ChatReply {
    /// Reads a body.
    ///
    /// # Errors
    /// [`WireError`] for bytes that are not JSON, or JSON that is not a chat reply with at least one choice.
    pub fn parse(bytes: Bytes) -> Result<Self, WireError> {
        let raw: Raw<'_> = serde_json::from_slice(&bytes).map_err(|e| WireError::not_json(&e))?;
        let Some(choice) = raw.choices.first() else { return Err(WireError::Empty { param: "choices".into() }) };
        if !choice.message.get().starts_with('{') {
            let param = "choices[0].message".to_owned();
            return Err(WireError::WrongType { param, expected: "an object", found: "something else" });
        }
        let (usage, has_althing, simulated) = about(raw.usage, raw.althing);
        Ok(Self { dialect: Dialect::Chat, usage, has_althing, simulated, bytes })
    }

    /// Reads a body in another dialect than [`Dialect::Chat`], which stays as it is.
    ///
    /// # Errors
    /// [`WireError`] for bytes that are not JSON, or JSON without the list of what was answered.
    pub fn native(dialect: Dialect, bytes: Bytes) -> Result<Self, WireError> {
        let raw: Native<'_> = serde_json::from_slice(&bytes).map_err(|e| WireError::not_json(&e))?;
        let (param, list) = match dialect {
            Dialect::Messages => ("content", raw.content),
            Dialect::Responses => ("output", raw.output),
            Dialect::Chat | Dialect::Ollama => return Self::parse(bytes),
        };
        if !list.is_some_and(|list| list.get().starts_with('[')) {
            return Err(WireError::Missing { param: param.to_owned() });
        }
        let (usage, has_althing, simulated) = about(raw.usage, raw.althing);
        Ok(Self { dialect, usage, has_althing, simulated, bytes })
    }

    /// In which dialect its bytes are.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The same reply in the words of another dialect, of which nothing is read any more.
    #[must_use]
    pub fn reworded(&self, dialect: Dialect, bytes: Bytes) -> Self {
        Self { dialect, bytes, has_althing: false, ..self.clone() }
    }

    /// A reply made by [`compose_reply`], which needs no second look.
    pub fn composed(bytes: Bytes, usage: Usage) -> Self {
        Self { dialect: Dialect::Chat, bytes, usage: Some(usage), has_althing: false, simulated: false }
    }

    /// Whether a script made it up, as far as we or an Althing behind us know.
    pub fn simulated(&self) -> bool {
        self.simulated
    }

    /// Marks it as made up by a script.
    #[must_use]
    pub fn marked_simulated(self) -> Self {
        Self { simulated: true, ..self }
    }

    /// What the upstream counted, if it did.
    pub fn usage(&self) -> Option<Usage> {
        self.usage
    }

    /// The body as it came.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The body with one more member, `althing`; an older one (of an Althing behind us) is replaced.
    pub fn with_althing(&self, report: &impl Serialize) -> Bytes {
        let report = serde_json::to_string(report).unwrap_or_else(|_| "null".to_owned());
        if self.has_althing
            && let Ok(fields) = serde_json::from_slice::<Fields<'_>>(&self.bytes)
        {
            return Bytes::from(fields.write(&[], &[("althing", report)]));
        }
        // A reply has members (`choices` at least), so a comma belongs before ours.
        let end = self.bytes.iter().rposition(|byte| *byte == b'}').unwrap_or(self.bytes.len());
        let mut out = Vec::with_capacity(self.bytes.len() + report.len() + 12);
        out.extend_from_slice(&self.bytes[..end]);
        out.extend_from_slice(b",\"althing\":");
        out.extend_from_slice(report.as_bytes());
        out.extend_from_slice(&self.bytes[end..]);
        Bytes::from(out)
    }

    /// The same reply with another count of tokens: what a whole panel used, for instance.
    #[must_use]
    pub fn with_usage(&self, usage: Usage) -> Self {
        let text = serde_json::to_string(&usage).unwrap_or_default();
        let Ok(fields) = serde_json::from_slice::<Fields<'_>>(&self.bytes) else { return self.clone() };
        Self { bytes: Bytes::from(fields.write(&[], &[("usage", text)])), usage: Some(usage), ..self.clone() }
    }

    /// The same reply as the events of a stream: role, content, end. `althing` stands in the last chunk.
    pub fn as_stream(&self, include_usage: bool, althing: &impl Serialize) -> Bytes {
        let body: Value = serde_json::from_slice(&self.bytes).unwrap_or_default();
        let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
        let created = body["created"].as_u64().unwrap_or_default();
        let writer = StreamWriter { id: text("id"), created, model: text("model") };
        let mut delta = body["choices"][0]["message"].clone();
        if let Some(calls) = delta.get_mut("tool_calls").and_then(Value::as_array_mut) {
            for (at, call) in calls.iter_mut().enumerate() {
                call["index"] = json!(at);
            }
        }
        let role = delta.get_mut("role").map_or_else(|| json!("assistant"), Value::take);
        if let Some(delta) = delta.as_object_mut() {
            delta.retain(|_, value| !value.is_null());
        }
        let reason = body["choices"][0]["finish_reason"].as_str().unwrap_or("stop");
        let mut events = vec![writer.delta(&json!({ "role": role, "content": "" })), writer.delta(&delta)];
        match (include_usage, self.usage) {
            (true, Some(usage)) => {
                events.push(writer.finish(reason, None::<&()>));
                events.push(writer.usage(usage, Some(althing)));
            }
            _ => events.push(writer.finish(reason, Some(althing))),
        }
        events.push(StreamWriter::done());
        Bytes::from(events.concat())
    }

    /// The message of the first choice.
    pub fn message(&self) -> Value {
        let mut body: Value = serde_json::from_slice(&self.bytes).unwrap_or_default();
        body["choices"][0]["message"].take()
    }

    /// The text of the first choice, or why it refuses; empty where it only calls tools.
    pub fn text(&self) -> String {
        let message = self.message();
        match &message["content"] {
            content @ (Value::String(_) | Value::Array(_)) => texts(content).join("\n"),
            _ => message["refusal"].as_str().unwrap_or_default().to_owned(),
        }
    }

    /// Characters that the model has written, over all choices: text, reasoning, the names and arguments of calls.
    pub fn said_chars(&self) -> u64 {
        let body: Value = serde_json::from_slice(&self.bytes).unwrap_or_default();
        body["choices"].as_array().into_iter().flatten().map(|choice| said_chars(&choice["message"])).sum()
    }

    /// What the first choice answers: its text, or, where it calls tools, the calls as canonical JSON.
    ///
    /// Two members of a panel that call the same tool with the same arguments give the same text here, whatever
    /// the ids of their calls and the order of the arguments' keys.
    pub fn answer(&self) -> String {
        let message = self.message();
        if let Some(calls) = message["tool_calls"].as_array().filter(|calls| !calls.is_empty()) {
            let calls: Vec<Value> = calls.iter().map(canonical_call).collect();
            return Value::from(calls).to_string();
        }
        self.text()
    }
}

/// Characters of a message that a model has written.
fn said_chars(message: &Value) -> u64 {
    let count = |text: &str| text.chars().count() as u64;
    let plain = ["refusal", "reasoning", "reasoning_content"].into_iter().filter_map(|key| message[key].as_str());
    let calls = message["tool_calls"].as_array().into_iter().flatten().map(|call| &call["function"]);
    let calls = calls.chain([&message["function_call"]]);
    let calls = calls.flat_map(|call| [call["name"].as_str(), call["arguments"].as_str()]).flatten();
    texts(&message["content"]).into_iter().chain(plain).chain(calls).map(count).sum()
}

fn canonical_call(call: &Value) -> Value {
    let function = &call["function"];
    let text = function["arguments"].as_str().unwrap_or_default();
    let arguments = serde_json::from_str(text).unwrap_or_else(|_| Value::from(text));
    json!({ "name": function["name"], "arguments": sorted(arguments) })
}

fn sorted(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut members: Vec<_> = map.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            members.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(members.into_iter().collect())
        }
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        other => other,
    }
}

/// A reply written by us: one choice with `message`.
pub fn compose_reply(id: &str, created: u64, model: &str, message: &Value, finish: &str, usage: Usage) -> Bytes {
    let body = json!({
        "id": id, "object": "chat.completion", "created": created, "model": model,
        "choices": [{ "index": 0, "message": message, "logprobs": null, "finish_reason": finish }],
        "usage": usage,
    });
    Bytes::from(body.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(text: &'static str) -> ChatReply {
        ChatReply::parse(Bytes::from_static(text.as_bytes())).unwrap()
    }

    #[test]
    fn adds_one_member_and_touches_nothing_else() {
        let text = "{\"x\":1.50,\"choices\":[{\"message\":{\"content\":\"hi\"}}],\"usage\":{\"prompt_tokens\":3}} \n";
        let with = reply(text).with_althing(&json!({"a": 1}));
        let expected = text.replace("} \n", ",\"althing\":{\"a\":1}} \n");
        assert_eq!(std::str::from_utf8(&with).unwrap(), expected);
        assert_eq!(reply(text).usage(), Some(Usage { prompt_tokens: 3, ..Usage::default() }));
    }

    #[test]
    fn replaces_the_report_of_an_althing_behind_us() {
        let with = reply(r#"{"althing":{"old":1},"choices":[{"message":{}}]}"#).with_althing(&json!({"new": 2}));
        assert_eq!(std::str::from_utf8(&with).unwrap(), r#"{"choices":[{"message":{}}],"althing":{"new":2}}"#);
        assert!(reply(r#"{"althing":{"simulated":true},"choices":[{"message":{}}]}"#).simulated());
        assert!(!reply(r#"{"althing":{"old":1},"choices":[{"message":{}}]}"#).simulated());
    }

    #[test]
    fn equal_tool_calls_give_equal_answers() {
        let call = |args: &str, id: &str| {
            let body = json!({"choices": [{"message": {"content": null, "tool_calls":
                [{"id": id, "type": "function", "function": {"name": "f", "arguments": args}}]}}]});
            ChatReply::parse(Bytes::from(body.to_string())).unwrap().answer()
        };
        assert_eq!(call(r#"{"a":1,"b":[2]}"#, "x"), call(r#"{ "b": [2], "a": 1 }"#, "y"));
        assert_ne!(call(r#"{"a":1}"#, "x"), call(r#"{"a":2}"#, "x"));
    }

    #[test]
    fn counts_what_was_written_over_all_choices() {
        let body = json!({ "choices": [
            { "message": { "content": "größe", "reasoning_content": "hm", "refusal": null } },
            { "message": { "content": [{ "type": "text", "text": "abc" }] } },
            { "message": { "content": null, "tool_calls": [{ "function": { "name": "f", "arguments": "{}" } }] } },
        ] });
        assert_eq!(ChatReply::parse(Bytes::from(body.to_string())).unwrap().said_chars(), 5 + 2 + 3 + 3);
        assert_eq!(reply(r#"{"choices":[{"message":{"content":7}}]}"#).said_chars(), 0);
    }

    #[test]
    fn what_is_no_reply_is_refused() {
        for text in ["", "<html>", "{}", r#"{"choices":[]}"#, r#"{"choices":[{}]}"#, r#"{"choices":[{"message":1}]}"#] {
            assert!(ChatReply::parse(Bytes::from_static(text.as_bytes())).is_err(), "{text}");
        }
        assert!(reply(r#"{"choices":[{"message":{}}],"usage":"many"}"#).usage().is_none());
    }
}
