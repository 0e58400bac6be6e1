//! SQLite with full durability, on the disk of the temporary files: set `TMPDIR` for another.

use crate::figures::{Result, at_ms, load, median};
use futures_util::FutureExt;
use measure::StoreMetrics;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::{Config, Isolation, Store, StoreError, args};
use tokio::runtime::Runtime;

/// How long one round is, and how many count; one more comes before.
const ROUND: Duration = Duration::from_secs(3);
const ROUNDS: usize = 5;

const TABLE: &str = "CREATE TABLE claim (id BIGINT PRIMARY KEY, version BIGINT NOT NULL, words TEXT NOT NULL)";
const INSERT: &str = "INSERT INTO claim (id, version, words) VALUES ($1, 1, $2)";
/// About as long as a claim.
pub(crate) const WORDS: &str = "the store keeps what it has acknowledged, also when the power fails, and tells whoever \
    asks what it holds; it serves one writer after the other and many readers at the same time, and each of them sees \
    one state of the whole";

/// 64 at once, each one row at a time.
pub(crate) fn rows(runtime: &Runtime) -> Result {
    run(runtime, 64, 1, Some(("rows_per_s", 10_000.0)))
}

/// 64 rows in each transaction, 8 at once.
pub(crate) fn batches(runtime: &Runtime) -> Result {
    run(runtime, 8, 64, None)
}

/// One row at a time: nobody shares the wait for the disk.
pub(crate) fn alone(runtime: &Runtime) -> Result {
    run(runtime, 1, 1, None)
}

fn run(runtime: &Runtime, tasks: usize, batch: usize, target: Option<(&'static str, f64)>) -> Result {
    let load = load();
    runtime.block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let metrics = measure::Metrics::new("bench").store();
        let config = Config::new(&settings::Store::default(), folder.path()).unwrap();
        let store = Store::open(&config, metrics.clone()).await.unwrap();
        let made: std::result::Result<u64, StoreError> =
            store.write(Isolation::Serializable, |tx| tx.execute(TABLE, args![]).boxed()).await;
        made.unwrap();
        round(&store, tasks, batch).await;
        let (before, mut rates, mut waits) = (commits(&metrics), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let began = Instant::now();
            let took = round(&store, tasks, batch).await;
            rates.push((took.len() * batch) as f64 / began.elapsed().as_secs_f64());
            waits.extend(took);
        }
        let (commits, transactions) = (commits(&metrics) - before, waits.len() as f64);
        store.close().await;
        let figures = vec![
            ("rows_per_s", median(rates)),
            ("p50_ms", at_ms(&mut waits, 0.5)),
            ("p99_ms", at_ms(&mut waits, 0.99)),
            ("transactions_per_commit", transactions / commits),
        ];
        Result { figures, ratio: None, target, load }
    })
}

fn commits(metrics: &StoreMetrics) -> f64 {
    metrics.commits.value() as f64
}

/// How long each transaction took.
async fn round(store: &Store, tasks: usize, batch: usize) -> Vec<Duration> {
    let words: Arc<str> = Arc::from(WORDS);
    let until = Instant::now() + ROUND;
    let tasks: Vec<_> = (0..tasks)
        .map(|_| {
            let (store, words) = (store.clone(), Arc::clone(&words));
            tokio::spawn(async move {
                let mut took = Vec::new();
                while Instant::now() < until {
                    let began = Instant::now();
                    write(&store, &words, batch).await.unwrap();
                    took.push(began.elapsed());
                }
                took
            })
        })
        .collect();
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await.unwrap());
    }
    all
}

async fn write(store: &Store, words: &Arc<str>, batch: usize) -> std::result::Result<(), StoreError> {
    let words = Arc::clone(words);
    let work = store.write(Isolation::Serializable, move |tx| {
        let words = Arc::clone(&words);
        async move {
            if batch == 1 {
                return tx.execute(INSERT, args![fastrand::i64(1..), &words]).await.map(drop);
            }
            let rows = (0..batch).map(|_| args![fastrand::i64(1..), 1_i64, &words]).collect();
            tx.insert_many("INSERT INTO claim (id, version, words)", rows, "").await.map(drop)
        }
        .boxed()
    });
    work.await
}
