//! Why a server did not do what it was asked.

use fault::{Explain, Kind, Origin, Retry};
use std::time::Duration;

/// Why there is no answer, or one that says no.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RemoteError {
    /// The address is not one.
    #[error("`{root}` is no address of a server")]
    Address {
        /// What was named.
        root: String,
    },
    /// The key cannot be sent.
    #[error("what was given as a key is none")]
    Key,
    /// Nobody answers there, or not in time.
    #[error("no server answers at `{root}`: {why}")]
    Away {
        /// The server's root.
        root: String,
        /// What the connection says.
        why: String,
    },
    /// The server said no.
    #[error("{message}")]
    Refused {
        /// Its status.
        status: u16,
        /// What it says.
        message: String,
        /// What it says to do next.
        hint: Option<String>,
    },
}

impl Explain for RemoteError {
    fn code(&self) -> &'static str {
        match self {
            Self::Address { .. } | Self::Key => "usage",
            Self::Away { .. } => "unreachable",
            Self::Refused { .. } => "failed",
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Address { .. } | Self::Key => Kind::BadInput,
            Self::Away { .. } => Kind::Unavailable,
            Self::Refused { status, .. } => match status {
                401 => Kind::Unauthenticated,
                403 => Kind::Forbidden,
                404 => Kind::NotFound,
                409 => Kind::Conflict,
                429 | 503 => Kind::Overloaded,
                500.. => Kind::Internal,
                _ => Kind::BadInput,
            },
        }
    }

    fn origin(&self) -> Origin {
        match self {
            Self::Away { .. } => Origin::Upstream,
            Self::Refused { status: 500.., .. } => Origin::Upstream,
            _ => Origin::Caller,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Away { .. } => Retry::After(Duration::from_secs(1)),
            _ => Retry::Never,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Address { .. } => Some("write `http://HOST:PORT`".to_owned()),
            Self::Key => Some("put a key as `althing keys create` showed it".to_owned()),
            Self::Away { .. } => Some("start one with `althing up`, or name it with `--target`".to_owned()),
            Self::Refused { hint, .. } => hint.clone(),
        }
    }
}
