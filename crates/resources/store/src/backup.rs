//! Copies of the whole database, made while it is in use, and brought back.
//!
//! A backup is one file, whole and checked before it has its name: of SQLite another database, of PostgreSQL what
//! `pg_dump` writes. What is restored is checked before anything is changed, and what was there before is kept.

mod file;
mod postgres;
mod programs;
mod restore;
mod schedule;
mod sqlite;

pub use restore::{Restored, restore};
pub use schedule::keep_backups;

use crate::store::Database;
use crate::{Store, StoreError};
use file::Partial;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A backup that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// The file.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// How long it took.
    pub took: Duration,
}

impl Store {
    /// Copies the database as it is now into the new file `to`, while it is in use. Dropped before it has ended, it
    /// leaves nothing, or the whole file if that was finished a moment before.
    ///
    /// # Errors
    /// [`StoreError::Exists`] if the file is there already, [`StoreError::Program`] or [`StoreError::Pooled`] if
    /// PostgreSQL cannot be backed up from here, and whatever else fails; there is no file then.
    pub async fn backup(&self, to: &Path) -> Result<Backup, StoreError> {
        let made = self.make(to).await;
        self.0.metrics.backup(made.is_ok()).inc();
        made
    }

    async fn make(&self, to: &Path) -> Result<Backup, StoreError> {
        let began = Instant::now();
        let partial = Partial::create(to)?;
        match &self.0.primary {
            Database::Sqlite(database) => sqlite::copy(&database.path, partial.path()).await?,
            Database::Postgres(database) => postgres::dump(database, partial.path()).await?,
        }
        let bytes = tokio::task::spawn_blocking(move || partial.publish()).await.unwrap_or(Err(StoreError::Closed))?;
        Ok(Backup { path: to.to_owned(), bytes, took: began.elapsed() })
    }
}
