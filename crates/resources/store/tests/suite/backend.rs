//! The three places where every case runs, and short ways to ask a store.

use futures_util::FutureExt;
use measure::{Metrics, StoreMetrics};
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::{Config, Isolation, Row, Store, StoreError, Value};
use tempfile::TempDir;
use testkit::{PgBouncer, Postgres, PostgresOptions};

/// A database of its own for one test.
pub(crate) struct Backend {
    pub(crate) settings: settings::Store,
    pub(crate) data: TempDir,
    pub(crate) pooler: Option<PgBouncer>,
    pub(crate) postgres: Option<Postgres>,
}

/// A store and its figures.
pub(crate) struct Site {
    pub(crate) store: Store,
    pub(crate) metrics: StoreMetrics,
    /// Everything that a scraper would see.
    pub(crate) all: Arc<Metrics>,
}

impl Backend {
    pub(crate) fn sqlite() -> Self {
        let data = tempfile::tempdir().unwrap();
        Self { settings: settings::Store::default(), data, pooler: None, postgres: None }
    }

    pub(crate) fn postgres() -> Self {
        Self::postgres_with(&PostgresOptions::default())
    }

    pub(crate) fn postgres_with(options: &PostgresOptions) -> Self {
        let postgres = Postgres::start_with(options);
        let url = postgres.url();
        Self { postgres: Some(postgres), ..Self::sqlite() }.at(&url)
    }

    /// PostgreSQL behind pgbouncer, whose four connections are handed to another client with every transaction.
    pub(crate) fn pgbouncer() -> Self {
        let postgres = Postgres::start();
        let pooler = PgBouncer::start(&postgres, "transaction", 4);
        let url = pooler.url();
        Self { postgres: Some(postgres), pooler: Some(pooler), ..Self::sqlite() }.at(&url)
    }

    fn at(mut self, url: &str) -> Self {
        self.settings.url = Some(url.parse().unwrap());
        self
    }

    pub(crate) fn is_sqlite(&self) -> bool {
        self.postgres.is_none()
    }

    pub(crate) fn config(&self) -> Config {
        Config::new(&self.settings, self.data.path()).unwrap()
    }

    pub(crate) async fn open(&self) -> Site {
        self.try_open().await.unwrap()
    }

    pub(crate) async fn try_open(&self) -> Result<Site, StoreError> {
        let all = Metrics::new("test");
        let metrics = all.store();
        let store = Store::open(&self.config(), metrics.clone()).await?;
        Ok(Site { store, metrics, all })
    }
}

impl Site {
    /// Runs one statement in a transaction of its own.
    pub(crate) async fn exec(&self, sql: &str, args: Vec<Value>) -> Result<u64, StoreError> {
        exec(&self.store, sql, args).await
    }

    /// Reads all rows of one query.
    pub(crate) async fn rows(&self, sql: &str, args: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        let sql = sql.to_owned();
        let read = self.store.read(move |tx| {
            let (sql, args) = (sql.clone(), args.clone());
            async move { tx.fetch_all(sql, args).await }.boxed()
        });
        read.await
    }

    /// Reads one number.
    pub(crate) async fn int(&self, sql: &str) -> i64 {
        self.rows(sql, Vec::new()).await.unwrap()[0].get(0).unwrap()
    }

    /// Whether nothing is in use and nobody waits, within a moment.
    pub(crate) async fn is_quiet(&self) -> bool {
        let pools = [measure::StorePool::Writer, measure::StorePool::Reader, measure::StorePool::Replica];
        let level = || {
            let used: i64 = pools.iter().map(|pool| self.metrics.pool(*pool).in_use.value()).sum();
            used + self.metrics.queue.value()
        };
        eventually(|| level() == 0).await
    }
}

pub(crate) async fn exec(store: &Store, sql: &str, args: Vec<Value>) -> Result<u64, StoreError> {
    let sql = sql.to_owned();
    let write = store.write(Isolation::Serializable, move |tx| {
        let (sql, args) = (sql.clone(), args.clone());
        async move { tx.execute(sql, args).await }.boxed()
    });
    write.await
}

/// Whether something becomes true within five seconds.
pub(crate) async fn eventually(mut holds: impl FnMut() -> bool) -> bool {
    let started = Instant::now();
    while !holds() {
        if started.elapsed() > Duration::from_secs(30) {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    true
}

/// Makes one test of each case for each of the three places.
macro_rules! everywhere {
    ($($case:ident),* $(,)?) => {
        crate::backend::everywhere!(@ sqlite: $($case),*);
        crate::backend::everywhere!(@ postgres: $($case),*);
        crate::backend::everywhere!(@ pgbouncer: $($case),*);
    };
    (@ $place:ident: $($case:ident),*) => {
        mod $place {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    super::$case(crate::backend::Backend::$place()).await;
                }
            )*
        }
    };
}
pub(crate) use everywhere;
