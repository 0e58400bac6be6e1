//! Why a guarded request did not get its answer.

use crate::NetError;
use fault::{Explain, Kind, Origin, Retry};

/// Why a guarded request did not get its answer. Holds hosts and reasons, never addresses that a name led to, paths,
/// credentials or what an upstream said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GuardedError {
    /// Not an address that is ever sent to.
    #[error("this address is not sent to: {problem}")]
    Address {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The host, or one of the addresses that its name leads to, is not public.
    #[error("`{host}` is not reached from here: it is {what}")]
    Refused {
        /// The host as it was named.
        host: String,
        /// What kind of address it is, such as `a loopback address`.
        what: &'static str,
    },
    /// Sent on and on.
    #[error("the answer was still a redirect after {most} of them")]
    Redirects {
        /// The limit.
        most: usize,
    },
    /// All of it took too long.
    #[error("no whole answer from `{host}` within {limit_ms} ms")]
    Timeout {
        /// Whom we called first.
        host: String,
        /// The limit in milliseconds.
        limit_ms: u64,
    },
    /// The connection or the answer failed.
    #[error(transparent)]
    Net(#[from] NetError),
}

impl Explain for GuardedError {
    fn code(&self) -> &'static str {
        match self {
            Self::Address { .. } => "address_invalid",
            Self::Refused { .. } => "address_refused",
            Self::Redirects { .. } => "upstream_redirects",
            Self::Timeout { .. } => "upstream_timeout",
            Self::Net(error) => error.code(),
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Address { .. } => Kind::BadInput,
            Self::Refused { .. } => Kind::Forbidden,
            Self::Timeout { .. } => Kind::Deadline,
            Self::Redirects { .. } => Kind::Unavailable,
            Self::Net(error) => error.kind(),
        }
    }

    fn origin(&self) -> Origin {
        match self {
            Self::Address { .. } | Self::Refused { .. } => Origin::Caller,
            Self::Redirects { .. } | Self::Timeout { .. } => Origin::Upstream,
            Self::Net(error) => error.origin(),
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Address { .. } | Self::Refused { .. } | Self::Redirects { .. } => Retry::Never,
            Self::Timeout { .. } => Retry::Now,
            Self::Net(error) => error.retry(),
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Address { .. } => "use a plain `https://host/path`, without a user or password in it".to_owned(),
            Self::Refused { .. } => {
                "only public addresses are reached; the operator may add the network to `allowed_networks`".to_owned()
            }
            Self::Redirects { .. } => "use the address that it redirects to".to_owned(),
            Self::Timeout { .. } => "try again, or raise the limit".to_owned(),
            Self::Net(NetError::TooLarge { .. }) => "ask for less, or raise the limit".to_owned(),
            Self::Net(NetError::Tls { .. }) => "check the server's certificate".to_owned(),
            Self::Net(_) => "check the address, and that the server there is up".to_owned(),
        })
    }
}
