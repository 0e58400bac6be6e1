//! The cache section: which answers are kept, where, and for how long.

use crate::redis::RedisUrl;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which answers are kept, where, and for how long.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Cache {
    /// Which requests may be answered from it, where neither the route nor the request says so.
    pub requests: Cacheable,
    /// How long an answer is kept, in seconds; one in ten more or less, so that not all end at once.
    pub ttl_s: u64,
    /// How long after that an old answer is still given while a new one is fetched, in seconds; 0 never.
    pub stale_s: u64,
    /// How long a model that a provider does not have is remembered as such, in seconds; 0 never.
    pub negative_s: u64,
    /// The most answers kept in memory; 0 keeps none.
    pub memory_entries: u64,
    /// The most memory for them, in MiB; 0 keeps none.
    pub memory_mb: u64,
    /// The most disk for answers in the data folder, in MiB; 0 keeps none.
    pub disk_mb: u64,
    /// Where a Redis keeps answers for all replicas: `redis://…`, `rediss://…`, either with `+cluster`, or as
    /// `env:NAME` or `file:PATH`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redis_url: Option<RedisUrl>,
    /// The most connections to Redis, 1 to 10.
    pub redis_connections_max: u32,
    /// How long Redis may take, in milliseconds; past that the request goes on without it.
    pub redis_timeout_ms: u64,
    /// The largest answer that is kept, in bytes.
    pub entry_bytes_max: usize,
    /// Answers to similar questions.
    pub semantic: Semantic,
}

impl Default for Cache {
    fn default() -> Self {
        Self {
            requests: Cacheable::Deterministic,
            ttl_s: 600,
            stale_s: 0,
            negative_s: 10,
            memory_entries: 15_000,
            memory_mb: 64,
            disk_mb: 0,
            redis_url: None,
            redis_connections_max: 4,
            redis_timeout_ms: 100,
            entry_bytes_max: 1024 * 1024,
            semantic: Semantic::default(),
        }
    }
}

/// Which requests may be answered from the cache.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cacheable {
    /// None, save those that ask for it.
    Off,
    /// Those that ask for the same answer each time: a `temperature` of 0 or a `seed`; and vectors.
    #[default]
    Deterministic,
    /// All of them.
    All,
}

/// Answers to questions that only resemble the one asked. Similar is not the same: this is off unless switched on,
/// stays within a tenant, never serves a request with tools, and asks the model anyway for a share of its hits to
/// measure how often it is wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Semantic {
    /// The model whose vectors are compared, as `provider/model`; without one, it is off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The least likeness (cosine) of two questions.
    pub similarity: f64,
    /// The share of hits for which the model is asked all the same.
    pub verify: f64,
    /// The share of wrong hits among those verified above which it stops answering.
    pub errors_max: f64,
    /// The most questions remembered for each tenant, at most 20,000: each look compares them all.
    pub entries_max: usize,
}

impl Default for Semantic {
    fn default() -> Self {
        Self { model: None, similarity: 0.97, verify: 0.1, errors_max: 0.02, entries_max: 2_000 }
    }
}
