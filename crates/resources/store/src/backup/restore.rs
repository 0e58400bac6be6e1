//! Bringing a backup back.

use crate::address::Address;
use crate::lock::lock_exclusive;
use crate::{Config, StoreError};
use std::path::Path;

/// A backup that was brought back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// Where what was there before is kept: a file of SQLite, a schema of PostgreSQL. It may be removed at any time.
    pub before: Option<String>,
}

/// Puts the backup in the file `from` in the place of the database. Whenever this is broken off there is either the old
/// one or the new one.
///
/// # Errors
/// [`StoreError::InUse`] while a server runs, [`StoreError::NoBackup`] if the file is damaged or none of ours;
/// whatever the error, the database is as it was.
pub async fn restore(config: &Config, from: &Path) -> Result<Restored, StoreError> {
    let _alone = lock_exclusive(&config.data)?;
    if !from.is_file() {
        let reason = "there is no such file".to_owned();
        return Err(StoreError::NoBackup { path: from.to_owned(), reason });
    }
    let seconds = calendar::now_ms() / 1_000;
    let before = match &config.primary {
        Address::Sqlite(file) => {
            let kept = super::sqlite::restore(file, from, seconds).await?;
            kept.map(|path| path.display().to_string())
        }
        Address::Postgres(server) => {
            super::postgres::restore(server, &config.limits, from, &config.data, seconds).await?
        }
    };
    tracing::info!(from = %from.display(), before = before.as_deref().unwrap_or("none"), "a backup was restored");
    Ok(Restored { before })
}
