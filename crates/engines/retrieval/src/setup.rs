//! What this room is made of and by which rules it works.

use crate::Collection;
use crate::limits::Limits;
use crate::question::KeptVectors;
use embed::Embedder;
use measure::Metrics;
use search::Index;
use settings::{Ranking, Settings};
use std::sync::Arc;
use std::time::Duration;

/// Milliseconds since 1970.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// What it is made of.
pub struct Setup {
    /// Where documents are indexed.
    pub index: Arc<dyn Index>,
    /// Who makes vectors; without anybody all goes by words.
    pub embedder: Option<Arc<dyn Embedder>>,
    /// Where vectors of questions are kept; without one, in the memory of this process.
    pub kept: Option<Arc<KeptVectors>>,
    /// By which rules.
    pub rules: Rules,
    /// What is taken at most.
    pub limits: Limits,
    /// Where figures go.
    pub metrics: Arc<Metrics>,
    /// What time it is.
    pub clock: Clock,
}

impl Setup {
    /// As settings say, with the clock on the wall.
    pub fn new(
        index: Arc<dyn Index>,
        embedder: Option<Arc<dyn Embedder>>,
        settings: &Settings,
        metrics: Arc<Metrics>,
    ) -> Self {
        let (rules, limits) = (Rules::new(settings), Limits::default());
        Self { index, embedder, kept: None, rules, limits, metrics, clock: Arc::new(calendar::now_ms) }
    }
}

/// By which rules it works.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// How tools are ranked.
    pub tools: Ranking,
    /// How passages are ranked.
    pub passages: Ranking,
    /// How many texts are embedded together, and kept in one transaction.
    pub batch: usize,
    /// How many questions are remembered of each document and tenant; 0 learns nothing and uses nothing.
    pub learned_max: usize,
    /// How long a question may wait for its vector.
    pub question_wait: Duration,
    /// How long the vector of a question is kept.
    pub question_ttl: Duration,
}

impl Rules {
    /// As settings say.
    pub fn new(settings: &Settings) -> Self {
        Self {
            tools: settings.search.tools.clone(),
            passages: settings.search.passages.clone(),
            batch: settings.embed.batch.max(1),
            learned_max: settings.tools.learned_max,
            question_wait: Duration::from_millis(settings.embed.question_ms),
            question_ttl: Duration::from_secs(settings.tools.embedding_ttl_s),
        }
    }

    pub(crate) fn ranking(&self, collection: &Collection) -> &Ranking {
        match collection {
            Collection::Tools => &self.tools,
            Collection::Passages(_) => &self.passages,
        }
    }
}
