//! Transactions on SQLite and PostgreSQL: one SQL text, one set of promises.
//!
//! Work is a closure over a [`Tx`]; it runs alone, may run again after a conflict, and is durable when its answer is
//! there. SQLite has one writer, which commits what waits for it together, each closure in a savepoint of its own;
//! PostgreSQL runs each at the isolation level asked for. Each room brings its own tables as [`Migration`]s. This
//! room knows no table but its own list of migrations, and no protocol.

mod address;
mod backup;
mod check;
mod config;
mod error;
mod lock;
mod migrate;
mod packed;
mod page;
mod pool;
mod postgres;
mod purge;
mod sqlite;
mod store;
mod tx;
mod value;

pub use backup::{Backup, Restored, keep_backups, restore};
pub use check::{Health, check};
pub use config::{Config, Limits};
pub use error::StoreError;
pub use lock::{Hold, lock_exclusive, lock_shared};
pub use migrate::Migration;
pub use packed::{Packed, Unpacked};
pub use page::{CursorError, Page, decode_cursor, page_limit};
pub use purge::PURGE_ROWS_MAX;
pub use store::{Engine, Isolation, Store};
pub use tx::{Sql, Tx};
pub use value::{Column, Row, Value};
