//! Tests of the books: each case runs on both databases.

mod budgets;
mod crash;
mod ledger;
mod memory;
mod money;
mod reports;
mod several;

use super::Books;
use super::wall::Clock;
use crate::BudgetTarget;
use caller::{Called, Identity, NanoUsd, Need, Role, SpendFault, Tab, Tokens};
use futures_util::FutureExt;
use measure::Metrics;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use store::{Config, Store, StoreError, Value};
use tempfile::TempDir;
use testkit::Postgres;
use tokio::time::Instant;

/// Noon of 2026-11-21.
const NOON_MS: i64 = 20_778 * 86_400_000 + 43_200_000;
const USD: NanoUsd = caller::NANO_PER_USD;

/// Where a database is: servers of one bench share it.
enum Place {
    Sqlite(TempDir),
    /// Somebody else's.
    File(std::path::PathBuf),
    Postgres(Postgres),
}

/// A database, and settings for the servers that use it.
struct Bench {
    place: Place,
    budget: settings::Budget,
    ledger: settings::Ledger,
    store: settings::Store,
    /// What the clock on the wall shows.
    now_ms: Arc<AtomicI64>,
}

/// One process, as far as the books know.
struct Server {
    books: Arc<Books>,
    metrics: Arc<Metrics>,
}

fn usd(amount: &str) -> Option<settings::Usd> {
    Some(amount.parse().unwrap())
}

impl Bench {
    fn new(place: Place) -> Self {
        let budget = settings::Budget { lease_ms: 1_000, ..settings::Budget::default() };
        let ledger = settings::Ledger { flush_ms: 50, ..settings::Ledger::default() };
        let now_ms = Arc::new(AtomicI64::new(NOON_MS));
        Self { place, budget, ledger, store: settings::Store::default(), now_ms }
    }

    fn sqlite() -> Self {
        Self::new(Place::Sqlite(tempfile::tempdir().unwrap()))
    }

    fn postgres() -> Self {
        Self::new(Place::Postgres(Postgres::start()))
    }

    /// Another bench on the same file.
    fn beside(&self) -> Self {
        let Place::Sqlite(folder) = &self.place else { panic!("only files are shared like that") };
        let place = Place::File(folder.path().to_owned());
        let (budget, ledger, store) = (self.budget.clone(), self.ledger.clone(), self.store.clone());
        Self { place, budget, ledger, store, now_ms: Arc::clone(&self.now_ms) }
    }

    async fn open_store(&self, metrics: &Metrics) -> Store {
        let mut settings = self.store.clone();
        let folder = match &self.place {
            Place::Sqlite(folder) => folder.path(),
            Place::File(folder) => folder,
            Place::Postgres(postgres) => {
                settings.url = Some(postgres.url().parse().unwrap());
                "/".as_ref()
            }
        };
        Store::open(&Config::new(&settings, folder).unwrap(), metrics.store()).await.unwrap()
    }

    /// Starts a server on the database.
    async fn server(&self) -> Server {
        let metrics = Metrics::new("test");
        let store = self.open_store(&metrics).await;
        let now_ms = Arc::clone(&self.now_ms);
        let clock = Clock::of(move || now_ms.load(Ordering::SeqCst));
        let books = Books::open_with(store, &self.budget, &self.ledger, metrics.access(), clock).await.unwrap();
        Server { books, metrics }
    }

    fn pass(&self, ms: i64) {
        self.now_ms.fetch_add(ms, Ordering::SeqCst);
    }
}

fn identity(tenant: &str, subject: &str, role: Role) -> Arc<Identity> {
    Arc::new(Identity { subject: subject.into(), tenant: tenant.into(), role })
}

fn user(tenant: &str, subject: &str) -> Arc<Identity> {
    identity(tenant, subject, Role::User)
}

fn house() -> Arc<Identity> {
    identity(caller::HOUSE, "root", Role::Admin)
}

/// A bounded need.
fn exactly(most: NanoUsd) -> Need {
    Need { most, likely: most, bounded: true }
}

fn called(model: &Arc<str>, cost: NanoUsd) -> Called<'_> {
    Called {
        model,
        outcome: "answered",
        tokens: Tokens { input: 100, output: 20, cached: 30, reasoning: 4, ..Tokens::default() },
        cost,
        exact: true,
        latency: Duration::from_micros(1_500),
        simulated: false,
        words: None,
    }
}

fn spend(tab: &Arc<dyn Tab>, cost: NanoUsd) {
    tab.note(&called(&"sim/m".into(), cost));
}

impl Server {
    async fn reserve(&self, who: &Arc<Identity>, need: Need) -> Result<Arc<dyn Tab>, SpendFault> {
        let deadline = Instant::now() + Duration::from_secs(30);
        self.books.purse(who).reserve(&caller::new_request_id(), need, deadline).await
    }

    /// One request that costs what it said.
    async fn pay(&self, who: &Arc<Identity>, cost: NanoUsd) -> Result<(), SpendFault> {
        let tab = self.reserve(who, exactly(cost)).await?;
        spend(&tab, cost);
        Ok(())
    }

    /// What `select` finds, as whole numbers.
    async fn numbers(&self, select: &str) -> Vec<Vec<i64>> {
        let read = self.books.desk.store.read(|tx| {
            let select = select.to_owned();
            async move {
                let rows = tx.fetch_all(select, Vec::new()).await?;
                let columns = |row: &store::Row| (0..9).map_while(|at| row.get::<i64>(at).ok()).collect();
                Ok::<_, StoreError>(rows.iter().map(columns).collect::<Vec<Vec<i64>>>())
            }
            .boxed()
        });
        read.await.unwrap()
    }

    async fn execute(&self, sql: &str, args: Vec<Value>) -> u64 {
        let sql = sql.to_owned();
        let write = self.books.desk.store.write(store::Isolation::ReadCommitted, move |tx| {
            let (sql, args) = (sql.clone(), args.clone());
            async move { tx.execute(sql, args).await }.boxed()
        });
        write.await.unwrap()
    }

    /// Spent and reserved, over all windows.
    async fn standing(&self) -> (i64, i64) {
        let sums = "SELECT CAST(COALESCE(SUM(spent), 0) AS BIGINT), CAST(COALESCE(SUM(reserved), 0) AS BIGINT) \
                    FROM access_budget_window";
        let row = &self.numbers(sums).await[0];
        (row[0], row[1])
    }

    /// As `kill -9` does: whatever is in memory is gone, nothing is given back.
    fn crash(&self) {
        let clerk = self.books.clerk.lock().unwrap().take();
        clerk.unwrap().abort();
    }

    fn metric(&self, name: &str) -> f64 {
        let text = self.metrics.encode();
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or(" 0");
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }
}

/// Waits until `check` says yes.
async fn eventually<F: Future<Output = bool>>(what: &str, check: impl Fn() -> F) {
    let began = Instant::now();
    while !check().await {
        assert!(began.elapsed() < Duration::from_secs(10), "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn target(scope: crate::Scope, tenant: &str, subject: &str, period: crate::Period) -> BudgetTarget {
    let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    BudgetTarget { scope, period, tenant: given(tenant), subject: given(subject) }
}

/// Runs a case on both databases.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {$(
        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn on_sqlite() {
                super::cases::$name(crate::tests::Bench::sqlite()).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn on_postgres() {
                super::cases::$name(crate::tests::Bench::postgres()).await;
            }
        }
    )*};
}
use on_both;
