//! What is in the index, and what waits for its vectors. It knows no store and embeds nothing.

use crate::digest::Digest;
use crate::entry::Place;
use crate::mean::Sum;
use search::Vector;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

/// Texts that are remembered as refused, at most.
const REFUSED_MAX: usize = 100_000;

/// A document that is in the index.
#[derive(Debug)]
struct Held {
    digest: Digest,
    scope: Arc<str>,
    /// Whether all its vectors are with it.
    whole: bool,
    /// Its vector: the same that the index has.
    vector: Option<Vector>,
}

/// The documents of one collection.
#[derive(Debug, Default)]
struct Shelved {
    held: HashMap<Arc<str>, Held>,
    whole: usize,
    /// The sum of all vectors of each scope.
    sums: HashMap<Arc<str>, Sum>,
    /// How much of each scope is there.
    counts: HashMap<Arc<str>, Count>,
}

impl Shelved {
    /// Counts a document that came.
    fn count(&mut self, held: &Held) {
        let count = self.counts.entry(Arc::clone(&held.scope)).or_default();
        count.documents += 1;
        count.whole += usize::from(held.whole);
    }

    /// Counts no more a document that went.
    fn discount(&mut self, before: &Held) {
        self.whole -= usize::from(before.whole);
        self.subtract(before);
        if let Some(count) = self.counts.get_mut(&before.scope) {
            count.documents -= 1;
            count.whole -= usize::from(before.whole);
            if count.documents == 0 {
                self.counts.remove(&before.scope);
            }
        }
    }

    /// Takes a vector out of what is summed up.
    fn subtract(&mut self, before: &Held) {
        if let Some(vector) = &before.vector
            && let Some(sum) = self.sums.get_mut(&before.scope)
        {
            sum.subtract(vector);
            if sum.is_empty() {
                self.sums.remove(&before.scope);
            }
        }
    }
}

/// Everything that is in the index.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    collections: HashMap<Arc<str>, Shelved>,
    /// Those whose vectors may be in the store.
    fresh: VecDeque<Place>,
    /// Those whose vectors are not.
    missing: VecDeque<Place>,
    /// What is in either line.
    queued: HashSet<Place>,
    /// How many were taken out and are worked on.
    working: usize,
    /// Texts that the model refused.
    refused: HashSet<Digest>,
    /// Where the index may be behind the store: something failed between the two.
    doubts: HashMap<Place, Vec<Arc<str>>>,
    /// How many questions are learned.
    pub(crate) learned: usize,
}

/// How much of a collection is there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) documents: usize,
    pub(crate) whole: usize,
}

impl Shelf {
    /// Notes a document that was put into the index.
    pub(crate) fn hold(&mut self, collection: &Arc<str>, id: &Arc<str>, scope: &Arc<str>, digest: Digest, whole: bool) {
        let shelved = self.collections.entry(Arc::clone(collection)).or_default();
        let held = Held { digest, scope: Arc::clone(scope), whole, vector: None };
        shelved.whole += usize::from(whole);
        shelved.count(&held);
        if let Some(before) = shelved.held.insert(Arc::clone(id), held) {
            shelved.discount(&before);
        }
    }

    /// Notes that the vector of a document is with it.
    pub(crate) fn complete(&mut self, place: &Place, vector: Option<Vector>) {
        if place.tenant.is_some() {
            return;
        }
        let Some(shelved) = self.collections.get_mut(&place.collection) else { return };
        let Some(mut held) = shelved.held.remove(&place.id) else { return };
        shelved.subtract(&held);
        if let Some(vector) = &vector {
            shelved.sums.entry(Arc::clone(&held.scope)).or_default().add(vector);
        }
        let more = usize::from(!held.whole);
        shelved.whole += more;
        if let Some(count) = shelved.counts.get_mut(&held.scope) {
            count.whole += more;
        }
        (held.whole, held.vector) = (true, vector);
        shelved.held.insert(Arc::clone(&place.id), held);
    }

    /// The vectors of documents, in their order.
    pub(crate) fn vectors<'a>(&self, collection: &str, ids: impl Iterator<Item = &'a Arc<str>>) -> Vec<Option<Vector>> {
        let shelved = self.collections.get(collection);
        ids.map(|id| shelved?.held.get(id)?.vector.clone()).collect()
    }

    /// The sum of all vectors of some scopes.
    pub(crate) fn sum(&self, collection: &str, scopes: &[Arc<str>]) -> Sum {
        let mut all = Sum::default();
        let Some(shelved) = self.collections.get(collection) else { return all };
        let scopes: HashSet<&Arc<str>> = scopes.iter().collect();
        scopes.into_iter().filter_map(|scope| shelved.sums.get(scope)).for_each(|sum| all.join(sum));
        all
    }

    /// Notes that a document is no longer in the index.
    pub(crate) fn release(&mut self, collection: &str, id: &str) {
        if let Some(shelved) = self.collections.get_mut(collection) {
            if let Some(before) = shelved.held.remove(id) {
                shelved.discount(&before);
            }
            if shelved.held.is_empty() {
                self.collections.remove(collection);
            }
        }
    }

    /// Whether a document with this content is in the index.
    pub(crate) fn has(&self, collection: &str, id: &str, digest: &Digest) -> bool {
        self.held(collection, id).is_some_and(|held| held.digest == *digest)
    }

    /// The scope of a document.
    pub(crate) fn scope(&self, collection: &str, id: &str) -> Option<Arc<str>> {
        self.held(collection, id).map(|held| Arc::clone(&held.scope))
    }

    fn held(&self, collection: &str, id: &str) -> Option<&Held> {
        self.collections.get(collection)?.held.get(id)
    }

    /// The documents of a collection, of one scope where one is named; in order.
    pub(crate) fn ids(&self, collection: &str, scope: Option<&str>) -> Vec<Arc<str>> {
        let held = self.collections.get(collection).into_iter().flat_map(|shelved| &shelved.held);
        let of = held.filter(|(_, held)| scope.is_none_or(|scope| *held.scope == *scope));
        let mut ids: Vec<Arc<str>> = of.map(|(id, _)| Arc::clone(id)).collect();
        ids.sort_unstable();
        ids
    }

    /// How much of some scopes is there.
    pub(crate) fn count(&self, collection: &str, scopes: &[Arc<str>]) -> Count {
        let Some(shelved) = self.collections.get(collection) else { return Count::default() };
        let scopes: HashSet<&Arc<str>> = scopes.iter().collect();
        let counts = scopes.into_iter().filter_map(|scope| shelved.counts.get(scope));
        counts.fold(Count::default(), |sum, one| Count {
            documents: sum.documents + one.documents,
            whole: sum.whole + one.whole,
        })
    }

    /// Notes where the index may be about to fall behind the store, with names of learned questions that may stay in it.
    pub(crate) fn doubt(&mut self, place: Place, left: Vec<Arc<str>>) {
        self.doubts.entry(place).or_default().extend(left);
    }

    /// Where the index may be behind the store.
    pub(crate) fn doubts(&self) -> Vec<(Place, Vec<Arc<str>>)> {
        self.doubts.iter().map(|(place, left)| (place.clone(), left.clone())).collect()
    }

    /// Notes that the index is what the store is, there.
    pub(crate) fn trust(&mut self, place: &Place) {
        self.doubts.remove(place);
    }

    pub(crate) fn counts(&self) -> Count {
        let all = self.collections.values();
        all.fold(Count::default(), |sum, shelved| Count {
            documents: sum.documents + shelved.held.len(),
            whole: sum.whole + shelved.whole,
        })
    }

    /// Has somebody look for the vectors of a place in the store.
    pub(crate) fn queue_fresh(&mut self, place: Place) {
        if self.queued.insert(place.clone()) {
            self.fresh.push_back(place);
        }
    }

    /// Has somebody embed a place.
    pub(crate) fn queue_missing(&mut self, place: Place) {
        if self.queued.insert(place.clone()) {
            self.missing.push_back(place);
        }
    }

    /// Lets nothing wait for vectors: nobody makes any.
    pub(crate) fn unqueue(&mut self) {
        self.fresh.clear();
        self.missing.clear();
        self.queued.clear();
    }

    /// Takes places whose vectors may be in the store.
    pub(crate) fn take_fresh(&mut self, most: usize) -> Vec<Place> {
        let taken: Vec<Place> = self.fresh.drain(..most.min(self.fresh.len())).collect();
        self.begin(taken)
    }

    /// Takes places that are to be embedded.
    pub(crate) fn take_missing(&mut self, most: usize) -> Vec<Place> {
        let taken: Vec<Place> = self.missing.drain(..most.min(self.missing.len())).collect();
        self.begin(taken)
    }

    fn begin(&mut self, taken: Vec<Place>) -> Vec<Place> {
        for place in &taken {
            self.queued.remove(place);
        }
        self.working = taken.len();
        taken
    }

    /// Notes that nothing taken is worked on any more.
    pub(crate) fn finish(&mut self) {
        self.working = 0;
    }

    pub(crate) fn has_fresh(&self) -> bool {
        !self.fresh.is_empty()
    }

    pub(crate) fn has_missing(&self) -> bool {
        !self.missing.is_empty()
    }

    pub(crate) fn waiting(&self) -> usize {
        self.fresh.len() + self.missing.len() + self.working
    }

    /// Notes a text that the model refused. Of too many all are forgotten: they are tried again when they come again.
    pub(crate) fn refuse(&mut self, text: Digest) {
        if self.refused.len() >= REFUSED_MAX {
            self.refused.clear();
        }
        self.refused.insert(text);
    }

    pub(crate) fn is_refused(&self, text: &Digest) -> bool {
        self.refused.contains(text)
    }

    pub(crate) fn refused(&self) -> usize {
        self.refused.len()
    }
}
