//! One model of one provider, with everything that guards it.

use crate::dialects;
use crate::gate::Gate;
use crate::limits::Limits;
use crate::stream::{AnswerStream, Watch};
use crate::ticket::{Inside, Ticket};
use crate::usual::Usual;
use crate::{Call, Cost, ModelError, Price, Provider, Replied, Reply};
use caller::{Need, Tab};
use guard::{Breaker, BreakerConfig, Open, State};
use measure::{BreakerState, EndpointMetrics, Outcome, Window};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use wire::Dialect;
use wire::openai::{ChatReply, ChatRequest, Estimate};

/// A call that had this long, or this many times what answers usually take, and no answer was treated fairly:
/// running out of time counts against the upstream, not against a caller in a hurry.
const FAIR_MIN: Duration = Duration::from_secs(5);
const USUAL_TIMES: f64 = 3.0;
/// Requests or inputs in one batch that take no longer than one, and how many times longer a batch may take at most.
const BATCH: f64 = 5.0;
const BATCH_TIMES_MAX: f64 = 3.0;

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
        /// What the provider could not be told, in words for people.
        lost: Vec<String>,
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
    pub(crate) output_tokens_max: Option<u64>,
    pub(crate) timeout: Duration,
    pub(crate) idle: Duration,
    pub(crate) stream_max: Duration,
    pub(crate) provider: Arc<dyn Provider>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) breaker: Mutex<Breaker>,
    pub(crate) metrics: EndpointMetrics,
    pub(crate) usual: Mutex<Usual>,
    pub(crate) limits: Limits,
    pub(crate) window: Mutex<Window>,
}

impl Endpoint {
    /// `provider/model`, as requests name it.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What the provider calls the model.
    pub fn upstream_name(&self) -> &str {
        &self.upstream_name
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

    /// The longest one attempt may take that carries `count` requests or inputs: up to three times that of one.
    pub fn batch_timeout(&self, count: usize) -> Duration {
        self.timeout.mul_f64((count as f64 / BATCH).clamp(1.0, BATCH_TIMES_MAX))
    }

    /// What a whole answer usually takes in milliseconds; `None` before the first one.
    pub fn usual_latency_ms(&self) -> Option<f64> {
        lock(&self.usual).latency_ms.value()
    }

    /// The breaker's state now.
    pub fn breaker(&self) -> State {
        lock(&self.breaker).state(Instant::now().into_std())
    }

    /// What one answer to `request` may cost; `output_tokens` are reckoned with where neither the request nor the
    /// settings of the model limit the answer.
    ///
    /// A token is at least one byte of text, so the length of the body bounds what is read. What is likely is what
    /// recent calls were like.
    pub fn need(&self, request: &ChatRequest, output_tokens: u64) -> Need {
        let Some(price) = self.tariff() else { return Need { bounded: true, ..Need::default() } };
        let (bytes, usual) = (request.len_bytes(), *lock(&self.usual));
        let limit = request.output_tokens_max().or(self.output_tokens_max);
        let output = limit.unwrap_or(output_tokens);
        let usual_input = usual.input(bytes);
        let input = if request.beyond_text() { usual_input.max(bytes as u64) } else { bytes as u64 };
        let most = prices::nano(price.most_of(input, output.saturating_mul(request.n())));
        let likely_output = usual.output().min(output).saturating_mul(request.n());
        let likely = prices::nano(price.of_tokens(usual_input.min(input), likely_output));
        // What costs nothing costs nothing however long it gets.
        let bounded = most == 0 || (limit.is_some() && !request.beyond_text());
        Need { most, likely: likely.min(most), bounded }
    }

    /// Asks once: waits for a place, calls, and gives back a whole reply or a stream that has opened.
    ///
    /// A request beyond the model's limits is refused before that, and costs nothing.
    ///
    /// `within` bounds everything up to that point. Dropping the future or the stream cancels the call upstream
    /// and counts it as cancelled. Whatever becomes of a call that was sent, it is noted on `tab` once; the stream
    /// holds the tab until then.
    ///
    /// # Errors
    /// [`ModelError`]; the breaker has taken note.
    pub async fn ask(
        self: &Arc<Self>,
        request: &ChatRequest,
        request_id: &str,
        tab: &Arc<dyn Tab>,
        within: Duration,
        opening: Opening,
    ) -> Result<Answer, ModelError> {
        let asked = Instant::now();
        let admitted = self.admit(request, tab, within).await;
        let mut ticket = admitted.inspect_err(|_| self.metrics.finished(Outcome::Shed))?;
        let call = Call { request, model: &self.upstream_name, request_id };
        let waited = asked.elapsed();
        let left = within.saturating_sub(waited);
        let Ok(answered) = tokio::time::timeout(left, self.open(call, opening, &mut ticket)).await else {
            // Who lost most of the time in our own line says nothing about the upstream, and neither does a caller
            // who had no time for any answer.
            let fair = left > waited && self.is_fair(within);
            ticket.timed_out(fair.then_some(true));
            return Err(ModelError::TimedOut { within });
        };
        match answered {
            Ok((Opened::Whole(reply), lost)) => {
                let cost = ticket.answered();
                let reply = if self.simulated() { reply.marked_simulated() } else { reply };
                Ok(Answer::Whole { reply, cost, in_line: waited, lost })
            }
            Ok((Opened::Stream(watch), lost)) => {
                Ok(Answer::Stream(Box::new(AnswerStream::new(*watch, ticket, Arc::clone(self), waited, lost))))
            }
            Err(error) => {
                ticket.failed(&error);
                Err(error)
            }
        }
    }

    /// Asks the provider to count the tokens of a request; `None` where it has no way to. Costs nothing, so that it
    /// passes by the line, the breaker and the books.
    ///
    /// # Errors
    /// [`ModelError`].
    pub async fn count(
        &self,
        request: &ChatRequest,
        request_id: &str,
        within: Duration,
    ) -> Result<Option<u64>, ModelError> {
        let call = Call { request, model: &self.upstream_name, request_id };
        let within = within.min(self.timeout);
        let counted = tokio::time::timeout(within, self.provider.count(call)).await;
        counted.unwrap_or(Err(ModelError::TimedOut { within }))
    }

    /// Whether a healthy upstream would have answered in this time.
    pub(crate) fn is_fair(&self, within: Duration) -> bool {
        let usual = self.usual_latency_ms().unwrap_or_default();
        let enough = Duration::from_secs_f64(usual * USUAL_TIMES / 1_000.0).max(FAIR_MIN);
        within >= self.timeout.min(enough)
    }

    async fn open(
        &self,
        call: Call<'_>,
        opening: Opening,
        ticket: &mut Ticket,
    ) -> Result<(Opened, Vec<String>), ModelError> {
        let Replied { reply, mut lost } = self.provider.chat(call).await?;
        let opened = match reply {
            Reply::Whole(reply) => {
                ticket.simulated |= reply.simulated();
                ticket.seen.whole(&reply);
                if let Some(original) = untold(call.request, reply.dialect()) {
                    lost.extend_from_slice(original);
                }
                // Whoever asked with a chat gets one; the door of another dialect takes it from there.
                let as_asked = reply.dialect() == call.request.dialect();
                Opened::Whole(if as_asked { reply } else { dialects::as_chat(&reply).into_owned() })
            }
            Reply::Stream { blocks, dialect, simulated, hides_usage } => {
                ticket.simulated |= simulated;
                (ticket.seen.dialect, ticket.seen.hides_usage) = (dialect, hides_usage);
                if let Some(original) = untold(call.request, dialect) {
                    lost.extend_from_slice(original);
                }
                let mut watch = Watch::new(blocks);
                watch.open(opening, &mut ticket.seen).await?;
                let took = ticket.started.elapsed();
                ticket.first_token = Some(took);
                self.metrics.first_token(took);
                Opened::Stream(Box::new(watch))
            }
        };
        Ok((opened, lost))
    }

    async fn admit(
        self: &Arc<Self>,
        request: &ChatRequest,
        tab: &Arc<dyn Tab>,
        within: Duration,
    ) -> Result<Ticket, ModelError> {
        let usual = lock(&self.usual).output();
        let output = usual.min(request.output_tokens_max().unwrap_or(u64::MAX)).saturating_mul(request.n());
        let inside = self.enter(request.len_bytes(), || request.estimate(), output, tab, within).await?;
        Ok(Ticket::new(Arc::clone(self), request, inside))
    }

    /// Lets a request of so many bytes in, with everything that this takes. `estimate` tells its tokens, `output` those
    /// that the answer is reckoned with.
    pub(crate) async fn enter(
        &self,
        bytes: usize,
        estimate: impl Fn() -> Estimate,
        output: u64,
        tab: &Arc<dyn Tab>,
        within: Duration,
    ) -> Result<Inside, ModelError> {
        self.resting()?;
        let mut taken = self.limits.check(bytes, estimate, output)?;
        let place = self.gate.enter(within).await?;
        let permit = lock(&self.breaker).admit(Instant::now().into_std())?;
        if permit.is_probe() {
            self.show_breaker();
        }
        if let Some(taken) = &mut taken {
            taken.sent();
        }
        Ok(Inside { permit, place, level: self.metrics.enter(), tab: Arc::clone(tab), taken })
    }

    /// Refuses while the breaker would, so that nobody waits in line for an endpoint that rests anyway. Asks a copy:
    /// a permit handed out here would take the place of the probe.
    fn resting(&self) -> Result<(), Open> {
        let mut copy = lock(&self.breaker).clone();
        copy.admit(Instant::now().into_std()).map(|_| ())
    }

    /// What tokens cost here, if known; what a script says costs nothing unless settings name a price.
    pub(crate) fn tariff(&self) -> Option<Price> {
        self.price.or_else(|| self.simulated().then(Price::default))
    }

    pub(crate) fn show_breaker(&self) {
        self.metrics.breaker(match self.breaker() {
            State::Closed => BreakerState::Closed,
            State::HalfOpen => BreakerState::HalfOpen,
            State::Open => BreakerState::Open,
        });
    }
}

/// What a chat could not say for its client, where the answer tells that the provider was asked with a chat.
fn untold(request: &ChatRequest, answered_in: Dialect) -> Option<&[String]> {
    let original = request.original().filter(|original| original.dialect != answered_in)?;
    Some(&original.lost)
}

enum Opened {
    Whole(ChatReply),
    Stream(Box<Watch>),
}

/// Takes a lock; a panic elsewhere cannot leave these small states half-changed.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
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
