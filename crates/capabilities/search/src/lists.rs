//! Which documents hold a word or a tag: inverted lists by number of document, with how much they hold of it.

use crate::tables::Table;
use std::sync::Arc;

/// Lists by name. Those that become empty are let go, and their numbers used again.
#[derive(Default)]
pub(crate) struct Lists {
    numbers: Table<Arc<str>, u32>,
    lists: Vec<List>,
    free: Vec<u32>,
}

/// Who holds something.
#[derive(Default)]
pub(crate) struct List {
    name: Arc<str>,
    /// Rising, so that sums are added to in the order they lie in memory, and a document is found by bisection.
    entries: Vec<(u32, u16)>,
}

impl Lists {
    /// Adds a document, which must not be in the list yet, and tells the number of the list.
    pub(crate) fn add(&mut self, name: &Arc<str>, slot: u32, amount: u16) -> u32 {
        let number = match self.numbers.get(name) {
            Some(&number) => number,
            None => self.start(name),
        };
        self.insert(number, slot, amount);
        number
    }

    /// The same, where the list had the number of the hint the last time, and has it still unless it was let go.
    pub(crate) fn add_with_hint(&mut self, name: &Arc<str>, slot: u32, amount: u16, hint: &mut u32) -> u32 {
        if self.lists.get(*hint as usize).is_some_and(|list| list.name == *name) {
            self.insert(*hint, slot, amount);
        } else {
            *hint = self.add(name, slot, amount);
        }
        *hint
    }

    fn insert(&mut self, number: u32, slot: u32, amount: u16) {
        if let Some(list) = self.lists.get_mut(number as usize) {
            list.insert(slot, amount);
        }
    }

    /// Takes a document out of a list.
    pub(crate) fn remove(&mut self, number: u32, slot: u32) {
        let Some(list) = self.lists.get_mut(number as usize) else { return };
        let Ok(at) = list.entries.binary_search_by_key(&slot, |&(slot, _)| slot) else { return };
        list.entries.remove(at);
        if list.entries.is_empty() {
            self.numbers.remove(&list.name);
            *list = List::default();
            self.free.push(number);
        }
    }

    /// Who holds this, if anybody does.
    pub(crate) fn get(&self, name: &str) -> Option<&List> {
        self.lists.get(*self.numbers.get(name)? as usize)
    }

    fn start(&mut self, name: &Arc<str>) -> u32 {
        let number = self.free.pop().unwrap_or_else(|| {
            self.lists.push(List::default());
            // Each list has a document, and documents have numbers of this size.
            (self.lists.len() - 1) as u32
        });
        if let Some(list) = self.lists.get_mut(number as usize) {
            list.name = Arc::clone(name);
        }
        self.numbers.insert(Arc::clone(name), number);
        number
    }

    /// What this takes in memory, about.
    pub(crate) fn bytes(&self) -> usize {
        let table = self.numbers.capacity() * (size_of::<(Arc<str>, u32)>() + 1);
        let heads = self.lists.capacity() * size_of::<List>() + self.free.capacity() * 4;
        // A name lies behind two counters.
        let each = |list: &List| list.name.len() + 16 + list.entries.capacity() * size_of::<(u32, u16)>();
        table + heads + self.lists.iter().map(each).sum::<usize>()
    }
}

impl List {
    fn insert(&mut self, slot: u32, amount: u16) {
        // Numbers rise until some are used again.
        if self.entries.last().is_none_or(|&(last, _)| last < slot) {
            self.entries.push((slot, amount));
        } else {
            let at = self.entries.partition_point(|&(other, _)| other < slot);
            self.entries.insert(at, (slot, amount));
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Documents, each with its amount.
    pub(crate) fn entries(&self) -> &[(u32, u16)] {
        &self.entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_come_and_go() {
        let mut lists = Lists::default();
        let a = lists.add(&"a".into(), 7, 1);
        assert_eq!(lists.add(&"a".into(), 3, 2), a);
        let b = lists.add(&"b".into(), 3, 1);
        assert_eq!(lists.get("a").unwrap().entries(), [(3, 2), (7, 1)]);
        lists.remove(a, 7);
        lists.remove(a, 99);
        assert_eq!(lists.get("a").unwrap().len(), 1);
        lists.remove(a, 3);
        assert!(lists.get("a").is_none());
        assert_eq!(lists.add(&"c".into(), 1, 1), a, "the number of a list that is gone is used again");
        assert_ne!(a, b);
        assert_eq!(lists.get("b").unwrap().entries(), [(3, 1)]);
    }

    #[test]
    fn a_hint_that_is_no_longer_true_is_not_followed() {
        let (mut lists, mut hint) = (Lists::default(), 0);
        let (a, b): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
        let first = lists.add_with_hint(&a, 1, 1, &mut hint);
        assert_eq!(lists.add_with_hint(&"a".into(), 2, 1, &mut hint), first);
        lists.remove(first, 1);
        lists.remove(first, 2);
        assert_eq!(lists.add(&b, 1, 1), first);
        let second = lists.add_with_hint(&a, 3, 1, &mut hint);
        assert_eq!((second != first, hint), (true, second));
        assert_eq!(lists.get("b").unwrap().entries(), [(1, 1)]);
        assert_eq!(lists.get("a").unwrap().entries(), [(3, 1)]);
    }
}
