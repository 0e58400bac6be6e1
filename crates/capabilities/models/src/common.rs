//! What the models of one provider have in common: its places, its pace, whether it passes its health checks, and the
//! terms on which it is guarded.

use crate::endpoint::lock;
use crate::{Finding, ModelError};
use guard::Shed;
use measure::{Count, Level, Metrics};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use turnstile::{Gate, Pace, Sharing};

/// Health checks that have to fail in a row.
const CHECKS_FAILED: u32 = 3;

/// What the models of one provider have in common.
pub(crate) struct Common {
    pub(crate) gate: Arc<Gate>,
    pub(crate) pace: Option<Arc<Pace>>,
    pub(crate) sharing: Option<Arc<dyn Sharing>>,
    pub(crate) checked: Arc<Checked>,
    pub(crate) sheds: Sheds,
    pub(crate) terms: Terms,
    /// What moments are counted from where one number has to do.
    pub(crate) made: tokio::time::Instant,
}

/// On which terms the models of a provider are guarded and compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Terms {
    /// The longest it is left alone because it asked for that.
    pub(crate) park_max: Duration,
    /// How fast old latencies lose their weight.
    pub(crate) decay: Duration,
    /// What a failure counts as at least.
    pub(crate) penalty: Duration,
    /// How long whoever comes back takes to have its full share again.
    pub(crate) slow_start: Duration,
}

impl Terms {
    pub(crate) fn new(settings: &settings::Settings) -> Self {
        let (guard, balance) = (&settings.guard, &settings.balance);
        Self {
            park_max: Duration::from_millis(guard.park_ms_max),
            decay: Duration::from_millis(balance.decay_ms),
            penalty: Duration::from_millis(balance.penalty_ms),
            slow_start: Duration::from_millis(balance.slow_start_ms),
        }
    }
}

/// Whether a provider passes its health checks; whoever is never checked passes.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    down: AtomicBool,
    past: Mutex<Past>,
}

#[derive(Debug, Default)]
struct Past {
    failed: u32,
    /// When it passed again.
    back: Option<Instant>,
}

impl Checked {
    /// Whether it passes.
    pub(crate) fn is_up(&self) -> bool {
        !self.down.load(Ordering::Relaxed)
    }

    /// When it last came back, if it ever was away.
    pub(crate) fn back(&self) -> Option<Instant> {
        lock(&self.past).back
    }

    /// Takes what one check has found.
    pub(crate) fn found(&self, finding: &Finding, now: Instant, shown: &Level) {
        let well = is_well(finding);
        let mut past = lock(&self.past);
        past.failed = if well { 0 } else { past.failed.saturating_add(1) };
        if well && self.down.swap(false, Ordering::Relaxed) {
            past.back = Some(now);
        } else if past.failed >= CHECKS_FAILED {
            self.down.store(true, Ordering::Relaxed);
        }
        shown.set(i64::from(self.is_up()));
    }
}

/// Whether a provider looks as if it could answer. Not every key may see the list of models.
fn is_well(finding: &Finding) -> bool {
    match finding {
        Finding::Unreachable(_) | Finding::TimedOut { .. } | Finding::Unusable(_) => false,
        Finding::KeyRefused { status } => *status != 401,
        Finding::Answered { status } => *status < 500,
        Finding::Simulated | Finding::Listed(_) | Finding::NoList { .. } | Finding::NotAList => true,
    }
}

/// Counts requests that were turned away, by the limit that was reached.
#[derive(Debug)]
pub(crate) struct Sheds([Count; 8]);

impl Sheds {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        let names = [
            "provider_line",
            "provider_class",
            "provider_displaced",
            "provider_wait",
            "breaker",
            "parked",
            "pace",
            "request_size",
        ];
        Self(names.map(|name| metrics.shed(name)))
    }

    /// Counts one, where it was turned away by a limit.
    pub(crate) fn count(&self, error: &ModelError) {
        let at = match error {
            ModelError::Busy(Shed::QueueFull { .. }) => 0,
            ModelError::Busy(Shed::Class { .. }) => 1,
            ModelError::Busy(Shed::Displaced) => 2,
            ModelError::Busy(Shed::TooLate { .. }) => 3,
            ModelError::Resting(_) => 4,
            ModelError::Parked { .. } => 5,
            ModelError::Paced { .. } => 6,
            ModelError::TooLong { .. } | ModelError::TooLarge { .. } => 7,
            _ => return,
        };
        self.0[at].inc();
    }
}
