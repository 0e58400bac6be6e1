//! What failed between the store and the index, done again. Whoever calls this holds the right to write.

use crate::desk::Desk;
use crate::digest::Digest;
use crate::entry::{Entry, Place, usage_shelf};
use crate::{RetrievalError, archive, attach, learned};
use std::collections::HashSet;
use std::slice;
use std::sync::Arc;

impl Desk {
    /// Brings the index to what the store is, wherever it may be behind. What cannot be mended now is mended before the next
    /// change, and holds nothing else up.
    pub(crate) async fn mend(&self) {
        let doubts = self.shelf().doubts();
        if doubts.is_empty() {
            return;
        }
        if let Err(error) = self.mend_all(doubts).await {
            tracing::warn!(%error, "the index is behind the store in places");
        }
        self.tell();
    }

    async fn mend_all(&self, doubts: Vec<(Place, Vec<Arc<str>>)>) -> Result<(), RetrievalError> {
        for (place, left) in doubts.iter().filter(|(_, left)| !left.is_empty()) {
            self.index.delete(&usage_shelf(&place.collection), left).await?;
        }
        let places: Vec<Place> = doubts.into_iter().map(|(place, _)| place).collect();
        let mut entries = archive::entries(&self.store, &places).await?;
        let there: HashSet<Place> = entries.iter().map(|entry| entry.place.clone()).collect();
        for place in places.iter().filter(|place| place.tenant.is_none()) {
            let id = slice::from_ref(&place.id);
            if there.contains(place) {
                entries.extend(learned::about(&self.store, &place.collection, id).await?);
            } else {
                self.index.delete(&place.collection, id).await?;
                self.shelf().release(&place.collection, &place.id);
            }
        }
        let held: Vec<_> = entries.iter().filter_map(held).collect();
        let indexed = attach::index(self, entries, true).await?;
        let learned = learned::count(&self.store).await?;
        let mut shelf = self.shelf();
        for (place, scope, whole) in held {
            // A digest that no content has: whoever puts it again has it indexed again.
            shelf.hold(&place.collection, &place.id, &scope, Digest::of([]), whole);
        }
        indexed.note(&mut shelf).into_iter().for_each(|place| shelf.queue_missing(place));
        places.iter().for_each(|place| shelf.trust(place));
        shelf.learned = learned;
        Ok(())
    }
}

/// A document with its scope, and whether it needs no vectors.
fn held(entry: &Entry) -> Option<(Place, Arc<str>, bool)> {
    entry.place.tenant.is_none().then(|| (entry.place.clone(), entry.scope(), entry.texts.is_empty()))
}
