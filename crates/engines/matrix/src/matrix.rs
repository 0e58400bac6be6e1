//! The engine's face: one question in, one outcome out, whatever the name stands for.

use crate::cached::{Events, KeptAnswers, Key, Policy, Put, Similar, Subject};
use crate::chain::{Chain, Served};
use crate::context::Context;
use crate::escalate::order;
use crate::plan::{Panel, Plan, PlanError, Route, Target};
use crate::providers::{self, Looks, ProviderState};
use crate::report::{AskAnswer, Report};
use crate::routing::{Asked, Lead, Way, usd};
use crate::{AskError, PanelState, SettleError, Truth, Vectors, embed, need, panel, panels};
use arc_swap::ArcSwap;
use caller::{Caller, Identity};
use measure::Metrics;
use models::{Answer, Endpoint, Kind, ModelError, Parts, Registry, Sharing, Table};
use settings::Settings;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use votes::{Settled, Votes};
use wire::openai::{Attempt, ChatReply, ChatRequest, EmbeddingRequest, estimate_tokens};

/// Something that can be put into `model`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelInfo {
    /// Its name.
    pub id: String,
    /// `model`, `panel`, `route`, `alias` or `group`.
    pub kind: &'static str,
    /// The provider's name of a model; else `althing`.
    pub owned_by: String,
}

/// How many tokens a request has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// So many.
    pub tokens: u64,
    /// The model they were counted for.
    pub by: String,
    /// Whether they were estimated here rather than counted by the provider.
    pub estimated: bool,
}

/// What a question leads to.
pub enum Outcome {
    /// A whole reply. From a panel, always.
    Whole {
        /// The reply, without the report.
        reply: Box<ChatReply>,
        /// What to tell about it; the overhead is still to be set.
        report: Box<Report>,
        /// How long models took.
        waited: Duration,
    },
    /// A stream that has opened.
    Stream {
        /// The answer, byte for byte.
        stream: Box<Events>,
        /// What to tell about it; the cost is known when the stream has ended.
        report: Box<Report>,
        /// How long it took to open.
        waited: Duration,
    },
}

impl Outcome {
    /// The answer in words with its report, for whoever asked at `started` and did not ask for a stream; `None` for
    /// one that streams all the same.
    pub fn into_answer(self, started: Instant) -> Option<AskAnswer> {
        let Self::Whole { reply, mut report, waited } = self else { return None };
        report.set_overhead(started.elapsed(), waited);
        Some(AskAnswer { answer: reply.answer(), report: *report })
    }
}

/// One version of everything that settings decide.
struct Live {
    plan: Plan,
    context: Arc<Context>,
    policy: Policy,
    looks: Looks,
}

impl Live {
    /// What settings ask for, which goes on from what was in force `before`. Nothing has been started where it fails.
    fn build(settings: &Settings, parts: Parts<'_>, before: Option<&Self>) -> Result<Self, PlanError> {
        let (metrics, known) = (parts.metrics, before.map(|before| &before.plan.registry));
        let registry = Registry::build(settings, parts, known)?;
        let plan = Plan::build(settings, registry, metrics)?;
        plan.registry.begin(known);
        let mut context = Context::new(settings, metrics);
        if let Some(before) = before {
            context = context.continuing(&before.context);
        }
        Ok(Self { plan, context: Arc::new(context), policy: Policy::new(settings), looks: Looks::default() })
    }
}

/// What a name has led to for one request.
enum Chosen {
    Models(Way, Option<Arc<Route>>),
    Panel(Arc<Panel>, Vec<Arc<Endpoint>>),
}

impl Chosen {
    async fn ask(&self, context: &Context, caller: &Caller, request: &ChatRequest) -> Result<Outcome, AskError> {
        match self {
            Self::Models(way, _) => {
                let lead = lead(context, way, request);
                one_after_the_other(context, caller, request, &lead).await
            }
            // Boxed, as is all that few requests need: the others would carry the room that it takes.
            Self::Panel(panel, _) => Box::pin(panel::ask(context, panel, caller, request)).await,
        }
    }

    fn subject<'a>(&'a self, policy: &'a Policy) -> Subject<'a> {
        let (kind, name, models) = match self {
            Self::Models(way, Some(route)) => ("route", route.name.as_str(), way.models()),
            Self::Models(way, None) => (way.kind(), way.name(), way.models()),
            Self::Panel(panel, models) => ("panel", panel.name.as_str(), models.as_slice()),
        };
        Subject { policy, kind, name, models, names }
    }
}

/// Everything that can be asked.
pub struct Matrix {
    live: ArcSwap<Live>,
    kinds: Vec<Kind>,
    metrics: Arc<Metrics>,
    prices: ArcSwap<Table>,
    sharing: Option<Arc<dyn Sharing>>,
    answers: Option<Arc<KeptAnswers>>,
}

impl Matrix {
    /// Makes everything that `settings` describe, with the prices that are shipped; `kinds` are the providers'
    /// protocols that exist.
    ///
    /// # Errors
    /// [`PlanError`]; nothing has been started then.
    pub fn new(settings: &Settings, kinds: Vec<Kind>, metrics: Arc<Metrics>) -> Result<Self, PlanError> {
        Self::with_prices(settings, kinds, metrics, Table::shipped())
    }

    /// As [`Matrix::new`], with other prices.
    ///
    /// # Errors
    /// [`PlanError`]; nothing has been started then.
    pub fn with_prices(
        settings: &Settings,
        kinds: Vec<Kind>,
        metrics: Arc<Metrics>,
        prices: Table,
    ) -> Result<Self, PlanError> {
        Self::with_sharing(settings, kinds, metrics, prices, None)
    }

    /// As [`Matrix::with_prices`], with what is shared with other servers.
    ///
    /// # Errors
    /// [`PlanError`]; nothing has been started then.
    pub fn with_sharing(
        settings: &Settings,
        kinds: Vec<Kind>,
        metrics: Arc<Metrics>,
        prices: Table,
        sharing: Option<Arc<dyn Sharing>>,
    ) -> Result<Self, PlanError> {
        let prices = Arc::new(prices);
        let parts = Parts { kinds: &kinds, metrics: &metrics, prices: &prices, sharing: sharing.as_ref() };
        let live = Live::build(settings, parts, None)?;
        let (live, prices) = (ArcSwap::from_pointee(live), ArcSwap::from(prices));
        Ok(Self { live, kinds, metrics, prices, sharing, answers: None })
    }

    /// The same, with answers that are kept.
    #[must_use]
    pub fn with_answers(self, answers: Arc<KeptAnswers>) -> Self {
        Self { answers: Some(answers), ..self }
    }

    /// Has what members of panels answer written down, from now on.
    pub fn keep_votes(&self, votes: &Arc<Votes>) {
        self.live.load().context.minutes.keep(Arc::clone(votes));
    }

    /// How the caller's questions to every panel went, and what is in force because of all questions.
    ///
    /// # Errors
    /// [`SettleError`]: what is written down cannot be read.
    pub async fn panels(&self, who: &Identity) -> Result<Vec<PanelState>, SettleError> {
        let live = self.live.load_full();
        panels::states(&live.plan, &live.context.minutes, who).await
    }

    /// Tells the truth about a question that a panel has answered.
    ///
    /// # Errors
    /// [`SettleError`].
    pub async fn settle(
        &self,
        who: &Identity,
        panel: &str,
        request_id: &str,
        truth: Truth,
        version: Option<i64>,
    ) -> Result<Settled, SettleError> {
        let live = self.live.load_full();
        panels::settle(&live.context.minutes, who, panel, request_id, truth, version).await
    }

    /// The answers that are kept, where any are.
    pub fn answers(&self) -> Option<&Arc<KeptAnswers>> {
        self.answers.as_ref()
    }

    /// Swaps to other settings. Requests in progress finish under the old ones; providers that have not changed
    /// keep their connections and breakers.
    ///
    /// # Errors
    /// [`PlanError`]; the old settings stay in force then.
    pub fn reload(&self, settings: &Settings) -> Result<(), PlanError> {
        let before = self.live.load_full();
        let (prices, sharing) = (&self.prices.load_full(), self.sharing.as_ref());
        let parts = Parts { kinds: &self.kinds, metrics: &self.metrics, prices, sharing };
        let live = Live::build(settings, parts, Some(&before))?;
        if let Some(answers) = &self.answers {
            answers.reload(&settings.cache);
        }
        self.live.store(Arc::new(live));
        Ok(())
    }

    /// Takes over other prices with the next [`Matrix::reload`]; whether they are others.
    pub fn set_prices(&self, prices: Table) -> bool {
        let changed = **self.prices.load() != prices;
        if changed {
            self.prices.store(Arc::new(prices));
        }
        changed
    }

    /// All providers with their models, and what a look at each showed: one of the last half minute, or a new one
    /// where `look` wants it.
    pub async fn providers(&self, look: bool) -> Vec<ProviderState> {
        let live = self.live.load_full();
        providers::states(&live.plan.registry, &live.looks, look).await
    }

    /// Everything that can be asked by name: panels, routes, aliases, bare names that several providers share, models.
    pub fn models(&self) -> Vec<ModelInfo> {
        let live = self.live.load();
        let ours = |kind| move |name: &str| ModelInfo { id: name.to_owned(), kind, owned_by: "althing".to_owned() };
        let mut models: Vec<ModelInfo> = live.plan.panel_names().map(ours("panel")).collect();
        models.extend(live.plan.route_names().map(ours("route")));
        models.extend(live.plan.alias_names().map(ours("alias")));
        models.extend(live.plan.group_names().map(ours("group")));
        models.extend(live.plan.registry.endpoints().iter().map(|endpoint| ModelInfo {
            id: endpoint.id().to_owned(),
            kind: "model",
            owned_by: endpoint.provider().to_owned(),
        }));
        models
    }

    /// All models that settings list.
    pub fn endpoints(&self) -> Vec<Arc<Endpoint>> {
        self.live.load().plan.registry.endpoints().to_vec()
    }

    /// What is asked when nobody names a model: the panel `quorum`, else the first model.
    pub fn default_model(&self) -> Option<String> {
        self.live.load().plan.default_model()
    }

    /// Whether a name stands for a panel, whose answer comes whole even when a stream is asked for.
    pub fn is_panel(&self, name: &str) -> bool {
        matches!(self.live.load().plan.find(name), Some(Target::Panel(_)))
    }

    /// Whether anything can be asked by this name; [`AskError::UnknownModel`] has the names like it.
    pub fn knows(&self, name: &str) -> Result<(), AskError> {
        found(&self.live.load().plan, name).map(drop)
    }

    /// The models that a panel would put a request to within its limit on cost, in its order, with the weights that
    /// settings give them; `None` where the request names no panel.
    pub fn members(&self, request: &ChatRequest) -> Option<Vec<(String, f64)>> {
        let live = self.live.load();
        let Some(Target::Panel(panel)) = live.plan.find(request.model()) else { return None };
        let seat = |at: usize| panel.seats.get(at).map(|seat| (seat.endpoint.id().to_owned(), seat.weight));
        Some(order(&panel, request).into_iter().filter_map(seat).collect())
    }

    /// Whether a tenant's requests may call themselves critical, as settings say.
    pub fn may_be_critical(&self, tenant: &str) -> bool {
        self.live.load().policy.is_critical(tenant)
    }

    /// Asks whatever `request.model()` stands for.
    ///
    /// What it may cost is reserved before anything is sent, and what was not spent has gone back when this returns;
    /// a stream settles when it ends. Dropping the future cancels every call upstream.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn ask(&self, caller: &Caller, request: &ChatRequest) -> Result<Outcome, AskError> {
        let live = self.live.load_full();
        let target = found(&live.plan, request.model())?;
        let chosen = Arc::new(choose(target, caller, request)?);
        let straight = || Box::pin(chosen.ask(&live.context, caller, request));
        let Some(answers) = &self.answers else { return straight().await };
        let subject = chosen.subject(&live.policy);
        let missing = answers.missing(&subject, caller, "chat");
        let known = missing.is_some();
        let asked = match (subject.of_chat(caller, request), missing) {
            (None, Some(missing)) => Err(missing),
            (None, None) => straight().await,
            (Some(wanted), missing) => {
                let put = missing.map_or_else(|| put((&live, answers, &chosen), wanted.key, caller, request), refusing);
                // A panel answers whole, whatever it is asked for.
                match request.stream() && matches!(*chosen, Chosen::Models(..)) {
                    true => answers.stream(wanted, caller, put).await,
                    false => answers.ask(wanted, caller, put).await,
                }
            }
        };
        if !known {
            answers.learn(&subject, caller, "chat", &asked);
        }
        asked
    }

    /// Asks for the vectors of texts. A route falls back only to places that offer the same model: vectors of different
    /// models have nothing in common.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn embed(&self, caller: &Caller, request: &EmbeddingRequest) -> Result<Vectors, AskError> {
        let live = self.live.load_full();
        let (way, route) = embed::choose(&live.plan, caller, request)?;
        let Some(answers) = &self.answers else {
            return embed::ask(&live.context, &way, caller, request).await;
        };
        let (kind, name) = match &route {
            Some(route) => ("route", route.name.as_str()),
            None => (way.kind(), way.name()),
        };
        let subject = Subject { policy: &live.policy, kind, name, models: way.models(), names };
        let missing = answers.missing(&subject, caller, "vectors");
        let known = missing.is_some();
        let asked = match (subject.of_vectors(caller, request), missing) {
            (None, Some(missing)) => Err(missing),
            (None, None) => embed::ask(&live.context, &way, caller, request).await,
            (Some(wanted), missing) => {
                let put = missing.map(refusing).unwrap_or_else(|| embed::put(&live.context, &way, caller, request));
                answers.embed(wanted, caller, request.inputs(), put).await
            }
        };
        if !known {
            answers.learn(&subject, caller, "vectors", &asked);
        }
        asked
    }

    /// Counts the tokens of a request without having it answered: by the provider where it can, else by an estimate.
    /// A route counts as its first model, a panel as its first member. It costs nothing, so nothing is reserved.
    ///
    /// # Errors
    /// [`AskError`] for a name that nobody knows and for a request that the provider refuses.
    pub async fn count(&self, caller: &Caller, request: &ChatRequest) -> Result<Counted, AskError> {
        let live = self.live.load_full();
        let target = found(&live.plan, request.model())?;
        let endpoint = match &target {
            Target::Model(endpoint) => Some(endpoint),
            Target::Route(route) => Some(route.first(caller, request)?),
            Target::Group(group) => group.first(),
            Target::Panel(panel) => panel.seats.first().map(|seat| &seat.endpoint),
        };
        let estimated = |by| Counted { tokens: estimate_tokens(request), by, estimated: true };
        let Some(endpoint) = endpoint else { return Ok(estimated(String::new())) };
        let by = endpoint.id().to_owned();
        let within = caller.deadline.saturating_duration_since(Instant::now());
        match endpoint.count(request, &caller.request_id, within).await {
            Ok(Some(tokens)) => Ok(Counted { tokens, by, estimated: false }),
            Err(error @ ModelError::Refused { .. }) => {
                Err(AskError::Refused { model: by, error, attempts: Vec::new() })
            }
            // Whoever cannot count now is not needed for an estimate.
            Ok(None) | Err(_) => Ok(estimated(by)),
        }
    }

    /// Asks several models at once, as a panel made for this one question.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn ask_all(
        &self,
        caller: &Caller,
        request: &ChatRequest,
        models: &[String],
        agreement: f64,
    ) -> Result<Outcome, AskError> {
        let live = self.live.load_full();
        let made = live.plan.ad_hoc("panel", models, agreement);
        let panel = made.map_err(|error| match error {
            PlanError::UnknownModel { model: name, .. } if live.plan.find(&name).is_some() => {
                AskError::NotAModel { name }
            }
            // Panels and routes are no models: they are not offered here.
            PlanError::UnknownModel { model: name, nearest, .. } => AskError::UnknownModel { name, nearest },
            PlanError::Registry(_) => unknown(&live.plan, request.model()),
        })?;
        panel::ask(&live.context, &panel, caller, request).await
    }
}

/// What a model is called, and its provider.
fn names(endpoint: &Arc<Endpoint>) -> (&str, &str) {
    (endpoint.id(), endpoint.provider())
}

fn unknown(plan: &Plan, name: &str) -> AskError {
    let (name, nearest) = plan.unknown(name);
    AskError::UnknownModel { name, nearest }
}

/// What a name stands for.
pub(crate) fn found(plan: &Plan, name: &str) -> Result<Target, AskError> {
    plan.find(name).ok_or_else(|| unknown(plan, name))
}

fn choose(target: Target, caller: &Caller, request: &ChatRequest) -> Result<Chosen, AskError> {
    Ok(match target {
        Target::Model(endpoint) => Chosen::Models(Way::To(endpoint), None),
        Target::Group(group) => Chosen::Models(Way::by_name(group), None),
        Target::Route(route) => Chosen::Models(route.way(caller, request)?, Some(route)),
        Target::Panel(panel) => {
            // Whoever settles what the members do not agree on shapes the answer as they do.
            let settler = panel.judge.iter().map(|judge| &judge.endpoint);
            let voices = panel.seats.iter().map(|seat| &seat.endpoint).chain(settler);
            let models = voices.map(Arc::clone).collect();
            Chosen::Panel(panel, models)
        }
    })
}

/// The way to put a question to a model that is known not to be there.
fn refusing<T: Send + 'static>(missing: AskError) -> Put<T> {
    Arc::new(move |_| Box::pin(std::future::ready(Err(missing.clone()))))
}

/// The way to put a question whose answer may outlive whoever asks it first: to what was kept for a similar one, then to
/// models.
fn put(
    (live, answers, chosen): (&Arc<Live>, &Arc<KeptAnswers>, &Arc<Chosen>),
    key: Key,
    caller: &Caller,
    request: &ChatRequest,
) -> Put<Outcome> {
    let parts = (Arc::clone(live), Arc::clone(answers), Arc::clone(chosen));
    let all = Arc::new((parts, caller.clone(), request.clone()));
    Arc::new(move |new| {
        let all = Arc::clone(&all);
        Box::pin(async move {
            let ((live, answers, chosen), caller, request) = &*all;
            let similar = Similar { subject: chosen.subject(&live.policy), key, new, caller, request };
            let vectors = async |caller: Caller, request: EmbeddingRequest| {
                let (way, _) = embed::choose(&live.plan, &caller, &request)?;
                embed::ask(&live.context, &way, &caller, &request).await
            };
            answers.or_similar(similar, vectors, || chosen.ask(&live.context, caller, request)).await
        })
    })
}

/// The order in which a chat is put to those whom its name has led to.
fn lead(context: &Context, way: &Way, request: &ChatRequest) -> Lead {
    let cost = |endpoint: &Endpoint| {
        let known = endpoint.price().is_some() || endpoint.simulated();
        known.then(|| usd(endpoint.need(request, context.output_tokens).likely))
    };
    way.lead(&Asked { context, cost: &cost, stream: Some(request.stream()) })
}

async fn one_after_the_other(
    context: &Context,
    caller: &Caller,
    request: &ChatRequest,
    lead: &Lead,
) -> Result<Outcome, AskError> {
    let need = if lead.hedge_after.is_some() { need::two_dearest } else { need::dearest };
    let need = need(context, request, &lead.candidates);
    let tab = caller.guest.spend.reserve(&caller.request_id, need, caller.deadline).await?;
    let chain = Chain::new(context, request, caller.into(), &tab, caller.deadline).led(lead);
    let served = chain.ask(&lead.candidates).await?;
    let reasons = reasons(&served, lead);
    let Served { answer, endpoint, attempts, waited, .. } = served;
    let mut report = Report {
        request_id: Arc::clone(&caller.request_id),
        served_by: endpoint.id().to_owned(),
        simulated: endpoint.simulated(),
        degraded: !attempts.is_empty(),
        reasons,
        cache: "off",
        cost_usd: None,
        overhead_ms: 0.0,
        agreement: None,
    };
    Ok(match answer {
        Answer::Whole { reply, cost, lost, .. } => {
            untold(&mut report, &lost);
            report.simulated = reply.simulated();
            report.cost_usd = cost;
            if cost.is_none() {
                report.reasons.push(format!("the cost is unknown: `{}` has no price or told no usage", endpoint.id()));
            }
            Outcome::Whole { reply: Box::new(reply), report: Box::new(report), waited }
        }
        Answer::Stream(stream) => {
            report.simulated = stream.simulated();
            untold(&mut report, stream.lost());
            Outcome::Stream { stream: Box::new(Events::straight(stream)), report: Box::new(report), waited }
        }
    })
}

/// What the model was not told of what the client asked.
fn untold(report: &mut Report, lost: &[String]) {
    report.degraded |= !lost.is_empty();
    report.reasons.extend(lost.iter().map(|lost| format!("`{}` was not told {lost}", report.served_by)));
}

fn reasons(served: &Served, lead: &Lead) -> Vec<String> {
    let failed = |attempt: &Attempt| format!("`{}` did not answer: {}", attempt.model, attempt.reason);
    let mut reasons: Vec<String> = served.attempts.iter().map(failed).collect();
    reasons.extend(served.copied.clone());
    reasons.extend(lead.reason(&served.endpoint));
    reasons
}

#[cfg(test)]
mod integrity;
#[cfg(test)]
mod spending;
#[cfg(test)]
mod tests;
