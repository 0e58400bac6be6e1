//! Backups of a server, by its own programs.
//!
//! A backup holds the one schema that our tables are in. A restore moves the tables that are there into a schema of
//! their own and makes those of the backup, all in one transaction: so nothing of a newer version stays behind to be in
//! the way of a later migration, and nothing is lost when the wrong file was named.

use super::file::{Partial, sweep};
use super::programs::{command, find, run};
use crate::StoreError;
use crate::address::Server;
use crate::config::Limits;
use crate::error::read;
use crate::pool::Link;
use crate::postgres::{Postgres, Seen, see};
use sqlx::Row as _;
use sqlx::postgres::PgConnection;
use std::collections::HashSet;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

/// How long a restore waits for a table that somebody uses.
const LOCK_WAIT: &str = "5s";
/// The table that makes a backup one of ours.
const OURS: &str = "store_migration";

/// Writes the database into the empty file `to`.
pub(super) async fn dump(database: &Postgres, to: &Path) -> Result<(), StoreError> {
    if !database.direct {
        return Err(StoreError::Pooled);
    }
    let server = &database.server;
    let (seen, conn) = see(server, &database.limits).await?;
    conn.close().await;
    let (pg_dump, pg_restore) = (find("pg_dump", seen.major).await?, find("pg_restore", seen.major).await?);
    let failed = |reason| StoreError::Failed { reason };
    let mut dump = command(&pg_dump, server);
    dump.args(["--format=custom", "--no-owner", "--no-privileges", "--no-password"]);
    dump.arg(format!("--schema={}", quoted(&seen.schema))).arg("--file").arg(to);
    run(dump).await.map_err(failed)?;
    let mut verify = command(&pg_restore, server);
    verify.arg("--file=/dev/null").arg(to);
    run(verify).await.map_err(failed).map(drop)
}

/// Puts what the backup `from` holds in the place of our tables, and gives the schema where those are now, if there
/// were any. `work` is a folder for a while.
pub(super) async fn restore(
    server: &Server,
    limits: &Limits,
    from: &Path,
    work: &Path,
    seconds: i64,
) -> Result<Option<String>, StoreError> {
    let (seen, mut conn) = see(server, limits).await?;
    if !seen.direct {
        return Err(StoreError::Pooled);
    }
    let (pg_restore, psql) = (find("pg_restore", seen.major).await?, find("psql", seen.major).await?);
    let bad = |reason| StoreError::NoBackup { path: from.to_owned(), reason };
    let list = contents(&pg_restore, server, from).await.map_err(bad)?;
    sweep(work, "restore-");
    let (wanted, script, first) = (
        Partial::beside(&work.join("restore-list"))?,
        Partial::beside(&work.join("restore-sql"))?,
        Partial::beside(&work.join("restore-first"))?,
    );
    write(wanted.path(), &list)?;
    let mut unpack = command(&pg_restore, server);
    unpack.args(["--no-owner", "--no-privileges", "--use-list"]).arg(wanted.path());
    unpack.arg("--file").arg(script.path()).arg(from);
    run(unpack).await.map_err(bad)?;
    nobody_else(&mut conn).await?;
    let (aside, moved) = set_aside(&mut conn, &seen, seconds).await?;
    conn.close().await;
    write(first.path(), &aside)?;
    let mut replace = command(&psql, server);
    replace.args(["--no-psqlrc", "--quiet", "--no-password", "--single-transaction", "--set=ON_ERROR_STOP=1"]);
    replace.arg("--file").arg(first.path()).arg("--file").arg(script.path());
    run(replace).await.map_err(|reason| StoreError::Failed { reason })?;
    Ok(moved)
}

/// What of a backup is to be made: all but the schema, which is there.
async fn contents(pg_restore: &Path, server: &Server, from: &Path) -> Result<String, String> {
    let mut list = command(pg_restore, server);
    let list = run({
        list.arg("--list").arg(from);
        list
    })
    .await?;
    let ours = list.lines().any(|line| line.contains(" TABLE ") && line.split(' ').any(|word| word == OURS));
    if !ours {
        return Err("it was not made by this program".to_owned());
    }
    let kept = list.lines().filter(|line| !line.contains(" SCHEMA - ") && !line.contains(" COMMENT - SCHEMA "));
    Ok(kept.map(|line| format!("{line}\n")).collect())
}

/// Whether no server of ours is connected: it would go on with tables that are not its own.
async fn nobody_else(conn: &mut PgConnection) -> Result<(), StoreError> {
    let sql = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() \
               AND application_name = 'althing' AND pid <> pg_backend_pid()";
    // A server that was stopped a moment ago may still be saying goodbye.
    for _ in 0..10 {
        let row = sqlx::query(sql).fetch_one(&mut *conn).await.map_err(|error| read(error).0)?;
        if row.try_get::<i64, _>(0).map_err(|error| read(error).0)? == 0 {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err(StoreError::InUse { what: "the database".to_owned() })
}

/// The statements that move all tables out of the way, and the schema that they move them to.
async fn set_aside(conn: &mut PgConnection, seen: &Seen, seconds: i64) -> Result<(String, Option<String>), StoreError> {
    let sql = "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
               WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND NOT EXISTS \
               (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e') ORDER BY 1";
    let rows = sqlx::query(sql).bind(&seen.schema).fetch_all(&mut *conn).await.map_err(|error| read(error).0)?;
    let mut script = format!("SET lock_timeout = '{LOCK_WAIT}';\n");
    if rows.is_empty() {
        return Ok((script, None));
    }
    let sql = "SELECT nspname::text FROM pg_namespace WHERE nspname LIKE 'before\\_restore\\_%'";
    let taken = sqlx::query(sql).fetch_all(&mut *conn).await.map_err(|error| read(error).0)?;
    let taken: HashSet<String> = taken.iter().filter_map(|row| row.try_get(0).ok()).collect();
    let mut names = (seconds..).map(|seconds| format!("before_restore_{seconds}"));
    let (schema, aside) = (quoted(&seen.schema), names.find(|name| !taken.contains(name)).unwrap_or_default());
    let _ = writeln!(script, "CREATE SCHEMA {aside};");
    for row in &rows {
        let table: String = row.try_get(0).map_err(|error| read(error).0)?;
        let _ = writeln!(script, "ALTER TABLE {schema}.{} SET SCHEMA {aside};", quoted(&table));
    }
    Ok((script, Some(aside)))
}

/// A name as SQL writes it.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn write(path: &Path, text: &str) -> Result<(), StoreError> {
    std::fs::write(path, text).map_err(super::file::fault(path))
}
