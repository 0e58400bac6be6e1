//! What an answer says: an outcome, how sure the model is, why, and what had to be assumed to read it.

use serde::Serialize;
use std::fmt;

/// Characters of a justification, a reason or an error that are kept, at most.
pub const JUSTIFICATION_CHARS_MAX: usize = 4_000;

/// An answer, read.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reading {
    /// What it comes to.
    pub outcome: Outcome,
    /// How sure the model says it is, from 0 to 1; `None` where it says nothing that can be read as that.
    pub confidence: Option<f64>,
    /// Why, in the model's words, at most [`JUSTIFICATION_CHARS_MAX`] characters; may be empty. For an abstention it is
    /// the reason again.
    pub justification: String,
    /// What was assumed or left out; empty for an answer in the form that was asked for.
    pub notes: Vec<Note>,
}

impl Reading {
    /// The score, from 1 to 10; `None` for every outcome but [`Outcome::Scored`].
    pub fn score(&self) -> Option<f64> {
        match self.outcome {
            Outcome::Scored { score } => Some(score),
            _ => None,
        }
    }
}

/// What an answer comes to.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// A score.
    Scored {
        /// From 1 to 10, finite.
        score: f64,
    },
    /// The model says that it cannot judge, or gives no score though all went well.
    Abstained {
        /// Why, in its words; may be empty.
        reason: String,
    },
    /// The model, or whoever answered in its place, reports an error: not an abstention.
    Refused {
        /// What it said.
        said: String,
    },
    /// The answer says none of that. Asking once more with [`crate::REPAIR`] may help.
    Nothing {
        /// Why nothing was found, a lowercase fragment.
        why: &'static str,
    },
}

/// What was assumed or left out in reading an answer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(tag = "note", rename_all = "snake_case")]
pub enum Note {
    /// The score was outside of 1 to 10 and was moved to the nearer end.
    Clamped {
        /// What the answer says, finite.
        said: f64,
    },
    /// The score was given in percent or out of something else than 10, and was converted.
    Converted,
    /// The answer holds several scores that differ; the last one counts.
    Several {
        /// How many places hold one.
        found: usize,
    },
    /// The JSON object was cut off or broken behind its score.
    Incomplete,
    /// There was no JSON; the score or the abstention stood behind a label (`SCORE: 7`).
    Labelled,
    /// There was no JSON and no label: it was taken from the words (`7/10`, `7`, `not applicable`).
    Worded,
    /// The answer has a score and says that there is none (`status` is `abstain` or `error`); the score does not count.
    ScoreLeftOut,
    /// What stands for the confidence is no share of 1.
    ConfidenceLeftOut,
    /// The justification was cut at its limit.
    Shortened,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clamped { said } => {
                write!(f, "score `{said}` lies outside of 1 to 10 and was moved to the nearer end")
            }
            Self::Converted => f.write_str("score was converted to the scale from 1 to 10"),
            Self::Several { found } => write!(f, "answer holds `{found}` scores that differ; the last one counts"),
            Self::Incomplete => f.write_str("answer was cut off or broken behind its score"),
            Self::Labelled => f.write_str("no JSON; taken from a label"),
            Self::Worded => f.write_str("no JSON; taken from the words"),
            Self::ScoreLeftOut => f.write_str("score does not count because the status says that there is none"),
            Self::ConfidenceLeftOut => f.write_str("confidence is no share of 1 and was left out"),
            Self::Shortened => f.write_str("justification was cut at its limit"),
        }
    }
}
