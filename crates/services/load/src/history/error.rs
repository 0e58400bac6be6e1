//! Why a run cannot be kept or found. Knows no status and no exit code.

use super::DOCUMENT_BYTES_MAX;
use fault::{Explain, Kind, Origin, Retry};
use store::{CursorError, StoreError};

/// Why a run or a sweep cannot be kept, listed or read.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The cursor is none of ours.
    #[error(transparent)]
    Cursor(#[from] CursorError),
    /// It does not say when it began.
    #[error("`{id}` began at `{started}`, which is no moment")]
    Started {
        /// The run.
        id: String,
        /// What it says.
        started: String,
    },
    /// It is too large, also without its seconds and its curves.
    #[error("`{id}` has {bytes} bytes, and {DOCUMENT_BYTES_MAX} are kept at most")]
    TooLarge {
        /// The run.
        id: String,
        /// Its size in bytes.
        bytes: usize,
    },
    /// Its document cannot be written or read.
    #[error("the document of `{id}` has another shape than expected: {reason}")]
    Unreadable {
        /// The run.
        id: String,
        /// What differs.
        reason: String,
    },
}

impl Explain for HistoryError {
    fn code(&self) -> &'static str {
        match self {
            Self::Store(error) => error.code(),
            Self::Cursor(error) => error.code(),
            Self::Started { .. } => "invalid_moment",
            Self::TooLarge { .. } => "run_too_large",
            Self::Unreadable { .. } => "run_unreadable",
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Store(error) => error.kind(),
            Self::Cursor(error) => error.kind(),
            Self::Started { .. } => Kind::BadInput,
            Self::TooLarge { .. } => Kind::TooLarge,
            Self::Unreadable { .. } => Kind::Internal,
        }
    }

    fn origin(&self) -> Origin {
        match self {
            Self::Store(error) => error.origin(),
            Self::Unreadable { .. } => Origin::Us,
            Self::Cursor(_) | Self::Started { .. } | Self::TooLarge { .. } => Origin::Caller,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Store(error) => error.retry(),
            _ => Retry::Never,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Store(error) => return error.hint(),
            Self::Cursor(error) => return error.hint(),
            Self::Started { .. } => "write a moment such as `2026-11-21T09:30:00Z`",
            Self::TooLarge { .. } => "run fewer scenarios at once, or less often",
            Self::Unreadable { .. } => "another version of this program wrote it: measure again, or use that version",
        };
        Some(hint.to_owned())
    }

    fn param(&self) -> Option<String> {
        match self {
            Self::Cursor(error) => error.param(),
            _ => None,
        }
    }
}
