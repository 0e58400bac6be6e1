//! Backups of a file.

use super::file::{Partial, fault, sweep, sync_folder};
use crate::StoreError;
use crate::pool::Link;
use crate::sqlite::Handle;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Copies the database into the empty file `to`, in one view of it that holds nobody up.
pub(super) async fn copy(from: &Path, to: &Path) -> Result<(), StoreError> {
    let mut reader = Handle::reader(from.to_owned()).await?;
    reader.vacuum_into(to).await?;
    reader.close().await;
    verify(to).await.map_err(|reason| StoreError::Failed { reason: format!("the copy is damaged: {reason}") })
}

/// Whether a file is a whole database.
async fn verify(path: &Path) -> Result<(), String> {
    let told = |error: StoreError| error.to_string();
    let mut handle = Handle::lonely(path).await.map_err(told)?;
    let found = handle.ask("PRAGMA integrity_check(1)").await.map_err(told)?;
    handle.close().await;
    if found == "ok" { Ok(()) } else { Err(found) }
}

/// Puts the backup `from` in the place of the database `file`, and gives where that is now, if there was one.
///
/// Whenever this is broken off there is the old database or the new one. The old one lies on under its new name.
pub(super) async fn restore(file: &Path, from: &Path, seconds: i64) -> Result<Option<PathBuf>, StoreError> {
    let new = taken(file, from).await?;
    let kept = put_aside(file, seconds).await?;
    // Whatever is still in its log, the old database has kept with it; for the new one it would be poison.
    for beside in ["-wal", "-shm"] {
        remove(&with(file, beside))?;
    }
    new.replace()?;
    Ok(kept)
}

/// A copy of the backup beside the database, checked.
async fn taken(file: &Path, from: &Path) -> Result<Partial, StoreError> {
    let bad = |reason: String| StoreError::NoBackup { path: from.to_owned(), reason };
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).map_err(fault(folder))?;
        sweep(folder, &file.file_name().unwrap_or_default().to_string_lossy());
    }
    let new = Partial::beside(file)?;
    let mut source = fs::File::open(from).map_err(fault(from))?;
    let mut copy = fs::OpenOptions::new().write(true).open(new.path()).map_err(fault(new.path()))?;
    io::copy(&mut source, &mut copy).map_err(fault(new.path()))?;
    verify(new.path()).await.map_err(bad)?;
    let mut handle = Handle::lonely(new.path()).await?;
    let ours = handle.ask("SELECT COUNT(*) FROM sqlite_schema WHERE name = 'store_migration'").await?;
    handle.close().await;
    if ours == "1" { Ok(new) } else { Err(bad("it was not made by this program".to_owned())) }
}

/// Gives the database another name beside its own, complete with its log.
async fn put_aside(file: &Path, seconds: i64) -> Result<Option<PathBuf>, StoreError> {
    if !file.exists() {
        return Ok(None);
    }
    let mut names = (seconds..).map(|seconds| with(file, &format!(".before-restore-{seconds}")));
    let kept = names.find(|name| fs::symlink_metadata(name).is_err()).unwrap_or_default();
    // A copy: SQLite may throw the log of a damaged file away when it looks at it.
    let (log, kept_log) = (with(file, "-wal"), with(&kept, "-wal"));
    if log.exists() {
        fs::copy(&log, &kept_log).map_err(fault(&kept_log))?;
    }
    match fold(file).await {
        Ok(false) => {}
        Ok(true) => remove(&kept_log)?,
        Err(error) => return remove(&kept_log).and(Err(error)),
    }
    fs::hard_link(file, &kept).or_else(|_| fs::copy(file, &kept).map(drop)).map_err(fault(&kept))?;
    sync_folder(&kept)?;
    Ok(Some(kept))
}

/// Brings what is in the log of a database into its file, so that nothing but the file counts from here on. False where
/// the database is damaged.
async fn fold(file: &Path) -> Result<bool, StoreError> {
    let Ok(mut first) = Handle::lonely(file).await else { return Ok(false) };
    let readable = first.ask("PRAGMA schema_version").await.is_ok();
    first.close().await;
    if !readable {
        return Ok(false);
    }
    let Ok(mut old) = Handle::writer(file).await else { return Ok(false) };
    let folded = old.ask("PRAGMA wal_checkpoint(TRUNCATE)").await;
    old.close().await;
    match folded.as_deref() {
        Ok("0") => Ok(true),
        Ok(_) => Err(StoreError::InUse { what: format!("the database `{}`", file.display()) }),
        Err(_) => Ok(false),
    }
}

fn remove(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(fault(path)(error)),
        _ => Ok(()),
    }
}

/// `file` with more behind its name.
fn with(file: &Path, more: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(more);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::Link;

    async fn database(path: &Path, rows: usize) {
        fs::write(path, "").unwrap();
        let mut handle = Handle::writer(path).await.unwrap();
        let tables = "CREATE TABLE store_migration (id BIGINT); CREATE TABLE item (id BIGINT)";
        sqlx::raw_sql(tables).execute(&mut handle.conn).await.unwrap();
        for _ in 0..rows {
            sqlx::raw_sql("INSERT INTO item VALUES (1)").execute(&mut handle.conn).await.unwrap();
        }
        // Left as after a crash, with everything in the log.
        std::mem::forget(handle);
    }

    async fn count(path: &Path) -> String {
        let mut handle = Handle::writer(path).await.unwrap();
        let found = handle.ask("SELECT COUNT(*) FROM item").await.unwrap();
        handle.close().await;
        found
    }

    #[tokio::test]
    async fn a_copy_goes_into_its_file_and_makes_none() {
        let folder = tempfile::tempdir().unwrap();
        let (file, to) = (folder.path().join("a.db"), folder.path().join("100%25 c#1?mode=rwc"));
        database(&file, 3).await;
        let gone = copy(&file, &to).await;
        assert!(gone.is_err() && !to.exists(), "{gone:?}");
        fs::write(&to, "").unwrap();
        copy(&file, &to).await.unwrap();
        let mut names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.retain(|name| !name.to_string_lossy().starts_with("a.db"));
        assert_eq!(names, [to.file_name().unwrap()]);
        let copied = fs::metadata(&to).unwrap().len();
        assert!(copied > 0, "what was verified was another file");
    }

    #[tokio::test]
    async fn broken_off_after_any_step_there_is_the_old_or_the_new() {
        for steps in 0..=4_usize {
            let folder = tempfile::tempdir().unwrap();
            let (file, from, backup) =
                (folder.path().join("a.db"), folder.path().join("b.db"), folder.path().join("c"));
            database(&file, 3).await;
            database(&from, 5).await;
            fs::write(&backup, "").unwrap();
            copy(&from, &backup).await.unwrap();
            // A file whose process has died: a copy of it and its log, which nobody has open.
            let died = folder.path().join("died.db");
            for beside in ["", "-wal"] {
                fs::copy(with(&file, beside), with(&died, beside)).unwrap();
            }
            let new = taken(&died, &backup).await.unwrap();
            let mut kept = None;
            if steps > 0 {
                kept = put_aside(&died, 7).await.unwrap();
            }
            for beside in ["-wal", "-shm"].iter().take(steps.saturating_sub(1)) {
                remove(&with(&died, beside)).unwrap();
            }
            if steps > 3 {
                new.replace().unwrap();
            }
            assert_eq!(count(&died).await, if steps > 3 { "5" } else { "3" }, "after {steps} steps");
            if let Some(kept) = kept {
                assert_eq!(count(&kept).await, "3", "after {steps} steps");
            }
        }
    }

    #[tokio::test]
    async fn a_damaged_database_can_be_replaced_and_is_kept_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let (file, from, backup) = (folder.path().join("a.db"), folder.path().join("b.db"), folder.path().join("c"));
        database(&from, 5).await;
        fs::write(&backup, "").unwrap();
        copy(&from, &backup).await.unwrap();
        fs::write(&file, "damaged. ".repeat(999)).unwrap();
        fs::write(with(&file, "-wal"), "and its log").unwrap();
        let kept = restore(&file, &backup, 7).await.unwrap().unwrap();
        assert_eq!(count(&file).await, "5");
        assert_eq!(fs::read_to_string(&kept).unwrap(), "damaged. ".repeat(999));
        assert_eq!(fs::read_to_string(with(&kept, "-wal")).unwrap(), "and its log");
        // Twice in one second does not overwrite what was kept.
        let again = restore(&file, &backup, 7).await.unwrap().unwrap();
        assert_ne!(again, kept);
        assert_eq!((count(&again).await, fs::metadata(&kept).unwrap().len()), ("5".to_owned(), 8_991));
    }
}
