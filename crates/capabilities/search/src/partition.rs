//! The documents of one scope: which there are, what they say, what they mean. Everything that is counted is counted
//! here, so that what a caller may see adds up from the scopes that it may see, and from nothing else.

use crate::document::{Prepared, Said};
use crate::forms::{Form, Forms, HINTS};
use crate::lists::{List, Lists};
use crate::vectors::Vectors;
use crate::{Filter, Vector};
use std::sync::Arc;

/// The documents of one scope.
#[derive(Default)]
pub(crate) struct Partition {
    /// Which hints are its own; others' are not followed, so that it need not differ from all others'.
    number: usize,
    words: Lists,
    tags: Lists,
    pub(crate) vectors: Vectors,
    /// By number; without a document where it was taken out.
    docs: Vec<Option<Entry>>,
    /// How much each document says, beside them because every score needs it.
    lengths: Vec<u32>,
    free: Vec<u32>,
    length_total: u64,
}

/// A document that is held.
pub(crate) struct Entry {
    pub(crate) id: Arc<str>,
    pub(crate) group: Option<Arc<str>>,
    /// Of what it says, by which it is seen that only its vectors changed.
    pub(crate) digest: u64,
    words: Box<[u32]>,
    tags: Box<[u32]>,
    pub(crate) rows: Box<[u32]>,
}

/// Documents that a filter lets through, a bit each.
pub(crate) struct Bits(Vec<u64>);

impl Partition {
    pub(crate) fn new(number: usize) -> Self {
        Self { number, ..Self::default() }
    }

    /// Documents held.
    pub(crate) fn len(&self) -> usize {
        self.docs.len() - self.free.len()
    }

    /// Numbers in use or free: each document's is below this.
    pub(crate) fn slots(&self) -> usize {
        self.docs.len()
    }

    /// What all documents say together.
    pub(crate) fn length_total(&self) -> u64 {
        self.length_total
    }

    pub(crate) fn lengths(&self) -> &[u32] {
        &self.lengths
    }

    pub(crate) fn entry(&self, slot: u32) -> Option<&Entry> {
        self.docs.get(slot as usize)?.as_ref()
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.docs.iter().flatten()
    }

    /// Who holds a word.
    pub(crate) fn word(&self, word: &str) -> Option<&List> {
        self.words.get(word)
    }

    /// Puts a document in and tells its number.
    pub(crate) fn add(&mut self, doc: &Prepared, said: &Said, forms: &mut Forms) -> u32 {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.docs.push(None);
            self.lengths.push(0);
            (self.docs.len() - 1) as u32
        });
        let (number, mut words) = (self.number, Vec::with_capacity(said.words.len()));
        for &(form, amount) in &said.words {
            let Some(Form { name, hints }) = forms.form(form) else { continue };
            let Some(hint) = hints.get_mut(number % HINTS) else { continue };
            words.push(self.words.add_with_hint(name, slot, amount, hint));
        }
        let tags = doc.tags.iter().map(|tag| self.tags.add(tag, slot, 1)).collect();
        let rows = doc.vectors.iter().map(|vector| self.vectors.push(slot, Arc::clone(vector))).collect();
        let (id, group) = (Arc::clone(&doc.id), doc.group.clone());
        if let (Some(at), Some(length)) = (self.docs.get_mut(slot as usize), self.lengths.get_mut(slot as usize)) {
            *at = Some(Entry { id, group, digest: doc.digest, words: words.into(), tags, rows });
            *length = said.length;
            self.length_total += u64::from(said.length);
        }
        slot
    }

    /// Takes a document out.
    pub(crate) fn remove(&mut self, slot: u32) {
        self.set_vectors(slot, &[]);
        let Some(entry) = self.docs.get_mut(slot as usize).and_then(Option::take) else { return };
        for &word in &entry.words {
            self.words.remove(word, slot);
        }
        for &tag in &entry.tags {
            self.tags.remove(tag, slot);
        }
        if let Some(length) = self.lengths.get_mut(slot as usize) {
            self.length_total -= u64::from(std::mem::take(length));
        }
        self.free.push(slot);
    }

    /// Gives a document other vectors.
    pub(crate) fn set_vectors(&mut self, slot: u32, vectors: &[Vector]) {
        while let Some(row) = self.pop_row(slot) {
            let Some((owner, before)) = self.vectors.remove(row) else { continue };
            let rows = self.docs.get_mut(owner as usize).and_then(Option::as_mut).map(|entry| &mut entry.rows);
            for moved in rows.into_iter().flatten().filter(|moved| **moved == before) {
                *moved = row;
            }
        }
        let rows = vectors.iter().map(|vector| self.vectors.push(slot, Arc::clone(vector))).collect();
        if let Some(Some(entry)) = self.docs.get_mut(slot as usize) {
            entry.rows = rows;
        }
    }

    /// The cosine of a document's nearest vector, exactly.
    pub(crate) fn cosine(&self, slot: u32, query: &[f32]) -> Option<f32> {
        let rows = self.entry(slot)?.rows.iter();
        rows.map(|&row| self.vectors.exact(row, query)).max_by(f32::total_cmp)
    }

    /// Who takes part; `None` where everybody does.
    pub(crate) fn pass(&self, filter: &Filter) -> Option<Bits> {
        let mut groups = filter.all.iter().map(|group| self.tagged(group));
        let first = groups.next()?;
        Some(groups.fold(first, |mut all, group| {
            all.0.iter_mut().zip(group.0).for_each(|(all, group)| *all &= group);
            all
        }))
    }

    fn tagged(&self, tags: &[Arc<str>]) -> Bits {
        let mut bits = vec![0_u64; self.docs.len().div_ceil(64)];
        for (slot, _) in tags.iter().filter_map(|tag| self.tags.get(tag)).flat_map(List::entries) {
            if let Some(word) = bits.get_mut(*slot as usize / 64) {
                *word |= 1 << (slot % 64);
            }
        }
        Bits(bits)
    }

    fn pop_row(&mut self, slot: u32) -> Option<u32> {
        let entry = self.docs.get_mut(slot as usize)?.as_mut()?;
        let (&row, rest) = entry.rows.split_last()?;
        entry.rows = rest.into();
        Some(row)
    }

    /// What this takes in memory, about.
    pub(crate) fn bytes(&self) -> usize {
        let each = |entry: &Entry| {
            let names = entry.id.len() + entry.group.as_ref().map_or(0, |group| group.len());
            names + 32 + 4 * (entry.words.len() + entry.tags.len() + entry.rows.len())
        };
        let docs =
            self.docs.capacity() * size_of::<Option<Entry>>() + 4 * (self.lengths.capacity() + self.free.capacity());
        docs + self.entries().map(each).sum::<usize>() + self.words.bytes() + self.tags.bytes() + self.vectors.bytes()
    }
}

impl Bits {
    pub(crate) fn has(&self, slot: u32) -> bool {
        self.0.get(slot as usize / 64).is_some_and(|word| word >> (slot % 64) & 1 == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::prepare;
    use crate::words::Reader;
    use crate::{Doc, Field, Limits, Words};
    use std::hash::RandomState;

    fn add(partition: &mut Partition, text: &str, vectors: &[Vector]) -> u32 {
        let fields = vec![Field { text: text.to_owned(), weight: 1.0 }];
        let doc = Doc { id: text.into(), fields, vectors: vectors.to_vec(), ..Doc::default() };
        let (doc, mut forms) = (prepare(doc, &Limits::default(), &RandomState::new()).unwrap(), Forms::default());
        let said = doc.read(&Reader::new(&Words::default()), &mut forms, 100);
        partition.add(&doc, &said, &mut forms)
    }

    fn vector(degrees: f32) -> Vector {
        let (sin, cos) = degrees.to_radians().sin_cos();
        Vector::from([cos, sin])
    }

    #[test]
    fn what_is_taken_out_counts_no_more() {
        let mut partition = Partition::default();
        let a = add(&mut partition, "sun moon star", &[]);
        add(&mut partition, "sun rain", &[]);
        assert_eq!((partition.len(), partition.length_total()), (2, 5 * 64));
        partition.remove(a);
        assert_eq!((partition.len(), partition.length_total()), (1, 2 * 64));
        assert_eq!(partition.lengths(), [0, 2 * 64]);
        assert_eq!((partition.word("sun").map(List::len), partition.word("star").map(List::len)), (Some(1), None));
        partition.remove(a);
        assert_eq!((partition.len(), partition.length_total()), (1, 2 * 64), "it is taken out once");
        // Its number is used again.
        assert_eq!(add(&mut partition, "moon", &[]), a);
        assert_eq!((partition.len(), partition.length_total()), (2, 3 * 64));
    }

    #[test]
    fn documents_keep_their_vectors_while_others_lose_theirs() {
        let mut partition = Partition::default();
        let angles: [&[f32]; 4] = [&[0.0, 10.0], &[50.0], &[100.0, 110.0, 120.0], &[170.0]];
        let slots: Vec<u32> = (0..4)
            .map(|n| add(&mut partition, &n.to_string(), &angles[n].iter().copied().map(vector).collect::<Vec<_>>()))
            .collect();
        // The last rows move into the gaps.
        partition.set_vectors(slots[0], &[]);
        partition.set_vectors(slots[1], &[vector(60.0)]);
        let held: [&[f32]; 4] = [&[], &[60.0], angles[2], angles[3]];
        for (slot, held) in slots.iter().zip(held) {
            for at in [0.0, 55.0, 100.0, 125.0, 170.0] {
                let expect = held.iter().map(|angle: &f32| (angle - at).to_radians().cos()).max_by(f32::total_cmp);
                let found = partition.cosine(*slot, &vector(at));
                assert_eq!(found.is_some(), expect.is_some());
                let apart = found.unwrap_or_default() - expect.unwrap_or_default();
                assert!(apart.abs() < 1e-5, "{slot} at {at}: {found:?}, not {expect:?}");
            }
        }
        slots.iter().for_each(|&slot| partition.remove(slot));
        assert_eq!((partition.len(), partition.vectors.dimensions()), (0, None));
    }
}
