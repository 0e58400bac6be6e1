//! Who asks, with whose money, and the trait that every tool implements.
//!
//! Rooms hand a [`Caller`] down instead of loose ids, and offer their abilities as [`Tool`]s, so that doors and
//! teams see tools and never the services behind them. What a caller may spend is behind [`Spend`]. This room knows
//! nothing about keys, stores, protocols or providers.

mod identity;
mod resource;
mod spend;
mod tool;
mod wishes;

pub use identity::{HOUSE, Identity, Role, RoleError, is_tenant};
pub use resource::{Content, LinksFuture, RESOURCE_LINK, ReadFuture, ResourceLink, ResourceTemplate, Resources};
pub use spend::{Called, NANO_PER_USD, NanoUsd, Need, Spend, SpendFault, Tab, TabFuture, Tokens, Unmetered, shown_usd};
pub use tool::{Tool, ToolFault, ToolFuture, ToolSpec};
pub use wishes::{Class, Kept, ProgressSink, Step, Wishes};

use std::fmt;
use std::sync::Arc;
use tokio::time::Instant;

/// A new id for a request: `req_` and 32 hexadecimal digits, by chance.
pub fn new_request_id() -> Arc<str> {
    format!("req_{:032x}", fastrand::u128(..)).into()
}

/// Who has been let in, and with whose money.
#[derive(Clone)]
pub struct Guest {
    /// Who it is.
    pub identity: Arc<Identity>,
    /// What it may spend.
    pub spend: Arc<dyn Spend>,
}

impl Guest {
    /// Whoever sits at this machine; nothing is written down.
    pub fn local() -> Self {
        Self { identity: Arc::new(Identity::local()), spend: Arc::new(Unmetered) }
    }
}

impl fmt::Debug for Guest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Guest({:?})", self.identity)
    }
}

/// Who asks, and until when the answer is of use.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The id of this request, as it stands in replies, logs and errors.
    pub request_id: Arc<str>,
    /// The absolute instant after which nobody waits for the answer, over all attempts.
    pub deadline: Instant,
    /// Who asks.
    pub guest: Guest,
    /// What it asks for besides its answer.
    pub wishes: Wishes,
}
