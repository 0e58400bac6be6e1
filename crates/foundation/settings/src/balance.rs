//! How requests are spread over endpoints, and what replicas of this server share.

use crate::redis::RedisUrl;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How requests are spread over the endpoints that offer the same model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Balance {
    /// How a bare model name that several providers offer is spread over them; rules of routes say it for themselves.
    pub strategy: Strategy,
    /// How fast old times to the first token lose their weight, in milliseconds.
    pub decay_ms: u64,
    /// What a failed attempt counts as at least, in milliseconds, however fast it failed.
    pub penalty_ms: u64,
    /// How long an endpoint that comes back takes to get its full share again, in milliseconds; 0 gives it at once.
    pub slow_start_ms: u64,
    /// How often each provider is asked for its list of models to see whether it is well, in milliseconds, at
    /// least 1000; 0 never.
    pub health_check_ms: u64,
}

impl Default for Balance {
    fn default() -> Self {
        Self {
            strategy: Strategy::PeakEwma,
            decay_ms: 10_000,
            penalty_ms: 5_000,
            slow_start_ms: 10_000,
            health_check_ms: 0,
        }
    }
}

/// In which order the endpoints of one rule are tried.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// As they are written.
    #[default]
    Order,
    /// The better of two by chance: recent time to the first token, times the calls in progress.
    PeakEwma,
    /// In turn.
    RoundRobin,
    /// In turn, by weight.
    #[serde(alias = "weighted_round_robin")]
    Weighted,
    /// The one with the fewest calls in progress.
    LeastConnections,
    /// The one with the largest share of its places, requests and tokens left.
    ResourceBased,
    /// The best score of 0.4 × health + 0.3 × (1 − load) + 0.3 / (1 + seconds).
    Adaptive,
    /// The cheapest for this request.
    Cheapest,
    /// The one that usually answers soonest.
    Fastest,
}

/// What replicas of this server share through Redis. Budgets are not among it: they are leased from the store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Replicas {
    /// Where: `redis://…`, `rediss://…`, either with `+cluster`, or as `env:NAME` or `file:PATH`; without one,
    /// `cache.redis_url`, and without that every server counts for itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redis_url: Option<RedisUrl>,
    /// Whether rates and endpoints that asked to be left alone are shared.
    pub share: bool,
    /// How many servers share; what one server may do alone while Redis is away is its part of each rate.
    pub expected: u32,
    /// The share of a minute's rate that one server takes ahead of its use, and may thus exceed the rate by.
    pub slice: f64,
    /// The beginning of every key in Redis.
    pub namespace: String,
}

impl Default for Replicas {
    fn default() -> Self {
        Self { redis_url: None, share: true, expected: 1, slice: 0.05, namespace: "althing".to_owned() }
    }
}
