//! Documents and what is learned about them, on their way in and out: first the store, then the index. It embeds nothing.

use crate::archive::{self, Became, Ready};
use crate::desk::Desk;
use crate::document::{Collection, Document, Learned, Put, Used};
use crate::entry::{Entry, Place, usage_id, usage_shelf};
use crate::learned::{self, Lesson};
use crate::{RetrievalError, attach};
use search::{Doc, Index, Vector};
use std::collections::HashMap;
use std::sync::Arc;

/// Documents that are put or removed in one transaction: others get their turn in between.
const SLICE: usize = 500;

impl Desk {
    pub(crate) async fn put(&self, collection: &Collection, documents: Vec<Document>) -> Result<Put, RetrievalError> {
        documents.iter().try_for_each(|document| document.check(&self.limits))?;
        let collection = collection.name();
        let mut put = Put::default();
        let mut documents = last_of_each(documents).into_iter();
        loop {
            let slice: Vec<Ready> = documents.by_ref().take(SLICE).map(Ready::new).collect();
            if slice.is_empty() {
                return Ok(put);
            }
            self.put_slice(&collection, slice, &mut put).await?;
        }
    }

    async fn put_slice(&self, collection: &Arc<str>, slice: Vec<Ready>, put: &mut Put) -> Result<(), RetrievalError> {
        let _alone = self.writing.lock().await;
        self.mend().await;
        self.check_room(collection, &slice)?;
        let slice = Arc::new(slice);
        let places: Vec<Place> = slice.iter().map(|ready| Place::document(collection, &ready.document.id)).collect();
        self.doubt(&places);
        let became = archive::put(&self.store, Arc::clone(collection), Arc::clone(&slice), (self.clock)()).await?;
        let mut news = Vec::new();
        for (ready, became) in slice.iter().zip(&became) {
            match became {
                Became::Added => put.added += 1,
                Became::Changed => put.changed += 1,
                Became::Same => put.same += 1,
            }
            // Another server may have put it into the store that we share: then it is new here all the same.
            if *became != Became::Same || !self.shelf().has(collection, &ready.document.id, &ready.digest) {
                news.push(ready);
            }
        }
        if !news.is_empty() {
            self.index_news(collection, &news).await?;
        }
        places.iter().for_each(|place| self.shelf().trust(place));
        self.tell();
        Ok(())
    }

    /// Puts documents into the index that are in the store, and then notes that they are there.
    async fn index_news(&self, collection: &Arc<str>, news: &[&Ready]) -> Result<(), RetrievalError> {
        let mut entries: Vec<Entry> = news.iter().map(|new| Entry::document(collection, &new.document)).collect();
        if self.shelf().learned > 0 {
            // What was learned about a document is seen by whoever may see the document.
            let ids: Vec<Arc<str>> = news.iter().map(|new| Arc::clone(&new.document.id)).collect();
            entries.extend(learned::about(&self.store, collection, &ids).await?);
        }
        let indexed = attach::index(self, entries, true).await?;
        let mut shelf = self.shelf();
        for new in news {
            let Document { id, scope, meanings, .. } = &new.document;
            shelf.hold(collection, id, scope, new.digest, meanings.is_empty());
        }
        indexed.note(&mut shelf).into_iter().for_each(|place| shelf.queue_missing(place));
        Ok(())
    }

    fn doubt(&self, places: &[Place]) {
        let mut shelf = self.shelf();
        places.iter().for_each(|place| shelf.doubt(place.clone(), Vec::new()));
    }

    fn check_room(&self, collection: &str, slice: &[Ready]) -> Result<(), RetrievalError> {
        let shelf = self.shelf();
        let new = slice.iter().filter(|ready| shelf.scope(collection, &ready.document.id).is_none()).count();
        let limit = self.limits.documents_max;
        if shelf.counts().documents + new > limit { Err(RetrievalError::Full { limit }) } else { Ok(()) }
    }

    pub(crate) async fn remove(&self, collection: &Collection, ids: &[Arc<str>]) -> Result<usize, RetrievalError> {
        let collection = collection.name();
        let mut removed = 0;
        for slice in ids.chunks(SLICE) {
            let _alone = self.writing.lock().await;
            removed += self.remove_slice(&collection, slice).await?;
        }
        Ok(removed)
    }

    pub(crate) async fn remove_scope(&self, collection: &Collection, scope: &str) -> Result<usize, RetrievalError> {
        let collection = collection.name();
        let mut removed = 0;
        loop {
            // What is in the scope is asked by whoever writes: meanwhile documents may move in and out.
            let _alone = self.writing.lock().await;
            let mut ids = self.shelf().ids(&collection, Some(scope));
            ids.truncate(SLICE);
            if ids.is_empty() {
                return Ok(removed);
            }
            removed += self.remove_slice(&collection, &ids).await?;
        }
    }

    async fn remove_slice(&self, collection: &Arc<str>, slice: &[Arc<str>]) -> Result<usize, RetrievalError> {
        self.mend().await;
        let anything = self.shelf().learned > 0;
        let learned = if anything { learned::about(&self.store, collection, slice).await? } else { Vec::new() };
        let places: Vec<Place> = slice.iter().map(|id| Place::document(collection, id)).collect();
        self.doubt(&places);
        for entry in &learned {
            self.shelf().doubt(Place::document(collection, &entry.place.id), vec![entry.name()]);
        }
        let now_ms = (self.clock)();
        let ids = Arc::new(slice.to_vec());
        let removed = archive::remove(&self.store, Arc::clone(collection), ids, now_ms).await?;
        self.index.delete(collection, slice).await?;
        slice.iter().for_each(|id| self.shelf().release(collection, id));
        let names: Vec<Arc<str>> = learned.iter().map(Entry::name).collect();
        self.forget(collection, &names).await?;
        places.iter().for_each(|place| self.shelf().trust(place));
        self.tell();
        Ok(removed)
    }

    /// Takes learned questions out of the index.
    async fn forget(&self, collection: &str, names: &[Arc<str>]) -> Result<(), RetrievalError> {
        if !names.is_empty() {
            let gone = self.index.delete(&usage_shelf(collection), names).await?;
            let mut shelf = self.shelf();
            shelf.learned = shelf.learned.saturating_sub(gone);
        }
        Ok(())
    }

    pub(crate) async fn learn(&self, lesson: Lesson) -> Result<(), RetrievalError> {
        let (place, collection) = (lesson.place.clone(), Arc::clone(&lesson.place.collection));
        let _alone = self.writing.lock().await;
        self.mend().await;
        // It may have been removed meanwhile, and what was learned about it is removed with it.
        if self.shelf().scope(&collection, &place.id).is_none() {
            return Ok(());
        }
        self.doubt(std::slice::from_ref(&place));
        let changed = learned::learn(&self.store, lesson).await?;
        if changed.added {
            self.index_lesson(&place, changed.gone).await?;
        }
        self.shelf().trust(&place);
        self.tell();
        Ok(())
    }

    /// Puts what a tenant learned about a document into the index, and takes out what had to go for it.
    async fn index_lesson(&self, place: &Place, gone: Vec<String>) -> Result<(), RetrievalError> {
        let tenant = place.tenant.as_deref().unwrap_or_default();
        let gone: Vec<Arc<str>> = gone.iter().map(|query| usage_id(tenant, &place.id, query)).collect();
        self.shelf().doubt(place.clone(), gone.clone());
        self.shelf().learned += 1;
        self.forget(&place.collection, &gone).await?;
        let entries = archive::entries(&self.store, std::slice::from_ref(place)).await?;
        let indexed = attach::index(self, entries, true).await?;
        let mut shelf = self.shelf();
        indexed.note(&mut shelf).into_iter().for_each(|place| shelf.queue_missing(place));
        Ok(())
    }

    /// What is to be learned; `None` for what is let go.
    pub(crate) fn lesson(&self, used: Used<'_>) -> Option<Lesson> {
        let Used { collection, tenant, id, query } = used;
        let query = query.split_whitespace().collect::<Vec<_>>().join(" ").replace('\0', "");
        let max = self.rules.load().learned_max;
        let full = self.shelf().learned >= self.limits.learned_total_max;
        if full {
            tracing::warn!(limit = self.limits.learned_total_max, "a question was not learned: there is no room");
        }
        let fits = !query.is_empty() && query.len() <= self.limits.learned_bytes_max && max > 0 && !full;
        let fits = fits && tenant.len() <= self.limits.name_bytes_max && !tenant.contains('\0');
        let place = Place { collection: collection.name(), id: id.into(), tenant: Some(tenant.into()) };
        fits.then(|| Lesson { place, query, at_ms: (self.clock)(), max })
    }

    pub(crate) async fn unlearn(
        &self,
        collection: &Collection,
        tenant: Arc<str>,
        id: Option<Arc<str>>,
    ) -> Result<usize, RetrievalError> {
        let collection = collection.name();
        let _alone = self.writing.lock().await;
        self.mend().await;
        let gone = learned::unlearn(&self.store, Arc::clone(&collection), Arc::clone(&tenant), id).await?;
        let names: Vec<Arc<str>> = gone.iter().map(|one| usage_id(&tenant, &one.id, &one.query)).collect();
        let place =
            |one: &Learned| Place { tenant: Some(Arc::clone(&tenant)), ..Place::document(&collection, &one.id) };
        for (one, name) in gone.iter().zip(&names) {
            self.shelf().doubt(place(one), vec![Arc::clone(name)]);
        }
        self.forget(&collection, &names).await?;
        gone.iter().for_each(|one| self.shelf().trust(&place(one)));
        Ok(gone.len())
    }

    /// Puts entries into the index.
    pub(crate) async fn index_entries(
        &self,
        entries: impl Iterator<Item = (&Entry, Option<Vector>)>,
    ) -> Result<(), RetrievalError> {
        index_entries(&*self.index, entries).await
    }
}

/// Puts entries into an index.
pub(crate) async fn index_entries(
    index: &dyn Index,
    entries: impl Iterator<Item = (&Entry, Option<Vector>)>,
) -> Result<(), RetrievalError> {
    let mut shelves: HashMap<Arc<str>, Vec<Doc>> = HashMap::new();
    for (entry, vector) in entries {
        shelves.entry(entry.shelf()).or_default().push(entry.doc(vector));
    }
    for (shelf, docs) in shelves {
        index.upsert(&shelf, docs).await?;
    }
    Ok(())
}

/// Of documents with one id the last.
fn last_of_each(documents: Vec<Document>) -> Vec<Document> {
    let mut at: HashMap<Arc<str>, usize> = HashMap::with_capacity(documents.len());
    let mut kept: Vec<Document> = Vec::with_capacity(documents.len());
    for document in documents {
        match at.get(&document.id).and_then(|at| kept.get_mut(*at)) {
            Some(before) => *before = document,
            None => {
                at.insert(Arc::clone(&document.id), kept.len());
                kept.push(document);
            }
        }
    }
    kept
}
