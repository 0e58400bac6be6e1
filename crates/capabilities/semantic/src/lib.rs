//! Questions that resemble one asked before: found by their vectors, told apart where vectors cannot, and verified.
//!
//! Similar is not the same. So a question is looked for among those of the same tenant whose requests were the same in
//! all else; it is refused where the two differ in what a vector hardly shows ([`Question`]); and for a share of hits
//! the model is asked all the same, to measure how often a kept answer would have been wrong ([`Verified`]). This room
//! keeps no answer, only under which key somebody else keeps it, and knows no model, no clock and no store.

mod asked;
mod memory;
mod question;
mod said;
mod semantic;
mod tokens;
mod verified;
mod vocabulary;

pub use asked::{Asked, CHARS_MAX, asked};
pub use memory::{BYTES_MAX, Near, Probe};
pub use question::{Difference, Question};
pub use said::{SAID_BYTES_MAX, said};
pub use semantic::{Semantic, SemanticState};
pub use verified::{LAST, VERIFIED_MIN, Verified};
