//! The vocabulary of errors that every room shares.
//!
//! A room keeps its own small error enum and lets it answer four questions through [`Explain`]: what kind of
//! trouble is it, who caused it, is asking again of use, and what can the reader do next. This room knows nothing
//! about HTTP, exit codes or any protocol: only doors turn a [`Kind`] into a status.

mod nearest;
mod wait;

pub use nearest::nearest;
pub use wait::shown_ms;

use std::time::Duration;

/// What went wrong, in terms that every door can map to its own protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The request cannot be read or breaks a rule of its format.
    BadInput,
    /// No credential, or one we do not know.
    Unauthenticated,
    /// A known caller without the right to do this.
    Forbidden,
    /// The caller's money is spent.
    Budget,
    /// The thing named does not exist.
    NotFound,
    /// The thing exists in another state or version.
    Conflict,
    /// More bytes, items or depth than a named limit allows.
    TooLarge,
    /// Well formed, but cannot be done as asked.
    Semantics,
    /// Too many requests from this caller.
    RateLimited,
    /// We are too busy to take this on.
    Overloaded,
    /// Nobody who could have answered did.
    Unavailable,
    /// Time ran out.
    Deadline,
    /// A defect of ours.
    Internal,
}

/// Who caused the trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// Whoever called us.
    Caller,
    /// This server.
    Us,
    /// A server that we called.
    Upstream,
}

/// Whether asking again is of use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Retry {
    /// The same request will fail again.
    Never,
    /// The same request may succeed at once.
    Now,
    /// Not before this much time has passed.
    After(Duration),
}

/// What every error of a room can say about itself.
///
/// `Display` is the message: a lowercase fragment with the offending value in backticks. [`Explain::hint`] is the
/// next step for the reader, where there is one.
pub trait Explain: std::error::Error {
    /// A stable name in `snake_case` that scripts may match on.
    fn code(&self) -> &'static str;
    /// What kind of trouble this is.
    fn kind(&self) -> Kind;
    /// Who caused it.
    fn origin(&self) -> Origin;
    /// Whether asking again is of use.
    fn retry(&self) -> Retry {
        Retry::Never
    }
    /// What the reader can do next.
    fn hint(&self) -> Option<String> {
        None
    }
    /// The parameter at fault, named as the caller wrote it (`messages[0].role`).
    fn param(&self) -> Option<String> {
        None
    }
}
