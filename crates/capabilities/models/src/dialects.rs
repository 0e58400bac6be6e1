//! All dialects together: what passes by is read, and what is in one is put into another, through the chat.
//!
//! The one place that knows every dialect; each of them knows only itself and the chat.

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;
use std::borrow::Cow;
use wire::openai::{ChatReply, ChunkView, StreamWriter, is_done};
use wire::{About, Dialect, Translate};

/// A translation from one dialect into another; `None` where both are the same.
///
/// Anything becomes a chat first, and a chat anything: two steps at most.
pub fn translator(from: Dialect, to: Dialect, about: &About<'_>) -> Option<Box<dyn Translate>> {
    if from == to {
        return None;
    }
    let first: Option<Box<dyn Translate>> = match from {
        Dialect::Chat => None,
        Dialect::Messages => Some(Box::new(anthropic::ToChat::new(about))),
        Dialect::Responses => Some(Box::new(responses::ToChat::new(about))),
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
/// Reads the data of one event that passes by; `None` if it is none of this dialect.
///
/// `begun` says that the stream has shown its first token: then only what may hold a usage, an error or the end
/// is parsed.
pub fn read(dialect: Dialect, data: &[u8], begun: bool) -> Option<ChunkView> {
    match dialect {
        Dialect::Chat | Dialect::Ollama if is_done(data) => Some(ChunkView { done: true, ..ChunkView::default() }),
        Dialect::Chat | Dialect::Ollama if begun => ChunkView::read_rest(data),
        Dialect::Chat | Dialect::Ollama => ChunkView::read(data),
        Dialect::Messages => anthropic::view(data, begun),
        Dialect::Responses => responses::view(data, begun),
    }
}

/// Characters that the model has written in one event, as far as a look without parsing tells.
pub fn said_chars(dialect: Dialect, data: &[u8]) -> u64 {
    match dialect {
        Dialect::Chat | Dialect::Ollama => wire::openai::said_chars(data),
        Dialect::Messages => anthropic::said_chars(data),
        Dialect::Responses => responses::said_chars(data),
    }
}

/// An event that tells of an error in a stream whose status has been sent, from an error in OpenAI's shape.
pub fn error_event(dialect: Dialect, body: &Value) -> Bytes {
    match dialect {
        Dialect::Chat => StreamWriter::error(body),
        Dialect::Messages => anthropic::error_event(body),
        Dialect::Responses => responses::error_event(body),
        Dialect::Ollama => Bytes::from(format!("{}\n", error(dialect, body))),
    }
}

/// The body of an error, from one in OpenAI's shape.
pub fn error(dialect: Dialect, body: &Value) -> Cow<'_, Value> {
    match dialect {
        Dialect::Chat | Dialect::Responses => Cow::Borrowed(body),
        Dialect::Messages => Cow::Owned(anthropic::error(body)),
        Dialect::Ollama => Cow::Owned(ollama::error(body)),
    }
}

/// What keeps a silent stream open without saying anything.
pub fn keep_alive(dialect: Dialect, comment: &'static str) -> Bytes {
    match dialect {
        Dialect::Chat | Dialect::Responses => StreamWriter::comment(comment),
        Dialect::Messages => Bytes::from_static(anthropic::PING),
        // A line of JSON without words: the format has no comments.
        Dialect::Ollama => Bytes::from_static(b"\n"),
    }
}

/// The media type of a stream.
pub fn stream_type(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Chat | Dialect::Messages | Dialect::Responses => "text/event-stream; charset=utf-8",
        Dialect::Ollama => "application/x-ndjson",
    }
}

/// A reply as a chat.
pub fn as_chat(reply: &ChatReply) -> Cow<'_, ChatReply> {
    let chat = match reply.dialect() {
        Dialect::Chat | Dialect::Ollama => return Cow::Borrowed(reply),
        Dialect::Messages => anthropic::reply_to_chat(reply.bytes().clone()),
        Dialect::Responses => responses::reply_to_chat(reply.bytes().clone()),
    };
    // What was read as a reply of its dialect translates.
    let marked = |chat: ChatReply| if reply.simulated() { chat.marked_simulated() } else { chat };
    chat.map_or(Cow::Borrowed(reply), |chat| Cow::Owned(marked(chat)))
}

/// A reply in the dialect of whoever asked.
pub fn in_dialect(reply: &ChatReply, dialect: Dialect, about: &About<'_>) -> ChatReply {
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
pub fn as_stream(
    reply: &ChatReply,
    dialect: Dialect,
    about: &About<'_>,
    include_usage: bool,
    althing: &impl Serialize,
) -> Bytes {
    // Whoever does not ask for the usage in a chat gets it in every other dialect.
    let chunks = as_chat(reply).as_stream(include_usage || dialect != Dialect::Chat, althing);
    match translator(Dialect::Chat, dialect, about) {
        None => chunks,
        Some(mut translate) => Bytes::from([translate.push(&chunks), translate.end()].concat()),
    }
}
