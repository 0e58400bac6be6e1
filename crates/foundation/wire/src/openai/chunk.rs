//! Chunks of a streamed chat reply: read on the side, and written by us.

use super::Usage;
use bytes::Bytes;
use memchr::memmem::Finder;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::sync::LazyLock;

// Searchers are made once: making one takes longer than a search through a chunk.
static DELTA: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"delta\""));
static USAGE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"usage\""));
static ERROR: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"error\""));

/// Whether an event's data is the mark that ends a stream.
pub fn is_done(data: &[u8]) -> bool {
    data.trim_ascii() == b"[DONE]"
}

/// What we look at in a chunk that passes by.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ChunkView {
    /// It carries something that a reader sees: text, a tool call, a refusal, reasoning, or the end of a choice.
    pub token: bool,
    /// It ends a choice.
    pub finished: bool,
    /// The usage, in the chunk that has it.
    pub usage: Option<Usage>,
    /// It reports an error in place of a chunk.
    pub error: bool,
    /// It ends the stream.
    pub done: bool,
    /// It holds a usage and nothing else, as clients get it that ask for it.
    pub only_usage: bool,
}

#[derive(Deserialize)]
struct Raw<'a> {
    #[serde(borrow, default)]
    choices: Vec<Choice<'a>>,
    // A malformed usage makes the cost unknown, not the chunk worthless.
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow)]
    delta: Option<Delta<'a>>,
    #[serde(borrow)]
    text: Option<&'a RawValue>,
    #[serde(borrow)]
    finish_reason: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(borrow)]
    tool_calls: Option<&'a RawValue>,
    #[serde(borrow)]
    function_call: Option<&'a RawValue>,
    #[serde(borrow)]
    refusal: Option<&'a RawValue>,
    #[serde(borrow)]
    reasoning: Option<&'a RawValue>,
    #[serde(borrow)]
    reasoning_content: Option<&'a RawValue>,
    #[serde(borrow)]
    audio: Option<&'a RawValue>,
}

impl ChunkView {
    /// Reads an event's data; `None` if it is not a chunk at all.
    pub fn read(data: &[u8]) -> Option<Self> {
        let raw: Raw<'_> = serde_json::from_slice(data).ok()?;
        let token = raw.choices.iter().any(|choice| {
            let delta = choice.delta.as_ref().is_some_and(Delta::shows_something);
            delta || says(choice.text) || says(choice.finish_reason)
        });
        let finished = raw.choices.iter().any(|choice| says(choice.finish_reason));
        let usage = raw.usage.and_then(Usage::read);
        let only_usage = usage.is_some() && raw.choices.is_empty();
        Some(Self { token, finished, usage, error: says(raw.error), done: false, only_usage })
    }

    /// The same for a stream that has shown its first token: parses only what may hold a usage or an error.
    pub fn read_rest(data: &[u8]) -> Option<Self> {
        // Whoever is asked for the usage sends `null` for it with every chunk but the last.
        let holds = |key: &Finder<'_>| {
            let after = key.find(data).map(|at| data[at + key.needle().len()..].trim_ascii_start());
            after.is_some_and(|rest| {
                rest.strip_prefix(b":").is_none_or(|value| !value.trim_ascii_start().starts_with(b"null"))
            })
        };
        if holds(&USAGE) || holds(&ERROR) { Self::read(data) } else { Some(Self::default()) }
    }
}

impl Delta<'_> {
    fn shows_something(&self) -> bool {
        let parts = [
            self.content,
            self.tool_calls,
            self.function_call,
            self.refusal,
            self.reasoning,
            self.reasoning_content,
            self.audio,
        ];
        parts.into_iter().any(says)
    }
}

/// Whether a value is there and holds anything.
fn says(raw: Option<&RawValue>) -> bool {
    raw.is_some_and(|raw| !matches!(raw.get(), "null" | "\"\"" | "[]" | "{}"))
}

/// Characters that the model has written in a chunk, as far as a look without parsing tells: text, reasoning, the
/// arguments of calls.
pub fn said_chars(data: &[u8]) -> u64 {
    delta_chars(data, &[b"content", b"arguments", b"reasoning_content", b"reasoning", b"refusal"])
}

/// Characters of the strings under these keys behind the first `delta` of an event, without parsing it.
pub fn delta_chars(data: &[u8], keys: &[&[u8]]) -> u64 {
    let Some(delta) = DELTA.find(data) else { return 0 };
    let (mut rest, mut chars) = (&data[delta..], 0);
    while let Some(quote) = memchr::memchr(b'"', rest) {
        let (key, after) = string(&rest[quote + 1..]);
        rest = after;
        if !keys.contains(&key) {
            continue;
        }
        let value = after.trim_ascii_start().strip_prefix(b":").map(<[u8]>::trim_ascii_start);
        if let Some(text) = value.and_then(|value| value.strip_prefix(b"\"")) {
            let (text, after) = string(text);
            (rest, chars) = (after, chars + count(text));
        }
    }
    chars
}

/// A string behind its opening quote, as it is written, and what comes behind its closing one.
fn string(text: &[u8]) -> (&[u8], &[u8]) {
    let mut end = 0;
    while let Some(found) = text.get(end..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        let at = end + found;
        if text[at] == b'"' {
            return (&text[..at], &text[at + 1..]);
        }
        end = at + 2;
    }
    (text, &[])
}

/// Characters of a string as it is written; an escape is one.
fn count(mut text: &[u8]) -> u64 {
    let mut chars = 0;
    loop {
        text = match text {
            [] => return chars,
            [b'\\', b'u', rest @ ..] => rest.get(4..).unwrap_or_default(),
            [b'\\', _, rest @ ..] => rest,
            // The later bytes of a character begin with the bits 10.
            [0x80..=0xBF, rest @ ..] => {
                text = rest;
                continue;
            }
            [_, rest @ ..] => rest,
        };
        chars += 1;
    }
}

/// Writes the chunks of one streamed reply.
#[derive(Debug, Clone)]
pub struct StreamWriter {
    /// The reply's id, the same in every chunk.
    pub id: String,
    /// Seconds since 1970.
    pub created: u64,
    /// The model that the chunks name.
    pub model: String,
}

impl StreamWriter {
    /// A chunk with one delta.
    pub fn delta(&self, delta: &Value) -> Bytes {
        self.write(choice(delta, None), Value::Null, None::<&()>)
    }

    /// The chunk that ends the choice; it holds our report when no chunk with the usage follows.
    pub fn finish(&self, reason: &str, althing: Option<&impl Serialize>) -> Bytes {
        self.write(choice(&json!({}), Some(reason)), Value::Null, althing)
    }

    /// The chunk behind the last choice, for clients that asked for the usage.
    pub fn usage(&self, usage: Usage, althing: Option<&impl Serialize>) -> Bytes {
        self.write(json!([]), json!(usage), althing)
    }

    fn write(&self, choices: Value, usage: Value, althing: Option<&impl Serialize>) -> Bytes {
        let mut chunk = json!({
            "id": self.id, "object": "chat.completion.chunk", "created": self.created, "model": self.model,
            "choices": choices,
        });
        if !usage.is_null() {
            chunk["usage"] = usage;
        }
        if let Some(report) = althing {
            chunk["althing"] = json!(report);
        }
        event(&chunk.to_string())
    }

    /// The event that ends a stream.
    pub fn done() -> Bytes {
        Bytes::from_static(b"data: [DONE]\n\n")
    }

    /// A comment that keeps a connection open and that every client ignores.
    pub fn comment(text: &'static str) -> Bytes {
        event_with(": ", text)
    }

    /// An error as an event, for a stream whose status is already sent.
    pub fn error(body: &impl Serialize) -> Bytes {
        event(&serde_json::to_string(body).unwrap_or_default())
    }
}

fn choice(delta: &Value, finish_reason: Option<&str>) -> Value {
    json!([{ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish_reason }])
}

fn event(data: &str) -> Bytes {
    event_with("data: ", data)
}

fn event_with(field: &str, data: &str) -> Bytes {
    Bytes::from([field, data, "\n\n"].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn view(text: &str) -> ChunkView {
        ChunkView::read(text.as_bytes()).unwrap()
    }

    #[test]
    fn knows_a_token_from_a_preamble() {
        for quiet in [
            r#"{"choices":[{"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#,
            r#"{"choices":[]}"#,
            r#"{"choices":[{"delta":{"tool_calls":[]}}]}"#,
            r#"{"choices":[{"index":0}]}"#,
        ] {
            assert!(!view(quiet).token, "{quiet}");
        }
        for loud in [
            r#"{"choices":[{"delta":{"content":"a"}}]}"#,
            r#"{"choices":[{"delta":{"tool_calls":[{"index":0}]}}]}"#,
            r#"{"choices":[{"delta":{"reasoning_content":"hm"}}]}"#,
            r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#,
        ] {
            assert!(view(loud).token, "{loud}");
        }
    }

    #[test]
    fn sees_usage_and_errors_and_survives_anything_else() {
        let usage = r#"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}"#;
        assert_eq!(ChunkView::read_rest(usage.as_bytes()).unwrap().usage.map(|u| u.total_tokens), Some(3));
        assert!(view(r#"{"error":{"message":"no"}}"#).error);
        assert!(!view(r#"{"error":null,"choices":[]}"#).error);
        assert!(view(r#"{"choices":[{"delta":{"content":"a"}}],"usage":"many"}"#).token);
        assert_eq!(ChunkView::read(b"not json"), None);
        assert_eq!(ChunkView::read_rest(b"not json"), Some(ChunkView::default()));
        assert!(is_done(b" [DONE] ") && !is_done(b"DONE"));
    }

    #[test]
    fn counts_what_was_written() {
        for (data, chars) in [
            (r#"{"choices":[{"delta":{"content":"größe"}}]}"#, 5),
            (r#"{"choices": [{"delta": {"content": "a b"}}]}"#, 3),
            (r#"{"choices":[{"delta":{"content":"a\"}\n\u00e9\\"},"index":0}]}"#, 6),
            (r#"{"choices":[{"delta":{"content":"\"content\":\"x\""}}]}"#, 13),
            (r#"{"choices":[{"delta":{"tool_calls":[{"function":{"arguments":"{\"a\":1}"}}]}}]}"#, 7),
            (r#"{"choices":[{"delta":{"content":null,"reasoning_content":"hm"}}]}"#, 2),
            (r#"{"choices":[{"delta":{"content":"a"}},{"delta":{"content":"bc"}}]}"#, 3),
            (r#"{"choices":[{"delta":{"role":"assistant","content":""}}]}"#, 0),
            (r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#, 0),
            (r#"{"x":"\\","delta":{"role":"content","content":"a"},"content":null}"#, 1),
            (r#"{"content":"not a delta"}"#, 0),
            (r#""delta":{"content":"cut off"#, 7),
            (r#""delta":{"content":"\u00"#, 1),
            (r#""delta":{"content":"\"#, 1),
            (r#""delta":{"content""#, 0),
            (r#""delta":{"content":"#, 0),
            ("", 0),
        ] {
            assert_eq!(said_chars(data.as_bytes()), chars, "{data}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_counted_whatever_it_says(text in "\\PC{0,40}|[\"\\\\{}:a]{0,40}", role in "[a-z\"\\\\]{0,9}") {
            let delta = json!({ "role": role, "content": text, "tool_calls": [{ "function": { "arguments": text } }] });
            let chunk = json!({ "id": text, "choices": [{ "delta": delta, "finish_reason": null }], "x": text });
            prop_assert_eq!(said_chars(chunk.to_string().as_bytes()), 2 * text.chars().count() as u64);
        }

        #[test]
        fn counting_is_total(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            said_chars(&bytes);
            said_chars(&[b"\"delta\":{\"content\":\"", bytes.as_slice()].concat());
        }
    }

    #[test]
    fn our_chunks_read_back() {
        let writer = StreamWriter { id: "x".into(), created: 1, model: "m".into() };
        let bytes = writer.delta(&json!({"content": "a\nb"}));
        let events: Vec<_> = crate::sse::events(&bytes).collect();
        assert!(ChunkView::read(events[0].data.as_ref().unwrap()).unwrap().token);
        let last = writer.finish("stop", Some(&json!({"a": 1})));
        assert!(std::str::from_utf8(&last).unwrap().ends_with("\"stop\"}],\"althing\":{\"a\":1}}\n\n"));
    }
}
