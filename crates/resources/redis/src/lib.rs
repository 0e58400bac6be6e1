//! Redis, for what several servers share: one client ([`Link`]) behind a breaker, rates that hold over all of them
//! ([`Rates`]), and names that asked to be left alone ([`Parked`]).
//!
//! Whoever uses it must do as well without: a server that cannot be reached delays nothing at the start, and once it
//! has failed a few times every call is answered [`Away`] at once, until a look that is taken every second finds it
//! well. This room knows no request, no key of a caller and no model, and puts no secret into an error.

mod address;
mod commands;
mod connection;
mod error;
mod link;
mod parked;
mod rates;
mod script;
mod slot;

pub use address::AddressError;
pub use error::Away;
pub use link::{Config, Link};
pub use parked::Parked;
pub use rates::{Rates, SharedRate, Take};
/// What an answer of Redis can be read into.
pub use redis::FromRedisValue;
pub use script::Script;

/// A lock whose holder cannot leave half a change behind, so that one who panicked does no harm.
fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
