//! SQLite: one writer, many readers.
//!
//! Every write goes through one task. It begins a transaction, runs what waits in line, each closure in a savepoint
//! of its own, and commits all of it with one wait for the disk; only then is anybody told. That is serializable by
//! construction, and a crowd of writers shares the cost of durability.

mod handle;
mod job;
mod writer;

use crate::config::Limits;
use crate::pool::{Pool, Size};
use crate::tx::{Conn, run};
use crate::{StoreError, Tx};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
pub(crate) use handle::Handle;
use job::{Job, Pending};
use measure::{StoreMetrics, StorePool};
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use writer::Writer;

/// One file.
pub(crate) struct Sqlite {
    pub(crate) path: PathBuf,
    /// Taken when the store closes; then the writer finishes what is in line, and ends.
    line: Mutex<Option<mpsc::Sender<Box<dyn Job>>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    readers: Pool<Handle>,
    limits: Limits,
    metrics: StoreMetrics,
}

impl Sqlite {
    pub(crate) async fn open(path: &Path, limits: &Limits, metrics: &StoreMetrics) -> Result<Self, StoreError> {
        touch(path)?;
        let writer = Handle::writer(path).await?;
        let at = path.to_owned();
        let connect = Box::new(move || Handle::reader(at.clone()).boxed());
        let size = Size { fewest: limits.pool_min, most: limits.pool_max, acquire: limits.acquire };
        let readers = Pool::new(connect, size, metrics.pool(StorePool::Reader));
        readers.fill().await?;
        metrics.pool(StorePool::Writer).limit.set(1);
        let (line, orders) = mpsc::channel(limits.queue_max);
        let writer = Writer::new(path, writer, orders, readers.clone(), limits, metrics);
        let writer = Mutex::new(Some(tokio::spawn(writer.run())));
        let (path, limits, metrics) = (path.to_owned(), limits.clone(), metrics.clone());
        Ok(Self { path, line: Mutex::new(Some(line)), writer, readers, limits, metrics })
    }

    pub(crate) async fn write<T, E, W>(&self, within: Duration, work: W) -> Result<T, E>
    where
        W: for<'t> Fn(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + Sync + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (reply, mut answer) = oneshot::channel();
        let (job, ticket) = Pending::new(work, within, reply, &self.metrics.queue);
        self.put_in_line(Box::new(job))?;
        let acquire = self.limits.acquire;
        let answered = match timeout(acquire, &mut answer).await {
            Ok(answered) => answered,
            Err(_elapsed) if ticket.take_back() => return Err(StoreError::Busy { within: acquire }.into()),
            Err(_elapsed) => answer.await,
        };
        answered.unwrap_or_else(|_| Err(StoreError::Closed.into()))
    }

    pub(crate) async fn read<T, E, W>(&self, work: W) -> Result<T, E>
    where
        W: for<'t> Fn(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + Sync,
        E: From<StoreError>,
    {
        let within = self.limits.transaction;
        let conn = Conn::Reader(self.readers.get().await?);
        let mut tx = Tx::new(conn, &self.metrics, self.limits.slow, within);
        let viewed = timeout(within, async {
            tx.begin_view();
            let result = run(&work, &mut tx).await?;
            // Nothing has changed, so nothing can be lost here but the connection.
            let _ = tx.end("ROLLBACK").await;
            let result = result?;
            tx.verdict()?;
            Ok(result)
        });
        viewed.await.unwrap_or_else(|_elapsed| Err(StoreError::Slow { within }.into()))
    }

    /// Finishes what is in line, puts the log into the file and closes it.
    pub(crate) async fn close(&self) {
        drop(locked(&self.line).take());
        let writer = locked(&self.writer).take();
        if let Some(writer) = writer {
            let _ = writer.await;
        }
    }

    fn put_in_line(&self, job: Box<dyn Job>) -> Result<(), StoreError> {
        let line = locked(&self.line);
        let line = line.as_ref().ok_or(StoreError::Closed)?;
        line.try_send(job).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => StoreError::Queue { most: self.limits.queue_max },
            mpsc::error::TrySendError::Closed(_) => StoreError::Closed,
        })
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes the file, for its owner alone, and the folders it lies in.
fn touch(path: &Path) -> Result<(), StoreError> {
    let fault = |source| StoreError::File { path: path.to_owned(), source };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(fault)?;
    }
    OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path).map(drop).map_err(fault)
}
