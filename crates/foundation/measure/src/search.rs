//! Figures of finding: how long it takes, what is embedded, and how far that is.

use crate::handles::{Count, Level};
use crate::registrar::{Counters, Registrar, Timings};
use crate::rows;
use crate::timing::Timing;
use prometheus_client::metrics::gauge::Gauge;
use std::time::Duration;

/// The families, as they are registered.
#[derive(Debug)]
pub(crate) struct Searches {
    duration: Timings<1>,
    degraded: Counters<1>,
    texts: Counters<0>,
    waiting: Gauge,
    documents: Gauge,
    embedded: Gauge,
}

impl Searches {
    pub(crate) fn register(registrar: &mut Registrar) -> Self {
        Self {
            duration: registrar.timings(&rows::SEARCH_DURATION, rows::OVERHEAD_BOUNDS_S),
            degraded: registrar.counters(&rows::SEARCH_DEGRADED),
            texts: registrar.counters(&rows::EMBED_TEXTS),
            waiting: registrar.gauge(&rows::EMBED_WAITING),
            documents: registrar.gauge(&rows::SEARCH_DOCUMENTS),
            embedded: registrar.gauge(&rows::SEARCH_EMBEDDED),
        }
    }

    pub(crate) fn index(&self, index: &str) -> SearchMetrics {
        SearchMetrics { duration: self.duration.with([index]), degraded: Count(self.degraded.with([index])) }
    }

    pub(crate) fn embed(&self) -> EmbedMetrics {
        EmbedMetrics {
            texts: Count(self.texts.with([])),
            waiting: Level(self.waiting.clone()),
            documents: Level(self.documents.clone()),
            embedded: Level(self.embedded.clone()),
        }
    }
}

/// The handles of one kind of index.
#[derive(Debug, Clone)]
pub struct SearchMetrics {
    duration: Timing,
    /// Searches that went without vectors, or without some of them.
    pub degraded: Count,
}

impl SearchMetrics {
    /// One search took this long, the embedding of its question not included.
    pub fn took(&self, took: Duration) {
        self.duration.observe(took);
    }
}

/// The handles of what is embedded.
#[derive(Debug, Clone)]
pub struct EmbedMetrics {
    /// Texts that were embedded.
    pub texts: Count,
    /// Documents and learned questions that wait for their vectors.
    pub waiting: Level,
    /// Documents that can be found.
    pub documents: Level,
    /// Those whose vectors are all there.
    pub embedded: Level,
}
