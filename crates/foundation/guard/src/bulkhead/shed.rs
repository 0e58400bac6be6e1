//! Why somebody was turned away, by the limit that was reached.

use super::Class;
use crate::shown::seconds;
use std::time::Duration;

/// Why somebody was turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Shed {
    /// The waiting line is full.
    #[error("waiting line is full at `{queue_max}`; try again later")]
    QueueFull {
        /// The limit that was reached.
        queue_max: u32,
    },
    /// The waiting line is too full for its class.
    #[error(
        "waiting line takes requests of the class `{}` up to `{most}` of `{queue_max}`; try again later",
        .class.name()
    )]
    Class {
        /// Its class.
        class: Class,
        /// The limit that was reached.
        most: u32,
        /// The limit for everybody.
        queue_max: u32,
    },
    /// Its place in line went to somebody of a higher class, or to a tenant who had fewer.
    #[error("its place in the waiting line was needed for a request that comes first; try again later")]
    Displaced,
    /// The wait would outlast the time the request has left.
    #[error(
        "expected wait of `{}` is longer than the `{}` left; allow more time or try again later",
        seconds(.expected),
        seconds(.remaining)
    )]
    TooLate {
        /// Estimated time in line.
        expected: Duration,
        /// Time the request had left.
        remaining: Duration,
    },
}
