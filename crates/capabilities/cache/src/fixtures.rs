//! What the tests of this room share: a value, a clock, a Redis that is none.

use crate::drops::{Drops, Scope, Table};
use crate::entry::Value;
use crate::remote::{Away, Remote, RemoteFuture};
use bytes::Bytes;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A text as an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text(Bytes);

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(Bytes::copy_from_slice(text.as_bytes()))
    }
}

impl Value for Text {
    fn weight(&self) -> usize {
        self.0.len()
    }

    fn pack(&self) -> Option<Bytes> {
        Some(self.0.clone())
    }

    fn unpack(packed: Bytes) -> Option<Self> {
        Some(Self(packed))
    }
}

/// A clock that a test moves.
#[derive(Clone)]
pub(crate) struct Hands(Arc<AtomicU64>);

impl Hands {
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicU64::new(1_000_000)))
    }

    pub(crate) fn turn(&self, ms: u64) {
        self.0.fetch_add(ms, Ordering::Relaxed);
    }

    pub(crate) fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn clock(&self) -> crate::Clock {
        let hands = self.clone();
        Arc::new(move || hands.now())
    }
}

/// A table with the manners of Redis, which several caches can share.
pub(crate) struct Shared {
    hands: Hands,
    pub(crate) away: AtomicBool,
    table: Mutex<HashMap<String, (Bytes, u64)>>,
    drops: Mutex<Option<Drops>>,
}

impl Shared {
    pub(crate) fn new(hands: &Hands) -> Arc<Self> {
        let (table, drops) = (Mutex::default(), Mutex::default());
        Arc::new(Self { hands: hands.clone(), away: AtomicBool::new(false), table, drops })
    }

    /// Loses what was dropped, and nothing else.
    pub(crate) fn lose_drops(&self) {
        *self.drops.lock().unwrap() = None;
    }

    fn answer<T>(&self, answer: impl FnOnce() -> T) -> Result<T, Away> {
        if self.away.load(Ordering::Relaxed) { Err(Away) } else { Ok(answer()) }
    }
}

impl Remote for Shared {
    fn get<'a>(&'a self, key: &'a str) -> RemoteFuture<'a, Option<Bytes>> {
        Box::pin(async move {
            // As over a network, others have their turn meanwhile.
            tokio::task::yield_now().await;
            self.answer(|| {
                let table = self.table.lock().unwrap();
                table.get(key).filter(|(_, until)| *until > self.hands.now()).map(|(value, _)| value.clone())
            })
        })
    }

    fn set<'a>(&'a self, key: &'a str, value: Bytes, life: Duration) -> RemoteFuture<'a, ()> {
        Box::pin(async move {
            self.answer(|| {
                let until = self.hands.now() + u64::try_from(life.as_millis()).unwrap();
                self.table.lock().unwrap().insert(key.to_owned(), (value, until));
            })
        })
    }

    fn dropped<'a>(&'a self, ours: &'a Drops) -> RemoteFuture<'a, Option<Drops>> {
        Box::pin(async move {
            self.answer(|| {
                let theirs = self.drops.lock().unwrap().clone().unwrap_or_default();
                let known = theirs.made() != 0 && theirs.made() == ours.made() && theirs.seen() == ours.seen();
                (!known).then_some(theirs)
            })
        })
    }

    fn restore<'a>(&'a self, ours: &'a Drops, now_ms: u64) -> RemoteFuture<'a, Drops> {
        Box::pin(async move {
            self.answer(|| {
                let mut drops = self.drops.lock().unwrap();
                let made = now_ms.max(ours.seen());
                let anew = || Drops::of(Table { seen: made, era: ours.next_era(now_ms), made }, Vec::new());
                let mut theirs = drops.take().unwrap_or_else(anew);
                let table = Table { seen: theirs.seen() + 1, era: theirs.era(), made: theirs.made() };
                theirs.merge(Drops::of(table, ours.all().map(|(number, scope)| (number, scope.clone())).collect()));
                drops.insert(theirs).clone()
            })
        })
    }

    fn drop_scope<'a>(&'a self, scope: &'a Scope, ours: &'a Drops) -> RemoteFuture<'a, Option<u64>> {
        Box::pin(async move {
            self.answer(|| {
                let mut drops = self.drops.lock().unwrap();
                let drops = drops.as_mut().filter(|drops| drops.follow(ours))?;
                drops.add(scope.clone());
                Some(drops.seen())
            })
        })
    }
}
