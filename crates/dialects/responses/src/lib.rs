//! OpenAI's responses: requests, replies, streams, errors, and their translation into OpenAI's chat and out of it.
//!
//! Shapes as published in OpenAI's API reference for `POST /v1/responses`. Nothing is kept between requests, and
//! nothing here knows of providers: what only OpenAI's own service can do stays in the request as it came.

mod envelope;
mod events;
mod look;
mod output;
mod reply;
mod request;
mod seal;
mod stream;
mod tools;
mod view;

pub use reply::{reply_from_chat, reply_to_chat};
pub use request::request_to_chat;
pub use stream::{FromChat, ToChat};
pub use view::{error_event, said_chars, view};

#[cfg(test)]
mod tests;
