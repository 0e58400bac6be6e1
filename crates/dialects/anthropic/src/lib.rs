//! Anthropic's messages: requests, replies, streams, errors, and their translation into OpenAI's chat and out of it.
//!
//! Shapes as published in Anthropic's API reference for `POST /v1/messages`.

mod reply;
mod request;
mod stream;
mod view;

pub use reply::{reply_from_chat, reply_to_chat};
pub use request::{count_body, count_to_chat, request_from_chat, request_to_chat};
pub use stream::{FromChat, ToChat};
pub use view::{error, error_event, said_chars, view};

/// The event that keeps a silent stream open.
pub const PING: &[u8] = b"event: ping\ndata: {\"type\": \"ping\"}\n\n";
