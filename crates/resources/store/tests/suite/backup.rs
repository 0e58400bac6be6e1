//! Backups are whole and come back, and whatever else is called a backup changes nothing.

use crate::backend::{Backend, Site, eventually, everywhere};
use futures_util::FutureExt;
use futures_util::future::join_all;
use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use store::{Isolation, Migration, StoreError, args, check, keep_backups, lock_shared, restore};

everywhere!(
    a_backup_under_load_is_whole_and_comes_back,
    what_is_no_backup_changes_nothing,
    nothing_is_restored_under_a_running_server,
    an_older_backup_leaves_nothing_newer_in_the_way,
    a_restore_that_is_broken_off_leaves_the_old_or_the_new,
    a_backup_that_is_broken_off_leaves_nothing,
    backups_are_made_by_the_clock,
    a_healthy_database_is_told,
);

const STEPS: &[Migration] =
    &[Migration { name: "make pair", sql: "CREATE TABLE pair (id BIGINT PRIMARY KEY, words TEXT NOT NULL)" }];

async fn site(backend: &Backend) -> Site {
    let site = backend.open().await;
    site.store.migrate("pairs", STEPS).await.unwrap();
    site
}

/// Writes two rows that belong together.
async fn pair(site: &Site, id: i64) -> Result<(), StoreError> {
    let written = site.store.write(Isolation::Serializable, move |tx| {
        async move {
            for id in [id, -id] {
                tx.execute("INSERT INTO pair (id, words) VALUES ($1, 'it''s; \\ ünïcödé')", args![id]).await?;
            }
            Ok(())
        }
        .boxed()
    });
    written.await
}

async fn ids(site: &Site) -> HashSet<i64> {
    let rows = site.rows("SELECT id FROM pair", args![]).await.unwrap();
    let ids: HashSet<i64> = rows.iter().map(|row| row.get(0).unwrap()).collect();
    assert!(ids.iter().all(|id| ids.contains(&-id)), "half a transaction");
    ids
}

/// A backup of this place; behind a pooler there is none, and it says so.
async fn backup(backend: &Backend, site: &Site, name: &str) -> Option<PathBuf> {
    let path = backend.data.path().join(name);
    let made = site.store.backup(&path).await;
    if backend.pooler.is_some() {
        let error = made.unwrap_err();
        assert!(matches!(error, StoreError::Pooled), "{error:?}");
        assert!(fault::Explain::hint(&error).unwrap().contains("the server itself"));
        assert!(matches!(restore(&backend.config(), Path::new("/dev/null")).await, Err(StoreError::NoBackup { .. })));
        return None;
    }
    let made = made.unwrap();
    assert_eq!((&made.path, made.bytes), (&path, fs::metadata(&path).unwrap().len()));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    Some(path)
}

/// The names in the data folder, without those of the database itself.
fn files(backend: &Backend) -> Vec<String> {
    let names =
        fs::read_dir(backend.data.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let ours = ["althing.db", "althing.db-wal", "althing.db-shm", "althing.lock"];
    names.filter(|name| !ours.contains(&name.as_str())).collect()
}

async fn a_backup_under_load_is_whole_and_comes_back(backend: Backend) {
    let site = Arc::new(site(&backend).await);
    let (stop, kept) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(HashSet::new())));
    let writers: Vec<_> = (0..8_i64)
        .map(|writer| {
            let (site, stop, kept) = (Arc::clone(&site), Arc::clone(&stop), Arc::clone(&kept));
            tokio::spawn(async move {
                for step in 1.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    pair(&site, writer * 1_000_000 + step).await.unwrap();
                    kept.lock().unwrap().insert(writer * 1_000_000 + step);
                }
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let before = kept.lock().unwrap().clone();
    let path = backup(&backend, &site, "copy").await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    stop.store(true, Ordering::Relaxed);
    join_all(writers).await.into_iter().for_each(|writer| writer.unwrap());
    let all = ids(&site).await;
    site.store.close().await;
    let Some(path) = path else { return };
    assert_eq!(site.metrics.backup(true).value(), 1);
    assert!(matches!(site.store.backup(&path).await, Err(StoreError::Exists { .. })));
    let restored = restore(&backend.config(), &path).await.unwrap();
    let site = crate::backup::site(&backend).await;
    let found = ids(&site).await;
    assert!(before.iter().all(|id| found.contains(id)), "what was acknowledged before it is in it");
    assert!(found.is_subset(&all) && found.len() < all.len(), "{} of {}", found.len(), all.len());
    pair(&site, 99_000_000).await.unwrap();
    // What was there before is kept, whole.
    let kept = restored.before.unwrap();
    if backend.is_sqlite() {
        let old = Backend::sqlite();
        fs::copy(&kept, old.data.path().join("althing.db")).unwrap();
        assert_eq!(ids(&old.open().await).await, all);
    } else {
        assert_eq!(site.int(&format!("SELECT COUNT(*) FROM {kept}.pair")).await as usize, all.len());
    }
    println!("{} acknowledged before, {} in the backup, {} in the end", before.len(), found.len() / 2, all.len() / 2);
}

async fn what_is_no_backup_changes_nothing(backend: Backend) {
    let site = site(&backend).await;
    for id in 1..200 {
        pair(&site, id).await.unwrap();
    }
    let Some(path) = backup(&backend, &site, "good").await else { return };
    pair(&site, 1_000).await.unwrap();
    let all = ids(&site).await;
    site.store.close().await;
    let whole = fs::read(&path).unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = backend.data.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let mut torn = whole.clone();
    let middle = torn.len() / 2;
    torn[middle..middle + 600].fill(0x5A);
    let bad = [
        file("empty", &[]),
        file("words", "no backup. ".repeat(3_000).as_bytes()),
        file("half", &whole[..whole.len() / 2]),
        file("torn", &torn),
        foreign(&backend).await,
        backend.data.path().join("missing"),
        backend.data.path().to_owned(),
    ];
    let mut before = files(&backend);
    for path in bad {
        let error = restore(&backend.config(), &path).await.unwrap_err();
        assert!(matches!(error, StoreError::NoBackup { .. }), "{path:?}: {error:?}");
        assert!(fault::Explain::hint(&error).unwrap().contains("nothing was changed"));
    }
    let mut after = files(&backend);
    before.sort();
    after.sort();
    assert_eq!(after, before, "nothing is left behind");
    assert_eq!(ids(&backend.open().await).await, all);
}

/// A whole backup of something else.
async fn foreign(backend: &Backend) -> PathBuf {
    let path = backend.data.path().join("foreign");
    let other = Backend::sqlite();
    match &backend.postgres {
        None => {
            let site = other.open().await;
            site.exec("CREATE TABLE theirs (id BIGINT)", args![]).await.unwrap();
            site.store.backup(&path).await.unwrap();
        }
        Some(postgres) => {
            let url = postgres.create_database("theirs");
            let dump = std::process::Command::new(postgres.bin("pg_dump"))
                .args(["--format=custom", "--dbname", &url, "--file"])
                .arg(&path)
                .status();
            assert!(dump.unwrap().success());
        }
    }
    path
}

async fn nothing_is_restored_under_a_running_server(backend: Backend) {
    let site = site(&backend).await;
    let Some(path) = backup(&backend, &site, "good").await else { return };
    let server = lock_shared(backend.data.path()).unwrap();
    let error = restore(&backend.config(), &path).await.unwrap_err();
    assert!(matches!(error, StoreError::InUse { .. }), "{error:?}");
    drop(server);
    if !backend.is_sqlite() {
        // One that runs on another machine.
        let error = restore(&backend.config(), &path).await.unwrap_err();
        assert!(matches!(error, StoreError::InUse { .. }), "{error:?}");
    }
    site.store.close().await;
    restore(&backend.config(), &path).await.unwrap();
}

async fn an_older_backup_leaves_nothing_newer_in_the_way(backend: Backend) {
    const MORE: &[Migration] = &[
        STEPS[0],
        Migration {
            name: "make child",
            sql: "CREATE TABLE child (id BIGINT PRIMARY KEY, pair BIGINT NOT NULL REFERENCES pair (id))",
        },
    ];
    let old = site(&backend).await;
    pair(&old, 1).await.unwrap();
    let Some(path) = backup(&backend, &old, "old").await else { return };
    old.store.migrate("pairs", MORE).await.unwrap();
    old.exec("INSERT INTO child VALUES (1, 1)", args![]).await.unwrap();
    old.store.close().await;
    for _ in 0..2 {
        restore(&backend.config(), &path).await.unwrap();
        let new = backend.open().await;
        assert!(new.rows("SELECT id FROM child", args![]).await.is_err());
        new.store.migrate("pairs", STEPS).await.unwrap();
        new.store.migrate("pairs", MORE).await.unwrap();
        new.exec("INSERT INTO child VALUES (1, 1)", args![]).await.unwrap();
        assert_eq!(ids(&new).await.len(), 2);
        new.store.close().await;
    }
}

async fn a_restore_that_is_broken_off_leaves_the_old_or_the_new(backend: Backend) {
    let site = site(&backend).await;
    pair(&site, 1).await.unwrap();
    let Some(path) = backup(&backend, &site, "small").await else { return };
    for id in 2..60 {
        pair(&site, id).await.unwrap();
    }
    let large = backup(&backend, &site, "large").await.unwrap();
    site.store.close().await;
    let (mut seen, mut whole) = (HashSet::new(), 0);
    for round in 0..24_u64 {
        let (config, from) = (backend.config(), if round % 2 == 0 { path.clone() } else { large.clone() });
        let running = tokio::spawn(async move { restore(&config, &from).await.map(drop) });
        tokio::time::sleep(Duration::from_millis(round * 9)).await;
        running.abort();
        match running.await {
            Ok(done) => {
                done.unwrap();
                whole += 1;
            }
            Err(aborted) => assert!(aborted.is_cancelled()),
        }
        let site = backend.open().await;
        let found = ids(&site).await.len();
        assert!(found == 2 || found == 118, "round {round}: {found}");
        seen.insert(found);
        site.store.close().await;
    }
    println!("{whole} of 24 came to their end; seen {seen:?}");
}

async fn a_backup_that_is_broken_off_leaves_nothing(backend: Backend) {
    let site = site(&backend).await;
    let rows: Vec<_> = (0..30_000_i64).map(|id| args![id, "w".repeat(200)]).collect();
    let filled = site.store.write(Isolation::Serializable, move |tx| {
        let rows = rows.clone();
        async move { tx.insert_many("INSERT INTO pair (id, words)", rows, "").await }.boxed()
    });
    let filled: Result<u64, StoreError> = filled.await;
    filled.unwrap();
    for wait_ms in [0, 5, 20, 60] {
        let path = backend.data.path().join("copy");
        let made = tokio::time::timeout(Duration::from_millis(wait_ms), site.store.backup(&path)).await;
        assert!(path.exists() || !matches!(made, Ok(Ok(_))), "{wait_ms} ms");
        // All of it may have come to its end a moment after nobody waited for it any more.
        let is_clean = || files(&backend).iter().all(|name| name == "copy");
        assert!(eventually(is_clean).await, "{wait_ms} ms: {:?}", files(&backend));
        tokio::time::sleep(Duration::from_millis(100)).await;
        let _ = fs::remove_file(&path);
    }
    assert_eq!(site.int("SELECT COUNT(*) FROM pair").await, 30_000);
    let nowhere = site.store.backup(Path::new("/dev/null/copy")).await;
    assert!(matches!(nowhere, Err(StoreError::File { .. })), "{nowhere:?}");
}

async fn backups_are_made_by_the_clock(backend: Backend) {
    let site = site(&backend).await;
    let dir = backend.data.path().join("backups");
    let keeper = |every_ms| {
        let (store, dir) = (site.store.clone(), dir.clone());
        tokio::spawn(keep_backups(store, dir, Duration::from_millis(every_ms), 2))
    };
    let keeping = keeper(1_000);
    if backend.pooler.is_some() {
        assert!(eventually(|| site.metrics.backup(false).value() >= 2).await, "it is tried again");
        keeping.abort();
        return assert!(eventually(|| fs::read_dir(&dir).unwrap().count() == 0).await);
    }
    assert!(eventually(|| site.metrics.backup(true).value() >= 3).await);
    keeping.abort();
    let _ = keeping.await;
    let names = || {
        let mut names: Vec<_> = fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()).collect();
        names.sort();
        names
    };
    assert!(eventually(|| names().len() <= 3).await);
    let newest = names().pop().unwrap();
    assert_eq!(newest.extension().unwrap(), if backend.is_sqlite() { "db" } else { "dump" });
    // After a restart the newest still counts.
    let made = site.metrics.backup(true).value();
    let keeping = keeper(60_000);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(site.metrics.backup(true).value(), made);
    keeping.abort();
    site.store.close().await;
    restore(&backend.config(), &newest).await.unwrap();
}

async fn a_healthy_database_is_told(backend: Backend) {
    if backend.is_sqlite() {
        let error = check(&backend.config()).await.unwrap_err();
        assert!(matches!(error, StoreError::File { .. }), "{error:?}");
        assert!(!backend.config().file().unwrap().exists(), "looking makes nothing");
    }
    let site = site(&backend).await;
    let health = check(&backend.config()).await.unwrap();
    let wrong: Vec<_> = health.checks.iter().filter(|(_, found)| found.is_err()).map(|(name, _)| *name).collect();
    // The servers of tests do not wait for the disk, and are told so.
    let expected: &[&str] = if backend.is_sqlite() { &[] } else { &["fsync", "full_page_writes"] };
    assert_eq!(wrong, expected, "{health:?}");
    assert_eq!(health.is_good(), backend.is_sqlite());
    let told = |name| health.checks.iter().find(|(found, _)| *found == name).unwrap().1.clone().unwrap();
    assert_eq!(told("migrations"), "pairs 1");
    assert!(!health.version.is_empty() && health.engine == site.store.engine());
    if !backend.is_sqlite() {
        assert_eq!(told("way").contains("pooler"), backend.pooler.is_some());
    }
}
