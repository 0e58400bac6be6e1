//! Tests of the log: each case runs on both databases.

mod counting;
mod writing;

use super::{Accuracy, Asked, Together, Votes, VotesError};
use caller::{HOUSE, Identity, Role};
use futures_util::FutureExt;
use measure::{Metrics, VotesMetrics};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use store::{Config, Store, StoreError, Value};
use tempfile::TempDir;
use testkit::{Postgres, on_both};

/// Noon of 2026-11-21.
const NOON_MS: i64 = 20_778 * 86_400_000 + 43_200_000;
const DAYS: u32 = 90;

/// A log on a store of its own, at a time of its own.
struct Bench {
    votes: Arc<Votes>,
    store: Store,
    metrics: VotesMetrics,
    now_ms: Arc<AtomicI64>,
    settings: settings::Store,
    _data: TempDir,
}

impl Bench {
    async fn open(settings: settings::Store) -> Self {
        let data = tempfile::tempdir().unwrap();
        let metrics = Metrics::new("test");
        let store = Store::open(&Config::new(&settings, data.path()).unwrap(), metrics.store()).await.unwrap();
        let now_ms = Arc::new(AtomicI64::new(NOON_MS));
        let clock = {
            let now_ms = Arc::clone(&now_ms);
            Box::new(move || now_ms.load(Ordering::Relaxed))
        };
        let metrics = metrics.votes();
        let votes = Votes::open_with(store.clone(), DAYS, metrics.clone(), clock).await.unwrap();
        Self { votes, store, metrics, now_ms, settings, _data: data }
    }

    async fn sqlite() -> Self {
        Self::open(settings::Store::default()).await
    }

    async fn postgres(postgres: &Postgres) -> Self {
        let url = Some(postgres.url().parse().unwrap());
        Self::open(settings::Store { url, ..settings::Store::default() }).await
    }

    async fn rows(&self, table: &'static str) -> i64 {
        let sql = format!("SELECT COUNT(*) FROM {table}");
        let read = self.store.read(|tx| {
            let sql = sql.clone();
            async move { tx.fetch_one(sql, Vec::<Value>::new()).await?.get(0) }.boxed()
        });
        read.await.map_err(|error: StoreError| error).unwrap()
    }

    async fn settle(&self, tenant: &str, request: &str, right: &[&str]) -> Result<super::Settled, VotesError> {
        let right = right.iter().map(|model| (*model).to_owned()).collect();
        self.votes.settle(&user(tenant), "p", request, right, None).await
    }
}

fn user(tenant: &str) -> Identity {
    Identity { subject: "k".into(), tenant: tenant.into(), role: Role::User }
}

/// A question to the panel `p`: models with the numbers of their groups.
fn asked(tenant: &str, request: &str, answers: &[(&str, u32)]) -> Asked {
    Asked {
        panel: "p".to_owned(),
        request_id: request.into(),
        tenant: tenant.into(),
        kind: "exact",
        reached: answers.iter().filter(|(_, cluster)| *cluster == 0).count() * 2 > answers.len(),
        answers: answers.iter().map(|(model, cluster)| ((*model).to_owned(), *cluster)).collect(),
    }
}
