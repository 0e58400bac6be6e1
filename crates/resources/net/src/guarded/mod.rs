//! Outbound HTTP to addresses that nobody vouches for: from requests, documents, imports, redirects.
//!
//! A name is looked up once for each request, every address that it leads to is judged, and the connection goes to one
//! that was judged: what the name leads to a moment later changes nothing. Each redirect is a new request in all of
//! this. It knows no proxy, no cookies and no kept connections; it decompresses nothing.

mod client;
mod dial;
mod error;
mod hop;
mod judge;
mod resolve;

#[cfg(test)]
mod tests;

pub use client::{Guarded, GuardedConfig, GuardedLimits};
pub use error::GuardedError;
pub use resolve::{Resolve, Resolved};
