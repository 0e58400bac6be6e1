//! An upstream that can be broken on purpose, on a real socket.
//!
//! Speaks OpenAI's and Anthropic's chat protocols and behaves as scripted, per model: slow, failing, rate limiting,
//! hanging, dripping, cutting streams off, answering rubbish. `POST /_script` changes the script while it runs. It
//! knows no engine and no settings of the server.

mod anthropic;
mod cast;
mod openai;
mod stage;

pub use cast::{Cast, CastError};
pub use stage::{Stage, serve};
