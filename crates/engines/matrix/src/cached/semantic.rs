//! What was kept for a similar question, given where nothing is kept for this one.
//!
//! It stands between what is kept and the models: inside the flight of whoever asks, so that those who share the flight
//! share one look. Nothing here fails a request: without a vector in time, the models are asked as ever.

use super::put::outcome;
use super::stored::{Recording, Stored};
use super::{KeptAnswers, Subject};
use crate::matrix::Outcome;
use crate::report::Report;
use crate::{AskError, Vectors};
use ::semantic::{Near, Probe, Question, Semantic, asked, said};
use cache::{Age, Answer as Given, Found, Key, KeyMaker, Life, Value, Whence};
use caller::{Caller, Kept};
use consensus::{AGREE_MIN, Answer, Prompt, likeness};
use models::Cost;
use rust_decimal::Decimal;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use wire::openai::{ChatReply, ChatRequest, EmbeddingRequest};

/// The longest wait for a vector; a quarter of the time that is left where that is less.
const VECTOR_WAIT_MAX: Duration = Duration::from_secs(1);
/// Questions that are tried, where the answers of the nearest are gone.
const TRIES_MAX: usize = 3;

/// A question that may be answered with what is kept for another.
pub(crate) struct Similar<'a> {
    pub(crate) subject: Subject<'a>,
    /// Under which key its own answer is kept.
    pub(crate) key: Key,
    /// Whether what is kept will not do, or is old and this is to replace it.
    pub(crate) new: bool,
    pub(crate) caller: &'a Caller,
    pub(crate) request: &'a ChatRequest,
}

/// A kept answer to a similar question.
struct Hit {
    found: Found<Stored>,
    /// Its words.
    said: String,
    /// Why it is given.
    reason: String,
}

/// What a look took.
struct Spent {
    waited: Duration,
    cost: Cost,
}

/// Told of a stream that is complete and kept.
pub(crate) type Check = Box<dyn FnOnce(&Stored) + Send>;

impl KeptAnswers {
    /// The kept answer to a similar question, else what `put` brings, which is remembered for others; `vectors` asks for
    /// those of a text.
    pub(crate) async fn or_similar(
        &self,
        similar: Similar<'_>,
        vectors: impl AsyncFnOnce(Caller, EmbeddingRequest) -> Result<Vectors, AskError>,
        put: impl AsyncFnOnce() -> Result<Outcome, AskError>,
    ) -> Result<Outcome, AskError> {
        let Some(semantic) = self.semantic.load_full() else { return put().await };
        if similar.new {
            return put().await;
        }
        let Some((question, text)) = question(&similar, &semantic) else { return put().await };
        let (vector, spent) = Box::pin(vector(&semantic, similar.caller, &text, vectors)).await;
        let Some(vector) = vector else {
            semantic.failed();
            return put().await.map(|outcome| spent.added_to(outcome));
        };
        let probe = Probe { vector, ..question };
        let hit = match similar.caller.wishes.kept {
            Kept::Own => None,
            _ => Box::pin(self.hit(&semantic, &probe, similar.caller.deadline)).await,
        };
        let kept = match hit {
            Some(hit) if semantic.answers() => {
                self.cache.note_hit();
                return hit.outcome(similar.caller, &spent);
            }
            hit => hit.map(|hit| hit.said),
        };
        let mut outcome = put().await?;
        // Not before its answer is kept: others would find that gone.
        when_kept(&mut outcome, self.cache.entry_bytes_max(), move |fresh| {
            semantic.remember(probe);
            if let Some(kept) = kept {
                // Comparing long answers takes a while, and nobody waits for it.
                tokio::task::spawn_blocking(move || verify(&semantic, &kept, &fresh, &text));
            }
        });
        Ok(spent.added_to(outcome))
    }

    /// The kept answer to the nearest question, unless it is old; those whose answers are gone are forgotten.
    async fn hit(&self, semantic: &Arc<Semantic<Key>>, probe: &Probe<Key>, deadline: Instant) -> Option<Hit> {
        for _ in 0..TRIES_MAX {
            let near = nearest(semantic, probe, deadline).await?;
            if let Some(found) = self.cache.find(&near.key).await {
                // One that is old is for those to renew who ask its question.
                let said = words(&found.entry.value).filter(|_| !found.stale);
                if said.is_none() {
                    semantic.missed();
                }
                return said.map(|said| Hit { found, said, reason: near.reason() });
            }
            semantic.forget(probe, &near.key);
        }
        semantic.missed();
        None
    }
}

/// What is looked for, without its vector, and its text.
fn question(similar: &Similar<'_>, semantic: &Semantic<Key>) -> Option<(Probe<Key>, String)> {
    let Similar { subject, caller, request, .. } = similar;
    let asked = asked(request)?;
    // Vectors of different models have nothing in common.
    let vectors = subject.policy.version_of_vectors(semantic.settings().model.as_deref()?);
    let frame = subject.key_of_chat(caller, request, &asked.frame);
    let probe = Probe {
        tenant: Arc::clone(&caller.guest.identity.tenant),
        frame: KeyMaker::default().with(frame.bytes()).with(vectors.bytes()).key(),
        key: similar.key,
        question: Arc::new(Question::new(&asked.text)),
        vector: Arc::default(),
    };
    Some((probe, asked.text))
}

/// The vector of a text, and what it took: money like any other call, and little of the time that there is.
async fn vector(
    semantic: &Semantic<Key>,
    caller: &Caller,
    text: &str,
    vectors: impl AsyncFnOnce(Caller, EmbeddingRequest) -> Result<Vectors, AskError>,
) -> (Option<Arc<[f32]>>, Spent) {
    let started = Instant::now();
    let left = caller.deadline.saturating_duration_since(started);
    let deadline = started + (left / 4).min(VECTOR_WAIT_MAX);
    let made = match semantic.request(text) {
        Some(request) => timeout_at(deadline, vectors(Caller { deadline, ..caller.clone() }, request)).await.ok(),
        None => None,
    };
    let waited = started.elapsed();
    let none = Spent { waited, cost: Some(Decimal::ZERO) };
    match made {
        Some(Ok(Vectors { reply, report, .. })) => {
            (reply.vectors().into_iter().next().map(Arc::from), Spent { waited, cost: report.cost_usd })
        }
        Some(Err(error)) => {
            tracing::debug!(%error, "no vector to look for similar questions with");
            (None, none)
        }
        None => (None, none),
    }
}

/// Beside what else goes on, as going through many vectors takes milliseconds.
async fn nearest(semantic: &Arc<Semantic<Key>>, probe: &Probe<Key>, deadline: Instant) -> Option<Near<Key>> {
    let (semantic, probe) = (Arc::clone(semantic), probe.clone());
    let late = move || Instant::now() >= deadline;
    tokio::task::spawn_blocking(move || semantic.nearest(&probe, late)).await.ok().flatten()
}

impl Hit {
    /// The kept answer, with why it is given.
    fn outcome(self, caller: &Caller, spent: &Spent) -> Result<Outcome, AskError> {
        let (value, whence) = (self.found.entry.value.clone(), Whence::Kept(self.found.tier));
        let mut outcome = outcome(Given { value, whence, age: Age::Fresh }, caller, (Duration::ZERO, Instant::now()))?;
        let (Outcome::Whole { report, .. } | Outcome::Stream { report, .. }) = &mut outcome;
        report.reasons.push(self.reason);
        Ok(spent.added_to(outcome))
    }
}

impl Spent {
    fn added_to(&self, mut outcome: Outcome) -> Outcome {
        let (Outcome::Whole { report, waited, .. } | Outcome::Stream { report, waited, .. }) = &mut outcome;
        report.cost_usd = report.cost_usd.zip(self.cost).map(|(cost, vector)| cost + vector);
        *waited += self.waited;
        outcome
    }
}

/// Tells `then` what a model says, where that is kept and has words: at once, or when its stream is complete.
fn when_kept(outcome: &mut Outcome, bytes_max: usize, then: impl FnOnce(String) + Send + 'static) {
    match outcome {
        Outcome::Whole { reply, report, waited } => {
            let stored = Stored::Reply(ChatReply::clone(reply), Arc::new(Report::clone(report)), *waited);
            let kept = stored.life() != Life::None && stored.weight() <= bytes_max;
            kept.then(|| words(&stored)).flatten().map(then);
        }
        Outcome::Stream { stream, .. } => stream.when_complete(Box::new(|stored| _ = words(stored).map(then))),
    }
}

/// Compares what a model says with what would have been given.
fn verify(semantic: &Semantic<Key>, kept: &str, fresh: &str, question: &str) {
    let prompt = Prompt::new(question);
    let [kept, fresh] = [kept, fresh].map(|text| Answer::new(text, &prompt));
    semantic.note(likeness(&kept, &fresh) >= AGREE_MIN);
}

/// What a kept answer says.
fn words(stored: &Stored) -> Option<String> {
    match stored {
        Stored::Reply(reply, ..) => said(reply.dialect(), reply.bytes(), false),
        Stored::Stream(Recording { dialect, bytes }, _) => said(*dialect, bytes, true),
        Stored::Vectors(..) | Stored::Missing(_) => None,
    }
}
