//! Bedrock's Converse: requests, replies and frames of a stream, translated into a chat and out of it, and signed;
//! without I/O.
//!
//! Shapes as published in Amazon's API reference for `Converse` and `ConverseStream`.

mod content;
mod error;
mod frames;
mod reply;
mod request;
pub mod sign;
mod stream;
mod tools;
mod usage;

pub use error::ConverseError;
pub use frames::{Frames, header};
pub use reply::to_chat;
pub use request::{Asked, for_count, from_chat};
pub use stream::ToChat;

#[cfg(test)]
mod tests;
