//! The one task that writes.

use super::handle::Handle;
use super::job::Job;
use crate::config::Limits;
use crate::pool::{Link, Pool};
use crate::tx::Conn;
use crate::{StoreError, Tx};
use measure::{StoreConflict, StoreMetrics, StorePool};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

/// A group takes nobody else in after this long: who came first waits for the others.
const GROUP_TIME: Duration = Duration::from_millis(50);
/// How long a connection that is thrown away may take to close.
const CLOSE_WAIT: Duration = Duration::from_secs(1);

/// The writer and its line. It ends when the line does.
pub(super) struct Writer {
    path: PathBuf,
    /// The connection; gone after a transaction was lost, for then nobody knows what state it is in.
    tx: Option<Tx>,
    line: mpsc::Receiver<Box<dyn Job>>,
    readers: Pool<Handle>,
    limits: Limits,
    metrics: StoreMetrics,
}

/// How one job in a group went.
enum Step {
    /// It stays, if the group is committed.
    Kept(Box<dyn Job>),
    /// Nothing of it is left.
    Undone,
    /// The database has given up the whole transaction.
    Lost(StoreError),
}

impl Writer {
    pub(super) fn new(
        path: &Path,
        handle: Handle,
        line: mpsc::Receiver<Box<dyn Job>>,
        readers: Pool<Handle>,
        limits: &Limits,
        metrics: &StoreMetrics,
    ) -> Self {
        let (limits, metrics) = (limits.clone(), metrics.clone());
        let tx = Some(Tx::new(Conn::Writer(handle), &metrics, limits.slow, limits.transaction));
        Self { path: path.to_owned(), tx, line, readers, limits, metrics }
    }

    pub(super) async fn run(mut self) {
        while let Some(first) = self.line.recv().await {
            let innocent = self.group(VecDeque::from([first]), true).await;
            if !innocent.is_empty() {
                self.group(innocent, false).await;
            }
        }
        self.readers.close(self.limits.transaction).await;
        let Some(mut writer) = self.tx.take().and_then(Tx::into_writer) else { return };
        // The last one to close does this too, but not where another process still has the file open.
        if let Err(error) = writer.ask("PRAGMA wal_checkpoint(TRUNCATE)").await {
            tracing::warn!(%error, "the log of SQLite stays beside its file");
        }
        writer.close().await;
    }

    /// One transaction for those who are `ready` and whoever else is in line. When it is lost by one of them, the
    /// others come back once, to be run again.
    async fn group(&mut self, mut ready: VecDeque<Box<dyn Job>>, once_more: bool) -> VecDeque<Box<dyn Job>> {
        let _level = self.metrics.pool(StorePool::Writer).in_use.enter();
        if let Err(error) = self.begin().await {
            self.fail(ready, error);
            return VecDeque::new();
        }
        let (began, mut kept) = (Instant::now(), VecDeque::new());
        while let Some(job) = ready.pop_front().or_else(|| self.line.try_recv().ok()) {
            match self.step(job).await {
                Step::Kept(job) => kept.push_back(job),
                Step::Undone => {}
                Step::Lost(error) => {
                    self.reset().await;
                    kept.extend(ready);
                    if once_more {
                        return kept;
                    }
                    self.fail(kept, error);
                    return VecDeque::new();
                }
            }
            if ready.is_empty() && (kept.len() >= self.limits.group_max || began.elapsed() > GROUP_TIME) {
                break;
            }
        }
        self.finish(kept).await;
        VecDeque::new()
    }

    /// Takes the lock, again where another process holds it.
    async fn begin(&mut self) -> Result<(), StoreError> {
        let (began, mut attempt) = (Instant::now(), 0);
        loop {
            let tx = self.writer().await?;
            tx.forget();
            let Err(error) = tx.control("BEGIN IMMEDIATE; SAVEPOINT work").await else { return Ok(()) };
            if tx.conflict != Some(StoreConflict::Busy) {
                self.reset().await;
                return Err(error);
            }
            if attempt >= self.limits.retries_max {
                return Err(StoreError::Busy { within: began.elapsed() });
            }
            attempt += 1;
            self.metrics.retried(StoreConflict::Busy).inc();
        }
    }

    /// The connection, a new one if need be.
    async fn writer(&mut self) -> Result<&mut Tx, StoreError> {
        let tx = match self.tx.take() {
            Some(tx) => tx,
            None => {
                let conn = Conn::Writer(Handle::writer(&self.path).await?);
                Tx::new(conn, &self.metrics, self.limits.slow, self.limits.transaction)
            }
        };
        Ok(self.tx.insert(tx))
    }

    async fn step(&mut self, mut job: Box<dyn Job>) -> Step {
        let Some(waited) = job.start() else { return Step::Undone };
        self.metrics.pool(StorePool::Writer).waited(waited);
        let Some(tx) = &mut self.tx else { return Step::Lost(StoreError::Closed) };
        match savepoint(tx, job.as_mut()).await {
            Ok(Ran::Kept) => return Step::Kept(job),
            Ok(Ran::Undone) if tx.lost().is_some() => self.metrics.failed.inc(),
            Ok(Ran::Undone) => self.metrics.rolled_back.inc(),
            Ok(Ran::Slow) => {
                let within = job.within();
                self.fail([job].into(), StoreError::Slow { within });
            }
            Err(error) => {
                self.fail([job].into(), error.again());
                return Step::Lost(error);
            }
        }
        Step::Undone
    }

    async fn finish(&mut self, kept: VecDeque<Box<dyn Job>>) {
        let Some(tx) = &mut self.tx else { return self.fail(kept, StoreError::Closed) };
        if kept.is_empty() {
            if let Err(error) = tx.control("ROLLBACK").await {
                tracing::error!(%error, "an empty transaction cannot be ended");
                self.reset().await;
            }
            return;
        }
        match tx.control("COMMIT").await {
            Ok(()) => {
                self.metrics.commits.inc();
                self.metrics.committed.add(kept.len() as u64);
                kept.into_iter().for_each(|job| job.tell(Ok(())));
            }
            Err(error) => {
                self.reset().await;
                self.fail(kept, error);
            }
        }
    }

    /// Throws the connection away, and with it whatever transaction may still be open on it.
    async fn reset(&mut self) {
        let Some(mut tx) = self.tx.take() else { return };
        // Often there is nothing to roll back any more.
        let _ = tx.control("ROLLBACK").await;
        if let Some(handle) = tx.into_writer() {
            let _ = timeout(CLOSE_WAIT, handle.close()).await;
        }
    }

    /// Tells everybody that nothing was kept.
    fn fail(&self, jobs: VecDeque<Box<dyn Job>>, error: StoreError) {
        tracing::warn!(%error, transactions = jobs.len(), "transactions failed");
        self.metrics.failed.add(jobs.len() as u64);
        jobs.into_iter().for_each(|job| job.tell(Err(error.again())));
    }
}

/// How one job in its savepoint went.
enum Ran {
    Kept,
    Undone,
    Slow,
}

/// Runs one job in a savepoint. An error is the end of the whole transaction.
async fn savepoint(tx: &mut Tx, job: &mut dyn Job) -> Result<Ran, StoreError> {
    let within = job.within();
    tx.next_work(within);
    let ran = timeout(within, job.run(tx)).await;
    if ran == Ok(true) {
        return Ok(Ran::Kept);
    }
    let slow = ran.is_err();
    if slow {
        tx.interrupt().await;
    }
    // A full disk, among others, makes SQLite give up the whole transaction: then there is no savepoint to go back to,
    // and nothing may run on as if there were a transaction.
    match tx.undo_work().await {
        Ok(()) if slow => Ok(Ran::Slow),
        Ok(()) => Ok(Ran::Undone),
        Err(_) if slow => Err(StoreError::Slow { within }),
        Err(error) => Err(tx.lost().unwrap_or(error)),
    }
}
