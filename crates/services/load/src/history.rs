//! Runs and sweeps that are kept in the database: one row of figures each, and the whole document.
//!
//! Knows its own table; not who asks, nor what a trend or a plan makes of the rows.

mod error;
mod row;
#[cfg(test)]
mod tests;

pub use error::HistoryError;
pub use row::{RunKind, RunQuery, RunRow};

use futures_util::FutureExt;
use row::{COLUMNS, Entry, read, text};
use serde::Serialize;
use std::sync::Arc;
use store::{CursorError, Isolation, Migration, Page, Row, Store, StoreError, Value, args, page_limit};
use verdict::sweep::Sweep;
use verdict::trend::Past;
use verdict::{Curve, Report};

/// The most runs that are kept of one name, and the most sweeps; the oldest go first.
pub const RUNS_PER_NAME_MAX: usize = 1_000;
/// The most bytes of a document.
pub const DOCUMENT_BYTES_MAX: usize = 16_000_000;

/// Its name in the list of migrations.
const ROOM: &str = "load";

/// The document comes last: reading the columns before it leaves its pages alone.
const MIGRATIONS: &[Migration] = &[Migration {
    name: "runs",
    sql: "
CREATE TABLE load_runs (
    id TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    started_ms BIGINT NOT NULL,
    target TEXT NOT NULL,
    verdict TEXT,
    grade TEXT,
    grade_cmo TEXT,
    operations BIGINT,
    success DOUBLE PRECISION,
    p50_ms DOUBLE PRECISION,
    p95_ms DOUBLE PRECISION,
    p99_ms DOUBLE PRECISION,
    rate_per_s DOUBLE PRECISION,
    document TEXT NOT NULL
);
CREATE INDEX load_runs_name ON load_runs (name, target, started_ms);
CREATE INDEX load_runs_started ON load_runs (started_ms, id);
",
}];

/// A row that is there already is the same run: whoever did not hear that it was kept may keep it again.
const INSERT: &str = "INSERT INTO load_runs (id, name, kind, started_ms, target, verdict, grade, grade_cmo, \
                      operations, success, p50_ms, p95_ms, p99_ms, rate_per_s, document) \
                      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) \
                      ON CONFLICT (id) DO NOTHING";

/// The runs that a store keeps.
pub struct History {
    store: Store,
}

impl History {
    /// Opens the history, and makes its table where it is not there yet.
    ///
    /// # Errors
    /// [`HistoryError::Store`].
    pub async fn open(store: &Store) -> Result<Self, HistoryError> {
        store.migrate(ROOM, MIGRATIONS).await?;
        Ok(Self { store: store.clone() })
    }

    /// Keeps a run, once however often it is kept. One beyond [`DOCUMENT_BYTES_MAX`] loses what it tells second by
    /// second and its curves, and says so in its notes.
    ///
    /// # Errors
    /// [`HistoryError::Started`], [`HistoryError::TooLarge`] if it is too large even so, and [`HistoryError::Store`].
    pub async fn keep(&self, report: &Report) -> Result<(), HistoryError> {
        self.insert(Entry::of_run(report, document(report)?)?).await
    }

    /// Keeps a sweep, likewise.
    ///
    /// # Errors
    /// As for [`History::keep`].
    pub async fn keep_sweep(&self, sweep: &Sweep) -> Result<(), HistoryError> {
        let document = small(&sweep.id, written(&sweep.id, sweep)?)?;
        self.insert(Entry::of_sweep(sweep, document)?).await
    }

    async fn insert(&self, entry: Entry) -> Result<(), HistoryError> {
        let (name, kind) = (Arc::<str>::from(entry.name.as_str()), entry.kind.name());
        let row = entry.into_args();
        let oldest = format!(
            "DELETE FROM load_runs WHERE id IN (SELECT id FROM load_runs WHERE name = $1 AND kind = $2 \
             ORDER BY started_ms DESC, id DESC LIMIT {RUNS_PER_NAME_MAX} OFFSET {RUNS_PER_NAME_MAX})"
        );
        let write = self.store.write(Isolation::Serializable, move |tx| {
            let (row, oldest, of) = (row.clone(), oldest.clone(), args![&name, kind]);
            async move {
                tx.execute(INSERT, row).await?;
                tx.execute(oldest, of).await.map(drop)
            }
            .boxed()
        });
        write.await.map_err(|error: StoreError| error.into())
    }

    /// A page of what was kept, the newest first, without documents.
    ///
    /// # Errors
    /// [`HistoryError::Cursor`] if the cursor is none of ours, and [`HistoryError::Store`].
    pub async fn list(&self, query: &RunQuery) -> Result<Page<RunRow>, HistoryError> {
        let limit = page_limit(query.limit);
        let mut filter = Filter::default();
        filter.equal("name", query.name.as_deref().map(text));
        filter.equal("kind", query.kind.map(|kind| kind.name().to_owned()));
        if let Some((started_ms, id)) = query.cursor.as_deref().map(before).transpose()? {
            filter.before(started_ms, id);
        }
        let rows = self.rows(filter, limit + 1).await?;
        Ok(Page::cut(rows, limit, |row| vec![row.started_ms.to_string(), row.id.clone()]))
    }

    /// The JSON document of a run or a sweep; `None` if there is none with this id.
    ///
    /// # Errors
    /// [`HistoryError::Store`].
    pub async fn document(&self, id: &str) -> Result<Option<String>, HistoryError> {
        let mut filter = Filter::default();
        // Cut like every other text: no id is as long, so what was cut is found nowhere.
        filter.equal("id", Some(text(id)));
        self.newest_document(filter).await.map(|found| found.map(|(_, document)| document))
    }

    /// The newest `limit` runs of a name, at most [`RUNS_PER_NAME_MAX`], the oldest first; with a `target` only those
    /// against it. A figure that a run does not have is no number.
    ///
    /// # Errors
    /// [`HistoryError::Store`].
    pub async fn past(&self, name: &str, target: Option<&str>, limit: usize) -> Result<Vec<Past>, HistoryError> {
        let mut filter = Filter::default();
        filter.equal("kind", Some(RunKind::Run.name().to_owned()));
        filter.equal("name", Some(text(name)));
        filter.equal("target", target.map(text));
        let rows = self.rows(filter, limit.min(RUNS_PER_NAME_MAX)).await?;
        Ok(rows.into_iter().rev().map(Past::from).collect())
    }

    /// The newest sweep, of one scenario if it is named.
    ///
    /// # Errors
    /// [`HistoryError::Unreadable`] if it has another shape than sweeps have now, and [`HistoryError::Store`].
    pub async fn latest_sweep(&self, name: Option<&str>) -> Result<Option<Sweep>, HistoryError> {
        let mut filter = Filter::default();
        filter.equal("kind", Some(RunKind::Sweep.name().to_owned()));
        filter.equal("name", name.map(text));
        let Some((id, document)) = self.newest_document(filter).await? else { return Ok(None) };
        let unreadable = |error: serde_json::Error| HistoryError::Unreadable { id, reason: error.to_string() };
        serde_json::from_str(&document).map(Some).map_err(unreadable)
    }

    async fn rows(&self, filter: Filter, limit: usize) -> Result<Vec<RunRow>, StoreError> {
        let found = self.select(COLUMNS, filter, limit).await?;
        found.iter().map(read).collect()
    }

    /// The newest that passes, as its id and its document.
    async fn newest_document(&self, filter: Filter) -> Result<Option<(String, String)>, HistoryError> {
        let found = self.select("id, document", filter, 1).await?;
        Ok(found.first().map(|row| Ok::<_, StoreError>((row.get(0)?, row.get(1)?))).transpose()?)
    }

    async fn select(&self, columns: &str, filter: Filter, limit: usize) -> Result<Vec<Row>, StoreError> {
        let Filter { conditions, args } = filter;
        let sql = format!(
            "SELECT {columns} FROM load_runs WHERE 1 = 1{conditions} ORDER BY started_ms DESC, id DESC LIMIT {limit}"
        );
        let read = self.store.read(|tx| {
            let (sql, args) = (sql.clone(), args.clone());
            async move { tx.fetch_all(sql, args).await }.boxed()
        });
        read.await
    }
}

/// Conditions of a statement, each after an `AND`, and their parameters.
#[derive(Default)]
struct Filter {
    conditions: String,
    args: Vec<Value>,
}

impl Filter {
    fn equal(&mut self, column: &str, value: Option<String>) {
        if let Some(value) = value {
            self.args.push(value.into());
            self.conditions += &format!(" AND {column} = ${}", self.args.len());
        }
    }

    fn before(&mut self, started_ms: i64, id: String) {
        self.args.extend(args![started_ms, id]);
        let last = self.args.len();
        self.conditions += &format!(" AND (started_ms, id) < (${}, ${last})", last - 1);
    }
}

/// The moment and the id behind a cursor.
fn before(cursor: &str) -> Result<(i64, String), CursorError> {
    let key = store::decode_cursor(cursor, 2)?;
    let [started_ms, id] = key.try_into().map_err(|_| CursorError)?;
    started_ms.parse().map(|started_ms| (started_ms, text(&id))).map_err(|_| CursorError)
}

/// A run as it is kept.
fn document(report: &Report) -> Result<String, HistoryError> {
    let whole = written(&report.id, report)?;
    if whole.len() <= DOCUMENT_BYTES_MAX {
        return Ok(whole);
    }
    let mut short = report.clone();
    for scenario in &mut short.scenarios {
        scenario.slices.clear();
        scenario.glimpses.clear();
        scenario.curve = Curve::default();
    }
    short.notes.push(format!(
        "the whole report has {} bytes, and {DOCUMENT_BYTES_MAX} are kept at most: its seconds and its curves are left out",
        whole.len()
    ));
    small(&report.id, written(&report.id, &short)?)
}

fn small(id: &str, document: String) -> Result<String, HistoryError> {
    if document.len() > DOCUMENT_BYTES_MAX {
        return Err(HistoryError::TooLarge { id: id.to_owned(), bytes: document.len() });
    }
    Ok(document)
}

fn written(id: &str, document: &impl Serialize) -> Result<String, HistoryError> {
    let unreadable =
        |error: serde_json::Error| HistoryError::Unreadable { id: id.to_owned(), reason: error.to_string() };
    serde_json::to_string(document).map_err(unreadable)
}
