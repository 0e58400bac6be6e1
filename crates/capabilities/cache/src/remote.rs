//! What a tier that replicas share has to do: a small part of Redis.

use crate::drops::Drops;
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
    /// The value under a key.
    fn get<'a>(&'a self, key: &'a str) -> RemoteFuture<'a, Option<Bytes>>;

    /// Keeps a value for a while.
    fn set<'a>(&'a self, key: &'a str, value: Bytes, life: Duration) -> RemoteFuture<'a, ()>;

    /// All drops that hold, where there are others than those up to number `seen`. A table that knows of fewer learns
    /// that there were as many.
    fn dropped(&self, seen: u64) -> RemoteFuture<'_, Option<Drops>>;

    /// Notes a drop, under a number above `seen` and above all that there were; answers the number.
    fn drop_scope<'a>(&'a self, scope: &'a str, seen: u64) -> RemoteFuture<'a, u64>;
}
