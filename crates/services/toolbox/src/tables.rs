//! The tables of the catalogue, and rows as what they hold.

use crate::catalogue::Entry;
use crate::error::ToolboxError;
use crate::id::EVERYBODY;
use caller::Role;
use definitions::Server;
use definitions::{Definition, Kind};
use futures_util::FutureExt;
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{Isolation, Migration, Row, Store, StoreError, Tx, Value, args};

/// Their name in the list of migrations.
const ROOM: &str = "toolbox";

/// Makes the tables, where they are not there yet.
pub(crate) async fn migrate(store: &Store) -> Result<(), StoreError> {
    store.migrate(ROOM, MIGRATIONS).await
}

/// `tenant` is `*` for everybody. A row that is `removed` waits to leave the index; one that is not `indexed` waits to
/// get into it: so that a crash in between is made good at the next start.
const MIGRATIONS: &[Migration] = &[
    Migration {
        name: "tools",
        sql: "
CREATE TABLE toolbox_tool (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    server TEXT NOT NULL,
    kind TEXT NOT NULL,
    domain TEXT NOT NULL,
    role TEXT NOT NULL,
    summary TEXT NOT NULL,
    tags TEXT NOT NULL,
    read_only BIGINT NOT NULL,
    trusted BIGINT NOT NULL,
    tokens BIGINT NOT NULL,
    version BIGINT NOT NULL,
    hash TEXT NOT NULL,
    indexed BIGINT NOT NULL,
    removed BIGINT NOT NULL,
    definition TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    updated_ms BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX toolbox_tool_unindexed ON toolbox_tool (indexed, tenant, id);

CREATE TABLE toolbox_catalogue (
    name TEXT PRIMARY KEY NOT NULL,
    version BIGINT NOT NULL
);

CREATE TABLE toolbox_upstream (
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    transport TEXT NOT NULL,
    definition TEXT NOT NULL,
    version BIGINT NOT NULL,
    updated_ms BIGINT NOT NULL,
    PRIMARY KEY (tenant, name)
);

CREATE TABLE toolbox_call (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    calls BIGINT NOT NULL,
    succeeded BIGINT NOT NULL,
    recent BYTEA NOT NULL,
    updated_ms BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);

CREATE TABLE toolbox_replay (
    tenant TEXT NOT NULL,
    call_key TEXT NOT NULL,
    hash TEXT NOT NULL,
    holder TEXT NOT NULL,
    result TEXT,
    at_ms BIGINT NOT NULL,
    PRIMARY KEY (tenant, call_key)
);
CREATE INDEX toolbox_replay_at ON toolbox_replay (at_ms);
",
    },
    Migration {
        name: "sizes of results",
        sql: "
ALTER TABLE toolbox_replay ADD COLUMN result_bytes BIGINT NOT NULL DEFAULT 0;
CREATE INDEX toolbox_replay_size ON toolbox_replay (tenant, at_ms, result_bytes);
",
    },
    Migration {
        name: "snapshots",
        sql: "
CREATE TABLE toolbox_snapshot (
    name TEXT PRIMARY KEY NOT NULL,
    version BIGINT NOT NULL,
    body BYTEA NOT NULL
);
",
    },
];

/// What a row of the list holds of a tool; the definition is read when it is asked for.
const LISTED: &str =
    "tenant, id, name, server, kind, domain, role, summary, tags, read_only, trusted, tokens, version, hash";

/// Tools that one statement is about.
const IDS_MAX: usize = 500;
/// Rows read at once.
const ROWS_MAX: i64 = 2_000;

/// The tenant as rows have it.
pub(crate) fn column(tenant: Option<&str>) -> &str {
    tenant.unwrap_or(EVERYBODY)
}

fn entry(row: &Row) -> Result<Entry, StoreError> {
    let word = |at: usize| row.get::<Arc<str>>(at);
    let tenant = word(0)?;
    let tags: Vec<String> = serde_json::from_str(&word(8)?).unwrap_or_default();
    Ok(Entry {
        tenant: (&*tenant != EVERYBODY).then_some(tenant),
        id: word(1)?,
        name: word(2)?,
        server: word(3)?,
        kind: Kind::named(&word(4)?).unwrap_or_default(),
        domain: word(5)?,
        role: word(6)?.parse().unwrap_or(Role::Admin),
        summary: word(7)?,
        tags: tags.into_iter().map(Arc::from).collect(),
        read_only: row.get(9)?,
        trusted_read_only: row.get(10)?,
        tokens: row.get::<i64>(11)?.unsigned_abs(),
        version: row.get(12)?,
        hash: word(13)?,
    })
}

/// A page of the tools that are there, those that follow a place, by tenant and id; with the place of the last where more
/// may follow.
pub(crate) async fn page(tx: &mut Tx, (tenant, id): &Place) -> Result<(Vec<Entry>, Option<Place>), StoreError> {
    let sql = format!(
        "SELECT {LISTED} FROM toolbox_tool WHERE removed = 0 AND (tenant > $1 OR (tenant = $1 AND id > $2)) \
         ORDER BY tenant, id LIMIT {ROWS_MAX}"
    );
    let rows = tx.fetch_all(sql, args![tenant, id]).await?;
    let last = match rows.last().filter(|_| rows.len() as i64 >= ROWS_MAX) {
        None => None,
        Some(row) => Some((row.get(0)?, row.get(1)?)),
    };
    Ok((rows.iter().map(entry).collect::<Result<_, _>>()?, last))
}

/// What the version of the catalogue is kept under.
pub(crate) const CATALOGUE: &str = "tools";

/// The version of the catalogue.
pub(crate) async fn version(tx: &mut Tx) -> Result<i64, StoreError> {
    let row = tx.fetch_optional("SELECT version FROM toolbox_catalogue WHERE name = $1", args![CATALOGUE]).await?;
    row.map_or(Ok(0), |row| row.get(0))
}

/// The catalogue has changed; its version now.
async fn grow(tx: &mut Tx) -> Result<i64, StoreError> {
    let sql = "INSERT INTO toolbox_catalogue (name, version) VALUES ($1, 1) \
               ON CONFLICT (name) DO UPDATE SET version = toolbox_catalogue.version + 1 RETURNING version";
    tx.fetch_one(sql, args![CATALOGUE]).await?.get(0)
}

/// Writes tools, which are not in the index yet; the version of the catalogue then.
pub(crate) async fn write(store: &Store, tools: Arc<Vec<(Definition, Entry)>>) -> Result<i64, StoreError> {
    let written = store.write(Isolation::ReadCommitted, move |tx| {
        let tools = Arc::clone(&tools);
        async move {
            let now = tx.now_ms().await?;
            let rows = tools.iter().map(|(tool, entry)| row(tool, entry, now)).collect();
            tx.insert_many(INSERT, rows, UPDATE).await?;
            grow(tx).await
        }
        .boxed()
    });
    written.await
}

const INSERT: &str = "INSERT INTO toolbox_tool (tenant, id, name, server, kind, domain, role, summary, tags, read_only, \
     trusted, tokens, version, hash, indexed, removed, definition, created_ms, updated_ms)";
const UPDATE: &str = "ON CONFLICT (tenant, id) DO UPDATE SET name = excluded.name, server = excluded.server, \
     kind = excluded.kind, domain = excluded.domain, role = excluded.role, summary = excluded.summary, \
     tags = excluded.tags, read_only = excluded.read_only, trusted = excluded.trusted, tokens = excluded.tokens, \
     version = excluded.version, hash = excluded.hash, indexed = 0, removed = 0, definition = excluded.definition, \
     updated_ms = excluded.updated_ms";

fn row(tool: &Definition, entry: &Entry, now: i64) -> Vec<Value> {
    args![
        column(entry.tenant.as_deref()),
        &entry.id,
        &entry.name,
        &entry.server,
        entry.kind.name(),
        &entry.domain,
        entry.role.name(),
        &entry.summary,
        serde_json::to_string(&tool.tags).unwrap_or_default(),
        entry.read_only,
        entry.trusted_read_only,
        i64::try_from(entry.tokens).unwrap_or(i64::MAX),
        entry.version,
        &entry.hash,
        false,
        false,
        serde_json::to_string(tool).unwrap_or_default(),
        now,
        now,
    ]
}

/// A tenant and an id, as rows have them.
pub(crate) type Place = (Arc<str>, Arc<str>);

/// The tools are in the index.
pub(crate) async fn indexed(store: &Store, places: Arc<Vec<Place>>) -> Result<(), StoreError> {
    let written = store.write(Isolation::ReadCommitted, move |tx| {
        let places = Arc::clone(&places);
        async move { on_all(tx, "UPDATE toolbox_tool SET indexed = 1", "AND removed = 0", &[], &places).await }.boxed()
    });
    written.await
}

/// Runs one statement for many tools: `what` stands before its `WHERE` and `but` behind; `$2` and on are `fixed`.
async fn on_all(tx: &mut Tx, what: &str, but: &str, fixed: &[Value], places: &[Place]) -> Result<(), StoreError> {
    let mut by_tenant: BTreeMap<&Arc<str>, Vec<&Arc<str>>> = BTreeMap::new();
    places.iter().for_each(|(tenant, id)| by_tenant.entry(tenant).or_default().push(id));
    for (tenant, ids) in by_tenant {
        for some in ids.chunks(IDS_MAX) {
            let first = fixed.len() + 2;
            let list: Vec<String> = (first..first + some.len()).map(|at| format!("${at}")).collect();
            let sql = format!("{what} WHERE tenant = $1 AND id IN ({}) {but}", list.join(", "));
            let ids = some.iter().map(|id| Value::from(*id));
            tx.execute(sql, args![tenant].into_iter().chain(fixed.iter().cloned()).chain(ids).collect()).await?;
        }
    }
    Ok(())
}

/// The tools are on their way out; the version of the catalogue then. `must` is the version that a single tool must have.
pub(crate) async fn bury(store: &Store, places: Arc<Vec<Place>>, must: Option<i64>) -> Result<i64, ToolboxError> {
    let written = store.write(Isolation::ReadCommitted, move |tx| {
        let places = Arc::clone(&places);
        async move {
            if let Some(must) = must {
                unchanged(tx, &places, must).await?;
            }
            let now = tx.now_ms().await?;
            let what = "UPDATE toolbox_tool SET removed = 1, indexed = 0, updated_ms = $2";
            on_all(tx, what, "AND removed = 0", &[now.into()], &places).await?;
            Ok(grow(tx).await?)
        }
        .boxed()
    });
    written.await
}

/// Whether tools are still what they were; takes hold of their rows until the transaction ends.
async fn unchanged(tx: &mut Tx, places: &[Place], must: i64) -> Result<(), ToolboxError> {
    for (tenant, id) in places {
        let sql = "UPDATE toolbox_tool SET indexed = 0 WHERE tenant = $1 AND id = $2 AND removed = 0 AND version = $3";
        if tx.execute(sql, args![tenant, id, must]).await? == 0 {
            let sql = "SELECT version FROM toolbox_tool WHERE tenant = $1 AND id = $2";
            let row = tx.fetch_optional(sql, args![tenant, id]).await?;
            let version = row.map_or(Ok(0), |row| row.get(0))?;
            return Err(ToolboxError::Stale { id: id.to_string(), version });
        }
    }
    Ok(())
}

/// The tools are gone from the index too.
pub(crate) async fn forget(store: &Store, places: Arc<Vec<Place>>) -> Result<(), StoreError> {
    let written = store.write(Isolation::ReadCommitted, move |tx| {
        let places = Arc::clone(&places);
        async move {
            on_all(tx, "DELETE FROM toolbox_tool", "AND removed = 1", &[], &places).await?;
            // Of one that came back meanwhile, how its calls went is kept.
            let gone = "AND NOT EXISTS (SELECT 1 FROM toolbox_tool AS tool \
                        WHERE tool.tenant = toolbox_call.tenant AND tool.id = toolbox_call.id)";
            on_all(tx, "DELETE FROM toolbox_call", gone, &[], &places).await
        }
        .boxed()
    });
    written.await
}

/// Rows that the index may not agree with: those to be removed, and definitions to be put, up to a page of each.
pub(crate) async fn unsettled(store: &Store) -> Result<(Vec<Place>, Vec<Definition>), StoreError> {
    let read = store.read(|tx| {
        async move {
            let sql = "SELECT tenant, id FROM toolbox_tool WHERE indexed = 0 AND removed = 1 LIMIT 1000";
            let rows = tx.fetch_all(sql, args![]).await?;
            let gone = rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect::<Result<Vec<_>, StoreError>>()?;
            let sql = "SELECT definition FROM toolbox_tool WHERE indexed = 0 AND removed = 0 LIMIT 1000";
            let rows = tx.fetch_all(sql, args![]).await?;
            let texts = rows.iter().map(|row| row.get::<String>(0)).collect::<Result<Vec<_>, _>>()?;
            Ok((gone, texts.iter().map(|text| definition(text)).collect::<Result<Vec<_>, _>>()?))
        }
        .boxed()
    });
    read.await
}

fn definition(text: &str) -> Result<Definition, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Shape { reason: format!("a tool's definition: {error}") })
}

/// The whole definition of a tool, as JSON.
pub(crate) async fn read(store: &Store, tenant: Option<&str>, id: &str) -> Result<Option<Definition>, StoreError> {
    let place: Place = (column(tenant).into(), id.into());
    let read = store.read(|tx| {
        let (tenant, id) = place.clone();
        async move {
            let sql = "SELECT definition FROM toolbox_tool WHERE tenant = $1 AND id = $2 AND removed = 0";
            let row = tx.fetch_optional(sql, args![tenant, id]).await?;
            row.map(|row| definition(&row.get::<String>(0)?)).transpose()
        }
        .boxed()
    });
    read.await
}

/// Keeps a server; whether it was `added`, `changed` or `same`.
pub(crate) async fn keep_server(store: &Store, tenant: Arc<str>, server: Server) -> Result<&'static str, StoreError> {
    let text: Arc<str> = serde_json::to_string(&server).unwrap_or_default().into();
    let (name, transport): (Arc<str>, Arc<str>) = (server.name.into(), server.transport.into());
    let written = store.write(Isolation::ReadCommitted, move |tx| {
        let (tenant, text, name) = (Arc::clone(&tenant), Arc::clone(&text), Arc::clone(&name));
        let transport = Arc::clone(&transport);
        async move {
            let sql = "SELECT definition FROM toolbox_upstream WHERE tenant = $1 AND name = $2";
            let before = tx.fetch_optional(sql, args![&tenant, &name]).await?;
            let before = before.map(|row| row.get::<String>(0)).transpose()?;
            if before.as_deref() == Some(&*text) {
                return Ok("same");
            }
            let now = tx.now_ms().await?;
            let sql = "INSERT INTO toolbox_upstream (tenant, name, transport, definition, version, updated_ms) \
                       VALUES ($1, $2, $3, $4, 1, $5) ON CONFLICT (tenant, name) DO UPDATE SET \
                       transport = excluded.transport, definition = excluded.definition, \
                       version = toolbox_upstream.version + 1, updated_ms = excluded.updated_ms";
            tx.execute(sql, args![tenant, name, transport, text, now]).await?;
            Ok(if before.is_some() { "changed" } else { "added" })
        }
        .boxed()
    });
    written.await
}

/// The servers that are known to a tenant, its own first; of all tenants for nobody in particular.
pub(crate) async fn servers(store: &Store, tenant: Option<&str>) -> Result<Vec<(Arc<str>, Server)>, StoreError> {
    let tenant: Option<Arc<str>> = tenant.map(Arc::from);
    let read = store.read(|tx| {
        let tenant = tenant.clone();
        async move {
            let sql = "SELECT tenant, definition FROM toolbox_upstream \
                       WHERE $1 IS NULL OR tenant = $1 OR tenant = '*' ORDER BY name, tenant DESC LIMIT 1000";
            let rows = tx.fetch_all(sql, args![tenant]).await?;
            let read = rows.iter().map(|row| {
                let text: String = row.get(1)?;
                let shape = |error| StoreError::Shape { reason: format!("a server's definition: {error}") };
                Ok((row.get(0)?, serde_json::from_str(&text).map_err(shape)?))
            });
            read.collect()
        }
        .boxed()
    });
    read.await
}

/// Forgets a server; whether there was one.
pub(crate) async fn forget_server(store: &Store, tenant: &str, name: &str) -> Result<bool, StoreError> {
    let place: Place = (tenant.into(), name.into());
    let written = store.write(Isolation::ReadCommitted, move |tx| {
        let (tenant, name) = place.clone();
        async move {
            let sql = "DELETE FROM toolbox_upstream WHERE tenant = $1 AND name = $2";
            Ok::<_, StoreError>(tx.execute(sql, args![tenant, name]).await? > 0)
        }
        .boxed()
    });
    written.await
}
