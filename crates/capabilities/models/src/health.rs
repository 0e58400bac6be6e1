//! What can be told about a model to whoever looks after it: its state, its limits, how its calls went lately. Knows
//! no door: how this is shown is decided there.

use crate::endpoint::lock;
use crate::{Endpoint, Load, Recent};
use guard::State;
use std::time::Duration;
use tokio::time::Instant;

/// A model as it stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Health {
    /// How its calls of the last 15 minutes went.
    pub recent: Recent,
    /// Its breaker.
    pub breaker: State,
    /// How much longer it is left alone because it asked for that.
    pub parked: Option<Duration>,
    /// Whether its provider passes its health checks; one that is never checked passes.
    pub up: bool,
    /// How busy its provider is, over all models of it.
    pub load: Load,
    /// The longest one attempt may take, in milliseconds.
    pub timeout_ms: u64,
    /// The most tokens of a request with its answer, where known.
    pub context_tokens: Option<u64>,
    /// The most tokens of an answer, where known.
    pub output_tokens_max: Option<u64>,
    /// The most bytes of a request, where limited.
    pub prompt_bytes_max: Option<usize>,
    /// The most requests a minute, where limited.
    pub rpm: Option<u32>,
    /// The most tokens a minute, where limited.
    pub tpm: Option<u32>,
}

impl Health {
    /// The breaker's state in a word.
    pub fn breaker_name(&self) -> &'static str {
        match self.breaker {
            State::Closed => "closed",
            State::HalfOpen => "half-open",
            State::Open => "open",
        }
    }
}

impl Endpoint {
    /// Its state, its limits and its recent calls.
    pub fn health(&self) -> Health {
        let (rpm, tpm) = self.limits.rates();
        Health {
            recent: lock(&self.course).window.recent(Instant::now().into_std()),
            breaker: self.breaker(),
            parked: self.parked(),
            up: self.common.checked.is_up(),
            load: self.common.gate.load(),
            timeout_ms: u64::try_from(self.timeout().as_millis()).unwrap_or(u64::MAX),
            context_tokens: self.limits.context_tokens,
            output_tokens_max: self.output_tokens_max,
            prompt_bytes_max: self.limits.prompt_bytes_max,
            rpm,
            tpm,
        }
    }
}
