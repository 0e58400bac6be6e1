//! Documents and vectors as rows. It decides nothing and knows no index.

use crate::digest::Digest;
use crate::document::Document;
use crate::entry::{Entry, Place};
use crate::snapshot;
use futures_util::FutureExt;
use search::{Doc, Vector};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use store::{Isolation, PURGE_ROWS_MAX, Row, Store, StoreError, Tx, Value, args};

/// Rows that are read together.
pub(crate) const PAGE: usize = 1_000;
/// Keys that are asked for in one statement; fewer are filled up, so that there are two statements and not hundreds.
const KEYS: [usize; 2] = [16, 256];

/// A document on its way into the store.
#[derive(Debug, Clone)]
pub(crate) struct Ready {
    pub(crate) document: Document,
    pub(crate) digest: Digest,
    columns: [String; 3],
}

impl Ready {
    pub(crate) fn new(document: Document) -> Self {
        let columns = document.columns();
        let parts = std::iter::once(document.scope.as_bytes()).chain(columns.iter().map(String::as_bytes));
        Self { digest: Digest::of(parts), document, columns }
    }
}

/// What became of one document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Became {
    Added,
    Changed,
    Same,
}

/// Writes documents whose ids differ; what became of each, in their order.
pub(crate) async fn put(
    store: &Store,
    collection: Arc<str>,
    batch: Arc<Vec<Ready>>,
    now_ms: i64,
) -> Result<Vec<Became>, StoreError> {
    let written = store.write(Isolation::Serializable, move |tx| {
        let (collection, batch) = (Arc::clone(&collection), Arc::clone(&batch));
        async move { put_all(tx, &collection, &batch, now_ms).await }.boxed()
    });
    written.await
}

async fn put_all(tx: &mut Tx, collection: &Arc<str>, batch: &[Ready], now_ms: i64) -> Result<Vec<Became>, StoreError> {
    let ids: Vec<Vec<Value>> = batch.iter().map(|ready| args![&ready.document.id]).collect();
    let mut there = HashMap::new();
    let head = "SELECT id, digest FROM retrieval_document WHERE collection = $1 AND id";
    for row in among(tx, head, &[collection.into()], &ids).await? {
        there.insert(row.get::<Arc<str>>(0)?, row.get::<Vec<u8>>(1)?);
    }
    let became: Vec<Became> = batch.iter().map(|ready| became(ready, there.get(&ready.document.id))).collect();
    let (mut rows, mut meanings, mut old) = (Vec::new(), Vec::new(), Vec::new());
    for (ready, became) in batch.iter().zip(&became) {
        if *became == Became::Same {
            continue;
        }
        let (id, [fields, texts, tags]) = (&ready.document.id, &ready.columns);
        let digest = ready.digest.bytes();
        rows.push(args![collection, id, &ready.document.scope, digest, &**fields, &**texts, &**tags]);
        let hashes: HashSet<Digest> = ready.document.meanings.iter().map(|text| Digest::text(text)).collect();
        meanings.extend(hashes.iter().map(|hash| args![hash.bytes(), collection, id]));
        if *became == Became::Changed {
            old.push(args![id]);
        }
    }
    if !rows.is_empty() {
        snapshot::raise(tx, collection).await?;
    }
    part(tx, "retrieval_meaning", collection, &old, now_ms).await?;
    tx.insert_many(DOCUMENT, rows, REPLACED).await?;
    tx.insert_many("INSERT INTO retrieval_meaning (hash, collection, id)", meanings, "ON CONFLICT DO NOTHING").await?;
    Ok(became)
}

fn became(ready: &Ready, there: Option<&Vec<u8>>) -> Became {
    match there {
        None => Became::Added,
        Some(digest) if digest == ready.digest.bytes() => Became::Same,
        Some(_) => Became::Changed,
    }
}

const DOCUMENT: &str = "INSERT INTO retrieval_document (collection, id, scope, digest, fields, meanings, tags)";
const REPLACED: &str = "ON CONFLICT (collection, id) DO UPDATE SET scope = excluded.scope, digest = excluded.digest, \
     fields = excluded.fields, meanings = excluded.meanings, tags = excluded.tags";

/// Parts documents from their texts, or from the questions learned about them. The vectors of these count as used until
/// now: they may be needed again soon.
async fn part(
    tx: &mut Tx,
    table: &str,
    collection: &Arc<str>,
    ids: &[Vec<Value>],
    now_ms: i64,
) -> Result<(), StoreError> {
    let fixed = [Value::from(collection)];
    let which = format!("FROM {table} WHERE collection = $1 AND id");
    let mut hashes = HashSet::new();
    for row in among(tx, &format!("SELECT hash {which}"), &fixed, ids).await? {
        hashes.insert(row.get::<Vec<u8>>(0)?);
    }
    let hashes: Vec<Vec<Value>> = hashes.into_iter().map(|hash| args![hash]).collect();
    let touch = "UPDATE retrieval_vector SET at_ms = $1 WHERE model IN (SELECT model FROM retrieval_model) AND hash";
    among_execute(tx, touch, &[now_ms.into()], &hashes).await?;
    among_execute(tx, &format!("DELETE {which}"), &fixed, ids).await.map(drop)
}

/// Removes documents with what was learned about them; how many there were.
pub(crate) async fn remove(
    store: &Store,
    collection: Arc<str>,
    ids: Arc<Vec<Arc<str>>>,
    now_ms: i64,
) -> Result<usize, StoreError> {
    let removed = store.write(Isolation::Serializable, move |tx| {
        let (collection, ids) = (Arc::clone(&collection), Arc::clone(&ids));
        async move {
            let fixed = [Value::from(&collection)];
            let keys: Vec<Vec<Value>> = ids.iter().map(|id| args![id]).collect();
            snapshot::raise(tx, &collection).await?;
            part(tx, "retrieval_meaning", &collection, &keys, now_ms).await?;
            part(tx, "retrieval_use", &collection, &keys, now_ms).await?;
            among_execute(tx, "DELETE FROM retrieval_document WHERE collection = $1 AND id", &fixed, &keys).await
        }
        .boxed()
    });
    removed.await.map(|removed| usize::try_from(removed).unwrap_or(usize::MAX))
}

const KEPT: &str = "SELECT collection, id, scope, fields, meanings, tags FROM retrieval_document";

/// A document as it is kept, with its collection.
fn kept(row: &Row) -> Result<(Arc<str>, Document), StoreError> {
    let (id, scope) = (row.get::<Arc<str>>(1)?, row.get(2)?);
    let [fields, meanings, tags] = [row.get::<String>(3)?, row.get(4)?, row.get(5)?];
    let unread = || StoreError::Shape { reason: format!("the document `{id}` cannot be read") };
    let document = Document::of_columns(Arc::clone(&id), scope, [&fields, &meanings, &tags]).ok_or_else(unread)?;
    Ok((row.get(0)?, document))
}

/// A document as it is found by words.
#[derive(Debug, PartialEq)]
pub(crate) struct Worded {
    pub(crate) collection: Arc<str>,
    pub(crate) doc: Doc,
    pub(crate) digest: Digest,
    /// Whether it has texts with a meaning.
    pub(crate) meant: bool,
}

/// Without the texts that become vectors: half of what there is to read, and not needed yet.
pub(crate) const WORDED: &str = "SELECT collection, id, scope, digest, fields, tags, \
     CAST(CASE WHEN meanings = '[]' THEN 0 ELSE 1 END AS BIGINT) FROM retrieval_document";

pub(crate) fn worded(row: &Row) -> Result<Worded, StoreError> {
    let (id, scope) = (row.get::<Arc<str>>(1)?, row.get(2)?);
    let [fields, tags] = [row.get::<String>(4)?, row.get(5)?];
    let unread = || StoreError::Shape { reason: format!("the document `{id}` cannot be read") };
    let digest = Digest::read(&row.get::<Vec<u8>>(3)?).ok_or_else(unread)?;
    let document = Document::of_columns(Arc::clone(&id), scope, [&fields, "[]", &tags]).ok_or_else(unread)?;
    let Document { id, scope, fields, tags, .. } = document;
    let doc = Doc { id, scope, fields, tags, ..Doc::default() };
    Ok(Worded { collection: row.get(0)?, doc, digest, meant: row.get::<i64>(6)? != 0 })
}

/// A collection and a document.
pub(crate) type Key = (Arc<str>, Arc<str>);

/// A page of all documents but those of some collections: those that follow `after`, with the key of its last row where
/// more may follow.
pub(crate) async fn page(
    store: &Store,
    but: &[Arc<str>],
    after: &Key,
) -> Result<(Vec<Worded>, Option<Key>), StoreError> {
    let page = i64::try_from(PAGE).unwrap_or(i64::MAX);
    let others: String = (4..).zip(but).map(|(at, _)| format!(" AND collection <> ${at}")).collect();
    let sql: Arc<str> =
        format!("{WORDED} WHERE (collection, id) > ($1, $2){others} ORDER BY collection, id LIMIT $3").into();
    let read = store.read(|tx| {
        let (sql, args) = (Arc::clone(&sql), [args![&after.0, &after.1, page], but.iter().map(Value::from).collect()]);
        async move {
            let rows = tx.fetch_all(sql, args.concat()).await?;
            let last = match rows.last().filter(|_| rows.len() == PAGE) {
                None => None,
                Some(row) => Some((row.get(0)?, row.get(1)?)),
            };
            Ok((rows.iter().filter_map(|row| readable(worded(row))).collect(), last))
        }
        .boxed()
    });
    read.await
}

/// A row that can be read. Another is left out and told of: one row that is broken must not keep all others from being found.
pub(crate) fn readable<T>(read: Result<T, StoreError>) -> Option<T> {
    read.inspect_err(|error| tracing::error!(%error, "a row is left out: put its document again")).ok()
}

/// What there is to index at places: documents, and questions that were learned about them.
pub(crate) async fn entries(store: &Store, places: &[Place]) -> Result<Vec<Entry>, StoreError> {
    let (mut documents, mut uses) = (Vec::new(), Vec::new());
    for Place { collection, id, tenant } in places {
        match tenant {
            None => documents.push(args![collection, id]),
            Some(tenant) => uses.push(args![collection, id, tenant]),
        }
    }
    let read = store.read(|tx| {
        let (documents, uses) = (documents.clone(), uses.clone());
        async move {
            let mut found = Vec::new();
            for row in among(tx, &format!("{KEPT} WHERE (collection, id)"), &[], &documents).await? {
                let document = readable(kept(&row));
                found.extend(document.map(|(collection, document)| Entry::document(&collection, &document)));
            }
            for row in among(tx, &format!("{USE} WHERE (u.collection, u.id, u.tenant)"), &[], &uses).await? {
                found.extend(readable(usage(&row)));
            }
            Ok(found)
        }
        .boxed()
    });
    read.await
}

pub(crate) const USE: &str = "SELECT u.collection, u.id, u.tenant, u.query, d.scope, d.tags FROM retrieval_use u \
     JOIN retrieval_document d ON d.collection = u.collection AND d.id = u.id";

pub(crate) fn usage(row: &Row) -> Result<Entry, StoreError> {
    let place = Place { collection: row.get(0)?, id: row.get(1)?, tenant: Some(row.get(2)?) };
    let (query, scope, tags) = (row.get(3)?, row.get::<String>(4)?, row.get::<String>(5)?);
    let tags =
        serde_json::from_str(&tags).map_err(|_| StoreError::Shape { reason: "tags cannot be read".to_owned() })?;
    Ok(Entry::usage(place, query, &scope, tags))
}

/// The vectors of a model that are known of texts; one that has not `dimensions` counts as unknown.
pub(crate) async fn vectors(
    store: &Store,
    model: &str,
    dimensions: usize,
    wanted: &HashSet<Digest>,
) -> Result<HashMap<Digest, Vector>, StoreError> {
    let keys: Vec<Vec<Value>> = wanted.iter().map(|hash| args![hash.bytes()]).collect();
    let read = store.read(|tx| {
        let (keys, fixed) = (keys.clone(), [Value::from(model)]);
        let head = "SELECT hash, vector FROM retrieval_vector WHERE model = $1 AND hash";
        async move { among(tx, head, &fixed, &keys).await }.boxed()
    });
    let rows: Vec<Row> = read.await.map_err(|error: StoreError| error)?;
    let mut known = HashMap::with_capacity(rows.len());
    for row in rows {
        let (hash, vector) = (row.get::<Vec<u8>>(0)?, unpack(&row.get::<Vec<u8>>(1)?));
        if let (Some(hash), Some(vector)) = (Digest::read(&hash), vector)
            && (dimensions == 0 || vector.len() == dimensions)
        {
            known.insert(hash, vector);
        }
    }
    Ok(known)
}

/// Keeps vectors of a model; one that is there is replaced.
pub(crate) async fn keep_vectors(
    store: &Store,
    model: &str,
    vectors: &HashMap<Digest, Vector>,
    now_ms: i64,
) -> Result<(), StoreError> {
    let row = |(hash, vector): (&Digest, &Vector)| args![model, hash.bytes(), pack(vector), now_ms];
    let rows: Vec<Vec<Value>> = vectors.iter().map(row).collect();
    let written = store.write(Isolation::ReadCommitted, move |tx| {
        let rows = rows.clone();
        async move {
            let head = "INSERT INTO retrieval_vector (model, hash, vector, at_ms)";
            let tail = "ON CONFLICT (model, hash) DO UPDATE SET vector = excluded.vector, at_ms = excluded.at_ms";
            tx.insert_many(head, rows, tail).await.map(drop)
        }
        .boxed()
    });
    written.await
}

/// Numbers of 32 bits, the lowest byte first.
pub(crate) fn pack(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// What [`pack`] has made; `None` for anything else, and for numbers that are none.
pub(crate) fn unpack(bytes: &[u8]) -> Option<Vector> {
    let (numbers, rest) = bytes.as_chunks::<4>();
    let vector: Vector = numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    (rest.is_empty() && !vector.is_empty() && vector.iter().all(|number| number.is_finite())).then_some(vector)
}

/// Notes that a model is in force.
pub(crate) async fn note_model(store: &Store, model: &str, now_ms: i64) -> Result<(), StoreError> {
    let args = args![model, now_ms];
    let written = store.write(Isolation::ReadCommitted, move |tx| {
        let args = args.clone();
        async move { tx.execute(MODEL, args).await.map(drop) }.boxed()
    });
    written.await
}

const MODEL: &str = "INSERT INTO retrieval_model (model, used_ms) VALUES ($1, $2) \
     ON CONFLICT (model) DO UPDATE SET used_ms = excluded.used_ms";

/// Removes vectors that nobody needs any more and that were made before a moment, and those of models beyond the
/// `models` last in force; a little at a time: whether there is more.
pub(crate) async fn purge(store: &Store, before_ms: i64, models: usize) -> Result<bool, StoreError> {
    let models = i64::try_from(models).unwrap_or(i64::MAX);
    let unused = store.purge(UNUSED, args![before_ms, PURGE_ROWS_MAX]).await?;
    let foreign = store.purge(FOREIGN, args![models, PURGE_ROWS_MAX]).await?;
    Ok(unused || foreign)
}

const UNUSED: &str = "DELETE FROM retrieval_vector WHERE (model, hash) IN (SELECT v.model, v.hash \
     FROM retrieval_vector v WHERE v.at_ms < $1 \
     AND NOT EXISTS (SELECT 1 FROM retrieval_meaning m WHERE m.hash = v.hash) \
     AND NOT EXISTS (SELECT 1 FROM retrieval_use u WHERE u.hash = v.hash) LIMIT $2)";
const FOREIGN: &str = "DELETE FROM retrieval_vector WHERE (model, hash) IN (SELECT v.model, v.hash \
     FROM retrieval_vector v WHERE v.model NOT IN \
     (SELECT model FROM retrieval_model ORDER BY used_ms DESC, model LIMIT $1) LIMIT $2)";

/// The rows whose key is among `keys`: `head` ends where `IN` follows, `fixed` are its own parameters.
pub(crate) async fn among(
    tx: &mut Tx,
    head: &str,
    fixed: &[Value],
    keys: &[Vec<Value>],
) -> Result<Vec<Row>, StoreError> {
    let mut rows = Vec::new();
    for chunk in keys.chunks(KEYS[1]) {
        let (list, args) = listed(fixed, chunk);
        rows.extend(tx.fetch_all(format!("{head} IN ({list})"), args).await?);
    }
    Ok(rows)
}

/// Runs a statement for all rows whose key is among `keys`; how many rows it changed.
pub(crate) async fn among_execute(
    tx: &mut Tx,
    head: &str,
    fixed: &[Value],
    keys: &[Vec<Value>],
) -> Result<u64, StoreError> {
    let mut changed = 0;
    for chunk in keys.chunks(KEYS[1]) {
        let (list, args) = listed(fixed, chunk);
        changed += tx.execute(format!("{head} IN ({list})"), args).await?;
    }
    Ok(changed)
}

/// Placeholders for keys, and all parameters. The last key fills up what is left of the statement.
fn listed(fixed: &[Value], keys: &[Vec<Value>]) -> (String, Vec<Value>) {
    let width = keys.first().map_or(1, Vec::len);
    let count = if keys.len() <= KEYS[0] { KEYS[0] } else { KEYS[1] };
    let mut at = fixed.len();
    let mut key = || {
        let places: Vec<String> = (0..width)
            .map(|_| {
                at += 1;
                format!("${at}")
            })
            .collect();
        if width == 1 { places.concat() } else { format!("({})", places.join(", ")) }
    };
    let list = (0..count).map(|_| key()).collect::<Vec<_>>().join(", ");
    let list = if width == 1 { list } else { format!("VALUES {list}") };
    let filled = keys.iter().chain(std::iter::repeat(keys.last().unwrap_or(const { &Vec::new() }))).take(count);
    (list, fixed.iter().cloned().chain(filled.flatten().cloned()).collect())
}
