//! How the tiers are doing: sizes, and how often they had what was looked for.

use measure::{Metrics, TierMetrics};
use schemars::JsonSchema;
use serde::Serialize;

/// Where an answer is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// In this process.
    Memory,
    /// In the data folder.
    Disk,
    /// Where all replicas find it.
    Redis,
}

impl Tier {
    /// All of them, in the order in which they are asked.
    pub const ALL: [Self; 3] = [Self::Memory, Self::Disk, Self::Redis];

    /// As it is written: `memory`, `disk` or `redis`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Disk => "disk",
            Self::Redis => "redis",
        }
    }
}

/// How one tier is doing since the start.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct TierStats {
    /// Which.
    pub tier: Tier,
    /// Whether there is one.
    pub on: bool,
    /// How many answers it holds; `null` of Redis.
    pub entries: Option<u64>,
    /// How many bytes those are; `null` of Redis.
    pub bytes: Option<u64>,
    /// The most bytes there may be; `null` of Redis.
    pub bytes_max: Option<u64>,
    /// How often something was looked for; each tier is asked for what the one before it did not have.
    pub lookups: u64,
    /// How often it was there.
    pub hits: u64,
    /// `hits` of `lookups`; `null` before the first.
    pub hit_rate: Option<f64>,
}

/// How all tiers are doing since the start.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Stats {
    /// Requests that a kept answer could have served.
    pub lookups: u64,
    /// Those that one has served.
    pub hits: u64,
    /// `hits` of `lookups`; `null` before the first.
    pub hit_rate: Option<f64>,
    /// Requests that shared an identical one in flight.
    pub shared: u64,
    /// Memory, disk and Redis, in the order in which they are asked.
    pub tiers: Vec<TierStats>,
}

/// The handles of all tiers of one cache.
pub(crate) struct Figures {
    tiers: [TierMetrics; 3],
    pub(crate) shared: measure::Count,
    pub(crate) too_large: measure::Count,
    pub(crate) busy: measure::Count,
    pub(crate) disk: measure::Count,
    pub(crate) away: measure::Count,
    pub(crate) corrupt: measure::Count,
}

impl Figures {
    pub(crate) fn new(metrics: &Metrics, name: &str) -> Self {
        let lost = |reason| metrics.cache_lost(name, reason);
        Self {
            tiers: Tier::ALL.map(|tier| metrics.cache_tier(name, tier.name())),
            shared: metrics.cache_requests(name, "flight", "shared"),
            too_large: lost("too_large"),
            busy: lost("busy"),
            disk: lost("disk"),
            away: lost("away"),
            corrupt: lost("corrupt"),
        }
    }

    pub(crate) fn of(&self, tier: Tier) -> &TierMetrics {
        let [memory, disk, redis] = &self.tiers;
        match tier {
            Tier::Memory => memory,
            Tier::Disk => disk,
            Tier::Redis => redis,
        }
    }

    pub(crate) fn hits(&self, tier: Tier) -> u64 {
        self.of(tier).hit.value() + self.of(tier).stale.value()
    }

    pub(crate) fn lookups(&self, tier: Tier) -> u64 {
        self.hits(tier) + self.of(tier).miss.value() + self.of(tier).away.value()
    }
}

/// `part` of `all`; `None` of nothing.
pub(crate) fn share(part: u64, all: u64) -> Option<f64> {
    (all > 0).then(|| part as f64 / all as f64)
}
