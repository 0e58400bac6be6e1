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

/// Bounds in seconds for waiting on a database.
pub(crate) const STORE_BOUNDS_S: &[f64] =
    &[0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];

/// Bounds in seconds for opening a connection: in the same house, across the world, lost.
pub(crate) const UPSTREAM_BOUNDS_S: &[f64] =
    &[0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

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
pub(crate) static MODEL_DURATION: Row<2> = Row::new(
    "althing_model_duration_seconds",
    ["provider", "model"],
    "Time from sending a request to a model until its answer has ended, however it ended",
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
pub(crate) static ADAPTIVE_LIMIT: Row<1> = Row::new(
    "althing_adaptive_limit",
    ["provider"],
    "Requests that a provider may work on for us at once, as far as its answers tell",
);
pub(crate) static PROVIDER_UP: Row<1> = Row::new(
    "althing_provider_up",
    ["provider"],
    "Whether a provider passes its health checks (`balance.health_check_ms`): 1 or 0",
);
pub(crate) static REQUESTS_IN_FLIGHT: Row<0> =
    Row::new("althing_requests_in_flight", [], "Requests that this server is working on now");
pub(crate) static CONNECTIONS_OPEN: Row<0> =
    Row::new("althing_connections_open", [], "Client connections that are open now");
pub(crate) static SESSIONS_ACTIVE: Row<0> = Row::new("althing_sessions_active", [], "MCP sessions that are held now");
pub(crate) static SESSIONS_LIMIT: Row<0> =
    Row::new("althing_sessions_limit", [], "MCP sessions that may be held at once");
pub(crate) static TASKS: Row<0> =
    Row::new("althing_tasks", [], "Tasks of the runtime that have not ended: one per connection, and a few of its own");
pub(crate) static SHED: Row<1> =
    Row::new("althing_shed_total", ["where"], "Requests turned away because a limit was reached, by limit");
pub(crate) static RETRIES: Row<2> =
    Row::new("althing_retries_total", ["provider", "reason"], "Second and later attempts at the same endpoint");
pub(crate) static FALLBACKS: Row<1> =
    Row::new("althing_fallbacks_total", ["reason"], "Requests that moved on to the next endpoint, by what was wrong");
pub(crate) static HEDGES: Row<1> = Row::new(
    "althing_hedges_total",
    ["outcome"],
    "Second copies of requests that were late: sent, won (those that answered first), denied by the retry budget or \
     because the next model was not ready",
);
pub(crate) static AGREEMENT: Row<2> = Row::new(
    "althing_agreement_total",
    ["panel", "outcome"],
    "Questions put to a panel: agreement reached, not_reached, or failed for want of answers",
);
pub(crate) static VOTES: Row<1> = Row::new(
    "althing_votes_total",
    ["outcome"],
    "Questions to panels in the log of votes: logged, dropped (too many waited to be written), settled (their truth was told)",
);
pub(crate) static SEARCH_DURATION: Row<1> = Row::new(
    "althing_search_duration_seconds",
    ["index"],
    "Time to find tools or passages, the embedding of the question not included",
);
pub(crate) static SEARCH_DEGRADED: Row<1> = Row::new(
    "althing_search_degraded_total",
    ["index"],
    "Searches that went without vectors, or without those of some documents",
);
pub(crate) static SEARCH_DOCUMENTS: Row<0> =
    Row::new("althing_search_documents", [], "Documents that can be found, tools included");
pub(crate) static SEARCH_EMBEDDED: Row<0> =
    Row::new("althing_search_embedded", [], "Documents that can be found by their meaning too");
pub(crate) static EMBED_TEXTS: Row<0> =
    Row::new("althing_embed_texts_total", [], "Texts that were embedded, of documents and of questions");
pub(crate) static EMBED_WAITING: Row<0> =
    Row::new("althing_embed_waiting", [], "Documents and learned questions that wait for their vectors");
pub(crate) static TOOLS: Row<0> = Row::new("althing_tools", [], "Tools in the catalogue");
pub(crate) static TOOL_CALLS: Row<2> = Row::new(
    "althing_tool_calls_total",
    ["kind", "outcome"],
    "Calls of tools of the catalogue: answered, failed, or refused for their arguments or by a rule",
);
pub(crate) static TOOL_TOKENS_SAVED: Row<0> = Row::new(
    "althing_tool_tokens_saved_total",
    [],
    "Tokens that searches spared: the definitions of all permitted tools less the answer, bytes divided by four",
);
pub(crate) static DECISION_SESSIONS: Row<0> =
    Row::new("althing_decision_sessions_active", [], "Decisions that are kept, of all tenants");
pub(crate) static DECISION_SESSIONS_LIMIT: Row<0> =
    Row::new("althing_decision_sessions_limit", [], "Decisions that one tenant may keep");
pub(crate) static DECISION_RUNNING: Row<0> =
    Row::new("althing_decision_evaluations_running", [], "Evaluations of decisions that run on this server now");
pub(crate) static DECISION_IN_FLIGHT: Row<0> =
    Row::new("althing_decision_in_flight", [], "Questions about decisions that are with models now");
pub(crate) static DECISION_IN_FLIGHT_LIMIT: Row<0> =
    Row::new("althing_decision_in_flight_limit", [], "Questions about decisions that may be with models at once");
pub(crate) static DECISION_QUEUED: Row<0> =
    Row::new("althing_decision_queued", [], "Questions about decisions that wait for a place");
pub(crate) static EVALUATIONS: Row<1> = Row::new(
    "althing_evaluations_total",
    ["outcome"],
    "Evaluations of decisions that ended: complete, partial (pairs failed or were not asked) or failed",
);
pub(crate) static DECISION_PAIRS: Row<1> = Row::new(
    "althing_decision_pairs_total",
    ["outcome"],
    "Pairs of option and criterion that were put to models: scored, abstained or failed",
);
pub(crate) static DECISION_OPERATION: Row<1> = Row::new(
    "althing_decision_operation_seconds",
    ["operation"],
    "Time that an operation on decisions took; an evaluation includes the waiting for models",
);
pub(crate) static DECISION_ANSWER: Row<1> = Row::new(
    "althing_decision_answer_seconds",
    ["provider"],
    "Time from putting a question about a decision to a model until its answer, waiting for a place not included",
);
pub(crate) static SETTINGS_RELOADS: Row<1> =
    Row::new("althing_settings_reloads_total", ["outcome"], "Attempts to reload the settings: applied or rejected");
pub(crate) static BUILD_INFO: Row<1> =
    Row::new("althing_build_info", ["version"], "Always 1; the label names the version that is running");
pub(crate) static UPSTREAM_DNS: Row<1> = Row::new(
    "althing_upstream_dns_seconds",
    ["provider"],
    "Time to find the addresses of a provider's name, where they were found",
);
pub(crate) static UPSTREAM_CONNECT: Row<1> = Row::new(
    "althing_upstream_connect_seconds",
    ["provider"],
    "Time until a TCP connection to a provider stood, names and TLS not included",
);
pub(crate) static UPSTREAM_TLS: Row<1> = Row::new(
    "althing_upstream_tls_seconds",
    ["provider"],
    "Time of a TLS handshake with a provider, where it succeeded",
);
pub(crate) static UPSTREAM_BYTES: Row<2> = Row::new(
    "althing_upstream_bytes_total",
    ["provider", "direction"],
    "Bytes on the sockets to a provider (sent, received): heads, bodies and, where there is TLS, all that it adds",
);
pub(crate) static UPSTREAM_CONNECTIONS: Row<1> =
    Row::new("althing_upstream_connections", ["provider"], "TCP connections to a provider that are open now");
pub(crate) static UPSTREAM_OPENED: Row<1> = Row::new(
    "althing_upstream_connections_opened_total",
    ["provider"],
    "TCP connections to a provider that were opened",
);
pub(crate) static POOL_EXHAUSTED: Row<1> = Row::new(
    "althing_pool_exhausted_total",
    ["provider"],
    "Connections that had to be opened while as many as are kept (`pool_max`) were in use",
);
pub(crate) static STORE_POOL_IN_USE: Row<1> =
    Row::new("althing_store_pool_in_use", ["pool"], "Connections to the database in use now");
pub(crate) static STORE_POOL_LIMIT: Row<1> =
    Row::new("althing_store_pool_limit", ["pool"], "Connections to the database that there may be");
pub(crate) static STORE_WAIT: Row<1> =
    Row::new("althing_store_wait_seconds", ["pool"], "Time spent waiting for a connection or for the writer");
pub(crate) static STORE_TRANSACTIONS: Row<1> = Row::new(
    "althing_store_transactions_total",
    ["outcome"],
    "Transactions: committed, rolled_back by their own work, or failed by the database",
);
pub(crate) static STORE_COMMITS: Row<0> = Row::new(
    "althing_store_commits_total",
    [],
    "Commits; on SQLite one carries a group of transactions and is one wait for the disk",
);
pub(crate) static STORE_RETRIES: Row<1> = Row::new(
    "althing_store_retries_total",
    ["reason"],
    "Transactions tried again: serialization, deadlock, or busy (another process held the lock)",
);
pub(crate) static STORE_DEADLOCKS: Row<0> =
    Row::new("althing_store_deadlocks_total", [], "Deadlocks that the database broke");
pub(crate) static STORE_SLOW: Row<0> =
    Row::new("althing_store_slow_statements_total", [], "Statements slower than `store.slow_ms`");
pub(crate) static STORE_QUEUE: Row<0> =
    Row::new("althing_store_queue_depth", [], "Transactions that wait for the writer of SQLite");
pub(crate) static STORE_BACKUPS: Row<1> =
    Row::new("althing_store_backups_total", ["outcome"], "Backups: done or failed");
pub(crate) static AUTH: Row<1> = Row::new(
    "althing_auth_total",
    ["outcome"],
    "Requests let in (key, token, open) or kept out (missing, malformed, unknown, expired, revoked, forbidden)",
);
pub(crate) static RATE_LIMITED: Row<1> = Row::new(
    "althing_rate_limited_total",
    ["limit"],
    "Requests beyond a rate: of their key, or of wrong credentials from one address",
);
pub(crate) static RESERVATIONS: Row<1> = Row::new(
    "althing_budget_reservations_total",
    ["outcome"],
    "Reservations: granted, waited (granted after others gave back), refused, unavailable",
);
pub(crate) static BUDGET_ALERTS: Row<1> =
    Row::new("althing_budget_alerts_total", ["scope"], "Budgets that have passed `budget.alert_share`");
pub(crate) static BUDGET_OVERRUNS: Row<0> =
    Row::new("althing_budget_overruns_total", [], "Requests that cost more than was reserved for them");
pub(crate) static LEDGER_ROWS: Row<1> =
    Row::new("althing_ledger_rows_total", ["outcome"], "Calls written into the ledger, or dropped for want of room");
pub(crate) static LEDGER_QUEUE: Row<0> =
    Row::new("althing_ledger_queue_depth", [], "Calls that wait to be written into the ledger");
pub(crate) static AUDIT_ROWS: Row<0> = Row::new("althing_audit_rows_total", [], "Rows appended to the audit log");
pub(crate) static FLAG_EXPOSURES: Row<2> = Row::new(
    "althing_flag_exposures_total",
    ["flag", "variant"],
    "Requests for which a flag was looked at, by the variant they fell into",
);
pub(crate) static CACHE_REQUESTS: Row<3> = Row::new(
    "althing_cache_requests_total",
    ["cache", "tier", "outcome"],
    "Look-ups: hit, stale (old, and given all the same), miss, away (the tier did not answer), shared (joined an identical request in flight), refused (a similar question differs in something decisive)",
);
pub(crate) static CACHE_ENTRIES: Row<2> = Row::new(
    "althing_cache_entries",
    ["cache", "tier"],
    "Answers that a tier on this machine holds, looked at every ten seconds",
);
pub(crate) static CACHE_BYTES: Row<2> = Row::new(
    "althing_cache_bytes",
    ["cache", "tier"],
    "Bytes that a tier on this machine holds, looked at every ten seconds",
);
pub(crate) static CACHE_LOST: Row<2> = Row::new(
    "althing_cache_lost_total",
    ["cache", "reason"],
    "Answers not kept below memory: too_large, busy (more waits to be written than may), disk (it could not be written), away (Redis could not be told), or corrupt (read back damaged)",
);
pub(crate) static CACHE_SEMANTIC_VERIFIED: Row<1> = Row::new(
    "althing_cache_semantic_verified_total",
    ["outcome"],
    "Kept answers to similar questions compared with what the model says: right, or wrong",
);
pub(crate) static REDIS_UP: Row<1> = Row::new(
    "althing_redis_up",
    ["redis"],
    "Whether a Redis answers: 1, or 0; `redis` is the section of the settings that names it",
);
pub(crate) static REDIS_REQUESTS: Row<2> = Row::new(
    "althing_redis_requests_total",
    ["redis", "outcome"],
    "Commands to a Redis: answered, failed, timed_out, or away (not sent, because it was known not to answer)",
);
pub(crate) static REDIS_CONNECTIONS: Row<1> = Row::new(
    "althing_redis_connections",
    ["redis"],
    "Connections to a Redis that are open now; a cluster counts as one, with all its nodes",
);
