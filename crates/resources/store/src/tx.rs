//! A transaction in progress, on either database.

use crate::error::read;
use crate::pool::Lease;
use crate::sqlite::Handle;
use crate::value::{Found, check, for_postgres, for_sqlite};
use crate::{Row, StoreError, Value};
use fault::{Explain, Kind};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, TryStreamExt};
use measure::{StoreConflict, StoreMetrics};
use sqlx::postgres::PgConnection;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Executor, SqlSafeStr, SqlStr, raw_sql};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The most characters of a statement that are logged.
const SHOWN_CHARS_MAX: usize = 300;
/// What goes before the first statement of each piece of work in a group on SQLite: what came before it stays, and it
/// can be undone alone. On its way with the statement it costs no time of its own.
const APART: &str = "RELEASE work; SAVEPOINT work; ";
/// The same for a view.
const VIEW: &str = "BEGIN; ";

/// The text of a statement: `$1` for the first parameter, the same for both databases.
///
/// Text that is put together at run time may hold names and placeholders, never values.
#[derive(Debug, Clone)]
pub struct Sql(SqlStr);

impl From<&'static str> for Sql {
    fn from(text: &'static str) -> Self {
        Self(SqlStr::from_static(text))
    }
}

impl From<String> for Sql {
    fn from(text: String) -> Self {
        Self::from(Arc::<str>::from(text))
    }
}

impl From<Arc<str>> for Sql {
    fn from(text: Arc<str>) -> Self {
        Self(AssertSqlSafe(text).into_sql_str())
    }
}

/// What statements run on.
pub(crate) enum Conn {
    /// SQLite's one writer.
    Writer(Handle),
    Reader(Lease<Handle>),
    Postgres {
        lease: Lease<PgConnection>,
        /// Whether statements may be kept prepared: not behind a pooler that hands out connections per transaction.
        prepared: bool,
    },
}

/// A transaction in progress.
///
/// A statement that fails ends it: what was done is undone, whatever the work makes of the error, and every further
/// statement is refused.
pub struct Tx {
    conn: Option<Conn>,
    metrics: StoreMetrics,
    slow: Duration,
    /// How long the whole may take.
    within: Duration,
    /// What goes before the first statement, on SQLite; gone when that was sent.
    prefix: Option<&'static str>,
    /// Set when it is not certain that its first statement was reached.
    unsure: bool,
    /// Set while a transaction is open on a connection that goes back to a pool: dropped then, it is not reused.
    open: bool,
    /// Why the transaction is lost.
    failed: Option<StoreError>,
    /// The conflict that the statement which failed met.
    pub(crate) conflict: Option<StoreConflict>,
}

impl Tx {
    pub(crate) fn new(conn: Conn, metrics: &StoreMetrics, slow: Duration, within: Duration) -> Self {
        let (conn, metrics) = (Some(conn), metrics.clone());
        let (prefix, unsure, open, failed, conflict) = (None, false, false, None, None);
        Self { conn, metrics, slow, within, prefix, unsure, open, failed, conflict }
    }

    /// Runs a statement and gives the number of rows it changed, which only statements tell that change rows.
    ///
    /// # Errors
    /// [`StoreError`]; the transaction is lost then, return from the work.
    pub async fn execute(&mut self, sql: impl Into<Sql>, args: Vec<Value>) -> Result<u64, StoreError> {
        self.run(sql.into().0, args, true).await
    }

    /// Runs a query and gives all its rows: ask with a `LIMIT`.
    ///
    /// # Errors
    /// As for [`Tx::execute`].
    pub async fn fetch_all(&mut self, sql: impl Into<Sql>, args: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        let (sql, began) = (sql.into().0, Instant::now());
        self.check(&args)?;
        let text = self.sent(&sql);
        let rows = match self.conn()? {
            Conn::Writer(handle) => query_sqlite(&mut handle.conn, text, args).await,
            Conn::Reader(lease) => query_sqlite(&mut lease.link().conn, text, args).await,
            Conn::Postgres { lease, prepared } => {
                let query = sqlx::query_with(sql.clone(), for_postgres(args)?).persistent(*prepared);
                let rows = query.fetch_all(lease.link()).await;
                rows.map(|rows| rows.into_iter().map(|row| Row(Found::Postgres(row))).collect())
            }
        };
        self.finished(&sql, began, rows)
    }

    /// Runs a query and gives its first row, if there is one.
    ///
    /// # Errors
    /// As for [`Tx::execute`].
    pub async fn fetch_optional(&mut self, sql: impl Into<Sql>, args: Vec<Value>) -> Result<Option<Row>, StoreError> {
        Ok(self.fetch_all(sql, args).await?.into_iter().next())
    }

    /// Runs a query that must give a row.
    ///
    /// # Errors
    /// As for [`Tx::execute`], and [`StoreError::Shape`] if there is none.
    pub async fn fetch_one(&mut self, sql: impl Into<Sql>, args: Vec<Value>) -> Result<Row, StoreError> {
        let row = self.fetch_optional(sql, args).await?;
        row.ok_or_else(|| StoreError::Shape { reason: "no row came back".to_owned() })
    }

    /// Inserts many rows with few statements: `head` is `INSERT INTO t (a, b)`, `tail` what follows the values; neither
    /// has parameters of its own.
    ///
    /// # Errors
    /// As for [`Tx::execute`].
    pub async fn insert_many(&mut self, head: &str, rows: Vec<Vec<Value>>, tail: &str) -> Result<u64, StoreError> {
        /// Both databases take more; fewer statements of equal shape are prepared once and used again.
        const ARGUMENTS_MAX: usize = 1_000;
        let width = rows.first().map_or(1, Vec::len).max(1);
        let most = (ARGUMENTS_MAX / width).max(1);
        let mut changed = 0;
        let mut rows = rows.into_iter().peekable();
        while rows.peek().is_some() {
            let chunk: Vec<Vec<Value>> = rows.by_ref().take(most).collect();
            // The rest has a shape of its own, which is not worth keeping.
            let kept = chunk.len() == most || chunk.len() == 1;
            let places = placeholders(chunk.len(), width, self.is_postgres());
            let sql = Sql::from(format!("{head} VALUES {places} {tail}"));
            changed += self.run(sql.0, chunk.into_iter().flatten().collect(), kept).await?;
        }
        Ok(changed)
    }

    /// Milliseconds since 1970 by the store's own clock, which all servers that share it agree on.
    ///
    /// # Errors
    /// As for [`Tx::execute`].
    pub async fn now_ms(&mut self) -> Result<i64, StoreError> {
        if !self.is_postgres() {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
            return Ok(i64::try_from(now.as_millis()).unwrap_or(i64::MAX));
        }
        let sql = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)";
        self.fetch_one(sql, Vec::new()).await?.get(0)
    }

    /// Whether this is PostgreSQL: for the few statements that one of the two does not know.
    pub fn is_postgres(&self) -> bool {
        matches!(self.conn, Some(Conn::Postgres { .. }))
    }

    /// Runs text that may hold several statements and takes no parameters.
    pub(crate) async fn script(&mut self, sql: impl Into<Sql>) -> Result<(), StoreError> {
        let (sql, began) = (sql.into().0, Instant::now());
        let text = self.sent(&sql);
        let done = raw(self.conn()?, text).await;
        self.finished(&sql, began, done)
    }

    /// Begins; dropped from here on without [`Tx::end`], the connection is closed and the database rolls back.
    pub(crate) async fn begin(&mut self, how: impl Into<Sql>) -> Result<(), StoreError> {
        self.open = true;
        self.forget();
        self.control(how).await
    }

    /// Begins a view on SQLite, with its first statement.
    pub(crate) fn begin_view(&mut self) {
        (self.open, self.prefix) = (true, Some(VIEW));
        self.forget();
    }

    /// Ends with `COMMIT` or `ROLLBACK`.
    pub(crate) async fn end(&mut self, how: &'static str) -> Result<(), StoreError> {
        if self.prefix.take().is_some() {
            self.open = false;
            return Ok(());
        }
        let ended = self.control(how).await;
        // A commit that is refused is a transaction that has ended too.
        let refused = matches!(ended, Err(StoreError::Conflict { .. } | StoreError::Constraint { .. }));
        self.open = ended.is_err() && !refused;
        ended
    }

    /// Runs a statement about the transaction itself, also where one of its own statements has failed.
    pub(crate) async fn control(&mut self, how: impl Into<Sql>) -> Result<(), StoreError> {
        let (sql, began) = (how.into().0, Instant::now());
        let done = match self.conn.as_mut().ok_or(StoreError::Closed)? {
            Conn::Writer(handle) => run_sqlite(&mut handle.conn, sql.clone(), Vec::new(), true).await.map(drop),
            Conn::Reader(lease) => run_sqlite(&mut lease.link().conn, sql.clone(), Vec::new(), true).await.map(drop),
            other => raw(other, sql.clone()).await,
        };
        self.told(&sql, began, done)
    }

    /// Forgets what has failed: another piece of work begins.
    pub(crate) fn forget(&mut self) {
        (self.failed, self.conflict) = (None, None);
    }

    /// Another piece of work begins in this group, and may take so long.
    pub(crate) fn next_work(&mut self, within: Duration) {
        self.forget();
        (self.within, self.prefix, self.unsure) = (within, Some(APART), false);
    }

    /// Undoes what the work has done, and nothing of those before it. An error where that is not possible: where its
    /// savepoint may never have begun, going back would undo the work before it.
    pub(crate) async fn undo_work(&mut self) -> Result<(), StoreError> {
        if self.prefix.is_some() {
            return Ok(());
        }
        if self.unsure {
            return Err(self.lost().unwrap_or(StoreError::Closed));
        }
        self.control("ROLLBACK TO work").await
    }

    /// A statement as it is sent.
    fn sent(&mut self, sql: &SqlStr) -> SqlStr {
        match self.prefix.take() {
            Some(prefix) => Sql::from(format!("{prefix}{}", sql.as_str())).0,
            None => sql.clone(),
        }
    }

    /// Why the transaction is lost, if it is.
    pub(crate) fn lost(&self) -> Option<StoreError> {
        self.failed.as_ref().map(StoreError::again)
    }

    /// What becomes of work that says it is done: nothing, where one of its statements has failed.
    pub(crate) fn verdict(&self) -> Result<(), StoreError> {
        let Some(error) = self.lost() else { return Ok(()) };
        if matches!(error.kind(), Kind::Unavailable | Kind::Overloaded) {
            return Err(error);
        }
        let reason = format!("the work went on after a statement had failed, so nothing of it was kept: {error}");
        Err(StoreError::Failed { reason })
    }

    /// Breaks off the statement that still runs on SQLite after its caller has given up.
    pub(crate) async fn interrupt(&mut self) {
        if let Some(Conn::Writer(handle)) = &mut self.conn {
            handle.interrupt().await;
        }
    }

    /// SQLite's writer, to be closed.
    pub(crate) fn into_writer(mut self) -> Option<Handle> {
        match self.conn.take() {
            Some(Conn::Writer(handle)) => Some(handle),
            _ => None,
        }
    }

    fn conn(&mut self) -> Result<&mut Conn, StoreError> {
        if self.failed.is_some() {
            let reason = "a statement of this transaction has failed before".to_owned();
            return Err(StoreError::Failed { reason });
        }
        self.conn.as_mut().ok_or(StoreError::Closed)
    }

    async fn run(&mut self, sql: SqlStr, args: Vec<Value>, kept: bool) -> Result<u64, StoreError> {
        self.check(&args)?;
        let (began, text) = (Instant::now(), self.sent(&sql));
        let done = match self.conn()? {
            Conn::Writer(handle) => run_sqlite(&mut handle.conn, text, args, kept).await,
            Conn::Reader(lease) => run_sqlite(&mut lease.link().conn, text, args, kept).await,
            Conn::Postgres { lease, prepared } => {
                let query = sqlx::query_with(sql.clone(), for_postgres(args)?).persistent(*prepared && kept);
                query.execute(lease.link()).await.map(|done| done.rows_affected())
            }
        };
        self.finished(&sql, began, done)
    }

    fn check(&mut self, args: &[Value]) -> Result<(), StoreError> {
        check(args).inspect_err(|error| self.failed = Some(error.again()))
    }

    /// What came of a statement of the work.
    fn finished<T>(&mut self, sql: &SqlStr, began: Instant, done: Result<T, sqlx::Error>) -> Result<T, StoreError> {
        let told = self.told(sql, began, done);
        if let Err(error) = &told {
            self.failed = Some(error.again());
        }
        told
    }

    /// What came of any statement.
    fn told<T>(&mut self, sql: &SqlStr, began: Instant, done: Result<T, sqlx::Error>) -> Result<T, StoreError> {
        let took = began.elapsed();
        if took >= self.slow {
            self.metrics.slow.inc();
            let statement: String = sql.as_str().chars().take(SHOWN_CHARS_MAX).collect();
            tracing::warn!(took_ms = took.as_millis(), %statement, "a slow statement");
        }
        done.map_err(|error| {
            // What SQLite itself says, it says of the statement that was asked for, unless it has no memory.
            self.unsure |= !matches!(&error, sqlx::Error::Database(error) if error.code().as_deref() != Some("7"));
            let (error, conflict) = read(error);
            if conflict == Some(StoreConflict::Deadlock) {
                self.metrics.deadlocks.inc();
            }
            self.conflict = conflict.or(self.conflict);
            match error {
                StoreError::Busy { .. } => StoreError::Busy { within: took },
                StoreError::Slow { .. } => StoreError::Slow { within: self.within },
                error => error,
            }
        })
    }
}

impl Drop for Tx {
    fn drop(&mut self) {
        // Whoever stops waiting in the middle leaves a transaction that nobody will end: the database ends it when
        // the connection closes.
        match (self.conn.take(), self.open) {
            (Some(Conn::Postgres { lease, .. }), false) => lease.give_back(),
            (Some(Conn::Reader(lease)), false) => lease.give_back(),
            _ => {}
        }
    }
}

/// Runs work; a panic in it is a failure like others.
pub(crate) async fn run<T, E, W>(work: &W, tx: &mut Tx) -> Result<Result<T, E>, StoreError>
where
    W: for<'t> Fn(&'t mut Tx) -> BoxFuture<'t, Result<T, E>>,
{
    let ran = AssertUnwindSafe(async { work(tx).await }).catch_unwind().await;
    ran.map_err(|_panic| {
        tracing::error!("the work of a transaction panicked");
        StoreError::Failed { reason: "the work panicked".to_owned() }
    })
}

async fn raw(conn: &mut Conn, sql: SqlStr) -> Result<(), sqlx::Error> {
    match conn {
        Conn::Writer(handle) => raw_sql(sql).execute(&mut handle.conn).await.map(drop),
        Conn::Reader(lease) => raw_sql(sql).execute(&mut lease.link().conn).await.map(drop),
        Conn::Postgres { lease, .. } => raw_sql(sql).execute(lease.link()).await.map(drop),
    }
}

async fn run_sqlite(
    conn: &mut SqliteConnection,
    sql: SqlStr,
    args: Vec<Value>,
    kept: bool,
) -> Result<u64, sqlx::Error> {
    let args = for_sqlite(args).map_err(|error| sqlx::Error::Encode(error.into()))?;
    let mut results = conn.fetch_many(sqlx::query_with(sql, args).persistent(kept));
    let mut changed = 0;
    while let Some(result) = results.try_next().await? {
        // The last statement is the one that was asked for.
        changed = result.left().map_or(changed, |done| done.rows_affected());
    }
    Ok(changed)
}

async fn query_sqlite(conn: &mut SqliteConnection, sql: SqlStr, args: Vec<Value>) -> Result<Vec<Row>, sqlx::Error> {
    let args = for_sqlite(args).map_err(|error| sqlx::Error::Encode(error.into()))?;
    let rows = sqlx::query_with(sql, args).fetch_all(conn).await?;
    Ok(rows.into_iter().map(|row| Row(Found::Sqlite(row))).collect())
}

/// `($1, $2), ($3, $4)` for two rows of two. SQLite takes `?` as well, and looks a number up among all the others for
/// each value that is bound: a thousand of them would cost more than writing the rows does.
fn placeholders(rows: usize, width: usize, numbered: bool) -> String {
    let mut text = String::with_capacity(rows * width * 7);
    for at in 0..rows * width {
        text.push_str(match (at, at % width) {
            (0, _) => "(",
            (_, 0) => "), (",
            _ => ", ",
        });
        text.push(if numbered { '$' } else { '?' });
        if numbered {
            text.push_str(&(at + 1).to_string());
        }
    }
    text.push(')');
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn placeholders_count_through_all_rows() {
        assert_eq!(super::placeholders(2, 3, true), "($1, $2, $3), ($4, $5, $6)");
        assert_eq!(super::placeholders(2, 2, false), "(?, ?), (?, ?)");
    }
}
