//! An open tab: what one request holds, and what it has spent so far.

use super::accounts::{Account, Windows};
use super::desk::Desk;
use super::money;
use caller::{Called, NanoUsd};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// What a request holds of each of its windows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Amounts {
    /// The same of each.
    Same(NanoUsd),
    /// Of each its own.
    Each(Box<[NanoUsd]>),
}

impl Amounts {
    pub(super) fn of(&self, at: usize) -> NanoUsd {
        match self {
            Self::Same(amount) => *amount,
            Self::Each(amounts) => amounts.get(at).copied().unwrap_or_default(),
        }
    }

    fn least(&self) -> NanoUsd {
        match self {
            Self::Same(amount) => *amount,
            Self::Each(amounts) => amounts.iter().copied().min().unwrap_or_default(),
        }
    }
}

/// What one request holds. Dropping it settles: there is no other way out, so that happens once, whatever becomes of
/// the request.
pub(super) struct Tab {
    pub(super) desk: Arc<Desk>,
    pub(super) account: Arc<Account>,
    pub(super) request_id: Arc<str>,
    pub(super) windows: Windows,
    pub(super) amounts: Amounts,
    pub(super) cost: AtomicI64,
}

impl caller::Tab for Tab {
    fn note(&self, call: &Called<'_>) {
        let cost = call.cost.clamp(0, money::LIMIT_MAX);
        self.cost.fetch_add(cost, Ordering::Relaxed);
        self.desk.note(self, &Called { cost, ..*call });
    }

    fn words_max(&self) -> usize {
        self.desk.config.load().words_max
    }
}

impl Drop for Tab {
    fn drop(&mut self) {
        let cost = *self.cost.get_mut();
        if !self.windows.is_empty() && cost > self.amounts.least() {
            self.desk.metrics.overruns.inc();
        }
        self.desk.settle(&self.windows, &self.amounts, cost);
    }
}
