//! What was kept for a similar question, given where nothing is kept for this one.
//!
//! It stands between what is kept and the models: inside the flight of whoever asks, so that those who share the flight
//! share one look. Nothing here fails a request: without a vector in time, the models are asked as ever.

use super::put::outcome;
use super::stored::{Recording, Stored};
use super::{KeptAnswers, Subject};
use crate::matrix::Outcome;
use crate::{AskError, Vectors};
use ::semantic::{Near, Probe, Question, Semantic, asked, said};
use cache::{Age, Answer as Kept, Found, Key, Whence};
use caller::Caller;
use consensus::{AGREE_MIN, Answer, Prompt, likeness};
use models::Cost;
use rust_decimal::Decimal;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use wire::openai::{ChatRequest, EmbeddingRequest};

/// The longest wait for a vector; a quarter of the time that is left where that is less.
const VECTOR_WAIT_MAX: Duration = Duration::from_secs(1);
/// Questions that are tried, where the answers of the nearest are gone.
const TRIES_MAX: usize = 3;

/// A question that may be answered with what is kept for another.
pub(crate) struct Similar<'a> {
    pub(crate) subject: Subject<'a>,
    /// Under which key its own answer is kept.
    pub(crate) key: Key,
    /// Whether what is kept will not do.
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

/// Told of a stream that is complete.
pub(crate) type Check = Box<dyn FnOnce(&Recording) + Send>;

impl KeptAnswers {
    /// The kept answer to a similar question, else what `put` brings, which is remembered for others; `vectors` asks for
    /// those of a text.
    pub(crate) async fn or_similar<F: Future<Output = Result<Vectors, AskError>>>(
        &self,
        similar: Similar<'_>,
        vectors: impl FnOnce(Caller, EmbeddingRequest) -> F,
        put: impl Future<Output = Result<Outcome, AskError>>,
    ) -> Result<Outcome, AskError> {
        let Some(semantic) = self.semantic.load_full() else { return put.await };
        // What is kept all the same is old, and this is to replace it.
        if similar.new || self.cache.in_memory(&similar.key).is_some() {
            return put.await;
        }
        let Some((question, text)) = question(&similar) else { return put.await };
        let (vector, spent) = vector(&semantic, similar.caller, &text, vectors).await;
        let Some(vector) = vector else {
            semantic.failed();
            return put.await.map(|outcome| spent.added_to(outcome));
        };
        let probe = Probe { vector, ..question };
        let hit = self.hit(&semantic, &probe).await;
        let kept = match hit {
            Some(hit) if semantic.answers() => return hit.outcome(similar.caller, &spent),
            hit => hit.map(|hit| hit.said),
        };
        let mut outcome = put.await?;
        semantic.remember(probe);
        if let Some(kept) = kept {
            verify(semantic, kept, text, &mut outcome);
        }
        Ok(spent.added_to(outcome))
    }

    /// The kept answer to the nearest question, unless it is old; those whose answers are gone are forgotten.
    async fn hit(&self, semantic: &Arc<Semantic<Key>>, probe: &Probe<Key>) -> Option<Hit> {
        for _ in 0..TRIES_MAX {
            let near = nearest(semantic, probe).await?;
            let found = match self.cache.in_memory(&near.key) {
                Some(found) => Some(found),
                None => self.cache.look(&near.key).await,
            };
            if let Some(found) = found {
                // One that is old is for those to renew who ask its question.
                let said = words(&found.entry.value).filter(|_| !found.stale)?;
                return Some(Hit { found, said, reason: near.reason() });
            }
            semantic.forget(probe, &near.key);
        }
        None
    }
}

/// What is looked for, without its vector, and its text.
fn question(similar: &Similar<'_>) -> Option<(Probe<Key>, String)> {
    let Similar { subject, caller, request, .. } = similar;
    let asked = asked(request)?;
    let probe = Probe {
        tenant: Arc::clone(&caller.guest.identity.tenant),
        frame: subject.key_of_chat(caller, request, &asked.frame),
        key: similar.key,
        question: Arc::new(Question::new(&asked.text)),
        vector: Arc::default(),
    };
    Some((probe, asked.text))
}

/// The vector of a text, and what it took: money like any other call, and little of the time that there is.
async fn vector<F: Future<Output = Result<Vectors, AskError>>>(
    semantic: &Semantic<Key>,
    caller: &Caller,
    text: &str,
    vectors: impl FnOnce(Caller, EmbeddingRequest) -> F,
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
async fn nearest(semantic: &Arc<Semantic<Key>>, probe: &Probe<Key>) -> Option<Near<Key>> {
    let (semantic, probe) = (Arc::clone(semantic), probe.clone());
    tokio::task::spawn_blocking(move || semantic.nearest(&probe)).await.ok().flatten()
}

impl Hit {
    /// The kept answer, with why it is given.
    fn outcome(self, caller: &Caller, spent: &Spent) -> Result<Outcome, AskError> {
        let (value, whence) = (self.found.entry.value.clone(), Whence::Kept(self.found.tier));
        let mut outcome = outcome(Kept { value, whence, age: Age::Fresh }, caller, Instant::now())?;
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

/// Has what a model says compared with what would have been given: at once, or when its stream is complete.
fn verify(semantic: Arc<Semantic<Key>>, kept: String, question: String, outcome: &mut Outcome) {
    let compare = move |fresh: &str| {
        let prompt = Prompt::new(&question);
        let [kept, fresh] = [&kept, fresh].map(|text| Answer::new(text, &prompt));
        semantic.note(likeness(&kept, &fresh) >= AGREE_MIN);
    };
    // Long answers take a while, and nobody waits for this.
    let check = |fresh: Option<String>| {
        if let Some(fresh) = fresh {
            tokio::task::spawn_blocking(move || compare(&fresh));
        }
    };
    match outcome {
        Outcome::Whole { reply, .. } => check(said(reply.dialect(), reply.bytes(), false)),
        Outcome::Stream { stream, .. } => {
            stream.when_complete(Box::new(move |Recording { dialect, bytes }| check(said(*dialect, bytes, true))));
        }
    }
}

/// What a kept answer says.
fn words(stored: &Stored) -> Option<String> {
    match stored {
        Stored::Reply(reply, ..) => said(reply.dialect(), reply.bytes(), false),
        Stored::Stream(Recording { dialect, bytes }, _) => said(*dialect, bytes, true),
        Stored::Vectors(..) | Stored::Missing(_) => None,
    }
}
