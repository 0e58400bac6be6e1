//! PostgreSQL: a pool, an isolation level for each transaction, and another try after a conflict.
//!
//! Behind a pooler that hands out connections per transaction, a statement prepared on one connection may be missing
//! on the next, or be somebody else's. A pooler does not pass on a start-up option of our own, and by that it is
//! known: then nothing is kept prepared.

mod reach;

pub(crate) use reach::{Seen, see};

use crate::address::Server;
use crate::config::Limits;
use crate::pool::silent;
use crate::pool::{Link, Pool, Size};
use crate::tx::{Conn, run};
use crate::{Isolation, StoreError, Tx};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use measure::{StoreConflict, StoreMetrics, StorePool};
use sqlx::Connection;
use sqlx::postgres::PgConnection;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// The wait before the first new attempt after a conflict; it doubles each time, and chance takes up to half of it.
const BACKOFF: Duration = Duration::from_millis(10);

/// One server.
pub(crate) struct Postgres {
    pool: Pool<PgConnection>,
    /// Whether it is the server itself that answers, so that statements may be kept prepared.
    pub(crate) direct: bool,
    pub(crate) server: Server,
    begin: Begin,
    pub(crate) limits: Limits,
    metrics: StoreMetrics,
}

/// How transactions begin.
struct Begin {
    serializable: Arc<str>,
    read_committed: Arc<str>,
    view: Arc<str>,
}

/// How one attempt went.
enum Attempt<T, E> {
    Done(T),
    /// Its own work gave it up.
    Undone(E),
    /// It met others; it may be tried again.
    Met(StoreConflict),
    /// The database failed it.
    Failed(E),
}

impl Postgres {
    pub(crate) async fn open(
        server: &Server,
        limits: &Limits,
        metrics: &StoreMetrics,
        which: StorePool,
    ) -> Result<Self, StoreError> {
        let reached = timeout(limits.acquire, reach::reach(&server.options, limits.transaction));
        let (options, direct) = reached.await.unwrap_or_else(|_| Err(silent()))?;
        if !direct {
            tracing::info!("a pooler stands before PostgreSQL: statements are not kept prepared");
        }
        let connect = Box::new(move || reach::connect(options.clone()).boxed());
        let size = Size { fewest: limits.pool_min, most: limits.pool_max, acquire: limits.acquire };
        let pool = Pool::new(connect, size, metrics.pool(which));
        pool.fill().await?;
        let begin = Begin::new(direct, limits.transaction);
        let (server, limits, metrics) = (server.clone(), limits.clone(), metrics.clone());
        Ok(Self { pool, direct, server, begin, limits, metrics })
    }

    pub(crate) async fn write<T, E, W>(&self, isolation: Isolation, within: Duration, work: W) -> Result<T, E>
    where
        W: for<'t> Fn(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + Sync,
        E: From<StoreError>,
    {
        let begin = match isolation {
            Isolation::Serializable => &self.begin.serializable,
            Isolation::ReadCommitted => &self.begin.read_committed,
        };
        let attempt = self.run(begin, within, &work).await;
        match &attempt {
            Attempt::Done(_) => {
                self.metrics.committed.inc();
                self.metrics.commits.inc();
            }
            Attempt::Undone(_) => self.metrics.rolled_back.inc(),
            Attempt::Met(_) | Attempt::Failed(_) => self.metrics.failed.inc(),
        }
        self.result(attempt)
    }

    pub(crate) async fn read<T, E, W>(&self, work: W) -> Result<T, E>
    where
        W: for<'t> Fn(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + Sync,
        E: From<StoreError>,
    {
        self.result(self.run(&self.begin.view, self.limits.transaction, &work).await)
    }

    pub(crate) async fn close(&self) {
        self.pool.close(self.limits.transaction).await;
    }

    fn result<T, E: From<StoreError>>(&self, attempt: Attempt<T, E>) -> Result<T, E> {
        match attempt {
            Attempt::Done(result) => Ok(result),
            Attempt::Undone(error) | Attempt::Failed(error) => Err(error),
            Attempt::Met(_) => Err(StoreError::Conflict { attempts: self.limits.retries_max + 1 }.into()),
        }
    }

    /// Attempts until one does not meet others.
    async fn run<T, E, W>(&self, begin: &Arc<str>, within: Duration, work: &W) -> Attempt<T, E>
    where
        W: for<'t> Fn(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + Sync,
        E: From<StoreError>,
    {
        for retries in 0..self.limits.retries_max {
            match self.attempt(begin, within, work).await {
                Attempt::Met(conflict) => {
                    self.metrics.retried(conflict).inc();
                    tokio::time::sleep(jittered(retries)).await;
                }
                other => return other,
            }
        }
        self.attempt(begin, within, work).await
    }

    async fn attempt<T, E, W>(&self, begin: &Arc<str>, within: Duration, work: &W) -> Attempt<T, E>
    where
        W: for<'t> Fn(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + Sync,
        E: From<StoreError>,
    {
        let mut tx = match self.started(begin, within).await {
            Ok(tx) => tx,
            Err(error) => return Attempt::Failed(error.into()),
        };
        let ran = timeout(within, finish(&mut tx, work)).await;
        match (ran, tx.conflict) {
            (Ok(Ok(Ok(result))), _) => Attempt::Done(result),
            (Ok(_), Some(conflict)) => Attempt::Met(conflict),
            (Ok(Ok(Err(error))), None) if tx.lost().is_some() => Attempt::Failed(error),
            (Ok(Ok(Err(error))), None) => Attempt::Undone(error),
            (Ok(Err(error)), None) => Attempt::Failed(error.into()),
            (Err(_elapsed), _) => Attempt::Failed(StoreError::Slow { within }.into()),
        }
    }

    /// A transaction that has begun. Connections that have died in the pool are thrown away until one lives.
    async fn started(&self, begin: &Arc<str>, within: Duration) -> Result<Tx, StoreError> {
        loop {
            let lease = self.pool.get().await?;
            let fresh = lease.fresh;
            let conn = Conn::Postgres { lease, prepared: self.direct };
            let mut tx = Tx::new(conn, &self.metrics, self.limits.slow, within);
            match timeout(self.limits.acquire, tx.begin(Arc::clone(begin))).await {
                Ok(Ok(())) => return Ok(tx),
                Ok(Err(StoreError::Unreachable { .. })) if !fresh => {}
                Ok(Err(error)) => return Err(error),
                Err(_elapsed) => return Err(silent()),
            }
        }
    }
}

/// Runs the work and ends its transaction: the inner error is the work's own.
async fn finish<T, E, W>(tx: &mut Tx, work: &W) -> Result<Result<T, E>, StoreError>
where
    W: for<'t> Fn(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + Sync,
{
    let result = run(work, tx).await?;
    let verdict = tx.verdict();
    if result.is_ok() && verdict.is_ok() {
        tx.end("COMMIT").await?;
        return Ok(result);
    }
    // Where even that fails, the connection is closed instead.
    let _ = tx.end("ROLLBACK").await;
    match result {
        Ok(_) => verdict.map(|()| result),
        Err(_) => Ok(result),
    }
}

impl Begin {
    /// Behind a pooler the server does not know our time limit, so each transaction says it.
    fn new(direct: bool, within: Duration) -> Self {
        let more =
            if direct { String::new() } else { format!("; SET LOCAL statement_timeout = {}", within.as_millis()) };
        let begin = |level: &str| Arc::from(format!("BEGIN ISOLATION LEVEL {level}{more}"));
        Self {
            serializable: begin("SERIALIZABLE"),
            read_committed: begin("READ COMMITTED"),
            view: begin("REPEATABLE READ READ ONLY"),
        }
    }
}

impl Link for PgConnection {
    async fn close(self) {
        // Whoever has gone away already cannot be said goodbye to.
        let _ = Connection::close(self).await;
    }
}

/// A wait by chance, up to a bound that doubles.
fn jittered(retries: u32) -> Duration {
    let most = BACKOFF.saturating_mul(1 << retries.min(8));
    most.mul_f64(0.5 + fastrand::f64() / 2.0)
}
