//! Why nothing was imported. No variant carries a value out of a file: it may be a secret.

use crate::detect::Format;
use crate::read::{DEPTH_MAX, NODES_MAX, SOURCE_BYTES_MAX, SOURCES_MAX};
use fault::{Explain, Kind, Origin};

/// Why nothing was imported.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MigrationError {
    /// More than [`SOURCES_MAX`] files.
    #[error("`{count}` files at once")]
    TooMany {
        /// How many.
        count: usize,
    },
    /// A file has more than [`SOURCE_BYTES_MAX`] bytes.
    #[error("`{file}` has more than {SOURCE_BYTES_MAX} bytes")]
    TooLarge {
        /// Which.
        file: String,
    },
    /// A file has more than [`NODES_MAX`] values once what it refers to is written out, or is nested deeper than
    /// [`DEPTH_MAX`].
    #[error("`{file}` has more than {NODES_MAX} values, or more than {DEPTH_MAX} inside one another")]
    TooDeep {
        /// Which.
        file: String,
    },
    /// A file is neither YAML nor JSON nor lines of `NAME=value`.
    #[error("`{file}` cannot be read at {line}:{column}: {problem}")]
    Unreadable {
        /// Which.
        file: String,
        /// The line, counted from 1.
        line: usize,
        /// The column, counted from 1.
        column: usize,
        /// What is wrong.
        problem: &'static str,
    },
    /// A file that belongs to no project known here.
    #[error("`{file}` is of no format known here")]
    Unknown {
        /// Which.
        file: String,
    },
    /// Files of two projects.
    #[error("`{first}` is of the format `{}`, `{second}` of `{}`", formats.0, formats.1)]
    Mixed {
        /// A file.
        first: String,
        /// Another.
        second: String,
        /// What they are.
        formats: (Format, Format),
    },
    /// Nothing in the files could come along.
    #[error("nothing of these settings can come along (read as `{format}`, {left} left behind)")]
    Nothing {
        /// As what they were read.
        format: Format,
        /// How many things were left behind.
        left: usize,
    },
    /// What was written is no settings file: a defect of ours.
    #[error("the settings that came of it cannot be read back: {problem}")]
    Unfit {
        /// What `settings` says.
        problem: String,
    },
}

impl Explain for MigrationError {
    fn code(&self) -> &'static str {
        match self {
            Self::TooMany { .. } => "migration_too_many",
            Self::TooLarge { .. } => "migration_too_large",
            Self::TooDeep { .. } => "migration_too_deep",
            Self::Unreadable { .. } => "migration_unreadable",
            Self::Unknown { .. } => "migration_unknown_format",
            Self::Mixed { .. } => "migration_mixed",
            Self::Nothing { .. } => "migration_nothing",
            Self::Unfit { .. } => "migration_unfit",
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::TooMany { .. } | Self::TooLarge { .. } | Self::TooDeep { .. } => Kind::TooLarge,
            Self::Unreadable { .. } | Self::Unknown { .. } => Kind::BadInput,
            Self::Mixed { .. } | Self::Nothing { .. } => Kind::Semantics,
            Self::Unfit { .. } => Kind::Internal,
        }
    }

    fn origin(&self) -> Origin {
        if matches!(self, Self::Unfit { .. }) { Origin::Us } else { Origin::Caller }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::TooMany { .. } => return Some(format!("name at most {SOURCES_MAX}")),
            Self::TooLarge { .. } | Self::TooDeep { .. } => "settings are small: is this the right file?",
            Self::Unreadable { .. } => "write YAML, JSON or lines of `NAME=value`",
            Self::Unknown { .. } => return Some(Format::looked_for()),
            Self::Mixed { .. } => "import one project at a time",
            Self::Nothing { .. } => "name the format with `--from` if it was taken for another's",
            Self::Unfit { .. } => "this is a defect: please report it with the part of the file that it is about",
        };
        Some(hint.to_owned())
    }
}
