//! Requests, into a chat and out of it. Refuses to know who sends them and who answers.

mod from_chat;
mod given;
mod to_chat;

pub(super) use from_chat::input;

use bytes::Bytes;
use wire::Fields;
use wire::openai::{ChatRequest, Limits};
use wire::{Outgoing, WireError};

/// What a request for a message says and one to count its tokens may not.
const NOT_COUNTED: &[&str] = &[
    "max_tokens",
    "stream",
    "temperature",
    "top_p",
    "top_k",
    "stop_sequences",
    "metadata",
    "service_tier",
    "container",
    "inference_geo",
];

/// The most tokens of thinking that are asked for as a low effort, and how many a low effort is asked for with.
const LOW_TOKENS: u64 = 4_096;
/// The same for a medium effort; whatever is more is a high one.
const MEDIUM_TOKENS: u64 = 16_384;
/// How many tokens a high effort is asked for with.
const HIGH_TOKENS: u64 = 32_768;

/// The chat that a request for a message stands for; the request itself stays with it, for providers that speak it.
///
/// `headers` are those of the dialect. A kind of block that we do not know is carried as it came: whoever cannot say
/// it refuses it. What only Anthropic does (tools that it runs, containers) is named in [`wire::Original::lost`].
///
/// # Errors
/// [`WireError`] for bytes that are not JSON or nest too deep, for members of the wrong type, named as the client
/// wrote them, and where `max_tokens` is missing.
pub fn request_to_chat(
    body: Bytes,
    headers: Vec<(&'static str, String)>,
    limits: &Limits,
) -> Result<ChatRequest, WireError> {
    to_chat::to_chat(body, headers, limits, true)
}

/// The chat that a request to count tokens stands for; it need not say how long an answer may be.
///
/// # Errors
/// As [`request_to_chat`], but for `max_tokens`.
pub fn count_to_chat(
    body: Bytes,
    headers: Vec<(&'static str, String)>,
    limits: &Limits,
) -> Result<ChatRequest, WireError> {
    to_chat::to_chat(body, headers, limits, false)
}

/// The request for a message that a chat stands for, with `model` as Anthropic calls it; `output_tokens` where the chat
/// sets no limit.
///
/// The name tells which generation of Claude it is, and with that in which form thinking is asked for, and whether it
/// takes a temperature. All system messages come first, wherever they stood, and neighbours of one role are joined: that is the order that
/// every model takes. Arguments of a call that are no JSON object become `{"arguments": "<text>"}`.
///
/// # Errors
/// [`WireError::Unsupported`] for words that a message cannot hold: sound, files by their id, unknown parts.
pub fn request_from_chat(request: &ChatRequest, model: &str, output_tokens: u64) -> Result<Outgoing, WireError> {
    from_chat::from_chat(request, model, output_tokens)
}

/// A request as it is sent to have its tokens counted.
pub fn count_body(body: &Bytes) -> Bytes {
    match serde_json::from_slice::<Fields<'_>>(body) {
        Ok(fields) => Bytes::from(fields.write(NOT_COUNTED, &[])),
        Err(_) => body.clone(),
    }
}

/// The effort that a budget of thinking amounts to.
fn effort_of(budget_tokens: u64) -> &'static str {
    match budget_tokens {
        budget if budget <= LOW_TOKENS => "low",
        budget if budget <= MEDIUM_TOKENS => "medium",
        _ => "high",
    }
}

/// The most that is told of what gets lost: a body may hold any number of unknown members.
const LOST_MAX: usize = 32;

/// Notes what cannot be said, once.
fn note(lost: &mut Vec<String>, what: impl Into<String>) {
    let what = what.into();
    if lost.len() < LOST_MAX && !lost.contains(&what) {
        lost.push(what);
    }
}

#[cfg(test)]
mod tests;
