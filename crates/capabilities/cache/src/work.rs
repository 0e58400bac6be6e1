//! What is done while nobody waits: answers written to the tiers below memory, old ones renewed, drops exchanged with
//! other replicas.

use crate::cache::{Cache, lock};
use crate::codec;
use crate::entry::{Entry, Value};
use crate::key::Key;
use bytes::Bytes;
use futures_util::future::{BoxFuture, join, join_all};
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::Receiver;
use tokio::time::{MissedTickBehavior, interval};

/// An old answer made anew.
pub type Renewal = BoxFuture<'static, ()>;

/// How often other replicas are asked what they dropped.
const EXCHANGE: Duration = Duration::from_secs(1);
/// One exchange of so many shows the sizes: reckoning them goes through all that memory holds.
const SIZES_EVERY: u64 = 10;
/// Answers written at once.
const BATCH_MAX: usize = 32;
/// Renewals at once.
const RENEWALS_MAX: usize = 32;

/// Where an answer is to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Below {
    Disk,
    All,
}

/// An answer to be written.
pub(crate) struct Job<V> {
    pub(crate) key: Key,
    pub(crate) entry: Arc<Entry<V>>,
    pub(crate) below: Below,
}

/// Who writes and renews for a cache.
pub struct Worker<V: Value, E: Clone> {
    cache: Arc<Cache<V, E>>,
    jobs: Receiver<Job<V>>,
    renewals: Receiver<Renewal>,
}

impl<V: Value, E: Clone + Send + Sync + 'static> Worker<V, E> {
    pub(crate) fn new(cache: Arc<Cache<V, E>>, jobs: Receiver<Job<V>>, renewals: Receiver<Renewal>) -> Self {
        Self { cache, jobs, renewals }
    }

    /// Works until it is dropped.
    pub async fn run(&mut self) {
        let Self { cache, jobs, renewals } = self;
        // Nothing goes to Redis before it is known what was dropped.
        exchange(cache).await;
        join(join(write_all(cache, jobs), renew_all(renewals)), exchange_all(cache)).await;
    }

    /// Writes what waits to be written and finishes what waits to be renewed, and no more than that.
    pub async fn settle(&mut self) {
        exchange(&self.cache).await;
        while let Ok(renewal) = self.renewals.try_recv() {
            renewal.await;
        }
        self.settle_writes().await;
        self.cache.show_sizes();
    }

    /// Writes what waits to be written.
    pub async fn settle_writes(&mut self) {
        while let Ok(job) = self.jobs.try_recv() {
            write(&self.cache, vec![job]).await;
        }
    }
}

async fn write_all<V: Value, E: Clone + Send + Sync + 'static>(cache: &Arc<Cache<V, E>>, jobs: &mut Receiver<Job<V>>) {
    let mut batch = Vec::with_capacity(BATCH_MAX);
    while jobs.recv_many(&mut batch, BATCH_MAX).await > 0 {
        write(cache, std::mem::take(&mut batch)).await;
    }
}

/// Writes a batch side by side; of two answers under one key the later one is written.
async fn write<V: Value, E: Clone + Send + Sync + 'static>(cache: &Arc<Cache<V, E>>, batch: Vec<Job<V>>) {
    let last: HashMap<Key, Job<V>> = batch.into_iter().map(|job| (job.key, job)).collect();
    join_all(last.into_values().map(|job| write_one(cache, job))).await;
}

async fn write_one<V: Value, E: Clone + Send + Sync + 'static>(cache: &Arc<Cache<V, E>>, job: Job<V>) {
    let Job { key, entry, below } = job;
    let Some(bytes) = codec::encode(&key, &entry) else { return };
    let to_redis = async {
        if below == Below::All
            && let (Some(remote), Some(key)) = (&cache.remote, cache.remote_key(&key))
        {
            let left = Duration::from_millis(entry.times.dead_ms.saturating_sub(cache.now_ms()));
            if !left.is_zero() && remote.set(&key, bytes.clone(), left).await.is_err() {
                cache.figures.away.inc();
            }
        }
    };
    join(to_disk(cache, key, bytes.clone()), to_redis).await;
}

async fn to_disk<V: Value, E: Clone + Send + Sync + 'static>(cache: &Arc<Cache<V, E>>, key: Key, bytes: Bytes) {
    let (Some(disk), now_ms) = (cache.disk.load_full(), cache.now_ms()) else { return };
    let written = tokio::task::spawn_blocking(move || disk.write(key, &bytes, now_ms)).await;
    if !written.unwrap_or(false) {
        cache.figures.disk.inc();
    }
}

async fn renew_all(renewals: &mut Receiver<Renewal>) {
    let mut running = FuturesUnordered::new();
    loop {
        tokio::select! {
            renewal = renewals.recv(), if running.len() < RENEWALS_MAX => match renewal {
                Some(renewal) => running.push(renewal),
                None => return,
            },
            Some(()) = running.next(), if !running.is_empty() => {}
        }
    }
}

async fn exchange_all<V: Value, E: Clone + Send + Sync + 'static>(cache: &Arc<Cache<V, E>>) {
    let mut ticks = interval(EXCHANGE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for tick in 0_u64.. {
        ticks.tick().await;
        exchange(cache).await;
        if tick.is_multiple_of(SIZES_EVERY) {
            cache.show_sizes();
        }
    }
}

/// Learns what others dropped, and tells them what was dropped here.
pub(crate) async fn exchange<V: Value, E: Clone + Send + Sync + 'static>(cache: &Arc<Cache<V, E>>) {
    let before = cache.drops();
    if cache.remote.is_none() || !cache.follow().await {
        return;
    }
    let untold = lock(&cache.untold).clone();
    for scope in untold {
        if !cache.tell(&scope).await {
            break;
        }
        lock(&cache.untold).retain(|waiting| *waiting != scope);
    }
    if cache.drops() != before {
        cache.write_drops().await;
    }
}
