//! An upstream that can be broken on purpose, on a real socket.
//!
//! Speaks OpenAI's, Anthropic's, Bedrock's and Ollama's chat protocols and the embeddings of all but Anthropic, and
//! behaves as scripted, per model: slow, failing, rate limiting, hanging, dripping, cutting streams off, answering
//! rubbish. `POST /_script` changes the script while it runs; `GET /_delays` tells what the answers really took,
//! `DELETE /_delays` forgets it. It knows no engine and no settings of the server.

mod anthropic;
mod bedrock;
mod cast;
mod delays;
mod embeddings;
mod ollama;
mod openai;
mod reel;
mod stage;
#[cfg(test)]
mod tests;

pub use cast::{Cast, CastError};
pub use stage::{Stage, serve};
