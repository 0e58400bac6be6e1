//! Transactions at the same time: what each may see of the others. The cases are Hermitage's, by their names there; the
//! same cases find the anomalies that `ReadCommitted` has on PostgreSQL, or they would prove nothing.

use crate::backend::{Backend, Site, everywhere};
use futures_util::FutureExt;
use futures_util::future::join_all;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use store::{Isolation, Store, StoreError, Tx, args};
use tokio::sync::Semaphore;
use tokio::time::timeout;

everywhere!(
    lost_update_p4,
    write_skew_g2_item,
    write_skew_over_a_predicate_g2,
    read_skew_g_single,
    aborted_reads_g1a,
    views_never_see_half_a_group,
    counters_are_exact_under_read_committed,
    increments_are_exact_under_serializable,
    a_deadlock_ends_and_loses_nothing,
);

/// How long one transaction waits for another to get as far: on SQLite the other cannot.
const PATIENCE: Duration = Duration::from_millis(300);

/// Two meet, so that each has read before either writes. Who tries again later meets nobody and does not wait.
struct Meeting {
    came: AtomicUsize,
    both: Semaphore,
}

impl Meeting {
    fn new() -> Arc<Self> {
        Arc::new(Self { came: AtomicUsize::new(0), both: Semaphore::new(0) })
    }

    async fn meet(&self) {
        match self.came.fetch_add(1, Ordering::SeqCst) {
            0 => drop(timeout(PATIENCE, self.both.acquire()).await),
            _ => self.both.add_permits(2),
        }
    }
}

async fn site(backend: &Backend) -> Site {
    let site = backend.open().await;
    site.exec("CREATE TABLE item (id BIGINT PRIMARY KEY, amount BIGINT NOT NULL)", args![]).await.unwrap();
    site.exec("INSERT INTO item VALUES (1, 10), (2, 20)", args![]).await.unwrap();
    site
}

async fn amount(tx: &mut Tx, id: i64) -> Result<i64, StoreError> {
    tx.fetch_one("SELECT amount FROM item WHERE id = $1", args![id]).await?.get(0)
}

async fn set(tx: &mut Tx, id: i64, amount: i64) -> Result<u64, StoreError> {
    tx.execute("UPDATE item SET amount = $2 WHERE id = $1", args![id, amount]).await
}

/// Runs the same work for both ids at once.
async fn both<F>(site: &Site, isolation: Isolation, work: F)
where
    F: for<'t> Fn(&'t mut Tx, Arc<Meeting>, i64) -> futures_util::future::BoxFuture<'t, Result<(), StoreError>>,
    F: Copy + Send + Sync + 'static,
{
    let meeting = Meeting::new();
    let one = |id| {
        let meeting = Arc::clone(&meeting);
        site.store.write(isolation, move |tx| work(tx, Arc::clone(&meeting), id))
    };
    let (first, second) = tokio::join!(one(1), one(2));
    first.unwrap();
    second.unwrap();
}

/// Whether an anomaly is expected where it is not forbidden.
fn levels(backend: &Backend) -> [(Isolation, bool); 2] {
    [(Isolation::Serializable, false), (Isolation::ReadCommitted, !backend.is_sqlite())]
}

async fn lost_update_p4(backend: Backend) {
    let site = site(&backend).await;
    for (isolation, anomaly) in levels(&backend) {
        site.exec("UPDATE item SET amount = 10", args![]).await.unwrap();
        both(&site, isolation, |tx, meeting, id| {
            async move {
                let found = amount(tx, 1).await?;
                meeting.meet().await;
                set(tx, 1, found + id).await.map(drop)
            }
            .boxed()
        })
        .await;
        let found = site.int("SELECT amount FROM item WHERE id = 1").await;
        assert_eq!(found != 13, anomaly, "{isolation:?}: {found}");
    }
    assert!(backend.is_sqlite() || site.metrics.retried(measure::StoreConflict::Serialization).value() > 0);
}

async fn write_skew_g2_item(backend: Backend) {
    let site = site(&backend).await;
    for (isolation, anomaly) in levels(&backend) {
        site.exec("UPDATE item SET amount = 1", args![]).await.unwrap();
        // Each may leave if the other stays.
        both(&site, isolation, |tx, meeting, id| {
            async move {
                let there = amount(tx, 1).await? + amount(tx, 2).await?;
                meeting.meet().await;
                if there == 2 {
                    set(tx, id, 0).await?;
                }
                Ok(())
            }
            .boxed()
        })
        .await;
        let there = site.int("SELECT CAST(SUM(amount) AS BIGINT) FROM item").await;
        assert_eq!(there, if anomaly { 0 } else { 1 }, "{isolation:?}");
    }
}

async fn write_skew_over_a_predicate_g2(backend: Backend) {
    let site = site(&backend).await;
    for (isolation, anomaly) in levels(&backend) {
        site.exec("DELETE FROM item WHERE id > 2", args![]).await.unwrap();
        both(&site, isolation, |tx, meeting, id| {
            async move {
                let found = tx.fetch_all("SELECT id FROM item WHERE amount = 30", args![]).await?.len();
                meeting.meet().await;
                if found == 0 {
                    tx.execute("INSERT INTO item VALUES ($1, 30)", args![10 + id]).await?;
                }
                Ok(())
            }
            .boxed()
        })
        .await;
        let found = site.int("SELECT COUNT(*) FROM item WHERE amount = 30").await;
        assert_eq!(found, if anomaly { 2 } else { 1 }, "{isolation:?}");
    }
}

/// Reads one row, lets somebody else change both, and reads the other.
async fn torn(tx: &mut Tx, store: &Store) -> Result<(i64, i64), StoreError> {
    let first = amount(tx, 1).await?;
    let store = store.clone();
    let change =
        tokio::spawn(async move { crate::backend::exec(&store, "UPDATE item SET amount = amount + 1", args![]).await });
    let _ = timeout(PATIENCE, change).await;
    Ok((first, amount(tx, 2).await?))
}

async fn read_skew_g_single(backend: Backend) {
    let site = site(&backend).await;
    for (isolation, anomaly) in levels(&backend) {
        let store = site.store.clone();
        let pair = site.store.write(isolation, move |tx| {
            let store = store.clone();
            async move { torn(tx, &store).await }.boxed()
        });
        let (one, two) = pair.await.unwrap();
        assert_eq!(two - one != 10, anomaly, "{isolation:?}: {one} {two}");
    }
    let store = site.store.clone();
    let pair = site.store.read(move |tx| {
        let store = store.clone();
        async move { torn(tx, &store).await }.boxed()
    });
    let (one, two) = pair.await.unwrap();
    assert_eq!(two - one, 10);
}

async fn aborted_reads_g1a(backend: Backend) {
    let site = site(&backend).await;
    let store = site.store.clone();
    let writer = tokio::spawn(async move {
        for _ in 0..20 {
            let undone = store.write(Isolation::ReadCommitted, |tx| {
                async move {
                    set(tx, 1, 99).await?;
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    Err::<(), _>(StoreError::Closed)
                }
                .boxed()
            });
            assert!(undone.await.is_err());
        }
    });
    while !writer.is_finished() {
        assert_eq!(site.int("SELECT amount FROM item WHERE id = 1").await, 10);
    }
    writer.await.unwrap();
}

async fn views_never_see_half_a_group(backend: Backend) {
    let site = site(&backend).await;
    let rows = (0..50_i64).map(|id| args![100 + id, 1_000_i64]).collect::<Vec<_>>();
    let filled = site.store.write(Isolation::Serializable, move |tx| {
        let rows = rows.clone();
        async move { tx.insert_many("INSERT INTO item (id, amount)", rows, "").await }.boxed()
    });
    let filled: Result<u64, StoreError> = filled.await;
    filled.unwrap();
    let writers = (0..8_i64).map(|writer| {
        let store = site.store.clone();
        tokio::spawn(async move {
            for step in 0..40_i64 {
                let (from, to) = (100 + (writer * 7 + step) % 50, 100 + (writer * 11 + step * 3 + 1) % 50);
                let moved = store.write(Isolation::ReadCommitted, move |tx| {
                    async move {
                        // In one order, so that nobody waits in a circle.
                        let (low, high) = (from.min(to), from.max(to));
                        let step = |id| if id == from { -1_i64 } else { 1 };
                        for id in [low, high] {
                            let sql = "UPDATE item SET amount = amount + $2 WHERE id = $1";
                            tx.execute(sql, args![id, if low == high { 0 } else { step(id) }]).await?;
                        }
                        Ok::<(), StoreError>(())
                    }
                    .boxed()
                });
                moved.await.unwrap();
            }
        })
    });
    let writers = join_all(writers);
    let sum = "SELECT CAST(SUM(amount) AS BIGINT) FROM item WHERE id >= 100";
    let readers = (0..3).map(|_| async {
        for _ in 0..60 {
            assert_eq!(site.int(sum).await, 50_000);
        }
    });
    let (writers, _) = tokio::join!(writers, join_all(readers));
    writers.into_iter().for_each(|writer| writer.unwrap());
    assert_eq!(site.int(sum).await, 50_000);
    assert!(site.is_quiet().await);
    // Each wrote for itself, and on SQLite they shared commits.
    let shared = site.metrics.committed.value() > site.metrics.commits.value();
    assert_eq!(shared, backend.is_sqlite());
}

async fn counters_are_exact_under_read_committed(backend: Backend) {
    const MOST: i64 = 300;
    let site = site(&backend).await;
    let taken = Arc::new(AtomicI64::new(0));
    let clients = (0..32).map(|_| {
        let (store, taken) = (site.store.clone(), Arc::clone(&taken));
        tokio::spawn(async move {
            for _ in 0..12 {
                let take = store.write(Isolation::ReadCommitted, |tx| {
                    async move {
                        let sql = "UPDATE item SET amount = amount + 1 WHERE id = 1 AND amount < $1";
                        tx.execute(sql, args![MOST]).await
                    }
                    .boxed()
                });
                let changed: Result<u64, StoreError> = take.await;
                taken.fetch_add(changed.unwrap() as i64, Ordering::SeqCst);
            }
        })
    });
    for client in join_all(clients).await {
        client.unwrap();
    }
    assert_eq!(site.int("SELECT amount FROM item WHERE id = 1").await, MOST);
    assert_eq!(taken.load(Ordering::SeqCst), MOST - 10);
    assert!(site.is_quiet().await);
}

async fn increments_are_exact_under_serializable(backend: Backend) {
    let site = site(&backend).await;
    let (acknowledged, refused) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let clients = (0..12).map(|_| {
        let (store, acknowledged, refused) = (site.store.clone(), Arc::clone(&acknowledged), Arc::clone(&refused));
        tokio::spawn(async move {
            for _ in 0..15 {
                let add = store.write(Isolation::Serializable, |tx| {
                    async move {
                        let found = amount(tx, 1).await?;
                        set(tx, 1, found + 1).await
                    }
                    .boxed()
                });
                match add.await {
                    Ok(1) => acknowledged.fetch_add(1, Ordering::SeqCst),
                    Err(StoreError::Conflict { attempts: 6 }) => refused.fetch_add(1, Ordering::SeqCst),
                    other => panic!("{other:?}"),
                };
            }
        })
    });
    for client in join_all(clients).await {
        client.unwrap();
    }
    let acknowledged = acknowledged.load(Ordering::SeqCst);
    assert_eq!(site.int("SELECT amount FROM item WHERE id = 1").await, 10 + acknowledged as i64);
    assert_eq!(acknowledged + refused.load(Ordering::SeqCst), 180);
    assert_eq!(site.metrics.failed.value(), refused.load(Ordering::SeqCst));
    assert!(acknowledged > 90, "{acknowledged} of 180");
    let retried = site.metrics.retried(measure::StoreConflict::Serialization).value();
    assert_eq!(retried > 0, !backend.is_sqlite(), "{retried}");
}

async fn a_deadlock_ends_and_loses_nothing(backend: Backend) {
    let site = site(&backend).await;
    let began = Instant::now();
    both(&site, Isolation::ReadCommitted, |tx, meeting, id| {
        async move {
            let add = "UPDATE item SET amount = amount + 100 WHERE id = $1";
            tx.execute(add, args![id]).await?;
            meeting.meet().await;
            tx.execute(add, args![3 - id]).await?;
            Ok(())
        }
        .boxed()
    })
    .await;
    let deadlocks = site.metrics.deadlocks.value();
    // PostgreSQL looks for one after a second. On a busy machine the two can get into the next at once.
    let most = Duration::from_secs(1 + deadlocks.max(1));
    assert!(began.elapsed() < most, "{:?} for {deadlocks} deadlocks", began.elapsed());
    assert_eq!(site.int("SELECT CAST(SUM(amount) AS BIGINT) FROM item").await, 430);
    assert_eq!(deadlocks > 0, !backend.is_sqlite());
    assert_eq!(site.metrics.retried(measure::StoreConflict::Deadlock).value(), deadlocks);
    assert_eq!(site.metrics.failed.value(), 0);
}
