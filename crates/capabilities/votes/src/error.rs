//! What cannot be done with the log of votes.

use fault::{Explain, Kind, Origin, Retry};
use std::time::Duration;
use store::StoreError;

/// Why something about votes cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum VotesError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no such question, or it is somebody else's.
    #[error("there is no question `{request_id}` to the panel `{panel}`")]
    NotFound {
        /// The panel, as it was asked for.
        panel: String,
        /// The request, as it was asked for.
        request_id: String,
    },
    /// The truth has been told meanwhile.
    #[error("the truth about `{request_id}` has changed meanwhile: it has version {version} now")]
    Stale {
        /// Which request.
        request_id: String,
        /// Its version now; 0 while nothing is known.
        version: i64,
    },
    /// A model that gave no answer to this question.
    #[error("`{model}` gave no answer to `{request_id}`")]
    NoAnswer {
        /// The model, as it was named.
        model: String,
        /// Which request.
        request_id: String,
        /// Who did answer.
        answered: Vec<String>,
    },
    /// What waits to be written cannot be written now.
    #[error("what waits to be written into the log of votes cannot be written now")]
    Unwritten,
}

impl Explain for VotesError {
    fn code(&self) -> &'static str {
        match self {
            Self::Store(error) => error.code(),
            Self::NotFound { .. } => "not_found",
            Self::Stale { .. } => "version_conflict",
            Self::NoAnswer { .. } => "no_such_answer",
            Self::Unwritten => "votes_unwritten",
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Store(error) => error.kind(),
            Self::NotFound { .. } => Kind::NotFound,
            Self::Stale { .. } => Kind::Conflict,
            Self::NoAnswer { .. } => Kind::Semantics,
            Self::Unwritten => Kind::Unavailable,
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
            Self::Unwritten => Retry::After(Duration::from_secs(1)),
            _ => Retry::Never,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Store(error) => return error.hint(),
            Self::NotFound { .. } => {
                "send the `request_id` of a reply that this panel gave to your tenant; another server's questions are \
                 known a moment later"
                    .to_owned()
            }
            Self::Stale { .. } => "read it again, and send the version it has now".to_owned(),
            Self::NoAnswer { answered, .. } => format!("name some of `{}`, or none of them", answered.join("`, `")),
            Self::Unwritten => "ask again once the database answers".to_owned(),
        })
    }

    fn param(&self) -> Option<String> {
        matches!(self, Self::NoAnswer { .. }).then(|| "right".to_owned())
    }
}
