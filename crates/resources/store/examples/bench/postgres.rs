//! PostgreSQL, serializable and with everything on that a crash needs, against `pgbench` with the same statements.
//!
//! Rounds are in turn, so that whatever else the machine does meets both.

use crate::figures::{Result, at_ms, load, median};
use crate::sqlite::WORDS;
use futures_util::FutureExt;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::{Config, Isolation, Store, StoreError, args};
use testkit::{Postgres, PostgresOptions};
use tokio::runtime::Runtime;

/// How long one round is, and how many count of each; one more comes before.
const ROUND: Duration = Duration::from_secs(4);
const ROUNDS: usize = 5;

const INSERT: &str = "INSERT INTO claim (id, version, words) VALUES ($1, 1, $2)";
const UPDATE: &str = "UPDATE claim SET version = version + 1 WHERE id = $1 AND version = $2";

/// Share of what `pgbench` reaches.
pub(crate) fn against_pgbench(runtime: &Runtime, clients: u32) -> Result {
    let load = load();
    let postgres = Postgres::start_with(&PostgresOptions { durable: true, ..PostgresOptions::default() });
    postgres.psql(
        "CREATE TABLE claim (id BIGINT PRIMARY KEY, version BIGINT NOT NULL, words TEXT NOT NULL);
         INSERT INTO claim SELECT (random() * 9e18)::bigint, 1, 'filled' FROM generate_series(1, 100000);
         VACUUM ANALYZE claim;",
    );
    let script = postgres.data_dir().with_file_name("script.sql");
    std::fs::write(&script, script_text()).unwrap();
    let metrics = measure::Metrics::new("bench").store();
    let data = tempfile::tempdir().unwrap();
    let url = Some(postgres.url().parse().unwrap());
    let settings = settings::Store { url, pool_max: clients, pool_min: clients, ..settings::Store::default() };
    let config = Config::new(&settings, data.path()).unwrap();
    let store = runtime.block_on(Store::open(&config, metrics.clone())).unwrap();
    let (mut ours, mut theirs, mut ratios, mut waits) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for number in 0..=ROUNDS {
        let began = Instant::now();
        let took = runtime.block_on(round(&store, clients));
        let our = took.len() as f64 / began.elapsed().as_secs_f64();
        let their = pgbench(&postgres, &script, clients);
        if number > 0 {
            ours.push(our);
            theirs.push(their);
            ratios.push(our / their);
            waits.extend(took);
        }
    }
    runtime.block_on(store.close());
    let retries = metrics.retried(measure::StoreConflict::Serialization).value() as f64;
    let figures = vec![
        ("transactions_per_s", median(ours)),
        ("pgbench_per_s", median(theirs)),
        ("p50_ms", at_ms(&mut waits, 0.5)),
        ("p99_ms", at_ms(&mut waits, 0.99)),
        ("retries_per_1000", retries * 1e3 / metrics.committed.value() as f64),
    ];
    Result { figures, ratio: Some(median(ratios)), target: Some(("ratio", 0.8)), load }
}

fn script_text() -> String {
    format!(
        "\\set id random(1, 9000000000000000000)\n\
         BEGIN ISOLATION LEVEL SERIALIZABLE;\n\
         INSERT INTO claim (id, version, words) VALUES (:id, 1, '{WORDS}');\n\
         UPDATE claim SET version = version + 1 WHERE id = :id AND version = 1;\n\
         COMMIT;\n"
    )
}

/// Transactions per second of `pgbench`, which tries again after conflicts too.
fn pgbench(postgres: &Postgres, script: &std::path::Path, clients: u32) -> f64 {
    let output = Command::new(postgres.bin("pgbench"))
        .args(["-n", "-M", "prepared", "--max-tries=6", "-j", "2", "-h", "127.0.0.1", "-U", "althing"])
        .args(["-c", &clients.to_string(), "-T", &ROUND.as_secs().to_string(), "-p", &postgres.port().to_string()])
        .arg("-f")
        .arg(script)
        .arg("althing")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let rate = text.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    rate.unwrap_or_else(|| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)))
}

/// How long each transaction took.
async fn round(store: &Store, clients: u32) -> Vec<Duration> {
    let words: Arc<str> = Arc::from(WORDS);
    let until = Instant::now() + ROUND;
    let clients: Vec<_> = (0..clients)
        .map(|_| {
            let (store, words) = (store.clone(), Arc::clone(&words));
            tokio::spawn(async move {
                let mut took = Vec::new();
                while Instant::now() < until {
                    let began = Instant::now();
                    if claim(&store, &words).await {
                        took.push(began.elapsed());
                    }
                }
                took
            })
        })
        .collect();
    let mut all = Vec::new();
    for client in clients {
        all.extend(client.await.unwrap());
    }
    all
}

/// Whether it was written: a few meet others too often.
async fn claim(store: &Store, words: &Arc<str>) -> bool {
    let words = Arc::clone(words);
    let work = store.write(Isolation::Serializable, move |tx| {
        let words = Arc::clone(&words);
        async move {
            let id = fastrand::i64(1..9_000_000_000_000_000_000);
            tx.execute(INSERT, args![id, &words]).await?;
            tx.execute(UPDATE, args![id, 1_i64]).await
        }
        .boxed()
    });
    match work.await {
        Ok(changed) => changed == 1,
        Err(StoreError::Conflict { .. }) => false,
        Err(error) => panic!("{error}"),
    }
}
