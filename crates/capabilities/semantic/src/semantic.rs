//! All of it together: remembered questions, what was verified, and the figures.

use crate::memory::{BYTES_MAX, Found, Memory, Near, Probe, nearest};
use crate::verified::Verified;
use measure::{Count, Metrics};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use wire::openai::EmbeddingRequest;

/// What figures call this tier.
const TIER: &str = "semantic";

/// Answers to similar questions.
pub struct Semantic<K> {
    settings: settings::Semantic,
    memory: Mutex<Memory<K>>,
    verified: Mutex<Verified>,
    rng: Mutex<fastrand::Rng>,
    figures: Figures,
}

struct Figures {
    hit: Count,
    miss: Count,
    refused: Count,
    away: Count,
    right: Count,
    wrong: Count,
}

/// How answers to similar questions are doing.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SemanticState {
    /// Questions that are remembered, of all tenants.
    pub questions: usize,
    /// Requests for which a similar question was looked for, since the start.
    pub lookups: u64,
    /// Those that were answered with its kept answer.
    pub hits: u64,
    /// Those where a question was close, and differed in something decisive.
    pub refused: u64,
    /// Those that the embedding model gave no vector for.
    pub failed: u64,
    /// Hits for which the model was asked all the same, of the last 200.
    pub verified: usize,
    /// Those of them where it said something else.
    pub wrong: usize,
    /// `wrong` of `verified`; null before the first.
    pub error_rate: Option<f64>,
    /// The 95 % interval of that rate, by Wilson.
    pub interval: [f64; 2],
    /// Whether kept answers are given; not while `error_rate` is above `cache.semantic.errors_max`.
    pub answering: bool,
}

impl<K: Copy + Eq + Hash> Semantic<K> {
    /// As settings have it; `None` where they name no model. `seed` is where chance starts.
    pub fn new(settings: &settings::Semantic, cache: &str, metrics: &Metrics, seed: u64) -> Option<Self> {
        settings.model.as_ref()?;
        let looked = |outcome| metrics.cache_requests(cache, TIER, outcome);
        Some(Self {
            memory: Mutex::new(Memory::new(settings.entries_max, BYTES_MAX)),
            verified: Mutex::default(),
            rng: Mutex::new(fastrand::Rng::with_seed(seed)),
            figures: Figures {
                hit: looked("hit"),
                miss: looked("miss"),
                refused: looked("refused"),
                away: looked("away"),
                right: metrics.cache_semantic_verified("right"),
                wrong: metrics.cache_semantic_verified("wrong"),
            },
            settings: settings.clone(),
        })
    }

    /// The request for the vector of a text; `None` of no text.
    pub fn request(&self, text: &str) -> Option<EmbeddingRequest> {
        let body = json!({ "model": self.settings.model, "input": text }).to_string();
        EmbeddingRequest::parse(body.into()).ok()
    }

    /// The settings that it was made from.
    pub fn settings(&self) -> &settings::Semantic {
        &self.settings
    }

    /// The remembered question that resembles this one most and differs in nothing decisive. Takes time in proportion to
    /// what is remembered; once `late`, what was found until then has to do.
    pub fn nearest(&self, probe: &Probe<K>, late: impl Fn() -> bool) -> Option<Near<K>> {
        let frame = lock(&self.memory).frame(probe);
        let of_frame = |(frame, now)| nearest(probe, &frame, self.settings.similarity, now, late);
        match frame.map_or(Found::Nothing, of_frame) {
            Found::Near(near) => return Some(near),
            Found::Refused => self.figures.refused.inc(),
            Found::Nothing => self.figures.miss.inc(),
        }
        None
    }

    /// Remembers a question whose answer is being kept.
    pub fn remember(&self, probe: Probe<K>) {
        lock(&self.memory).remember(probe);
    }

    /// Forgets a question of the probe's frame, whose answer is gone.
    pub fn forget(&self, probe: &Probe<K>, key: &K) {
        lock(&self.memory).forget(&probe.tenant, &probe.frame, key);
    }

    /// Forgets all questions of a tenant, or of everybody.
    pub fn clear(&self, tenant: Option<&str>) {
        lock(&self.memory).clear(tenant);
    }

    /// Whether a hit is to be answered with what is kept; otherwise the model is asked all the same, and
    /// [`Semantic::note`] told what came of it.
    pub fn answers(&self) -> bool {
        let answers = lock(&self.verified).answers() && lock(&self.rng).f64() >= self.settings.verify;
        let figure = if answers { &self.figures.hit } else { &self.figures.miss };
        figure.inc();
        answers
    }

    /// Notes whether a kept answer would have been right.
    pub fn note(&self, right: bool) {
        let figure = if right { &self.figures.right } else { &self.figures.wrong };
        figure.inc();
        let (turned, share) = {
            let mut verified = lock(&self.verified);
            (verified.note(right, self.settings.errors_max), verified.share().unwrap_or_default())
        };
        let errors_max = self.settings.errors_max;
        match turned {
            Some(false) => {
                tracing::warn!(
                    share,
                    errors_max,
                    "answers to similar questions are wrong too often: none is given until that falls"
                );
            }
            Some(true) => tracing::info!(share, errors_max, "answers to similar questions are given again"),
            None => {}
        }
    }

    /// Counts a question whose nearest one's answer cannot be given.
    pub fn missed(&self) {
        self.figures.miss.inc();
    }

    /// Counts a question that got no vector.
    pub fn failed(&self) {
        self.figures.away.inc();
    }

    /// How it is doing.
    pub fn state(&self) -> SemanticState {
        let (questions, verified) = (lock(&self.memory).len(), lock(&self.verified));
        let Figures { hit, miss, away, refused, .. } = &self.figures;
        SemanticState {
            questions,
            lookups: hit.value() + miss.value() + refused.value() + away.value(),
            hits: hit.value(),
            refused: refused.value(),
            failed: away.value(),
            verified: verified.len(),
            wrong: verified.wrong(),
            error_rate: verified.share(),
            interval: verified.interval(),
            answering: verified.answers(),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
