//! Who asks and who pays, put together on one store.

use crate::exit::Failure;
use crate::sharing::Links;
use crate::wiring::of_store;
use access::{AccessError, Flags, Gate, Keys};
use audit::{Audit, Entry};
use books::Books;
use caller::{Guest, Identity};
use http_door::Desk;
use load::history::History;
use matrix::Matrix;
use measure::Metrics;
use rest_door::Services;
use serde_json::json;
use settings::Settings;
use std::sync::Arc;
use store::Store;
use votes::Votes;

/// Everything that stands on the store.
pub(crate) struct House {
    pub(crate) gate: Arc<Gate>,
    pub(crate) keys: Arc<Keys>,
    pub(crate) books: Arc<Books>,
    pub(crate) audit: Arc<Audit>,
    pub(crate) flags: Arc<Flags>,
    pub(crate) load: Arc<History>,
    pub(crate) votes: Arc<Votes>,
    pub(crate) store: Store,
}

impl House {
    /// Opens everything, and makes the tables where they are not there yet.
    pub(crate) async fn open(
        store: Store,
        settings: &Settings,
        metrics: &Arc<Metrics>,
        links: &Links,
    ) -> Result<Arc<Self>, Failure> {
        let figures = metrics.access();
        let audit = Audit::open(store.clone(), figures.clone()).await.map_err(|error| of_store(&error))?;
        let books = Books::open(store.clone(), &settings.budget, &settings.ledger, figures.clone()).await;
        let books = books.map_err(|error| of_store(&error))?;
        let keys =
            Arc::new(Keys::open(&store, &settings.access, figures.clone()).await.map_err(|error| of_store(&error))?);
        let purses = {
            let books = Arc::clone(&books);
            Arc::new(move |identity: &_| books.purse(identity))
        };
        let gate = Gate::new(Arc::clone(&keys), purses, &settings.access, figures, links.rates());
        let gate = gate.map_err(|error| of_store(&error))?;
        let flags = Arc::new(Flags::new(&settings.flag, metrics));
        let load = Arc::new(History::open(&store).await.map_err(|error| of_store(&error))?);
        let votes = Votes::open(store.clone(), settings.ledger.calls_days, metrics.votes()).await;
        let votes = votes.map_err(|error| of_store(&error))?;
        let audit = Arc::new(audit);
        Ok(Arc::new(Self { gate: Arc::new(gate), keys, books, audit, flags, load, votes, store }))
    }

    /// Takes over what can change while serving.
    pub(crate) fn reload(&self, settings: &Settings) -> Result<(), AccessError> {
        self.gate.reload(&settings.access)?;
        self.books.reload(&settings.budget, &settings.ledger);
        self.flags.reload(&settings.flag);
        self.votes.reload(settings.ledger.calls_days);
        Ok(())
    }

    /// Writes down what was done at this machine, and has no transaction of its own.
    pub(crate) async fn record(&self, action: &'static str, target: String) {
        let Identity { subject, tenant, .. } = Identity::local();
        let entry = Entry { actor: subject, tenant, action, target, detail: json!({}) };
        if let Err(error) = self.audit.record(entry).await {
            tracing::warn!(%error, action, "the audit log could not be told");
        }
    }

    /// Whoever sits at this machine.
    pub(crate) fn local(&self) -> Guest {
        let identity = Arc::new(Identity::local());
        Guest { spend: self.books.purse(&identity), identity }
    }

    /// What REST resources stand on.
    pub(crate) fn services(&self, matrix: &Arc<Matrix>) -> Services {
        let (keys, books) = (Arc::clone(&self.keys), Arc::clone(&self.books));
        let (audit, flags, load) = (Arc::clone(&self.audit), Arc::clone(&self.flags), Arc::clone(&self.load));
        Services { keys, books, audit, flags, load, matrix: Arc::clone(matrix) }
    }

    /// Who lets callers in.
    pub(crate) fn desk(&self) -> Arc<Desk> {
        Arc::new(Desk { gate: Arc::clone(&self.gate), store: self.store.clone() })
    }

    /// Writes down what waits, gives back what was set aside, and closes the store.
    pub(crate) async fn close(&self) {
        self.books.close().await;
        self.votes.close().await;
        self.store.close().await;
    }
}
