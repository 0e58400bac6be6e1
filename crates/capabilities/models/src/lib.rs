//! One trait for every model, and the kinds of provider behind it.
//!
//! A [`Provider`] makes one raw call in its own protocol. An [`Endpoint`] is one model of one provider with
//! everything that guards it: bounded concurrency, a breaker, a limit on time, figures. This room asks one endpoint
//! once; it knows nothing about retries, fallback, panels or doors.

mod endpoint;
mod error;
#[cfg(test)]
mod fixture;
mod gate;
pub mod openai;
mod presets;
mod price;
mod probe;
mod provider;
mod reckon;
mod registry;
pub mod scripted;
mod seen;
mod stream;
mod ticket;
mod usual;

pub use endpoint::{Answer, Endpoint, Opening};
pub use error::ModelError;
pub use presets::{PRESETS, Preset};
pub use price::{Cost, Price};
pub use probe::{Finding, Probe, probe};
pub use provider::{BlockStream, Build, Call, ChatFuture, Kind, Provider, Reply};
pub use registry::{Registry, RegistryError};
pub use stream::AnswerStream;
