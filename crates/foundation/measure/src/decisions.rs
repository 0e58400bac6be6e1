//! What is measured about decisions.

use crate::handles::{Count, Level};
use crate::registrar::{Counters, Registrar, Timings};
use crate::rows;
use prometheus_client::metrics::gauge::Gauge;
use std::time::Duration;

/// The families, as they are registered.
#[derive(Debug)]
pub(crate) struct Decisions {
    sessions: Gauge,
    limit: Gauge,
    running: Gauge,
    in_flight: Gauge,
    in_flight_limit: Gauge,
    queued: Gauge,
    evaluations: Counters<1>,
    pairs: Counters<1>,
    operations: Timings<1>,
    answers: Timings<1>,
}

impl Decisions {
    pub(crate) fn register(registrar: &mut Registrar) -> Self {
        Self {
            sessions: registrar.gauge(&rows::DECISION_SESSIONS),
            limit: registrar.gauge(&rows::DECISION_SESSIONS_LIMIT),
            running: registrar.gauge(&rows::DECISION_RUNNING),
            in_flight: registrar.gauge(&rows::DECISION_IN_FLIGHT),
            in_flight_limit: registrar.gauge(&rows::DECISION_IN_FLIGHT_LIMIT),
            queued: registrar.gauge(&rows::DECISION_QUEUED),
            evaluations: registrar.counters(&rows::EVALUATIONS),
            pairs: registrar.counters(&rows::DECISION_PAIRS),
            operations: registrar.timings(&rows::DECISION_OPERATION, rows::STORE_BOUNDS_S),
            answers: registrar.timings(&rows::DECISION_ANSWER, rows::REQUEST_BOUNDS_S),
        }
    }

    pub(crate) fn metrics(&self) -> DecisionMetrics {
        let level = |gauge: &Gauge| Level(gauge.clone());
        DecisionMetrics {
            sessions: level(&self.sessions),
            sessions_limit: level(&self.limit),
            running: level(&self.running),
            in_flight: level(&self.in_flight),
            in_flight_limit: level(&self.in_flight_limit),
            queued: level(&self.queued),
            evaluations: self.evaluations.clone(),
            pairs: self.pairs.clone(),
            operations: self.operations.clone(),
            answers: self.answers.clone(),
        }
    }
}

/// The handles of decisions.
#[derive(Debug, Clone)]
pub struct DecisionMetrics {
    /// Decisions that are kept, of all tenants.
    pub sessions: Level,
    /// The most that one tenant may keep.
    pub sessions_limit: Level,
    /// Evaluations that run here.
    pub running: Level,
    /// Questions that are with models.
    pub in_flight: Level,
    /// The most that may be.
    pub in_flight_limit: Level,
    /// Questions that wait for a place.
    pub queued: Level,
    evaluations: Counters<1>,
    pairs: Counters<1>,
    operations: Timings<1>,
    answers: Timings<1>,
}

impl DecisionMetrics {
    /// Evaluations that ended like this: `complete`, `partial` or `failed`.
    pub fn evaluations(&self, outcome: &'static str) -> Count {
        Count(self.evaluations.with([outcome]))
    }

    /// Pairs that ended like this: `scored`, `abstained` or `failed`.
    pub fn pairs(&self, outcome: &'static str) -> Count {
        Count(self.pairs.with([outcome]))
    }

    /// An operation took so long.
    pub fn operation(&self, name: &'static str, took: Duration) {
        self.operations.with([name]).observe(took);
    }

    /// A provider took so long for one question; its name comes from settings.
    pub fn answer(&self, provider: &str, took: Duration) {
        self.answers.with([provider]).observe(took);
    }
}
