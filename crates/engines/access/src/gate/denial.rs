//! Why somebody is not let in. No wording repeats anything of a credential.

use crate::tokens::TokenFault;
use fault::{Explain, Kind, Origin, Retry};
use measure::Admission;
use std::time::Duration;

/// Why somebody is not let in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// No credential came.
    #[error("this needs a key, and none was sent")]
    Missing,
    /// The credential has no form that is known here.
    #[error("the credential cannot be read: {problem}")]
    Malformed {
        /// What is wrong with it, without repeating it.
        problem: &'static str,
    },
    /// Nobody made this key here.
    #[error("the key is not known here")]
    Unknown,
    /// The key's time is over.
    #[error("the key has expired")]
    Expired,
    /// The key was taken back.
    #[error("the key was revoked")]
    Revoked,
    /// The signed token is not good enough.
    #[error(transparent)]
    Token(#[from] TokenFault),
    /// More requests than the key may make.
    #[error("more requests than this key may make")]
    Limited {
        /// When there is room for one more.
        wait: Duration,
    },
    /// Too many wrong credentials from this address.
    #[error("too many wrong keys from this address")]
    TooManyWrong {
        /// When another one is looked at.
        wait: Duration,
    },
    /// The store or the identity provider cannot be asked.
    #[error("keys cannot be checked now: {reason}")]
    Unavailable {
        /// What stands in the way; the log knows more than callers are told.
        reason: &'static str,
    },
}

impl Denial {
    /// Whether the caller guessed or was sloppy, which an address may do only so often.
    pub(super) fn is_wrong(&self) -> bool {
        match self {
            Self::Malformed { .. } | Self::Unknown | Self::Expired | Self::Revoked => true,
            Self::Token(fault) => !fault.is_signed(),
            Self::Missing | Self::Limited { .. } | Self::TooManyWrong { .. } | Self::Unavailable { .. } => false,
        }
    }

    /// How it is counted; what is limited or cannot be checked is counted elsewhere.
    pub(super) fn admission(&self) -> Option<Admission> {
        Some(match self {
            Self::Missing => Admission::Missing,
            Self::Malformed { .. } => Admission::Malformed,
            Self::Unknown => Admission::Unknown,
            Self::Expired => Admission::Expired,
            Self::Revoked => Admission::Revoked,
            Self::Token(fault) => fault.admission(),
            Self::Limited { .. } | Self::TooManyWrong { .. } | Self::Unavailable { .. } => return None,
        })
    }
}

impl Explain for Denial {
    fn code(&self) -> &'static str {
        match self {
            Self::Missing => "missing_key",
            Self::Malformed { .. } => "malformed_key",
            Self::Unknown => "unknown_key",
            Self::Expired => "expired_key",
            Self::Revoked => "revoked_key",
            Self::Token(fault) => fault.code(),
            Self::Limited { .. } => "rate_limited",
            Self::TooManyWrong { .. } => "too_many_wrong_keys",
            Self::Unavailable { .. } => "access_unavailable",
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Missing | Self::Malformed { .. } | Self::Unknown | Self::Expired | Self::Revoked => {
                Kind::Unauthenticated
            }
            Self::Token(fault) if fault.is_signed() => Kind::Forbidden,
            Self::Token(_) => Kind::Unauthenticated,
            Self::Limited { .. } | Self::TooManyWrong { .. } => Kind::RateLimited,
            Self::Unavailable { .. } => Kind::Unavailable,
        }
    }

    fn origin(&self) -> Origin {
        match self {
            Self::Unavailable { .. } => Origin::Us,
            _ => Origin::Caller,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Limited { wait } | Self::TooManyWrong { wait } => Retry::After(*wait),
            Self::Unavailable { .. } => Retry::After(Duration::from_secs(1)),
            _ => Retry::Never,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Missing | Self::Malformed { .. } => "send `authorization: Bearer KEY` or `x-api-key: KEY`",
            Self::Unknown => "see that the whole key was copied, and that it was made on this server",
            Self::Expired | Self::Revoked => "ask an admin for a new key",
            Self::Token(fault) => fault.hint(),
            Self::Limited { .. } => "ask again after the time in `retry-after`, or have the key's rate raised",
            Self::TooManyWrong { .. } => "see that the key is right, and ask again after the time in `retry-after`",
            Self::Unavailable { .. } => "ask again in a moment",
        };
        Some(hint.to_owned())
    }
}
