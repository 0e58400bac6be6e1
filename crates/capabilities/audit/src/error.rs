//! What can go wrong with the log.

use fault::{Explain, Kind, Origin, Retry};
use std::path::PathBuf;
use store::{CursorError, StoreError};

/// Why the log cannot be read, written or checked.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The cursor is none of ours.
    #[error(transparent)]
    Cursor(#[from] CursorError),
    /// A file with the key or with checkpoints cannot be read or written.
    #[error("`{}`: {reason}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

impl Explain for AuditError {
    fn code(&self) -> &'static str {
        match self {
            Self::Store(error) => error.code(),
            Self::Cursor(error) => error.code(),
            Self::File { .. } => "audit_file",
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Store(error) => error.kind(),
            Self::Cursor(error) => error.kind(),
            Self::File { .. } => Kind::Unavailable,
        }
    }

    fn origin(&self) -> Origin {
        match self {
            Self::Cursor(error) => error.origin(),
            Self::Store(_) | Self::File { .. } => Origin::Us,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Store(error) => error.retry(),
            Self::Cursor(_) | Self::File { .. } => Retry::Never,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Store(error) => error.hint(),
            Self::Cursor(error) => error.hint(),
            Self::File { .. } => None,
        }
    }

    fn param(&self) -> Option<String> {
        match self {
            Self::Cursor(error) => error.param(),
            Self::Store(_) | Self::File { .. } => None,
        }
    }
}
