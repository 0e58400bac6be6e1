//! The documents of a collection in one piece, as a start reads them: a row for each costs several times what is in it.
//!
//! Each change raises the version of its collection in its own transaction, and a snapshot is of one version. One that is
//! not of the version in force is not read, whoever has kept it and whatever happened since: nothing that was removed or
//! moved to another scope comes back by it. Knows no index.

use crate::archive::{PAGE, WORDED, Worded, worded};
use crate::digest::Digest;
use futures_util::FutureExt;
use search::{Doc, Field};
use std::sync::Arc;
use store::{Isolation, Packed, Store, StoreError, Tx, Unpacked, args};

/// How documents are packed. Another way gets another number: rows are read then, until a new one is kept.
const FORMAT: u64 = 1;
/// The most bytes of one; a larger collection has none.
const BYTES_MAX: usize = 32 * 1024 * 1024;
/// The most that a start reads; all other collections are read by rows.
const READ_MAX: i64 = 16;

/// A collection with all its documents.
pub(crate) type Whole = (Arc<str>, Vec<Worded>);

const RAISE: &str = "INSERT INTO retrieval_collection (collection, version) VALUES ($1, 1) ON CONFLICT (collection) \
     DO UPDATE SET version = retrieval_collection.version + 1";

/// Notes in a transaction that it changes a collection.
pub(crate) async fn raise(tx: &mut Tx, collection: &Arc<str>) -> Result<(), StoreError> {
    tx.execute(RAISE, args![collection]).await.map(drop)
}

const IN_FORCE: &str = "SELECT s.collection, s.body FROM retrieval_snapshot s JOIN retrieval_collection c \
     ON c.collection = s.collection AND c.version = s.version ORDER BY s.collection LIMIT $1";

/// Collections of which there is a snapshot in force. One that cannot be read counts as none.
pub(crate) async fn read(store: &Store) -> Result<Vec<Whole>, StoreError> {
    let rows = store.read(|tx| async move { tx.fetch_all(IN_FORCE, args![READ_MAX]).await }.boxed()).await?;
    let whole = rows.iter().map(|row| {
        let (collection, body) = (row.get::<Arc<str>>(0)?, row.get::<Vec<u8>>(1)?);
        let documents = unpack(&collection, &body);
        if documents.is_none() {
            tracing::info!(%collection, "a snapshot cannot be read: the start goes by rows");
        }
        Ok(documents.map(|documents| (collection, documents)))
    });
    whole.filter_map(Result::transpose).collect()
}

const VERSIONS: &str = "SELECT c.version, s.version FROM retrieval_collection c LEFT JOIN retrieval_snapshot s \
     ON s.collection = c.collection WHERE c.collection = $1";
const KEEP: &str = "INSERT INTO retrieval_snapshot (collection, version, body) VALUES ($1, $2, $3) \
     ON CONFLICT (collection) DO UPDATE SET version = excluded.version, body = excluded.body";

/// Keeps a snapshot of a collection where there is none in force; whether it did. One that is too large, or of which a row
/// cannot be read, has none.
pub(crate) async fn keep(store: &Store, collection: &Arc<str>) -> Result<bool, StoreError> {
    let taken = store.read(|tx| {
        let collection = Arc::clone(collection);
        async move { take(tx, &collection).await }.boxed()
    });
    let Some((version, body)) = taken.await? else { return Ok(false) };
    let args = args![collection, version, body];
    let written = store.write(Isolation::ReadCommitted, move |tx| {
        let args = args.clone();
        async move { tx.execute(KEEP, args).await.map(drop) }.boxed()
    });
    written.await.map_err(|error: StoreError| error)?;
    Ok(true)
}

/// A collection as it is in this view, packed, with its version; `None` where there is a snapshot of it already, or may be
/// none.
async fn take(tx: &mut Tx, collection: &Arc<str>) -> Result<Option<(i64, Vec<u8>)>, StoreError> {
    let Some(row) = tx.fetch_optional(VERSIONS, args![collection]).await? else { return Ok(None) };
    let version: i64 = row.get(0)?;
    if row.get::<Option<i64>>(1)? == Some(version) {
        return Ok(None);
    }
    let sql = format!("{WORDED} WHERE collection = $1 AND id > $2 ORDER BY id LIMIT $3");
    let (mut packed, mut after) = (Packed::default(), Arc::from(""));
    loop {
        let page = i64::try_from(PAGE).unwrap_or(i64::MAX);
        let rows = tx.fetch_all(sql.clone(), args![collection, &after, page]).await?;
        for row in &rows {
            // It is told of at each start, as long as it is read by rows.
            let Ok(document) = worded(row) else { return Ok(None) };
            pack(&mut packed, &document);
            after = document.doc.id;
        }
        if packed.len() > BYTES_MAX {
            return Ok(None);
        }
        if rows.len() < PAGE {
            return Ok(Some((version, packed.sealed(FORMAT))));
        }
    }
}

fn pack(packed: &mut Packed, document: &Worded) {
    let Worded { doc, digest, meant, .. } = document;
    packed.text(&doc.id);
    packed.text(&doc.scope);
    packed.bytes(digest.bytes());
    packed.number(u64::from(*meant));
    packed.number(doc.fields.len() as u64);
    for Field { text, weight } in &doc.fields {
        packed.text(text);
        packed.number(u64::from(weight.to_bits()));
    }
    packed.number(doc.tags.len() as u64);
    doc.tags.iter().for_each(|tag| packed.text(tag));
}

/// The documents in a snapshot; `None` of anything else.
fn unpack(collection: &Arc<str>, body: &[u8]) -> Option<Vec<Worded>> {
    let mut unpacked = Unpacked::open(body, FORMAT)?;
    let mut documents = Vec::new();
    while !unpacked.is_empty() {
        documents.push(document(collection, &mut unpacked)?);
    }
    Some(documents)
}

fn document(collection: &Arc<str>, unpacked: &mut Unpacked<'_>) -> Option<Worded> {
    let (id, scope) = (unpacked.text()?.into(), unpacked.text()?.into());
    let (digest, meant) = (Digest::read(unpacked.bytes()?)?, unpacked.number()? != 0);
    let mut doc = Doc { id, scope, ..Doc::default() };
    for _ in 0..unpacked.number()? {
        let text = unpacked.text()?.to_owned();
        let weight = f32::from_bits(u32::try_from(unpacked.number()?).ok()?);
        doc.fields.push(Field { text, weight });
    }
    for _ in 0..unpacked.number()? {
        doc.tags.push(unpacked.text()?.into());
    }
    Some(Worded { collection: Arc::clone(collection), doc, digest, meant })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn documents() -> Vec<Worded> {
        let field = |text: &str, weight| Field { text: text.to_owned(), weight };
        let whole = Doc {
            id: "* größe".into(),
            scope: "*/user".into(),
            fields: vec![field("two words", 2.0), field("", 0.5)],
            tags: vec!["all".into(), "domain:mail".into()],
            ..Doc::default()
        };
        let bare = Doc { id: "bare".into(), scope: "acme/admin".into(), ..Doc::default() };
        let worded = |doc, meant| Worded { collection: "tools".into(), doc, digest: Digest::text("it"), meant };
        vec![worded(whole, true), worded(bare, false)]
    }

    #[test]
    fn what_is_packed_unpacks() {
        let mut packed = Packed::default();
        documents().iter().for_each(|document| pack(&mut packed, document));
        let body = packed.sealed(FORMAT);
        assert_eq!(unpack(&"tools".into(), &body), Some(documents()));
        assert_eq!(unpack(&"tools".into(), &Packed::default().sealed(FORMAT)), Some(Vec::new()));
    }

    #[test]
    fn what_no_snapshot_is_does_not_unpack() {
        let half = |most: usize| {
            let mut packed = Packed::default();
            packed.text("an id");
            packed.text("a scope");
            packed.bytes(&[7; 32]);
            [1, 1].into_iter().take(most).for_each(|number| packed.number(number));
            packed.sealed(FORMAT)
        };
        // Sealed and yet cut: what comes next is missing.
        for most in 0..3 {
            assert_eq!(unpack(&"tools".into(), &half(most)), None, "{most}");
        }
        assert_eq!(unpack(&"tools".into(), b"foreign"), None);
        assert_eq!(unpack(&"tools".into(), &Packed::default().sealed(FORMAT + 1)), None);
    }
}
