//! OpenAI's chat format: requests, replies, streamed chunks, errors, lists.
//!
//! Shapes as published in OpenAI's API reference for `POST /v1/chat/completions`.

mod chunk;
mod content;
mod embedding;
mod error_body;
mod estimate;
mod plain;
mod reply;
mod request;
mod usage;

pub use chunk::{ChunkView, StreamWriter, delta_chars, is_done, said_chars};
pub use embedding::{EmbeddingReply, EmbeddingRequest, Figures, INPUTS_MAX};
pub use error_body::{Attempt, ErrorBody, ErrorDetail, upstream_code};
pub use estimate::{Estimate, estimate_tokens, text_tokens};
pub use plain::{Taste, plain};
pub use reply::{ChatReply, compose_reply};
pub use request::{ChatRequest, Limits};
pub use usage::Usage;

use serde::Serialize;

/// The header by which a reply tells, as `true` or `false`, that a script made it up.
pub const SIMULATED_HEADER: &str = "x-althing-simulated";

/// `GET /v1/models`.
#[derive(Debug, Serialize)]
pub struct ModelList {
    /// Always `list`.
    pub object: &'static str,
    /// The entries.
    pub data: Vec<ModelCard>,
}

/// One entry of [`ModelList`].
#[derive(Debug, Serialize)]
pub struct ModelCard {
    /// What a request puts into `model`.
    pub id: String,
    /// Always `model`.
    pub object: &'static str,
    /// Seconds since 1970; when this server started, since nobody tells more.
    pub created: u64,
    /// Who answers: a provider's name, or `althing` for what stands for several.
    pub owned_by: String,
    /// `model`, `panel`, `route`, `alias` or `group`; an addition of ours.
    pub kind: &'static str,
}
