//! One model after the other: retries on the same one, fallback to the next, all within one deadline.

use crate::AskError;
use crate::context::Context;
use crate::error::{Refusals, sooner};
use crate::routing::{Lead, is_ready, spare};
use caller::Tab;
use fault::{Explain, Origin, Retry, shown_ms};
use guard::Deadline;
use models::{Answer, Asker, Endpoint, ModelError, Opening};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use turnstile::{Race, Side, race};
use wire::openai::{Attempt, ChatRequest};

/// An answer, and what it took to get it.
pub(crate) struct Served {
    pub(crate) answer: Answer,
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) waited: Duration,
    /// What became of a second copy, in words for people.
    pub(crate) copied: Option<String>,
}

/// What one attempt gave: an answer with who gave it, or a failure that others may do better than.
type Asked<'a> = Result<(Answer, &'a Arc<Endpoint>), ModelError>;

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
    asker: Asker<'a>,
    tab: &'a Arc<dyn Tab>,
    deadline: Deadline,
    within: Duration,
    waited: Duration,
    attempts: Vec<Attempt>,
    retry: Retry,
    refusals: Refusals,
    timed_out: bool,
    /// Whether whoever fails is left for another that is ready.
    peers: bool,
    hedge: Option<Hedge>,
}

/// A second copy of the first call.
struct Hedge {
    /// After what time it goes out.
    late: Duration,
    /// Whether it has gone out.
    sent: bool,
}

/// An attempt at one candidate, and who is there besides it.
#[derive(Clone, Copy)]
struct Turn<'a> {
    endpoint: &'a Arc<Endpoint>,
    candidates: &'a [Arc<Endpoint>],
    /// Candidates from here on, this one among them.
    left: usize,
}

impl Turn<'_> {
    fn is_last(self) -> bool {
        self.left == 1
    }

    fn others(&self) -> &[Arc<Endpoint>] {
        &self.candidates[self.candidates.len() + 1 - self.left..]
    }
}

/// What ends a chain before its last candidate: the request is at fault, says this model.
type Fatal = (String, ModelError);

impl<'a> Chain<'a> {
    pub(crate) fn new(
        context: &'a Context,
        request: &'a ChatRequest,
        asker: Asker<'a>,
        tab: &'a Arc<dyn Tab>,
        deadline: Instant,
    ) -> Self {
        let now = Instant::now();
        let within = deadline.saturating_duration_since(now);
        let deadline = Deadline::after(now.into_std(), within);
        let (waited, attempts, retry, timed_out) = (Duration::ZERO, Vec::new(), Retry::Never, false);
        let refusals = Refusals::default();
        let (peers, hedge) = (false, None);
        Self {
            context,
            request,
            asker,
            tab,
            deadline,
            within,
            waited,
            attempts,
            retry,
            refusals,
            timed_out,
            peers,
            hedge,
        }
    }

    /// Asks whoever leads wants, and sends a second copy to the second candidate when the first is late.
    pub(crate) fn led(mut self, lead: &Lead) -> Self {
        self.peers = lead.peers;
        self.hedge = lead.hedge_after.map(|late| Hedge { late, sent: false });
        self
    }

    pub(crate) async fn ask(mut self, candidates: &[Arc<Endpoint>]) -> Result<Served, AskError> {
        self.context.deposit();
        for (at, endpoint) in candidates.iter().enumerate() {
            let turn = Turn { endpoint, candidates, left: candidates.len() - at };
            match self.ask_one(turn).await {
                Ok((answer, endpoint)) => return Ok(self.served(answer, endpoint, candidates)),
                Err(Some((model, error))) => return Err(AskError::Refused { model, error, attempts: self.attempts }),
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
        let (retry, timed_out, turned_away) = (self.retry, self.timed_out, self.refusals.turned_away());
        Err(AskError::NoAnswer { attempts: self.attempts, retry, timed_out, turned_away })
    }

    fn served(self, answer: Answer, endpoint: &Arc<Endpoint>, candidates: &[Arc<Endpoint>]) -> Served {
        let copied = match (&self.hedge, candidates) {
            (Some(Hedge { late, sent: true }), [first, second, ..]) => Some(copied(*late, [first, second], endpoint)),
            _ => None,
        };
        let endpoint = Arc::clone(endpoint);
        Served { answer, endpoint, attempts: self.attempts, waited: self.waited, copied }
    }

    /// Asks one candidate, again where that may help; the first one with a second copy where that is wanted.
    /// `Err(Some)` is final, `Err(None)` leaves it to the next.
    async fn ask_one<'b>(&mut self, turn: Turn<'b>) -> Result<(Answer, &'b Arc<Endpoint>), Option<Fatal>> {
        let copy = self.copy_of(turn);
        // Whoever has failed with the copy has had its first attempt.
        let had = self.hedge.as_ref().is_some_and(|hedge| hedge.sent) && turn.candidates.len() - turn.left == 1;
        for attempt in u32::from(had)..self.context.attempts_max {
            let asked = match copy.filter(|_| attempt == 0) {
                Some((second, late)) => self.ask_two(turn, second, late).await,
                None => self.ask_once(turn).await,
            };
            let error = match asked? {
                Ok(answered) => return Ok(answered),
                Err(error) => error,
            };
            match self.next(&error, attempt, turn) {
                Next::Again(delay) => {
                    self.context.metrics.retries(turn.endpoint.provider(), error.code()).inc();
                    tokio::time::sleep(delay).await;
                    self.waited += delay;
                }
                Next::Elsewhere => {
                    if !turn.is_last() {
                        self.context.metrics.fallbacks(error.code()).inc();
                    }
                    return Err(None);
                }
            }
        }
        Err(None)
    }

    /// The second candidate and after what time a copy goes to it, for the turn of the first.
    fn copy_of<'b>(&self, turn: Turn<'b>) -> Option<(&'b Arc<Endpoint>, Duration)> {
        let hedge = self.hedge.as_ref().filter(|_| turn.left == turn.candidates.len())?;
        Some((turn.candidates.get(1)?, hedge.late))
    }

    /// One attempt. The outer error ends the turn.
    async fn ask_once<'b>(&mut self, turn: Turn<'b>) -> Result<Asked<'b>, Option<Fatal>> {
        let Turn { endpoint, left, .. } = turn;
        let opening = if turn.is_last() { Opening::FirstEvent } else { Opening::FirstToken };
        let now = Instant::now();
        let within = self.time_for(endpoint, left).ok_or(None)?;
        let asked = endpoint.ask(self.request, self.asker, self.tab, within, opening).await;
        let in_line = asked.as_ref().map_or(Duration::ZERO, Answer::in_line);
        self.waited += now.elapsed().saturating_sub(in_line);
        match asked {
            Ok(answer) => Ok(Ok((answer, endpoint))),
            Err(error) => self.fails(turn, endpoint, error).map(Err),
        }
    }

    /// One attempt and, when it is late, its copy. The outer error ends the turn.
    async fn ask_two<'b>(
        &mut self,
        turn: Turn<'b>,
        second: &'b Arc<Endpoint>,
        late: Duration,
    ) -> Result<Asked<'b>, Option<Fatal>> {
        let now = Instant::now();
        let within = self.time_for(turn.endpoint, turn.left).ok_or(None)?;
        let raced = {
            let this = &*self;
            let ask = |endpoint: &'b Arc<Endpoint>, within| {
                endpoint.ask(this.request, this.asker, this.tab, within, Opening::FirstToken)
            };
            let copy = async move {
                let within = this.time_for(second, turn.left - 1).unwrap_or_default();
                ask(second, within).await
            };
            race(ask(turn.endpoint, within), late, || this.may_copy(second), copy).await
        };
        let Race { answer, failures, sent } = raced;
        if let Some(hedge) = &mut self.hedge {
            hedge.sent = sent;
        }
        let of = |side| if side == Side::First { turn.endpoint } else { second };
        let in_line = answer.as_ref().map_or(Duration::ZERO, |(_, answer)| answer.in_line());
        self.waited += now.elapsed().saturating_sub(in_line);
        let mut errors = Vec::new();
        for (side, error) in failures {
            match self.fails(turn, of(side), error) {
                Ok(error) => errors.push((side, error)),
                // An answer is an answer, whatever the other call was told.
                Err(fatal) if answer.is_none() => return Err(fatal),
                Err(_) => {}
            }
        }
        if let Some((side, answer)) = answer {
            if side == Side::Second {
                self.context.hedges.won.inc();
            }
            return Ok(Ok((answer, of(side))));
        }
        // What to do next hangs on what the one said whose turn it is.
        let own = errors.into_iter().find(|(side, _)| *side == Side::First);
        own.map(|(_, error)| Ok(Err(error))).unwrap_or(Err(None))
    }

    /// Whether a copy may go out: the other one is ready for it, and the budget for retries pays for it.
    fn may_copy(&self, second: &Endpoint) -> bool {
        let may = is_ready(second) && self.context.withdraw();
        if may {
            self.context.hedges.sent.inc()
        } else {
            self.context.hedges.denied.inc()
        }
        may
    }

    /// How long an attempt may take; `None` where no time is left.
    fn time_for(&self, endpoint: &Endpoint, left: usize) -> Option<Duration> {
        let left = u32::try_from(left).unwrap_or(u32::MAX);
        self.deadline.attempt(Instant::now().into_std(), endpoint.timeout(), left)
    }

    /// Notes a failure; the outer error where asking anybody else is no use.
    fn fails(
        &mut self,
        turn: Turn<'_>,
        endpoint: &Arc<Endpoint>,
        error: ModelError,
    ) -> Result<ModelError, Option<Fatal>> {
        self.note(endpoint, &error);
        spare(endpoint, turn.candidates);
        let alone = turn.candidates.len() == 1;
        if !error.worth_asking_elsewhere() || (alone && error.origin() == Origin::Caller) {
            return Err(Some((endpoint.id().to_owned(), error)));
        }
        Ok(error)
    }

    fn next(&self, error: &ModelError, attempt: u32, turn: Turn<'_>) -> Next {
        if attempt + 1 >= self.context.attempts_max {
            return Next::Elsewhere;
        }
        let delay = match (error, error.retry()) {
            // Whoever rests or is full will not be ready in a moment.
            (ModelError::Resting(_) | ModelError::Busy(_), _) | (_, Retry::Never) => return Next::Elsewhere,
            // Another one that is well answers sooner than this one recovers.
            (_, Retry::Now) if self.peers && turn.others().iter().any(|other| is_ready(other)) => {
                return Next::Elsewhere;
            }
            (_, Retry::Now) => self.context.delay(attempt, None),
            // Another model is ready sooner than this one says it will be.
            (_, Retry::After(_)) if !turn.is_last() => return Next::Elsewhere,
            (_, Retry::After(wait)) if wait > self.context.backoff.cap => return Next::Elsewhere,
            (_, Retry::After(wait)) => self.context.delay(attempt, Some(wait)),
        };
        let in_time = self.remaining().is_some_and(|remaining| delay < remaining);
        if in_time && self.context.withdraw() { Next::Again(delay) } else { Next::Elsewhere }
    }

    fn note(&mut self, endpoint: &Endpoint, error: &ModelError) {
        tracing::debug!(model = endpoint.id(), %error, request_id = self.asker.request_id, "no answer");
        self.timed_out = error.is_timeout();
        self.attempts.push(Attempt { model: endpoint.id().to_owned(), reason: error.to_string() });
        self.retry = sooner(self.retry, error.retry());
        self.refusals.note(endpoint.id(), error);
    }

    fn remaining(&self) -> Option<Duration> {
        self.deadline.remaining(Instant::now().into_std())
    }
}

/// What became of the copy that went to the second.
fn copied(late: Duration, [first, second]: [&Arc<Endpoint>; 2], served_by: &Arc<Endpoint>) -> String {
    let end = if Arc::ptr_eq(second, served_by) { "answered first" } else { "was not needed" };
    let (first, second) = (first.id(), second.id());
    format!("`{first}` had not answered after {}: a second copy to `{second}` {end}", shown_ms(late))
}

#[cfg(test)]
mod hedging;
#[cfg(test)]
mod tests;
