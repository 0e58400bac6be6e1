//! The HTTP door: listener, limits, OpenAI-compatible API, health and metrics.
//!
//! The only place that turns a [`fault::Kind`] into a status. It knows requests and replies as bytes and the engine
//! that answers them; it knows no provider, no service and no other door: whatever else is to be served at this address
//! comes as rows from the binary.

mod admission;
mod app;
mod chat;
mod dialects;
mod embeddings;
mod gatekeeper;
mod health;
mod models;
mod ollama;
mod openapi;
mod providers;
mod refusal;
mod rows;
mod serve;
mod served;
mod sse;
mod unread;
mod wishes;

pub use admission::{Admits, Admitted, Desk};
pub use app::{App, Parts};
pub use openapi::document as openapi_document;
pub use origin::ClientAddr;
pub use serve::serve;

#[cfg(test)]
mod tests;
