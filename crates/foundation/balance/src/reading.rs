//! How an endpoint stands at one moment. Knows nothing of how that was found out.

/// How an endpoint stands at one moment, and what one request would mean to it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// Its recent time to the first token, in seconds, times the calls in progress and one more.
    pub load_s: f64,
    /// How long it usually takes to the first token, in seconds; `None` before the first answer.
    pub latency_s: Option<f64>,
    /// Whether it is being asked and nobody knows yet how long it takes.
    pub unproven: bool,
    /// Calls in progress.
    pub in_flight: u32,
    /// The least share, 0 to 1, that is left of its places, its requests and its tokens.
    pub free: f64,
    /// The share of its recent calls, 0 to 1, that went well.
    pub health: f64,
    /// The share, 0 to 1, that it gets of what would be its full part: less than 1 while it is new or just back.
    pub share: f64,
    /// Whether it failed lately and is to be spared.
    pub penalised: bool,
    /// Whether a call would be let through now: its breaker would admit one, nobody asked to leave it alone, it is
    /// well.
    pub available: bool,
    /// What the request would likely cost there, in US dollars, where known.
    pub cost: Option<f64>,
    /// Its part where turns go by weight, above 0.
    pub weight: f64,
}

impl Default for Reading {
    /// Of an endpoint that nobody has asked yet.
    fn default() -> Self {
        Self {
            load_s: 0.0,
            latency_s: None,
            unproven: false,
            in_flight: 0,
            free: 1.0,
            health: 1.0,
            share: 1.0,
            penalised: false,
            available: true,
            cost: None,
            weight: 1.0,
        }
    }
}
