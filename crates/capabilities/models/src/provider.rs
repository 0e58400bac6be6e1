//! The seam: what a provider has to do, and how a kind of provider is made.

use crate::{Ear, Finding, ModelError, RegistryError};
use bytes::Bytes;
use futures_util::stream::Stream;
use measure::UpstreamMetrics;
use net::NetError;
use std::pin::Pin;
use std::sync::Arc;
use wire::Dialect;
use wire::openai::{ChatReply, ChatRequest, EmbeddingReply, EmbeddingRequest};

/// One request for one model.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// The request in OpenAI's shape, which is the one shape inside this house. Where its client wrote it in another
    /// dialect, that stays with it: a provider of that dialect sends it on as it came.
    pub request: &'a ChatRequest,
    /// What the provider calls the model.
    pub model: &'a str,
    /// The id of the caller's request, for the upstream's logs.
    pub request_id: &'a str,
    /// Who wants to hear the head of the answer.
    pub ear: &'a Ear,
}

/// Blocks of whole events in one dialect, as they arrive.
pub type BlockStream = Pin<Box<dyn Stream<Item = Result<Bytes, ModelError>> + Send>>;

/// What a provider gives back.
pub enum Reply {
    /// A whole reply, in the dialect that the provider speaks or as a chat.
    Whole(ChatReply),
    /// A stream whose head has arrived.
    Stream {
        /// Its blocks.
        blocks: BlockStream,
        /// The dialect of its events.
        dialect: Dialect,
        /// Whether the upstream says that a script makes it up.
        simulated: bool,
        /// Whether its client did not ask for the usage: the chunk that holds nothing else is kept back.
        hides_usage: bool,
    },
}

/// What a provider gives back, and what it could not be told.
pub struct Replied {
    /// The reply.
    pub reply: Reply,
    /// What its dialect cannot say, in words for people.
    pub lost: Vec<String>,
}

impl From<Reply> for Replied {
    fn from(reply: Reply) -> Self {
        Self { reply, lost: Vec::new() }
    }
}

/// A reply on its way.
pub type ChatFuture<'a> = Pin<Box<dyn Future<Output = Result<Replied, ModelError>> + Send + 'a>>;

/// One request for vectors by one model.
#[derive(Debug, Clone, Copy)]
pub struct EmbedCall<'a> {
    /// The request in OpenAI's shape.
    pub request: &'a EmbeddingRequest,
    /// What the provider calls the model.
    pub model: &'a str,
    /// The id of the caller's request, for the upstream's logs.
    pub request_id: &'a str,
    /// Who wants to hear the head of the answer.
    pub ear: &'a Ear,
}

/// Vectors on their way.
pub type EmbedFuture<'a> = Pin<Box<dyn Future<Output = Result<EmbeddingReply, ModelError>> + Send + 'a>>;

/// What a list of models shows, and how many seconds its clock is ahead of ours, where it tells.
pub type ListFuture<'a> = Pin<Box<dyn Future<Output = Result<(Finding, Option<i64>), NetError>> + Send + 'a>>;

/// A list of models that is asked for.
pub struct ListCall<'a> {
    /// Where, without credentials.
    pub address: String,
    /// What comes back.
    pub answer: ListFuture<'a>,
}

/// A count of tokens on its way.
pub type CountFuture<'a> = Pin<Box<dyn Future<Output = Result<Option<u64>, ModelError>> + Send + 'a>>;

/// Speaks one protocol to one upstream.
///
/// An implementation makes exactly one attempt, has no limit on time of its own and cancels its work when the
/// future or the stream is dropped. A stream ends after the event `[DONE]`; ending without it is a cut.
pub trait Provider: Send + Sync {
    /// Asks one model once.
    fn chat<'a>(&'a self, call: Call<'a>) -> ChatFuture<'a>;

    /// Asks for the vectors of texts.
    fn embed<'a>(&'a self, _call: EmbedCall<'a>) -> EmbedFuture<'a> {
        Box::pin(std::future::ready(Err(ModelError::Unsupported { what: "embeddings" })))
    }

    /// Counts the tokens of a request without having it answered; `None` where the provider has no way to.
    fn count<'a>(&'a self, _call: Call<'a>) -> CountFuture<'a> {
        Box::pin(std::future::ready(Ok(None)))
    }

    /// Asks for its list of models, which costs nothing: is it there, does it know our key? `None` for a script.
    fn list(&self) -> Option<ListCall<'_>> {
        None
    }

    /// Whether the answers are made up by a script.
    fn simulated(&self) -> bool {
        false
    }
}

/// Makes a provider from its settings; where its connections are observed, the figures go there.
pub type Build = fn(&settings::Provider, Option<UpstreamMetrics>) -> Result<Arc<dyn Provider>, RegistryError>;

/// A kind of provider with a protocol of its own; the binary lists them, presets stand for the rest.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// What settings call it.
    pub name: &'static str,
    /// Makes one.
    pub build: Build,
}
