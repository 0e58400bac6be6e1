//! The shapes of foreign protocols and their event streams.
//!
//! Everything here works on bytes in memory: this room knows nothing about sockets, providers or time. Bodies are
//! typed only where we touch them; what we do not know stays in the original bytes and survives the trip.

mod dialect;
mod error;
mod fields;
mod nesting;
pub mod openai;
mod outgoing;
pub mod sse;

pub use dialect::{About, Dialect, Original, Translate, call_id};
pub use error::WireError;
pub use fields::Fields;
pub use nesting::{NESTING_MAX, check_nesting};
pub use outgoing::Outgoing;
