//! Streams, into chunks of a chat and out of them.
//!
//! What the model writes is never unpacked on the way: the inside of a JSON string goes from one event into the other
//! as it is written, escapes included. Refuses to know who asks, who answers, and what a stream is sent through.

mod arguments;
mod blocks;
mod chunk;
mod from_chat;
mod json;
mod to_chat;

pub use from_chat::FromChat;
pub use to_chat::ToChat;
