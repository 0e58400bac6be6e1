//! Answers that are given again, and what is told of them.
//!
//! A kept answer costs nothing and reserves nothing. Requests that are alike in all that shapes their answer share it,
//! and those of one tenant only. Which those are and how entries are stored is the business of [`cache`]; how a question is put to a model,
//! that of whoever hands [`KeptAnswers::ask`] the way to do it.

mod opened;
mod put;
mod semantic;
mod stored;

pub(crate) use cache::{Key, Policy};
pub use opened::Events;
pub(crate) use put::Put;
pub(crate) use semantic::Similar;
pub(crate) type Subject<'a> = cache::Subject<'a, Arc<Endpoint>>;

use crate::AskError;
use ::semantic::{Semantic, SemanticState};
use arc_swap::ArcSwapOption;
use cache::{Cache, Dropped, Flights, Remote, Scope, Setup, Stats, Worker};
use measure::Metrics;
use models::Endpoint;
use opened::Opened;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{SystemTime, UNIX_EPOCH};
use stored::Stored;

/// What figures call this cache.
const NAME: &str = "answers";

/// Answers that are kept, and those that are on their way.
pub struct KeptAnswers {
    cache: Arc<Cache<Stored, AskError>>,
    streams: Arc<Flights<Result<Opened, AskError>>>,
    semantic: ArcSwapOption<Semantic<Key>>,
    metrics: Arc<Metrics>,
    /// Until when some model may be known to be missing, in milliseconds since 1970: mostly none is, and nobody looks.
    missing_until_ms: AtomicU64,
}

/// Who writes kept answers down and renews old ones, beside all requests.
pub struct Keeper(Worker<Stored, AskError>);

impl Keeper {
    /// Works until it is dropped.
    pub async fn run(&mut self) {
        self.0.run().await;
    }

    /// Writes down what waits for that, before the end.
    pub async fn settle(&mut self) {
        self.0.settle_writes().await;
    }
}

impl KeptAnswers {
    /// Opens what settings ask for: memory, a folder for the disk, and what replicas share.
    ///
    /// # Errors
    /// The folder cannot be made or read.
    pub fn open(
        settings: &settings::Cache,
        folder: Option<PathBuf>,
        remote: Option<Arc<dyn Remote>>,
        metrics: &Arc<Metrics>,
    ) -> io::Result<(Arc<Self>, Keeper)> {
        let clock = || {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        };
        let (settings, metrics, seed) = (settings.clone(), Arc::clone(metrics), fastrand::u64(..));
        Self::set_up(Setup { name: NAME, settings, folder, remote, metrics, clock: Arc::new(clock), seed })
    }

    fn set_up(setup: Setup) -> io::Result<(Arc<Self>, Keeper)> {
        let semantic = Semantic::new(&setup.settings.semantic, NAME, &setup.metrics, setup.seed).map(Arc::new);
        let (semantic, metrics) = (ArcSwapOption::new(semantic), Arc::clone(&setup.metrics));
        let (cache, worker) = Cache::open(setup)?;
        let (streams, missing_until_ms) = (Arc::default(), AtomicU64::new(0));
        Ok((Arc::new(Self { cache, streams, semantic, metrics, missing_until_ms }), Keeper(worker)))
    }

    /// How the tiers are doing.
    pub fn stats(&self) -> Stats {
        self.cache.stats()
    }

    /// How answers to similar questions are doing, where settings ask for them.
    pub fn similar(&self) -> Option<SemanticState> {
        self.semantic.load().as_ref().map(|semantic| semantic.state())
    }

    /// Drops what the scope names, on all replicas.
    pub async fn forget(&self, scope: Scope) -> Dropped {
        // What remembers a question whose answer has a tag finds out that it is gone.
        if let (Some(semantic), None) = (self.semantic.load_full(), &scope.tag) {
            semantic.clear(scope.tenant.as_deref());
        }
        self.cache.forget(scope).await
    }

    /// Takes over other sizes and lives. Other settings for similar questions begin anew.
    pub(crate) fn reload(&self, settings: &settings::Cache) {
        let before = self.semantic.load_full();
        if before.is_none_or(|before| *before.settings() != settings.semantic) {
            let semantic = Semantic::new(&settings.semantic, NAME, &self.metrics, fastrand::u64(..));
            self.semantic.store(semantic.map(Arc::new));
        }
        if let Err(error) = self.cache.reload(settings) {
            tracing::warn!(%error, "the cache on disk cannot be opened");
        }
    }
}

#[cfg(test)]
mod tests;
