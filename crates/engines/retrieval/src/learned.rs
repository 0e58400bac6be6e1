//! Questions that were learned, as rows: how many of each document and tenant, and which go first.

use crate::archive::{PAGE, USE, among, readable, usage};
use crate::digest::Digest;
use crate::document::Learned;
use crate::entry::{Entry, Place};
use futures_util::FutureExt;
use std::sync::Arc;
use store::{Isolation, Row, Store, StoreError, Tx, Value, args};

/// The last key of a page.
pub(crate) type Last = (Arc<str>, Arc<str>, Arc<str>, Vec<u8>);

/// A question about to be learned.
#[derive(Debug, Clone)]
pub(crate) struct Lesson {
    pub(crate) place: Place,
    pub(crate) query: String,
    pub(crate) at_ms: i64,
    /// The most of them for this document and tenant.
    pub(crate) max: usize,
}

/// What a lesson changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Changed {
    /// Whether it is new.
    pub(crate) added: bool,
    /// Those that had to go for it.
    pub(crate) gone: Vec<String>,
}

/// Learns a question; one that differs in nothing but upper and lower case from one that is there renews that one.
pub(crate) async fn learn(store: &Store, lesson: Lesson) -> Result<Changed, StoreError> {
    let lesson = Arc::new(lesson);
    let written = store.write(Isolation::Serializable, move |tx| {
        let lesson = Arc::clone(&lesson);
        async move { learn_in(tx, &lesson).await }.boxed()
    });
    written.await
}

async fn learn_in(tx: &mut Tx, lesson: &Lesson) -> Result<Changed, StoreError> {
    let Place { collection, id, tenant } = &lesson.place;
    let sql = "SELECT hash, query FROM retrieval_use WHERE collection = $1 AND id = $2 AND tenant = $3 \
         ORDER BY at_ms, hash";
    let rows = tx.fetch_all(sql, args![collection, id, tenant.clone()]).await?;
    let mut there = Vec::with_capacity(rows.len());
    for row in rows {
        there.push((row.get::<Vec<u8>>(0)?, row.get::<String>(1)?));
    }
    let key = |hash: &[u8]| args![collection, id, tenant.clone(), hash];
    let folded = lesson.query.to_lowercase();
    if let Some((hash, _)) = there.iter().find(|(_, query)| query.to_lowercase() == folded) {
        let renew =
            "UPDATE retrieval_use SET at_ms = $5 WHERE collection = $1 AND id = $2 AND tenant = $3 AND hash = $4";
        tx.execute(renew, [key(hash), args![lesson.at_ms]].concat()).await?;
        return Ok(Changed::default());
    }
    let hash = Digest::text(&lesson.query);
    let add = "INSERT INTO retrieval_use (collection, id, tenant, hash, query, at_ms) VALUES ($1, $2, $3, $4, $5, $6)";
    tx.execute(add, [key(hash.bytes()), args![&*lesson.query, lesson.at_ms]].concat()).await?;
    let surplus = (there.len() + 1).saturating_sub(lesson.max);
    let mut gone = Vec::new();
    for (hash, query) in there.into_iter().take(surplus) {
        let remove = "DELETE FROM retrieval_use WHERE collection = $1 AND id = $2 AND tenant = $3 AND hash = $4";
        tx.execute(remove, key(&hash)).await?;
        gone.push(query);
    }
    Ok(Changed { added: true, gone })
}

/// Forgets what a tenant learned, about one document or about all of a collection; what that was.
pub(crate) async fn unlearn(
    store: &Store,
    collection: Arc<str>,
    tenant: Arc<str>,
    id: Option<Arc<str>>,
) -> Result<Vec<Learned>, StoreError> {
    let written = store.write(Isolation::Serializable, move |tx| {
        let (collection, tenant, id) = (Arc::clone(&collection), Arc::clone(&tenant), id.clone());
        async move {
            let learned = list_in(tx, &collection, &tenant, id.as_ref()).await?;
            let sql = "DELETE FROM retrieval_use WHERE collection = $1 AND tenant = $2";
            match id {
                None => tx.execute(sql, args![&collection, &tenant]).await?,
                Some(id) => tx.execute(format!("{sql} AND id = $3"), args![&collection, &tenant, id]).await?,
            };
            Ok(learned)
        }
        .boxed()
    });
    written.await
}

/// What a tenant learned about one document, or about all of a collection.
pub(crate) async fn list(
    store: &Store,
    collection: &Arc<str>,
    tenant: &Arc<str>,
    id: Option<&Arc<str>>,
) -> Result<Vec<Learned>, StoreError> {
    let read = store.read(|tx| {
        let (collection, tenant, id) = (Arc::clone(collection), Arc::clone(tenant), id.cloned());
        async move { list_in(tx, &collection, &tenant, id.as_ref()).await }.boxed()
    });
    read.await
}

async fn list_in(
    tx: &mut Tx,
    collection: &Arc<str>,
    tenant: &Arc<str>,
    id: Option<&Arc<str>>,
) -> Result<Vec<Learned>, StoreError> {
    let sql = "SELECT id, query, at_ms FROM retrieval_use WHERE collection = $1 AND tenant = $2";
    let order = "ORDER BY id, at_ms, hash";
    let rows = match id {
        None => tx.fetch_all(format!("{sql} {order}"), args![collection, tenant]).await?,
        Some(id) => tx.fetch_all(format!("{sql} AND id = $3 {order}"), args![collection, tenant, id]).await?,
    };
    let read = |row: &Row| Ok(Learned { id: row.get(0)?, query: row.get(1)?, at_ms: row.get(2)? });
    rows.iter().map(read).collect()
}

/// How many questions of all tenants and collections are learned.
pub(crate) async fn count(store: &Store) -> Result<usize, StoreError> {
    let read = store.read(|tx| {
        async move { tx.fetch_one("SELECT COUNT(*) FROM retrieval_use", Vec::<Value>::new()).await?.get::<i64>(0) }
            .boxed()
    });
    Ok(usize::try_from(read.await?).unwrap_or_default())
}

/// All that tenants learned about documents.
pub(crate) async fn about(store: &Store, collection: &str, ids: &[Arc<str>]) -> Result<Vec<Entry>, StoreError> {
    let keys: Vec<Vec<Value>> = ids.iter().map(|id| args![id]).collect();
    let read = store.read(|tx| {
        let (keys, fixed) = (keys.clone(), [Value::from(collection)]);
        let head = format!("{USE} WHERE u.collection = $1 AND u.id");
        async move {
            let rows = among(tx, &head, &fixed, &keys).await?;
            Ok(rows.iter().filter_map(|row| readable(usage(row))).collect())
        }
        .boxed()
    });
    read.await
}

/// A page of all that was learned, what follows `after`; with the key of its last row.
pub(crate) async fn page(store: &Store, after: &Last) -> Result<(Vec<Entry>, Option<Last>), StoreError> {
    let page = i64::try_from(PAGE).unwrap_or(i64::MAX);
    let read = store.read(|tx| {
        let args = args![&after.0, &after.1, &after.2, after.3.clone(), page];
        async move {
            let rows = tx.fetch_all(PAGED, args).await?;
            let last = match rows.last().filter(|_| rows.len() == PAGE) {
                None => None,
                Some(row) => Some((row.get(0)?, row.get(1)?, row.get(2)?, row.get(6)?)),
            };
            Ok((rows.iter().filter_map(|row| readable(usage(row))).collect(), last))
        }
        .boxed()
    });
    read.await
}

const PAGED: &str = "SELECT u.collection, u.id, u.tenant, u.query, d.scope, d.tags, u.hash FROM retrieval_use u \
     JOIN retrieval_document d ON d.collection = u.collection AND d.id = u.id \
     WHERE (u.collection, u.id, u.tenant, u.hash) > ($1, $2, $3, $4) \
     ORDER BY u.collection, u.id, u.tenant, u.hash LIMIT $5";
