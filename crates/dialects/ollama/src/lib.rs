//! Ollama's chat and embeddings: requests, replies, lines of a stream, and their translation into OpenAI's chat and
//! out of it.
//!
//! Shapes as published in Ollama's API documentation for `POST /api/chat` and `POST /api/embed`.

mod embed;
mod reply;
mod request;
mod stream;
#[cfg(test)]
mod tests;

pub use embed::{embed_from_openai, embed_from_reply, embed_to_openai, embed_to_request};
pub use reply::{error, reply_from_chat, reply_to_chat};
pub use request::{request_from_chat, request_to_chat};
pub use stream::{FromChat, ToChat};
