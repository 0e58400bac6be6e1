//! What a scripted model does and says: a script, how far it has been played, and vectors made of hashes.
//!
//! The same seed and order of requests gives the same behaviour. This room sends nothing and waits for nothing: an
//! [`Act`] says what is to happen, whoever plays it lets it happen.

mod answer;
pub mod embedding;
mod script;

pub use answer::{Act, Scene};
pub use script::{Latency, Script, ScriptError, ToolCallScript};
