//! Who asks, and the trait that every tool implements.
//!
//! Rooms hand a [`Caller`] down instead of loose ids, and offer their abilities as [`Tool`]s, so that doors and
//! teams see tools and never the services behind them. This room knows nothing about keys, protocols or models.

mod tool;

pub use tool::{Tool, ToolFault, ToolFuture, ToolSpec};

use std::sync::Arc;
use tokio::time::Instant;

/// A new id for a request: `req_` and 32 hexadecimal digits, by chance.
pub fn new_request_id() -> Arc<str> {
    format!("req_{:032x}", fastrand::u128(..)).into()
}

/// Who asks, and until when the answer is of use.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The id of this request, as it stands in replies, logs and errors.
    pub request_id: Arc<str>,
    /// The absolute instant after which nobody waits for the answer, over all attempts.
    pub deadline: Instant,
}
