//! The tier in memory: bounded in entries and in bytes, and it forgets what is asked for least.
//!
//! What comes waits beside the table until there are a few: to take one in now and then means to look at thousands, and
//! whoever brings it has an answer to give first.

use crate::cache::lock;
use crate::entry::{Entry, Value};
use crate::key::Key;
use moka::Expiry;
use moka::sync::Cache as Table;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, TryLockError};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// So many are taken in at once.
const BATCH: usize = 8;
/// Entries and bytes that a table is for, and how many tables there may be. A table lays itself out anew part by part, of
/// which it always has as many: in a small one that is done sooner.
const TABLE_ENTRIES: u64 = 1_500;
const TABLE_BYTES: u64 = 8 * 1024 * 1024;
const TABLES_MAX: u64 = 8;
/// What is larger does not wait.
const WAITING_BYTES_MAX: usize = 32 * 1024;

/// How much there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Room {
    pub(crate) entries: u64,
    pub(crate) bytes: u64,
}

impl Room {
    fn is_none(self) -> bool {
        self.entries == 0 || self.bytes == 0
    }

    /// The table has one limit, and there are two: an entry weighs its bytes, but at least its share of the room, so that
    /// neither limit can be passed. A crowd of small entries beside a few large ones thus fills it a little early.
    fn weight(self, bytes: usize) -> u32 {
        let share = self.bytes.div_ceil(self.entries.max(1));
        u32::try_from((bytes as u64).max(share)).unwrap_or(u32::MAX)
    }
}

/// What an entry is held as: with the time that it has left, reckoned when it came.
type Held<V> = (Arc<Entry<V>>, Duration);

pub(crate) struct Memory<V> {
    /// None, or a power of two, which each hold an equal part.
    tables: Vec<Table<Key, Held<V>>>,
    /// Which of them is put in order next.
    next: AtomicUsize,
    /// What has come and is not in the table yet, the latest last.
    waiting: Mutex<Vec<(Key, Held<V>)>>,
    /// Held by whoever takes it in.
    taking: Mutex<()>,
    pub(crate) room: Room,
}

/// The table's own clock only clears away what is dead: whether something still lives is asked elsewhere.
struct UntilDead;

impl<V> Expiry<Key, Held<V>> for UntilDead {
    fn expire_after_create(&self, _: &Key, (_, left): &Held<V>, _: Instant) -> Option<Duration> {
        Some(*left)
    }

    fn expire_after_update(&self, _: &Key, (_, left): &Held<V>, _: Instant, _: Option<Duration>) -> Option<Duration> {
        Some(*left)
    }
}

impl<V: Value> Memory<V> {
    pub(crate) fn new(room: Room) -> Self {
        let count = (room.entries / TABLE_ENTRIES).min(room.bytes / TABLE_BYTES).clamp(1, TABLES_MAX);
        let count = 1 << count.ilog2();
        let weigher = move |_: &Key, (entry, _): &Held<V>| room.weight(entry.weight());
        let table =
            |_| Table::builder().max_capacity(room.bytes / count).weigher(weigher).expire_after(UntilDead).build();
        let tables = (0..count).filter(|_| !room.is_none()).map(table).collect();
        Self { tables, next: AtomicUsize::new(0), waiting: Mutex::default(), taking: Mutex::default(), room }
    }

    pub(crate) fn is_on(&self) -> bool {
        !self.tables.is_empty()
    }

    /// The table of a key; there is none if there are no tables.
    fn table(&self, key: &Key) -> Option<&Table<Key, Held<V>>> {
        let [number, ..] = key.0;
        self.numbered(usize::from(number))
    }

    /// The tables by number, over and over.
    fn numbered(&self, number: usize) -> Option<&Table<Key, Held<V>>> {
        self.tables.get(number & self.tables.len().wrapping_sub(1))
    }

    pub(crate) fn get(&self, key: &Key) -> Option<Arc<Entry<V>>> {
        let table = self.table(key)?;
        let waits = |waiting: &[(Key, Held<V>)]| {
            waiting.iter().rev().find(|(other, _)| other == key).map(|(_, (entry, _))| Arc::clone(entry))
        };
        // A statement of its own: nobody else is to wait while the table is looked through.
        let waiting = waits(&lock(&self.waiting));
        waiting.or_else(|| table.get(key).map(|(entry, _)| entry))
    }

    /// Found from now on; what that leads to is done once whoever brings it has done everything else.
    pub(crate) fn put(self: &Arc<Self>, key: Key, entry: Arc<Entry<V>>, now_ms: u64) {
        if !self.is_on() {
            return;
        }
        let left = Duration::from_millis(entry.times.dead_ms.saturating_sub(now_ms));
        let is_large = entry.weight() > WAITING_BYTES_MAX;
        let mut waiting = lock(&self.waiting);
        waiting.push((key, (entry, left)));
        let waits = waiting.len();
        drop(waiting);
        // Again with every batch: whoever was to take the last one in may never have come to it.
        if is_large || waits.is_multiple_of(BATCH) {
            match Handle::try_current() {
                Ok(runtime) => {
                    let memory = Arc::clone(self);
                    drop(runtime.spawn(async move { memory.take_in() }));
                }
                Err(_) => self.take_in(),
            }
        }
    }

    /// Takes in what waits, unless somebody does so already, and has one of the tables forget what it has no room for.
    fn take_in(&self) {
        let alone = self.taking.try_lock();
        if matches!(alone, Err(TryLockError::WouldBlock)) {
            return;
        }
        // None is gone from here before it is there, and nobody who looks for one waits for all of them.
        let batch = lock(&self.waiting).clone();
        let taken = batch.len();
        for (key, held) in batch {
            if let Some(table) = self.table(&key) {
                table.insert(key, held);
            }
        }
        lock(&self.waiting).drain(..taken);
        if let Some(next) = self.numbered(self.next.fetch_add(1, Ordering::Relaxed)) {
            next.run_pending_tasks();
        }
    }

    /// Forgets what is in the table; what waits goes in and out on its own.
    pub(crate) fn remove(&self, key: &Key) {
        if let Some(table) = self.table(key) {
            table.invalidate(key);
        }
    }

    /// Removes what `dropped` names; how many those were.
    pub(crate) fn sweep(&self, dropped: impl Fn(&Entry<V>) -> bool) -> u64 {
        self.take_in();
        let gone = |table: &Table<Key, Held<V>>| {
            let gone = table.iter().filter(|(_, (entry, _))| dropped(entry)).map(|(key, _)| key);
            let gone: Vec<Arc<Key>> = gone.collect();
            gone.iter().for_each(|key| table.invalidate(&**key));
            gone.len() as u64
        };
        self.tables.iter().map(gone).sum()
    }

    /// Entries and bytes.
    pub(crate) fn size(&self) -> (u64, u64) {
        self.take_in();
        self.tables.iter().for_each(Table::run_pending_tasks);
        let bytes =
            |table: &Table<Key, Held<V>>| table.iter().map(|(_, (entry, _))| entry.weight() as u64).sum::<u64>();
        (self.tables.iter().map(Table::entry_count).sum(), self.tables.iter().map(bytes).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::{Label, Times};
    use crate::fixtures::Text;
    use crate::key::KeyMaker;
    use tokio::task::yield_now;

    fn key(at: u32) -> Key {
        KeyMaker::default().with(&at.to_le_bytes()).key()
    }

    fn entry(text: &str) -> Arc<Entry<Text>> {
        let times = Times { stored_ms: 0, fresh_ms: 60_000, dead_ms: 60_000 };
        Entry::new(Text::from(text), Label::default(), times, 0)
    }

    fn filled(room: Room, count: u32, bytes: usize) -> (u64, u64) {
        let memory = Arc::new(Memory::new(room));
        for at in 0..count {
            memory.put(key(at), entry(&"x".repeat(bytes)), 0);
        }
        memory.size()
    }

    #[tokio::test]
    async fn whoever_brings_something_goes_on_first_and_it_is_found_meanwhile() {
        let memory = Arc::new(Memory::new(Room { entries: 100, bytes: 1 << 20 }));
        let found = |at| memory.get(&key(at)).map(|entry: Arc<Entry<Text>>| entry.value.clone());
        let waits = || lock(&memory.waiting).len();
        for at in 0..BATCH as u32 {
            memory.put(key(at), entry("old"), 0);
            assert_eq!((waits(), found(at)), (at as usize + 1, Some(Text::from("old"))));
        }
        yield_now().await;
        assert_eq!((waits(), found(0)), (0, Some(Text::from("old"))));
        for text in ["new", "newest"] {
            memory.put(key(0), entry(text), 0);
            assert_eq!(found(0), Some(Text::from(text)));
        }
        memory.put(key(1), entry(&"x".repeat(WAITING_BYTES_MAX)), 0);
        assert_eq!(waits(), 3);
        yield_now().await;
        assert_eq!((waits(), found(0)), (0, Some(Text::from("newest"))), "a large one does not wait");
        assert_eq!(memory.size().0, BATCH as u64);
    }

    #[test]
    fn both_limits_hold() {
        let (entries, _) = filled(Room { entries: 50, bytes: 1 << 20 }, 500, 10);
        assert!((1..=50).contains(&entries), "{entries}");
        let (entries, bytes) = filled(Room { entries: 500, bytes: 100_000 }, 500, 5_000);
        assert!((1..=20).contains(&entries) && bytes <= 100_000, "{entries} {bytes}");
        let (entries, _) = filled(Room { entries: 12_000, bytes: 64 << 20 }, 20_000, 10);
        assert!((11_000..=12_000).contains(&entries), "{entries} in several tables");
        assert_eq!(filled(Room { entries: 0, bytes: 100_000 }, 5, 10), (0, 0));
    }
}
