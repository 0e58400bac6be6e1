//! The catalogue of tools: thousands of them, found, described and called through a few.
//!
//! [`Toolbox`] owns what tools are: it imports them, says whose they are and who may see them, and calls those that are
//! operations of HTTP APIs. Finding is `retrieval`'s. What a caller may not see does not exist for it: it is not found,
//! not described, not called, not offered as the nearest name, and moves nobody's rank.
//!
//! This room knows no door and no protocol beyond `caller`'s traits. Servers of tools are known here and not connected.

mod admit;
mod call;
mod catalogue;
mod document;
mod error;
mod evaluation;
mod execute;
mod find;
mod id;
mod kept;
mod list;
mod readable;
mod recent;
mod record;
mod replay;
mod results;
mod saved;
mod snapshot;
mod tables;
#[cfg(test)]
mod tests;
mod tools;

pub use call::Call;
pub use definitions::{
    Annotations, Defaults, Definition, Example, Format, Http, Kind, Noted, Parameter, Refused, Report, Server,
};
pub use document::document;
pub use error::ToolboxError;
pub use evaluation::{Evaluation, EvaluationError, Labelled, Latency, Quality, Tuned};
pub use find::{Answer, Detail, Find, FoundTool, Spared};
pub use list::{DomainCount, Info, Listed, Statistics, ToolCount, Upstream, Wanted};

use catalogue::{Catalogue, Totals, Viewer};
use definitions::{Domains, Validators};
use fault::Explain;
use kept::Tiers;
use measure::{Metrics, ToolMetrics};
use net::Guarded;
use recent::Recent;
use record::Records;
use results::Results;
use retrieval::{Collection, Retrieval};
use saved::Saved;
use settings::Tools;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;
use store::Store;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// How often figures about calls are written, and old keys removed.
const HOUSEKEEPING: Duration = Duration::from_secs(10);
/// How long after a change the catalogue is kept in one piece, and how long it is not kept again: that costs about what a
/// start saves by it.
const SNAPSHOT_AFTER: Duration = Duration::from_secs(1);
const SNAPSHOT_AGAIN: Duration = Duration::from_secs(60);

/// What a toolbox is made of.
pub struct Setup {
    /// Where the catalogue is kept.
    pub store: Store,
    /// Who finds.
    pub retrieval: Arc<Retrieval>,
    /// Who sends requests to addresses that nobody vouches for.
    pub guarded: Guarded,
    /// By which rules.
    pub settings: Tools,
    /// Sizes of the tiers in which searches and definitions are kept.
    pub cache: settings::Cache,
    /// Where the tier on disk may lie; without a folder there is none.
    pub folder: Option<PathBuf>,
    /// What replicas share, if anything.
    pub remote: Option<Arc<dyn cache::Remote>>,
    /// Where figures go.
    pub metrics: Arc<Metrics>,
}

/// The rules in force.
struct Rules {
    settings: Tools,
    domains: Domains,
}

/// What the store knows of the catalogue. Reading it needs nothing of [`Setup`] but the store, so that it can be read while
/// the index is filled.
pub struct Stock {
    entries: Vec<catalogue::Entry>,
    version: i64,
    records: Records,
}

impl Stock {
    /// Reads it, and makes the tables where they are not there yet.
    ///
    /// # Errors
    /// [`ToolboxError`]: the store cannot be used.
    pub async fn read(store: &Store) -> Result<Self, ToolboxError> {
        tables::migrate(store).await?;
        let (entries, version) = snapshot::all(store).await?;
        Ok(Self { entries, version, records: Records::open(store).await? })
    }
}

/// The catalogue of tools.
pub struct Toolbox {
    store: Store,
    retrieval: Arc<Retrieval>,
    guarded: Guarded,
    /// Who makes vectors, if anybody: another model finds other tools.
    model: Option<String>,
    rules: RwLock<Arc<Rules>>,
    catalogue: RwLock<Catalogue>,
    cache: Arc<Tiers>,
    /// What replicas share, as far as it is asked whether it is there.
    remote: Option<Arc<dyn cache::Remote>>,
    /// Whoever changes the catalogue holds this.
    changing: tokio::sync::Mutex<()>,
    results: Results,
    recent: Recent,
    records: Records,
    validators: Validators,
    saved: Saved,
    /// Rung when tools came or went.
    changed: Arc<Notify>,
    /// Raised when rules change: what was found before is found differently now. It begins anywhere: what an earlier run or
    /// another server has kept was found by its own weights, and with what may have been forgotten since.
    epoch: AtomicU64,
    metrics: ToolMetrics,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

impl Toolbox {
    /// Opens the tables, making them where they are not there yet, reads the catalogue, and makes good what a crash has left
    /// between it and the index.
    ///
    /// # Errors
    /// [`ToolboxError`]: the store, the index or the cache cannot be used.
    pub async fn open(setup: Setup) -> Result<Arc<Self>, ToolboxError> {
        let stock = Stock::read(&setup.store).await?;
        Self::open_with(setup, stock).await
    }

    /// The same with what was read already.
    ///
    /// # Errors
    /// As for [`Toolbox::open`].
    pub async fn open_with(setup: Setup, stock: Stock) -> Result<Arc<Self>, ToolboxError> {
        let Setup { store, retrieval, guarded, settings, cache, folder, remote, metrics } = setup;
        let Stock { entries, version, records } = stock;
        let clock: cache::Clock = Arc::new(|| calendar::now_ms().unsigned_abs());
        let tool_metrics = metrics.tools();
        let (name, shared, seed) = ("tools", remote.clone(), fastrand::u64(..));
        let tiers = cache::Setup { name, settings: cache, folder, remote: shared, metrics, clock, seed };
        let (cache, mut worker) =
            Tiers::open(tiers).map_err(|error| ToolboxError::Cache { reason: error.to_string() })?;
        let worker = tokio::spawn(async move { worker.run().await });
        let domains = Domains::new(&settings.domain);
        let toolbox = Arc::new(Self {
            store,
            model: retrieval.progress().model,
            retrieval,
            guarded,
            rules: RwLock::new(Arc::new(Rules { settings, domains })),
            catalogue: RwLock::new(Catalogue::new(entries, version)),
            cache,
            remote,
            changing: tokio::sync::Mutex::new(()),
            results: Results::default(),
            recent: Recent::default(),
            records,
            validators: Validators::default(),
            saved: Saved::default(),
            changed: Arc::default(),
            epoch: AtomicU64::new(fastrand::u64(..)),
            metrics: tool_metrics,
            tasks: Mutex::default(),
        });
        toolbox.reconcile().await?;
        toolbox.show_change();
        let keeper = tokio::spawn(housekeeping(Arc::downgrade(&toolbox)));
        let keeping = tokio::spawn(keeping(Arc::downgrade(&toolbox), Arc::clone(&toolbox.changed)));
        lock(&toolbox.tasks).extend([worker, keeper, keeping]);
        Ok(toolbox)
    }

    /// Works by other settings from now on. Sizes of the cache are fixed at the start. Domains of tools that are there
    /// stay as they are until they are imported again.
    pub fn reload(&self, settings: Tools) {
        let domains = Domains::new(&settings.domain);
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Rules { settings, domains });
        self.epoch.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }

    /// The tools that find, describe and call all others, for `/mcp`.
    pub fn core_tools(self: &Arc<Self>) -> Vec<Arc<dyn caller::Tool>> {
        tools::core(self)
    }

    /// The tools under the names that ToolWeaver's users know, for `/mcp/s/tools`.
    pub fn toolset(self: &Arc<Self>) -> Vec<Arc<dyn caller::Tool>> {
        tools::toolset(self)
    }

    /// How many tools there are, of all tenants.
    pub fn len(&self) -> usize {
        read(&self.catalogue).len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The version of the catalogue: it grows with each change.
    pub fn catalog_version(&self) -> i64 {
        read(&self.catalogue).version
    }

    /// Writes what is not written yet; afterwards nothing is recorded.
    pub async fn close(&self) {
        for task in std::mem::take(&mut *lock(&self.tasks)) {
            task.abort();
        }
        self.keep_snapshots().await;
        if let Err(error) = self.records.write(&self.store).await {
            tracing::warn!(code = error.code(), %error, "how the last calls of tools went could not be written");
        }
    }

    fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.rules.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// How much there is for a caller.
    fn totals(&self, viewer: &Viewer) -> Totals {
        if let Some(known) = read(&self.catalogue).known_totals(viewer) {
            return known;
        }
        write(&self.catalogue).totals(viewer)
    }

    /// Tells that tools came or went.
    fn show_change(&self) {
        self.metrics.known.set(i64::try_from(self.len()).unwrap_or(i64::MAX));
        self.changed.notify_one();
    }

    /// Keeps what the next start reads in one piece, where it has changed since that was done.
    async fn keep_snapshots(&self) {
        let keep = async {
            snapshot::keep(&self.store).await?;
            self.retrieval.keep_snapshot(&COLLECTION).await?;
            Ok::<_, ToolboxError>(())
        };
        if let Err(error) = keep.await {
            tracing::warn!(code = error.code(), %error, "the catalogue is not kept in one piece: a start is slower");
        }
    }
}

impl Drop for Toolbox {
    fn drop(&mut self) {
        for task in lock(&self.tasks).iter() {
            task.abort();
        }
    }
}

/// Keeps the catalogue in one piece, a moment after it has changed and not too often.
async fn keeping(toolbox: std::sync::Weak<Toolbox>, changed: Arc<Notify>) {
    loop {
        changed.notified().await;
        tokio::time::sleep(SNAPSHOT_AFTER).await;
        let Some(toolbox) = toolbox.upgrade() else { return };
        toolbox.keep_snapshots().await;
        drop(toolbox);
        tokio::time::sleep(SNAPSHOT_AGAIN).await;
    }
}

async fn housekeeping(toolbox: std::sync::Weak<Toolbox>) {
    let mut rounds = tokio::time::interval(HOUSEKEEPING);
    rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        rounds.tick().await;
        let Some(toolbox) = toolbox.upgrade() else { return };
        let written = toolbox.records.write(&toolbox.store).await;
        let purged = replay::purge(&toolbox.store, calendar::now_ms()).await.map(drop);
        if let Err(error) = written.and(purged) {
            tracing::warn!(code = error.code(), %error, "the figures of tools could not be written, they are later");
        }
    }
}

/// Where tools are in `retrieval`.
const COLLECTION: Collection = Collection::Tools;

fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
