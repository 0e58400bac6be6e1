//! One model of one provider, with everything that guards it.

use crate::common::Common;
use crate::dialects;
use crate::limits::Limits;
use crate::stream::{AnswerStream, Watch};
use crate::ticket::{Inside, Ticket};
use crate::{Call, Cost, Ear, ModelError, Price, Provider, Replied, Reply};
use balance::Reading;
use caller::{Caller, Class, Need, Tab};
use guard::{Breaker, BreakerConfig, Parked, Permit, State};
use measure::{BreakerState, EndpointMetrics, Outcome};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use turnstile::{Course, Takings, Usual};
use wire::Dialect;
use wire::openai::{ChatReply, ChatRequest, Estimate};

/// Requests or inputs in one batch that take no longer than one, and how many times longer a batch may take at most.
pub(crate) const BATCH: f64 = 5.0;
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

/// Who asks, as far as an endpoint cares.
#[derive(Debug, Clone, Copy)]
pub struct Asker<'a> {
    /// The id of the request, for the upstream's logs.
    pub request_id: &'a str,
    /// Among whom places are shared.
    pub tenant: &'a Arc<str>,
    /// How much it matters when there are too few.
    pub class: Class,
}

impl<'a> From<&'a Caller> for Asker<'a> {
    fn from(caller: &'a Caller) -> Self {
        let Caller { request_id, guest, wishes, .. } = caller;
        Self { request_id, tenant: &guest.identity.tenant, class: wishes.class }
    }
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
    pub(crate) common: Arc<Common>,
    pub(crate) parked: Arc<Parked>,
    /// Its own calls in progress.
    pub(crate) in_flight: Arc<AtomicU32>,
    pub(crate) breaker: Arc<Mutex<Breaker>>,
    pub(crate) metrics: EndpointMetrics,
    pub(crate) usual: Arc<Mutex<Usual>>,
    pub(crate) limits: Limits,
    pub(crate) course: Arc<Mutex<Course>>,
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
    pub fn ask(
        self: &Arc<Self>,
        request: &ChatRequest,
        asker: Asker<'_>,
        tab: &Arc<dyn Tab>,
        within: Duration,
        opening: Opening,
    ) -> impl Future<Output = Result<Answer, ModelError>> + Send {
        // Boxed, as whoever may ask several in turn or at once keeps room for each of them while one is asked.
        Box::pin(async move {
            let asked = Instant::now();
            let mut ticket = self.admit(request, asker, tab, within).await?;
            let ear = ticket.ear();
            let call = Call { request, model: &self.upstream_name, request_id: asker.request_id, ear: &ear };
            let waited = asked.elapsed();
            let left = within.saturating_sub(waited);
            let answered = tokio::time::timeout(left, self.open(call, opening, &mut ticket)).await;
            match ticket.landed(&ear, answered, (waited, within))? {
                (Opened::Whole(reply), lost) => {
                    let cost = ticket.answered();
                    let reply = if self.simulated() { reply.marked_simulated() } else { reply };
                    Ok(Answer::Whole { reply, cost, in_line: waited, lost })
                }
                (Opened::Stream(watch), lost) => {
                    Ok(Answer::Stream(Box::new(AnswerStream::new(*watch, ticket, Arc::clone(self), waited, lost))))
                }
            }
        })
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
        let call = Call { request, model: &self.upstream_name, request_id, ear: &Ear::default() };
        let within = within.min(self.timeout);
        let counted = tokio::time::timeout(within, self.provider.count(call)).await;
        counted.unwrap_or(Err(ModelError::TimedOut { within }))
    }

    /// Whether running out of this time counts against the upstream: all that settings give an attempt. Less says that
    /// a caller was in a hurry.
    pub(crate) fn is_fair(&self, within: Duration) -> bool {
        within >= self.timeout
    }

    /// Whether its provider passes its health checks; one that is never checked passes.
    pub fn is_up(&self) -> bool {
        self.common.checked.is_up()
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
                ticket.opened();
                Opened::Stream(Box::new(watch))
            }
        };
        Ok((opened, lost))
    }

    async fn admit(
        self: &Arc<Self>,
        request: &ChatRequest,
        asker: Asker<'_>,
        tab: &Arc<dyn Tab>,
        within: Duration,
    ) -> Result<Ticket, ModelError> {
        let output = request.output_tokens_max().unwrap_or_else(|| lock(&self.usual).output());
        let output = output.min(self.output_tokens_max.unwrap_or(u64::MAX)).saturating_mul(request.n());
        let inside = self.enter(asker, request.len_bytes(), || request.estimate(), output, within).await?;
        Ok(Ticket::new(Arc::clone(self), request, inside, tab))
    }

    /// Lets a request of so many bytes in, with everything that this takes. `estimate` tells its tokens, `output` those
    /// that the answer is reckoned with. Whoever is turned away is counted.
    pub(crate) async fn enter(
        &self,
        asker: Asker<'_>,
        bytes: usize,
        estimate: impl Fn() -> Estimate,
        output: u64,
        within: Duration,
    ) -> Result<Inside, ModelError> {
        let entered = self.try_enter(asker, bytes, estimate, output, within).await;
        entered.inspect_err(|error| {
            self.metrics.finished(Outcome::Shed);
            self.common.sheds.count(error);
        })
    }

    async fn try_enter(
        &self,
        asker: Asker<'_>,
        bytes: usize,
        estimate: impl Fn() -> Estimate,
        output: u64,
        within: Duration,
    ) -> Result<Inside, ModelError> {
        // Nobody waits in line for an endpoint that rests or wants to be left alone anyway.
        lock(&self.breaker).peek(Instant::now().into_std())?;
        if let Some(retry_after) = self.parked() {
            return Err(ModelError::Parked { retry_after });
        }
        let tokens = self.limits.check(bytes, estimate, output, self.common.pace.as_deref())?;
        let mut takings = self.take(tokens).await.map_err(|retry_after| ModelError::Paced { retry_after })?;
        let class = match asker.class {
            Class::Low => guard::Class::Low,
            Class::Normal => guard::Class::Normal,
            Class::Critical => guard::Class::Critical,
        };
        let mut place = self.common.gate.enter(class, asker.tenant, within).await?;
        // Much may have happened while it waited.
        if let Some(retry_after) = self.parked() {
            return Err(ModelError::Parked { retry_after });
        }
        let permit = lock(&self.breaker).admit(Instant::now().into_std())?;
        if permit.is_probe() {
            self.show_breaker();
        }
        takings.sent();
        place.begin();
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        Ok(Inside { permit, place, level: self.metrics.enter(), takings })
    }

    /// Takes a request's part of the minute, of the model's and of the provider's.
    async fn take(&self, tokens: u64) -> Result<Takings, Duration> {
        let mut takings = Takings::default();
        if let Some(pace) = &self.limits.pace {
            takings.of_model = Some(pace.take(tokens).await?);
        }
        if let Some(pace) = &self.common.pace {
            takings.of_provider = Some(pace.take(tokens).await?);
        }
        Ok(takings)
    }

    /// How much longer it wants to be left alone, as far as it told us or, where that is shared, others.
    pub(crate) fn parked(&self) -> Option<Duration> {
        let here = self.parked.left(self.common.made.elapsed());
        here.or_else(|| self.common.sharing.as_ref()?.parked(&self.id))
    }

    /// Leaves it alone for a while, and tells others where that is shared.
    pub(crate) fn park(&self, wait: Duration) {
        let most = self.common.terms.park_max;
        if !self.parked.park(self.common.made.elapsed(), wait, most) {
            return;
        }
        tracing::debug!(model = &*self.id, wait_ms = wait.min(most).as_millis(), "asks to be left alone");
        if let Some(sharing) = &self.common.sharing {
            sharing.park(&self.id, wait.min(most));
        }
    }

    /// How it stands at `now`, by the kind of answer that takes longer.
    pub fn reading(&self, now: std::time::Instant) -> Reading {
        let kinds = [true, false].map(|stream| self.reading_for(now, stream));
        let [streams, wholes] = kinds;
        if wholes.load_s > streams.load_s { wholes } else { streams }
    }

    /// How it stands at `now`, for whoever chooses among several for a stream, or for a whole answer: times of one kind
    /// are never compared with those of the other. What a request costs there and its weight are not known here: `cost`
    /// is none and `weight` 1.
    pub fn reading_for(&self, now: std::time::Instant, stream: bool) -> Reading {
        let (common, in_flight) = (&self.common, self.in_flight.load(Ordering::Relaxed));
        let load = common.gate.load();
        let places = 1.0 - f64::from(load.in_flight.min(load.limit)) / f64::from(load.limit.max(1));
        let paces = [&self.limits.pace, &common.pace].into_iter().flatten();
        let admits = lock(&self.breaker).peek(now).is_ok();
        let course = lock(&self.course);
        let seconds = course.seconds(now, stream);
        Reading {
            load_s: seconds * (f64::from(in_flight) + 1.0),
            latency_s: (seconds > 0.0).then_some(seconds),
            unproven: course.is_cold(stream),
            in_flight,
            free: paces.map(|pace| pace.left()).fold(places, f64::min),
            health: course.health(now),
            share: course.share(now, common.checked.back(), common.terms.slow_start),
            penalised: course.penalised(now),
            available: admits && common.checked.is_up() && self.parked().is_none(),
            cost: None,
            weight: 1.0,
        }
    }

    /// A call that failed counts as no faster than the worst peer, `worst`, and as no less than
    /// `balance.penalty_ms`.
    pub fn penalise(&self, now: std::time::Instant, worst: Duration) {
        let penalty = self.common.terms.penalty.max(worst);
        lock(&self.course).penalise(now, penalty);
    }

    /// A probe has opened a stream, which tells what it was sent for. How the stream ends, which may be much later,
    /// counts as any other call.
    pub(crate) fn recovered(&self, probe: &mut Permit) {
        let now = Instant::now().into_std();
        {
            let mut breaker = lock(&self.breaker);
            breaker.success(*probe, now);
            if let Ok(permit) = breaker.admit(now) {
                *probe = permit;
            }
        }
        lock(&self.course).back(now);
        self.show_breaker();
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
mod guarded;
#[cfg(test)]
mod measured;
#[cfg(test)]
mod tests;
