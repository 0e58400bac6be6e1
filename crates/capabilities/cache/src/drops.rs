//! What was dropped, and therefore counts as gone wherever it is still kept.
//!
//! Drops are numbered. An entry carries the number of the last one that was known when its answer was asked for, and is
//! gone once a later one names it. No tier has to be searched for that, none has to be reachable, and an answer that was
//! on its way during a drop is gone with the others.
//!
//! Replicas share a table of drops, which may be lost at any time. Whoever has followed it so far makes it anew with all
//! that they know, and it stays the same era. Where nobody is left who has, a new era begins: what was kept in the one
//! before is not looked at any more, for nobody knows what was dropped of it.

use crate::entry::Label;
use serde::{Deserialize, Serialize};

/// Drops that are told apart, at most; beyond it, everything is dropped once.
pub(crate) const SCOPES_MAX: usize = 1_000;

/// What a drop is about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// Answers of this tenant alone.
    pub tenant: Option<Box<str>>,
    /// Answers with this tag alone.
    pub tag: Option<Box<str>>,
}

impl Scope {
    fn names(&self, label: &Label) -> bool {
        self.tenant.as_ref().is_none_or(|tenant| *tenant == label.tenant)
            && self.tag.as_ref().is_none_or(|tag| label.tags.contains(tag))
    }

    /// As one text.
    pub(crate) fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What [`Scope::text`] has written; anything else means everything.
    pub(crate) fn read(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }
}

/// All drops that hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drops {
    #[serde(flatten)]
    table: Table,
    /// Each with its number, in their order.
    all: Vec<(u64, Scope)>,
}

/// What is said of all drops at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Table {
    /// The number of the last one.
    pub(crate) seen: u64,
    /// Since when the drops have been known without a gap; 0 as long as nobody shares them.
    #[serde(default)]
    pub(crate) era: u64,
    /// When the shared table was made for the last time; 0 for those who do not follow it yet.
    #[serde(skip)]
    pub(crate) made: u64,
}

impl Drops {
    pub(crate) fn of(table: Table, all: Vec<(u64, Scope)>) -> Self {
        let mut drops = Self { table, all: Vec::new() };
        for (number, scope) in all {
            drops.put(number, scope);
        }
        drops
    }

    /// As they are written down.
    pub(crate) fn written(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    pub(crate) fn seen(&self) -> u64 {
        self.table.seen
    }

    pub(crate) fn era(&self) -> u64 {
        self.table.era
    }

    pub(crate) fn made(&self) -> u64 {
        self.table.made
    }

    /// The era of a table that is made from these.
    pub(crate) fn next_era(&self, now_ms: u64) -> u64 {
        if self.table.made == 0 { now_ms.max(self.table.seen + 1) } else { self.table.era }
    }

    /// Each with its number.
    pub(crate) fn all(&self) -> impl Iterator<Item = (u64, &Scope)> {
        self.all.iter().map(|(number, scope)| (*number, scope))
    }

    /// Whether they are of the same table as `before`, and none of these has been lost.
    pub(crate) fn follow(&self, before: &Self) -> bool {
        let made = self.table.made;
        made != 0 && made == before.table.made && self.table.seen >= before.table.seen
    }

    /// Whether some may have been missed between `before` and these.
    pub(crate) fn have_a_gap_after(&self, before: &Self) -> bool {
        before.table.made == 0 && before.table.era != 0 && before.table.era != self.table.era
    }

    /// Whether an entry with this label, asked for when `seen` was the last drop, is gone.
    pub(crate) fn gone(&self, label: &Label, seen: u64) -> bool {
        self.all.iter().rev().take_while(|(number, _)| *number > seen).any(|(_, scope)| scope.names(label))
    }

    /// Notes one; of two numbers of the same scope the higher one holds. Its number may be above the last one's without
    /// making that the last one: what is asked for before others have been told is gone as well.
    pub(crate) fn put(&mut self, number: u64, scope: Scope) {
        let known = self.all.iter().find(|(_, known)| *known == scope).map_or(0, |(known, _)| *known);
        let number = number.max(known);
        self.all.retain(|(_, known)| *known != scope);
        if self.all.len() >= SCOPES_MAX {
            let last = self.all.last().map_or(number, |(last, _)| *last).max(number);
            self.all = vec![(last, Scope::default())];
        }
        let at = self.all.partition_point(|(known, _)| *known <= number);
        self.all.insert(at, (number, scope));
    }

    /// Notes one that the shared table gave a number. It is the last one known only where none of others lies between:
    /// as long as their numbers differ from those of the table, all are asked for.
    pub(crate) fn put_shared(&mut self, number: u64, scope: Scope) {
        self.put(number, scope);
        if number == self.table.seen + 1 {
            self.advance(number);
        }
    }

    /// Notes that others know of `seen` drops.
    pub(crate) fn advance(&mut self, seen: u64) {
        self.table.seen = self.table.seen.max(seen);
    }

    /// Notes one under the next number.
    pub(crate) fn add(&mut self, scope: Scope) {
        self.advance(self.table.seen + 1);
        self.put(self.table.seen, scope);
    }

    /// Takes over what the table has.
    pub(crate) fn merge(&mut self, others: Self) {
        (self.table.era, self.table.made) = (others.table.era, others.table.made);
        for (number, scope) in others.all {
            self.put(number, scope);
        }
        self.advance(others.table.seen);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(tenant: &str, tags: &[&str]) -> Label {
        Label { tenant: tenant.into(), tags: tags.iter().map(|tag| (*tag).into()).collect() }
    }

    fn scope(tenant: Option<&str>, tag: Option<&str>) -> Scope {
        Scope { tenant: tenant.map(Into::into), tag: tag.map(Into::into) }
    }

    #[test]
    fn only_later_drops_that_name_an_entry_count() {
        let mut drops = Drops::default();
        for (number, scope) in
            [(1, scope(None, Some("a"))), (2, scope(Some("t"), Some("b"))), (3, scope(Some("u"), None))]
        {
            drops.put(number, scope);
        }
        for (tenant, tags, seen, gone) in [
            ("t", &["a"][..], 0, true),
            ("t", &["a"], 1, false),
            ("t", &["b"], 1, true),
            ("v", &["b"], 1, false),
            ("u", &[], 2, true),
            ("u", &["a", "b"], 3, false),
        ] {
            assert_eq!(drops.gone(&label(tenant, tags), seen), gone, "{tenant} {tags:?} {seen}");
        }
    }

    #[test]
    fn too_many_to_tell_apart_become_one_of_everything() {
        let mut drops = Drops::default();
        for number in 1..=1_001 {
            drops.put(number, scope(None, Some(&number.to_string())));
        }
        assert!(drops.gone(&label("t", &["7"]), 900));
        assert!(!drops.gone(&label("t", &["7"]), 1_001));
        assert!(drops.all.len() <= SCOPES_MAX);
    }

    #[test]
    fn merging_keeps_the_higher_number_of_each() {
        let of = |seen, all| Drops::of(Table { seen, era: 1, made: 2 }, all);
        let mut ours = of(4, vec![(4, scope(None, Some("a"))), (2, scope(None, Some("b")))]);
        ours.merge(of(5, vec![(5, scope(None, Some("b"))), (1, scope(None, Some("a")))]));
        assert_eq!(ours, of(5, vec![(4, scope(None, Some("a"))), (5, scope(None, Some("b")))]));
    }
}
