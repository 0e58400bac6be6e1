//! Redis as the tier that replicas share.

use crate::drops::{Drops, Scope, Table};
use crate::remote::{Away, Remote, RemoteFuture};
use bytes::Bytes;
use redis_link::{Link, Script};
use std::sync::LazyLock;
use std::time::Duration;

/// One hash for all drops: each scope with its number, and what is said of all of them.
const DROPS: &str = "cache:drops";
/// Where the last number stands; no scope is written like that.
const LAST: &str = "#";
/// Where the era stands.
const ERA: &str = "@";
/// Where it stands when the hash was made.
const MADE: &str = "+";

impl Remote for Link {
    fn reachable(&self) -> bool {
        self.is_up()
    }

    fn get<'a>(&'a self, key: &'a str) -> RemoteFuture<'a, Option<Bytes>> {
        Box::pin(async move { self.get(key).await.map_err(|_| Away) })
    }

    fn set<'a>(&'a self, key: &'a str, value: Bytes, life: Duration) -> RemoteFuture<'a, ()> {
        Box::pin(async move { self.set(key, &value, life).await.map_err(|_| Away) })
    }

    fn dropped<'a>(&'a self, ours: &'a Drops) -> RemoteFuture<'a, Option<Drops>> {
        static SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("redis/dropped.lua")));
        Box::pin(async move {
            let args = [ours.made(), ours.seen()].map(|number| number.to_string().into_bytes());
            let fields = self.eval::<Vec<String>>(&SCRIPT, &[DROPS], &slices(&args)).await.map_err(|_| Away)?;
            Ok((!fields.is_empty()).then(|| drops(&fields)))
        })
    }

    fn restore<'a>(&'a self, ours: &'a Drops, now_ms: u64) -> RemoteFuture<'a, Drops> {
        static SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("redis/restore.lua")));
        Box::pin(async move {
            let numbers = [now_ms, ours.next_era(now_ms), ours.seen()].map(|number| number.to_string().into_bytes());
            let known = ours.all().flat_map(|(number, scope)| [scope.text(), number.to_string()]);
            let args: Vec<Vec<u8>> = numbers.into_iter().chain(known.map(String::into_bytes)).collect();
            let fields = self.eval::<Vec<String>>(&SCRIPT, &[DROPS], &slices(&args)).await.map_err(|_| Away)?;
            Ok(drops(&fields))
        })
    }

    fn drop_scope<'a>(&'a self, scope: &'a Scope, ours: &'a Drops) -> RemoteFuture<'a, Option<u64>> {
        static SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("redis/drop.lua")));
        Box::pin(async move {
            let [made, seen] = [ours.made(), ours.seen()].map(|number| number.to_string());
            let args = [made, seen, scope.text(), Scope::default().text()].map(String::into_bytes);
            let number = self.eval::<u64>(&SCRIPT, &[DROPS], &slices(&args)).await.map_err(|_| Away)?;
            Ok((number > 0).then_some(number))
        })
    }
}

fn slices(args: &[Vec<u8>]) -> Vec<&[u8]> {
    args.iter().map(Vec::as_slice).collect()
}

/// What the fields and values of the hash say.
fn drops(fields: &[String]) -> Drops {
    let (mut table, mut all) = (Table::default(), Vec::new());
    for pair in fields.chunks_exact(2) {
        let [name, number] = pair else { continue };
        let Ok(number) = number.parse() else { continue };
        match name.as_str() {
            LAST => table.seen = number,
            ERA => table.era = number,
            MADE => table.made = number,
            scope => all.push((number, Scope::read(scope))),
        }
    }
    Drops::of(table, all)
}

#[cfg(test)]
mod tests;
