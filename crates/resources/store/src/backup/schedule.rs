//! Backups by the clock.
//!
//! When the next is due is told by the newest that is there, so that a restart neither skips one nor makes one more.

use super::file::PARTIAL;
use super::stamp::{stamp, time};
use crate::{Engine, Store, StoreError};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// After a failure the next attempt comes this soon, if it is not due sooner.
const AGAIN: Duration = Duration::from_secs(15 * 60);
/// The longest sleep: the clock of the system may be set, and the machine may sleep too.
const SLEEP_MAX: Duration = Duration::from_secs(60 * 60);
/// What is left of a backup that was broken off is removed when it is this old.
const LEFT: Duration = Duration::from_secs(24 * 60 * 60);

/// Makes a backup in `dir` `every` so often, named `althing-20261121T093000Z.db` (`.dump` of PostgreSQL), and removes
/// all but the newest `keep`. Never ends.
///
/// Failures are logged and counted, and it is tried again.
pub async fn keep_backups(store: Store, dir: PathBuf, every: Duration, keep: usize) {
    loop {
        let wait = due(&dir, every, SystemTime::now());
        if wait.is_zero() {
            let failed = once(&store, &dir, keep).await.inspect_err(|error| {
                tracing::error!(%error, dir = %dir.display(), "a scheduled backup failed");
            });
            tokio::time::sleep(if failed.is_err() { AGAIN.min(every) } else { Duration::ZERO }).await;
        } else {
            tokio::time::sleep(wait.min(SLEEP_MAX)).await;
        }
    }
}

async fn once(store: &Store, dir: &Path, keep: usize) -> Result<(), StoreError> {
    fs::create_dir_all(dir).map_err(super::file::fault(dir))?;
    let ending = match store.engine() {
        Engine::Sqlite => "db",
        Engine::Postgres => "dump",
    };
    let made = store.backup(&dir.join(format!("althing-{}.{ending}", stamp(SystemTime::now())))).await?;
    let (path, bytes, took_ms) = (made.path.display(), made.bytes, made.took.as_millis());
    tracing::info!(%path, bytes, took_ms, "a backup was made");
    prune(dir, keep.max(1), SystemTime::now());
    Ok(())
}

/// How long until the next one.
fn due(dir: &Path, every: Duration, now: SystemTime) -> Duration {
    let Some((newest, _)) = backups(dir).pop() else { return Duration::ZERO };
    // One from the future says that the clock was set back.
    let age = now.duration_since(newest).unwrap_or_default();
    every.saturating_sub(age)
}

/// The scheduled backups in a folder, the oldest first.
fn backups(dir: &Path) -> Vec<(SystemTime, PathBuf)> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let mut found: Vec<_> = entries.filter_map(|entry| Some((named(&entry.file_name())?, entry.path()))).collect();
    found.sort();
    found
}

/// The time in the name of a scheduled backup.
fn named(name: &std::ffi::OsStr) -> Option<SystemTime> {
    let rest = name.to_str()?.strip_prefix("althing-")?;
    time(rest.strip_suffix(".db").or_else(|| rest.strip_suffix(".dump"))?)
}

fn prune(dir: &Path, keep: usize, now: SystemTime) {
    let mut old = backups(dir);
    old.truncate(old.len().saturating_sub(keep));
    let broken_off = fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()).filter(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let made = path.metadata().and_then(|data| data.modified()).unwrap_or(now);
        name.starts_with(".althing-") && name.ends_with(PARTIAL) && now.duration_since(made).unwrap_or_default() > LEFT
    });
    for path in old.into_iter().map(|(_, path)| path).chain(broken_off) {
        if let Err(error) = fs::remove_file(&path) {
            tracing::warn!(%error, path = %path.display(), "an old backup cannot be removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let entries = fs::read_dir(dir).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn the_newest_tells_when_the_next_is_due() {
        let folder = tempfile::tempdir().unwrap();
        let hour = Duration::from_secs(3_600);
        let now = time("20261121T093000Z").unwrap();
        assert_eq!(due(folder.path(), hour, now), Duration::ZERO, "there is none");
        assert_eq!(due(&folder.path().join("missing"), hour, now), Duration::ZERO);
        for name in
            ["althing-20261121T080000Z.db", "althing-20261121T091000Z.dump", "althing-soon.db", "20261121T092900Z.db"]
        {
            fs::write(folder.path().join(name), "").unwrap();
        }
        assert_eq!(due(folder.path(), hour, now), Duration::from_secs(40 * 60));
        assert_eq!(due(folder.path(), hour, now + hour), Duration::ZERO);
        assert_eq!(due(folder.path(), hour, now - 5 * hour), hour, "the clock was set back");
    }

    #[test]
    fn the_oldest_go_and_nothing_else_does() {
        let folder = tempfile::tempdir().unwrap();
        let make = |name: &str| fs::write(folder.path().join(name), "").unwrap();
        for day in 11..16 {
            make(&format!("althing-202611{day}T093000Z.db"));
        }
        let _ =
            ["notes.txt", "althing.db", "althing-mine.db", ".althing-20261114T093000Z.db-01234567.partial"].map(make);
        prune(folder.path(), 2, SystemTime::now());
        let left = names(folder.path());
        assert_eq!(left.len(), 6, "{left:?}");
        assert!(left.contains(&"althing-20261114T093000Z.db".to_owned()));
        prune(folder.path(), 2, SystemTime::now() + LEFT + LEFT);
        assert_eq!(names(folder.path()).len(), 5, "what was broken off long ago");
    }
}
