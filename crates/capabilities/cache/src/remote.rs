//! What a tier that replicas share has to do: a small part of Redis.

use crate::drops::{Drops, Scope};
use bytes::Bytes;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// It did not answer; whoever implements [`Remote`] says so quickly and says why in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Away;

/// What it answers.
pub type RemoteFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, Away>> + Send + 'a>>;

/// A table that replicas share.
pub trait Remote: Send + Sync {
    /// Whether it is asked at all: one that failed a moment ago is left alone until it is back.
    fn reachable(&self) -> bool {
        true
    }

    /// The value under a key.
    fn get<'a>(&'a self, key: &'a str) -> RemoteFuture<'a, Option<Bytes>>;

    /// Keeps a value for a while.
    fn set<'a>(&'a self, key: &'a str, value: Bytes, life: Duration) -> RemoteFuture<'a, ()>;

    /// All drops in the table, where that is not the one that `ours` are from or the last is not the last of `ours`.
    fn dropped<'a>(&'a self, ours: &'a Drops) -> RemoteFuture<'a, Option<Drops>>;

    /// Puts `ours` into the table, which may have lost them; answers all that it then has. One that is not there is made,
    /// its numbers starting above `now_ms` and above those of `ours`.
    fn restore<'a>(&'a self, ours: &'a Drops, now_ms: u64) -> RemoteFuture<'a, Drops>;

    /// Notes a drop under the next number, and answers that; `None` where the table is not the one that `ours` are from,
    /// or has lost some of them.
    fn drop_scope<'a>(&'a self, scope: &'a Scope, ours: &'a Drops) -> RemoteFuture<'a, Option<u64>>;
}
