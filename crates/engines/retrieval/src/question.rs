//! The vector of a question: from what is kept, or from whoever embeds, who has a short time for it and is left alone
//! for a while when that fails. It knows no document.

use crate::digest::Digest;
use bytes::Bytes;
use cache::{Cache, KeyMaker, Label, Life, Made, Wanted, Whence};
use embed::{EmbedError, Embedder, Urgency};
use guard::{Breaker, BreakerConfig, Permit};
use measure::{EmbedMetrics, Metrics};
use search::Vector;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Vectors of questions that are kept.
pub type KeptVectors = Cache<KeptVector, NoVector>;

/// When whoever embeds is left alone, and for how long.
const BREAKER: BreakerConfig = BreakerConfig { failures: 5, open: Duration::from_secs(60) };
/// What is kept in memory where nobody hands us a cache, in MiB.
const MEMORY_MB: u64 = 16;

/// A vector as caches keep it.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptVector(pub Vector);

impl cache::Value for KeptVector {
    fn weight(&self) -> usize {
        size_of_val::<[f32]>(&self.0)
    }

    fn pack(&self) -> Option<Bytes> {
        Some(crate::archive::pack(&self.0).into())
    }

    fn unpack(packed: Bytes) -> Option<Self> {
        crate::archive::unpack(&packed).map(Self)
    }
}

/// Why a question has no vector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoVector(pub Arc<str>);

/// Vectors kept in the memory of this process alone.
///
/// # Errors
/// None but those of the system.
pub(crate) fn in_memory(metrics: &Arc<Metrics>) -> io::Result<Arc<KeptVectors>> {
    let settings =
        settings::Cache { memory_mb: MEMORY_MB, disk_mb: 0, ttl_s: 7 * 86_400, ..settings::Cache::default() };
    let clock: cache::Clock = Arc::new(|| u64::try_from(calendar::now_ms()).unwrap_or_default());
    let (metrics, seed) = (Arc::clone(metrics), 0);
    let setup = cache::Setup { name: "vectors", settings, folder: None, remote: None, metrics, clock, seed };
    // Without tiers below memory there is nothing for its worker to do.
    Ok(Cache::open(setup)?.0)
}

/// Whoever embeds questions.
pub(crate) struct Questions {
    kept: Arc<KeptVectors>,
    desk: Option<Arc<Desk>>,
}

/// What an attempt needs.
struct Desk {
    embedder: Arc<dyn Embedder>,
    breaker: Mutex<Breaker>,
    wait: Duration,
    ttl: Duration,
    metrics: EmbedMetrics,
}

/// The vector of a question.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Meaning {
    pub(crate) vector: Vector,
    /// Whether it had to be made.
    pub(crate) embedded: bool,
}

impl Questions {
    pub(crate) fn new(
        kept: Arc<KeptVectors>,
        embedder: Option<Arc<dyn Embedder>>,
        (wait, ttl): (Duration, Duration),
        metrics: EmbedMetrics,
    ) -> Self {
        let breaker = || Mutex::new(Breaker::new(BREAKER));
        let desk = embedder.map(|embedder| Arc::new(Desk { embedder, breaker: breaker(), wait, ttl, metrics }));
        Self { kept, desk }
    }

    /// The vector of a question. Those who ask the same at the same time share one attempt.
    pub(crate) async fn vector(&self, text: &str) -> Result<Meaning, NoVector> {
        let Some(desk) = &self.desk else { return Err(NoVector(NOBODY.into())) };
        let meaning = self.kept_or_made(desk, text, false).await?;
        // One that was kept may be of before the server changed its model.
        if fits(&*desk.embedder, &meaning.vector) { Ok(meaning) } else { self.kept_or_made(desk, text, true).await }
    }

    async fn kept_or_made(&self, desk: &Arc<Desk>, text: &str, new: bool) -> Result<Meaning, NoVector> {
        let wanted = Wanted { key: key(&*desk.embedder, text), label: Label::default(), new, ttl: Some(desk.ttl) };
        let (attempt, text): (_, Arc<str>) = (Arc::clone(desk), text.into());
        let answer = self.kept.get_or(wanted, move |_| async move { attempt.embed(&text).await }).await;
        let answer = answer.map_err(|failed| failed.error)?;
        Ok(Meaning { vector: answer.value.0, embedded: answer.whence == Whence::Made })
    }

    /// The vector of a question that was asked a moment ago.
    pub(crate) fn known(&self, text: &str) -> Option<Vector> {
        let desk = self.desk.as_ref()?;
        let found = self.kept.in_memory(&key(&*desk.embedder, text))?;
        let vector = &found.entry.value.0;
        fits(&*desk.embedder, vector).then(|| Arc::clone(vector))
    }
}

/// Said where nobody embeds.
pub(crate) const NOBODY: &str = "words alone: there is no embedding model";

fn key(embedder: &dyn Embedder, text: &str) -> cache::Key {
    let dimensions = (embedder.dimensions() as u64).to_le_bytes();
    let maker = KeyMaker::default().with(b"vector").with(embedder.model().as_bytes()).with(&dimensions);
    maker.with(Digest::text(text).bytes()).key()
}

/// Whether a vector is one that its model makes: of its length, as far as that is known, and of unit length.
pub(crate) fn fits(embedder: &dyn Embedder, vector: &[f32]) -> bool {
    let dimensions = embedder.dimensions();
    let right = |number: &f32| number.abs() <= NUMBER_MAX;
    !vector.is_empty() && (dimensions == 0 || vector.len() == dimensions) && vector.iter().all(right)
}

/// The largest number of a vector of unit length, with some room for roundings.
const NUMBER_MAX: f32 = 1.001;

/// Whether a server refused because of what it was sent.
pub(crate) fn blames_text(error: &EmbedError) -> bool {
    matches!(error, EmbedError::Refused { status: 400 | 413 | 422, .. })
}

impl Desk {
    async fn embed(&self, text: &str) -> Result<Made<KeptVector>, NoVector> {
        let turn = Turn::begin(&self.breaker)
            .ok_or_else(|| NoVector("words alone: the embedding model keeps failing and is left alone".into()))?;
        let texts = [text];
        let attempt = tokio::time::timeout(self.wait, self.embedder.embed(&texts, Urgency::Now)).await;
        let to_blame = matches!(&attempt, Ok(Err(error)) if blames_text(error));
        let made = match attempt {
            Err(_) => Err(format!("it took longer than {} ms", self.wait.as_millis())),
            Ok(Err(error)) => Err(error.to_string()),
            Ok(Ok(vectors)) => vectors.into_iter().next().ok_or_else(|| "it made none".to_owned()),
        };
        let made = made.and_then(|vector| match fits(&*self.embedder, &vector) {
            true => Ok(vector),
            false => Err(format!("a vector of `{}` numbers is none of this model", vector.len())),
        });
        if to_blame {
            // It says nothing about whoever embeds: the next question may be taken.
            drop(turn);
        } else {
            turn.end(made.is_ok());
        }
        let vector = made.map_err(|reason| {
            tracing::warn!(reason, "a question could not be embedded");
            NoVector("words alone: the question could not be embedded".into())
        })?;
        self.metrics.texts.inc();
        Ok(Made { value: KeptVector(vector), life: Life::Usual })
    }
}

/// One attempt, as the breaker sees it; given up when dropped.
struct Turn<'a> {
    breaker: &'a Mutex<Breaker>,
    permit: Option<Permit>,
}

impl<'a> Turn<'a> {
    fn begin(breaker: &'a Mutex<Breaker>) -> Option<Self> {
        let permit = breaker.lock().unwrap_or_else(PoisonError::into_inner).admit(Instant::now().into_std());
        permit.ok().map(|permit| Self { breaker, permit: Some(permit) })
    }

    fn end(mut self, well: bool) {
        if let Some(permit) = self.permit.take() {
            let (mut breaker, now) =
                (self.breaker.lock().unwrap_or_else(PoisonError::into_inner), Instant::now().into_std());
            if well { breaker.success(permit, now) } else { breaker.failure(permit, now) }
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if let Some(permit) = self.permit.take() {
            let mut breaker = self.breaker.lock().unwrap_or_else(PoisonError::into_inner);
            breaker.abandon(permit, Instant::now().into_std());
        }
    }
}
