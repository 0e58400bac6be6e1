//! One model after the other: retries on the same one, fallback to the next, all within one deadline.

use crate::AskError;
use crate::context::Context;
use crate::error::{Refusals, sooner};
use caller::Tab;
use fault::{Explain, Origin, Retry};
use guard::Deadline;
use models::{Answer, Endpoint, ModelError, Opening};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use wire::openai::{Attempt, ChatRequest};

/// An answer, and what it took to get it.
pub(crate) struct Served {
    pub(crate) answer: Answer,
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) waited: Duration,
}

/// What to do after a failed attempt.
enum Next {
    Again(Duration),
    Elsewhere,
}

/// Asks `candidates` in order until one answers.
///
/// An answer that streams counts from its first token: until then the next candidate can take over, afterwards
/// nobody does. The last candidate's stream is handed on from its first event.
pub(crate) struct Chain<'a> {
    context: &'a Context,
    request: &'a ChatRequest,
    request_id: &'a str,
    tab: &'a Arc<dyn Tab>,
    deadline: Deadline,
    within: Duration,
    waited: Duration,
    attempts: Vec<Attempt>,
    retry: Retry,
    refusals: Refusals,
    timed_out: bool,
}

impl<'a> Chain<'a> {
    pub(crate) fn new(
        context: &'a Context,
        request: &'a ChatRequest,
        request_id: &'a str,
        tab: &'a Arc<dyn Tab>,
        deadline: Instant,
    ) -> Self {
        let now = Instant::now();
        let within = deadline.saturating_duration_since(now);
        let deadline = Deadline::after(now.into_std(), within);
        let (waited, attempts, retry, timed_out) = (Duration::ZERO, Vec::new(), Retry::Never, false);
        let refusals = Refusals::default();
        Self { context, request, request_id, tab, deadline, within, waited, attempts, retry, refusals, timed_out }
    }

    pub(crate) async fn ask(mut self, candidates: &[Arc<Endpoint>]) -> Result<Served, AskError> {
        self.context.deposit();
        for (at, endpoint) in candidates.iter().enumerate() {
            let left = candidates.len() - at;
            match self.ask_one(endpoint, left, candidates.len() == 1).await {
                Ok(answer) => {
                    let endpoint = Arc::clone(endpoint);
                    return Ok(Served { answer, endpoint, attempts: self.attempts, waited: self.waited });
                }
                Err(Some(error)) => {
                    let model = endpoint.id().to_owned();
                    return Err(AskError::Refused { model, error, attempts: self.attempts });
                }
                Err(None) if self.remaining().is_none() => break,
                Err(None) => {}
            }
        }
        if self.remaining().is_none() {
            return Err(AskError::Deadline { within: self.within, attempts: self.attempts });
        }
        if let Some((model, error)) = self.refusals.take() {
            return Err(AskError::Refused { model, error, attempts: self.attempts });
        }
        Err(AskError::NoAnswer { attempts: self.attempts, retry: self.retry, timed_out: self.timed_out })
    }

    /// Asks one candidate, again where that may help. `Err(Some)` is final, `Err(None)` leaves it to the next.
    async fn ask_one(
        &mut self,
        endpoint: &Arc<Endpoint>,
        candidates_left: usize,
        alone: bool,
    ) -> Result<Answer, Option<ModelError>> {
        let last = candidates_left == 1;
        let opening = if last { Opening::FirstEvent } else { Opening::FirstToken };
        let left = u32::try_from(candidates_left).unwrap_or(u32::MAX);
        for attempt in 0..self.context.attempts_max {
            let now = Instant::now();
            let Some(within) = self.deadline.attempt(now.into_std(), endpoint.timeout(), left) else {
                return Err(None);
            };
            let asked = endpoint.ask(self.request, self.request_id, self.tab, within, opening).await;
            let in_line = asked.as_ref().map_or(Duration::ZERO, Answer::in_line);
            self.waited += now.elapsed().saturating_sub(in_line);
            let error = match asked {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            self.note(endpoint, &error);
            if !error.worth_asking_elsewhere() || (alone && error.origin() == Origin::Caller) {
                return Err(Some(error));
            }
            match self.next(&error, attempt, last) {
                Next::Again(delay) => {
                    self.context.metrics.retries(endpoint.provider(), error.code()).inc();
                    tokio::time::sleep(delay).await;
                    self.waited += delay;
                }
                Next::Elsewhere => {
                    if !last {
                        self.context.metrics.fallbacks(error.code()).inc();
                    }
                    return Err(None);
                }
            }
        }
        Err(None)
    }

    fn next(&self, error: &ModelError, attempt: u32, last: bool) -> Next {
        if attempt + 1 >= self.context.attempts_max {
            return Next::Elsewhere;
        }
        let delay = match (error, error.retry()) {
            // Whoever rests or is full will not be ready in a moment.
            (ModelError::Resting(_) | ModelError::Busy(_), _) | (_, Retry::Never) => return Next::Elsewhere,
            (_, Retry::Now) => self.context.delay(attempt, None),
            // Another model is ready sooner than this one says it will be.
            (_, Retry::After(_)) if !last => return Next::Elsewhere,
            (_, Retry::After(wait)) if wait > self.context.backoff.cap => return Next::Elsewhere,
            (_, Retry::After(wait)) => self.context.delay(attempt, Some(wait)),
        };
        let in_time = self.remaining().is_some_and(|remaining| delay < remaining);
        if in_time && self.context.withdraw() { Next::Again(delay) } else { Next::Elsewhere }
    }

    fn note(&mut self, endpoint: &Endpoint, error: &ModelError) {
        tracing::debug!(model = endpoint.id(), %error, request_id = self.request_id, "no answer");
        self.timed_out = error.is_timeout();
        self.attempts.push(Attempt { model: endpoint.id().to_owned(), reason: error.to_string() });
        self.retry = sooner(self.retry, error.retry());
        self.refusals.note(endpoint.id(), error);
    }

    fn remaining(&self) -> Option<Duration> {
        self.deadline.remaining(Instant::now().into_std())
    }
}

#[cfg(test)]
mod tests;
