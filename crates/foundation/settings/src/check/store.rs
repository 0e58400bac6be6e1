//! What may not be said about the store.

use super::Findings;
use crate::limits;
use crate::store::{Store, StoreUrl};

pub(super) fn store(store: &Store, found: &mut Findings) {
    limits::store(store, found);
    if store.pool_min > store.pool_max {
        let problem = format!("is `{}`, above `store.pool_max`, which is `{}`", store.pool_min, store.pool_max);
        found.refuse("store.pool_min", &problem, "make the fewest connections the smaller number");
    }
    if store.backup_dir.as_ref().is_some_and(|folder| folder.as_os_str().is_empty()) {
        found.refuse("store.backup_dir", "is empty", "name a folder, or remove it");
    }
    if let Some(replica) = &store.replica_url {
        beside(replica, store.url.as_ref(), found);
    }
}

/// Judges a replica beside its database; neither is repeated, as both may hold a password.
fn beside(replica: &StoreUrl, url: Option<&StoreUrl>, found: &mut Findings) {
    if url.is_none_or(StoreUrl::is_sqlite) {
        let hint = "remove it, or set `store.url` to the PostgreSQL database that it copies";
        found.refuse("store.replica_url", "stands beside a database of SQLite, which has no replicas", hint);
    } else if replica.is_sqlite() {
        let hint = "write the address of a replica of PostgreSQL, or remove it";
        found.refuse("store.replica_url", "is a file of SQLite, which is no replica", hint);
    }
}
