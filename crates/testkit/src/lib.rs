//! Test-only: upstreams that do exactly what a test scripted, on real sockets, databases that a test starts itself, and
//! readers of what comes back.
//!
//! Knows enough HTTP/1.1 to be spoken to by any client and to break off wherever a test wants it to, and how to run
//! PostgreSQL, pgbouncer and Redis on ports and in folders of their own. Refuses to know anything above the foundation, and is
//! never a normal dependency: only tests may lean on it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // Test-only code: a broken fixture must stop the test at once.

mod account;
mod both;
mod chat;
mod heard;
mod log;
mod model;
mod page;
mod pgbouncer;
mod postgres;
mod process;
mod purse;
mod redis;
mod reply;
mod request;
mod scratch;
mod upstream;

pub use heard::Heard;
pub use log::{Log, listen};
pub use model::model;
pub use page::elements;
pub use pgbouncer::PgBouncer;
pub use postgres::{Postgres, PostgresOptions};
pub use purse::{Note, Purse};
pub use redis::{Redis, RedisOptions};
pub use reply::{Reply, in_turn};
pub use request::Seen;
pub use upstream::Upstream;
