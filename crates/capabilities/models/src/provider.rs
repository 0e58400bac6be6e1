//! The seam: what a provider has to do, and how a kind of provider is made.

use crate::{ModelError, RegistryError};
use bytes::Bytes;
use futures_util::stream::Stream;
use std::pin::Pin;
use std::sync::Arc;
use wire::openai::{ChatReply, ChatRequest};

/// One request for one model.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// The request in OpenAI's shape, which is the one shape inside this house.
    pub request: &'a ChatRequest,
    /// What the provider calls the model.
    pub model: &'a str,
    /// The id of the caller's request, for the upstream's logs.
    pub request_id: &'a str,
}

/// Blocks of whole events in OpenAI's shape, as they arrive.
pub type BlockStream = Pin<Box<dyn Stream<Item = Result<Bytes, ModelError>> + Send>>;

/// What a provider gives back.
pub enum Reply {
    /// A whole reply.
    Whole(ChatReply),
    /// A stream whose head has arrived.
    Stream {
        /// Its blocks.
        blocks: BlockStream,
        /// Whether the upstream says that a script makes it up.
        simulated: bool,
    },
}

/// A reply on its way.
pub type ChatFuture<'a> = Pin<Box<dyn Future<Output = Result<Reply, ModelError>> + Send + 'a>>;

/// Speaks one protocol to one upstream.
///
/// An implementation makes exactly one attempt, has no limit on time of its own and cancels its work when the
/// future or the stream is dropped. A stream ends after the event `[DONE]`; ending without it is a cut.
pub trait Provider: Send + Sync {
    /// Asks one model once.
    fn chat<'a>(&'a self, call: Call<'a>) -> ChatFuture<'a>;

    /// Whether the answers are made up by a script.
    fn simulated(&self) -> bool {
        false
    }
}

/// Makes a provider from its settings.
pub type Build = fn(&settings::Provider) -> Result<Arc<dyn Provider>, RegistryError>;

/// A kind of provider with a protocol of its own; the binary lists them, presets stand for the rest.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// What settings call it.
    pub name: &'static str,
    /// Makes one.
    pub build: Build,
}
