//! Tests of keys: each case runs on both databases.

mod made;
mod revoked;
mod secrets;

use super::*;
use measure::Metrics;
use settings::Access;
use store::Config;
use tempfile::TempDir;
use testkit::Postgres;

/// A server's keys.
pub(crate) struct Bench {
    pub(crate) keys: Arc<Keys>,
    pub(crate) store: Store,
    pub(crate) metrics: Arc<Metrics>,
    data: Arc<TempDir>,
    settings: settings::Store,
}

impl Bench {
    async fn new(settings: settings::Store, data: Arc<TempDir>, access: &Access) -> Result<Self, AccessError> {
        let metrics = Metrics::new("test");
        let store = Store::open(&Config::new(&settings, data.path()).unwrap(), metrics.store()).await.unwrap();
        let keys = Keys::open(&store, access, metrics.access()).await?;
        Ok(Self { keys: Arc::new(keys), store, metrics, data, settings })
    }

    /// On a file of its own.
    pub(crate) async fn sqlite(access: &Access) -> Self {
        let data = Arc::new(tempfile::tempdir().unwrap());
        Self::new(settings::Store::default(), data, access).await.unwrap()
    }

    pub(crate) async fn postgres(postgres: &Postgres, access: &Access) -> Self {
        let url = Some(postgres.url().parse().unwrap());
        let settings = settings::Store { url, ..settings::Store::default() };
        Self::new(settings, Arc::new(tempfile::tempdir().unwrap()), access).await.unwrap()
    }

    /// Another process on the same database.
    pub(crate) async fn beside(&self, access: &Access) -> Result<Self, AccessError> {
        Self::new(self.settings.clone(), Arc::clone(&self.data), access).await
    }

    /// Makes a key.
    pub(crate) async fn key(&self, new: NewKey) -> Created {
        self.keys.create(&Identity::local(), new).await.unwrap()
    }

    /// Runs one statement.
    pub(crate) async fn run(&self, sql: &'static str) -> u64 {
        let run = self
            .store
            .write(Isolation::ReadCommitted, move |tx| async move { tx.execute(sql, Vec::new()).await }.boxed());
        run.await.unwrap()
    }

    async fn rows(&self, sql: &'static str) -> Vec<Row> {
        let rows = self.store.read(move |tx| async move { tx.fetch_all(sql, Vec::new()).await }.boxed());
        rows.await.map_err(|error: StoreError| error).unwrap()
    }

    /// What the audit log holds: who did what to what.
    async fn told(&self) -> Vec<(String, String, String)> {
        let rows = self.rows("SELECT actor, action, target FROM access_audit ORDER BY seq").await;
        rows.iter().map(|row| (row.get(0).unwrap(), row.get(1).unwrap(), row.get(2).unwrap())).collect()
    }

    /// How often the store was read so far.
    pub(crate) fn reads(&self) -> u64 {
        let shown = self.metrics.encode();
        let pool = if self.store.engine() == store::Engine::Sqlite { "reader" } else { "writer" };
        let start = format!("althing_store_wait_seconds_count{{pool=\"{pool}\"}} ");
        shown.lines().find_map(|line| line.strip_prefix(&start)?.parse().ok()).unwrap_or(0)
    }
}

/// Runs a case on SQLite, then on PostgreSQL.
pub(crate) async fn on_both(case: impl AsyncFn(&Bench)) {
    on_both_with(&Access::default(), case).await;
}

/// The same with other settings.
pub(crate) async fn on_both_with(access: &Access, case: impl AsyncFn(&Bench)) {
    case(&Bench::sqlite(access).await).await;
    let postgres = Postgres::start();
    case(&Bench::postgres(&postgres, access).await).await;
}

pub(crate) fn new_key(tenant: &str, role: Role) -> NewKey {
    NewKey { tenant: tenant.to_owned(), role, name: None, expires_ms: None, rpm: None }
}

fn who(tenant: &str, role: Role) -> Identity {
    Identity { subject: format!("{tenant}-{role}").into(), tenant: tenant.into(), role }
}
