//! What must hold, as it is written in a scenario's `[slo]`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What must hold. Shares are 0 to 1; latencies count from the intended start of successful requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Slo {
    /// The least share of requests that get the answer they asked for.
    pub success_min: Option<f64>,
    /// The largest median latency in milliseconds.
    pub p50_ms_max: Option<f64>,
    /// The largest 95th percentile in milliseconds.
    pub p95_ms_max: Option<f64>,
    /// The largest 99th percentile in milliseconds.
    pub p99_ms_max: Option<f64>,
    /// The largest 95th percentile of the time to the first content of a stream, in milliseconds.
    pub ttft_ms_max: Option<f64>,
    /// The least share of good answers, as `goodput` says.
    pub goodput_min: Option<f64>,
    /// The most megabytes by which the target's resident memory may grow.
    pub memory_growth_mb_max: Option<f64>,
    /// The least share of answers from any cache tier.
    pub cache_hit_min: Option<f64>,
    /// The least share of lookups that the first tier (memory) answers.
    pub cache_l1_min: Option<f64>,
    /// The least share of the lookups left that the second tier (disk) answers.
    pub cache_l2_min: Option<f64>,
    /// The least number of users that got an answer.
    pub users_min: Option<u32>,
    /// The most that one request may cost on average, in US dollars.
    pub cost_usd_max: Option<f64>,
    /// The least share of successes after the target's last open breaker has closed again.
    pub recovery_min: Option<f64>,
    /// The least share of successes among requests answered by another than the first choice.
    pub fallback_min: Option<f64>,
    /// The most milliseconds that a degraded answer may take at the 95th percentile.
    pub chain_ms_max: Option<f64>,
    /// The least completed requests per second.
    pub rate_min: Option<f64>,
}
