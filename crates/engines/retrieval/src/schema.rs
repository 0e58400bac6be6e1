//! The tables of this room.

use store::{Migration, Store, StoreError};

/// Their name in the list of migrations.
const ROOM: &str = "retrieval";

/// Makes the tables, where they are not there yet.
pub(crate) async fn migrate(store: &Store) -> Result<(), StoreError> {
    store.migrate(ROOM, MIGRATIONS).await
}

/// A vector belongs to a text, not to a document: whoever has the same text shares it, and a text that comes back finds
/// it again. `retrieval_meaning` says which texts documents have, so that the database can tell which vectors nobody
/// needs any more.
pub(crate) const MIGRATIONS: &[Migration] = &[
    Migration {
        name: "documents, vectors, uses",
        sql: "
CREATE TABLE retrieval_document (
    collection TEXT NOT NULL,
    id TEXT NOT NULL,
    scope TEXT NOT NULL,
    digest BYTEA NOT NULL,
    fields TEXT NOT NULL,
    meanings TEXT NOT NULL,
    tags TEXT NOT NULL,
    PRIMARY KEY (collection, id)
);

CREATE TABLE retrieval_meaning (
    hash BYTEA NOT NULL,
    collection TEXT NOT NULL,
    id TEXT NOT NULL,
    PRIMARY KEY (hash, collection, id)
);
CREATE INDEX retrieval_meaning_document ON retrieval_meaning (collection, id);

CREATE TABLE retrieval_vector (
    model TEXT NOT NULL,
    hash BYTEA NOT NULL,
    vector BYTEA NOT NULL,
    at_ms BIGINT NOT NULL,
    PRIMARY KEY (model, hash)
);
CREATE INDEX retrieval_vector_age ON retrieval_vector (at_ms);

CREATE TABLE retrieval_model (
    model TEXT PRIMARY KEY NOT NULL,
    used_ms BIGINT NOT NULL
);

CREATE TABLE retrieval_use (
    collection TEXT NOT NULL,
    id TEXT NOT NULL,
    tenant TEXT NOT NULL,
    hash BYTEA NOT NULL,
    query TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    PRIMARY KEY (collection, id, tenant, hash)
);
CREATE INDEX retrieval_use_hash ON retrieval_use (hash);
CREATE INDEX retrieval_use_tenant ON retrieval_use (collection, tenant);
",
    },
    Migration {
        name: "snapshots",
        sql: "
CREATE TABLE retrieval_collection (
    collection TEXT PRIMARY KEY NOT NULL,
    version BIGINT NOT NULL
);
INSERT INTO retrieval_collection (collection, version) SELECT DISTINCT collection, 1 FROM retrieval_document;

CREATE TABLE retrieval_snapshot (
    collection TEXT PRIMARY KEY NOT NULL,
    version BIGINT NOT NULL,
    body BYTEA NOT NULL
);
",
    },
];
