//! A chat request: checked, and otherwise left as it came.

use super::content::texts;
use crate::dialect::{Dialect, Original, with_model};
use crate::fields::Fields;
use crate::{WireError, check_nesting};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

/// The most a request may ask for.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The largest `n`.
    pub n_max: u64,
    /// The most messages in one request.
    pub messages_max: usize,
}

/// A chat request whose known parts have the right types.
#[derive(Debug, Clone)]
pub struct ChatRequest {
    bytes: Bytes,
    model: String,
    model_span: Range<usize>,
    stream: bool,
    include_usage: bool,
    has_tools: bool,
    beyond_text: bool,
    settled: bool,
    n: u64,
    output_tokens_max: Option<u64>,
    original: Option<Arc<Original>>,
    translated: bool,
}

/// The members we look at, as raw text.
#[derive(Deserialize)]
struct Raw<'a> {
    #[serde(borrow)]
    model: Option<&'a RawValue>,
    #[serde(borrow)]
    messages: Option<&'a RawValue>,
    #[serde(borrow)]
    stream: Option<&'a RawValue>,
    #[serde(borrow)]
    stream_options: Option<&'a RawValue>,
    #[serde(borrow)]
    n: Option<&'a RawValue>,
    #[serde(borrow)]
    max_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    max_completion_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    temperature: Option<&'a RawValue>,
    #[serde(borrow)]
    top_p: Option<&'a RawValue>,
    #[serde(borrow)]
    seed: Option<&'a RawValue>,
    #[serde(borrow)]
    tools: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    role: Option<&'a RawValue>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(borrow)]
    audio: Option<&'a RawValue>,
}

/// A part of a content, by its type.
#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
}

#[derive(Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
}

impl ChatRequest {
    /// Reads a body.
    ///
    /// # Errors
    /// [`WireError`] for bytes that are not JSON or nest too deep, for members of the wrong type, for an empty
    /// list of messages and for numbers outside `limits`.
    pub fn parse(bytes: Bytes, limits: &Limits) -> Result<Self, WireError> {
        // The parser skips what nobody reads without looking whether it is text.
        let body = std::str::from_utf8(&bytes).map_err(|error| WireError::not_utf8(&bytes, &error))?;
        check_nesting(&bytes)?;
        if first_byte(&bytes) != Some(b'{') {
            let found = serde_json::from_str::<&RawValue>(body).map_err(|e| WireError::not_json(&e))?;
            return Err(wrong("body", "a JSON object", found));
        }
        let raw: Raw<'_> = serde_json::from_str(body).map_err(|e| WireError::not_json(&e))?;
        let model_raw = given(raw.model).ok_or(WireError::Missing { param: "model".into() })?;
        let model = text(model_raw, "model")?;
        if model.is_empty() {
            return Err(WireError::Empty { param: "model".into() });
        }
        let model_start = model_raw.get().as_ptr() as usize - bytes.as_ptr() as usize;
        let model_span = model_start..model_start + model_raw.get().len();
        let beyond_text = check_messages(raw.messages, limits)?;
        let stream = flag(raw.stream, "stream")?;
        let include_usage = include_usage(raw.stream_options)?;
        let n = whole(raw.n, "n", 1, limits.n_max)?.unwrap_or(1);
        let most = whole(raw.max_completion_tokens, "max_completion_tokens", 1, u64::MAX)?;
        // Which of the two an upstream heeds is not known here.
        let output_tokens_max = most.max(whole(raw.max_tokens, "max_tokens", 1, u64::MAX)?);
        let settled = number(raw.temperature, "temperature")? == Some(0.0) || given(raw.seed).is_some();
        number(raw.top_p, "top_p")?;
        let has_tools = match given(raw.tools) {
            Some(tools) if first(tools) != b'[' => return Err(wrong("tools", "a list", tools)),
            tools => tools.is_some_and(|tools| tools.get().contains('{')),
        };
        let model = model.into_owned();
        let (original, translated) = (None, false);
        Ok(Self {
            model,
            model_span,
            stream,
            include_usage,
            has_tools,
            beyond_text,
            settled,
            n,
            output_tokens_max,
            original,
            translated,
            bytes,
        })
    }

    /// A chat that stands for a request in another dialect, which stays with it for providers that speak it.
    ///
    /// # Errors
    /// As [`ChatRequest::parse`], for a chat that is none.
    pub fn translated(chat: &serde_json::Value, original: Original, limits: &Limits) -> Result<Self, WireError> {
        let request = Self::parse(Bytes::from(chat.to_string()), limits)?;
        Ok(Self { original: Some(Arc::new(original)), translated: true, ..request })
    }

    /// The request as its client wrote it, where that was not in OpenAI's chat.
    pub fn original(&self) -> Option<&Original> {
        self.original.as_deref()
    }

    /// Whether it came in another dialect, so that it may hold what plain chats do not: cache marks, thoughts
    /// and their signatures, images in the results of tools.
    pub fn is_translated(&self) -> bool {
        self.translated
    }

    /// The dialect that its client speaks.
    pub fn dialect(&self) -> Dialect {
        self.original.as_ref().map_or(Dialect::Chat, |original| original.dialect)
    }

    /// A request made by us: one user message for `model`.
    pub fn from_prompt(model: &str, prompt: &str) -> Self {
        let body = serde_json::json!({ "model": model, "messages": [{ "role": "user", "content": prompt }] });
        let text = body.to_string();
        let quoted = serde_json::Value::from(model).to_string();
        // `model` is the first member: `preserve_order` keeps the order written above.
        let start = r#"{"model":"#.len();
        Self {
            model: model.to_owned(),
            model_span: start..start + quoted.len(),
            stream: false,
            include_usage: false,
            has_tools: false,
            beyond_text: false,
            settled: false,
            n: 1,
            output_tokens_max: None,
            original: None,
            translated: false,
            bytes: Bytes::from(text),
        }
    }

    /// What the caller put into `model`.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// Whether the caller wants a stream.
    pub fn stream(&self) -> bool {
        self.stream
    }

    /// Whether a stream should end with a chunk that holds the usage. Every dialect but the chat tells it unasked.
    pub fn include_usage(&self) -> bool {
        self.include_usage || (self.stream && self.original.is_some())
    }

    /// Whether the caller offers tools.
    pub fn has_tools(&self) -> bool {
        self.has_tools
    }

    /// Whether a message holds more than text: images, sound, files. A short address can stand for many tokens there,
    /// while a token of text is at least one byte.
    pub fn beyond_text(&self) -> bool {
        self.beyond_text
    }

    /// Whether it asks for the same answer each time: at a temperature of zero, or with a seed.
    pub fn is_settled(&self) -> bool {
        self.settled
    }

    /// How many choices the caller wants.
    pub fn n(&self) -> u64 {
        self.n
    }

    /// The most output tokens of each choice, where the caller set a limit; the larger of two.
    pub fn output_tokens_max(&self) -> Option<u64> {
        self.output_tokens_max
    }

    /// The body as it came.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The length of the body in bytes.
    pub fn len_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The body for an upstream that calls the model `name`; every other byte stays as it came.
    pub fn for_model(&self, name: &str) -> Bytes {
        with_model(&self.bytes, &self.model_span, name)
    }

    /// The same body with a wish for the usage at the end of the stream, for an upstream that calls the model `name`.
    pub fn for_model_with_usage(&self, name: &str) -> Bytes {
        let options = r#"{"include_usage":true}"#.to_owned();
        let Ok(fields) = serde_json::from_slice::<Fields<'_>>(&self.bytes) else { return self.for_model(name) };
        let options = match fields.0.iter().find(|(key, _)| key == "stream_options") {
            Some((_, given)) if given.get() != "null" => match serde_json::from_str::<Fields<'_>>(given.get()) {
                Ok(given) => {
                    String::from_utf8(given.write(&[], &[("include_usage", "true".to_owned())])).unwrap_or(options)
                }
                Err(_) => options,
            },
            _ => options,
        };
        let model = serde_json::Value::from(name).to_string();
        Bytes::from(fields.write(&[], &[("model", model), ("stream_options", options)]))
    }

    /// The same request as a chat without streaming, as a member of a panel gets it.
    #[must_use]
    pub fn unstreamed(&self) -> Self {
        if !self.stream && !self.include_usage {
            return Self { original: None, ..self.clone() };
        }
        let Ok(fields) = serde_json::from_slice::<Fields<'_>>(&self.bytes) else { return self.clone() };
        let quoted = serde_json::Value::from(self.model.as_str()).to_string();
        let bytes = fields.write(&["stream", "stream_options"], &[("model", quoted.clone())]);
        // `write` puts what it sets last: the model ends one byte before the closing brace.
        let end = bytes.len() - 1;
        Self {
            model_span: end - quoted.len()..end,
            bytes: Bytes::from(bytes),
            stream: false,
            include_usage: false,
            original: None,
            ..self.clone()
        }
    }

    /// The text of the last message by a user, its parts joined by a space; empty if there is none.
    pub fn last_user_text(&self) -> String {
        let messages = self.messages();
        let last = messages.iter().rev().find(|message| message["role"] == "user");
        last.map(|message| texts(&message["content"]).join(" ")).unwrap_or_default()
    }

    /// Characters of text in all messages together.
    pub fn prompt_chars(&self) -> u64 {
        let messages = self.messages();
        let texts = messages.iter().flat_map(|message| texts(&message["content"]));
        texts.map(|text| text.chars().count() as u64).sum()
    }

    /// The messages, parsed anew: whoever needs their text asks once.
    fn messages(&self) -> Vec<serde_json::Value> {
        #[derive(Deserialize)]
        struct Body {
            messages: Vec<serde_json::Value>,
        }
        serde_json::from_slice::<Body>(&self.bytes).map(|body| body.messages).unwrap_or_default()
    }
}

/// Tells whether a message holds more than text.
fn check_messages(raw: Option<&RawValue>, limits: &Limits) -> Result<bool, WireError> {
    let raw = given(raw).ok_or(WireError::Missing { param: "messages".into() })?;
    if first(raw) != b'[' {
        return Err(wrong("messages", "a list of messages", raw));
    }
    let messages: Vec<&RawValue> = serde_json::from_str(raw.get()).map_err(|e| WireError::not_json(&e))?;
    if messages.is_empty() {
        return Err(WireError::Empty { param: "messages".into() });
    }
    if messages.len() > limits.messages_max {
        let (found, most) = (messages.len().to_string(), limits.messages_max as u64);
        return Err(WireError::OutOfRange { param: "messages".into(), found, least: 1, most });
    }
    let mut beyond_text = false;
    for (at, message) in messages.into_iter().enumerate() {
        if first(message) != b'{' {
            return Err(wrong(&format!("messages[{at}]"), "an object with `role` and `content`", message));
        }
        let message: Message<'_> = serde_json::from_str(message.get()).map_err(|e| WireError::not_json(&e))?;
        let param = || format!("messages[{at}].role");
        let role = given(message.role).ok_or_else(|| WireError::Missing { param: param() })?;
        if first(role) != b'"' {
            return Err(wrong(&param(), "a string", role));
        }
        if let Some(content) = given(message.content)
            && !matches!(first(content), b'"' | b'[')
        {
            return Err(wrong(&format!("messages[{at}].content"), "a string or a list of parts", content));
        }
        beyond_text |= given(message.audio).is_some() || given(message.content).is_some_and(holds_more_than_text);
    }
    Ok(beyond_text)
}

/// Whether a content has a part that is no text; what cannot be read as parts may be anything.
fn holds_more_than_text(content: &RawValue) -> bool {
    if first(content) != b'[' {
        return false;
    }
    let parts = serde_json::from_str::<Vec<Part<'_>>>(content.get());
    parts.map_or(true, |parts| parts.iter().any(|part| !matches!(&*part.kind, "text" | "refusal")))
}

fn include_usage(raw: Option<&RawValue>) -> Result<bool, WireError> {
    let Some(raw) = given(raw) else { return Ok(false) };
    if first(raw) != b'{' {
        return Err(wrong("stream_options", "an object", raw));
    }
    serde_json::from_str::<StreamOptions>(raw.get())
        .map(|options| options.include_usage.unwrap_or(false))
        .map_err(|_| wrong("stream_options.include_usage", "true or false", raw))
}

/// A value that is there and not `null`.
fn given(raw: Option<&RawValue>) -> Option<&RawValue> {
    raw.filter(|raw| raw.get() != "null")
}

fn first(raw: &RawValue) -> u8 {
    raw.get().as_bytes().first().copied().unwrap_or(b'n')
}

fn first_byte(bytes: &[u8]) -> Option<u8> {
    bytes.iter().copied().find(|byte| !byte.is_ascii_whitespace())
}

fn text<'a>(raw: &'a RawValue, param: &str) -> Result<Cow<'a, str>, WireError> {
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
    serde_json::from_str::<Text<'a>>(raw.get()).map(|text| text.0).map_err(|_| wrong(param, "a string", raw))
}

fn flag(raw: Option<&RawValue>, param: &str) -> Result<bool, WireError> {
    match given(raw) {
        None => Ok(false),
        Some(raw) => serde_json::from_str(raw.get()).map_err(|_| wrong(param, "true or false", raw)),
    }
}

fn number(raw: Option<&RawValue>, param: &str) -> Result<Option<f64>, WireError> {
    let read = |raw: &RawValue| serde_json::from_str(raw.get()).map_err(|_| wrong(param, "a number", raw));
    given(raw).map(read).transpose()
}

fn whole(raw: Option<&RawValue>, param: &str, least: u64, most: u64) -> Result<Option<u64>, WireError> {
    let Some(raw) = given(raw) else { return Ok(None) };
    let value: f64 = serde_json::from_str(raw.get()).map_err(|_| wrong(param, "a whole number", raw))?;
    if value.fract() != 0.0 {
        return Err(wrong(param, "a whole number", raw));
    }
    let fits = value >= least as f64 && value <= most as f64;
    if !fits {
        return Err(WireError::OutOfRange { param: param.into(), found: raw.get().into(), least, most });
    }
    Ok(Some(value as u64))
}

fn wrong(param: &str, expected: &'static str, found: &RawValue) -> WireError {
    let found = match first(found) {
        b'"' => "a string",
        b'[' => "a list",
        b'{' => "an object",
        b't' | b'f' => "a boolean",
        b'n' => "null",
        _ if found.get().contains(['.', 'e', 'E']) => "a fraction",
        _ => "a number",
    };
    WireError::WrongType { param: param.to_owned(), expected, found }
}

#[cfg(test)]
mod tests;
