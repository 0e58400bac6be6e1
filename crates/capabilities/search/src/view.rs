//! What a caller may see of a collection, as one row of documents: the scopes it names, end to end.

use crate::collection::Collection;
use crate::partition::{Bits, Entry, Partition};
use crate::{Filter, document::STEP};
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The scopes that a caller may see, and what of them a filter lets through.
pub(crate) struct View<'a> {
    parts: Vec<Part<'a>>,
    slots: usize,
    documents: u64,
    length_total: u64,
}

/// One scope.
pub(crate) struct Part<'a> {
    pub(crate) partition: &'a Partition,
    /// The number that its first document has in the row.
    pub(crate) base: u32,
    pass: Option<Bits>,
}

impl<'a> View<'a> {
    pub(crate) fn of(collection: &'a Collection, scopes: &[Arc<str>], filter: &Filter) -> Self {
        let mut view = Self { parts: Vec::new(), slots: 0, documents: 0, length_total: 0 };
        for partition in scopes.iter().collect::<BTreeSet<_>>().into_iter().filter_map(|scope| collection.scope(scope))
        {
            view.parts.push(Part { partition, base: view.slots as u32, pass: partition.pass(filter) });
            view.slots += partition.slots();
            view.documents += partition.len() as u64;
            view.length_total += partition.length_total();
        }
        view
    }

    pub(crate) fn parts(&self) -> &[Part<'a>] {
        &self.parts
    }

    /// How many numbers the row has, also of documents that are gone.
    pub(crate) fn slots(&self) -> usize {
        self.slots
    }

    pub(crate) fn documents(&self) -> u64 {
        self.documents
    }

    /// How much a document says on average, in [`STEP`]s.
    pub(crate) fn length_mean(&self) -> f64 {
        (self.length_total as f64 / self.documents.max(1) as f64).max(f64::from(STEP))
    }

    /// The scope that a number of the row is in, and its number there.
    pub(crate) fn place(&self, at: u32) -> Option<(&Part<'a>, u32)> {
        let part = self.parts.get(self.parts.partition_point(|part| part.base <= at).checked_sub(1)?)?;
        Some((part, at - part.base))
    }

    pub(crate) fn entry(&self, at: u32) -> Option<&'a Entry> {
        let (part, slot) = self.place(at)?;
        part.partition.entry(slot)
    }

    /// The order of two documents by their names.
    pub(crate) fn by_name(&self, a: u32, b: u32) -> Ordering {
        let name = |at| self.entry(at).map(|entry| &entry.id);
        name(a).cmp(&name(b))
    }
}

impl Part<'_> {
    /// Whether the filter lets a document through.
    pub(crate) fn passes(&self, slot: u32) -> bool {
        self.pass.as_ref().is_none_or(|bits| bits.has(slot))
    }
}
