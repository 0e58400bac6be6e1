//! The room itself: what it is made of, its rules, its housekeeping.

use crate::DecisionError;
use crate::places::Places;
use crate::running::Running;
use crate::statistics::{Statistics, Watchman};
use caller::{HOUSE, Identity, Tool};
use docket::{Clock, Docket, REMOVED_MAX, Which};
use fault::Explain;
use matrix::Matrix;
use measure::Metrics;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};
use std::time::Duration;
use store::{Store, StoreError};
use tokio::task::JoinHandle;

/// Tells which share of its memory limit the process takes up, 0 to 1; `None` where that is not known.
pub type Memory = Arc<dyn Fn() -> Option<f64> + Send + Sync>;

/// What the room is made of.
pub struct Setup {
    /// Where decisions are kept.
    pub store: Store,
    /// Who asks models.
    pub matrix: Arc<Matrix>,
    /// By which rules.
    pub settings: settings::Decisions,
    /// Where figures go.
    pub metrics: Arc<Metrics>,
    /// What tells the time.
    pub clock: Clock,
    /// How full memory is.
    pub memory: Memory,
    /// The seed of chance: waits between attempts.
    pub seed: u64,
}

/// All decisions.
pub struct Decisions {
    pub(crate) docket: Docket,
    pub(crate) matrix: Arc<Matrix>,
    rules: RwLock<Arc<settings::Decisions>>,
    memory: Memory,
    /// Whether memory was too full at the last look: what is asked of memory is asked once each time it fills up.
    crowded: AtomicBool,
    rng: Mutex<fastrand::Rng>,
    /// What this server is called where it holds a lease.
    pub(crate) name: Arc<str>,
    pub(crate) running: Arc<Running>,
    /// Places at models, for all evaluations together; a reload makes them more or fewer.
    places: Arc<Places>,
    pub(crate) watchman: Watchman,
    /// Decisions of all tenants, as far as this server knows.
    sessions: AtomicI64,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

impl Decisions {
    /// Opens the tables, making them where they are not there yet, and begins to remove what is past its time.
    ///
    /// # Errors
    /// [`DecisionError`]: the store fails.
    pub async fn open(setup: Setup) -> Result<Arc<Self>, DecisionError> {
        let Setup { store, matrix, settings, metrics, clock, memory, seed } = setup;
        let docket = Docket::open(store, clock, flags).await?;
        let name = format!("{:032x}", fastrand::u128(..));
        let room = Arc::new(Self {
            docket,
            matrix,
            places: Places::new(settings.in_flight_max, settings.tenant_share),
            rules: RwLock::new(Arc::new(settings)),
            memory,
            crowded: AtomicBool::new(false),
            rng: Mutex::new(fastrand::Rng::with_seed(seed)),
            name: name.into(),
            running: Arc::default(),
            watchman: Watchman::new(metrics.decisions()),
            sessions: AtomicI64::new(0),
            tasks: Mutex::default(),
        });
        room.show_limits();
        room.recount().await?;
        let keeper = tokio::spawn(housekeeping(Arc::downgrade(&room)));
        room.tasks().push(keeper);
        Ok(room)
    }

    /// Works by other settings from now on; evaluations that are running go on by the old ones, but share what places at
    /// models there are now.
    pub fn reload(&self, settings: settings::Decisions) {
        self.places.resize(settings.in_flight_max, settings.tenant_share);
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
        self.places.wake();
        self.show_limits();
    }

    fn show_limits(&self) {
        let (rules, metrics) = (self.rules(), &self.watchman.metrics);
        for text in rules.warnings() {
            tracing::warn!("{text}");
        }
        metrics.sessions_limit.set(i64::try_from(rules.sessions_max).unwrap_or(i64::MAX));
        metrics.in_flight_limit.set(i64::try_from(rules.in_flight_max).unwrap_or(i64::MAX));
    }

    /// Stops evaluations nobody waits for, and housekeeping, and lets others evaluate. What was scored is kept.
    pub async fn close(&self) {
        let tasks = std::mem::take(&mut *self.tasks());
        tasks.iter().for_each(JoinHandle::abort);
        for task in tasks {
            // It was just told to stop.
            let _ = task.await;
        }
        if let Err(error) = self.docket.release(&self.name).await {
            tracing::warn!(code = error.code(), %error, "decisions that were being evaluated stay locked for a moment");
        }
    }

    /// The tools under the names that Decision Matrix MCP's users know, and `score_option`, for `/mcp/s/decisions`.
    pub fn toolset(self: &Arc<Self>) -> Vec<Arc<dyn Tool>> {
        crate::tools::toolset(self)
    }

    /// `decide`, for `/mcp`.
    pub fn core_tools(self: &Arc<Self>) -> Vec<Arc<dyn Tool>> {
        crate::tools::core(self)
    }

    pub(crate) fn rules(&self) -> Arc<settings::Decisions> {
        Arc::clone(&self.rules.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn places(&self) -> &Arc<Places> {
        &self.places
    }

    pub(crate) fn tasks(&self) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long a decision lives unused.
    pub(crate) fn ttl_ms(&self) -> i64 {
        i64::try_from(self.rules().session_ttl_s).unwrap_or(i64::MAX).saturating_mul(1_000)
    }

    /// An error with how far the evaluation is that stands in the way, where this server knows it.
    pub(crate) fn with_progress(&self, id: &str, error: DecisionError) -> DecisionError {
        match error {
            DecisionError::Running { kept, progress: None } => {
                DecisionError::Running { kept, progress: self.running.progress(id).map(Box::new) }
            }
            error => error,
        }
    }

    /// Counts decisions in or out.
    pub(crate) fn count_sessions(&self, change: i64) {
        let now = self.sessions.fetch_add(change, Ordering::Relaxed) + change;
        self.watchman.metrics.sessions.set(now.max(0));
    }

    /// Lets chance decide something.
    pub(crate) fn chance(&self) -> f64 {
        self.rng.lock().unwrap_or_else(PoisonError::into_inner).f64()
    }

    /// Counts anew, and looks whether another tenant has come: others write too.
    async fn recount(&self) -> Result<(), StoreError> {
        let count = i64::try_from(self.docket.count(None).await?).unwrap_or(i64::MAX);
        self.sessions.store(count, Ordering::Relaxed);
        self.watchman.metrics.sessions.set(count);
        if let Some(tenant) = self.docket.other_than(&HOUSE.into()).await? {
            self.places.meet(&tenant);
        }
        Ok(())
    }

    /// Removes what is past its time, and the oldest quarter of all when memory has filled up; how many went.
    pub(crate) async fn sweep(&self) -> Result<u64, StoreError> {
        let past = self.docket.now_ms().await?.saturating_sub(self.ttl_ms());
        let mut gone = self.remove_all(Which::UnusedSince(past), u64::MAX).await?;
        self.recount().await?;
        let most = self.rules().memory_share_max;
        let crowded = most > 0.0 && (self.memory)().is_some_and(|share| share > most);
        if crowded && !self.crowded.swap(crowded, Ordering::Relaxed) {
            let quarter = self.sessions.load(Ordering::Relaxed).max(0).unsigned_abs().div_ceil(4);
            tracing::warn!(quarter, "memory is nearly full: the decisions used least recently go");
            gone += self.remove_oldest(quarter).await?;
        }
        self.crowded.store(crowded, Ordering::Relaxed);
        Ok(gone)
    }

    async fn remove_oldest(&self, count: u64) -> Result<u64, StoreError> {
        let mut gone = 0;
        while gone < count {
            let left = (count - gone).min(REMOVED_MAX.unsigned_abs());
            match self.remove_all(Which::Oldest(i64::try_from(left).unwrap_or(i64::MAX)), 1).await? {
                0 => break,
                removed => gone += removed,
            }
        }
        Ok(gone)
    }

    /// How the room is doing, as far as it is the caller's business.
    ///
    /// # Errors
    /// [`DecisionError`]: the store fails.
    pub async fn statistics(&self, who: &Identity) -> Result<Statistics, DecisionError> {
        let held = self.docket.count_alive(&who.tenant, self.ttl_ms()).await?;
        let (rules, metrics) = (self.rules(), &self.watchman.metrics);
        let limit = rules.sessions_max as u64;
        let (evaluations_per_minute, error_rate_5m) = self.watchman.rates();
        let [operations, backends] = self.watchman.figures();
        let level = |level: &measure::Level| usize::try_from(level.value()).unwrap_or(0);
        Ok(Statistics {
            sessions_active: held,
            sessions_limit: limit,
            sessions_used: held as f64 / limit.max(1) as f64,
            evaluations_running: self.running.count(),
            evaluations_limit: rules.evaluations_max,
            in_flight: level(&metrics.in_flight),
            in_flight_limit: rules.in_flight_max,
            queued: level(&metrics.queued),
            evaluations_per_minute,
            error_rate_5m,
            operations,
            backends,
        })
    }
}

impl Drop for Decisions {
    fn drop(&mut self) {
        self.tasks().iter().for_each(JoinHandle::abort);
    }
}

/// What texts try to order a model, as it is kept.
fn flags(name: &str, description: &str) -> Vec<String> {
    let all = [name, description].into_iter().flat_map(appraisal::flags);
    all.map(|flag| format!("{}: {}", flag.kind.as_str(), flag.seen)).collect()
}

/// Sweeps now and then, for as long as the room is there.
async fn housekeeping(room: Weak<Decisions>) {
    loop {
        let Some(every) = room.upgrade().map(|room| Duration::from_secs(room.rules().sweep_s.max(1))) else { return };
        tokio::time::sleep(every).await;
        let Some(room) = room.upgrade() else { return };
        room.tasks().retain(|task| !task.is_finished());
        if let Err(error) = room.sweep().await {
            tracing::warn!(code = error.code(), %error, "decisions past their time could not be removed, they are later");
        }
    }
}
