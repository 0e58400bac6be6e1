//! Outbound HTTP/1.1: kept connections, TLS, timeouts.
//!
//! Every dialled socket has `TCP_NODELAY` set, so that a small request or the first event of a stream never waits
//! for a delayed acknowledgement. This room knows nothing about models, formats or retries: it sends one request
//! and says what went wrong in terms of the connection. Addresses come from the operator's settings and are
//! trusted; one from a request, a document or a redirect goes to [`Guarded`] and to nothing else here. Where a client is observed, each connection shows in
//! figures: how long its name, its TCP and its TLS took, the bytes on its socket, and whether the pool had one to spare.

mod body;
mod client;
mod connector;
mod error;
mod guarded;
mod line;
mod link;
mod names;
mod places;
mod shelf;
mod socket;
mod tls;

pub use body::Incoming;
pub use client::{BEYOND_IDLE, Client, ClientConfig, collect};
pub use error::NetError;
pub use guarded::{Guarded, GuardedConfig, GuardedError, GuardedLimits, Resolve, Resolved};
pub use line::{Dialler, Line};
