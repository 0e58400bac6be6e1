//! Budgets and the ledger: money is set aside before it is spent, and each call is written down.
//!
//! A process sets money aside in the store for many requests at once and hands it out from memory; how much depends on
//! what is spent and on how much is left, so that close to a limit each request is set aside exactly. What is written
//! goes out together, now and then, in one transaction. What nobody hears of any more frees itself.

mod accounts;
mod budgets;
mod clerk;
mod csv;
mod desk;
mod error;
mod ledger;
mod limits;
mod line;
mod money;
mod name;
mod post;
mod prompts;
mod purge;
mod purse;
mod report;
mod schema;
mod tab;
#[cfg(test)]
mod tests;
mod turn;
mod wall;
mod window;

pub use budgets::{BudgetRow, BudgetState, BudgetTarget, Source};
pub use csv::{CsvRow, csv};
pub use error::BooksError;
pub use name::{Period, Scope};
pub use prompts::{PromptQuery, PromptRow};
pub use report::{By, CallQuery, CallRow, UsageQuery, UsageRow};

use caller::{Identity, Spend};
use clerk::Clerk;
use desk::{Config, Desk};
use limits::Defaults;
use measure::AccessMetrics;
use purse::Purse;
use std::sync::{Arc, Mutex, PoisonError};
use store::Store;
use tokio::task::JoinHandle;
use wall::Clock;

/// The books of a server.
pub struct Books {
    desk: Arc<Desk>,
    clerk: Mutex<Option<JoinHandle<()>>>,
}

impl Books {
    /// Opens the books, and makes their tables where they are not there yet.
    ///
    /// # Errors
    /// [`BooksError::Store`].
    pub async fn open(
        store: Store,
        budget: &settings::Budget,
        ledger: &settings::Ledger,
        metrics: AccessMetrics,
    ) -> Result<Arc<Self>, BooksError> {
        Self::open_with(store, budget, ledger, metrics, Clock::system()).await
    }

    async fn open_with(
        store: Store,
        budget: &settings::Budget,
        ledger: &settings::Ledger,
        metrics: AccessMetrics,
        clock: Clock,
    ) -> Result<Arc<Self>, BooksError> {
        audit::migrate(&store).await?;
        schema::migrate(&store).await?;
        let config = Config::new(budget, ledger);
        let desk = Arc::new(Desk::new(store, config, Defaults::new(budget), metrics, clock));
        desk.read_limits().await?;
        let clerk = tokio::spawn(Clerk::new(Arc::clone(&desk)).run());
        Ok(Arc::new(Self { desk, clerk: Mutex::new(Some(clerk)) }))
    }

    /// The purse of somebody who asks.
    pub fn purse(self: &Arc<Self>, identity: &Arc<Identity>) -> Arc<dyn Spend> {
        let account = self.desk.registry.account(identity);
        Arc::new(Purse { books: Arc::clone(self), account })
    }

    /// Takes over other settings: they hold from the next request on.
    pub fn reload(&self, budget: &settings::Budget, ledger: &settings::Ledger) {
        let desk = &self.desk;
        desk.config.store(Arc::new(Config::new(budget, ledger)));
        desk.limits.reload(Defaults::new(budget));
        desk.registry.set_limits(&desk.limits, budget.alert_share);
        desk.ring();
    }

    /// Writes what waits, and gives it back once it is durable.
    ///
    /// # Errors
    /// [`BooksError::Unwritten`] if the store cannot be written to now; nothing is lost by that.
    pub async fn flush(&self) -> Result<(), BooksError> {
        self.desk.flush().await.map_err(|_| BooksError::Unwritten)
    }

    /// Writes what waits and gives back what was set aside; afterwards nothing can be reserved.
    pub async fn close(&self) {
        self.desk.close();
        let clerk = self.clerk.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(clerk) = clerk
            && let Err(error) = clerk.await
        {
            tracing::error!(%error, "the books were not closed");
        }
    }
}

impl Drop for Books {
    fn drop(&mut self) {
        // Whoever forgot to close them: the clerk finishes on its own.
        self.desk.close();
    }
}
