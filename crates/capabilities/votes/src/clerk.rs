//! The one task that writes the log, reads the counts again while somebody looks at them, and removes what is old.

use crate::log::{self, Entry};
use crate::{Desk, standing};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

/// Questions that wait to be written, at most.
pub(crate) const QUEUE_MAX: usize = 10_000;
/// How long the first question waits for others, and how many are written at once.
const GATHER: Duration = Duration::from_millis(200);
const BATCH_MAX: usize = 200;
/// The pause after writing failed, and how often it is tried when the server stops.
const AGAIN: Duration = Duration::from_secs(1);
const CLOSING_TRIES: u32 = 3;
/// How often old rows are removed; the first time a minute after the start, and soon again if there are more.
const PURGE: Duration = Duration::from_secs(3_600);
const PURGE_FIRST: Duration = Duration::from_secs(60);
const PURGE_MORE: Duration = Duration::from_secs(1);

/// What the clerk is told.
pub(crate) enum Job {
    /// A question to write down.
    Write(Box<Entry>),
    /// Answer once everything before this is written; the answer does not come if it cannot be.
    Flush(oneshot::Sender<()>),
    /// Read the counts again.
    Refresh,
}

/// The clerk.
pub(crate) struct Clerk {
    desk: Arc<Desk>,
    jobs: mpsc::Receiver<Job>,
    purge: Instant,
    /// What is not known to be written yet.
    batch: Arc<Vec<Entry>>,
    waiting: Vec<oneshot::Sender<()>>,
}

impl Clerk {
    pub(crate) fn new(desk: Arc<Desk>, jobs: mpsc::Receiver<Job>) -> Self {
        Self { desk, jobs, purge: Instant::now() + PURGE_FIRST, batch: Arc::default(), waiting: Vec::new() }
    }

    /// Works until nobody can tell it anything more.
    pub(crate) async fn run(mut self) {
        let mut failures = 0;
        loop {
            let job = tokio::select! {
                job = self.jobs.recv() => job,
                () = sleep_until(self.purge) => {
                    self.purge().await;
                    continue;
                }
            };
            let Some(job) = job else { return };
            self.gather(job).await;
            while !self.write().await {
                failures += 1;
                let closing = self.jobs.is_closed();
                if closing && failures >= CLOSING_TRIES {
                    tracing::error!(
                        questions = self.batch.len(),
                        "votes could not be written before the server stopped"
                    );
                    return;
                }
                sleep(AGAIN).await;
            }
            failures = 0;
        }
    }

    /// Collects what comes within a moment, unless somebody waits for it.
    async fn gather(&mut self, first: Job) {
        let (until, mut batch, mut next) = (Instant::now() + GATHER, Vec::new(), Some(first));
        while let Some(job) = next {
            match job {
                Job::Write(entry) => batch.push(*entry),
                Job::Flush(done) => {
                    self.waiting.push(done);
                    break;
                }
                Job::Refresh => self.refresh().await,
            }
            if batch.len() >= BATCH_MAX || batch.is_empty() {
                break;
            }
            next = timeout_at(until, self.jobs.recv()).await.ok().flatten();
        }
        self.batch = Arc::new(batch);
    }

    /// Writes what was collected; whether it is written.
    async fn write(&mut self) -> bool {
        if !self.batch.is_empty() {
            if let Err(error) = log::write(&self.desk.store, Arc::clone(&self.batch)).await {
                tracing::warn!(%error, questions = self.batch.len(), "votes could not be written, they wait");
                // Whoever waits for it hears that it has not happened.
                self.waiting.clear();
                return false;
            }
            self.desk.metrics.logged.add(self.batch.len() as u64);
            self.batch = Arc::default();
        }
        for done in self.waiting.drain(..) {
            let _ = done.send(());
        }
        true
    }

    async fn refresh(&self) {
        let epoch = self.desk.epoch();
        match standing::read(&self.desk.store, None, None).await {
            Ok(read) => self.desk.take_over(read, epoch),
            Err(error) => tracing::warn!(%error, "what is known of panels could not be read again"),
        }
    }

    async fn purge(&mut self) {
        let days = self.desk.days.load(Ordering::Relaxed);
        let purged = log::purge(&self.desk.store, days, (self.desk.clock)()).await;
        let more = purged.unwrap_or_else(|error| {
            tracing::warn!(%error, "old votes could not be removed");
            false
        });
        self.purge = Instant::now() + if more { PURGE_MORE } else { PURGE };
    }
}
