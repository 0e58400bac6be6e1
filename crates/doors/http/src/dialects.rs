//! All dialects together, on their way to the client: what is in one is put into another, through the chat.
//!
//! The one place of this door that knows how each is answered; each of them knows only itself and the chat.

use ::models::dialects::as_chat;
use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;
use std::borrow::Cow;
use wire::openai::{ChatReply, StreamWriter};
use wire::{About, Dialect, Translate};

/// A translation from one dialect into another; `None` where both are the same.
///
/// Anything becomes a chat first, and a chat anything: two steps at most. A chat that is the end of it tells the usage
/// only to whoever has asked for it with `include_usage`; every other dialect tells it always.
pub(crate) fn translator(
    from: Dialect,
    to: Dialect,
    about: &About<'_>,
    include_usage: bool,
) -> Option<Box<dyn Translate>> {
    if from == to {
        return None;
    }
    let usage = include_usage || to != Dialect::Chat;
    let first: Option<Box<dyn Translate>> = match from {
        Dialect::Chat => None,
        Dialect::Messages => Some(Box::new(anthropic::ToChat::new(about).with_usage(usage))),
        Dialect::Responses => Some(Box::new(responses::ToChat::new(about).with_usage(usage))),
        // Whoever asks an Ollama turns its lines into chunks at once.
        Dialect::Ollama => None,
    };
    let second: Option<Box<dyn Translate>> = match to {
        Dialect::Chat => None,
        Dialect::Messages => Some(Box::new(anthropic::FromChat::new(about))),
        Dialect::Responses => Some(Box::new(responses::FromChat::new(about))),
        Dialect::Ollama => Some(Box::new(ollama::FromChat::new(about))),
    };
    match (first, second) {
        (Some(first), Some(second)) => Some(Box::new(Both { first, second })),
        (one, other) => one.or(other),
    }
}

struct Both {
    first: Box<dyn Translate>,
    second: Box<dyn Translate>,
}

impl Translate for Both {
    fn push(&mut self, block: &[u8]) -> Bytes {
        let middle = self.first.push(block);
        if middle.is_empty() { middle } else { self.second.push(&middle) }
    }

    fn end(&mut self) -> Bytes {
        let middle = self.first.end();
        let last = self.second.push(&middle);
        Bytes::from([last, self.second.end()].concat())
    }
}

/// An event that tells of an error in a stream whose status has been sent, from an error in OpenAI's shape.
pub(crate) fn error_event(dialect: Dialect, body: &Value) -> Bytes {
    match dialect {
        Dialect::Chat => StreamWriter::error(body),
        Dialect::Messages => anthropic::error_event(body),
        Dialect::Responses => responses::error_event(body),
        Dialect::Ollama => Bytes::from(format!("{}\n", error(dialect, body))),
    }
}

/// The body of an error, from one in OpenAI's shape.
pub(crate) fn error(dialect: Dialect, body: &Value) -> Cow<'_, Value> {
    match dialect {
        Dialect::Chat | Dialect::Responses => Cow::Borrowed(body),
        Dialect::Messages => Cow::Owned(anthropic::error(body)),
        Dialect::Ollama => Cow::Owned(ollama::error(body)),
    }
}

/// What keeps a silent stream open without saying anything.
pub(crate) fn keep_alive(dialect: Dialect, comment: &'static str) -> Bytes {
    match dialect {
        Dialect::Chat | Dialect::Responses => StreamWriter::comment(comment),
        Dialect::Messages => Bytes::from_static(anthropic::PING),
        // The format has no comments, and its clients parse every line, an empty one too: white space before the next
        // line is all that says nothing.
        Dialect::Ollama => Bytes::from_static(b" "),
    }
}

/// The media type of a stream.
pub(crate) fn stream_type(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Chat | Dialect::Messages | Dialect::Responses => "text/event-stream; charset=utf-8",
        Dialect::Ollama => "application/x-ndjson",
    }
}

/// A reply in the dialect of whoever asked.
pub(crate) fn in_dialect(reply: &ChatReply, dialect: Dialect, about: &About<'_>) -> ChatReply {
    if reply.dialect() == dialect {
        return reply.clone();
    }
    let chat = as_chat(reply);
    let bytes = match dialect {
        Dialect::Chat => return chat.into_owned(),
        Dialect::Messages => anthropic::reply_from_chat(&chat, about),
        Dialect::Responses => responses::reply_from_chat(&chat, about),
        Dialect::Ollama => ollama::reply_from_chat(&chat, about),
    };
    chat.reworded(dialect, bytes)
}

/// A reply as a stream in the dialect of whoever asked, with our report at its end.
pub(crate) fn as_stream(
    reply: &ChatReply,
    dialect: Dialect,
    about: &About<'_>,
    include_usage: bool,
    althing: &impl Serialize,
) -> Bytes {
    // Whoever does not ask for the usage in a chat gets it in every other dialect.
    let chunks = as_chat(reply).as_stream(include_usage || dialect != Dialect::Chat, althing);
    match translator(Dialect::Chat, dialect, about, include_usage) {
        None => chunks,
        Some(mut translate) => Bytes::from([translate.push(&chunks), translate.end()].concat()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ABOUT: About<'_> = About { id: "req_0a", model: "m", created: 0, original: None };

    fn events(all: &[Value]) -> String {
        all.iter().map(|event| format!("data: {event}\n\n")).collect()
    }

    fn messages() -> String {
        events(&[
            json!({ "type": "message_start", "message": { "usage": { "input_tokens": 5, "output_tokens": 1 } } }),
            json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "text_delta", "text": "hi" } }),
            json!({ "type": "message_delta", "delta": { "stop_reason": "end_turn" }, "usage": { "output_tokens": 7 } }),
            json!({ "type": "message_stop", "althing": { "simulated": true } }),
        ])
    }

    fn responses() -> String {
        let usage = json!({ "input_tokens": 5, "output_tokens": 7 });
        let response = json!({ "status": "completed", "usage": usage, "althing": { "simulated": true } });
        events(&[
            json!({ "type": "response.output_text.delta", "delta": "hi" }),
            json!({ "type": "response.completed", "response": response }),
        ])
    }

    /// What a stream becomes.
    fn told(from: Dialect, stream: &str, to: Dialect, include_usage: bool) -> String {
        let mut translate = translator(from, to, &ABOUT, include_usage).unwrap();
        let told = [translate.push(stream.as_bytes()), translate.end()].concat();
        String::from_utf8(told).unwrap()
    }

    #[test]
    fn a_chat_is_told_the_usage_only_where_it_asks() {
        for (from, stream) in [(Dialect::Messages, messages()), (Dialect::Responses, responses())] {
            for include_usage in [false, true] {
                let chat = told(from, &stream, Dialect::Chat, include_usage);
                assert_eq!(chat.contains("\"choices\":[]"), include_usage, "{from:?}: {chat}");
                assert_eq!(chat.contains("\"usage\":{"), include_usage, "{from:?}: {chat}");
                assert_eq!(chat.matches("\"althing\":").count(), 1, "{from:?}: {chat}");
                assert!(chat.ends_with("data: [DONE]\n\n"), "{chat}");
            }
            // In every other dialect it belongs to the answer.
            let lines = told(from, &stream, Dialect::Ollama, false);
            assert!(lines.contains("\"prompt_eval_count\":5"), "{from:?}: {lines}");
        }
    }

    #[test]
    fn what_keeps_a_stream_open_says_nothing_to_whoever_parses_every_line() {
        let line = told(Dialect::Messages, &messages(), Dialect::Ollama, true);
        let waited = [&*keep_alive(Dialect::Ollama, "x"), &*keep_alive(Dialect::Ollama, "x"), line.as_bytes()].concat();
        let lines = waited.strip_suffix(b"\n").unwrap().split(|byte| *byte == b'\n');
        let parsed: Vec<Value> = lines.map(|line| serde_json::from_slice(line).unwrap()).collect();
        assert!(parsed.len() > 1, "{parsed:?}");
    }
}
