//! One model of one provider, with everything that guards it.

use crate::gate::{Gate, Place};
use crate::stream::{AnswerStream, Watch};
use crate::{Call, Cost, ModelError, Price, Provider, Reply};
use guard::{Breaker, BreakerConfig, Open, Permit, State};
use measure::{BreakerState, EndpointMetrics, Ewma, LevelGuard, Outcome};
use rust_decimal::Decimal;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use wire::openai::{ChatReply, ChatRequest, Usage};

/// More tokens than this in one call are a mistake of the upstream's.
const TOKENS_MAX: u64 = 1_000_000_000;
/// A call that had this long, or this many times what answers usually take, and no answer was treated fairly:
/// running out of time counts against the upstream, not against a caller in a hurry.
const FAIR_MIN: Duration = Duration::from_secs(5);
const USUAL_TIMES: f64 = 3.0;

/// When a stream counts as opened, so that nobody else needs to be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// With its first event: nothing is held back.
    FirstEvent,
    /// With the first event a reader sees, so that a stream that dies before can still be taken over by another
    /// model. Only preambles (the role) are held back.
    FirstToken,
}

/// What an endpoint gives back.
pub enum Answer {
    /// A whole reply.
    Whole {
        /// The reply.
        reply: ChatReply,
        /// What it costs.
        cost: Cost,
        /// How long it waited for a place before anybody was asked.
        in_line: Duration,
    },
    /// A stream that has opened.
    Stream(Box<AnswerStream>),
}

impl Answer {
    /// How long it waited for a place before anybody was asked.
    pub fn in_line(&self) -> Duration {
        match self {
            Self::Whole { in_line, .. } => *in_line,
            Self::Stream(stream) => stream.in_line(),
        }
    }
}

/// One model of one provider.
pub struct Endpoint {
    pub(crate) id: Arc<str>,
    pub(crate) provider_name: String,
    pub(crate) upstream_name: String,
    pub(crate) family: String,
    pub(crate) price: Option<Price>,
    pub(crate) timeout: Duration,
    pub(crate) idle: Duration,
    pub(crate) stream_max: Duration,
    pub(crate) provider: Arc<dyn Provider>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) breaker: Mutex<Breaker>,
    pub(crate) metrics: EndpointMetrics,
    pub(crate) latency_ms: Mutex<Ewma>,
}

impl Endpoint {
    /// `provider/model`, as requests name it.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The provider's name in settings.
    pub fn provider(&self) -> &str {
        &self.provider_name
    }

    /// Who trained the model, as far as settings or its name tell. Models of one family tend to err together.
    pub fn family(&self) -> &str {
        &self.family
    }

    /// Whether the answers are made up by a script.
    pub fn simulated(&self) -> bool {
        self.provider.simulated()
    }

    /// Dollars per million tokens, if known.
    pub fn price(&self) -> Option<Price> {
        self.price
    }

    /// The longest one attempt may take.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// What a whole answer usually takes in milliseconds; `None` before the first one.
    pub fn usual_latency_ms(&self) -> Option<f64> {
        lock(&self.latency_ms).value()
    }

    /// The breaker's state now.
    pub fn breaker(&self) -> State {
        lock(&self.breaker).state(Instant::now().into_std())
    }

    /// Asks once: waits for a place, calls, and gives back a whole reply or a stream that has opened.
    ///
    /// `within` bounds everything up to that point. Dropping the future or the stream cancels the call upstream
    /// and counts it as cancelled.
    ///
    /// # Errors
    /// [`ModelError`]; the breaker has taken note.
    pub async fn ask(
        self: &Arc<Self>,
        request: &ChatRequest,
        request_id: &str,
        within: Duration,
        opening: Opening,
    ) -> Result<Answer, ModelError> {
        let asked = Instant::now();
        let mut ticket = self.admit(within).await.inspect_err(|_| self.metrics.finished(Outcome::Shed))?;
        let call = Call { request, model: &self.upstream_name, request_id };
        let waited = asked.elapsed();
        let left = within.saturating_sub(waited);
        let Ok(answered) = tokio::time::timeout(left, self.open(call, opening, ticket.started)).await else {
            // Who lost most of the time in our own line says nothing about the upstream, and neither does a caller
            // who had no time for any answer.
            let fair = left > waited && self.is_fair(within);
            ticket.settle(Outcome::TimedOut, fair.then_some(true));
            return Err(ModelError::TimedOut { within });
        };
        match answered {
            Ok(Opened::Whole(reply)) => {
                let cost = ticket.answered(reply.usage());
                let reply = if self.simulated() { reply.marked_simulated() } else { reply };
                Ok(Answer::Whole { reply, cost, in_line: waited })
            }
            Ok(Opened::Stream(watch)) => {
                Ok(Answer::Stream(Box::new(AnswerStream::new(*watch, ticket, Arc::clone(self), waited))))
            }
            Err(error) => {
                ticket.failed(&error);
                Err(error)
            }
        }
    }

    /// Whether a healthy upstream would have answered in this time.
    fn is_fair(&self, within: Duration) -> bool {
        let usual = self.usual_latency_ms().unwrap_or_default();
        let enough = Duration::from_secs_f64(usual * USUAL_TIMES / 1_000.0).max(FAIR_MIN);
        within >= self.timeout.min(enough)
    }

    async fn open(&self, call: Call<'_>, opening: Opening, started: Instant) -> Result<Opened, ModelError> {
        match self.provider.chat(call).await? {
            Reply::Whole(reply) => Ok(Opened::Whole(reply)),
            Reply::Stream { blocks, simulated } => {
                let mut watch = Watch::new(blocks, simulated || self.simulated());
                watch.open(opening).await?;
                self.metrics.first_token(started.elapsed());
                Ok(Opened::Stream(Box::new(watch)))
            }
        }
    }

    async fn admit(self: &Arc<Self>, within: Duration) -> Result<Ticket, ModelError> {
        self.resting()?;
        let place = self.gate.enter(within).await?;
        let permit = lock(&self.breaker).admit(Instant::now().into_std())?;
        if permit.is_probe() {
            self.show_breaker();
        }
        let inside = Inside { _place: place, _level: self.metrics.enter() };
        let started = Instant::now();
        Ok(Ticket { endpoint: Arc::clone(self), permit: Some(permit), started, inside: Some(inside) })
    }

    /// Refuses while the breaker would, so that nobody waits in line for an endpoint that rests anyway. Asks a copy:
    /// a permit handed out here would take the place of the probe.
    fn resting(&self) -> Result<(), Open> {
        let mut copy = lock(&self.breaker).clone();
        copy.admit(Instant::now().into_std()).map(|_| ())
    }

    /// What `usage` costs here; what a script says costs nothing unless settings name a price.
    pub(crate) fn cost(&self, usage: Option<Usage>) -> Cost {
        match self.price {
            None if self.simulated() => Some(Decimal::ZERO),
            price => Some(price?.of(&usage?)),
        }
    }

    fn show_breaker(&self) {
        self.metrics.breaker(match self.breaker() {
            State::Closed => BreakerState::Closed,
            State::HalfOpen => BreakerState::HalfOpen,
            State::Open => BreakerState::Open,
        });
    }
}

enum Opened {
    Whole(ChatReply),
    Stream(Box<Watch>),
}

/// One call in progress: whatever happens to it, the breaker, the place and the figures are settled exactly once.
pub(crate) struct Ticket {
    endpoint: Arc<Endpoint>,
    permit: Option<Permit>,
    started: Instant,
    inside: Option<Inside>,
}

/// What a call in progress takes up.
struct Inside {
    _place: Place,
    _level: LevelGuard,
}

impl Ticket {
    /// The call gave an answer. Token counts that nobody can have used are not believed.
    pub(crate) fn answered(&mut self, usage: Option<Usage>) -> Cost {
        let usage = usage.filter(|usage| usage.prompt_tokens.max(usage.completion_tokens) <= TOKENS_MAX);
        let took_ms = self.started.elapsed().as_secs_f64() * 1_000.0;
        lock(&self.endpoint.latency_ms).observe(took_ms);
        self.settle(Outcome::Answered, Some(false));
        let cost = self.endpoint.cost(usage);
        if let Some(usage) = usage {
            self.endpoint.metrics.tokens(usage.prompt_tokens, usage.completion_tokens);
        }
        if let Some(cost) = cost.and_then(|cost| f64::try_from(cost).ok()) {
            self.endpoint.metrics.cost_usd(cost);
        }
        cost
    }

    /// The call failed.
    pub(crate) fn failed(&mut self, error: &ModelError) {
        let outcome = if error.is_timeout() { Outcome::TimedOut } else { Outcome::Failed };
        self.settle(outcome, error.harms());
    }

    fn settle(&mut self, outcome: Outcome, harm: Option<bool>) {
        let Some(permit) = self.permit.take() else { return };
        let now = Instant::now().into_std();
        {
            let mut breaker = lock(&self.endpoint.breaker);
            match harm {
                Some(true) => breaker.failure(permit, now),
                Some(false) => breaker.success(permit, now),
                None => breaker.abandon(permit, now),
            }
        }
        self.endpoint.metrics.finished(outcome);
        self.endpoint.show_breaker();
        self.inside = None;
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.settle(Outcome::Cancelled, None);
    }
}

/// Takes a lock; a panic elsewhere cannot leave these small states half-changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The breaker that settings ask for.
pub(crate) fn breaker_config(provider: &settings::Provider, guard: &settings::Guard) -> BreakerConfig {
    let failures = provider.breaker_failures.unwrap_or(guard.breaker_failures);
    let open = Duration::from_millis(provider.breaker_open_ms.unwrap_or(guard.breaker_open_ms));
    BreakerConfig { failures, open }
}

#[cfg(test)]
mod tests;
