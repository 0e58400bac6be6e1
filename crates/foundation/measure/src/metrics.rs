//! The one registry of the server: who wants to count something asks it for a handle.

use crate::books::{AccessMetrics, Books, StoreMetrics};
use crate::cache::{Caches, TierMetrics};
use crate::decisions::{DecisionMetrics, Decisions};
use crate::endpoint::{EndpointMetrics, Handles, Outcome};
use crate::handles::{Count, Level};
use crate::redis::{RedisMetrics, Redises};
use crate::registrar::{Counters, Gauges, Labelled, MetricInfo, Money, Registrar, Timings};
use crate::route::RouteMetrics;
use crate::rows;
use crate::search::{EmbedMetrics, SearchMetrics, Searches};
use crate::tools::{ToolMetrics, Tools};
use crate::upstream::{UpstreamMetrics, Upstreams};
use crate::votes::VotesMetrics;
use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;
use std::sync::Arc;

/// The media type of what [`Metrics::encode`] returns.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// How a question to a panel ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Agreement {
    /// Enough members agreed.
    Reached,
    /// Enough members answered, but they did not agree.
    NotReached,
    /// Too few members answered.
    Failed,
}

impl Agreement {
    fn label(self) -> &'static str {
        match self {
            Self::Reached => "reached",
            Self::NotReached => "not_reached",
            Self::Failed => "failed",
        }
    }
}

/// Second copies of requests that were late.
#[derive(Debug, Clone)]
pub struct HedgeMetrics {
    /// Those that were sent.
    pub sent: Count,
    /// Those that answered first.
    pub won: Count,
    /// Those that were wanted and not sent.
    pub denied: Count,
}

/// What became of an attempt to reload the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reload {
    /// The new settings are in force.
    Applied,
    /// The new settings were wrong and the old ones stay in force.
    Rejected,
}

impl Reload {
    fn label(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Rejected => "rejected",
        }
    }
}

/// All metrics of the server.
///
/// The methods that take labels look the series up, which hashes and allocates: call them when something is set up
/// and keep the handle. Label values must come from the configuration or from a fixed list, never from a request,
/// because every new value is a series that stays.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    families: Families,
    upstreams: Upstreams,
    books: Books,
    redises: Redises,
    caches: Caches,
    searches: Searches,
    tools: Tools,
    decisions: Decisions,
    requests_in_flight: Level,
    connections_open: Level,
    sessions_active: Level,
    sessions_limit: Level,
    tasks: Level,
}

#[derive(Debug)]
struct Families {
    requests: Counters<3>,
    request_duration: Timings<2>,
    overhead: Timings<1>,
    model_requests: Counters<3>,
    first_token: Timings<2>,
    model_duration: Timings<2>,
    tokens: Counters<3>,
    cost: Labelled<2, Money>,
    breaker: Gauges<2>,
    inflight: Gauges<1>,
    adaptive_limit: Gauges<1>,
    provider_up: Gauges<1>,
    shed: Counters<1>,
    retries: Counters<2>,
    fallbacks: Counters<1>,
    hedges: Counters<1>,
    agreement: Counters<2>,
    votes: Counters<1>,
    reloads: Counters<1>,
}

impl Families {
    fn register(registrar: &mut Registrar) -> Self {
        Self {
            requests: registrar.counters(&rows::REQUESTS),
            request_duration: registrar.timings(&rows::REQUEST_DURATION, rows::REQUEST_BOUNDS_S),
            overhead: registrar.timings(&rows::OVERHEAD, rows::OVERHEAD_BOUNDS_S),
            model_requests: registrar.counters(&rows::MODEL_REQUESTS),
            first_token: registrar.timings(&rows::MODEL_FIRST_TOKEN, rows::REQUEST_BOUNDS_S),
            model_duration: registrar.timings(&rows::MODEL_DURATION, rows::REQUEST_BOUNDS_S),
            tokens: registrar.counters(&rows::MODEL_TOKENS),
            cost: registrar.money(&rows::COST),
            breaker: registrar.gauges(&rows::BREAKER_STATE),
            inflight: registrar.gauges(&rows::INFLIGHT),
            adaptive_limit: registrar.gauges(&rows::ADAPTIVE_LIMIT),
            provider_up: registrar.gauges(&rows::PROVIDER_UP),
            shed: registrar.counters(&rows::SHED),
            retries: registrar.counters(&rows::RETRIES),
            fallbacks: registrar.counters(&rows::FALLBACKS),
            hedges: registrar.counters(&rows::HEDGES),
            agreement: registrar.counters(&rows::AGREEMENT),
            votes: registrar.counters(&rows::VOTES),
            reloads: registrar.counters(&rows::SETTINGS_RELOADS),
        }
    }
}

impl Metrics {
    /// A registry with every metric in it; `version` is the version of this build.
    pub fn new(version: &str) -> Arc<Self> {
        Arc::new(Self::build(version).0)
    }

    pub(crate) fn build(version: &str) -> (Self, Vec<MetricInfo>) {
        let mut registrar = Registrar::default();
        let families = Families::register(&mut registrar);
        let upstreams = Upstreams::register(&mut registrar);
        let books = Books::register(&mut registrar);
        let redises = Redises::register(&mut registrar);
        let caches = Caches::register(&mut registrar);
        let searches = Searches::register(&mut registrar);
        let tools = Tools::register(&mut registrar);
        let decisions = Decisions::register(&mut registrar);
        let requests_in_flight = Level(registrar.gauge(&rows::REQUESTS_IN_FLIGHT));
        let connections_open = Level(registrar.gauge(&rows::CONNECTIONS_OPEN));
        let sessions_active = Level(registrar.gauge(&rows::SESSIONS_ACTIVE));
        let sessions_limit = Level(registrar.gauge(&rows::SESSIONS_LIMIT));
        let tasks = Level(registrar.gauge(&rows::TASKS));
        registrar.gauges(&rows::BUILD_INFO).with([version]).set(1);
        registrar.process();
        let (registry, catalogue) = registrar.finish();
        let metrics = Self {
            registry,
            families,
            upstreams,
            books,
            redises,
            caches,
            searches,
            tools,
            decisions,
            requests_in_flight,
            connections_open,
            sessions_active,
            sessions_limit,
            tasks,
        };
        (metrics, catalogue)
    }

    /// All values now, in the OpenMetrics text format. Reads a few files of `/proc` on the way.
    pub fn encode(&self) -> String {
        let mut exposed = String::new();
        // Writing into a string cannot fail; if an encoder ever does, the missing `# EOF` makes scrapers say so.
        let _ = text::encode(&mut exposed, &self.registry);
        exposed
    }

    /// The handles for one model at one provider, both as configured.
    pub fn endpoint(&self, provider: &str, model: &str) -> EndpointMetrics {
        let all = &self.families;
        EndpointMetrics(Arc::new(Handles {
            outcomes: Outcome::ALL.map(|outcome| Count(all.model_requests.with([provider, model, outcome.label()]))),
            first_token: all.first_token.with([provider, model]),
            duration: all.model_duration.with([provider, model]),
            input_tokens: Count(all.tokens.with([provider, model, "input"])),
            output_tokens: Count(all.tokens.with([provider, model, "output"])),
            cost_usd: all.cost.with([provider, model]),
            breaker: all.breaker.with([provider, model]),
            inflight: Level(all.inflight.with([provider])),
        }))
    }

    /// The handles for the connections to one provider, as configured.
    pub fn upstream(&self, provider: &str) -> UpstreamMetrics {
        self.upstreams.upstream(provider)
    }

    /// How many requests one provider may work on at once now.
    pub fn adaptive_limit(&self, provider: &str) -> Level {
        Level(self.families.adaptive_limit.with([provider]))
    }

    /// Whether one provider passes its health checks: 1 or 0. Asking for it makes the series, which starts at 0.
    pub fn provider_up(&self, provider: &str) -> Level {
        Level(self.families.provider_up.with([provider]))
    }

    /// The handles for one route of one door; `route` is the pattern (`/v1/models/{model}`), not the path.
    pub fn route(&self, door: &str, route: &str) -> RouteMetrics {
        let all = &self.families;
        let duration = all.request_duration.with([door, route]);
        RouteMetrics::new(door, route, all.requests.clone(), duration, all.overhead.with([route]))
    }

    /// Requests that this server is working on now.
    pub fn requests_in_flight(&self) -> &Level {
        &self.requests_in_flight
    }

    /// Client connections that are open now.
    pub fn connections_open(&self) -> &Level {
        &self.connections_open
    }

    /// MCP sessions that are held now.
    pub fn sessions_active(&self) -> &Level {
        &self.sessions_active
    }

    /// MCP sessions that may be held at once.
    pub fn sessions_limit(&self) -> &Level {
        &self.sessions_limit
    }

    /// Tasks of the runtime that have not ended.
    pub fn tasks(&self) -> &Level {
        &self.tasks
    }

    /// Requests turned away by the limit called `place` (the label `where`).
    pub fn shed(&self, place: &str) -> Count {
        Count(self.families.shed.with([place]))
    }

    /// Second and later attempts at one provider for one reason.
    pub fn retries(&self, provider: &str, reason: &str) -> Count {
        Count(self.families.retries.with([provider, reason]))
    }

    /// Requests that moved on to the next endpoint for one reason.
    pub fn fallbacks(&self, reason: &str) -> Count {
        Count(self.families.fallbacks.with([reason]))
    }

    /// The handles of second copies.
    pub fn hedges(&self) -> HedgeMetrics {
        let of = |outcome| Count(self.families.hedges.with([outcome]));
        HedgeMetrics { sent: of("sent"), won: of("won"), denied: of("denied") }
    }

    /// Questions to one panel that ended one way.
    pub fn agreement(&self, panel: &str, outcome: Agreement) -> Count {
        Count(self.families.agreement.with([panel, outcome.label()]))
    }

    /// The handles of the log of votes.
    pub fn votes(&self) -> VotesMetrics {
        let count = |outcome| Count(self.families.votes.with([outcome]));
        VotesMetrics { logged: count("logged"), dropped: count("dropped"), settled: count("settled") }
    }

    /// The handles of one kind of index.
    pub fn search(&self, index: &str) -> SearchMetrics {
        self.searches.index(index)
    }

    /// The handles of what is embedded.
    pub fn embed(&self) -> EmbedMetrics {
        self.searches.embed()
    }

    /// The handles of the catalogue of tools.
    pub fn tools(&self) -> ToolMetrics {
        self.tools.metrics()
    }

    /// The handles of decisions.
    pub fn decisions(&self) -> DecisionMetrics {
        self.decisions.metrics()
    }

    /// The handles of the store.
    pub fn store(&self) -> StoreMetrics {
        self.books.store()
    }

    /// The handles of who asks and who pays.
    pub fn access(&self) -> AccessMetrics {
        self.books.access()
    }

    /// The handles of one tier of the cache called `cache`.
    pub fn cache_tier(&self, cache: &str, tier: &str) -> TierMetrics {
        self.caches.tier(cache, tier)
    }

    /// Look-ups at one tier of the cache called `cache` that ended one way.
    pub fn cache_requests(&self, cache: &str, tier: &str, outcome: &str) -> Count {
        self.caches.outcome(cache, tier, outcome)
    }

    /// Answers that the cache called `cache` could not keep, for one reason.
    pub fn cache_lost(&self, cache: &str, reason: &str) -> Count {
        self.caches.lost(cache, reason)
    }

    /// Kept answers to similar questions that were compared with what the model says, by what came of it.
    pub fn cache_semantic_verified(&self, outcome: &str) -> Count {
        self.caches.verified(outcome)
    }

    /// The handles of the link to the Redis that one section of the settings names.
    pub fn redis(&self, section: &str) -> RedisMetrics {
        self.redises.redis(section)
    }

    /// Callers that were shown one variant of a flag, both as configured.
    pub fn flag_exposures(&self, flag: &str, variant: &str) -> Count {
        self.books.flag_exposures(flag, variant)
    }

    /// Attempts to reload the settings that ended one way.
    pub fn settings_reloads(&self, outcome: Reload) -> Count {
        Count(self.families.reloads.with([outcome.label()]))
    }
}

#[cfg(test)]
mod tests;
