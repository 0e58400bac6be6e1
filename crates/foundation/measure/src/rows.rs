//! The table of metrics: names, labels and help texts, and nothing else.
//!
//! Names are final (as a scraper sees them) and in base units. Help texts have no full stop, because the exposition
//! adds one. A label never holds an identifier: its values come from the configuration or from a fixed list.

/// What is fixed about a metric; `N` is how many labels it has.
#[derive(Debug)]
pub(crate) struct Row<const N: usize> {
    pub(crate) name: &'static str,
    pub(crate) labels: [&'static str; N],
    pub(crate) help: &'static str,
}

impl<const N: usize> Row<N> {
    pub(crate) const fn new(name: &'static str, labels: [&'static str; N], help: &'static str) -> Self {
        Self { name, labels, help }
    }
}

/// Bounds in seconds for whole requests and for waiting on a model.
pub(crate) const REQUEST_BOUNDS_S: &[f64] =
    &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0];

/// Bounds in seconds for the time that we add ourselves.
pub(crate) const OVERHEAD_BOUNDS_S: &[f64] =
    &[0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1];

pub(crate) static REQUESTS: Row<3> =
    Row::new("althing_requests_total", ["door", "route", "status"], "Requests finished, by HTTP status");
pub(crate) static REQUEST_DURATION: Row<2> = Row::new(
    "althing_request_duration_seconds",
    ["door", "route"],
    "Time from reading a request to the last byte of its answer",
);
pub(crate) static OVERHEAD: Row<1> = Row::new(
    "althing_overhead_seconds",
    ["route"],
    "Time that this server added to a request: the whole less the waiting for upstream",
);
pub(crate) static MODEL_REQUESTS: Row<3> = Row::new(
    "althing_model_requests_total",
    ["provider", "model", "outcome"],
    "Attempts to ask a model: answered, failed, timed_out, cancelled (no longer needed) or shed (never sent)",
);
pub(crate) static MODEL_FIRST_TOKEN: Row<2> = Row::new(
    "althing_model_first_token_seconds",
    ["provider", "model"],
    "Time from sending a request to a model until the first bytes of its answer",
);
pub(crate) static MODEL_TOKENS: Row<3> = Row::new(
    "althing_model_tokens_total",
    ["provider", "model", "direction"],
    "Tokens sent to a model (input) and received from it (output)",
);
pub(crate) static COST: Row<2> = Row::new(
    "althing_cost_usd_total",
    ["provider", "model"],
    "Money spent on a model in US dollars, at the configured prices",
);
pub(crate) static BREAKER_STATE: Row<2> = Row::new(
    "althing_breaker_state",
    ["provider", "model"],
    "State of the circuit breaker: 0 closed, 1 half-open, 2 open",
);
pub(crate) static INFLIGHT: Row<1> =
    Row::new("althing_inflight", ["provider"], "Requests that a provider is working on for us now");
pub(crate) static REQUESTS_IN_FLIGHT: Row<0> =
    Row::new("althing_requests_in_flight", [], "Requests that this server is working on now");
pub(crate) static CONNECTIONS_OPEN: Row<0> =
    Row::new("althing_connections_open", [], "Client connections that are open now");
pub(crate) static SESSIONS_ACTIVE: Row<0> = Row::new("althing_sessions_active", [], "MCP sessions that are held now");
pub(crate) static SESSIONS_LIMIT: Row<0> =
    Row::new("althing_sessions_limit", [], "MCP sessions that may be held at once");
pub(crate) static SHED: Row<1> =
    Row::new("althing_shed_total", ["where"], "Requests turned away because a limit was reached, by limit");
pub(crate) static RETRIES: Row<2> =
    Row::new("althing_retries_total", ["provider", "reason"], "Second and later attempts at the same endpoint");
pub(crate) static FALLBACKS: Row<1> =
    Row::new("althing_fallbacks_total", ["reason"], "Requests that moved on to the next endpoint, by what was wrong");
pub(crate) static AGREEMENT: Row<2> = Row::new(
    "althing_agreement_total",
    ["panel", "outcome"],
    "Questions put to a panel: agreement reached, not_reached, or failed for want of answers",
);
pub(crate) static SETTINGS_RELOADS: Row<1> =
    Row::new("althing_settings_reloads_total", ["outcome"], "Attempts to reload the settings: applied or rejected");
pub(crate) static BUILD_INFO: Row<1> =
    Row::new("althing_build_info", ["version"], "Always 1; the label names the version that is running");
