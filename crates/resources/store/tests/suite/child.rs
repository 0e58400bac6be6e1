//! This test program, run once more as a process of its own: one that can be killed, traced and starved.

use crate::backend::{Backend, Site, exec};
use futures_util::FutureExt;
use futures_util::future::join_all;
use std::env;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use store::{Isolation, StoreError, args};

const TASK: &str = "ALTHING_CHILD_TASK";
const URL: &str = "ALTHING_CHILD_URL";
const DATA: &str = "ALTHING_CHILD_DATA";

/// Rows that come in pairs, so that half a transaction is seen.
pub(crate) const TABLE: &str = "CREATE TABLE IF NOT EXISTS pair (id BIGINT PRIMARY KEY, raw BYTEA)";

/// This program, to be run with one task, on a file in `data` or at `url`; `around` is a program that runs it.
pub(crate) fn command(task: &str, data: &Path, url: Option<&str>, around: &[&str]) -> Command {
    let mut words = around.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    words.push(env::current_exe().unwrap().to_str().unwrap().to_owned());
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).args(["child::child", "--exact", "--nocapture", "--test-threads=1"]);
    command.env(TASK, task).env(DATA, data).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    if let Some(url) = url {
        command.env(URL, url);
    }
    command
}

/// The numbers behind a word at the start of a line.
pub(crate) fn told(output: &str, word: &str) -> Vec<i64> {
    let lines = output.lines().filter_map(|line| line.strip_prefix(word)?.strip_prefix(' '));
    lines.filter_map(|number| number.trim().parse().ok()).collect()
}

/// Passes at once unless it is the child.
#[test]
fn child() {
    let Ok(task) = env::var(TASK) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        // The test's own line has no end yet.
        println!();
        let data = env::var(DATA).unwrap();
        let url = env::var(URL).unwrap_or_else(|_| format!("sqlite:{data}/althing.db"));
        let settings = settings::Store { url: Some(url.parse().unwrap()), ..settings::Store::default() };
        let backend = Backend { settings, ..Backend::sqlite() };
        let site = backend.open().await;
        match task.as_str() {
            "write" => write(&site).await,
            "sync" => sync(&site).await,
            "fill" => fill(&site).await,
            "idle" => idle(&site).await,
            other => panic!("no task `{other}`"),
        }
    });
}

async fn pair(site: &Site, id: i64, bytes: usize) -> Result<(), StoreError> {
    let written = site.store.write(Isolation::Serializable, move |tx| {
        async move {
            let sql = "INSERT INTO pair (id, raw) VALUES ($1, $2)";
            for id in [id, -id] {
                tx.execute(sql, args![id, vec![7_u8; bytes]]).await?;
            }
            Ok(())
        }
        .boxed()
    });
    written.await
}

/// Writes pairs until it is killed and tells each that was acknowledged.
async fn write(site: &Site) {
    let before = site.int("SELECT COALESCE(MAX(id), 0) FROM pair").await / 1_000_000;
    let tasks = (0..16).map(|task| async move {
        for step in 1..1_000_000 {
            let id = (before + 1 + task) * 1_000_000 + step;
            pair(site, id, 16).await.unwrap();
            println!("kept {id}");
        }
    });
    join_all(tasks).await;
}

/// One after the other, then many at once.
async fn sync(site: &Site) {
    exec(&site.store, TABLE, args![]).await.unwrap();
    for id in 1..=40 {
        pair(site, id, 16).await.unwrap();
    }
    println!("alone {}", site.metrics.commits.value());
    join_all((0..64).map(|task| async move {
        for step in 0..10 {
            pair(site, 1_000 + task * 10 + step, 16).await.unwrap();
        }
    }))
    .await;
    println!("commits {}", site.metrics.commits.value());
    println!("transactions {}", site.metrics.committed.value());
    let level = site.store.write(Isolation::Serializable, |tx| {
        async move { tx.fetch_one("PRAGMA synchronous", args![]).await?.get::<i64>(0) }.boxed()
    });
    println!("level {}", level.await.unwrap());
    site.store.close().await;
}

/// Writes large pairs, whatever comes of them, some alone and some together, and reads in between.
async fn fill(site: &Site) {
    for round in 0..60_i64 {
        let pairs = (1..=5).map(|at| async move {
            let id = round * 10 + at;
            (id, pair(site, id, 3_000).await)
        });
        for (id, written) in join_all(pairs).await {
            match written {
                Ok(()) => println!("kept {id}"),
                Err(error) => println!("refused {id}\nwhy {error:?}"),
            }
        }
        println!("seen {}", site.int("SELECT COUNT(*) FROM pair WHERE id > 0").await);
    }
    site.store.close().await;
}

/// Does nothing, and tells how often its threads woke up meanwhile, and how much memory it holds in KiB.
async fn idle(site: &Site) {
    exec(&site.store, TABLE, args![]).await.unwrap();
    join_all((1..=300).map(|id| pair(site, id, 3_000))).await;
    join_all((0..50).map(|_| site.int("SELECT COUNT(*) FROM pair WHERE raw IS NOT NULL"))).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let before = switches();
    tokio::time::sleep(Duration::from_secs(3)).await;
    println!("woken {}", switches() - before);
    println!("resident {}", status("/proc/self/status", "VmRSS:"));
}

fn switches() -> i64 {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    tasks.map(|task| status(task.path().join("status").to_str().unwrap(), "voluntary_ctxt_switches:")).sum()
}

fn status(path: &str, name: &str) -> i64 {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("0");
    line.split_whitespace().next().unwrap().parse().unwrap()
}
