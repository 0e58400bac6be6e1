//! The one task that brings vectors to documents: first those in the store, then, a batch and a commit at a time, those
//! that have to be made. It also removes vectors that nobody needs any more.

use crate::attach::{self, attach};
use crate::desk::Desk;
use crate::digest::Digest;
use crate::entry::{Entry, Place};
use crate::question::{blames_text, fits};
use crate::{RetrievalError, archive};
use embed::{EmbedError, Embedder, Urgency};
use search::Vector;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// Places whose vectors are looked for together.
const SLICE: usize = 256;
/// The pause after something failed, doubled each time, at most a minute.
const AGAIN: Duration = Duration::from_secs(1);
const AGAIN_MAX: Duration = Duration::from_secs(60);
/// How often vectors that nobody needs are removed; the first time a minute after the start, soon again if there are more.
const PURGE: Duration = Duration::from_secs(3_600);
const PURGE_FIRST: Duration = Duration::from_secs(60);
const PURGE_MORE: Duration = Duration::from_secs(1);

/// What it does for places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    /// Looks for their vectors in the store.
    Finding,
    /// Makes them.
    Embedding,
}

/// The clerk.
pub(crate) struct Clerk {
    desk: Arc<Desk>,
    purge: Instant,
    pause: Duration,
    /// Until when nothing is embedded, as something failed.
    resting: Option<Instant>,
}

impl Clerk {
    pub(crate) fn new(desk: Arc<Desk>) -> Self {
        Self { desk, purge: Instant::now() + PURGE_FIRST, pause: AGAIN, resting: None }
    }

    /// Works until it is told to stop.
    pub(crate) async fn run(mut self) {
        let desk = Arc::clone(&self.desk);
        let Some(embedder) = &desk.embedder else { return };
        if let Err(error) = archive::note_model(&desk.store, embedder.model(), (desk.clock)()).await {
            tracing::warn!(%error, "which model is in force could not be noted");
        }
        while !desk.is_stopped() {
            if self.purge <= Instant::now() {
                self.purge().await;
            }
            self.resting = self.resting.filter(|until| *until > Instant::now());
            let (fresh, missing) = {
                let shelf = desk.shelf();
                (shelf.has_fresh(), shelf.has_missing())
            };
            if fresh {
                let places = desk.shelf().take_fresh(SLICE);
                let left = attach(&desk, &places).await.map_err(|error| error.to_string());
                self.ended(places, left, Work::Finding);
            } else if missing && self.resting.is_none() {
                let places = desk.shelf().take_missing(desk.batch());
                let left = embed(&desk, &**embedder, &places).await;
                self.ended(places, left, Work::Embedding);
            } else {
                let until = self.resting.map_or(self.purge, |resting| resting.min(self.purge));
                tokio::select! {
                    () = desk.told() => {}
                    () = sleep_until(until) => {}
                }
            }
        }
    }

    /// Puts places back that are not done; after a failure all of them, and embeds nothing for a while. What is in the store is
    /// still found meanwhile.
    fn ended(&mut self, places: Vec<Place>, left: Result<Vec<Place>, String>, work: Work) {
        let failed = left.as_ref().err().cloned();
        {
            let mut shelf = self.desk.shelf();
            shelf.finish();
            left.unwrap_or(places).into_iter().for_each(|place| shelf.queue_missing(place));
        }
        let Some(trouble) = failed else {
            if work == Work::Embedding {
                self.pause = AGAIN;
                self.desk.note_trouble(None);
            }
            self.desk.tell();
            return;
        };
        tracing::warn!(trouble, pause_s = self.pause.as_secs(), "documents wait for their vectors");
        self.desk.note_trouble(Some(trouble));
        self.desk.tell();
        self.resting = Some(Instant::now() + self.pause);
        self.pause = (self.pause * 2).min(AGAIN_MAX);
    }

    async fn purge(&mut self) {
        let desk = &self.desk;
        let before_ms = (desk.clock)() - i64::from(desk.limits.unused_days) * calendar::DAY_MS;
        let purged = archive::purge(&desk.store, before_ms, desk.limits.models_max).await;
        let more = purged.unwrap_or_else(|error| {
            tracing::warn!(%error, "vectors that nobody needs could not be removed");
            false
        });
        self.purge = Instant::now() + if more { PURGE_MORE } else { PURGE };
    }
}

/// Makes the vectors that entries at places lack, and brings them there; answers places that still lack some, or says
/// what is wrong.
async fn embed(desk: &Desk, embedder: &dyn Embedder, places: &[Place]) -> Result<Vec<Place>, String> {
    let told = |error: RetrievalError| error.to_string();
    let entries = archive::entries(&desk.store, places).await.map_err(|error| told(error.into()))?;
    let known = attach::known(desk, &entries).await.map_err(|error| told(error.into()))?;
    let mut made = HashMap::new();
    let mut texts: HashMap<Digest, &str> = HashMap::new();
    for (digest, text) in entries.iter().flat_map(Entry::digested) {
        if known.contains_key(&digest) || desk.shelf().is_refused(&digest) {
            continue;
        }
        // A question that is learned was asked a moment ago.
        match desk.questions.known(text) {
            Some(vector) => drop(made.insert(digest, vector)),
            None => drop(texts.insert(digest, text)),
        }
    }
    keep(desk, embedder, &made).await?;
    let texts: Vec<(Digest, &str)> = texts.into_iter().collect();
    for batch in texts.chunks(desk.batch()) {
        if desk.is_stopped() {
            return Ok(places.to_vec());
        }
        let made = batch_of(desk, embedder, batch).await.map_err(|error| error.to_string())?;
        keep(desk, embedder, &made).await?;
    }
    attach(desk, places).await.map_err(told)
}

/// The vectors of a batch. Where one of its texts is to blame they are made one by one, and those refused are noted.
async fn batch_of(
    desk: &Desk,
    embedder: &dyn Embedder,
    batch: &[(Digest, &str)],
) -> Result<HashMap<Digest, Vector>, EmbedError> {
    let texts: Vec<&str> = batch.iter().map(|(_, text)| *text).collect();
    match embedder.embed(&texts, Urgency::Background).await {
        Ok(vectors) => {
            desk.embed_metrics.texts.add(vectors.len() as u64);
            return Ok(batch.iter().map(|(digest, _)| *digest).zip(vectors).collect());
        }
        Err(error) if !blames_text(&error) => return Err(error),
        Err(_) => {}
    }
    let mut made = HashMap::new();
    for (digest, text) in batch {
        match embedder.embed(&[text], Urgency::Background).await {
            Ok(vectors) => {
                desk.embed_metrics.texts.add(vectors.len() as u64);
                made.extend(vectors.into_iter().next().map(|vector| (*digest, vector)));
            }
            Err(error) if blames_text(&error) => {
                tracing::warn!(%error, bytes = text.len(), "the embedding model refuses a text: words alone find it");
                desk.shelf().refuse(*digest);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(made)
}

/// Commits vectors.
async fn keep(desk: &Desk, embedder: &dyn Embedder, made: &HashMap<Digest, Vector>) -> Result<(), String> {
    if !made.values().all(|vector| fits(embedder, vector)) {
        let dimensions = embedder.dimensions();
        return Err(format!("`{}` made vectors that are none of its {dimensions} dimensions", embedder.model()));
    }
    if made.is_empty() {
        return Ok(());
    }
    let kept = archive::keep_vectors(&desk.store, embedder.model(), made, (desk.clock)()).await;
    kept.map_err(|error| error.to_string())
}
