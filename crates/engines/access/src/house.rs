//! The room put together: what doors and commands are handed.

use crate::{AccessError, Books, Flags, Gate, Keys};
use audit::{Audit, AuditError};
use measure::Metrics;
use settings::Settings;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use store::Store;

/// Who asks and who pays.
pub struct Access {
    /// Who is let in.
    pub gate: Arc<Gate>,
    /// Keys, made and taken back.
    pub keys: Arc<Keys>,
    /// Budgets and the ledger.
    pub books: Arc<Books>,
    /// What was done, by whom.
    pub audit: Arc<Audit>,
    /// Switches and splits.
    pub flags: Flags,
    metrics_open: AtomicBool,
    store: Store,
}

impl Access {
    /// Opens everything on one store, and makes the tables where they are not there yet.
    ///
    /// # Errors
    /// [`AccessError`]: the store failed, the keys in it were made under another secret, or settings cannot be used.
    pub async fn open(store: Store, settings: &Settings, metrics: &Arc<Metrics>) -> Result<Arc<Self>, AccessError> {
        let figures = metrics.access();
        let audit = Arc::new(Audit::open(store.clone(), figures.clone()).await.map_err(of_audit)?);
        let books = Books::open(store.clone(), &settings.budget, &settings.ledger, figures.clone()).await?;
        let keys = Arc::new(Keys::open(&store, &settings.access, figures.clone()).await?);
        let purses = {
            let books = Arc::clone(&books);
            Arc::new(move |identity: &_| books.purse(identity))
        };
        let gate = Arc::new(Gate::new(Arc::clone(&keys), purses, &settings.access, figures)?);
        let metrics_open = AtomicBool::new(settings.access.metrics_open);
        let flags = Flags::new(&settings.flag, metrics);
        Ok(Arc::new(Self { gate, keys, books, audit, flags, metrics_open, store }))
    }

    /// Takes over what can change while serving.
    ///
    /// # Errors
    /// [`AccessError::Settings`] if tokens are to be accepted and an address cannot be used; nothing is changed then.
    pub fn reload(&self, settings: &Settings) -> Result<(), AccessError> {
        self.gate.reload(&settings.access)?;
        self.books.reload(&settings.budget, &settings.ledger);
        self.flags.reload(&settings.flag);
        self.books.reload(&settings.budget, &settings.ledger);
        self.metrics_open.store(settings.access.metrics_open, Ordering::Relaxed);
        Ok(())
    }

    /// Whether figures can be read without a key.
    pub fn metrics_open(&self) -> bool {
        self.metrics_open.load(Ordering::Relaxed)
    }

    /// What it stands on.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Writes down what waits, gives back what was set aside, and closes the store.
    pub async fn close(&self) {
        self.books.close().await;
        self.store.close().await;
    }
}

fn of_audit(error: AuditError) -> AccessError {
    match error {
        AuditError::Store(error) => AccessError::Store(error),
        AuditError::Cursor(_) => AccessError::Cursor,
        AuditError::File { path, reason } => AccessError::File { path, reason },
    }
}
