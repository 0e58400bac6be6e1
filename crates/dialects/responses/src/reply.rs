//! Whole replies, into a chat and out of it.

mod to_chat;

use super::envelope::{Ending, Envelope};
use super::events::Events;
use super::output::Output;
use bytes::Bytes;
use serde_json::Value;
use wire::About;
use wire::openai::ChatReply;

pub use to_chat::reply_to_chat;
pub(super) use to_chat::{called, reason, wrapped_annotation};

/// The response that a chat's reply stands for; of several choices the first, since a response has only one.
pub fn reply_from_chat(reply: &ChatReply, about: &About<'_>) -> Bytes {
    let body: Value = serde_json::from_slice(reply.bytes()).unwrap_or_default();
    let choice = &body["choices"][0];
    let envelope = Envelope::new(about);
    let mut output = Output::new(about.id, &envelope.asked, Events::default());
    output.take(choice);
    let ending = Ending::of(choice["finish_reason"].as_str());
    output.close(ending);
    let response = envelope.ended(ending, output.items(), reply.usage(), body["service_tier"].as_str());
    Bytes::from(response.to_string())
}
