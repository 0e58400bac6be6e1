//! Redis as the tier that replicas share.

use crate::drops::{Drops, Scope};
use crate::remote::{Away, Remote, RemoteFuture};
use bytes::Bytes;
use redis_link::{Link, Script};
use std::sync::LazyLock;
use std::time::Duration;

/// One hash for all drops: each scope with its number, and the last number.
const DROPS: &str = "cache:drops";
/// Where the last number stands; no scope is written like that.
const LAST: &str = "#";

impl Remote for Link {
    fn get<'a>(&'a self, key: &'a str) -> RemoteFuture<'a, Option<Bytes>> {
        Box::pin(async move { self.get(key).await.map_err(|_| Away) })
    }

    fn set<'a>(&'a self, key: &'a str, value: Bytes, life: Duration) -> RemoteFuture<'a, ()> {
        Box::pin(async move { self.set(key, &value, life).await.map_err(|_| Away) })
    }

    fn dropped(&self, seen: u64) -> RemoteFuture<'_, Option<Drops>> {
        static SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("redis/dropped.lua")));
        Box::pin(async move {
            let seen = seen.to_string();
            let fields = self.eval::<Vec<String>>(&SCRIPT, &[DROPS], &[seen.as_bytes()]).await.map_err(|_| Away)?;
            Ok((!fields.is_empty()).then(|| drops(&fields)))
        })
    }

    fn drop_scope<'a>(&'a self, scope: &'a str, seen: u64) -> RemoteFuture<'a, u64> {
        static SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("redis/drop.lua")));
        Box::pin(async move {
            let (seen, all) = (seen.to_string(), Scope::default().text());
            let args = [scope.as_bytes(), seen.as_bytes(), all.as_bytes()];
            self.eval::<u64>(&SCRIPT, &[DROPS], &args).await.map_err(|_| Away)
        })
    }
}

/// What the fields and values of the hash say.
fn drops(fields: &[String]) -> Drops {
    let (mut last, mut all) = (0, Vec::new());
    for pair in fields.chunks_exact(2) {
        let [name, number] = pair else { continue };
        match number.parse() {
            Ok(number) if name == LAST => last = number,
            Ok(number) => all.push((number, name.clone())),
            Err(_) => {}
        }
    }
    Drops::read(last, all)
}

#[cfg(test)]
mod tests;
