//! SQLite alone: its one writer, other processes on the same file, and files that are none.

use crate::backend::{Backend, Site, exec};
use futures_util::FutureExt;
use futures_util::future::join_all;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use store::{Isolation, StoreError, args};

async fn site(backend: &Backend) -> Site {
    let site = backend.open().await;
    let table = "CREATE TABLE IF NOT EXISTS item (id BIGINT PRIMARY KEY, raw BYTEA)";
    site.exec(table, args![]).await.unwrap();
    site
}

const INSERT: &str = "INSERT INTO item (id) VALUES ($1)";

/// Holds the writer for a while.
fn hold(site: &Site, hold: Duration) -> tokio::task::JoinHandle<Result<(), StoreError>> {
    let store = site.store.clone();
    tokio::spawn(async move {
        let held = store.write(Isolation::Serializable, move |tx| {
            async move {
                tx.execute("SELECT 1", args![]).await?;
                tokio::time::sleep(hold).await;
                Ok(())
            }
            .boxed()
        });
        held.await
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_can_write_to_one_file() {
    let backend = Backend::sqlite();
    let sites = [site(&backend).await, site(&backend).await];
    let writers = (0..200_i64).map(|id| {
        let store = sites[id as usize % 2].store.clone();
        tokio::spawn(async move { exec(&store, INSERT, args![id]).await })
    });
    for writer in join_all(writers).await {
        assert_eq!(writer.unwrap().unwrap(), 1);
    }
    for site in &sites {
        assert_eq!(site.int("SELECT COUNT(*) FROM item").await, 200);
        assert!(site.is_quiet().await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lock_of_another_process_is_waited_for() {
    let mut backend = Backend::sqlite();
    let other = site(&backend).await;
    backend.settings.acquire_ms = 2_500;
    let patient = backend.open().await;
    backend.settings.acquire_ms = 200;
    let hasty = backend.open().await;
    let held = hold(&other, Duration::from_millis(1_500));
    tokio::time::sleep(Duration::from_millis(100)).await;
    let began = Instant::now();
    let (patiently, hastily) = tokio::join!(
        patient.exec(INSERT, args![1_i64]),
        hasty.exec(INSERT, args![2_i64]).inspect(|_| {
            assert!(began.elapsed() < Duration::from_millis(600), "{:?}", began.elapsed());
        })
    );
    assert_eq!(patiently.unwrap(), 1);
    assert!(matches!(hastily, Err(StoreError::Busy { .. })), "{hastily:?}");
    held.await.unwrap().unwrap();
    assert!(patient.metrics.retried(measure::StoreConflict::Busy).value() >= 1);
    hasty.exec(INSERT, args![3_i64]).await.unwrap();
    assert_eq!(other.int("SELECT CAST(SUM(id) AS BIGINT) FROM item").await, 4, "who was refused has written nothing");
    for site in [patient, hasty, other] {
        assert!(site.is_quiet().await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_line_has_an_end() {
    let mut backend = Backend::sqlite();
    backend.settings.queue_max = 3;
    let site = site(&backend).await;
    let held = hold(&site, Duration::from_millis(300));
    tokio::time::sleep(Duration::from_millis(50)).await;
    let waiting: Vec<_> = (0..6_i64)
        .map(|id| {
            let store = site.store.clone();
            tokio::spawn(async move { exec(&store, INSERT, args![id]).await })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(site.metrics.queue.value(), 3);
    let results: Vec<_> = join_all(waiting).await.into_iter().map(Result::unwrap).collect();
    let refused = results.iter().filter(|result| matches!(result, Err(StoreError::Queue { most: 3 }))).count();
    assert_eq!((refused, results.iter().filter(|result| result.is_ok()).count()), (3, 3));
    held.await.unwrap().unwrap();
    assert_eq!(site.int("SELECT COUNT(*) FROM item").await, 3);
    assert!(site.is_quiet().await);
}

/// One statement that is broken off takes the whole transaction with it: the others of its group run once more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_outlives_the_one_that_spoils_it() {
    let mut backend = Backend::sqlite();
    backend.settings.transaction_ms = 200;
    let site = site(&backend).await;
    let held = hold(&site, Duration::from_millis(100));
    tokio::time::sleep(Duration::from_millis(20)).await;
    let runs = Arc::new(AtomicUsize::new(0));
    let good = |id: i64| {
        let (store, runs) = (site.store.clone(), Arc::clone(&runs));
        tokio::spawn(async move {
            let write = store.write(Isolation::Serializable, move |tx| {
                runs.fetch_add(1, Ordering::SeqCst);
                async move { tx.execute(INSERT, args![id]).await }.boxed()
            });
            write.await
        })
    };
    let before = good(1);
    tokio::time::sleep(Duration::from_millis(10)).await;
    let store = site.store.clone();
    let spoils = tokio::spawn(async move {
        let endless =
            "INSERT INTO item (id) WITH RECURSIVE n (i) AS (SELECT 9 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";
        exec(&store, endless, args![]).await
    });
    tokio::time::sleep(Duration::from_millis(10)).await;
    let after = good(2);
    held.await.unwrap().unwrap();
    let spoils = spoils.await.unwrap();
    assert!(matches!(spoils, Err(StoreError::Slow { .. })), "{spoils:?}");
    for good in [before, after] {
        let good: Result<u64, StoreError> = good.await.unwrap();
        assert_eq!(good.unwrap(), 1);
    }
    assert_eq!(runs.load(Ordering::SeqCst), 3, "the first ran twice");
    assert_eq!(site.int("SELECT CAST(SUM(id) AS BIGINT) FROM item").await, 3);
    assert!(site.is_quiet().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_may_not_grow_is_full_until_it_may() {
    let backend = Backend::sqlite();
    let site = site(&backend).await;
    for _ in 0..2 {
        let pages = site.int("PRAGMA page_count").await;
        let limit = format!("PRAGMA max_page_count = {}", pages + 10);
        site.exec(&limit, args![]).await.unwrap();
        let before = site.int("SELECT COUNT(*) FROM item").await;
        let mut kept = before;
        let refused = loop {
            match site.exec("INSERT INTO item (id, raw) VALUES ($1, $2)", args![kept + 1, vec![1_u8; 3_000]]).await {
                Ok(_) => kept += 1,
                Err(error) => break error,
            }
        };
        assert!(matches!(refused, StoreError::Full), "{refused:?}");
        assert!(kept > before);
        assert_eq!(site.int("SELECT COUNT(*) FROM item").await, kept);
        // The limit belonged to the connection, which was thrown away with the transaction that it had lost.
        site.exec("INSERT INTO item (id, raw) VALUES ($1, $2)", args![kept + 1, vec![1_u8; 90_000]]).await.unwrap();
        assert_eq!(site.int("SELECT COUNT(*) FROM item").await, kept + 1);
    }
    assert!(site.is_quiet().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_file_is_whole_after_the_end() {
    for politely in [true, false] {
        let backend = Backend::sqlite();
        let site = site(&backend).await;
        for id in 0..20_i64 {
            site.exec(INSERT, args![id]).await.unwrap();
        }
        let (path, wal) = (backend.data.path().join("althing.db"), backend.data.path().join("althing.db-wal"));
        assert!(wal.metadata().unwrap().len() > 0);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(wal.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        if politely {
            site.store.close().await;
            assert!(!wal.exists());
        }
        drop(site);
        assert!(crate::backend::eventually(|| !wal.exists()).await, "the log is in the file, which is closed");
        // The file alone holds everything.
        let copy = Backend::sqlite();
        std::fs::copy(&path, copy.data.path().join("althing.db")).unwrap();
        assert_eq!(copy.open().await.int("SELECT COUNT(*) FROM item").await, 20);
    }
}

#[tokio::test]
async fn files_that_are_none_are_told() {
    let backend = Backend::sqlite();
    let path = backend.data.path().join("althing.db");
    let log = backend.data.path().join("althing.db-wal");
    std::fs::write(&path, "this is no database. ".repeat(500)).unwrap();
    std::fs::write(&log, "what is left of one").unwrap();
    let error = backend.try_open().await.err().unwrap();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
    assert!(matches!(store::check(&backend.config()).await, Err(StoreError::Damaged { .. })));
    assert!(log.exists(), "nothing is thrown away by looking");
    std::fs::remove_file(&log).unwrap();
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    let error = backend.try_open().await.err().unwrap();
    assert!(matches!(error, StoreError::File { .. }), "{error:?}");
    assert!(error.to_string().contains("althing.db"), "{error}");
}

#[tokio::test]
async fn a_damaged_file_is_told_when_it_is_read() {
    let backend = Backend::sqlite();
    let first = site(&backend).await;
    for id in 0..50_i64 {
        first.exec("INSERT INTO item (id, raw) VALUES ($1, $2)", args![id, vec![5_u8; 2_000]]).await.unwrap();
    }
    first.store.close().await;
    let path = backend.data.path().join("althing.db");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[8_192..40_960].fill(0xAA);
    std::fs::write(&path, bytes).unwrap();
    let second = backend.open().await;
    let read = second.rows("SELECT id, raw FROM item", args![]).await;
    assert!(matches!(read, Err(StoreError::Damaged { .. })), "{read:?}");
    assert!(second.is_quiet().await);
}
