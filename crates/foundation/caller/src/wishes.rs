//! What a request asks for besides its answer: how much it matters, what it is about, whether a kept answer will do.

use std::fmt;
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
    /// Whom to tell how far long work is.
    pub progress: ProgressSink,
}

/// How far long work is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Step {
    /// What is done of it, in the work's own units.
    pub done: u64,
    /// How much there is in all; 0 where that is not known.
    pub total: u64,
    /// In words.
    pub message: String,
}

/// What is done with each step that is told.
type Hear = dyn Fn(&Step) + Send + Sync;

/// Somebody who wants to be told how far long work is, or nobody.
#[derive(Clone, Default)]
pub struct ProgressSink(Option<Arc<Hear>>);

impl ProgressSink {
    /// Tells every step to `hear`, which must neither block nor panic.
    pub fn new(hear: impl Fn(&Step) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(hear)))
    }

    /// Whether anybody listens.
    pub fn is_heard(&self) -> bool {
        self.0.is_some()
    }

    /// Tells a step to whoever listens.
    pub fn tell(&self, step: &Step) {
        if let Some(hear) = &self.0 {
            hear(step);
        }
    }
}

impl fmt::Debug for ProgressSink {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(if self.is_heard() { "ProgressSink(heard)" } else { "ProgressSink(nobody)" })
    }
}

/// The same where the same somebody listens.
impl PartialEq for ProgressSink {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (one, other) => one.is_none() && other.is_none(),
        }
    }
}

impl Eq for ProgressSink {}
