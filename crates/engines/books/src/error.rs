//! What cannot be done with budgets and the ledger, beside spending.

use fault::{Explain, Kind, Origin, Retry};
use store::{CursorError, StoreError};

/// Why something about budgets, the ledger or prompts cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum BooksError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The cursor is none of ours.
    #[error(transparent)]
    Cursor(#[from] CursorError),
    /// There is no such thing, or it is somebody else's.
    #[error("there is no {what} `{id}`")]
    NotFound {
        /// What kind of thing.
        what: &'static str,
        /// As it was asked for.
        id: String,
    },
    /// Somebody else has changed it meanwhile.
    #[error("the {what} `{id}` has changed meanwhile: it has version {version} now")]
    Stale {
        /// What kind of thing.
        what: &'static str,
        /// Which.
        id: String,
        /// Its version now; 0 if it is not there.
        version: i64,
    },
    /// What waits to be written cannot be written now.
    #[error("what waits to be written into the ledger cannot be written now")]
    Unwritten,
    /// A value cannot be used.
    #[error("`{param}` is {problem}")]
    Invalid {
        /// Which.
        param: &'static str,
        /// What is wrong with it.
        problem: String,
        /// What to write instead.
        hint: &'static str,
    },
    /// The caller may not do what it wants.
    #[error("{what} is beyond your role")]
    Beyond {
        /// What was tried.
        what: String,
    },
}

impl Explain for BooksError {
    fn code(&self) -> &'static str {
        match self {
            Self::Store(error) => error.code(),
            Self::Cursor(error) => error.code(),
            Self::NotFound { .. } => "not_found",
            Self::Stale { .. } => "version_conflict",
            Self::Unwritten => "ledger_unwritten",
            Self::Invalid { .. } => "invalid_parameter",
            Self::Beyond { .. } => "beyond_your_role",
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Store(error) => error.kind(),
            Self::Cursor(error) => error.kind(),
            Self::NotFound { .. } => Kind::NotFound,
            Self::Stale { .. } => Kind::Conflict,
            Self::Unwritten => Kind::Unavailable,
            Self::Invalid { .. } => Kind::BadInput,
            Self::Beyond { .. } => Kind::Forbidden,
        }
    }

    fn origin(&self) -> Origin {
        match self {
            Self::Store(_) | Self::Unwritten => Origin::Us,
            _ => Origin::Caller,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Store(error) => error.retry(),
            Self::Unwritten => Retry::After(std::time::Duration::from_secs(1)),
            _ => Retry::Never,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Store(error) => return error.hint(),
            Self::Cursor(error) => return error.hint(),
            Self::Invalid { hint, .. } => hint,
            Self::Stale { .. } => "read it again, and send the version it has now",
            Self::Unwritten => "ask again once the database answers",
            Self::Beyond { .. } => "ask an operator or admin of the tenant `default`",
            Self::NotFound { .. } => return None,
        };
        Some((*hint).to_owned())
    }

    fn param(&self) -> Option<String> {
        match self {
            Self::Invalid { param, .. } => Some((*param).to_owned()),
            Self::Cursor(error) => error.param(),
            _ => None,
        }
    }
}
