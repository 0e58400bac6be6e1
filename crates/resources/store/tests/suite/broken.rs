//! Work that goes wrong: whatever it does, nothing of it is left and the next one does not notice.

use crate::backend::{Backend, Site, eventually, everywhere};
use futures_util::FutureExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use store::{Isolation, Store, StoreError, Tx, args};

everywhere!(
    an_error_of_the_work_undoes_all_of_it,
    a_statement_that_failed_cannot_be_passed_over,
    broken_rules_are_told_apart_from_failures,
    a_panic_is_an_error_and_nothing_more,
    work_that_never_ends_is_broken_off,
    a_statement_that_never_ends_is_broken_off,
    who_stops_waiting_leaves_nothing_behind,
    a_view_stays_as_it_was,
    a_view_changes_nothing,
    no_connection_in_time_is_told,
    nothing_happens_after_the_end,
    closing_finishes_what_was_begun,
);

/// An error of some room.
#[derive(Debug)]
enum Trouble {
    Mine(&'static str),
    #[allow(dead_code)] // Shown when a test fails.
    Store(StoreError),
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

async fn site(backend: &Backend) -> Site {
    let site = backend.open().await;
    site.exec("CREATE TABLE item (id BIGINT PRIMARY KEY, amount BIGINT NOT NULL CHECK (amount >= 0))", args![])
        .await
        .unwrap();
    site
}

async fn count(site: &Site) -> i64 {
    site.int("SELECT COUNT(*) FROM item").await
}

async fn insert(tx: &mut Tx, id: i64) -> Result<u64, StoreError> {
    tx.execute("INSERT INTO item (id, amount) VALUES ($1, 1)", args![id]).await
}

async fn an_error_of_the_work_undoes_all_of_it(backend: Backend) {
    let site = site(&backend).await;
    for id in 1..20_i64 {
        let written = site.store.write(Isolation::Serializable, move |tx| {
            async move {
                insert(tx, id).await?;
                insert(tx, 100 + id).await?;
                if id % 2 == 0 { Err(Trouble::Mine("no")) } else { Ok(id) }
            }
            .boxed()
        });
        match written.await {
            Ok(told) => assert_eq!(told, id),
            Err(Trouble::Mine("no")) => assert_eq!(id % 2, 0),
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!(count(&site).await, 20);
    assert!(eventually(|| site.metrics.rolled_back.value() == 9).await);
    assert_eq!(site.metrics.failed.value(), 0);
    assert_eq!(site.metrics.committed.value(), 11);
}

async fn a_statement_that_failed_cannot_be_passed_over(backend: Backend) {
    let site = site(&backend).await;
    site.exec("INSERT INTO item VALUES (1, 1)", args![]).await.unwrap();
    let written = site.store.write(Isolation::Serializable, |tx| {
        async move {
            insert(tx, 2).await?;
            let taken = insert(tx, 1).await;
            assert!(matches!(taken, Err(StoreError::Constraint { .. })), "{taken:?}");
            Ok("done")
        }
        .boxed()
    });
    let error: StoreError = written.await.unwrap_err();
    assert!(error.to_string().contains("nothing of it was kept"), "{error}");
    let written = site.store.write(Isolation::Serializable, |tx| {
        async move {
            insert(tx, 3).await?;
            let _ = insert(tx, 1).await;
            insert(tx, 4).await
        }
        .boxed()
    });
    let error: StoreError = written.await.unwrap_err();
    assert!(error.to_string().contains("has failed before"), "{error}");
    let read = site.store.read(|tx| {
        async move {
            let _ = tx.execute("SELECT nothing FROM nowhere", args![]).await;
            Ok(())
        }
        .boxed()
    });
    let read: Result<(), StoreError> = read.await;
    assert!(read.is_err());
    assert_eq!(count(&site).await, 1);
    // Who is told is told at once, and counted a moment later.
    assert!(eventually(|| site.metrics.failed.value() == 2).await, "{}", site.metrics.failed.value());
}

async fn broken_rules_are_told_apart_from_failures(backend: Backend) {
    let site = site(&backend).await;
    site.exec("CREATE TABLE part (id BIGINT PRIMARY KEY, item BIGINT NOT NULL REFERENCES item (id))", args![])
        .await
        .unwrap();
    site.exec("INSERT INTO item VALUES (1, 1)", args![]).await.unwrap();
    let broken = [
        "INSERT INTO item VALUES (1, 1)",
        "INSERT INTO item VALUES (2, NULL)",
        "INSERT INTO item VALUES (2, -1)",
        "INSERT INTO part VALUES (1, 7)",
        "UPDATE item SET amount = -5 WHERE id = 1",
    ];
    for sql in broken {
        let error = site.exec(sql, args![]).await.unwrap_err();
        assert!(matches!(error, StoreError::Constraint { .. }), "{sql}: {error:?}");
    }
    site.exec("INSERT INTO part VALUES (1, 1)", args![]).await.unwrap();
    assert!(matches!(site.exec("DELETE FROM item", args![]).await, Err(StoreError::Constraint { .. })));
    assert!(matches!(site.exec("INSERT INTO", args![]).await, Err(StoreError::Failed { .. })));
    assert_eq!(count(&site).await, 1);
}

async fn a_panic_is_an_error_and_nothing_more(backend: Backend) {
    let site = site(&backend).await;
    let written = site.store.write(Isolation::Serializable, |tx| {
        async move {
            insert(tx, 1).await?;
            panic!("work that panics")
        }
        .boxed()
    });
    let written: Result<(), StoreError> = written.await;
    assert!(matches!(written, Err(StoreError::Failed { .. })), "{written:?}");
    let read: Result<(), StoreError> = site.store.read(|_| panic!("before it begins")).await;
    assert!(matches!(read, Err(StoreError::Failed { .. })), "{read:?}");
    site.exec("INSERT INTO item VALUES (2, 1)", args![]).await.unwrap();
    assert_eq!(count(&site).await, 1);
    assert!(site.is_quiet().await);
}

async fn work_that_never_ends_is_broken_off(mut backend: Backend) {
    backend.settings.transaction_ms = 300;
    let site = site(&backend).await;
    let began = Instant::now();
    let stuck = site.store.write(Isolation::Serializable, |tx| {
        async move {
            insert(tx, 1).await?;
            std::future::pending::<Result<(), StoreError>>().await
        }
        .boxed()
    });
    let stuck_view = site.store.read(|tx| {
        async move {
            tx.fetch_all("SELECT id FROM item", args![]).await?;
            std::future::pending::<Result<(), StoreError>>().await
        }
        .boxed()
    });
    // On SQLite this one stands in the same group.
    let other = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        site.exec("INSERT INTO item VALUES (2, 1)", args![]).await
    };
    let (stuck, stuck_view, other) = tokio::join!(stuck, stuck_view, other);
    for stuck in [stuck, stuck_view] {
        assert!(matches!(stuck, Err(StoreError::Slow { within }) if within.as_millis() == 300), "{stuck:?}");
    }
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    other.unwrap();
    assert_eq!(site.int("SELECT id FROM item").await, 2);
    assert!(site.is_quiet().await);
}

/// Counts for ever, on both databases.
const ENDLESS: &str =
    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i > 0) SELECT COUNT(*) FROM n";

async fn a_statement_that_never_ends_is_broken_off(mut backend: Backend) {
    backend.settings.transaction_ms = 300;
    let site = site(&backend).await;
    let endless_write = "INSERT INTO item (id, amount) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i > 0) SELECT i, 1 FROM n";
    for sql in [ENDLESS, endless_write] {
        let began = Instant::now();
        let (slow, other) = tokio::join!(site.exec(sql, args![]), async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            site.exec("INSERT INTO item VALUES (0, 1)", args![]).await
        });
        assert!(matches!(slow, Err(StoreError::Slow { .. })), "{slow:?}");
        other.unwrap();
        assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
        assert_eq!(count(&site).await, 1);
        site.exec("DELETE FROM item", args![]).await.unwrap();
    }
    let read = site.rows(ENDLESS, args![]).await;
    assert!(matches!(read, Err(StoreError::Slow { .. })), "{read:?}");
    assert_eq!(count(&site).await, 0);
    assert!(site.is_quiet().await);
}

async fn who_stops_waiting_leaves_nothing_behind(backend: Backend) {
    let site = site(&backend).await;
    let ran = Arc::new(AtomicUsize::new(0));
    let slow = |store: Store, id: i64| {
        let ran = Arc::clone(&ran);
        tokio::spawn(async move {
            let write = store.write(Isolation::Serializable, move |tx| {
                let ran = Arc::clone(&ran);
                async move {
                    ran.fetch_add(1, Ordering::SeqCst);
                    insert(tx, id).await?;
                    tokio::time::sleep(Duration::from_millis(200)).await;
                    insert(tx, 1_000 + id).await
                }
                .boxed()
            });
            let _: Result<u64, StoreError> = write.await;
        })
    };
    let first = slow(site.store.clone(), 1);
    tokio::time::sleep(Duration::from_millis(60)).await;
    let second = slow(site.store.clone(), 2);
    tokio::time::sleep(Duration::from_millis(20)).await;
    // On SQLite the first runs and the second stands in line; on PostgreSQL both run.
    first.abort();
    second.abort();
    site.exec("INSERT INTO item VALUES (3, 1)", args![]).await.unwrap();
    if backend.is_sqlite() {
        assert_eq!(ran.load(Ordering::SeqCst), 1, "what nobody waits for does not begin");
    }
    // All or nothing of each.
    let halves =
        "SELECT COUNT(*) FROM item a WHERE id < 3 AND NOT EXISTS (SELECT 1 FROM item b WHERE b.id = a.id + 1000)";
    assert_eq!(site.int(halves).await, 0);
    assert!(site.is_quiet().await);
    // A reader that is dropped in the middle of a long statement does not hold its connection.
    for _ in 0..30 {
        let read = tokio::time::timeout(Duration::from_millis(10), site.rows(ENDLESS, args![])).await;
        assert!(read.is_err());
    }
    assert_eq!(site.int("SELECT COUNT(*) FROM item WHERE id = 3").await, 1);
    assert!(site.is_quiet().await);
}

async fn a_view_stays_as_it_was(backend: Backend) {
    let site = site(&backend).await;
    site.exec("INSERT INTO item VALUES (1, 1)", args![]).await.unwrap();
    let store = site.store.clone();
    let view = site.store.read(move |tx| {
        let store = store.clone();
        async move {
            let before: i64 = tx.fetch_one("SELECT COUNT(*) FROM item", args![]).await?.get(0)?;
            crate::backend::exec(&store, "INSERT INTO item VALUES (2, 1)", args![]).await?;
            let after: i64 = tx.fetch_one("SELECT COUNT(*) FROM item", args![]).await?.get(0)?;
            Ok((before, after))
        }
        .boxed()
    });
    let view: Result<(i64, i64), StoreError> = view.await;
    assert_eq!(view.unwrap(), (1, 1));
    assert_eq!(count(&site).await, 2, "what was acknowledged is seen at once");
}

async fn a_view_changes_nothing(backend: Backend) {
    let site = site(&backend).await;
    for sql in ["INSERT INTO item VALUES (1, 1)", "DELETE FROM item", "CREATE TABLE other (id BIGINT)"] {
        let read = site.store.read(move |tx| async move { tx.execute(sql, args![]).await }.boxed());
        let read: Result<u64, StoreError> = read.await;
        assert!(matches!(read, Err(StoreError::ReadOnly { .. })), "{sql}: {read:?}");
    }
    assert_eq!(count(&site).await, 0);
}

async fn no_connection_in_time_is_told(mut backend: Backend) {
    backend.settings.pool_max = 1;
    backend.settings.pool_min = 1;
    backend.settings.acquire_ms = 100;
    let site = site(&backend).await;
    let hold = Arc::new(tokio::sync::Notify::new());
    let (began, held) = tokio::sync::oneshot::channel();
    let began = Arc::new(std::sync::Mutex::new(Some(began)));
    let (store, release) = (site.store.clone(), Arc::clone(&hold));
    let holder = tokio::spawn(async move {
        let write = store.write(Isolation::Serializable, move |tx| {
            let (began, release) = (Arc::clone(&began), Arc::clone(&release));
            async move {
                insert(tx, 1).await?;
                began.lock().unwrap().take().unwrap().send(()).unwrap();
                release.notified().await;
                Ok(())
            }
            .boxed()
        });
        let write: Result<(), StoreError> = write.await;
        write
    });
    held.await.unwrap();
    let refused = site.exec("INSERT INTO item VALUES (2, 1)", args![]).await;
    assert!(matches!(refused, Err(StoreError::Busy { within }) if within.as_millis() == 100), "{refused:?}");
    hold.notify_one();
    holder.await.unwrap().unwrap();
    assert_eq!(count(&site).await, 1, "who was told that it is busy was not served later");
    assert!(site.is_quiet().await);
}

async fn nothing_happens_after_the_end(backend: Backend) {
    let site = site(&backend).await;
    site.store.close().await;
    site.store.close().await;
    assert!(matches!(site.exec("INSERT INTO item VALUES (1, 1)", args![]).await, Err(StoreError::Closed)));
    assert!(matches!(site.rows("SELECT 1", args![]).await, Err(StoreError::Closed)));
    assert_eq!(count(&backend.open().await).await, 0);
}

async fn closing_finishes_what_was_begun(backend: Backend) {
    let site = site(&backend).await;
    let writers: Vec<_> = (0..50_i64)
        .map(|id| {
            let store = site.store.clone();
            tokio::spawn(
                async move { crate::backend::exec(&store, "INSERT INTO item VALUES ($1, 1)", args![id]).await },
            )
        })
        .collect();
    while site.metrics.committed.value() == 1 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    site.store.close().await;
    let mut acknowledged = 0;
    for writer in writers {
        match writer.await.unwrap() {
            Ok(_) => acknowledged += 1,
            Err(StoreError::Closed) => {}
            Err(other) => panic!("{other}"),
        }
    }
    assert!(acknowledged > 0);
    assert_eq!(count(&backend.open().await).await, acknowledged);
    assert!(site.is_quiet().await);
}
