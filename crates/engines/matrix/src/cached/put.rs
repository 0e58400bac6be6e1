//! A question put to what is kept, to whoever asks the same already, or to a model: in this order.

use super::KeptAnswers;
use super::Subject;
use super::opened::{Events, Live, Opened, Reader, Record};
use super::stored::Stored;
use crate::matrix::Outcome;
use crate::report::Report;
use crate::{AskError, Vectors};
use cache::{Age, Answer, Failed, Found, Life, Made, Ticket, Wanted, Whence};
use caller::Caller;
use fault::Retry;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use models::ModelError;
use rust_decimal::Decimal;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use wire::openai::Attempt;

/// A way to put a question to a model, as often as it takes; told whether what is kept will not do.
pub(crate) type Put<T> = Arc<dyn Fn(bool) -> BoxFuture<'static, Result<T, AskError>> + Send + Sync>;

/// How often somebody joins others before asking alone.
const JOINS_MAX: u32 = 2;
/// How long after a deadline those who share an answer are still waited for: whoever asks for them says more about why it
/// did not come.
const GRACE: Duration = Duration::from_millis(20);
/// What is told of an answer that was made for somebody else.
const SHARED: &str = "shared with an identical request in flight";
/// What is told of an old answer.
const STALE: &str = "an old answer: a new one is being fetched";
/// What is told of one that whoever got it has replaced, and pays for that.
const RENEWED: &str = "an old answer: a new one is being fetched at your expense, beside `cost_usd`";

impl KeptAnswers {
    /// A whole answer.
    pub(crate) async fn ask(&self, wanted: Wanted, caller: &Caller, put: Put<Outcome>) -> Result<Outcome, AskError> {
        let make: Put<Made<Stored>> = Arc::new(move |new| {
            let asked = put(new);
            Box::pin(async move { asked.await.and_then(whole) })
        });
        let started = Instant::now();
        outcome(self.landed(wanted, caller, make).await?, caller, (Duration::ZERO, started))
    }

    /// Vectors.
    pub(crate) async fn embed(
        &self,
        wanted: Wanted,
        caller: &Caller,
        inputs: usize,
        put: Put<Vectors>,
    ) -> Result<Vectors, AskError> {
        let make: Put<Made<Stored>> = Arc::new(move |new| {
            let asked = put(new);
            Box::pin(async move {
                let Vectors { reply, report, waited } = asked.await?;
                Ok(made(Stored::Vectors(reply, inputs, Arc::new(report), waited)))
            })
        });
        let started = Instant::now();
        match self.landed(wanted, caller, make).await? {
            Answer { value: Stored::Vectors(reply, _, report, waited), whence, age } => {
                let (report, waited) = told(&report, (whence, age), caller, (waited, started));
                Ok(Vectors { reply, report, waited })
            }
            _ => Err(no_answer("what is kept holds no vectors")),
        }
    }

    /// What is kept, shared or made. An attempt of somebody else that failed for want of their time, money or rank is no
    /// answer for others.
    async fn landed(
        &self,
        wanted: Wanted,
        caller: &Caller,
        make: Put<Made<Stored>>,
    ) -> Result<Answer<Stored>, AskError> {
        for _ in 0..JOINS_MAX {
            let make = Arc::clone(&make);
            let asked = self.cache.get_or(wanted.clone(), move |new| make(new));
            match until(caller, asked).await? {
                Ok(answer) => return Ok(answer),
                Err(Failed { error, shared: true }) if is_personal(&error) => {}
                Err(Failed { error, .. }) => return Err(error),
            }
        }
        Ok(Answer { value: make(wanted.new).await?.value, whence: Whence::Made, age: Age::Fresh })
    }

    /// An answer as a stream.
    pub(crate) async fn stream(&self, wanted: Wanted, caller: &Caller, put: Put<Outcome>) -> Result<Outcome, AskError> {
        let started = Instant::now();
        if !wanted.new
            && let Some(found) = self.cache.peek(&wanted.key)
        {
            return self.replay(&found, wanted, caller, put);
        }
        for _ in 0..JOINS_MAX {
            let (flight, led) = self.board(wanted.clone(), Arc::clone(&put));
            match until(caller, flight.clone()).await? {
                Ok(Opened::Kept(found)) => return self.replay(&found, wanted, caller, put),
                Ok(Opened::Live(live)) => {
                    let (report, waited) =
                        told(&live.report, (Whence::made(led), Age::Fresh), caller, (live.waited, started));
                    let stream = Events::shared(Reader::new(live, flight));
                    return Ok(Outcome::Stream { stream: Box::new(stream), report: Box::new(report), waited });
                }
                Ok(Opened::Whole(value, waited)) => {
                    return outcome(
                        Answer { value, whence: Whence::made(led), age: Age::Fresh },
                        caller,
                        (waited, started),
                    );
                }
                Err(error) if !led && is_personal(&error) => {}
                Err(error) => return Err(error),
            }
        }
        put(wanted.new).await
    }

    fn board(&self, wanted: Wanted, put: Put<Outcome>) -> (cache::Flight<Result<Opened, AskError>>, bool) {
        let (cache, key, new) = (Arc::clone(&self.cache), wanted.key, wanted.new);
        let (flight, led) = self.streams.board(key, new, |ticket| Box::pin(open(cache, wanted, put, ticket)));
        if !led {
            self.cache.note_shared();
        }
        (flight, led)
    }

    /// An answer that is kept, as the events that it came in.
    fn replay(
        &self,
        found: &Found<Stored>,
        wanted: Wanted,
        caller: &Caller,
        put: Put<Outcome>,
    ) -> Result<Outcome, AskError> {
        let age = self.cache.renew(found, || {
            let (flight, _) = self.board(Wanted { new: true, ..wanted }, put);
            Box::pin(async move {
                // Read to its end it is kept.
                if let Ok(Opened::Live(live)) = flight.clone().await {
                    let mut reader = Events::shared(Reader::new(live, flight));
                    while reader.next().await.is_some() {}
                }
            })
        });
        let whence = Whence::Kept(found.tier);
        outcome(Answer { value: found.entry.value.clone(), whence, age }, caller, (Duration::ZERO, Instant::now()))
    }

    /// That the provider has no such model for this `operation`, where that was learnt a moment ago.
    pub(crate) fn missing(&self, subject: &Subject<'_>, caller: &Caller, operation: &str) -> Option<AskError> {
        if self.cache.now_ms() >= self.missing_until_ms.load(Ordering::Relaxed) {
            return None;
        }
        let found = self.cache.in_memory(&subject.of_missing(caller, operation)?.key)?;
        let Stored::Missing(error) = &found.entry.value else { return None };
        Some(AskError::Refused { model: subject.name.to_owned(), error: error.clone(), attempts: Vec::new() })
    }

    /// Remembers for a moment that the provider has no such model for this `operation`, where it says so. A 404 alone may
    /// be about an address, a file or whatever else a request names.
    pub(crate) fn learn<T>(
        &self,
        subject: &Subject<'_>,
        caller: &Caller,
        operation: &str,
        asked: &Result<T, AskError>,
    ) {
        let Err(AskError::Refused { error: error @ ModelError::Refused { code: Some(code), .. }, .. }) = asked else {
            return;
        };
        if code != MISSING {
            return;
        }
        if let Some(Wanted { key, label, .. }) = subject.of_missing(caller, operation) {
            let until_ms = self.cache.now_ms().saturating_add(MISSING_MS_MAX);
            self.missing_until_ms.fetch_max(until_ms, Ordering::Relaxed);
            self.cache.keep(key, Stored::Missing(error.clone()), label, self.cache.seen(), (Life::Short, None));
        }
    }
}

/// What providers say of a model that they do not have.
const MISSING: &str = "model_not_found";
/// The longest that it can be remembered that a model is missing, as settings allow, with what chance adds.
const MISSING_MS_MAX: u64 = 330_000;

async fn open(
    cache: Arc<cache::Cache<Stored, AskError>>,
    wanted: Wanted,
    put: Put<Outcome>,
    ticket: Ticket<Result<Opened, AskError>>,
) -> Result<Opened, AskError> {
    if !wanted.new {
        // Somebody else's flight may have landed since memory was asked.
        if let Some(found) = cache.find(&wanted.key).await {
            cache.note_hit();
            return Ok(Opened::Kept(Arc::new(found)));
        }
    }
    let (seen, bytes_max) = (cache.seen(), cache.entry_bytes_max());
    let Wanted { key, label, new, ttl } = wanted;
    match put(new).await? {
        Outcome::Stream { stream, report, waited } => Ok(match stream.into_parts() {
            Some(Ok((stream, check))) => {
                let record = Record { cache, key, label, seen, ttl, _ticket: ticket, bytes_max, check };
                Opened::Live(Live::new(stream, *report, waited, record))
            }
            Some(Err(recording)) => Opened::Whole(Stored::Stream(recording, Arc::new(*report)), waited),
            None => return Err(no_answer("what was asked anew is somebody else's")),
        }),
        Outcome::Whole { reply, report, waited } => {
            let made = made(Stored::Reply(*reply, Arc::new(*report), waited));
            cache.keep(key, made.value.clone(), label, seen, (made.life, ttl));
            Ok(Opened::Whole(made.value, waited))
        }
    }
}

/// What comes of a wait for others, who may have more time than the caller.
async fn until<T>(caller: &Caller, asked: impl Future<Output = T>) -> Result<T, AskError> {
    let within = caller.deadline.saturating_duration_since(Instant::now());
    let late = |_| AskError::Deadline { within, attempts: Vec::new() };
    timeout_at(caller.deadline + GRACE, asked).await.map_err(late)
}

/// Whether an attempt failed for what whoever made it had not, such as money, time or rank, rather than for what was
/// asked.
fn is_personal(error: &AskError) -> bool {
    matches!(error, AskError::Spend(_) | AskError::Deadline { .. } | AskError::NoAnswer { turned_away: true, .. })
}

fn whole(outcome: Outcome) -> Result<Made<Stored>, AskError> {
    match outcome {
        Outcome::Whole { reply, report, waited } => Ok(made(Stored::Reply(*reply, Arc::new(*report), waited))),
        Outcome::Stream { .. } => Err(no_answer("it streams although nobody asked for that")),
    }
}

fn made(value: Stored) -> Made<Stored> {
    Made { life: value.life(), value }
}

fn no_answer(reason: &str) -> AskError {
    let attempts = vec![Attempt { model: "althing".to_owned(), reason: reason.to_owned() }];
    AskError::NoAnswer { attempts, retry: Retry::Now, timed_out: false, turned_away: false }
}

/// An answer as it is told; a stream that was played back `waited` so long for others.
pub(super) fn outcome(
    answer: Answer<Stored>,
    caller: &Caller,
    (waited, started): (Duration, Instant),
) -> Result<Outcome, AskError> {
    let Answer { value, whence, age } = answer;
    let tell = |report: &Report, waited| {
        let (report, waited) = told(report, (whence, age), caller, (waited, started));
        (Box::new(report), waited)
    };
    match value {
        Stored::Reply(reply, report, waited) => {
            let (report, waited) = tell(&report, waited);
            Ok(Outcome::Whole { reply: Box::new(reply), report, waited })
        }
        Stored::Stream(recording, report) => {
            let stream = Box::new(Events::kept(&recording, report.simulated));
            let (report, waited) = tell(&report, waited);
            Ok(Outcome::Stream { stream, report, waited })
        }
        Stored::Vectors(..) | Stored::Missing(_) => Err(no_answer("what is kept is no answer to a chat")),
    }
}

/// What is told of an answer, and how long models took for it. Whoever did not have it made pays nothing.
fn told(
    report: &Report,
    (whence, age): (Whence, Age),
    caller: &Caller,
    (waited, started): (Duration, Instant),
) -> (Report, Duration) {
    // What was kept for a similar question says itself where.
    let cache = if report.cache == "off" { whence.name() } else { report.cache };
    let mut report = Report { request_id: Arc::clone(&caller.request_id), cache, ..report.clone() };
    if whence != Whence::Made {
        report.cost_usd = Some(Decimal::ZERO);
    }
    report.reasons.extend(match age {
        Age::Fresh => None,
        Age::Stale => Some(STALE.to_owned()),
        Age::Renewed => Some(RENEWED.to_owned()),
    });
    let waited = match whence {
        Whence::Made => waited,
        Whence::Shared => {
            report.reasons.push(SHARED.to_owned());
            started.elapsed()
        }
        Whence::Kept(_) => Duration::ZERO,
    };
    (report, waited)
}
