//! The formats in which a chat is asked and answered, and what a translation between them has to do.
//!
//! Each dialect but the chat is a room of its own, one floor up; which of them exist in a binary is not known here.

use bytes::Bytes;
use serde_json::Value;
use std::ops::Range;

/// A format in which a chat is asked and answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// OpenAI's chat completions. Inside this house it is the one that all others are translated into and out of.
    Chat,
    /// Anthropic's messages.
    Messages,
    /// OpenAI's responses.
    Responses,
    /// Ollama's chat, whose streams are lines of JSON.
    Ollama,
}

/// A request as its client wrote it, in a dialect other than [`Dialect::Chat`].
#[derive(Debug, Clone)]
pub struct Original {
    /// In which dialect.
    pub dialect: Dialect,
    /// The body as it came.
    pub bytes: Bytes,
    /// Where the value of `model` stands in it, its quotes included.
    pub model: Range<usize>,
    /// Headers that belong to the dialect, such as `anthropic-beta`: lower case, in their order.
    pub headers: Vec<(&'static str, String)>,
    /// What the chat in the middle cannot say, in words for people: it reaches only providers of the same dialect.
    pub lost: Vec<String>,
}

impl Original {
    /// The body for an upstream that calls the model `name`; every other byte stays as it came.
    pub fn for_model(&self, name: &str) -> Bytes {
        with_model(&self.bytes, &self.model, name)
    }
}

/// A body with another model; every other byte stays.
pub(crate) fn with_model(bytes: &Bytes, span: &Range<usize>, name: &str) -> Bytes {
    let quoted = Value::from(name).to_string();
    if bytes.get(span.clone()) == Some(quoted.as_bytes()) {
        return bytes.clone();
    }
    let mut out = Vec::with_capacity(bytes.len() + quoted.len());
    out.extend_from_slice(&bytes[..span.start]);
    out.extend_from_slice(quoted.as_bytes());
    out.extend_from_slice(&bytes[span.end..]);
    Bytes::from(out)
}

/// What a translation needs to know beside the words.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// What the answer is called: letters, digits and dashes.
    pub id: &'a str,
    /// The model as the answer names it.
    pub model: &'a str,
    /// When it was made, in seconds since 1970.
    pub created: u64,
    /// The request as its client wrote it.
    pub original: Option<&'a Original>,
}

/// An id for a call whose provider gave it none: another one in every answer, because the calls of a whole conversation
/// must not share ids, and short, because OpenAI refuses more than 40 characters. `answer_id` is [`About::id`].
pub fn call_id(answer_id: &str, at: usize) -> String {
    format!("call_{}_{at}", answer_id.strip_prefix("req_").unwrap_or(answer_id))
}

/// Turns a stream of one dialect into one of another, event by event.
///
/// Total: what makes no sense is left out, and nothing is ever reordered.
pub trait Translate: Send {
    /// Whole events in, whole events out; none if they mean nothing in the other dialect.
    fn push(&mut self, block: &[u8]) -> Bytes;

    /// What is still to be said when the stream has ended as it should. Nothing more is pushed afterwards.
    fn end(&mut self) -> Bytes;
}
