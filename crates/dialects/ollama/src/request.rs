//! Requests, into a chat and out of it.

mod from_chat;
mod to_chat;

pub use from_chat::request_from_chat;
pub(super) use to_chat::not_an_object;
pub use to_chat::request_to_chat;

/// Ollama's names for what a chat says at its top, where a plain value is meant: Ollama's, then the chat's.
const OPTIONS: [(&str, &str); 8] = [
    ("temperature", "temperature"),
    ("top_p", "top_p"),
    ("top_k", "top_k"),
    ("min_p", "min_p"),
    ("seed", "seed"),
    ("stop", "stop"),
    ("frequency_penalty", "frequency_penalty"),
    ("presence_penalty", "presence_penalty"),
];
