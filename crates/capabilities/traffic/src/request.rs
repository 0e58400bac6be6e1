//! What is sent, prepared once, and how its answer is to be read.

use bytes::Bytes;
use http::{HeaderMap, Method};

/// A request, ready to be sent any number of times.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// Which row of the report it counts for: the index of its entry in the mix.
    pub row: u16,
    /// The method.
    pub method: Method,
    /// Path and query from the target's root, such as `/v1/chat/completions`.
    pub path: String,
    /// Headers of its own, `content-type` included.
    pub headers: HeaderMap,
    /// The body; for [`Reading::Mcp`] the JSON-RPC message.
    pub body: Bytes,
    /// How its answer is read.
    pub reading: Reading,
}

/// How an answer is read, and what counts as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// Any 2xx, read to its end.
    Any,
    /// A 2xx whose JSON holds `choices`, as of a chat completion.
    Chat,
    /// An event stream of chat completion chunks that ends with `[DONE]`.
    Stream,
    /// A 2xx whose JSON holds `data`, as of embeddings.
    Embeddings,
    /// A JSON-RPC result in JSON or in an event stream, within an MCP session of the user's own.
    Mcp,
}
