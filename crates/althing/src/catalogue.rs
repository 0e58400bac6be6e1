//! The catalogue of tools, put together: who embeds, where documents are found, who calls what was found.

use crate::data;
use crate::exit::{CONFIGURATION, FAILED, Failure};
use crate::sharing::Links;
use crate::wiring::of_store;
use cache::Remote;
use caller::{Resources, Tool};
use embed::{EmbedError, Embedder};
use fault::Explain;
use measure::Metrics;
use net::{Guarded, GuardedConfig};
use retrieval::{KeptVectors, Progress, Retrieval, Rules};
use settings::{EmbedKind, Settings};
use std::path::Path;
use std::sync::Arc;
use store::Store;
use tokio::task::JoinHandle;
use toolbox::{Stock, Toolbox};

/// The most memory that searches and definitions take, and vectors of questions beside them, in MiB each.
const MEMORY_MB_MAX: u64 = 32;
/// The name under which the catalogue's own tools are shown.
pub(crate) const TOOLSET: &str = "tools";

/// Who embeds, on its way: weights are read beside whatever else a start does.
pub(crate) struct Embedding {
    opened: JoinHandle<Result<Option<Arc<dyn Embedder>>, EmbedError>>,
    /// Whether the server does without a model that cannot be used.
    any: bool,
}

impl Embedding {
    /// Begins to open it, within a runtime.
    pub(crate) fn begin(settings: &Settings, data: &Path) -> Self {
        let models = data::models().unwrap_or_else(|| data.join("models"));
        let (settings, any) =
            (settings.embed.clone(), matches!(settings.embed.kind, EmbedKind::Auto | EmbedKind::Onnx));
        Self { opened: tokio::task::spawn_blocking(move || embed::open(&settings, &models)), any }
    }

    /// Who embeds; nobody where there is no model.
    pub(crate) async fn end(self) -> Result<Option<Arc<dyn Embedder>>, Failure> {
        let opened = self.opened.await;
        match opened.map_err(|error| Failure::new(FAILED, format!("the embedder broke off: {error}")))? {
            Ok(embedder) => Ok(embedder),
            // A damaged one is no worse than none, and is said; one that no change of files would bring is refused.
            Err(error) if self.any && error != EmbedError::NotBuilt => {
                let hint = error.hint().unwrap_or_default();
                tracing::warn!(%error, hint, "going on by words alone");
                Ok(None)
            }
            Err(error) => Err(Failure::of(&error).code(CONFIGURATION)),
        }
    }
}

/// The catalogue and who finds in it.
pub(crate) struct Catalogue {
    pub(crate) toolbox: Arc<Toolbox>,
    pub(crate) retrieval: Arc<Retrieval>,
    /// Keeps vectors of questions below memory.
    keeper: JoinHandle<()>,
}

impl Catalogue {
    /// Opens it: words find at once, vectors follow in the background.
    pub(crate) async fn open(
        store: &Store,
        settings: &Settings,
        data: &Path,
        metrics: &Arc<Metrics>,
        links: &Links,
        embedding: Embedding,
    ) -> Result<Self, Failure> {
        let remote = links.cache().map(|link| Arc::new(link) as Arc<dyn Remote>);
        let (kept, keeper) = vectors(settings, data, metrics, remote.clone())?;
        let index = Arc::new(search::Embedded::default());
        let tools = async { Stock::read(store).await.map_err(|error| of_store(&error)) };
        let words = async { retrieval::Stock::read(store, &*index).await.map_err(|error| of_store(&error)) };
        let (tools, words, embedder) = tokio::try_join!(tools, words, embedding.end())?;
        let setup = retrieval::Setup::new(index, embedder, settings, Arc::clone(metrics));
        let setup = retrieval::Setup { kept: Some(kept), ..setup };
        let retrieval = Retrieval::open_with(store.clone(), setup, words).map_err(|error| of_store(&error))?;
        let networks = settings.tools.allowed_networks.iter();
        let allowed = networks.filter_map(|network| settings::network(network)).collect();
        let setup = toolbox::Setup {
            store: store.clone(),
            retrieval: Arc::clone(&retrieval),
            guarded: Guarded::new(GuardedConfig { allowed, ..GuardedConfig::default() }),
            settings: settings.tools.clone(),
            cache: tier(settings),
            folder: Some(data.join("cache-tools")),
            remote,
            metrics: Arc::clone(metrics),
        };
        let toolbox = Toolbox::open_with(setup, tools).await.map_err(|error| of_store(&error))?;
        Ok(Self { toolbox, retrieval, keeper })
    }

    /// Takes over what can change while serving.
    pub(crate) fn reload(&self, settings: &Settings) {
        self.retrieval.reload(Rules::new(settings));
        self.toolbox.reload(settings.tools.clone());
    }

    /// The tools that find and call all others.
    pub(crate) fn core(&self) -> Vec<Arc<dyn Tool>> {
        self.toolbox.core_tools()
    }

    /// Further lists of tools, by name.
    pub(crate) fn toolsets(&self) -> Vec<(String, Vec<Arc<dyn Tool>>)> {
        vec![(TOOLSET.to_owned(), self.toolbox.toolset())]
    }

    /// What can be read by its URI.
    pub(crate) fn resources(&self) -> Vec<Arc<dyn Resources>> {
        vec![self.toolbox.resources()]
    }

    /// What there is, in words for whoever starts a server.
    pub(crate) fn notes(&self) -> [(&'static str, String); 2] {
        let Progress { model, place, waiting, .. } = self.retrieval.progress();
        let embedder = match (model, place) {
            (Some(model), Some(place)) => format!("{model} on {place}"),
            (Some(model), None) => model,
            (None, _) => "none: tools are found by words alone; `make model` gets one".to_owned(),
        };
        let tools = match (self.toolbox.len(), waiting) {
            (0, _) => "none yet; `althing tools import FILE` brings some".to_owned(),
            (tools, 0) => format!("{tools} known"),
            (tools, waiting) => format!("{tools} known, {waiting} wait for their vectors"),
        };
        [("embedder", embedder), ("tools", tools)]
    }

    /// Writes what is not written yet, before the store is closed.
    pub(crate) async fn close(&self) {
        self.toolbox.close().await;
        self.retrieval.close().await;
        self.keeper.abort();
    }
}

/// A tier's settings, with a bound on memory that leaves room for the catalogue itself.
fn tier(settings: &Settings) -> settings::Cache {
    let memory_mb = settings.cache.memory_mb.min(MEMORY_MB_MAX);
    settings::Cache { memory_mb, ..settings.cache.clone() }
}

/// Where vectors of questions are kept.
fn vectors(
    settings: &Settings,
    data: &Path,
    metrics: &Arc<Metrics>,
    remote: Option<Arc<dyn Remote>>,
) -> Result<(Arc<KeptVectors>, JoinHandle<()>), Failure> {
    let folder = data.join("cache-vectors");
    let setup = cache::Setup {
        name: "vectors",
        settings: tier(settings),
        folder: Some(folder.clone()),
        remote,
        metrics: Arc::clone(metrics),
        clock: Arc::new(|| calendar::now_ms().unsigned_abs()),
        seed: fastrand::u64(..),
    };
    let (kept, mut worker) = KeptVectors::open(setup).map_err(|error| {
        let message = format!("the cache cannot be opened in `{}`: {error}", folder.display());
        Failure::new(FAILED, message).hint("see who may write there, or set `cache.disk_mb = 0`")
    })?;
    Ok((kept, tokio::spawn(async move { worker.run().await })))
}
