//! Tests of the log: each case runs on both databases.

mod bytes;
mod chain;
mod checkpoints;
mod listing;
mod tampering;

use super::row::{COLUMNS, Stored};
use super::*;
use measure::Metrics;
use serde_json::json;
use std::path::PathBuf;
use std::sync::Arc;
use store::{Config, Engine, Value};
use tempfile::TempDir;
use testkit::Postgres;

/// A log, and the data folder of its server.
struct Bench {
    audit: Arc<Audit>,
    store: Store,
    metrics: Arc<Metrics>,
    data: TempDir,
    settings: settings::Store,
}

impl Bench {
    async fn open(settings: settings::Store) -> Self {
        let data = tempfile::tempdir().unwrap();
        let metrics = Metrics::new("test");
        let store = Store::open(&Config::new(&settings, data.path()).unwrap(), metrics.store()).await.unwrap();
        let audit = Audit::open(store.clone(), metrics.access()).await.unwrap();
        Self { audit: Arc::new(audit), store, metrics, data, settings }
    }

    async fn sqlite() -> Self {
        Self::open(settings::Store::default()).await
    }

    async fn postgres(postgres: &Postgres) -> Self {
        let url = Some(postgres.url().parse().unwrap());
        Self::open(settings::Store { url, ..settings::Store::default() }).await
    }

    /// Another server on the same database. SQLite has one server only.
    async fn beside(&self) -> Self {
        Self::open(self.settings.clone()).await
    }

    /// Appends rows, each a little different.
    async fn rows(&self, count: usize) {
        for at in 0..count {
            self.audit.record(entry(at)).await.unwrap();
        }
    }

    async fn checkpoint(&self) -> Option<Checkpoint> {
        self.audit.checkpoint(self.data.path()).await.unwrap()
    }

    fn checkpoints(&self) -> PathBuf {
        checkpoints_file(self.data.path())
    }

    /// Runs statements as somebody does who can write to the database.
    async fn tamper(&self, statements: &[&str]) {
        for statement in statements {
            self.tamper_with(statement, args![]).await.unwrap();
        }
    }

    async fn tamper_with(&self, statement: &str, args: Vec<Value>) -> Result<u64, StoreError> {
        let statement = statement.to_owned();
        let write = self.store.write(Isolation::ReadCommitted, move |tx| {
            let (statement, args) = (statement.clone(), args.clone());
            async move { tx.execute(statement, args).await }.boxed()
        });
        write.await
    }

    async fn stored(&self) -> Vec<Stored> {
        let sql = format!("SELECT {COLUMNS} FROM access_audit ORDER BY seq");
        let read = self.store.read(|tx| {
            let sql = sql.clone();
            async move {
                let rows = tx.fetch_all(sql, args![]).await?;
                rows.iter().map(Stored::read).collect::<Result<Vec<_>, StoreError>>()
            }
            .boxed()
        });
        read.await.unwrap()
    }

    /// Replaces the whole log, head included.
    async fn replace(&self, rows: Vec<Stored>) {
        self.tamper(&["DELETE FROM access_audit"]).await;
        if let Some(last) = rows.last() {
            let head = "UPDATE access_audit_head SET seq = $1, at_ms = $2, hash = $3";
            self.tamper_with(head, args![last.seq, last.at_ms, last.hash.clone()]).await.unwrap();
        }
        for rows in rows.chunks(5_000) {
            let rows: Vec<_> = rows.iter().map(|row| row.clone().into_args()).collect();
            let write = self.store.write(Isolation::ReadCommitted, move |tx| {
                let rows = rows.clone();
                async move { tx.insert_many(&format!("INSERT INTO access_audit ({COLUMNS})"), rows, "").await }.boxed()
            });
            write.await.map_err(|error: StoreError| error).unwrap();
        }
    }

    /// Verifies without checkpoints.
    async fn verify(&self) -> Verdict {
        verify(&self.store, &[]).await.unwrap()
    }

    /// Verifies with the checkpoints of this server.
    async fn verify_all(&self) -> Verdict {
        verify(&self.store, &[self.checkpoints()]).await.unwrap()
    }
}

/// Runs a case on SQLite, then on PostgreSQL.
async fn on_both(case: impl AsyncFn(&Bench)) {
    case(&Bench::sqlite().await).await;
    let postgres = Postgres::start();
    case(&Bench::postgres(&postgres).await).await;
}

fn entry(at: usize) -> Entry {
    Entry {
        actor: format!("k_{}", at % 3).into(),
        tenant: ["default", "acme"][at % 2].into(),
        action: ["key.created", "key.revoked", "budget.set"][at % 3],
        target: format!("k_{at}"),
        detail: json!({"name": format!("ä \"{at}\" \u{0}"), "usd": at as f64 / 3.0}),
    }
}

/// What is wrong, a line each.
#[track_caller]
fn expect(verdict: &Verdict, expected: &[&str]) {
    let shown = |seq: Option<i64>| seq.map_or("?".to_owned(), |seq| seq.to_string());
    let found: Vec<String> =
        verdict.faults.iter().map(|fault| format!("{} {}", shown(fault.seq), fault.what)).collect();
    let met =
        found.len() == expected.len() && found.iter().zip(expected).all(|(found, start)| found.starts_with(start));
    assert!(met, "found {found:#?}, expected {expected:#?}");
    assert_eq!(verdict.ok(), expected.is_empty());
}
