//! A collection: its documents by scope, and where each of them is.

use crate::document::{Prepared, Said, within};
use crate::forms::Forms;
use crate::partition::{Entry, Partition};
use crate::tables::Table;
use crate::{Held, SearchError, Snapshot};
use std::sync::Arc;

/// Documents, by scope.
#[derive(Default)]
pub(crate) struct Collection {
    scopes: Table<Arc<str>, Partition>,
    places: Table<Arc<str>, Place>,
    /// Of every vector; `None` while there is none.
    dimensions: Option<usize>,
}

/// Where a document is.
struct Place {
    scope: Arc<str>,
    slot: u32,
}

impl Collection {
    pub(crate) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    pub(crate) fn dimensions(&self) -> Option<usize> {
        self.dimensions
    }

    pub(crate) fn scope(&self, scope: &str) -> Option<&Partition> {
        self.scopes.get(scope)
    }

    /// Whether all of these could be put in.
    pub(crate) fn admit(&self, docs: &[Prepared], documents_max: usize) -> Result<(), SearchError> {
        let added = docs.iter().filter(|doc| !self.places.contains_key(&doc.id)).count();
        within(|| "the collection".to_owned(), "documents", self.places.len() + added, documents_max)?;
        let mut held = self.dimensions;
        for doc in docs {
            for vector in &doc.vectors {
                check_dimensions(|| format!("document `{}`", doc.id), vector.len(), *held.get_or_insert(vector.len()))?;
            }
        }
        Ok(())
    }

    /// Whether this document is there and nothing but its vectors differs.
    pub(crate) fn says_the_same(&self, doc: &Prepared) -> bool {
        self.entry(&doc.id).is_some_and(|entry| entry.digest == doc.digest)
    }

    /// Puts a document in. What it says is needed where it is not there yet, or says something else.
    pub(crate) fn put(&mut self, doc: &Prepared, forms: &mut Forms, said: impl FnOnce(&mut Forms) -> Said) {
        if self.says_the_same(doc) {
            if let Some(place) = self.places.get(&doc.id)
                && let Some(partition) = self.scopes.get_mut(&place.scope)
            {
                partition.set_vectors(place.slot, &doc.vectors);
            }
        } else {
            self.remove(&doc.id);
            let number = self.scopes.len();
            let partition = self.scopes.entry(Arc::clone(&doc.scope)).or_insert_with(|| Partition::new(number));
            let said = said(forms);
            let slot = partition.add(doc, &said, forms);
            self.places.insert(Arc::clone(&doc.id), Place { scope: Arc::clone(&doc.scope), slot });
        }
    }

    /// Takes a document out, if it is there.
    pub(crate) fn remove(&mut self, id: &str) -> bool {
        let Some(place) = self.places.remove(id) else { return false };
        if let Some(partition) = self.scopes.get_mut(&place.scope) {
            partition.remove(place.slot);
            if partition.len() == 0 {
                self.scopes.remove(&place.scope);
            }
        }
        true
    }

    /// Looks which vectors there are, after documents came or went.
    pub(crate) fn settle(&mut self) {
        let mut partitions = self.scopes.values();
        self.dimensions = partitions.find_map(|partition| partition.vectors.dimensions());
    }

    /// What is held now.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let held = |(scope, partition): (&Arc<str>, &Partition)| {
            let scope = Arc::clone(scope);
            let each = move |entry: &Entry| {
                let (id, scope, vectors) = (Arc::clone(&entry.id), Arc::clone(&scope), entry.rows.len());
                Held { id, scope, vectors }
            };
            partition.entries().map(each).collect::<Vec<_>>()
        };
        let mut documents: Vec<Held> = self.scopes.iter().flat_map(held).collect();
        documents.sort_unstable();
        Snapshot { documents, dimensions: self.dimensions, bytes: self.bytes() }
    }

    fn bytes(&self) -> usize {
        let places = self.places.capacity() * (size_of::<(Arc<str>, Place)>() + 1);
        let scopes = self.scopes.capacity() * (size_of::<(Arc<str>, Partition)>() + 1);
        places + scopes + self.scopes.values().map(Partition::bytes).sum::<usize>()
    }

    fn entry(&self, id: &str) -> Option<&Entry> {
        let place = self.places.get(id)?;
        self.scopes.get(&place.scope)?.entry(place.slot)
    }
}

/// Whether a vector is of the length that others have.
pub(crate) fn check_dimensions(what: impl Fn() -> String, given: usize, held: usize) -> Result<(), SearchError> {
    if given != held {
        return Err(SearchError::Dimensions { what: what(), given, held });
    }
    Ok(())
}
