//! The store section: which database, and how much of it.

use crate::address::{Address, Target};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Where everything that must outlive the process is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Store {
    /// The database: `sqlite:FILE`, `postgres://user@host/database`, or either as `env:NAME` or `file:PATH`; without
    /// one, `althing.db` in the data folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<StoreUrl>,
    /// A read-only copy of the PostgreSQL database that reports may be read from; it may lag behind. Written as `url`,
    /// and only beside one that is not SQLite.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replica_url: Option<StoreUrl>,
    /// The fewest connections kept open, 1 to 10000 and at most `pool_max`.
    pub pool_min: u32,
    /// The most connections open at once, to each database, 1 to 10000.
    pub pool_max: u32,
    /// How long to wait for a connection or for a place in line, in milliseconds.
    pub acquire_ms: u64,
    /// How long one transaction may take, in milliseconds.
    pub transaction_ms: u64,
    /// From how many milliseconds on a statement counts as slow.
    pub slow_ms: u64,
    /// The most transactions that wait for the writer of SQLite; beyond it they are refused.
    pub queue_max: usize,
    /// The most transactions that SQLite commits together.
    pub group_max: usize,
    /// How often a transaction is tried again after a conflict, at most 100.
    pub retries_max: u32,
    /// Hours between scheduled backups, at most a year; 0 makes none.
    pub backup_every_h: u64,
    /// How many scheduled backups are kept.
    pub backup_keep: usize,
    /// Where scheduled backups go; without it, `backups` in the data folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backup_dir: Option<PathBuf>,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            url: None,
            replica_url: None,
            pool_min: 2,
            pool_max: 10,
            acquire_ms: 5_000,
            transaction_ms: 10_000,
            slow_ms: 250,
            queue_max: 8_192,
            group_max: 256,
            retries_max: 5,
            backup_every_h: 0,
            backup_keep: 7,
            backup_dir: None,
        }
    }
}

/// The address of a database, or where that address lies.
pub type StoreUrl = Address<Database>;

/// A database.
#[derive(Clone)]
pub enum Database {}

impl Target for Database {
    const TYPE: &'static str = "StoreUrl";
    const WHAT: &'static str = "a database";
    const SCHEMES: &'static [&'static str] = &["sqlite:", "postgres://", "postgresql://"];
    const FORMS: &'static str = "`sqlite:FILE`, `postgres://user@host/database`";
}

impl StoreUrl {
    /// Whether it is known to be a file of SQLite.
    pub(crate) fn is_sqlite(&self) -> bool {
        self.begins("sqlite:")
    }
}

/// Hides the passwords in what a profile says about the store.
pub(crate) fn hide_passwords(profile: &mut toml::Table) {
    StoreUrl::hide_password(profile, "store", "url");
    StoreUrl::hide_password(profile, "store", "replica_url");
}
