//! Vectors brought to what they belong to. Whoever calls this holds the right to write.

use crate::desk::Desk;
use crate::digest::Digest;
use crate::entry::{Entry, Place};
use crate::shelf::Shelf;
use crate::{RetrievalError, archive};
use search::Vector;
use std::collections::{HashMap, HashSet};
use store::StoreError;

/// The vectors in the store of all texts of entries.
pub(crate) async fn known(desk: &Desk, entries: &[Entry]) -> Result<HashMap<Digest, Vector>, StoreError> {
    let Some(embedder) = &desk.embedder else { return Ok(HashMap::new()) };
    let wanted: HashSet<Digest> = entries.iter().flat_map(Entry::digests).collect();
    archive::vectors(&desk.store, embedder.model(), embedder.dimensions(), &wanted).await
}

/// What the index has taken.
#[derive(Debug)]
#[must_use]
pub(crate) struct Indexed {
    /// With all their vectors.
    whole: Vec<(Place, Option<Vector>)>,
    /// What lacks some that somebody can make.
    missing: Vec<Place>,
}

impl Indexed {
    /// Notes the vectors of what is held, and answers what lacks some.
    pub(crate) fn note(self, shelf: &mut Shelf) -> Vec<Place> {
        self.whole.into_iter().for_each(|(place, vector)| shelf.complete(&place, vector));
        self.missing
    }
}

/// Puts entries into the index that have all their vectors, and if `all` is set the others too, with none.
pub(crate) async fn index(desk: &Desk, entries: Vec<Entry>, all: bool) -> Result<Indexed, RetrievalError> {
    let known = known(desk, &entries).await?;
    let is_whole = |entry: &Entry| {
        let shelf = desk.shelf();
        entry.digests().all(|digest| known.contains_key(&digest) || shelf.is_refused(&digest))
    };
    let (whole, partial): (Vec<Entry>, Vec<Entry>) = entries.into_iter().partition(is_whole);
    let vectors: Vec<Option<Vector>> = whole.iter().map(|entry| entry.vector(&known)).collect();
    desk.index_entries(whole.iter().zip(vectors.iter().cloned())).await?;
    if all {
        desk.index_entries(partial.iter().zip(std::iter::repeat(None))).await?;
    }
    if desk.embedder.is_none() {
        return Ok(Indexed { whole: Vec::new(), missing: Vec::new() });
    }
    let whole = whole.into_iter().map(|entry| entry.place).zip(vectors).collect();
    let missing = partial.into_iter().map(|entry| entry.place).collect();
    Ok(Indexed { whole, missing })
}

/// Reads places anew and indexes those that have all their vectors: they may have changed meanwhile. Answers the others.
pub(crate) async fn attach(desk: &Desk, places: &[Place]) -> Result<Vec<Place>, RetrievalError> {
    let _alone = desk.writing.lock().await;
    desk.mend().await;
    let entries = archive::entries(&desk.store, places).await?;
    let indexed = index(desk, entries, false).await?;
    Ok(indexed.note(&mut desk.shelf()))
}
