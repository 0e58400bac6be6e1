//! All tiers as one: looked through from the top, filled from the bottom of a flight.

use crate::codec;
use crate::disk::Disk;
use crate::drops::{Drops, SCOPES_MAX, Scope};
use crate::entry::{Entry, Label, Times, Value};
use crate::flight::{Flight, Flights};
use crate::key::Key;
use crate::memory::{Memory, Room};
use crate::remote::Remote;
use crate::stats::{Figures, Stats, Tier, TierStats, share};
use crate::work::{Below, Job, Renewal, Worker};
use arc_swap::{ArcSwap, ArcSwapOption};
use measure::Metrics;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc::{self, Sender};

/// The wall clock, in milliseconds since 1970: entries outlive this process.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// Writes and renewals that wait, at most; what comes on top is not written.
const QUEUE_MAX: usize = 1_024;
/// How far one life may differ from another, as a share of it: what was kept together does not end together.
const JITTER: f64 = 0.1;
const MIB: u64 = 1024 * 1024;

/// What a cache is made of.
pub struct Setup {
    /// What figures call it.
    pub name: &'static str,
    /// Sizes and lives.
    pub settings: settings::Cache,
    /// Where the tier on disk may lie; without a folder there is none.
    pub folder: Option<PathBuf>,
    /// What replicas share, if anything.
    pub remote: Option<Arc<dyn Remote>>,
    /// Where figures go.
    pub metrics: Arc<Metrics>,
    /// What time it is.
    pub clock: Clock,
    /// Where chance starts.
    pub seed: u64,
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Under which key it is kept.
    pub key: Key,
    /// How it is labelled when it is kept.
    pub label: Label,
    /// Whether what is kept will not do.
    pub new: bool,
    /// How long it lives, where that differs from the settings.
    pub ttl: Option<Duration>,
}

/// How long something that was made may be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// As long as answers are.
    Usual,
    /// As long as it is remembered that something does not exist.
    Short,
    /// Not at all.
    None,
}

/// Something that was just made.
#[derive(Debug, Clone)]
pub struct Made<V> {
    /// The answer.
    pub value: V,
    /// How long it may be kept.
    pub life: Life,
}

/// Where an answer came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whence {
    /// It was kept there.
    Kept(Tier),
    /// It was made for whoever asked.
    Made,
    /// It was made for somebody else who asked the same at the same time.
    Shared,
}

impl Whence {
    /// Of what was made: for whoever `led`, or for somebody who shares it.
    pub fn made(led: bool) -> Self {
        if led { Self::Made } else { Self::Shared }
    }

    /// As it stands in reports and headers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kept(Tier::Memory) => "hit-memory",
            Self::Kept(Tier::Disk) => "hit-disk",
            Self::Kept(Tier::Redis) => "hit-redis",
            Self::Made | Self::Shared => "miss",
        }
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer<V> {
    /// The answer.
    pub value: V,
    /// Where it came from.
    pub whence: Whence,
    /// How old it is.
    pub age: Age,
}

/// How old an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Age {
    /// As good as new.
    Fresh,
    /// Old; somebody else has a new one made, or nobody can just now.
    Stale,
    /// Old; a new one is made on behalf of whoever got it.
    Renewed,
}

/// Why there is no answer.
#[derive(Debug, Clone)]
pub struct Failed<E> {
    /// Why not.
    pub error: E,
    /// Whether somebody else's attempt failed, which may have had less time or money.
    pub shared: bool,
}

/// Something that was kept.
#[derive(Debug)]
pub struct Found<V> {
    /// It.
    pub entry: Arc<Entry<V>>,
    /// Where it was.
    pub tier: Tier,
    /// Whether it is old, and somebody should make a new one.
    pub stale: bool,
}

/// What became of a drop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dropped {
    /// How many answers it took out of the memory of this server; elsewhere they count as gone when they are met.
    pub entries: u64,
    /// Whether other replicas will know within a second; otherwise they will when Redis is back.
    pub told: bool,
}

/// The part of the settings that can change while serving.
#[derive(Debug, Clone, Copy)]
struct Rules {
    ttl: Duration,
    stale: Duration,
    negative: Duration,
    entry_bytes_max: usize,
}

impl Rules {
    fn new(settings: &settings::Cache) -> Self {
        Self {
            ttl: Duration::from_secs(settings.ttl_s),
            stale: Duration::from_secs(settings.stale_s),
            negative: Duration::from_secs(settings.negative_s),
            entry_bytes_max: settings.entry_bytes_max,
        }
    }
}

/// Answers that are kept, and those that are on their way. `E` is why there may be none.
pub struct Cache<V: Value, E: Clone> {
    rules: ArcSwap<Rules>,
    memory: ArcSwap<Memory<V>>,
    pub(crate) disk: ArcSwapOption<Disk>,
    folder: Option<PathBuf>,
    pub(crate) remote: Option<Arc<dyn Remote>>,
    drops: ArcSwap<Drops>,
    /// Whoever changes what was dropped holds this: a number is given once.
    dropping: Mutex<()>,
    /// Drops that other replicas do not know of yet.
    pub(crate) untold: Mutex<Vec<Scope>>,
    flights: Arc<Flights<Result<Answer<V>, E>>>,
    pub(crate) figures: Figures,
    lookups: AtomicU64,
    hits: AtomicU64,
    clock: Clock,
    rng: Mutex<fastrand::Rng>,
    jobs: Sender<Job<V>>,
    renewals: Sender<Renewal>,
}

impl<V: Value, E: Clone + Send + Sync + 'static> Cache<V, E> {
    /// Opens all tiers that settings ask for, and makes the worker who writes and renews; nothing is written until it
    /// runs.
    ///
    /// # Errors
    /// The folder cannot be made or read.
    pub fn open(setup: Setup) -> io::Result<(Arc<Self>, Worker<V, E>)> {
        let Setup { name, settings, folder, remote, metrics, clock, seed } = setup;
        let disk = disk(folder.as_ref(), &settings)?;
        let written = disk.as_ref().map(|disk| written(disk));
        let ((jobs, waiting), (renewals, due)) = (mpsc::channel(QUEUE_MAX), mpsc::channel(QUEUE_MAX));
        let cache = Arc::new(Self {
            rules: ArcSwap::from_pointee(Rules::new(&settings)),
            memory: ArcSwap::from_pointee(Memory::new(room(&settings))),
            disk: ArcSwapOption::new(disk),
            folder,
            remote,
            drops: ArcSwap::from_pointee(written.unwrap_or_default()),
            dropping: Mutex::default(),
            untold: Mutex::default(),
            flights: Arc::default(),
            figures: Figures::new(&metrics, name),
            lookups: AtomicU64::new(0),
            hits: AtomicU64::new(0),
            clock,
            rng: Mutex::new(fastrand::Rng::with_seed(seed)),
            jobs,
            renewals,
        });
        Ok((Arc::clone(&cache), Worker::new(cache, waiting, due)))
    }

    /// Takes over other sizes and lives; which Redis there is, is fixed at the start. Other sizes of memory empty it.
    ///
    /// # Errors
    /// The folder cannot be made or read; all else has been taken over then.
    pub fn reload(&self, settings: &settings::Cache) -> io::Result<()> {
        self.rules.store(Arc::new(Rules::new(settings)));
        let room = room(settings);
        if self.memory.load().room != room {
            self.memory.store(Arc::new(Memory::new(room)));
        }
        match self.disk.load_full() {
            Some(disk) => {
                disk.resize(settings.disk_mb * MIB);
                if settings.disk_mb == 0 {
                    self.disk.store(None);
                }
            }
            None => {
                if let Some(disk) = disk(self.folder.as_ref(), settings)? {
                    self.begin_on(disk)?;
                }
            }
        }
        Ok(())
    }

    /// Takes a disk while serving. What lies on it is of another run: its numbers mean other drops.
    fn begin_on(&self, disk: Arc<Disk>) -> io::Result<()> {
        disk.clear();
        self.disk.store(Some(Arc::clone(&disk)));
        // After that, so that a drop in between is written down here or by whoever dropped.
        disk.write_drops(|| self.drops().written()).inspect_err(|_| self.disk.store(None))
    }

    /// What is kept under the key, else what an identical request in flight brings, else what `make` makes, which is told
    /// whether what is kept elsewhere will not do. An old answer is given while `make` goes to the worker.
    ///
    /// Dropping the future leaves those who share its flight alone; when the last one is dropped, so is what `make` has
    /// begun.
    ///
    /// # Errors
    /// Whatever `make` failed with; nothing is kept of it.
    pub async fn get_or<M, F>(self: &Arc<Self>, wanted: Wanted, make: M) -> Result<Answer<V>, Failed<E>>
    where
        M: FnOnce(bool) -> F + Send + 'static,
        F: Future<Output = Result<Made<V>, E>> + Send + 'static,
    {
        if !wanted.new
            && let Some(found) = self.peek(&wanted.key)
        {
            return Ok(self.give(&found, wanted, make));
        }
        let (flight, led) = self.board(wanted, make);
        match flight.await {
            Ok(Answer { whence: Whence::Made, value, .. }) if !led => {
                Ok(Answer { value, whence: Whence::Shared, age: Age::Fresh })
            }
            // Whoever led has it renewed.
            Ok(answer) if !led && answer.age == Age::Renewed => Ok(Answer { age: Age::Stale, ..answer }),
            Ok(answer) => Ok(answer),
            Err(error) => Err(Failed { error, shared: !led }),
        }
    }

    /// Counts somebody who shares an answer on a way of its own.
    pub fn note_shared(&self) {
        self.figures.shared.inc();
    }

    fn board<M, F>(self: &Arc<Self>, wanted: Wanted, make: M) -> (Flight<Result<Answer<V>, E>>, bool)
    where
        M: FnOnce(bool) -> F + Send + 'static,
        F: Future<Output = Result<Made<V>, E>> + Send + 'static,
    {
        let (cache, key, new) = (Arc::clone(self), wanted.key, wanted.new);
        let (flight, led) = self.flights.board(key, new, |ticket| {
            Box::pin(async move {
                let _open = ticket;
                cache.fly(wanted, make).await
            })
        });
        if !led {
            self.figures.shared.inc();
        }
        (flight, led)
    }

    async fn fly<M, F>(self: &Arc<Self>, wanted: Wanted, make: M) -> Result<Answer<V>, E>
    where
        M: FnOnce(bool) -> F + Send + 'static,
        F: Future<Output = Result<Made<V>, E>> + Send + 'static,
    {
        if !wanted.new {
            // Somebody else's flight may have landed since memory was asked.
            if let Some(found) = self.find(&wanted.key).await {
                self.note_hit();
                return Ok(self.give(&found, wanted, make));
            }
        }
        let seen = self.seen();
        let Made { value, life } = make(wanted.new).await?;
        self.keep(wanted.key, value.clone(), wanted.label, seen, (life, wanted.ttl));
        Ok(Answer { value, whence: Whence::Made, age: Age::Fresh })
    }

    fn give<M, F>(self: &Arc<Self>, found: &Found<V>, wanted: Wanted, make: M) -> Answer<V>
    where
        M: FnOnce(bool) -> F + Send + 'static,
        F: Future<Output = Result<Made<V>, E>> + Send + 'static,
    {
        let (cache, wanted) = (Arc::clone(self), Wanted { new: true, ..wanted });
        let age = self.renew(found, || Box::pin(async move { drop(cache.board(wanted, make).0.await) }));
        Answer { value: found.entry.value.clone(), whence: Whence::Kept(found.tier), age }
    }

    /// Has the worker replace an answer that is old, where nobody has undertaken that within the last second.
    pub fn renew(&self, found: &Found<V>, make: impl FnOnce() -> Renewal) -> Age {
        if !found.stale {
            return Age::Fresh;
        }
        match self.renewals.try_reserve() {
            Ok(place) if found.entry.claims_renewal(self.now_ms()) => {
                place.send(make());
                Age::Renewed
            }
            _ => Age::Stale,
        }
    }

    /// What memory has. Waits for nothing.
    pub fn peek(&self, key: &Key) -> Option<Found<V>> {
        self.lookups.fetch_add(1, Ordering::Relaxed);
        let found = self.in_memory(key);
        if self.memory.load().is_on() {
            self.count(Tier::Memory, found.as_ref());
        }
        found.inspect(|_| self.note_hit())
    }

    /// Counts an answer that was kept and is given, where [`Cache::peek`] did not find it.
    pub fn note_hit(&self) {
        self.hits.fetch_add(1, Ordering::Relaxed);
    }

    /// What memory has, without counting that somebody looked. Waits for nothing.
    pub fn in_memory(&self, key: &Key) -> Option<Found<V>> {
        let memory = self.memory.load();
        let entry = memory.get(key)?;
        let found = self.alive(entry, Tier::Memory);
        if found.is_none() {
            memory.remove(key);
        }
        found
    }

    /// What any tier has; nobody's looking into memory is counted.
    pub async fn find(self: &Arc<Self>, key: &Key) -> Option<Found<V>> {
        match self.in_memory(key) {
            Some(found) => Some(found),
            None => self.look(key).await,
        }
    }

    /// What the tiers below memory have; what is found goes up.
    pub async fn look(self: &Arc<Self>, key: &Key) -> Option<Found<V>> {
        let found = match self.on_disk(key).await {
            Some(found) => Some(found),
            None => self.in_redis(key).await,
        }?;
        self.memory.load().put(*key, Arc::clone(&found.entry), self.now_ms());
        if found.tier == Tier::Redis && self.disk.load().is_some() {
            self.write(*key, &found.entry, Below::Disk);
        }
        Some(found)
    }

    async fn on_disk(self: &Arc<Self>, key: &Key) -> Option<Found<V>> {
        let disk = self.disk.load_full()?;
        let (cache, key) = (Arc::clone(self), *key);
        let read = move || {
            let bytes = disk.read(&key)?;
            let entry = codec::decode::<V>(&key, &bytes);
            if entry.is_none() {
                cache.figures.corrupt.inc();
            }
            let found = entry.and_then(|entry| cache.alive(entry, Tier::Disk));
            if found.is_none() {
                disk.remove(&key);
            }
            found
        };
        let found = tokio::task::spawn_blocking(read).await.ok().flatten();
        self.count(Tier::Disk, found.as_ref());
        found
    }

    async fn in_redis(&self, key: &Key) -> Option<Found<V>> {
        let remote = self.remote.as_ref()?;
        let read = match self.remote_key(key) {
            Some(key) => remote.get(&key).await,
            None => Err(crate::Away),
        };
        let Ok(read) = read else {
            self.figures.of(Tier::Redis).away.inc();
            return None;
        };
        let entry = read.and_then(|bytes| {
            let entry = codec::decode::<V>(key, &bytes);
            if entry.is_none() {
                self.figures.corrupt.inc();
            }
            entry
        });
        let found = entry.and_then(|entry| self.alive(entry, Tier::Redis));
        self.count(Tier::Redis, found.as_ref());
        found
    }

    fn alive(&self, entry: Arc<Entry<V>>, tier: Tier) -> Option<Found<V>> {
        let now_ms = self.now_ms();
        let drops = self.drops.load();
        // One that knows of more drops than we do may be of a time whose drops were lost.
        let gone = entry.is_dead(now_ms) || entry.seen > drops.seen() || drops.gone(&entry.label, entry.seen);
        (!gone).then(|| Found { stale: !entry.is_fresh(now_ms), entry, tier })
    }

    fn count(&self, tier: Tier, found: Option<&Found<V>>) {
        let figures = self.figures.of(tier);
        match found {
            Some(found) if found.stale => figures.stale.inc(),
            Some(_) => figures.hit.inc(),
            None => figures.miss.inc(),
        }
    }

    /// The largest answer that is kept, in bytes.
    pub fn entry_bytes_max(&self) -> usize {
        self.rules.load().entry_bytes_max
    }

    /// The number of the last drop, to be asked before an answer is: see [`Cache::keep`].
    pub fn seen(&self) -> u64 {
        self.drops.load().seen()
    }

    /// Keeps an answer: in memory at once, below as soon as the worker comes to it. `seen` is what [`Cache::seen`] told
    /// before the answer was asked for; the life may be another than that of the settings.
    pub fn keep(&self, key: Key, value: V, label: Label, seen: u64, (life, ttl): (Life, Option<Duration>)) {
        let rules = **self.rules.load();
        let (life, stale) = match life {
            Life::Usual => (ttl.unwrap_or(rules.ttl), rules.stale),
            Life::Short => (rules.negative.min(ttl.unwrap_or(rules.ttl)), Duration::ZERO),
            Life::None => return,
        };
        if life.is_zero() {
            return;
        }
        if value.weight() > rules.entry_bytes_max {
            self.figures.too_large.inc();
            return;
        }
        let now_ms = self.now_ms();
        let share = 1.0 + JITTER * (2.0 * lock(&self.rng).f64() - 1.0);
        let fresh_ms = now_ms + millis(life.mul_f64(share));
        let times = Times { stored_ms: now_ms, fresh_ms, dead_ms: fresh_ms + millis(stale) };
        let entry = Entry::new(value, label, times, seen);
        self.memory.load().put(key, Arc::clone(&entry), now_ms);
        if self.disk.load().is_some() || self.remote.is_some() {
            self.write(key, &entry, Below::All);
        }
    }

    fn write(&self, key: Key, entry: &Arc<Entry<V>>, below: Below) {
        if self.jobs.try_send(Job { key, entry: Arc::clone(entry), below }).is_err() {
            self.figures.busy.inc();
        }
    }

    /// Drops whatever the scope names, everywhere. Other replicas know within a second.
    pub async fn forget(self: &Arc<Self>, scope: Scope) -> Dropped {
        let told = self.tell(&scope).await;
        if !told {
            self.note_untold(&scope);
        }
        if scope == Scope::default() {
            self.clear_disk().await;
        }
        self.write_drops().await;
        let drops = self.drops.load_full();
        let entries = self.memory.load().sweep(|entry| drops.gone(&entry.label, entry.seen));
        Dropped { entries, told }
    }

    /// Numbers a drop where all replicas see it; whether that went well.
    pub(crate) async fn tell(&self, scope: &Scope) -> bool {
        let Some(remote) = &self.remote else {
            self.know(|drops| drops.add(scope.clone()));
            return true;
        };
        // The table may turn out to be another one than it was, once.
        for _ in 0..2 {
            let ours = self.drops.load_full();
            match remote.drop_scope(scope, &ours).await {
                Ok(Some(number)) => {
                    self.know(|drops| drops.put_shared(number, scope.clone()));
                    return true;
                }
                Ok(None) if self.follow().await => {}
                Ok(None) | Err(_) => return false,
            }
        }
        false
    }

    /// Until others know, what is asked for from now on is gone as well: which of it came before is not known.
    fn note_untold(&self, scope: &Scope) {
        let mut untold = lock(&self.untold);
        if untold.len() >= SCOPES_MAX {
            *untold = vec![Scope::default()];
        }
        if !untold.contains(scope) {
            untold.push(scope.clone());
        }
        self.know(|drops| drops.put(drops.seen() + 1, scope.clone()));
    }

    /// Learns what others have dropped, and has a table that has lost something know it again; whether that went well.
    pub(crate) async fn follow(&self) -> bool {
        let Some(remote) = &self.remote else { return true };
        let ours = self.drops.load_full();
        let theirs = match remote.dropped(&ours).await {
            Ok(Some(theirs)) if theirs.follow(&ours) => Ok(theirs),
            Ok(Some(_)) => remote.restore(&ours, self.now_ms()).await,
            Ok(None) => return true,
            Err(away) => Err(away),
        };
        let Ok(theirs) = theirs else { return false };
        if theirs.have_a_gap_after(&ours) {
            self.memory.load().sweep(|_| true);
            self.clear_disk().await;
        }
        self.know(|drops| drops.merge(theirs));
        true
    }

    async fn clear_disk(&self) {
        if let Some(disk) = self.disk.load_full() {
            let _ = tokio::task::spawn_blocking(move || disk.clear()).await;
        }
    }

    /// Changes what was dropped.
    fn know(&self, change: impl FnOnce(&mut Drops)) {
        let _alone = lock(&self.dropping);
        let mut drops = Drops::clone(&self.drops.load());
        change(&mut drops);
        self.drops.store(Arc::new(drops));
    }

    /// Which drops are known.
    pub(crate) fn drops(&self) -> Arc<Drops> {
        self.drops.load_full()
    }

    /// Writes down what was dropped, so that a restart does not bring it back.
    pub(crate) async fn write_drops(self: &Arc<Self>) {
        let Some(disk) = self.disk.load_full() else { return };
        let cache = Arc::clone(self);
        let write = move || disk.write_drops(|| cache.drops().written());
        if let Ok(Err(error)) = tokio::task::spawn_blocking(write).await {
            tracing::warn!(%error, "what was dropped from the cache could not be written down");
        }
    }

    /// How the tiers are doing.
    pub fn stats(&self) -> Stats {
        let (lookups, hits) = (self.lookups.load(Ordering::Relaxed), self.hits.load(Ordering::Relaxed));
        let tiers = Tier::ALL.map(|tier| self.tier(tier)).to_vec();
        Stats { lookups, hits, hit_rate: share(hits, lookups), shared: self.figures.shared.value(), tiers }
    }

    fn tier(&self, tier: Tier) -> TierStats {
        let (memory, disk) = (self.memory.load(), self.disk.load());
        let (on, size, bytes_max) = match tier {
            Tier::Memory => (memory.is_on(), Some(memory.size()), Some(memory.room.bytes)),
            Tier::Disk => {
                (disk.is_some(), disk.as_ref().map(|disk| disk.size()), disk.as_ref().map(|disk| disk.room()))
            }
            Tier::Redis => (self.remote.is_some(), None, None),
        };
        let (lookups, hits) = (self.figures.lookups(tier), self.figures.hits(tier));
        let (entries, bytes) = (size.map(|(entries, _)| entries), size.map(|(_, bytes)| bytes));
        TierStats { tier, on, entries, bytes, bytes_max, lookups, hits, hit_rate: share(hits, lookups) }
    }

    /// Shows the sizes of the tiers on this machine among the figures.
    pub(crate) fn show_sizes(&self) {
        let memory = self.memory.load().size();
        let disk = self.disk.load().as_ref().map(|disk| disk.size()).unwrap_or_default();
        for (tier, (entries, bytes)) in [(Tier::Memory, memory), (Tier::Disk, disk)] {
            let figures = self.figures.of(tier);
            figures.entries.set(i64::try_from(entries).unwrap_or(i64::MAX));
            figures.bytes.set(i64::try_from(bytes).unwrap_or(i64::MAX));
        }
    }

    /// The key under which Redis holds an entry; none before it is known what was dropped while we were not looking.
    pub(crate) fn remote_key(&self, key: &Key) -> Option<String> {
        let drops = self.drops.load();
        (drops.made() != 0).then(|| format!("cache:{}:{}", drops.era(), key.hex()))
    }

    /// What time it is, in milliseconds since 1970.
    pub fn now_ms(&self) -> u64 {
        (self.clock)()
    }
}

fn room(settings: &settings::Cache) -> Room {
    Room { entries: settings.memory_entries, bytes: settings.memory_mb * MIB }
}

fn disk(folder: Option<&PathBuf>, settings: &settings::Cache) -> io::Result<Option<Arc<Disk>>> {
    let Some(folder) = folder else { return Ok(None) };
    if settings.disk_mb > 0 {
        return Disk::open(folder, settings.disk_mb * MIB).map(|disk| Some(Arc::new(disk)));
    }
    if folder.exists() {
        // Nobody writes down what is dropped from now on, so nothing may be left for later.
        Disk::open(folder, 0)?;
    }
    Ok(None)
}

/// What was dropped, as it was written down. Where that cannot be told, nothing on the disk is given.
fn written(disk: &Disk) -> Drops {
    match disk.drops() {
        Ok(None) => Drops::default(),
        Ok(Some(bytes)) => serde_json::from_slice(&bytes).unwrap_or_else(|error| forgotten(disk, &error)),
        Err(error) => forgotten(disk, &error),
    }
}

fn forgotten(disk: &Disk, error: &dyn std::fmt::Display) -> Drops {
    tracing::warn!(%error, "what was dropped from the cache cannot be read: all answers on disk are removed");
    disk.clear();
    Drops::default()
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod zipf;
