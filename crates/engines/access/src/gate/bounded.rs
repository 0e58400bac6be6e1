//! A map that never holds more than so many, shared between tasks.
//!
//! When it is full, it forgets an entry that was not asked for since the hand last came by: the second-chance
//! algorithm, which costs no bookkeeping on a hit but one flag.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// From how many entries on a map is cut into parts, so that tasks seldom wait for each other.
const PARTS_FROM: usize = 1_024;
/// Into how many.
const PARTS: usize = 16;

/// A bounded map, cut into parts that are locked one by one. Values are handed out as copies: make them cheap ones.
pub(crate) struct Bounded<K, V> {
    random: RandomState,
    parts: Box<[Mutex<Part<K, V>>]>,
}

impl<K: Hash + Eq + Clone, V: Clone> Bounded<K, V> {
    /// A map for at most `most` entries; 0 reads as 1.
    pub(crate) fn new(most: usize) -> Self {
        let parts = if most < PARTS_FROM { 1 } else { PARTS };
        let most = (most / parts).max(1);
        Self { random: RandomState::new(), parts: (0..parts).map(|_| Mutex::new(Part::new(most))).collect() }
    }

    pub(crate) fn get(&self, key: &K) -> Option<V> {
        self.part(key).get(key).cloned()
    }

    /// What is there, else what is made now.
    pub(crate) fn get_or(&self, key: &K, make: impl FnOnce() -> V) -> V {
        let mut part = self.part(key);
        if let Some(known) = part.get(key) {
            return known.clone();
        }
        let made = make();
        part.insert(key.clone(), made.clone());
        made
    }

    /// Puts in what `change` makes of what is there, alone with this entry; `None` leaves it.
    pub(crate) fn update(&self, key: &K, change: impl FnOnce(Option<&V>) -> Option<V>) {
        let mut part = self.part(key);
        if let Some(changed) = change(part.get(key)) {
            part.insert(key.clone(), changed);
        }
    }

    pub(crate) fn remove(&self, key: &K) {
        self.part(key).remove(key);
    }

    /// Changes every entry.
    pub(crate) fn for_each(&self, mut change: impl FnMut(&mut V)) {
        for part in &self.parts {
            locked(part).slots.iter_mut().for_each(|slot| change(&mut slot.value));
        }
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.parts.iter().map(|part| locked(part).slots.len()).sum()
    }

    fn part(&self, key: &K) -> MutexGuard<'_, Part<K, V>> {
        let at = if self.parts.len() == 1 { 0 } else { self.random.hash_one(key) as usize % self.parts.len() };
        locked(&self.parts[at])
    }
}

fn locked<T>(part: &Mutex<T>) -> MutexGuard<'_, T> {
    part.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Part<K, V> {
    most: usize,
    at: HashMap<K, usize>,
    slots: Vec<Slot<K, V>>,
    hand: usize,
}

struct Slot<K, V> {
    key: K,
    value: V,
    /// Asked for since the hand came by.
    used: bool,
}

impl<K: Hash + Eq + Clone, V> Part<K, V> {
    fn new(most: usize) -> Self {
        Self { most, at: HashMap::new(), slots: Vec::new(), hand: 0 }
    }

    fn get(&mut self, key: &K) -> Option<&V> {
        let slot = &mut self.slots[*self.at.get(key)?];
        slot.used = true;
        Some(&slot.value)
    }

    fn insert(&mut self, key: K, value: V) {
        if let Some(at) = self.at.get(&key) {
            self.slots[*at].value = value;
            return;
        }
        let slot = Slot { key: key.clone(), value, used: false };
        let at = if self.slots.len() < self.most {
            self.slots.push(slot);
            self.slots.len() - 1
        } else {
            let at = self.idle();
            self.at.remove(&self.slots[at].key);
            self.slots[at] = slot;
            at
        };
        self.at.insert(key, at);
    }

    /// The place of an entry to be forgotten: at the latest after a whole round there is one.
    fn idle(&mut self) -> usize {
        loop {
            let at = self.hand % self.slots.len();
            self.hand = at + 1;
            if !std::mem::take(&mut self.slots[at].used) {
                return at;
            }
        }
    }

    fn remove(&mut self, key: &K) {
        let Some(at) = self.at.remove(key) else { return };
        self.slots.swap_remove(at);
        if let Some(moved) = self.slots.get(at) {
            self.at.insert(moved.key.clone(), at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Bounded;

    #[test]
    fn holds_no_more_than_it_may_and_keeps_what_is_used() {
        for most in [1, 3, 100, 5_000] {
            let map = Bounded::new(most);
            map.update(&0, |_| Some(0));
            for key in 1..most as u32 * 3 {
                map.get(&0);
                map.update(&key, |_| Some(key));
                assert!(map.len() <= most);
            }
            assert!(most == 1 || map.get(&0) == Some(0), "{most}");
        }
    }

    #[test]
    fn finds_what_is_there_after_any_change() {
        let map = Bounded::new(40);
        for key in 0..40 {
            assert_eq!(map.get_or(&key, || key * 2), key * 2);
        }
        for key in (0..40).step_by(3) {
            map.remove(&key);
            map.remove(&key);
        }
        map.for_each(|value| *value += 1);
        for key in 0..40 {
            assert_eq!(map.get(&key), (key % 3 != 0).then_some(key * 2 + 1), "{key}");
        }
        map.update(&1, |known| known.map(|known| known + 10));
        map.update(&2, |_| None);
        assert_eq!((map.get(&1), map.get(&2), map.get_or(&3, || 7)), (Some(13), Some(5), 7));
    }
}
