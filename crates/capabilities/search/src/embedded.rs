//! The index in this process. Readers go on while somebody writes: whatever takes long is done before the lock is
//! taken, and many documents are written a few at a time.

use crate::ask::{Scratch, ask};
use crate::collection::{Collection, check_dimensions};
use crate::document::{Prepared, Said, check_vector, prepare, within};
use crate::forms::Forms;
use crate::view::View;
use crate::words::{Reader, Words};
use crate::{Doc, Found, Index, IndexFuture, Limits, Query, SearchError, Snapshot};
use std::collections::HashMap;
use std::hash::RandomState;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use tokio::task::yield_now;

/// Documents written at once, at most, and their bytes: readers wait for no more than these.
const SLICE_DOCUMENTS: usize = 64;
const SLICE_BYTES: usize = 256 * 1024;

/// Room for questions that is kept: so many are answered at once without asking for memory.
const SCRATCHES_MAX: usize = 64;

type Shared = Arc<RwLock<Collection>>;

/// An index in this process: inverted lists for words, an exact scan for vectors, nothing on disk.
pub struct Embedded {
    words: Words,
    limits: Limits,
    reader: Reader,
    hasher: RandomState,
    collections: RwLock<HashMap<String, Shared>>,
    scratches: Mutex<Vec<Scratch>>,
}

impl Default for Embedded {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl Embedded {
    /// An empty index.
    pub fn new(limits: Limits) -> Self {
        Self::with_words(limits, Words::default())
    }

    /// An empty index that reads and weighs words in another way.
    pub fn with_words(limits: Limits, words: Words) -> Self {
        let reader = Reader::new(&words);
        let (hasher, collections, scratches) = (RandomState::new(), RwLock::default(), Mutex::default());
        Self { words, limits, reader, hasher, collections, scratches }
    }

    async fn put(&self, name: &str, docs: Vec<Doc>) -> Result<(), SearchError> {
        let mut prepared = Vec::with_capacity(docs.len());
        for doc in docs {
            prepared.push(prepare(doc, &self.limits, &self.hasher)?);
            if prepared.len().is_multiple_of(SLICE_DOCUMENTS) {
                yield_now().await;
            }
        }
        if prepared.is_empty() {
            return Ok(());
        }
        let collection = self.found_or_made(name)?;
        read(&collection).admit(&prepared, self.limits.documents_max)?;
        let (mut rest, mut forms) = (prepared.as_slice(), Forms::default());
        while !rest.is_empty() {
            let (slice, after) = rest.split_at(slice_len(rest));
            self.put_slice(&collection, slice, &mut forms)?;
            rest = after;
            yield_now().await;
        }
        Ok(())
    }

    fn put_slice(
        &self,
        collection: &RwLock<Collection>,
        docs: &[Prepared],
        forms: &mut Forms,
    ) -> Result<(), SearchError> {
        forms.tidy();
        let same: Vec<bool> = {
            let collection = read(collection);
            docs.iter().map(|doc| collection.says_the_same(doc)).collect()
        };
        let said = docs.iter().zip(same).map(|(doc, same)| (!same).then(|| self.read(doc, forms)));
        let said: Vec<Option<Said>> = said.collect();
        let mut collection = write(collection);
        // Somebody else may have written meanwhile.
        collection.admit(docs, self.limits.documents_max)?;
        for (doc, said) in docs.iter().zip(said) {
            collection.put(doc, forms, |forms| said.unwrap_or_else(|| self.read(doc, forms)));
        }
        collection.settle();
        Ok(())
    }

    async fn remove(&self, name: &str, ids: &[Arc<str>]) -> usize {
        let Some(collection) = self.found(name) else { return 0 };
        let mut removed = 0;
        for ids in ids.chunks(SLICE_DOCUMENTS) {
            {
                let mut collection = write(&collection);
                removed += ids.iter().filter(|id| collection.remove(id)).count();
                collection.settle();
            }
            yield_now().await;
        }
        removed
    }

    fn ask(&self, query: &Query<'_>) -> Result<Found, SearchError> {
        let what = || "the query".to_owned();
        within(what, "scopes", query.scopes.len(), self.limits.scopes_max)?;
        let tags = query.filter.all.iter().map(|group| group.len().max(1)).sum();
        within(what, "tags in its filter", tags, self.limits.filter_tags_max)?;
        query.vector.map_or(Ok(()), |vector| check_vector(what, vector, &self.limits))?;
        // One that does not exist is empty.
        let collection = self.found(query.collection).unwrap_or_default();
        let collection = read(&collection);
        if let (Some(vector), Some(held)) = (query.vector, collection.dimensions()) {
            check_dimensions(what, vector.len(), held)?;
        }
        let view = View::of(&collection, query.scopes, query.filter);
        let mut scratch = self.scratches().pop().unwrap_or_default();
        let found = ask(&view, query, (&self.reader, &self.words), &self.limits, &mut scratch);
        let mut scratches = self.scratches();
        if scratches.len() < SCRATCHES_MAX {
            scratches.push(scratch);
        }
        Ok(found)
    }

    fn read(&self, doc: &Prepared, forms: &mut Forms) -> Said {
        doc.read(&self.reader, forms, self.limits.terms_max)
    }

    fn found(&self, name: &str) -> Option<Shared> {
        self.collections.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    fn found_or_made(&self, name: &str) -> Result<Shared, SearchError> {
        if let Some(collection) = self.found(name) {
            return Ok(collection);
        }
        let mut collections = self.collections.write().unwrap_or_else(PoisonError::into_inner);
        if collections.len() >= self.limits.collections_max {
            // Whoever writes to one holds it.
            collections.retain(|_, collection| Arc::strong_count(collection) > 1 || !read(collection).is_empty());
        }
        let given = collections.len() + usize::from(!collections.contains_key(name));
        within(|| "the index".to_owned(), "collections", given, self.limits.collections_max)?;
        Ok(Arc::clone(collections.entry(name.to_owned()).or_default()))
    }

    fn scratches(&self) -> std::sync::MutexGuard<'_, Vec<Scratch>> {
        self.scratches.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Index for Embedded {
    fn upsert<'a>(&'a self, collection: &'a str, docs: Vec<Doc>) -> IndexFuture<'a, ()> {
        Box::pin(self.put(collection, docs))
    }

    fn delete<'a>(&'a self, collection: &'a str, ids: &'a [Arc<str>]) -> IndexFuture<'a, usize> {
        Box::pin(async move { Ok(self.remove(collection, ids).await) })
    }

    fn query<'a>(&'a self, query: Query<'a>) -> IndexFuture<'a, Found> {
        Box::pin(async move { self.ask(&query) })
    }

    fn snapshot<'a>(&'a self, collection: &'a str) -> IndexFuture<'a, Snapshot> {
        Box::pin(async move { Ok(self.found(collection).map(|held| read(&held).snapshot()).unwrap_or_default()) })
    }
}

/// How many of these are written at once: one at least.
fn slice_len(docs: &[Prepared]) -> usize {
    let mut bytes = 0;
    let fits = |doc: &&Prepared| {
        bytes += doc.bytes;
        bytes <= SLICE_BYTES
    };
    docs.iter().take(SLICE_DOCUMENTS).take_while(fits).count().max(1)
}

fn read(collection: &RwLock<Collection>) -> RwLockReadGuard<'_, Collection> {
    collection.read().unwrap_or_else(PoisonError::into_inner)
}

fn write(collection: &RwLock<Collection>) -> RwLockWriteGuard<'_, Collection> {
    collection.write().unwrap_or_else(PoisonError::into_inner)
}
