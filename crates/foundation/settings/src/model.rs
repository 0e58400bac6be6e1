//! The sections of the settings file that belong to the whole server, and the defaults.
//!
//! The doc comments here are what `config schema` shows to editors, so they speak to the operator. Nothing in this
//! file reads, merges or judges: a value of the right type is accepted here and judged in `check`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::{Access, Budget, Ledger, Tls};
use crate::balance::{Balance, Replicas};
use crate::cache::Cache;
use crate::decisions::Decisions;
use crate::flag::Flag;
use crate::panel::{Panel, Route};
use crate::provider::Provider;
use crate::search::{Embed, Search, Tools};
use crate::store::Store;

/// Everything that can be set, each key optional.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The listener and what a client may ask of it.
    pub server: Server,
    /// How failing upstreams are retried and set aside.
    pub guard: Guard,
    /// How requests are spread over the endpoints that offer the same model.
    pub balance: Balance,
    /// Which answers are kept, where, and for how long.
    pub cache: Cache,
    /// What replicas of this server share.
    pub replicas: Replicas,
    /// Where everything that must outlive the process is kept.
    pub store: Store,
    /// Who may ask.
    pub access: Access,
    /// What may be spent.
    pub budget: Budget,
    /// What is written down about each call of a model.
    pub ledger: Ledger,
    /// How texts become vectors.
    pub embed: Embed,
    /// How what is found is ranked.
    pub search: Search,
    /// The catalogue of tools.
    pub tools: Tools,
    /// Options judged by criteria.
    pub decisions: Decisions,
    /// Switches and splits, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub flag: BTreeMap<String, Flag>,
    /// Where answers come from, one table per provider.
    pub provider: Vec<Provider>,
    /// Groups of models that answer together.
    pub panel: Vec<Panel>,
    /// Names that stand for models chosen by rules.
    pub route: Vec<Route>,
    /// Other names for models, panels and routes, for clients that insist on names of their own; one that ends in `*`
    /// stands for every name that begins like it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub alias: BTreeMap<String, String>,
    /// Named overrides of everything above, chosen with `--profile`; lists in them replace, tables merge.
    #[schemars(with = "BTreeMap<String, serde_json::Map<String, serde_json::Value>>")]
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub profile: BTreeMap<String, toml::Table>,
}

/// The listener and what a client may ask of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// Where to listen, as `host:port`; port 0 takes any free one.
    pub bind: String,
    /// The address under which clients reach this server, when it differs from `bind`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_url: Option<String>,
    /// The most bytes a request body may have.
    pub body_bytes_max: usize,
    /// The most bytes the header of a request may have, at least 8192.
    pub header_bytes_max: usize,
    /// How long a connection may take to send the header of its next request, in milliseconds; an unused one is kept
    /// no longer than that.
    pub header_read_ms: u64,
    /// How long a client may take to send the body of a request, in milliseconds.
    pub body_read_ms: u64,
    /// The most connections held at once.
    pub connections_max: usize,
    /// The most requests worked on at once; beyond it clients get 503.
    pub in_flight_max: usize,
    /// How long a request may take until its answer is whole or its stream has begun, over all attempts, in
    /// milliseconds.
    pub deadline_ms: u64,
    /// How long a stream may be silent before it is cut, in milliseconds; also how long a client may take nothing of
    /// what is sent to it, which is fixed at the start.
    pub stream_idle_ms: u64,
    /// How long a stream may go on altogether, in milliseconds.
    pub stream_max_ms: u64,
    /// How long requests in progress may go on after SIGTERM, in milliseconds; 0 waits for none.
    pub drain_ms: u64,
    /// The most answers (`n`) one request may ask for.
    pub n_max: u32,
    /// How long to wait before the first keep-alive comment in a silent stream, in milliseconds.
    pub keepalive_first_ms: u64,
    /// How long between keep-alive comments in a silent stream, in milliseconds.
    pub keepalive_ms: u64,
    /// Hosts (`host` or `host:port`) that requests may name besides the address listened on.
    pub allowed_hosts: Vec<String>,
    /// Origins (`scheme://host` or `scheme://host:port`) whose web pages may call this server.
    pub allowed_origins: Vec<String>,
    /// Proxies (addresses or networks such as `10.0.0.0/8`) that are believed when they say who asks through them.
    pub trusted_proxies: Vec<String>,
    /// Encryption; without it connections are plain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            bind: "127.0.0.1:8700".to_owned(),
            public_url: None,
            body_bytes_max: 16 * 1024 * 1024,
            header_bytes_max: 64 * 1024,
            header_read_ms: 60_000,
            body_read_ms: 30_000,
            connections_max: 4096,
            in_flight_max: 1024,
            deadline_ms: 120_000,
            stream_idle_ms: 60_000,
            stream_max_ms: 3_600_000,
            drain_ms: 10_000,
            n_max: 16,
            keepalive_first_ms: 100,
            keepalive_ms: 2_000,
            allowed_hosts: Vec::new(),
            allowed_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            tls: None,
        }
    }
}

/// How failing upstreams are retried and set aside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Guard {
    /// How often one model is asked before the next takes over, counting the first time.
    pub attempts_max: u32,
    /// Retries allowed per request answered: 0.2 is one retry for five requests.
    pub retry_ratio: f64,
    /// Retries allowed per second whatever the ratio says.
    pub retry_min_per_s: f64,
    /// The shortest wait before a retry, in milliseconds; it doubles each time.
    pub backoff_base_ms: u64,
    /// The longest wait before a retry, in milliseconds.
    pub backoff_max_ms: u64,
    /// Failures in a row after which a provider is set aside.
    pub breaker_failures: u32,
    /// How long a provider stays set aside before it is tried again, in milliseconds.
    pub breaker_open_ms: u64,
    /// Connections that are kept open for each provider; while all of them are in use, further ones are opened,
    /// counted, and kept for a few seconds.
    pub pool_max: usize,
    /// The longest a provider that asked to be left alone (429 with `retry-after`, nothing remaining) is left alone, in
    /// milliseconds.
    pub park_ms_max: u64,
    /// The share of a provider's places that one tenant may hold while others wait.
    pub tenant_share: f64,
    /// How full the line for a provider may be before requests of the class `low` are turned away, at most
    /// `shed_normal`.
    pub shed_low: f64,
    /// How full the line for a provider may be before requests of the class `normal` are turned away.
    pub shed_normal: f64,
    /// Tenants whose requests may call themselves `critical`; operators' may anyway.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub critical_tenants: Vec<String>,
}

impl Default for Guard {
    fn default() -> Self {
        Self {
            attempts_max: 2,
            retry_ratio: 0.2,
            retry_min_per_s: 2.0,
            backoff_base_ms: 100,
            backoff_max_ms: 5_000,
            breaker_failures: 5,
            breaker_open_ms: 60_000,
            pool_max: 20,
            park_ms_max: 300_000,
            tenant_share: 1.0,
            shed_low: 0.8,
            shed_normal: 0.95,
            critical_tenants: Vec::new(),
        }
    }
}
