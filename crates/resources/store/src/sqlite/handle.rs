//! A connection to a file, as we want it: durable, in WAL mode, and with a switch that breaks off what runs on it.

use crate::StoreError;
use crate::error::read;
use crate::pool::Link;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Row as _, raw_sql};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Versions before it can lose data when a WAL file is reset (fixed in 3.51.3, according to its release notes).
const VERSION_LEAST: (&str, [u32; 3]) = ("3.51.3", [3, 51, 3]);
/// How long SQLite itself waits for the lock of another process before it is asked again.
const BUSY_WAIT: Duration = Duration::from_secs(1);
/// How many instructions SQLite runs between two looks at the switch, about a millisecond.
const STEPS: i32 = 20_000;
/// A WAL file that has grown beyond this while something was reading is cut back.
const WAL_BYTES_MAX: &str = "67108864";
/// Memory that one reader may keep, in KiB as SQLite writes them: what a start reads in the order of a key, and does not
/// read in that order from the file, fits.
const READER_CACHE: &str = "-6144";
/// Rows that SQLite's thread may be ahead of whoever reads them: for each that it has to wait for, two threads change
/// places.
const ROWS_AHEAD: usize = 1_024;

/// A connection to a file.
pub(crate) struct Handle {
    pub(crate) conn: SqliteConnection,
    switch: Switch,
}

/// Breaks off what runs on a connection: dropped with it, or on its own.
struct Switch(Arc<AtomicBool>);

impl Drop for Switch {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Handle {
    /// The one that writes.
    pub(crate) async fn writer(path: &Path) -> Result<Self, StoreError> {
        check_file(path)?;
        let options = options(path).journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full);
        // What is deleted is overwritten: somebody who erases a prompt does not want it found in the file.
        let options = options.pragma("journal_size_limit", WAL_BYTES_MAX).pragma("secure_delete", "ON");
        let mut handle = Self::connect(&options).await?;
        check_version(&handle.ask("SELECT sqlite_version()").await?)?;
        let (level, mode) = (handle.ask("PRAGMA synchronous").await?, handle.ask("PRAGMA journal_mode").await?);
        // A pragma that does not take hold says nothing.
        if (level.as_str(), mode.as_str()) == ("2", "wal") {
            return Ok(handle);
        }
        let reason = format!("it has `synchronous = {level}` and `journal_mode = {mode}`, not `FULL` and `WAL`");
        Err(StoreError::Failed { reason })
    }

    /// One that only reads.
    pub(crate) async fn reader(path: PathBuf) -> Result<Self, StoreError> {
        Self::connect(&options(&path).read_only(true).pragma("cache_size", READER_CACHE)).await
    }

    /// One that reads a file which nobody writes to, and leaves nothing beside it.
    pub(crate) async fn lonely(path: &Path) -> Result<Self, StoreError> {
        Self::connect(&options(path).read_only(true).immutable(true)).await
    }

    async fn connect(options: &SqliteConnectOptions) -> Result<Self, StoreError> {
        let mut conn = options.connect().await.map_err(|error| read(error).0)?;
        let stopped = Arc::new(AtomicBool::new(false));
        let switch = Switch(Arc::clone(&stopped));
        let mut locked = conn.lock_handle().await.map_err(|error| read(error).0)?;
        locked.set_progress_handler(STEPS, move || !stopped.load(Ordering::Relaxed));
        drop(locked);
        Ok(Self { conn, switch })
    }

    /// Breaks off what runs now and waits until it has ended.
    pub(crate) async fn interrupt(&mut self) {
        self.switch.0.store(true, Ordering::Relaxed);
        // The lock is handed out when the statement has ended.
        drop(self.conn.lock_handle().await);
        self.switch.0.store(false, Ordering::Relaxed);
    }

    /// Copies the whole database into an empty file. One that is gone is not made again: whoever has stopped waiting has
    /// removed it, perhaps before the copy begins on its own thread.
    pub(crate) async fn vacuum_into(&mut self, to: &Path) -> Result<(), StoreError> {
        let to = to.to_str().ok_or_else(|| StoreError::Failed { reason: "its name is not UTF-8".to_owned() })?;
        let copy = sqlx::query("VACUUM INTO $1").bind(as_uri(to) + "?mode=rw");
        copy.execute(&mut self.conn).await.map(drop).map_err(|error| read(error).0)
    }

    /// The first column of the first row, as text.
    pub(crate) async fn ask(&mut self, sql: &'static str) -> Result<String, StoreError> {
        let row = raw_sql(sql).fetch_one(&mut self.conn).await.map_err(|error| read(error).0)?;
        row.try_get_unchecked(0).map_err(|error| read(error).0)
    }

    /// The first column of every row, as text.
    pub(crate) async fn column(&mut self, sql: &'static str) -> Result<Vec<String>, StoreError> {
        let rows = raw_sql(sql).fetch_all(&mut self.conn).await.map_err(|error| read(error).0)?;
        rows.iter().map(|row| row.try_get_unchecked(0).map_err(|error| read(error).0)).collect()
    }
}

impl Link for Handle {
    async fn close(self) {
        let Self { conn, switch } = self;
        if let Err(error) = conn.close().await {
            tracing::warn!(%error, "a connection to SQLite did not close");
        }
        drop(switch);
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(BUSY_WAIT)
        .foreign_keys(true)
        .disable_statement_logging()
        .row_buffer_size(ROWS_AHEAD)
}

/// The path as SQLite reads it where it reads addresses.
fn as_uri(path: &str) -> String {
    let escaped = path.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    format!("file:{}{escaped}", if path.starts_with('/') { "//" } else { "" })
}

/// What is no database is not opened to be written: SQLite would throw the log beside it away, which may be all that is
/// left of one.
fn check_file(path: &Path) -> Result<(), StoreError> {
    const MAGIC: &[u8; 16] = b"SQLite format 3\0";
    let mut found = [0; 16];
    let read = File::open(path).and_then(|mut file| file.read(&mut found));
    match read {
        Ok(16) if found == *MAGIC => Ok(()),
        Ok(0) => Ok(()),
        Ok(_) => Err(StoreError::Damaged { reason: "the file is not a database".to_owned() }),
        Err(source) => Err(StoreError::File { path: path.to_owned(), source }),
    }
}

fn check_version(found: &str) -> Result<(), StoreError> {
    let parts: Vec<u32> = found.split('.').map(|part| part.parse().unwrap_or(0)).collect();
    if parts.as_slice() >= VERSION_LEAST.1.as_slice() {
        return Ok(());
    }
    Err(StoreError::OldSqlite { found: found.to_owned(), least: VERSION_LEAST.0 })
}

#[cfg(test)]
mod tests {
    use super::{Handle, check_version};

    /// As `.cargo/config.toml` has SQLite built; built otherwise, one connection grows up to the limits of all.
    #[tokio::test]
    async fn each_connection_keeps_its_own_pages() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("one.db");
        std::fs::write(&path, "").unwrap();
        let mut writer = Handle::writer(&path).await.unwrap();
        let built = writer.column("PRAGMA compile_options").await.unwrap();
        let has = |name: &str| built.iter().any(|option| option == name);
        assert!(has("THREADSAFE=1"), "{built:?}");
        assert!(!has("ENABLE_MEMORY_MANAGEMENT"), "{built:?}");
        assert!(has("DEFAULT_MEMSTATUS=0"), "{built:?}");
    }

    #[test]
    fn versions_that_can_lose_data_are_refused() {
        for good in ["3.51.3", "3.51.10", "3.52.0", "4.0.0"] {
            assert!(check_version(good).is_ok(), "{good}");
        }
        for bad in ["3.51.2", "3.46.0", "3.7.0", "", "x"] {
            assert!(check_version(bad).is_err(), "{bad}");
        }
    }
}
