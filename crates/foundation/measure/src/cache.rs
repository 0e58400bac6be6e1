//! Figures of what is kept to be given again.

use crate::handles::{Count, Level};
use crate::registrar::{Counters, Gauges, Registrar};
use crate::rows;

/// The families, as they are registered.
#[derive(Debug)]
pub(crate) struct Caches {
    requests: Counters<3>,
    entries: Gauges<2>,
    bytes: Gauges<2>,
    lost: Counters<2>,
    verified: Counters<1>,
}

impl Caches {
    pub(crate) fn register(registrar: &mut Registrar) -> Self {
        Self {
            requests: registrar.counters(&rows::CACHE_REQUESTS),
            entries: registrar.gauges(&rows::CACHE_ENTRIES),
            bytes: registrar.gauges(&rows::CACHE_BYTES),
            lost: registrar.counters(&rows::CACHE_LOST),
            verified: registrar.counters(&rows::CACHE_SEMANTIC_VERIFIED),
        }
    }

    pub(crate) fn tier(&self, cache: &str, tier: &str) -> TierMetrics {
        let outcome = |outcome| Count(self.requests.with([cache, tier, outcome]));
        TierMetrics {
            hit: outcome("hit"),
            stale: outcome("stale"),
            miss: outcome("miss"),
            away: outcome("away"),
            entries: Level(self.entries.with([cache, tier])),
            bytes: Level(self.bytes.with([cache, tier])),
        }
    }

    pub(crate) fn outcome(&self, cache: &str, tier: &str, outcome: &str) -> Count {
        Count(self.requests.with([cache, tier, outcome]))
    }

    pub(crate) fn lost(&self, cache: &str, reason: &str) -> Count {
        Count(self.lost.with([cache, reason]))
    }

    pub(crate) fn verified(&self, outcome: &str) -> Count {
        Count(self.verified.with([outcome]))
    }
}

/// The handles of one tier of one cache.
#[derive(Debug, Clone)]
pub struct TierMetrics {
    /// Look-ups that found something to give.
    pub hit: Count,
    /// Look-ups that found something old that may still be given.
    pub stale: Count,
    /// Look-ups that found nothing.
    pub miss: Count,
    /// Look-ups that the tier did not answer.
    pub away: Count,
    /// What it holds now.
    pub entries: Level,
    /// How many bytes that is.
    pub bytes: Level,
}
