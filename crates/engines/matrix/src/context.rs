//! What every way of asking shares: limits, the retry budget, chance, figures.

use crate::minutes::Minutes;
use guard::{Backoff, RetryBudget, RetryBudgetConfig};
use measure::{HedgeMetrics, Metrics};
use settings::Settings;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Limits and state that outlive a single request.
pub(crate) struct Context {
    pub(crate) attempts_max: u32,
    pub(crate) backoff: Backoff,
    budgeted: RetryBudgetConfig,
    budget: Arc<Mutex<RetryBudget>>,
    rng: Mutex<fastrand::Rng>,
    pub(crate) hedges: HedgeMetrics,
    pub(crate) metrics: Arc<Metrics>,
    /// Output tokens reckoned with where nothing limits an answer.
    pub(crate) output_tokens: u64,
    /// What is written down about panels.
    pub(crate) minutes: Arc<Minutes>,
}

impl Context {
    pub(crate) fn new(settings: &Settings, metrics: &Arc<Metrics>) -> Self {
        let guard = &settings.guard;
        let budget = RetryBudgetConfig {
            ratio: guard.retry_ratio,
            min_per_sec: guard.retry_min_per_s,
            ..RetryBudgetConfig::default()
        };
        Self {
            attempts_max: guard.attempts_max.max(1),
            backoff: Backoff {
                base: Duration::from_millis(guard.backoff_base_ms),
                cap: Duration::from_millis(guard.backoff_max_ms),
            },
            budgeted: budget,
            budget: Arc::new(Mutex::new(RetryBudget::new(budget))),
            rng: Mutex::new(fastrand::Rng::new()),
            hedges: metrics.hedges(),
            metrics: Arc::clone(metrics),
            output_tokens: settings.budget.output_tokens,
            minutes: Arc::default(),
        }
    }

    /// The same, with what an earlier one has written down and, where that is counted alike, what is left of its retries.
    pub(crate) fn continuing(self, before: &Self) -> Self {
        let same = if self.budgeted == before.budgeted { before } else { &self };
        Self { minutes: Arc::clone(&before.minutes), budget: Arc::clone(&same.budget), ..self }
    }

    /// Counts a request, which earns a share of a retry.
    pub(crate) fn deposit(&self) {
        lock(&self.budget).deposit(Instant::now().into_std());
    }

    /// Takes a retry out of the budget.
    pub(crate) fn withdraw(&self) -> bool {
        lock(&self.budget).withdraw(Instant::now().into_std())
    }

    /// Lets chance decide something.
    pub(crate) fn with_chance<T>(&self, decide: impl FnOnce(&mut fastrand::Rng) -> T) -> T {
        decide(&mut lock(&self.rng))
    }

    /// How long to wait before retry number `attempt`, counted from 0.
    pub(crate) fn delay(&self, attempt: u32, retry_after: Option<Duration>) -> Duration {
        self.backoff.delay(attempt, retry_after, &mut lock(&self.rng))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
