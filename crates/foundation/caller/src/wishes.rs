//! What a request asks for besides its answer: how much it matters, what it is about, whether a kept answer will do.

use std::sync::Arc;

/// How much a request matters when not all can be served.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Turned away first.
    Low,
    /// Most requests.
    #[default]
    Normal,
    /// Served first, turned away last.
    Critical,
}

impl Class {
    /// As it is written: `low`, `normal` or `critical`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::Critical => "critical",
        }
    }

    /// The class that a word names.
    pub fn named(word: &str) -> Option<Self> {
        [Self::Low, Self::Normal, Self::Critical].into_iter().find(|class| class.name() == word)
    }
}

/// Whether a kept answer will do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Kept {
    /// As the settings say.
    #[default]
    Usual,
    /// Yes, though the settings would not offer it.
    Welcome,
    /// As [`Kept::Welcome`], but not that of a similar request: one is to be kept for this very request.
    Own,
    /// No: a new one, which may be kept for others.
    Refresh,
    /// No, and the new one is not kept.
    Never,
}

/// What a request asks for besides its answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wishes {
    /// How much it matters.
    pub class: Class,
    /// Words that routes may look for, and by which kept answers can be dropped; at most 16.
    pub tags: Arc<[Box<str>]>,
    /// Whether a kept answer will do.
    pub kept: Kept,
}
