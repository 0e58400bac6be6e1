//! The tables of keys, and the statements that are more than one line.

use store::Migration;

/// Their name in the list of migrations.
pub(super) const ROOM: &str = "access.keys";

/// A digest is found by its index; lists go by time, within a tenant or over all.
pub(super) const MIGRATIONS: &[Migration] = &[Migration {
    name: "keys",
    sql: "
CREATE TABLE access_secret (
    name TEXT PRIMARY KEY NOT NULL,
    value BYTEA NOT NULL
);
CREATE TABLE access_key (
    id TEXT PRIMARY KEY NOT NULL,
    prefix TEXT NOT NULL,
    digest BYTEA NOT NULL UNIQUE,
    tenant TEXT NOT NULL,
    role TEXT NOT NULL,
    name TEXT,
    created_ms BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    expires_ms BIGINT,
    revoked_ms BIGINT,
    rpm BIGINT,
    version BIGINT NOT NULL
);
CREATE INDEX access_key_created ON access_key (created_ms, id);
CREATE INDEX access_key_tenant ON access_key (tenant, created_ms, id);
CREATE INDEX access_key_prefix ON access_key (prefix);
",
}];

pub(super) const INSERT: &str = "INSERT INTO access_key
    (id, prefix, digest, tenant, role, name, created_ms, created_by, expires_ms, rpm, version)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1)";

/// Whether it was revoked by this or before is decided here, in one statement.
pub(super) const REVOKE: &str =
    "UPDATE access_key SET revoked_ms = $2, version = version + 1 WHERE id = $1 AND revoked_ms IS NULL";
