//! What each member of a panel answered, and later who was right: the log that measured weights stand on.
//!
//! Of an answer only its group is kept, never its words. Writing delays and fails no request: questions wait in a line
//! of bounded length for one task, and what finds no room is counted and let go. Once the truth about a question is told,
//! it adds to how often each model was right, and two of them together; whoever cancelled or failed is in neither count.
//!
//! What is measured of a panel is added up over all tenants, because a model is as good for one as for another and one
//! tenant alone would take long to measure anything; what is *shown* to a tenant is added up over its own questions.
//! This room knows no weight, no correlation and no protocol.

mod clerk;
mod error;
mod log;
mod schema;
mod standing;
#[cfg(test)]
mod tests;
mod truth;

pub use error::VotesError;
pub use standing::{Accuracy, Standing, Together};
pub use truth::Settled;

use arc_swap::ArcSwap;
use caller::Identity;
use clerk::{Clerk, Job, QUEUE_MAX};
use futures_util::FutureExt;
use log::Entry;
use measure::VotesMetrics;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use store::{Isolation, Store};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use truth::Told;

/// How long counts in memory are believed while other servers may add to them.
const FRESH: Duration = Duration::from_secs(30);

/// How long anybody waits until what was noted before is written.
const FLUSH_WAIT: Duration = Duration::from_secs(5);

/// A question as a panel answered it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The panel.
    pub panel: String,
    /// The request.
    pub request_id: Arc<str>,
    /// Whose request it is.
    pub tenant: Arc<str>,
    /// How answers were compared.
    pub kind: &'static str,
    /// Whether the panel agreed.
    pub reached: bool,
    /// Each model that answered, with the number of the group that its answer is in.
    pub answers: Vec<(String, u32)>,
}

/// The log of a server.
pub struct Votes {
    desk: Arc<Desk>,
    /// Empty once the log is closed.
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    clerk: Mutex<Option<JoinHandle<()>>>,
}

/// What requests and the clerk share.
pub(crate) struct Desk {
    store: Store,
    metrics: VotesMetrics,
    clock: Box<dyn Fn() -> i64 + Send + Sync>,
    /// How long rows are kept.
    days: AtomicU32,
    /// Tells apart the questions of one millisecond. It begins anywhere, as other servers write to the same tables.
    numbers: AtomicI64,
    /// What is known of each panel, over all tenants.
    known: ArcSwap<HashMap<String, Arc<Standing>>>,
    began: Instant,
    /// How often something was learned of a panel. Held while `known` changes, so that what is older never follows.
    epoch: Mutex<u64>,
    /// Until when that is fresh, in milliseconds since `began`.
    fresh_until: AtomicU64,
}

impl Votes {
    /// Opens the log, makes its tables where they are not there yet, and reads what is known. Rows are kept for `days`.
    ///
    /// # Errors
    /// [`VotesError::Store`].
    pub async fn open(store: Store, days: u32, metrics: VotesMetrics) -> Result<Arc<Self>, VotesError> {
        Self::open_with(store, days, metrics, Box::new(calendar::now_ms)).await
    }

    async fn open_with(
        store: Store,
        days: u32,
        metrics: VotesMetrics,
        clock: Box<dyn Fn() -> i64 + Send + Sync>,
    ) -> Result<Arc<Self>, VotesError> {
        schema::migrate(&store).await?;
        let known = standing::read(&store, None, None).await?;
        let desk = Arc::new(Desk {
            store,
            metrics,
            clock,
            days: AtomicU32::new(days),
            numbers: AtomicI64::new(fastrand::i64(..)),
            known: ArcSwap::default(),
            epoch: Mutex::new(0),
            began: Instant::now(),
            fresh_until: AtomicU64::new(0),
        });
        desk.take_over(known, 0);
        let (jobs, line) = mpsc::channel(QUEUE_MAX);
        let clerk = tokio::spawn(Clerk::new(Arc::clone(&desk), line).run());
        Ok(Arc::new(Self { desk, jobs: Mutex::new(Some(jobs)), clerk: Mutex::new(Some(clerk)) }))
    }

    /// Keeps rows for another number of days.
    pub fn reload(&self, days: u32) {
        self.desk.days.store(days, Ordering::Relaxed);
    }

    /// Has a question written down, soon. Where too many wait it is let go, and counted.
    pub fn note(&self, asked: Asked) {
        let number = self.desk.numbers.fetch_add(1, Ordering::Relaxed);
        let entry = Entry::new(asked, (self.desk.clock)(), number);
        if !self.tell(Job::Write(Box::new(entry))) {
            self.desk.metrics.dropped.inc();
        }
    }

    /// What is known of a panel over all tenants, from memory; `None` of one that was never asked.
    pub fn known(&self, panel: &str) -> Option<Arc<Standing>> {
        if self.desk.is_stale() {
            self.tell(Job::Refresh);
        }
        self.desk.known.load().get(panel).cloned()
    }

    /// What is known of each panel, of the caller's own tenant; the house sees all tenants together.
    ///
    /// # Errors
    /// [`VotesError`].
    pub async fn standings(&self, who: &Identity) -> Result<BTreeMap<String, Standing>, VotesError> {
        // A store that cannot be written to can still be read.
        let _ = self.flush().await;
        Ok(standing::read(&self.desk.store, who.confined_to(), None).await?)
    }

    /// Tells which answers to a question of the caller's tenant were right. Naming one model of a group names the group:
    /// its members said the same. Naming nobody says that all were wrong. What was told before is taken back, where
    /// `version` does not forbid it: that is how often the truth was told, 0 for never.
    ///
    /// # Errors
    /// [`VotesError`]: nobody knows the question, another version is in force, or a model named has not answered.
    pub async fn settle(
        &self,
        who: &Identity,
        panel: &str,
        request_id: &str,
        right: Vec<String>,
        version: Option<i64>,
    ) -> Result<Settled, VotesError> {
        // The question may still wait to be written.
        self.flush().await?;
        let told = Arc::new(Told {
            tenant: Arc::clone(&who.tenant),
            panel: panel.to_owned(),
            request_id: request_id.to_owned(),
            right,
            version,
        });
        let settled = self.desk.store.write(Isolation::ReadCommitted, move |tx| {
            let told = Arc::clone(&told);
            async move { truth::settle(tx, &told).await }.boxed()
        });
        let settled = settled.await?;
        self.desk.metrics.settled.inc();
        if let Some(standing) = standing::read(&self.desk.store, None, Some(panel)).await?.remove(panel) {
            self.desk.learn(panel, standing);
        }
        Ok(settled)
    }

    /// Returns once everything noted before is written.
    ///
    /// # Errors
    /// [`VotesError::Unwritten`] if the store cannot be written to now; what waits is tried again.
    pub async fn flush(&self) -> Result<(), VotesError> {
        let (done, written) = oneshot::channel();
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let jobs = jobs.ok_or(VotesError::Unwritten)?;
        jobs.try_send(Job::Flush(done)).map_err(|_| VotesError::Unwritten)?;
        let written = tokio::time::timeout(FLUSH_WAIT, written).await;
        written.ok().and_then(Result::ok).ok_or(VotesError::Unwritten)
    }

    /// Writes what waits; afterwards nothing is noted.
    pub async fn close(&self) {
        drop(self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take());
        let clerk = self.clerk.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(clerk) = clerk
            && let Err(error) = clerk.await
        {
            tracing::error!(%error, "the log of votes was not closed");
        }
    }

    fn tell(&self, job: Job) -> bool {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.as_ref().is_some_and(|jobs| jobs.try_send(job).is_ok())
    }
}

impl Desk {
    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Whether the counts should be read again; whoever hears that sees to it, and others need not.
    fn is_stale(&self) -> bool {
        let (now, until) = (self.elapsed_ms(), self.fresh_until.load(Ordering::Relaxed));
        let next = now + u64::try_from(FRESH.as_millis()).unwrap_or(u64::MAX);
        let swap = || self.fresh_until.compare_exchange(until, next, Ordering::Relaxed, Ordering::Relaxed);
        now >= until && swap().is_ok()
    }

    /// How often something was learned; whoever reads asks this first.
    fn epoch(&self) -> u64 {
        *self.epoch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes over what was read of all panels, unless something was learned since `epoch`: that read may have begun before
    /// a truth was told which is known here. Then it is read again at the next occasion.
    fn take_over(&self, read: standing::Standings, epoch: u64) {
        let now = self.epoch.lock().unwrap_or_else(PoisonError::into_inner);
        if *now != epoch {
            self.fresh_until.store(0, Ordering::Relaxed);
            return;
        }
        let known = read.into_iter().map(|(panel, standing)| (panel, Arc::new(standing)));
        self.known.store(Arc::new(known.collect()));
        let until = self.elapsed_ms() + u64::try_from(FRESH.as_millis()).unwrap_or(u64::MAX);
        self.fresh_until.store(until, Ordering::Relaxed);
    }

    /// Takes over what was read about one panel.
    fn learn(&self, panel: &str, standing: Standing) {
        let mut epoch = self.epoch.lock().unwrap_or_else(PoisonError::into_inner);
        *epoch += 1;
        let standing = Arc::new(standing);
        self.known.rcu(|known| {
            let mut known = HashMap::clone(known);
            known.insert(panel.to_owned(), Arc::clone(&standing));
            known
        });
    }
}
