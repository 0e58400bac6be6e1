//! Why a run cannot begin.

use fault::{Explain, Kind, Origin, Retry};

/// Why a run cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum TrafficError {
    /// The target's address cannot be used.
    #[error("`{url}` is no address of a server: {reason}")]
    Address {
        /// What was given.
        url: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Nobody answers there.
    #[error("cannot reach `{url}`: {reason}")]
    Unreachable {
        /// The target's root.
        url: String,
        /// What the connection says.
        reason: String,
    },
    /// The operating system refuses a thread, a timer or a runtime.
    #[error("the generator cannot start: {0}")]
    System(#[from] std::io::Error),
    /// A defect: a thread of the generator ended in a panic.
    #[error("a thread of the generator ended early")]
    Broken,
}

impl Explain for TrafficError {
    fn code(&self) -> &'static str {
        match self {
            Self::Address { .. } => "target_address",
            Self::Unreachable { .. } => "target_unreachable",
            Self::System(_) => "generator_start",
            Self::Broken => "internal",
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Address { .. } => Kind::BadInput,
            Self::Unreachable { .. } => Kind::Unavailable,
            Self::System(_) | Self::Broken => Kind::Internal,
        }
    }

    fn origin(&self) -> Origin {
        match self {
            Self::Address { .. } => Origin::Caller,
            Self::Unreachable { .. } => Origin::Upstream,
            Self::System(_) | Self::Broken => Origin::Us,
        }
    }

    fn retry(&self) -> Retry {
        if matches!(self, Self::Unreachable { .. }) { Retry::Now } else { Retry::Never }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Address { .. } => "write the server's root, such as `http://127.0.0.1:8700`".to_owned(),
            Self::Unreachable { .. } => "start the target, or name another with `--target`".to_owned(),
            Self::System(_) => "raise the limits of the shell (`ulimit -n`, `ulimit -u`)".to_owned(),
            Self::Broken => return None,
        })
    }
}
