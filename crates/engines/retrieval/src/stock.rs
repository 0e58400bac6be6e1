//! What a start reads: all documents and the questions learned about them, by their words. Whoever embeds is not needed
//! for it, nor known.

use crate::archive::{self, PAGE, Worded};
use crate::entry::Place;
use crate::shelf::Shelf;
use crate::writing::index_entries;
use crate::{RetrievalError, learned, schema, snapshot};
use futures_util::future::try_join;
use search::{Doc, Index};
use std::collections::HashMap;
use std::sync::Arc;
use store::Store;

/// Everything in the store, found by words. It can be read while the weights of a model are.
#[derive(Debug)]
pub struct Stock(pub(crate) Shelf);

impl Stock {
    /// Fills an index with the words of everything in the store, and makes the tables where they are not there yet;
    /// vectors are looked for afterwards. What a snapshot in force holds is not read by rows, as all else is; while a page
    /// is put in, the next one is read.
    ///
    /// # Errors
    /// [`RetrievalError`]: the store or the index fails.
    pub async fn read(store: &Store, index: &dyn Index) -> Result<Self, RetrievalError> {
        schema::migrate(store).await?;
        let (mut shelf, mut known) = (Shelf::default(), Vec::new());
        for (collection, documents) in snapshot::read(store).await? {
            let mut documents = documents.into_iter().peekable();
            while documents.peek().is_some() {
                put(index, &mut shelf, documents.by_ref().take(PAGE).collect()).await?;
            }
            known.push(collection);
        }
        let (mut page, mut last) = archive::page(store, &known, &("".into(), "".into())).await?;
        while let Some(after) = last {
            let next = async { Ok(archive::page(store, &known, &after).await?) };
            ((), (page, last)) = try_join(put(index, &mut shelf, page), next).await?;
        }
        put(index, &mut shelf, page).await?;
        put_learned(store, index, &mut shelf).await?;
        Ok(Self(shelf))
    }
}

async fn put(index: &dyn Index, shelf: &mut Shelf, page: Vec<Worded>) -> Result<(), RetrievalError> {
    let mut shelves: HashMap<Arc<str>, Vec<Doc>> = HashMap::new();
    for Worded { collection, doc, digest, meant } in page {
        shelf.hold(&collection, &doc.id, &doc.scope, digest, !meant);
        if meant {
            let (collection, id) = (Arc::clone(&collection), Arc::clone(&doc.id));
            shelf.queue_fresh(Place { collection, id, tenant: None });
        }
        shelves.entry(collection).or_default().push(doc);
    }
    for (shelf, docs) in shelves {
        index.upsert(&shelf, docs).await?;
    }
    Ok(())
}

async fn put_learned(store: &Store, index: &dyn Index, shelf: &mut Shelf) -> Result<(), RetrievalError> {
    let mut after = Some(("".into(), "".into(), "".into(), Vec::new()));
    while let Some(last) = after {
        let (entries, next) = learned::page(store, &last).await?;
        index_entries(index, entries.iter().zip(std::iter::repeat(None))).await?;
        shelf.learned += entries.len();
        entries.into_iter().for_each(|entry| shelf.queue_fresh(entry.place));
        after = next;
    }
    Ok(())
}
