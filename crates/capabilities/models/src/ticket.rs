//! One call in progress, and its settling.

use crate::endpoint::{BATCH, lock};
use crate::reckon::{Bill, End, believed, bill};
use crate::seen::Seen;
use crate::{Cost, Ear, Endpoint, ModelError};
use bytes::Bytes;
use caller::{Called, Tab};
use guard::{Borne, Permit};
use measure::{LevelGuard, Outcome};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::Instant;
use tokio::time::error::Elapsed;
use turnstile::{Ended, Place, Takings};
use wire::openai::ChatRequest;

/// Answers of fewer tokens are counted as of so many.
const SHORT_ANSWER: u64 = 16;

/// One call in progress: whatever happens to it, the breaker, the place, the figures and the tab are settled exactly
/// once.
pub(crate) struct Ticket {
    endpoint: Arc<Endpoint>,
    pub(crate) started: Instant,
    /// When a stream opened, counted from there.
    first_token: Option<Duration>,
    /// What is heard of the call until it opens.
    ear: Option<Arc<Ear>>,
    /// What has come of the answer.
    pub(crate) seen: Seen,
    /// Whether a script makes it up, as far as we or the upstream know.
    pub(crate) simulated: bool,
    asked: Asked,
    /// Gone once it is settled: nobody holds a tab on which nothing more will come.
    inside: Option<(Inside, Arc<dyn Tab>)>,
}

/// What was asked, as far as it matters for the cost.
struct Asked {
    bytes: usize,
    choices: u64,
    stream: bool,
    /// Texts of which vectors are wanted; none for a chat.
    inputs: usize,
    /// The body, where somebody wants it.
    words: Bytes,
}

/// What a call in progress takes up.
pub(crate) struct Inside {
    pub(crate) permit: Permit,
    pub(crate) place: Place,
    pub(crate) level: LevelGuard,
    pub(crate) takings: Takings,
}

impl Ticket {
    pub(crate) fn new(endpoint: Arc<Endpoint>, request: &ChatRequest, inside: Inside, tab: &Arc<dyn Tab>) -> Self {
        let (bytes, choices, stream) = (request.len_bytes(), request.n(), request.stream());
        let asked = Asked { bytes, choices, stream, inputs: 0, words: Bytes::new() };
        Self::out(endpoint, asked, request.bytes(), inside, tab)
    }

    /// A call for the vectors of so many inputs, of which at least one is there.
    pub(crate) fn embedding(
        endpoint: Arc<Endpoint>,
        body: &Bytes,
        inputs: usize,
        inside: Inside,
        tab: &Arc<dyn Tab>,
    ) -> Self {
        let inputs = inputs.max(1);
        let asked = Asked { bytes: body.len(), choices: 1, stream: false, inputs, words: Bytes::new() };
        Self::out(endpoint, asked, body, inside, tab)
    }

    fn out(endpoint: Arc<Endpoint>, asked: Asked, body: &Bytes, inside: Inside, tab: &Arc<dyn Tab>) -> Self {
        let words_max = tab.words_max();
        let asked = Asked { words: body.slice(..body.len().min(words_max)), ..asked };
        lock(&endpoint.course).asked(Instant::now().into_std(), asked.stream);
        let (seen, simulated) = (Seen::new(words_max), endpoint.simulated());
        let (started, first_token, inside) = (Instant::now(), None, Some((inside, Arc::clone(tab))));
        Self { endpoint, started, first_token, ear: Some(Arc::default()), seen, simulated, asked, inside }
    }

    /// What hears of the call, for whoever makes it.
    pub(crate) fn ear(&self) -> Arc<Ear> {
        self.ear.clone().unwrap_or_default()
    }

    /// A stream has opened: the provider has shown how long it takes and that it bears this call.
    pub(crate) fn opened(&mut self) {
        let took = self.started.elapsed();
        self.first_token = Some(took);
        self.endpoint.metrics.first_token(took);
        lock(&self.endpoint.course).opened(Instant::now().into_std(), took);
        if let Some((inside, _)) = &mut self.inside {
            inside.place.accepted(took);
            if inside.permit.is_probe() {
                self.endpoint.recovered(&mut inside.permit);
            }
        }
    }

    /// What the provider brought in the time that it had: all of `within` but what was `waited` in our own line. Settles
    /// what is no answer.
    pub(crate) fn landed<T>(
        &mut self,
        ear: &Ear,
        brought: Result<Result<T, ModelError>, Elapsed>,
        (waited, within): (Duration, Duration),
    ) -> Result<T, ModelError> {
        self.heard(ear, brought.as_ref().ok().and_then(|answered| answered.as_ref().err()));
        match brought {
            Ok(answered) => answered.map_err(|error| self.refused(error)),
            Err(_) => {
                // Who lost most of the time in our own line says nothing about the upstream, and neither does a caller
                // in a hurry.
                let fair = within.saturating_sub(waited) > waited && self.endpoint.is_fair(within);
                self.timed_out(fair.then_some(true));
                Err(ModelError::TimedOut { within })
            }
        }
    }

    /// Takes in what the head of the answer told, if there was one, and for how long an `error` asks to be left alone.
    /// Where it does not say so, whoever has nothing left of a rate is left alone until that starts anew.
    fn heard(&mut self, ear: &Ear, error: Option<&ModelError>) {
        let quota = ear.quota();
        if let Some(quota) = quota {
            // Whose limits these are nobody says: the model's where it has its own, else those of all of them.
            let paces = [&self.endpoint.limits.pace, &self.endpoint.common.pace];
            for of_tokens in [false, true] {
                let _ = paces.into_iter().flatten().any(|pace| pace.clamp(quota, of_tokens));
            }
        }
        if !ear.is_unsent() {
            self.ear = None;
        }
        let asked = error.and_then(ModelError::asks_to_wait);
        if let Some(wait) = asked.or_else(|| quota?.exhausted()) {
            self.endpoint.park(wait);
        }
    }

    /// The call gave an answer. What it costs, where that is known.
    pub(crate) fn answered(&mut self) -> Cost {
        let bill = self.settle(Outcome::Answered, Some(false), false, End::Whole)?;
        let usage = believed(self.seen.usage);
        let took_ms = self.started.elapsed().as_secs_f64() * 1_000.0;
        {
            let mut usual = lock(&self.endpoint.usual);
            usual.answered(took_ms, bill.tokens.output.div_ceil(self.asked.choices.max(1)));
            if let Some(usage) = usage {
                usual.counted(self.asked.bytes, usage.prompt_tokens);
            }
        }
        if usage.is_some() {
            self.endpoint.metrics.tokens(bill.tokens.input, bill.tokens.output);
        }
        let cost = bill.exact.then_some(bill.usd);
        if let Some(cost) = cost.and_then(|cost| f64::try_from(cost).ok()) {
            self.endpoint.metrics.cost_usd(cost);
        }
        cost
    }

    /// The call failed.
    pub(crate) fn failed(&mut self, error: &ModelError) {
        let outcome = if error.is_timeout() { Outcome::TimedOut } else { Outcome::Failed };
        let end = if error.is_free() { End::Refused } else { End::Broken };
        self.settle(outcome, error.harms(), error.is_overload(), end);
        if error.is_missing() {
            self.endpoint.penalise(Instant::now().into_std(), Duration::ZERO);
        }
    }

    /// The call was refused or failed before there was an answer; gives what its caller is told.
    pub(crate) fn refused(&mut self, error: ModelError) -> ModelError {
        self.failed(&error);
        let most = self.endpoint.common.terms.park_max;
        if most.is_zero() { error } else { error.waiting_at_most(most) }
    }

    /// No answer came in time; `harm` as for the breaker.
    pub(crate) fn timed_out(&mut self, harm: Option<bool>) {
        self.settle(Outcome::TimedOut, harm, false, End::Broken);
    }

    /// The one place where a call is settled; `None` where that has happened before.
    fn settle(&mut self, outcome: Outcome, harm: Option<bool>, refused: bool, end: End) -> Option<Bill> {
        let (Inside { permit, mut place, level, mut takings }, tab) = self.inside.take()?;
        let (now, endpoint) = (Instant::now().into_std(), &self.endpoint);
        endpoint.in_flight.fetch_sub(1, Ordering::Relaxed);
        {
            let mut breaker = lock(&endpoint.breaker);
            match harm {
                Some(true) => breaker.failure(permit, now),
                Some(false) => breaker.success(permit, now),
                None => breaker.abandon(permit, now),
            }
        }
        let (first_token, stream, took) = (self.first_token, self.asked.stream, self.started.elapsed());
        endpoint.metrics.finished(outcome);
        endpoint.metrics.took(took);
        let recovered = permit.is_probe() && harm == Some(false);
        let unsent = self.ear.as_ref().is_some_and(|ear| ear.is_unsent());
        let ended = Ended { outcome, harm, refused, recovered, stream, first_token, took, unsent };
        lock(&endpoint.course).ended(now, ended, endpoint.common.terms.penalty);
        endpoint.show_breaker();
        let end = if unsent { End::Refused } else { end };
        let bill = bill(endpoint.tariff(), end, self.asked.bytes, &self.seen);
        place.borne = match outcome {
            _ if refused => Borne::Refused,
            // What a stream tells it has told when it opened.
            Outcome::Answered if self.asked.inputs > 0 => Borne::Embedded(self.per_input(took)),
            Outcome::Answered if first_token.is_none() => Borne::Answered(self.per_token(took, &bill)),
            _ => Borne::Unknown,
        };
        drop((place, level));
        if unsent {
            takings.unsent();
        } else {
            takings.used(bill.tokens.input.saturating_add(bill.tokens.output));
        }
        self.note(tab.as_ref(), outcome, &bill);
        Some(bill)
    }

    /// What each token of a whole answer took; of a short one most of that went before the first.
    fn per_token(&self, took: Duration, bill: &Bill) -> Duration {
        let tokens = bill.tokens.output.div_ceil(self.asked.choices.max(1)).max(SHORT_ANSWER);
        took.div_f64(tokens as f64)
    }

    /// What the vector of each input took; a few together take no longer than one.
    fn per_input(&self, took: Duration) -> Duration {
        took.div_f64((self.asked.inputs as f64).max(BATCH))
    }

    fn note(&self, tab: &dyn Tab, outcome: Outcome, bill: &Bill) {
        let words = (tab.words_max() > 0).then_some((self.asked.words.as_ref(), self.seen.words.as_slice()));
        tab.note(&Called {
            model: &self.endpoint.id,
            outcome: outcome.label(),
            tokens: bill.tokens,
            cost: prices::nano(bill.usd),
            exact: bill.exact,
            latency: self.started.elapsed(),
            simulated: self.simulated,
            words,
        });
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.settle(Outcome::Cancelled, None, false, End::Broken);
    }
}

#[cfg(test)]
mod tests;
