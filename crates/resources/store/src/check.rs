//! Whether the database is well, for somebody who looks.

use crate::address::{Address, Server};
use crate::config::Limits;
use crate::error::read;
use crate::pool::Link;
use crate::postgres::see;
use crate::sqlite::Handle;
use crate::{Config, Engine, StoreError};
use sqlx::postgres::PgConnection;
use sqlx::{Row as _, raw_sql};
use std::path::Path;

/// How a database is.
#[derive(Debug, Clone)]
pub struct Health {
    /// Which database it is.
    pub engine: Engine,
    /// Its version, as it writes it.
    pub version: String,
    /// What was looked at, and what is right or wrong with it.
    pub checks: Vec<(&'static str, Result<String, String>)>,
}

impl Health {
    /// Whether nothing is wrong.
    pub fn is_good(&self) -> bool {
        self.checks.iter().all(|(_, found)| found.is_ok())
    }
}

/// Looks the database over, also while servers use it; reads all of it where it is a file.
///
/// # Errors
/// [`StoreError`] if it cannot be reached or opened.
pub async fn check(config: &Config) -> Result<Health, StoreError> {
    match &config.primary {
        Address::Sqlite(file) => sqlite(file).await,
        Address::Postgres(server) => postgres(server, &config.limits).await,
    }
}

const MIGRATIONS: &str = "SELECT room, MAX(version) FROM store_migration GROUP BY room ORDER BY room";

async fn sqlite(file: &Path) -> Result<Health, StoreError> {
    if !file.is_file() {
        let source = std::io::ErrorKind::NotFound.into();
        return Err(StoreError::File { path: file.to_owned(), source });
    }
    // It opens only if commits wait for the disk.
    let mut handle = Handle::writer(file).await?;
    let version = handle.ask("SELECT sqlite_version()").await?;
    let whole = handle.column("PRAGMA integrity_check(5)").await;
    let torn = handle.column("PRAGMA foreign_key_check").await;
    let pages = format!("{} MB", file.metadata().map_or(0, |data| data.len()) / 1_000_000);
    let migrations = raw_sql(MIGRATIONS).fetch_all(&mut handle.conn).await.map(|rows| {
        let room = |row: &sqlx::sqlite::SqliteRow| Some((row.try_get(0).ok()?, row.try_get(1).ok()?));
        rows.iter().filter_map(room).collect::<Vec<(String, i64)>>()
    });
    let checks = vec![
        ("size", Ok(pages)),
        ("durability", Ok("`synchronous` is FULL, `journal_mode` is WAL".to_owned())),
        ("integrity", whole.map_err(|error| error.to_string()).and_then(integrity)),
        ("references", torn.map_err(|error| error.to_string()).and_then(references)),
        ("migrations", told(migrations)),
    ];
    handle.close().await;
    Ok(Health { engine: Engine::Sqlite, version, checks })
}

fn integrity(found: Vec<String>) -> Result<String, String> {
    if found == ["ok"] { Ok("every page was read and is whole".to_owned()) } else { Err(found.join("; ")) }
}

fn references(torn: Vec<String>) -> Result<String, String> {
    if torn.is_empty() {
        Ok("every one leads somewhere".to_owned())
    } else {
        Err(format!("{} lead nowhere", torn.len()))
    }
}

/// The newest step of each room.
fn told(rooms: Result<Vec<(String, i64)>, sqlx::Error>) -> Result<String, String> {
    match rooms {
        Err(_) => Err("there are no tables of ours".to_owned()),
        Ok(rooms) if rooms.is_empty() => Err("no room has made its tables".to_owned()),
        Ok(rooms) => Ok(rooms.iter().map(|(room, version)| format!("{room} {version}")).collect::<Vec<_>>().join(", ")),
    }
}

async fn postgres(server: &Server, limits: &Limits) -> Result<Health, StoreError> {
    let (seen, mut conn) = see(server, limits).await?;
    let way = if seen.direct { "directly" } else { "through a pooler: nothing is kept prepared, no backups" };
    let mut checks = vec![("way", Ok(way.to_owned()))];
    let isolation = setting(&mut conn, "default_transaction_isolation").await;
    checks.push(("isolation", isolation.map(|level| format!("`{level}` by default; each transaction says its own"))));
    for (name, loses) in [
        ("fsync", "a crash of the machine can destroy the database"),
        ("synchronous_commit", "a crash can lose what was acknowledged"),
        ("full_page_writes", "a crash of the machine can damage pages"),
    ] {
        let found = setting(&mut conn, name).await.and_then(|value| match value.as_str() {
            "off" => Err(format!("`{name}` is off: {loses}")),
            _ => Ok(format!("`{name}` is {value}")),
        });
        checks.push((name, found));
    }
    let migrations = raw_sql(MIGRATIONS).fetch_all(&mut conn).await.map(|rows| {
        let room = |row: &sqlx::postgres::PgRow| Some((row.try_get(0).ok()?, row.try_get(1).ok()?));
        rows.iter().filter_map(room).collect()
    });
    checks.push(("migrations", told(migrations)));
    conn.close().await;
    Ok(Health { engine: Engine::Postgres, version: seen.version, checks })
}

async fn setting(conn: &mut PgConnection, name: &'static str) -> Result<String, String> {
    let row = sqlx::query("SELECT current_setting($1)").bind(name).persistent(false).fetch_one(conn).await;
    row.and_then(|row| row.try_get(0)).map_err(|error| read(error).0.to_string())
}
