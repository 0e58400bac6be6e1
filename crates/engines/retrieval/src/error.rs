//! What cannot be kept or found.

use fault::{Explain, Kind, Origin, Retry};
use search::SearchError;
use store::StoreError;

/// Why something cannot be kept or found.
#[derive(Debug, thiserror::Error)]
pub enum RetrievalError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The index refused.
    #[error(transparent)]
    Index(#[from] SearchError),
    /// A document has too much of something.
    #[error("`{id}` has {found} {what}, more than the {limit} that are allowed")]
    TooLarge {
        /// Which document.
        id: String,
        /// Too much of what.
        what: &'static str,
        /// How much it has.
        found: usize,
        /// How much it may have.
        limit: usize,
    },
    /// A document that cannot be kept.
    #[error("`{id}` cannot be kept: {reason}")]
    Unfit {
        /// Which document.
        id: String,
        /// Why not.
        reason: &'static str,
    },
    /// Vectors of questions cannot be kept.
    #[error("the cache of vectors cannot be opened: {0}")]
    Cache(std::io::Error),
    /// The process ends, or something broke on the way.
    #[error("it was stopped before its end")]
    Stopped,
    /// There is no room for more documents.
    #[error("there is room for {limit} documents, and no more")]
    Full {
        /// How many there may be.
        limit: usize,
    },
}

impl Explain for RetrievalError {
    fn code(&self) -> &'static str {
        match self {
            Self::Store(error) => error.code(),
            Self::Index(error) => error.code(),
            Self::TooLarge { .. } => "document_too_large",
            Self::Unfit { .. } => "document_unfit",
            Self::Cache(_) => "vectors_cache",
            Self::Full { .. } => "documents_full",
            Self::Stopped => "retrieval_stopped",
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Store(error) => error.kind(),
            Self::Index(error) => error.kind(),
            Self::TooLarge { .. } | Self::Full { .. } => Kind::TooLarge,
            Self::Unfit { .. } => Kind::BadInput,
            Self::Cache(_) | Self::Stopped => Kind::Unavailable,
        }
    }

    fn origin(&self) -> Origin {
        match self {
            Self::Store(error) => error.origin(),
            Self::Index(error) => error.origin(),
            Self::Cache(_) | Self::Stopped => Origin::Us,
            _ => Origin::Caller,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Store(error) => error.retry(),
            Self::Index(error) => error.retry(),
            _ => Retry::Never,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Store(error) => error.hint(),
            Self::Index(error) => error.hint(),
            Self::TooLarge { .. } => Some("shorten it, or make two documents of it".to_owned()),
            Self::Unfit { .. } => Some("correct it and put it again".to_owned()),
            Self::Cache(_) => Some("see who may write into the data folder".to_owned()),
            Self::Stopped => Some("do it again; what was done already is not done twice".to_owned()),
            Self::Full { .. } => Some("remove what is not needed any more".to_owned()),
        }
    }
}
