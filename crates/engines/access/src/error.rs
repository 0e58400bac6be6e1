//! What this room refuses, beside letting somebody in.

use fault::{Explain, Kind, Origin, Retry};
use store::StoreError;

/// Why something about keys, budgets, the ledger or the audit log cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no such thing, or it is somebody else's.
    #[error("there is no {what} `{id}`")]
    NotFound {
        /// What kind of thing.
        what: &'static str,
        /// As it was asked for.
        id: String,
    },
    /// Settings have no flag of this name.
    #[error("there is no flag `{name}`")]
    NoFlag {
        /// As it was asked for.
        name: String,
        /// The flag with the nearest name.
        near: Option<String>,
    },
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
    /// The caller may not give what it does not have.
    #[error("{what} is beyond your role")]
    Beyond {
        /// What was tried.
        what: String,
    },
    /// The cursor is none of ours.
    #[error("`cursor` leads nowhere")]
    Cursor,
    /// The keys in the store were made under another secret.
    #[error("the keys in the store were made under another secret than `access.secret`")]
    OtherSecret,
    /// Settings cannot be used.
    #[error("{0}")]
    Settings(String),
    /// There is no chance to make a secret by.
    #[error("the system gives no random numbers")]
    Chance,
}

impl Explain for AccessError {
    fn code(&self) -> &'static str {
        match self {
            Self::Store(error) => error.code(),
            Self::NotFound { .. } | Self::NoFlag { .. } => "not_found",
            Self::Invalid { .. } => "invalid_parameter",
            Self::Beyond { .. } => "beyond_your_role",
            Self::Cursor => "invalid_cursor",
            Self::OtherSecret => "other_secret",
            Self::Settings(_) => "access_settings",
            Self::Chance => "no_random_numbers",
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Store(error) => error.kind(),
            Self::NotFound { .. } | Self::NoFlag { .. } => Kind::NotFound,
            Self::Invalid { .. } | Self::Cursor | Self::OtherSecret | Self::Settings(_) => Kind::BadInput,
            Self::Beyond { .. } => Kind::Forbidden,
            Self::Chance => Kind::Unavailable,
        }
    }

    fn origin(&self) -> Origin {
        match self {
            Self::Store(_) | Self::Chance => Origin::Us,
            _ => Origin::Caller,
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
            Self::NoFlag { near: Some(near), .. } => return Some(format!("did you mean `{near}`?")),
            Self::NoFlag { near: None, .. } => "`GET /api/v1/flags` lists all of them",
            Self::Invalid { hint, .. } => hint,
            Self::Cursor => "use the `cursor` of the page before, or none for the first page",
            Self::OtherSecret => {
                "set the secret they were made under; where it is lost, the keys are too: begin with a new database"
            }
            Self::Beyond { .. } => "ask somebody with a higher role",
            Self::NotFound { .. } | Self::Settings(_) | Self::Chance => return None,
        };
        Some((*hint).to_owned())
    }

    fn param(&self) -> Option<String> {
        match self {
            Self::Invalid { param, .. } => Some((*param).to_owned()),
            Self::Cursor => Some("cursor".to_owned()),
            _ => None,
        }
    }
}
