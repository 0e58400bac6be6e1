//! Test-only: upstreams that do exactly what a test scripted, on real sockets.
//!
//! Knows enough HTTP/1.1 to be spoken to by any client and to break off wherever a test wants it to. Refuses to know
//! anything above the foundation, and is never a normal dependency: only tests may lean on it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // Test-only code: a broken fixture must stop the test at once.

mod chat;
mod reply;
mod request;
mod upstream;

pub use reply::{Reply, in_turn};
pub use request::Seen;
pub use upstream::Upstream;
