//! The store's face: write, read, close.

use crate::address::Address;
use crate::config::Limits;
use crate::postgres::Postgres;
use crate::sqlite::Sqlite;
use crate::{Config, StoreError, Tx};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use measure::StoreMetrics;
use std::sync::Arc;
use std::time::Duration;

/// Which database it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Engine {
    /// The embedded one.
    Sqlite,
    /// A server.
    Postgres,
}

/// What a transaction may see of others that run at the same time. SQLite runs writers one after the other, so each
/// is serializable there whatever is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Isolation {
    /// As if it ran alone; it may have to run again, and does so by itself.
    #[default]
    Serializable,
    /// Each statement sees what was committed before it: for work whose every decision is made inside one statement.
    ReadCommitted,
}

/// Transactions on one database. Cheap to clone.
#[derive(Clone)]
pub struct Store(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) primary: Database,
    replica: Option<Database>,
    shown: String,
    limits: Limits,
    pub(crate) metrics: StoreMetrics,
}

pub(crate) enum Database {
    Sqlite(Box<Sqlite>),
    Postgres(Box<Postgres>),
}

impl Store {
    /// Opens the database, and makes it if it is a file that is not there.
    ///
    /// # Errors
    /// [`StoreError`]: it cannot be reached, is damaged, or the built-in SQLite is too old.
    pub async fn open(config: &Config, metrics: StoreMetrics) -> Result<Self, StoreError> {
        let primary = open(&config.primary, &config.limits, &metrics, measure::StorePool::Writer).await?;
        let replica = match &config.replica {
            None => None,
            Some(address) => Some(open(address, &config.limits, &metrics, measure::StorePool::Replica).await?),
        };
        Ok(Self(Arc::new(Inner { primary, replica, shown: config.shown(), limits: config.limits.clone(), metrics })))
    }

    /// Which database it is.
    pub fn engine(&self) -> Engine {
        match self.0.primary {
            Database::Sqlite(_) => Engine::Sqlite,
            Database::Postgres(_) => Engine::Postgres,
        }
    }

    /// The address as it can be shown: without a password.
    pub fn shown(&self) -> &str {
        &self.0.shown
    }

    /// Runs `work` in a transaction that is durable once its answer is here; an error of `work` undoes all of it.
    ///
    /// `work` may run several times, after conflicts, so it must change nothing but the database. Who stops waiting
    /// does not know whether it has happened.
    ///
    /// # Errors
    /// Whatever `work` returns, and [`StoreError`].
    pub async fn write<T, E, W>(&self, isolation: Isolation, work: W) -> Result<T, E>
    where
        W: for<'t> Fn(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + Sync + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.write_within(isolation, self.0.limits.transaction, work).await
    }

    /// Like [`Store::write`], with a time limit of its own.
    pub(crate) async fn write_within<T, E, W>(&self, isolation: Isolation, within: Duration, work: W) -> Result<T, E>
    where
        W: for<'t> Fn(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + Sync + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        match &self.0.primary {
            Database::Sqlite(database) => database.write(within, work).await,
            Database::Postgres(database) => database.write(isolation, within, work).await,
        }
    }

    /// Runs `work` on one consistent view of the data, with everything that was acknowledged before.
    ///
    /// # Errors
    /// Whatever `work` returns, and [`StoreError`].
    pub async fn read<T, E, W>(&self, work: W) -> Result<T, E>
    where
        W: for<'t> Fn(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + Sync,
        E: From<StoreError>,
    {
        self.0.primary.read(work).await
    }

    /// Like [`Store::read`], from a copy that may lag behind, where there is one: for reports, never for anything that
    /// a write depends on.
    ///
    /// # Errors
    /// As for [`Store::read`].
    pub async fn read_stale<T, E, W>(&self, work: W) -> Result<T, E>
    where
        W: for<'t> Fn(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + Sync,
        E: From<StoreError>,
    {
        self.0.replica.as_ref().unwrap_or(&self.0.primary).read(work).await
    }

    /// Asks the database for nothing, to see whether it answers.
    ///
    /// # Errors
    /// [`StoreError`] if it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.read(|tx| async { tx.fetch_one("SELECT 1", Vec::new()).await.map(drop) }.boxed()).await
    }

    /// Finishes what is in line and closes every connection.
    pub async fn close(&self) {
        for database in [Some(&self.0.primary), self.0.replica.as_ref()].into_iter().flatten() {
            match database {
                Database::Sqlite(database) => database.close().await,
                Database::Postgres(database) => database.close().await,
            }
        }
    }
}

impl Database {
    async fn read<T, E, W>(&self, work: W) -> Result<T, E>
    where
        W: for<'t> Fn(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + Sync,
        E: From<StoreError>,
    {
        match self {
            Self::Sqlite(database) => database.read(work).await,
            Self::Postgres(database) => database.read(work).await,
        }
    }
}

async fn open(
    address: &Address,
    limits: &Limits,
    metrics: &StoreMetrics,
    pool: measure::StorePool,
) -> Result<Database, StoreError> {
    Ok(match address {
        Address::Sqlite(path) => Database::Sqlite(Box::new(Sqlite::open(path, limits, metrics).await?)),
        Address::Postgres(server) => Database::Postgres(Box::new(Postgres::open(server, limits, metrics, pool).await?)),
    })
}
