//! What everybody in this room works with, and how far things are.

use crate::RetrievalError;
use crate::document::{Collection, Progress};
use crate::limits::Limits;
use crate::question::{NOBODY, Questions, in_memory};
use crate::setup::{Clock, Rules, Setup};
use crate::shelf::{Count, Shelf};
use arc_swap::ArcSwap;
use embed::Embedder;
use measure::{EmbedMetrics, SearchMetrics};
use search::Index;
use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use store::Store;
use tokio::sync::{Notify, watch};

/// What everybody works with.
pub(crate) struct Desk {
    pub(crate) store: Store,
    pub(crate) index: Arc<dyn Index>,
    pub(crate) embedder: Option<Arc<dyn Embedder>>,
    pub(crate) questions: Questions,
    pub(crate) rules: ArcSwap<Rules>,
    pub(crate) limits: Limits,
    pub(crate) clock: Clock,
    /// Whoever changes the store and then the index holds this, so that the index follows the store.
    pub(crate) writing: tokio::sync::Mutex<()>,
    pub(crate) embed_metrics: EmbedMetrics,
    tools_metrics: SearchMetrics,
    passages_metrics: SearchMetrics,
    shelf: Mutex<Shelf>,
    /// Why nothing can be embedded now.
    trouble: Mutex<Option<String>>,
    /// Rung when something waits for the clerk, or it is to stop.
    bell: Notify,
    /// How many wait for their vectors.
    waiting: watch::Sender<usize>,
    stopped: AtomicBool,
}

impl Desk {
    pub(crate) fn new(store: Store, setup: Setup, mut shelf: Shelf) -> Result<Self, RetrievalError> {
        let Setup { index, embedder, kept, rules, limits, metrics, clock } = setup;
        if embedder.is_none() {
            shelf.unqueue();
        }
        let kept = match kept {
            Some(kept) => kept,
            None => in_memory(&metrics).map_err(RetrievalError::Cache)?,
        };
        let embed_metrics = metrics.embed();
        let patience = (rules.question_wait, rules.question_ttl);
        let questions = Questions::new(kept, embedder.clone(), patience, embed_metrics.clone());
        Ok(Self {
            store,
            index,
            embedder,
            questions,
            rules: ArcSwap::from_pointee(rules),
            limits,
            clock,
            writing: tokio::sync::Mutex::default(),
            embed_metrics,
            tools_metrics: metrics.search("tools"),
            passages_metrics: metrics.search("passages"),
            shelf: Mutex::new(shelf),
            trouble: Mutex::default(),
            bell: Notify::new(),
            waiting: watch::Sender::new(0),
            stopped: AtomicBool::new(false),
        })
    }

    pub(crate) fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn metrics(&self, collection: &Collection) -> &SearchMetrics {
        match collection {
            Collection::Tools => &self.tools_metrics,
            Collection::Passages(_) => &self.passages_metrics,
        }
    }

    /// Tells everybody who looks how far things are, and the clerk that there may be something to do.
    pub(crate) fn tell(&self) {
        let (Count { documents, whole }, waiting) = {
            let shelf = self.shelf();
            (shelf.counts(), shelf.waiting())
        };
        let level = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.embed_metrics.documents.set(level(documents));
        self.embed_metrics.embedded.set(level(whole));
        self.embed_metrics.waiting.set(level(waiting));
        self.waiting.send_replace(waiting);
        self.bell.notify_one();
    }

    /// Returns once somebody told something, at once if that was since the last time.
    pub(crate) async fn told(&self) {
        self.bell.notified().await;
    }

    /// Notes why nothing can be embedded, or that it can.
    pub(crate) fn note_trouble(&self, trouble: Option<String>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
        self.bell.notify_one();
        self.waiting.send_modify(|_| {});
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    pub(crate) async fn settled(&self) -> bool {
        let vain = || self.is_stopped() || self.trouble.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        // The sender lives as long as we do.
        let _ = self.waiting.subscribe().wait_for(|waiting| *waiting == 0 || vain()).await;
        *self.waiting.borrow() == 0
    }

    /// How many texts are embedded together.
    pub(crate) fn batch(&self) -> usize {
        let wanted = self.embedder.as_ref().and_then(|embedder| embedder.batch());
        wanted.unwrap_or_else(|| self.rules.load().batch).max(1)
    }

    pub(crate) fn progress(&self) -> Progress {
        let shelf = self.shelf();
        let Count { documents, whole } = shelf.counts();
        let (waiting, refused, learned) = (shelf.waiting(), shelf.refused(), shelf.learned);
        drop(shelf);
        let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let model = self.embedder.as_ref().map(|embedder| embedder.model().to_owned());
        let place = self.embedder.as_ref().and_then(|embedder| embedder.place()).map(str::to_owned);
        let degraded = match (&model, trouble) {
            (None, _) => Some(NOBODY.to_owned()),
            (Some(_), Some(trouble)) => Some(format!("{waiting} wait for their vectors: {trouble}")),
            (Some(_), None) if waiting > 0 => Some(format!("{waiting} wait for their vectors")),
            (Some(_), None) if refused > 0 => Some(format!("the model refused {refused} texts")),
            (Some(_), None) => None,
        };
        Progress { documents, embedded: whole, waiting, refused, learned, model, place, degraded }
    }

    /// What a question about scopes of a collection has to go without, beside its own vector.
    pub(crate) fn lacking(&self, collection: &str, scopes: &[Arc<str>]) -> Option<Cow<'static, str>> {
        let Count { documents, whole } = self.shelf().count(collection, scopes);
        (whole < documents).then(|| format!("{} of {documents} documents go by words alone", documents - whole).into())
    }
}
