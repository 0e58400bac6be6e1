//! The tier in memory: bounded in entries and in bytes, and it forgets what is asked for least.

use crate::entry::{Entry, Value};
use crate::key::Key;
use moka::Expiry;
use moka::sync::Cache as Table;
use std::sync::Arc;
use std::time::{Duration, Instant};

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
    table: Option<Table<Key, Held<V>>>,
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
        let table = (!room.is_none()).then(|| {
            let weigher = move |_: &Key, (entry, _): &Held<V>| room.weight(entry.weight());
            Table::builder().max_capacity(room.bytes).weigher(weigher).expire_after(UntilDead).build()
        });
        Self { table, room }
    }

    pub(crate) fn is_on(&self) -> bool {
        self.table.is_some()
    }

    pub(crate) fn get(&self, key: &Key) -> Option<Arc<Entry<V>>> {
        self.table.as_ref()?.get(key).map(|(entry, _)| entry)
    }

    pub(crate) fn put(&self, key: Key, entry: Arc<Entry<V>>, now_ms: u64) {
        if let Some(table) = &self.table {
            let left = Duration::from_millis(entry.times.dead_ms.saturating_sub(now_ms));
            table.insert(key, (entry, left));
        }
    }

    pub(crate) fn remove(&self, key: &Key) {
        if let Some(table) = &self.table {
            table.invalidate(key);
        }
    }

    /// Removes what `dropped` names; how many those were.
    pub(crate) fn sweep(&self, dropped: impl Fn(&Entry<V>) -> bool) -> u64 {
        let Some(table) = &self.table else { return 0 };
        let gone: Vec<Arc<Key>> = table.iter().filter(|(_, (entry, _))| dropped(entry)).map(|(key, _)| key).collect();
        for key in &gone {
            table.invalidate(&**key);
        }
        gone.len() as u64
    }

    /// Entries and bytes.
    pub(crate) fn size(&self) -> (u64, u64) {
        let Some(table) = &self.table else { return (0, 0) };
        table.run_pending_tasks();
        (table.entry_count(), table.iter().map(|(_, (entry, _))| entry.weight() as u64).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::{Label, Times};
    use crate::fixtures::Text;
    use crate::key::KeyMaker;

    fn filled(room: Room, count: u32, bytes: usize) -> (u64, u64) {
        let memory = Memory::new(room);
        for at in 0..count {
            let key = KeyMaker::default().with(&at.to_le_bytes()).key();
            let times = Times { stored_ms: 0, fresh_ms: 60_000, dead_ms: 60_000 };
            let entry = Entry::new(Text::from("x".repeat(bytes).as_str()), Label::default(), times, 0);
            memory.put(key, entry, 0);
        }
        memory.size()
    }

    #[test]
    fn both_limits_hold() {
        let (entries, _) = filled(Room { entries: 50, bytes: 1 << 20 }, 500, 10);
        assert!((1..=50).contains(&entries), "{entries}");
        let (entries, bytes) = filled(Room { entries: 500, bytes: 100_000 }, 500, 5_000);
        assert!((1..=20).contains(&entries) && bytes <= 100_000, "{entries} {bytes}");
        assert_eq!(filled(Room { entries: 0, bytes: 100_000 }, 5, 10), (0, 0));
    }
}
