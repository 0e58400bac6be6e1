//! How the room is doing: times of operations and of answers, what failed lately, what is in use.

use measure::{DecisionMetrics, Outcome, Quantiles, Window};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The most providers whose times are kept apart.
const BACKENDS_MAX: usize = 64;
/// Over how long the rate of errors is told.
const ERRORS_S: u64 = 300;
/// Over how long evaluations are counted.
const EVALUATIONS_S: u64 = 60;

/// How the room is doing.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Statistics {
    /// Decisions that this tenant holds.
    pub sessions_active: u64,
    /// The most it may hold.
    pub sessions_limit: u64,
    /// The share of the two, 0 to 1.
    pub sessions_used: f64,
    /// Evaluations that run on this server now.
    pub evaluations_running: usize,
    /// The most that may.
    pub evaluations_limit: usize,
    /// Questions that are with models now.
    pub in_flight: usize,
    /// The most that may be.
    pub in_flight_limit: usize,
    /// Questions that wait for a place.
    pub queued: usize,
    /// Evaluations that have ended within the last minute.
    pub evaluations_per_minute: u64,
    /// The share of pairs that failed within the last 5 minutes, 0 to 1; `None` where none was asked.
    pub error_rate_5m: Option<f64>,
    /// How long operations took, by name.
    pub operations: BTreeMap<String, OperationFigures>,
    /// How long questions took, by provider.
    pub backends: BTreeMap<String, OperationFigures>,
}

/// How long something took, over the last 15 minutes and at most 512 times.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct OperationFigures {
    /// How many times.
    pub count: usize,
    /// Milliseconds that half of those that succeeded took at most.
    pub p50_ms: f64,
    /// The same of 90 %.
    pub p90_ms: f64,
    /// The same of 95 %.
    pub p95_ms: f64,
    /// The same of 99 %.
    pub p99_ms: f64,
    /// The share that failed, 0 to 1.
    pub failed: f64,
}

/// What was seen of late.
pub(crate) struct Watchman {
    began: Instant,
    seen: Mutex<Seen>,
    pub(crate) metrics: DecisionMetrics,
}

#[derive(Default)]
struct Seen {
    operations: BTreeMap<&'static str, Window>,
    backends: BTreeMap<Box<str>, Window>,
    /// Counts of each second, the newest last.
    seconds: VecDeque<Second>,
}

#[derive(Default, Clone, Copy)]
struct Second {
    at: u64,
    asked: u64,
    failed: u64,
    evaluations: u64,
}

impl Seen {
    fn now(&mut self, at: u64) -> Option<&mut Second> {
        if self.seconds.back().is_none_or(|second| second.at < at) {
            self.seconds.push_back(Second { at, ..Second::default() });
        }
        while self.seconds.front().is_some_and(|second| second.at + ERRORS_S < at) {
            self.seconds.pop_front();
        }
        self.seconds.back_mut()
    }
}

impl Watchman {
    pub(crate) fn new(metrics: DecisionMetrics) -> Self {
        Self { began: Instant::now(), seen: Mutex::default(), metrics }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn second(&self) -> u64 {
        self.began.elapsed().as_secs()
    }

    /// An operation has ended.
    pub(crate) fn operation(&self, name: &'static str, took: Duration, failed: bool) {
        self.metrics.operation(name, took);
        let mut seen = self.seen();
        note(seen.operations.entry(name).or_default(), took, failed);
    }

    /// Runs an operation, and notes how long it took.
    pub(crate) async fn timed<T, E>(
        &self,
        name: &'static str,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let began = Instant::now();
        let done = work.await;
        self.operation(name, began.elapsed(), done.is_err());
        done
    }

    /// A provider has answered a question, or not.
    pub(crate) fn answer(&self, model: &str, took: Duration, failed: bool) {
        let provider = model.split_once('/').map_or(model, |(provider, _)| provider);
        self.metrics.answer(provider, took);
        let mut seen = self.seen();
        if seen.backends.len() < BACKENDS_MAX || seen.backends.contains_key(provider) {
            note(seen.backends.entry(provider.into()).or_default(), took, failed);
        }
    }

    /// A pair has an outcome.
    pub(crate) fn pair(&self, outcome: crate::PairOutcome) {
        self.metrics.pairs(outcome.name()).inc();
        let at = self.second();
        if let Some(second) = self.seen().now(at) {
            second.asked += 1;
            second.failed += u64::from(outcome == crate::PairOutcome::Failed);
        }
    }

    /// An evaluation has ended.
    pub(crate) fn evaluation(&self, outcome: &'static str) {
        self.metrics.evaluations(outcome).inc();
        let at = self.second();
        if let Some(second) = self.seen().now(at) {
            second.evaluations += 1;
        }
    }

    /// Evaluations of the last minute, and the share of pairs that failed in the last five.
    pub(crate) fn rates(&self) -> (u64, Option<f64>) {
        let at = self.second();
        let mut seen = self.seen();
        let _ = seen.now(at);
        let recent = seen.seconds.iter().filter(|second| second.at + EVALUATIONS_S > at);
        let evaluations = recent.map(|second| second.evaluations).sum();
        let asked: u64 = seen.seconds.iter().map(|second| second.asked).sum();
        let failed: u64 = seen.seconds.iter().map(|second| second.failed).sum();
        (evaluations, (asked > 0).then(|| failed as f64 / asked as f64))
    }

    /// Times by operation and by provider.
    pub(crate) fn figures(&self) -> [BTreeMap<String, OperationFigures>; 2] {
        let mut seen = self.seen();
        let operations = seen.operations.iter_mut().filter_map(|(name, it)| Some(((*name).to_owned(), figures(it)?)));
        let operations = operations.collect();
        let backends = seen.backends.iter_mut().filter_map(|(name, it)| Some((name.to_string(), figures(it)?)));
        [operations, backends.collect()]
    }
}

fn note(window: &mut Window, took: Duration, failed: bool) {
    let outcome = if failed { Outcome::Failed } else { Outcome::Answered };
    window.ended(Instant::now(), outcome, Some(failed), false, None, took);
}

fn figures(window: &mut Window) -> Option<OperationFigures> {
    let recent = window.recent(Instant::now());
    let nothing = Quantiles { samples: 0, p50: 0.0, p90: 0.0, p95: 0.0, p99: 0.0 };
    let Quantiles { p50, p90, p95, p99, .. } = recent.answer_ms.unwrap_or(nothing);
    let failed = recent.failed as f64 / recent.calls.max(1) as f64;
    (recent.calls > 0).then_some(OperationFigures {
        count: recent.calls,
        p50_ms: p50,
        p90_ms: p90,
        p95_ms: p95,
        p99_ms: p99,
        failed,
    })
}
