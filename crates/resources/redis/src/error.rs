//! Why Redis did not help. Callers need to know only that it did not; the log is told the reason, once.

use redis::{ErrorKind, RedisError};

/// Redis cannot be asked now, or gave no answer that could be used. Whoever asked goes on without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Redis is away: going on without it")]
pub struct Away;

/// Why one command came to nothing.
#[derive(Debug, Clone)]
pub(crate) enum Trouble {
    /// Nothing was sent.
    Away,
    /// There was no answer in time.
    Late,
    /// Redis or the connection to it said no.
    Failed {
        /// What, in words that hold nothing of what was sent.
        reason: String,
        /// Whether the connection cannot be used any more.
        broken: bool,
        /// Whether only a script is not known there.
        unknown_script: bool,
    },
}

impl Trouble {
    /// The reason for the log.
    pub(crate) fn reason(&self) -> &str {
        match self {
            Self::Away => "away",
            Self::Late => "no answer in time",
            Self::Failed { reason, .. } => reason,
        }
    }
}

impl From<RedisError> for Trouble {
    fn from(error: RedisError) -> Self {
        // What a server says behind its code may repeat what it was sent, a password too.
        let reason = match (error.kind(), error.code()) {
            (ErrorKind::Io, _) => error.to_string(),
            (_, Some(code)) => code.to_owned(),
            _ => error.category().to_owned(),
        };
        let unknown_script = error.code() == Some("NOSCRIPT");
        Self::Failed { reason, broken: error.is_unrecoverable_error(), unknown_script }
    }
}
