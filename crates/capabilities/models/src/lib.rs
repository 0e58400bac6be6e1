//! One trait for every model, and the kinds of provider behind it.
//!
//! A [`Provider`] makes one raw call in its own protocol. An [`Endpoint`] is one model of one provider with
//! everything that guards it: bounded concurrency, a breaker, rates, a limit on time, figures. This room asks one endpoint
//! once; it knows nothing about retries, fallback, panels or doors.

pub mod anthropic;
pub mod bedrock;
mod common;
pub mod dialects;
mod ear;
mod embed;
mod endpoint;
mod error;
#[cfg(test)]
mod fixture;
mod health;
mod http;
mod limits;
pub mod ollama;
pub mod openai;
mod probe;
mod provider;
mod reckon;
mod registry;
pub mod scripted;
mod seen;
mod stream;
mod ticket;

pub use ear::Ear;
pub use embed::Embedded;
pub use endpoint::{Answer, Asker, Endpoint, Opening};
pub use error::ModelError;
pub use health::Health;
pub use measure::{Quantiles, Recent};
pub use presets::{Auth, PRESETS, Preset};
pub use prices::{Cost, Price, Rates, Table};
pub use probe::{Finding, Probe, look, probe};
pub use provider::{
    BlockStream, Build, Call, ChatFuture, CountFuture, EmbedCall, EmbedFuture, Kind, ListCall, ListFuture, Provider,
    Replied, Reply,
};
pub use registry::{Parts, Registry, RegistryError};
pub use stream::AnswerStream;
pub use turnstile::{Load, SharedRate, Sharing};
