//! One call in progress, and its settling.

use crate::endpoint::lock;
use crate::gate::Place;
use crate::pace::Taken;
use crate::reckon::{Bill, End, believed, bill};
use crate::seen::Seen;
use crate::{Cost, Endpoint, ModelError};
use bytes::Bytes;
use caller::{Called, Tab};
use guard::Permit;
use measure::{LevelGuard, Outcome};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use wire::openai::ChatRequest;

/// One call in progress: whatever happens to it, the breaker, the place, the figures and the tab are settled exactly
/// once.
pub(crate) struct Ticket {
    endpoint: Arc<Endpoint>,
    pub(crate) started: Instant,
    /// When a stream opened, counted from there.
    pub(crate) first_token: Option<Duration>,
    /// What has come of the answer.
    pub(crate) seen: Seen,
    /// Whether a script makes it up, as far as we or the upstream know.
    pub(crate) simulated: bool,
    asked: Asked,
    inside: Option<Inside>,
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
    pub(crate) tab: Arc<dyn Tab>,
    pub(crate) taken: Option<Taken>,
}

impl Ticket {
    pub(crate) fn new(endpoint: Arc<Endpoint>, request: &ChatRequest, inside: Inside) -> Self {
        Self::over(endpoint, request.bytes(), request.n(), inside)
    }

    /// A call with any body, in the hope of so many answers.
    pub(crate) fn over(endpoint: Arc<Endpoint>, body: &Bytes, choices: u64, inside: Inside) -> Self {
        let words_max = inside.tab.words_max();
        let words = body.slice(..body.len().min(words_max));
        let asked = Asked { bytes: body.len(), choices, words };
        let (seen, simulated) = (Seen::new(words_max), endpoint.simulated());
        Self { endpoint, started: Instant::now(), first_token: None, seen, simulated, asked, inside: Some(inside) }
    }

    /// The call gave an answer. What it costs, where that is known.
    pub(crate) fn answered(&mut self) -> Cost {
        let bill = self.settle(Outcome::Answered, Some(false), End::Whole)?;
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
        self.settle(outcome, error.harms(), end);
    }

    /// No answer came in time; `harm` as for the breaker.
    pub(crate) fn timed_out(&mut self, harm: Option<bool>) {
        self.settle(Outcome::TimedOut, harm, End::Broken);
    }

    /// The one place where a call is settled; `None` where that has happened before.
    fn settle(&mut self, outcome: Outcome, harm: Option<bool>, end: End) -> Option<Bill> {
        let Inside { permit, place, level, tab, taken } = self.inside.take()?;
        let now = Instant::now().into_std();
        {
            let mut breaker = lock(&self.endpoint.breaker);
            match harm {
                Some(true) => breaker.failure(permit, now),
                Some(false) => breaker.success(permit, now),
                None => breaker.abandon(permit, now),
            }
        }
        let took = self.started.elapsed();
        self.endpoint.metrics.finished(outcome);
        self.endpoint.metrics.took(took);
        lock(&self.endpoint.window).ended(now, outcome, harm, self.first_token, took);
        self.endpoint.show_breaker();
        drop((place, level));
        let bill = bill(self.endpoint.tariff(), end, self.asked.bytes, &self.seen);
        if let Some(mut taken) = taken {
            taken.used(bill.tokens.input.saturating_add(bill.tokens.output));
        }
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
        self.settle(Outcome::Cancelled, None, End::Broken);
    }
}

#[cfg(test)]
mod tests;
