//! Tables made and changed in steps, each room its own.
//!
//! All steps that are missing run in one transaction under one lock, so that servers that start together do it once,
//! also behind a pooler that hands out connections per transaction.

use crate::{Isolation, Store, StoreError, Tx, args};
use futures_util::FutureExt;
use std::time::Duration;

/// The lock under which PostgreSQL runs migrations: `althing` in ASCII.
const LOCK: i64 = 0x61_6c74_6869_6e67;

/// How long all steps of a room may take together: large tables take their time.
const TIME: Duration = Duration::from_secs(60 * 60);

/// The one table of this room.
const TABLE: &str = "CREATE TABLE IF NOT EXISTS store_migration (
    room TEXT NOT NULL,
    version BIGINT NOT NULL,
    name TEXT NOT NULL,
    applied_ms BIGINT NOT NULL,
    PRIMARY KEY (room, version)
)";

/// One step; the first has version 1, the next 2. A step that was ever released is never changed.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// What it does, in a few words.
    pub name: &'static str,
    /// Statements that both databases know, parted by semicolons.
    pub sql: &'static str,
}

impl Store {
    /// Brings the tables of one room up to date.
    ///
    /// # Errors
    /// [`StoreError::Newer`] if a newer program has made them; nothing is changed then.
    pub async fn migrate(&self, room: &'static str, steps: &'static [Migration]) -> Result<(), StoreError> {
        self.write_within(Isolation::ReadCommitted, TIME, move |tx| apply(tx, room, steps).boxed()).await
    }
}

async fn apply(tx: &mut Tx, room: &'static str, steps: &'static [Migration]) -> Result<(), StoreError> {
    if tx.is_postgres() {
        tx.execute("SET LOCAL statement_timeout = 0", args![]).await?;
        tx.execute("SELECT pg_advisory_xact_lock($1)", args![LOCK]).await?;
    }
    tx.script(TABLE).await?;
    let newest = tx.fetch_one("SELECT MAX(version) FROM store_migration WHERE room = $1", args![room]).await?;
    let found = newest.get::<Option<i64>>(0)?.unwrap_or(0);
    let known = i64::try_from(steps.len()).unwrap_or(i64::MAX);
    if found > known {
        return Err(StoreError::Newer { room: room.to_owned(), found, known });
    }
    for (version, step) in (1..).zip(steps).skip(usize::try_from(found).unwrap_or(0)) {
        tx.script(step.sql).await?;
        let now = tx.now_ms().await?;
        let sql = "INSERT INTO store_migration (room, version, name, applied_ms) VALUES ($1, $2, $3, $4)";
        let version: i64 = version;
        tx.execute(sql, args![room, version, step.name, now]).await?;
        tracing::debug!(room, version, step = step.name, "tables changed");
    }
    Ok(())
}
