//! Streams, into chunks of a chat and out of them.

mod from_chat;
mod to_chat;

pub use from_chat::FromChat;
pub use to_chat::ToChat;
