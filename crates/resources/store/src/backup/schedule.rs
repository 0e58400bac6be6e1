//! Backups by the clock.
//!
//! When the next is due is told by the newest that is there, so that a restart neither skips one nor makes one more.

use super::file::PARTIAL;
use crate::{Engine, Store, StoreError};
use calendar::{now_ms, parse_moment, rfc3339};
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
        let wait = due(&dir, every, now_ms());
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
    let ending = match store.engine() {
        Engine::Sqlite => "db",
        Engine::Postgres => "dump",
    };
    let made = store.backup(&dir.join(format!("althing-{}.{ending}", stamp(now_ms())))).await?;
    let (path, bytes, took_ms) = (made.path.display(), made.bytes, made.took.as_millis());
    tracing::info!(%path, bytes, took_ms, "a backup was made");
    prune(dir, keep.max(1), SystemTime::now());
    Ok(())
}

/// A moment as it stands in a name, in UTC and so that names sort.
fn stamp(ms: i64) -> String {
    let mut text = rfc3339(ms).replace(['-', ':'], "");
    text.truncate("20261121T093000".len());
    text + "Z"
}

/// The moment that a name tells, if it tells one.
fn moment(stamp: &str) -> Option<i64> {
    let part = |from: usize, to: usize| stamp.get(from..to);
    let (day, time) = (part(0, 8)?, part(9, 15)?);
    let (year, month, day) = (day.get(..4)?, day.get(4..6)?, day.get(6..)?);
    let (hour, minute, second) = (time.get(..2)?, time.get(2..4)?, time.get(4..)?);
    let found = parse_moment(&format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z"))?;
    (self::stamp(found) == stamp).then_some(found)
}

/// How long until the next one.
fn due(dir: &Path, every: Duration, now: i64) -> Duration {
    let Some((newest, _)) = backups(dir).pop() else { return Duration::ZERO };
    // One from the future says that the clock was set back.
    let age = u64::try_from(now - newest).unwrap_or_default();
    every.saturating_sub(Duration::from_millis(age))
}

/// The scheduled backups in a folder, the oldest first.
fn backups(dir: &Path) -> Vec<(i64, PathBuf)> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let mut found: Vec<_> = entries.filter_map(|entry| Some((named(&entry.file_name())?, entry.path()))).collect();
    found.sort();
    found
}

/// The moment in the name of a scheduled backup.
fn named(name: &std::ffi::OsStr) -> Option<i64> {
    let rest = name.to_str()?.strip_prefix("althing-")?;
    moment(rest.strip_suffix(".db").or_else(|| rest.strip_suffix(".dump"))?)
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
    fn moments_stand_in_names() {
        for text in ["19700101T000000Z", "20000229T235959Z", "20261121T093000Z"] {
            assert_eq!(moment(text).map(stamp).as_deref(), Some(text));
        }
        assert_eq!(stamp(1_795_253_400_999), "20261121T093000Z");
        for other in [
            "",
            "20261121",
            "20261121T093000",
            "20261321T093000Z",
            "2026112XT093000Z",
            "2０261121T0930Z",
            "20261121x093000Z",
        ] {
            assert_eq!(moment(other), None, "{other}");
        }
    }

    #[test]
    fn the_newest_tells_when_the_next_is_due() {
        let folder = tempfile::tempdir().unwrap();
        let hour = Duration::from_secs(3_600);
        let now = moment("20261121T093000Z").unwrap();
        assert_eq!(due(folder.path(), hour, now), Duration::ZERO, "there is none");
        assert_eq!(due(&folder.path().join("missing"), hour, now), Duration::ZERO);
        for name in
            ["althing-20261121T080000Z.db", "althing-20261121T091000Z.dump", "althing-soon.db", "20261121T092900Z.db"]
        {
            fs::write(folder.path().join(name), "").unwrap();
        }
        assert_eq!(due(folder.path(), hour, now), Duration::from_secs(40 * 60));
        assert_eq!(due(folder.path(), hour, now + 3_600_000), Duration::ZERO);
        assert_eq!(due(folder.path(), hour, now - 5 * 3_600_000), hour, "the clock was set back");
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
