//! The bounds of every number in the settings, as tables.
//!
//! The upper bounds are far above what anybody needs: they keep a slip of the hand from becoming a wait of years or
//! an arithmetic overflow in a timer.

use crate::access::{Access, Budget, Ledger, Oidc};
use crate::balance::{Balance, Replicas};
use crate::cache::Cache;
use crate::check::Findings;
use crate::layer::element;
use crate::model::{Guard, Server};
use crate::panel::{Panel, Route, Rule};
use crate::provider::{ModelEntry, Provider};
use crate::search::{Embed, Ranking, Tools};
use crate::store::Store;
use std::fmt::Display;

/// The longest time, in milliseconds: one day.
pub(crate) const TIME_MS_MAX: u64 = 24 * 60 * 60 * 1000;
/// The longest time, in seconds: one day.
const TIME_S_MAX: u64 = TIME_MS_MAX / 1000;
/// The most bytes: 1 GiB.
const BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// The most connections, requests or failures.
pub(crate) const COUNT_MAX: u64 = 1_000_000;
/// The fewest bytes in which the header of an ordinary request fits.
const HEADER_BYTES_LEAST: u64 = 8 * 1024;
/// The most bytes the header of a request may be allowed.
const HEADER_BYTES_MOST: u64 = 1024 * 1024;
/// The most requests a minute, and the most tokens of one answer.
const LARGE_MAX: u64 = 1_000_000_000;
/// By how many seconds clocks may differ: a token must not live long after its end.
const LEEWAY_S_MAX: u64 = 60 * 60;
/// The longest an answer is kept, in seconds: a month.
const CACHE_S_MAX: u64 = 31 * 24 * 60 * 60;
/// The most connections to a database, transactions in a group or backups.
const STORE_MAX: u64 = 10_000;

/// The shortest time between two health checks of a provider, in milliseconds: each is a request for its whole list of
/// models, which hosted providers count, and each has a second to be answered.
const HEALTH_CHECK_MS_LEAST: u64 = 1_000;

/// A number, its key and its bounds, both inclusive.
type Bounds = (&'static str, u64, u64, u64);

pub(crate) fn server(server: &Server, found: &mut Findings) {
    let bounds: [Bounds; 13] = [
        ("body_bytes_max", server.body_bytes_max as u64, 1, BYTES_MAX),
        ("header_bytes_max", server.header_bytes_max as u64, HEADER_BYTES_LEAST, HEADER_BYTES_MOST),
        ("header_read_ms", server.header_read_ms, 1, TIME_MS_MAX),
        ("stream_max_ms", server.stream_max_ms, 1, TIME_MS_MAX),
        ("body_read_ms", server.body_read_ms, 1, TIME_MS_MAX),
        ("connections_max", server.connections_max as u64, 1, COUNT_MAX),
        ("in_flight_max", server.in_flight_max as u64, 1, COUNT_MAX),
        ("deadline_ms", server.deadline_ms, 1, TIME_MS_MAX),
        ("stream_idle_ms", server.stream_idle_ms, 1, TIME_MS_MAX),
        ("drain_ms", server.drain_ms, 0, TIME_MS_MAX),
        ("n_max", u64::from(server.n_max), 1, 1024),
        ("keepalive_first_ms", server.keepalive_first_ms, 1, TIME_MS_MAX),
        ("keepalive_ms", server.keepalive_ms, 1, TIME_MS_MAX),
    ];
    whole("server", &bounds, found);
}

pub(crate) fn guard(guard: &Guard, found: &mut Findings) {
    let bounds: [Bounds; 7] = [
        ("park_ms_max", guard.park_ms_max, 0, TIME_MS_MAX),
        ("attempts_max", u64::from(guard.attempts_max), 1, 16),
        ("backoff_base_ms", guard.backoff_base_ms, 1, TIME_MS_MAX),
        ("backoff_max_ms", guard.backoff_max_ms, 1, TIME_MS_MAX),
        ("breaker_failures", u64::from(guard.breaker_failures), 1, COUNT_MAX),
        ("breaker_open_ms", guard.breaker_open_ms, 1, TIME_MS_MAX),
        ("pool_max", guard.pool_max as u64, 1, COUNT_MAX),
    ];
    whole("guard", &bounds, found);
    let waits = [("guard.backoff_base_ms", guard.backoff_base_ms), ("guard.backoff_max_ms", guard.backoff_max_ms)];
    rising(waits, "make the shortest wait the shorter one", found);
    share("guard.tenant_share", guard.tenant_share, (false, 1.0), found);
    share("guard.shed_low", guard.shed_low, (true, 1.0), found);
    share("guard.shed_normal", guard.shed_normal, (true, 1.0), found);
    let shed = [("guard.shed_low", guard.shed_low), ("guard.shed_normal", guard.shed_normal)];
    rising(shed, "requests of the class `low` are turned away first, make it the smaller number", found);
    share("guard.retry_ratio", guard.retry_ratio, (true, 10.0), found);
    share("guard.retry_min_per_s", guard.retry_min_per_s, (true, 10_000.0), found);
}

pub(crate) fn balance(balance: &Balance, found: &mut Findings) {
    let bounds: [Bounds; 4] = [
        ("decay_ms", balance.decay_ms, 1, TIME_MS_MAX),
        ("penalty_ms", balance.penalty_ms, 0, TIME_MS_MAX),
        ("slow_start_ms", balance.slow_start_ms, 0, TIME_MS_MAX),
        ("health_check_ms", balance.health_check_ms, 0, TIME_MS_MAX),
    ];
    whole("balance", &bounds, found);
    if (1..HEALTH_CHECK_MS_LEAST).contains(&balance.health_check_ms) {
        found.add(
            "balance.health_check_ms",
            format!("`balance.health_check_ms` is `{}`", balance.health_check_ms),
            &format!("write 0 for no checks, or a whole number from {HEALTH_CHECK_MS_LEAST} to {TIME_MS_MAX}"),
        );
    }
}

pub(crate) fn replicas(replicas: &Replicas, found: &mut Findings) {
    whole("replicas", &[("expected", u64::from(replicas.expected), 1, STORE_MAX)], found);
    share("replicas.slice", replicas.slice, (false, 1.0), found);
}

pub(crate) fn cache(cache: &Cache, found: &mut Findings) {
    let bounds: [Bounds; 10] = [
        ("ttl_s", cache.ttl_s, 1, CACHE_S_MAX),
        ("stale_s", cache.stale_s, 0, CACHE_S_MAX),
        ("negative_s", cache.negative_s, 0, 300),
        ("memory_entries", cache.memory_entries, 0, LARGE_MAX),
        ("memory_mb", cache.memory_mb, 0, COUNT_MAX),
        ("disk_mb", cache.disk_mb, 0, COUNT_MAX),
        ("redis_connections_max", u64::from(cache.redis_connections_max), 1, 10),
        ("redis_timeout_ms", cache.redis_timeout_ms, 1, 60_000),
        ("entry_bytes_max", cache.entry_bytes_max as u64, 1, BYTES_MAX),
        ("semantic.entries_max", cache.semantic.entries_max as u64, 1, 20_000),
    ];
    whole("cache", &bounds, found);
    let semantic = &cache.semantic;
    share("cache.semantic.similarity", semantic.similarity, (false, 1.0), found);
    share("cache.semantic.verify", semantic.verify, (false, 1.0), found);
    share("cache.semantic.errors_max", semantic.errors_max, (true, 1.0), found);
}

pub(crate) fn route(path: &str, route: &Route, found: &mut Findings) {
    let ttl: Vec<Bounds> = route.cache_ttl_s.map(|ttl| ("cache_ttl_s", ttl, 1, CACHE_S_MAX)).into_iter().collect();
    whole(path, &ttl, found);
}

pub(crate) fn rule(path: &str, rule: &Rule, found: &mut Findings) {
    let latency: Vec<Bounds> =
        rule.latency_ms_max.map(|most| ("latency_ms_max", most, 1, TIME_MS_MAX)).into_iter().collect();
    whole(path, &latency, found);
    for (index, choice) in rule.models.iter().enumerate() {
        let path = format!("{}.weight", element(&format!("{path}.models"), index));
        share(&path, choice.weight, (false, 1_000_000.0), found);
    }
    let Some(when) = &rule.when else { return };
    let parts =
        [("share", when.share), ("complexity_min", when.complexity_min), ("complexity_below", when.complexity_below)];
    for (key, value) in parts {
        if let Some(value) = value {
            share(&format!("{path}.when.{key}"), value, (true, 1.0), found);
        }
    }
}

pub(crate) fn store(store: &Store, found: &mut Findings) {
    let bounds: [Bounds; 10] = [
        ("pool_min", u64::from(store.pool_min), 1, STORE_MAX),
        ("pool_max", u64::from(store.pool_max), 1, STORE_MAX),
        ("acquire_ms", store.acquire_ms, 1, TIME_MS_MAX),
        ("transaction_ms", store.transaction_ms, 1, TIME_MS_MAX),
        ("slow_ms", store.slow_ms, 1, TIME_MS_MAX),
        ("queue_max", store.queue_max as u64, 1, COUNT_MAX),
        ("group_max", store.group_max as u64, 1, STORE_MAX),
        ("retries_max", u64::from(store.retries_max), 0, 100),
        ("backup_every_h", store.backup_every_h, 0, 365 * 24),
        ("backup_keep", store.backup_keep as u64, 1, STORE_MAX),
    ];
    whole("store", &bounds, found);
}

pub(crate) fn access(access: &Access, found: &mut Findings) {
    let mut bounds: Vec<Bounds> = vec![
        ("key_cache_ms", access.key_cache_ms, 0, TIME_MS_MAX),
        ("key_cache_max", access.key_cache_max as u64, 1, COUNT_MAX),
        ("wrong_keys_per_s", u64::from(access.wrong_keys_per_s), 1, COUNT_MAX),
        ("checkpoint_s", access.checkpoint_s, 1, TIME_S_MAX),
    ];
    bounds.extend(access.rpm.map(|rate| ("rpm", u64::from(rate), 1, LARGE_MAX)));
    whole("access", &bounds, found);
}

pub(crate) fn oidc(oidc: &Oidc, found: &mut Findings) {
    let bounds: [Bounds; 2] =
        [("jwks_cache_s", oidc.jwks_cache_s, 1, TIME_S_MAX), ("leeway_s", oidc.leeway_s, 0, LEEWAY_S_MAX)];
    whole("access.oidc", &bounds, found);
}

pub(crate) fn budget(budget: &Budget, found: &mut Findings) {
    let bounds: [Bounds; 3] = [
        ("lease_ms", budget.lease_ms, 1_000, TIME_MS_MAX),
        ("wait_ms", budget.wait_ms, 0, TIME_MS_MAX),
        ("output_tokens", budget.output_tokens, 1, LARGE_MAX),
    ];
    whole("budget", &bounds, found);
    share("budget.alert_share", budget.alert_share, (false, 1.0), found);
}

pub(crate) fn embed(embed: &Embed, found: &mut Findings) {
    let mut bounds: Vec<Bounds> = vec![
        ("batch", embed.batch as u64, 1, 128),
        ("threads", embed.threads as u64, 1, 256),
        ("timeout_ms", embed.timeout_ms, 1, TIME_MS_MAX),
        ("question_ms", embed.question_ms, 1, TIME_MS_MAX),
    ];
    bounds.extend(embed.dimensions.map(|dimensions| ("dimensions", dimensions as u64, 1, 65_536)));
    bounds.extend(embed.memory_mb_max.map(|most| ("memory_mb_max", most, 64, 16 * 1024 * 1024)));
    whole("embed", &bounds, found);
}

pub(crate) fn ranking(section: &str, ranking: &Ranking, found: &mut Findings) {
    let bounds: [Bounds; 2] =
        [("rrf_k", u64::from(ranking.rrf_k), 1, 10_000), ("candidates", ranking.candidates as u64, 1, 10_000)];
    whole(section, &bounds, found);
    share(&format!("{section}.vectors"), ranking.vectors, (true, 1.0), found);
    share(&format!("{section}.usage"), ranking.usage, (true, 1.0), found);
}

pub(crate) fn tools(tools: &Tools, found: &mut Findings) {
    let bounds: [Bounds; 10] = [
        ("tools_max", tools.tools_max as u64, 1, COUNT_MAX),
        ("schema_bytes_max", tools.schema_bytes_max as u64, 1, BYTES_MAX),
        ("timeout_ms", tools.timeout_ms, 1, TIME_MS_MAX),
        ("result_bytes_max", tools.result_bytes_max as u64, 1, BYTES_MAX),
        ("inline_bytes_max", tools.inline_bytes_max as u64, 1, BYTES_MAX),
        ("learned_max", tools.learned_max as u64, 0, 1_000),
        ("search_ttl_s", tools.search_ttl_s, 0, CACHE_S_MAX),
        ("catalog_ttl_s", tools.catalog_ttl_s, 0, CACHE_S_MAX),
        ("embedding_ttl_s", tools.embedding_ttl_s, 0, CACHE_S_MAX),
        ("tool_ttl_s", tools.tool_ttl_s, 0, CACHE_S_MAX),
    ];
    whole("tools", &bounds, found);
}

pub(crate) fn ledger(ledger: &Ledger, found: &mut Findings) {
    let bounds: [Bounds; 5] = [
        ("flush_ms", ledger.flush_ms, 1, 60_000),
        ("queue_max", ledger.queue_max as u64, 1, COUNT_MAX),
        ("calls_days", u64::from(ledger.calls_days), 1, 36_500),
        ("prompts_days", u64::from(ledger.prompts_days), 1, 3_650),
        ("prompt_bytes_max", ledger.prompt_bytes_max as u64, 1, BYTES_MAX),
    ];
    whole("ledger", &bounds, found);
}

pub(crate) fn model(path: &str, model: &ModelEntry, found: &mut Findings) {
    let above = model.price.as_ref().and_then(|price| price.long.as_ref()).map(|long| long.above_tokens);
    let bounds: [Option<Bounds>; 6] = [
        above.map(|least| ("price.long.above_tokens", least, 1, LARGE_MAX)),
        model.output_tokens_max.map(|most| ("output_tokens_max", most, 1, LARGE_MAX)),
        model.context_tokens.map(|most| ("context_tokens", most, 1, LARGE_MAX)),
        model.prompt_bytes_max.map(|most| ("prompt_bytes_max", most as u64, 1, BYTES_MAX)),
        model.rpm.map(|rate| ("rpm", u64::from(rate), 1, LARGE_MAX)),
        model.tpm.map(|rate| ("tpm", u64::from(rate), 1, LARGE_MAX)),
    ];
    let bounds: Vec<Bounds> = bounds.into_iter().flatten().collect();
    whole(path, &bounds, found);
}

pub(crate) fn provider(path: &str, provider: &Provider, found: &mut Findings) {
    let mut bounds: Vec<Bounds> = vec![
        ("queue_max", provider.queue_max as u64, 0, COUNT_MAX),
        ("connect_ms", provider.connect_ms, 1, TIME_MS_MAX),
        ("reply_bytes_max", provider.reply_bytes_max as u64, 1, BYTES_MAX),
        ("event_bytes_max", provider.event_bytes_max as u64, 1, BYTES_MAX),
    ];
    bounds.extend(provider.pool_max.map(|most| ("pool_max", most as u64, 1, COUNT_MAX)));
    bounds.extend(provider.in_flight_max.map(|most| ("in_flight_max", most as u64, 1, COUNT_MAX)));
    bounds.extend(provider.rpm.map(|rate| ("rpm", u64::from(rate), 1, LARGE_MAX)));
    bounds.extend(provider.tpm.map(|rate| ("tpm", u64::from(rate), 1, LARGE_MAX)));
    bounds.extend(provider.timeout_ms.map(|time| ("timeout_ms", time, 1, TIME_MS_MAX)));
    bounds.extend(provider.breaker_failures.map(|most| ("breaker_failures", u64::from(most), 1, COUNT_MAX)));
    bounds.extend(provider.breaker_open_ms.map(|time| ("breaker_open_ms", time, 1, TIME_MS_MAX)));
    whole(path, &bounds, found);
}

pub(crate) fn panel(path: &str, panel: &Panel, found: &mut Findings) {
    whole(path, &[("deadline_ms", panel.deadline_ms, 1, TIME_MS_MAX)], found);
    share(&format!("{path}.agreement"), panel.agreement, (false, 1.0), found);
    for (index, member) in panel.members.iter().enumerate() {
        let path = format!("{}.weight", element(&format!("{path}.members"), index));
        share(&path, member.weight, (false, 1_000_000.0), found);
    }
}

pub(crate) fn whole(section: &str, bounds: &[Bounds], found: &mut Findings) {
    for &(key, value, least, most) in bounds {
        if value < least || value > most {
            found.add(
                &format!("{section}.{key}"),
                format!("`{section}.{key}` is `{value}`"),
                &format!("write a whole number from {least} to {most}"),
            );
        }
    }
}

/// Two numbers of which the first may not be above the second.
fn rising<T: PartialOrd + Display>([(low, least), (high, most)]: [(&str, T); 2], hint: &str, found: &mut Findings) {
    if least > most {
        found.add(low, format!("`{low}` is `{least}`, above `{high}`, which is `{most}`"), hint);
    }
}

/// A number from 0 (which only counts if `zero` is true) to `most`.
pub(crate) fn share(path: &str, value: f64, (zero, most): (bool, f64), found: &mut Findings) {
    if value.is_finite() && value <= most && (value > 0.0 || (zero && value == 0.0)) {
        return;
    }
    let from = if zero { "from 0 to" } else { "above 0 and at most" };
    found.add(path, format!("`{path}` is `{value}`"), &format!("write a number {from} {most}"));
}
