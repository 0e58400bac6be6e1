//! The audit log: what was done to this server, by whom, in a chain of hashes that tells when somebody changes it.
//!
//! Rows are appended in the transaction of the action they tell of, so neither is there without the other. Who can
//! write to the database can rewrite the whole chain; against that stand signed checkpoints, which are worth most as
//! copies on another machine. This room knows no action by name and no secret: what callers pass is kept as it is.

mod checkpoint;
mod error;
mod hex;
mod list;
mod marks;
mod row;
#[cfg(test)]
mod tests;
mod verify;

pub use checkpoint::{Checkpoint, checkpoints_file, keep_checkpoints};
pub use error::AuditError;
pub use list::{AuditQuery, AuditRow};
pub use verify::{Fault, Verdict, verify};

use futures_util::FutureExt;
use measure::AccessMetrics;
use row::Stored;
use std::sync::Arc;
use store::{Isolation, Migration, Store, StoreError, Tx, args};
use tokio::sync::Mutex;

/// Its name in the list of migrations.
const ROOM: &str = "access.audit";

/// Both databases take the first hash as text: neither knows the other's way to write bytes.
const MIGRATIONS: &[Migration] = &[Migration {
    name: "audit log",
    sql: "
CREATE TABLE access_audit (
    seq BIGINT PRIMARY KEY NOT NULL,
    at_ms BIGINT NOT NULL,
    actor TEXT NOT NULL,
    tenant TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    detail TEXT NOT NULL,
    prev BYTEA NOT NULL,
    hash BYTEA NOT NULL
);
CREATE INDEX access_audit_tenant ON access_audit (tenant, seq);
CREATE INDEX access_audit_at ON access_audit (at_ms);
CREATE TABLE access_audit_head (
    id BIGINT PRIMARY KEY NOT NULL,
    seq BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,
    hash BYTEA NOT NULL
);
INSERT INTO access_audit_head (id, seq, at_ms, hash) VALUES (1, 0, 0, 'althing-audit-v1: before any row');
",
}];

/// Something that was done.
///
/// It is kept for good and shown to admins: callers never put a secret into it, nor anything a person wrote.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Who did it: the subject of an identity.
    pub actor: Arc<str>,
    /// Whose business it is: admins of this tenant see it.
    pub tenant: Arc<str>,
    /// What was done, as `key.created`.
    pub action: &'static str,
    /// To what: an id.
    pub target: String,
    /// More about it: an object with names and figures. Beyond 4 KiB only `{"truncated":true}` is kept.
    pub detail: serde_json::Value,
}

/// The audit log of a store.
pub struct Audit {
    store: Store,
    metrics: AccessMetrics,
    /// One checkpoint at a time.
    checkpoints: Mutex<()>,
}

impl Audit {
    /// Opens the log, and makes its tables where they are not there yet.
    ///
    /// # Errors
    /// [`AuditError::Store`].
    pub async fn open(store: Store, metrics: AccessMetrics) -> Result<Self, AuditError> {
        migrate(&store).await?;
        Ok(Self { store, metrics, checkpoints: Mutex::new(()) })
    }

    /// Appends a row about something that has no transaction of its own: a server that started, settings that were
    /// read again.
    ///
    /// # Errors
    /// [`AuditError::Store`].
    pub async fn record(&self, entry: Entry) -> Result<(), AuditError> {
        let entry = Arc::new(entry);
        let written = self.store.write(Isolation::ReadCommitted, move |tx| {
            let entry = Arc::clone(&entry);
            async move { append(tx, &entry).await }.boxed()
        });
        written.await?;
        self.metrics.audit_rows.inc();
        Ok(())
    }
}

/// Makes the tables, where they are not there yet.
pub async fn migrate(store: &Store) -> Result<(), StoreError> {
    store.migrate(ROOM, MIGRATIONS).await
}

/// Appends a row in the transaction of the action it tells of.
///
/// It holds a lock that every other append waits for until the transaction ends: call it last, at
/// [`Isolation::ReadCommitted`]. Count it in [`AccessMetrics::audit_rows`] once the transaction is committed.
pub async fn append(tx: &mut Tx, entry: &Entry) -> Result<(), StoreError> {
    let sql = "UPDATE access_audit_head SET seq = seq + 1 WHERE id = 1 RETURNING seq, at_ms, hash";
    let head = tx.fetch_one(sql, args![]).await?;
    let (seq, before_ms, prev): (i64, i64, Vec<u8>) = (head.get(0)?, head.get(1)?, head.get(2)?);
    let at_ms = tx.now_ms().await?.max(before_ms);
    let row = Stored::new(seq, at_ms, entry, prev);
    let sql = "UPDATE access_audit_head SET at_ms = $1, hash = $2 WHERE id = 1";
    tx.execute(sql, args![at_ms, row.hash.as_slice()]).await?;
    let sql = "INSERT INTO access_audit (seq, at_ms, actor, tenant, action, target, detail, prev, hash) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    tx.execute(sql, row.into_args()).await?;
    Ok(())
}
