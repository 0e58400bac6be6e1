//! One call in progress, and its settling.

use crate::endpoint::lock;
use crate::reckon::{Bill, End, believed, bill};
use crate::seen::Seen;
use crate::takings::Takings;
use crate::{Cost, Ear, Endpoint, ModelError};
use bytes::Bytes;
use caller::{Called, Tab};
use guard::{Borne, Permit};
use measure::{LevelGuard, Outcome};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::Instant;
use turnstile::{Ended, Place};
use wire::openai::ChatRequest;

/// One call in progress: whatever happens to it, the breaker, the place, the figures and the tab are settled exactly
/// once.
pub(crate) struct Ticket {
    endpoint: Arc<Endpoint>,
    pub(crate) started: Instant,
    /// When a stream opened, counted from there.
    first_token: Option<Duration>,
    /// When the head of the answer came, counted from there.
    head: Option<Duration>,
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
        Self::over(endpoint, request.bytes(), request.n(), inside, tab)
    }

    /// A call with any body, in the hope of so many answers.
    pub(crate) fn over(
        endpoint: Arc<Endpoint>,
        body: &Bytes,
        choices: u64,
        inside: Inside,
        tab: &Arc<dyn Tab>,
    ) -> Self {
        let words_max = tab.words_max();
        let words = body.slice(..body.len().min(words_max));
        let asked = Asked { bytes: body.len(), choices, words };
        let (seen, simulated) = (Seen::new(words_max), endpoint.simulated());
        let (started, first_token, head, inside) = (Instant::now(), None, None, Some((inside, Arc::clone(tab))));
        Self { endpoint, started, first_token, head, seen, simulated, asked, inside }
    }

    /// A stream has opened: the provider has shown how long it takes and that it bears this call.
    pub(crate) fn opened(&mut self) {
        let took = self.started.elapsed();
        self.first_token = Some(took);
        self.endpoint.metrics.first_token(took);
        lock(&self.endpoint.course).latency.observe(Instant::now().into_std(), took);
        if let Some((inside, _)) = &self.inside {
            inside.place.accepted(took);
        }
    }

    /// Takes in what the head of the answer told, if there was one, and for how long an `error` asks to be left alone.
    /// Where it does not say so, whoever has nothing left of a rate is left alone until that starts anew.
    pub(crate) fn heard(&mut self, ear: &Ear, error: Option<&ModelError>) {
        self.head = ear.head_after(self.started);
        let quota = ear.quota();
        if let (Some(quota), Some(pace)) = (quota, &self.endpoint.limits.pace) {
            pace.clamp(quota);
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
        let (first_token, head, took) = (self.first_token, self.head, self.started.elapsed());
        endpoint.metrics.finished(outcome);
        endpoint.metrics.took(took);
        let recovered = permit.is_probe() && harm == Some(false);
        let ended = Ended { outcome, harm, refused, recovered, first_token, head, took };
        lock(&endpoint.course).ended(now, ended, endpoint.common.terms.penalty);
        endpoint.show_breaker();
        place.borne = match outcome {
            _ if refused => Borne::Refused,
            // What a stream tells it has told when it opened.
            Outcome::Answered if first_token.is_none() => Borne::Accepted(head.unwrap_or(took)),
            _ => Borne::Unknown,
        };
        drop((place, level));
        let bill = bill(endpoint.tariff(), end, self.asked.bytes, &self.seen);
        takings.used(bill.tokens.input.saturating_add(bill.tokens.output));
        self.note(tab.as_ref(), outcome, &bill);
        Some(bill)
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
