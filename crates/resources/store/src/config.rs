//! What the store needs to know, from settings and the data folder.

use crate::StoreError;
use crate::address::Address;
use secrecy::ExposeSecret;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The file of the embedded database in the data folder.
const FILE: &str = "althing.db";

/// Where the database is and what it is allowed.
#[derive(Debug, Clone)]
pub struct Config {
    pub(crate) primary: Address,
    pub(crate) replica: Option<Address>,
    /// The folder that a server holds while it runs.
    pub(crate) data: PathBuf,
    /// What it is allowed.
    pub limits: Limits,
}

/// What the store is allowed.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The fewest connections kept open.
    pub pool_min: u32,
    /// The most connections open at once.
    pub pool_max: u32,
    /// How long to wait for a connection or a place in line.
    pub acquire: Duration,
    /// How long one transaction may take.
    pub transaction: Duration,
    /// From when on a statement counts as slow.
    pub slow: Duration,
    /// The most transactions in line for SQLite's writer.
    pub queue_max: usize,
    /// The most transactions that SQLite commits together.
    pub group_max: usize,
    /// How often a transaction is tried again.
    pub retries_max: u32,
}

impl Config {
    /// Reads what settings say; without an address the database is a file in `data`.
    ///
    /// # Errors
    /// [`StoreError::Address`] if an address cannot be used or read.
    pub fn new(settings: &settings::Store, data: &Path) -> Result<Self, StoreError> {
        let primary = match &settings.url {
            None => Address::Sqlite(data.join(FILE)),
            Some(url) => resolve(url, data)?,
        };
        let replica = settings.replica_url.as_ref().map(|url| resolve(url, data)).transpose()?;
        if matches!((&primary, &replica), (Address::Sqlite(_), Some(_)) | (_, Some(Address::Sqlite(_)))) {
            let reason = "`store.replica_url` is for PostgreSQL beside PostgreSQL".to_owned();
            return Err(StoreError::Address { reason });
        }
        let ms = Duration::from_millis;
        let limits = Limits {
            pool_min: settings.pool_min,
            pool_max: settings.pool_max.max(1),
            acquire: ms(settings.acquire_ms),
            transaction: ms(settings.transaction_ms),
            slow: ms(settings.slow_ms),
            queue_max: settings.queue_max.max(1),
            group_max: settings.group_max.max(1),
            retries_max: settings.retries_max,
        };
        Ok(Self { primary, replica, data: data.to_owned(), limits })
    }

    /// The database as it can be shown: without a password.
    pub fn shown(&self) -> String {
        self.primary.to_string()
    }

    /// The file of an embedded database.
    pub fn file(&self) -> Option<&Path> {
        match &self.primary {
            Address::Sqlite(path) => Some(path),
            Address::Postgres(_) => None,
        }
    }
}

fn resolve(url: &settings::StoreUrl, data: &Path) -> Result<Address, StoreError> {
    let url = url.resolve().map_err(|error| StoreError::Address { reason: error.to_string() })?;
    Address::parse(url.expose_secret(), data)
}
