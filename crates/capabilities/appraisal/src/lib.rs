//! One option judged by one criterion: the question to a model, and the reading of its answer.
//!
//! Everything here is a pure function of texts. A [`Pair`] becomes the messages of one conversation, in which no other
//! option's text can be, because the type has no place for it; what users wrote stands inside a fence that it cannot
//! close. Whatever a model answers becomes a [`Reading`]: a score from 1 to 10, an abstention, an error that the model
//! reported, or nothing. This room asks nobody and knows no decision, no model, no clock and no retry. It takes nothing
//! out of a text that tries to command the model; it only says so ([`flags()`]).

mod answer;
mod flags;
mod hidden;
mod pair;
mod reading;

pub use answer::read;
pub use flags::{FLAGS_MAX, Flag, FlagKind, flags};
pub use pair::{PROMPT_VERSION, Pair, Prompt, REPAIR};
pub use reading::{JUSTIFICATION_CHARS_MAX, Note, Outcome, Reading};

/// The worst score.
pub const SCORE_MIN: f64 = 1.0;

/// The best score.
pub const SCORE_MAX: f64 = 10.0;
