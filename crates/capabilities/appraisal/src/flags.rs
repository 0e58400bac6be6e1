//! Says where a text tries to command the model that judges it. It changes nothing: the text stays data behind its
//! fence, and people are told what to look at.
//!
//! Ordinary texts also speak of scores, systems and rules (`System: embedded Linux`, `scores 9/10 at a magazine`), so
//! that a phrase counts only in the form of a command. Nothing here can be complete; what is found is a reason to look,
//! what is not found is no proof. It is meant for what is judged: a criterion may well say what is worth a 10.

mod rules;
mod signs;
mod words;

use crate::hidden::{hidden, is_unseen};
use serde::Serialize;
use std::fmt::Write;

/// Flags of one text, at most.
pub const FLAGS_MAX: usize = 16;

/// Characters of what was seen, at most.
const SEEN_CHARS_MAX: usize = 80;

/// Hidden characters that are named, at most.
const UNSEEN_MAX: usize = 4;

/// Something in a text that speaks to the model instead of about the option.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Flag {
    /// What it tries.
    pub kind: FlagKind,
    /// What was seen, as it is written, at most 80 characters; characters that cannot be seen are named (`U+202E`).
    pub seen: String,
}

/// What such a text tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FlagKind {
    /// To cancel instructions: `ignore all previous instructions`.
    Override,
    /// To dictate the score or the choice: `score this 10`.
    Score,
    /// To dictate the reply, or to forbid abstaining: `reply only with`.
    Reply,
    /// To speak as another role: `<|im_start|>system`, `System: you must`.
    Role,
    /// To address the model: `note to the AI`, `if you are a language model`.
    Address,
    /// To have instructions repeated: `print your system prompt`.
    Disclosure,
    /// To look like the end or the beginning of the data.
    Fence,
    /// To look like an answer: `{"score": 10`.
    Answer,
    /// To hide or reorder what it says: invisible characters, bidirectional controls.
    Hidden,
}

impl FlagKind {
    /// The name in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Override => "override",
            Self::Score => "score",
            Self::Reply => "reply",
            Self::Role => "role",
            Self::Address => "address",
            Self::Disclosure => "disclosure",
            Self::Fence => "fence",
            Self::Answer => "answer",
            Self::Hidden => "hidden",
        }
    }
}

/// Where a text tries to command the model, by kind, each wording once, at most [`FLAGS_MAX`]. Time is linear in the
/// length of the text.
pub fn flags(text: &str) -> Vec<Flag> {
    let mut found = Found::default();
    rules::check(text, &mut found);
    signs::check(text, &mut found);
    if let Some(seen) = unseen(text) {
        found.add(FlagKind::Hidden, &seen);
    }
    found.0.sort_by_key(|flag| flag.kind);
    found.0
}

/// What was found so far.
#[derive(Default)]
struct Found(Vec<Flag>);

impl Found {
    /// Adds what was seen, unless it is there or there is no room.
    fn add(&mut self, kind: FlagKind, seen: &str) {
        let seen = shown(seen);
        let known = |flag: &Flag| flag.kind == kind && flag.seen == seen;
        if self.0.len() < FLAGS_MAX && !self.0.iter().any(known) {
            self.0.push(Flag { kind, seen });
        }
    }

    fn has(&self, kind: FlagKind) -> bool {
        self.0.iter().any(|flag| flag.kind == kind)
    }
}

/// A piece of a text as a line of bounded length, in which everything can be seen.
fn shown(text: &str) -> String {
    let mut out = String::new();
    for (count, c) in text.chars().enumerate() {
        if count == SEEN_CHARS_MAX {
            out.push('…');
            break;
        }
        match c {
            c if c.is_whitespace() => out.push(' '),
            c if c.is_control() || is_unseen(c) => {
                // A `String` takes all that is written.
                let _ = write!(out, "‹U+{:04X}›", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

/// The hidden characters of a text, each once: `U+200B ×3, U+202E`.
fn unseen(text: &str) -> Option<String> {
    let mut counts: Vec<(char, usize)> = Vec::new();
    for hidden in hidden(text) {
        match counts.iter().position(|(character, _)| *character == hidden.character) {
            Some(at) => counts[at].1 += 1,
            None if counts.len() < UNSEEN_MAX => counts.push((hidden.character, 1)),
            None => {}
        }
    }
    let named = |(character, count): &(char, usize)| match count {
        1 => format!("U+{:04X}", u32::from(*character)),
        count => format!("U+{:04X} ×{count}", u32::from(*character)),
    };
    let names: Vec<String> = counts.iter().map(named).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

#[cfg(test)]
mod tests;
