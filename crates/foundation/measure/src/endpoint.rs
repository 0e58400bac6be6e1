//! What is measured about one model at one provider.

use crate::handles::{Count, Level, LevelGuard};
use crate::registrar::Money;
use crate::timing::Timing;
use prometheus_client::metrics::gauge::Gauge;
use std::sync::Arc;
use std::time::Duration;

/// How one attempt to ask a model ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The model answered in full.
    Answered,
    /// The upstream refused, broke off or sent what cannot be read.
    Failed,
    /// Time ran out first.
    TimedOut,
    /// Nobody needed the answer any more.
    Cancelled,
    /// A limit or an open breaker kept the attempt from being sent.
    Shed,
}

impl Outcome {
    /// Every outcome, in the order of declaration.
    pub const ALL: [Self; 5] = [Self::Answered, Self::Failed, Self::TimedOut, Self::Cancelled, Self::Shed];

    /// The value of the label `outcome`.
    pub fn label(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::Cancelled => "cancelled",
            Self::Shed => "shed",
        }
    }
}

/// The state of a circuit breaker as the gauge shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BreakerState {
    /// Requests pass; shown as 0.
    Closed,
    /// A few requests pass as a trial; shown as 1.
    HalfOpen,
    /// No request passes; shown as 2.
    Open,
}

impl BreakerState {
    fn shown(self) -> i64 {
        match self {
            Self::Closed => 0,
            Self::HalfOpen => 1,
            Self::Open => 2,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Handles {
    /// In the order of [`Outcome::ALL`].
    pub(crate) outcomes: [Count; 5],
    pub(crate) first_token: Timing,
    pub(crate) duration: Timing,
    pub(crate) input_tokens: Count,
    pub(crate) output_tokens: Count,
    pub(crate) cost_usd: Money,
    pub(crate) breaker: Gauge,
    pub(crate) inflight: Level,
}

/// The resolved metrics of one model at one provider: take them once with [`Metrics::endpoint`] and keep them. A
/// clone is one reference more to the same series.
///
/// [`Metrics::endpoint`]: crate::Metrics::endpoint
#[derive(Debug, Clone)]
pub struct EndpointMetrics(pub(crate) Arc<Handles>);

impl EndpointMetrics {
    /// Counts one attempt that ended like this.
    pub fn finished(&self, outcome: Outcome) {
        self.outcome(outcome).inc();
    }

    /// The counter behind one outcome.
    pub fn outcome(&self, outcome: Outcome) -> &Count {
        &self.0.outcomes[outcome as usize]
    }

    /// Notes how long the first bytes of an answer took.
    pub fn first_token(&self, took: Duration) {
        self.0.first_token.observe(took);
    }

    /// Notes how long a call took, from its sending to its end.
    pub fn took(&self, took: Duration) {
        self.0.duration.observe(took);
    }

    /// Adds tokens sent (`input`) and received (`output`).
    pub fn tokens(&self, input: u64, output: u64) {
        self.0.input_tokens.add(input);
        self.0.output_tokens.add(output);
    }

    /// Adds money spent in US dollars; what is not a positive number is ignored, because a counter may not fall.
    pub fn cost_usd(&self, cost_usd: f64) {
        if cost_usd.is_finite() && cost_usd > 0.0 {
            self.0.cost_usd.inc_by(cost_usd);
        }
    }

    /// Shows the state of the breaker.
    pub fn breaker(&self, state: BreakerState) {
        self.0.breaker.set(state.shown());
    }

    /// Counts one request as being worked on by the provider until the guard is dropped.
    pub fn enter(&self) -> LevelGuard {
        self.0.inflight.enter()
    }
}
