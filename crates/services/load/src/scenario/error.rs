//! What can be wrong with a scenario, where it stands and what to do about it.

use std::fmt;
use std::path::PathBuf;

use fault::{Explain, Kind, Origin};

use super::wording;

/// A place in a scenario file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot {
    /// The file, as it was given.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
    /// The character in the line, counted from 1.
    pub column: usize,
}

impl fmt::Display for Spot {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// What is wrong with a scenario.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// No built-in scenario or set has this name.
    #[error("no scenario `{}`", wording::cut(name))]
    UnknownName {
        /// The name that was asked for.
        name: String,
        /// The names that could have been.
        known: Vec<String>,
    },
    /// A scenario or prompt file that is missing or cannot be read.
    #[error("cannot read `{}`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A file larger than its limit.
    #[error("`{}` holds more than {limit}", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit, with its unit.
        limit: String,
    },
    /// A line of a prompt file that is not a prompt.
    #[error("{problem} at {}:{line}", path.display())]
    Prompt {
        /// The prompt file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong.
        problem: String,
    },
    /// The text is not TOML.
    #[error("{problem} at {spot}")]
    Syntax {
        /// What is wrong.
        problem: String,
        /// Where.
        spot: Spot,
    },
    /// A key that nobody knows.
    #[error("unknown key `{}` at {spot}", wording::cut(key))]
    UnknownKey {
        /// The key as it was written.
        key: String,
        /// The keys that could have been.
        known: Vec<String>,
        /// Where.
        spot: Spot,
    },
    /// A value of the wrong type.
    #[error("{problem} at {spot}")]
    Value {
        /// The dotted path of the value.
        path: String,
        /// What is wrong.
        problem: String,
        /// What to write instead, where that is known.
        hint: Option<String>,
        /// Where.
        spot: Spot,
    },
    /// A value of the right type that cannot be used, alone or beside the others.
    #[error("{problem} {place}")]
    Rule {
        /// The dotted path of the value.
        path: String,
        /// What is wrong.
        problem: String,
        /// What to write instead.
        hint: String,
        /// Where: `at FILE:LINE:COLUMN`, or which scenario when it was not read from a file.
        place: String,
    },
}

impl Explain for ScenarioError {
    fn code(&self) -> &'static str {
        match self {
            Self::UnknownName { .. } => "scenario_unknown",
            Self::Unreadable { .. } => "scenario_unreadable",
            Self::TooLarge { .. } => "scenario_too_large",
            Self::Prompt { .. } => "scenario_prompt",
            Self::Syntax { .. } => "scenario_syntax",
            Self::UnknownKey { .. } => "scenario_unknown_key",
            Self::Value { .. } => "scenario_wrong_type",
            Self::Rule { .. } => "scenario_rule",
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::UnknownName { .. } => Kind::NotFound,
            Self::Unreadable { source, .. } if source.kind() == std::io::ErrorKind::NotFound => Kind::NotFound,
            Self::Unreadable { .. } => Kind::Unavailable,
            Self::TooLarge { .. } => Kind::TooLarge,
            Self::Prompt { .. } | Self::Syntax { .. } | Self::UnknownKey { .. } | Self::Value { .. } => Kind::BadInput,
            Self::Rule { .. } => Kind::Semantics,
        }
    }

    fn origin(&self) -> Origin {
        Origin::Caller
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownName { name, known } => {
                let named = wording::offer(name, known, "scenarios")?;
                Some(format!("{named}; a scenario of your own is named by its file, such as `mine.toml`"))
            }
            Self::Unreadable { source, .. } => Some(source.to_string().to_lowercase()),
            Self::TooLarge { .. } => Some("split it, or make it smaller".to_owned()),
            Self::Prompt { .. } => {
                Some("write one prompt per line, or `{\"prompt\": \"…\", \"answer\": \"…\"}`".to_owned())
            }
            Self::Syntax { problem, .. } => {
                problem.contains("quoted").then(|| "write text in quotes, as in `pattern = \"burst\"`".to_owned())
            }
            Self::UnknownKey { key, known, .. } => wording::offer(key, known, "keys"),
            Self::Value { hint, .. } => hint.clone(),
            Self::Rule { hint, .. } => Some(hint.clone()),
        }
    }

    fn param(&self) -> Option<String> {
        match self {
            Self::UnknownKey { key, .. } => Some(key.clone()),
            Self::Value { path, .. } | Self::Rule { path, .. } => Some(path.clone()),
            _ => None,
        }
    }
}
