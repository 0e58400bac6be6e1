//! What a scraper sees: that names, values and the catalogue agree.

use super::*;
use crate::books::{Admission, StoreConflict};
use crate::endpoint::BreakerState;
use crate::registrar::{MetricKind, catalogue};
use std::collections::BTreeMap;
use std::time::Duration;

/// A registry in which every metric has a value.
fn fed() -> Arc<Metrics> {
    let metrics = Metrics::new("1.2.3");
    let route = metrics.route("http", "/v1/chat/completions");
    route.finished(200, Duration::from_millis(40));
    route.overhead(Duration::from_micros(80));
    let endpoint = metrics.endpoint("scripted", "ash");
    Outcome::ALL.iter().for_each(|outcome| endpoint.finished(*outcome));
    endpoint.first_token(Duration::from_millis(30));
    endpoint.took(Duration::from_millis(90));
    endpoint.tokens(12, 7);
    endpoint.cost_usd(0.5);
    endpoint.breaker(BreakerState::HalfOpen);
    let upstream = metrics.upstream("scripted");
    upstream.dns(Duration::from_micros(100));
    upstream.connect(Duration::from_millis(3));
    upstream.tls(Duration::from_secs(11));
    upstream.bytes_sent().add(600);
    upstream.bytes_received().add(9_000);
    upstream.opened().inc();
    upstream.exhausted().inc();
    metrics.adaptive_limit("scripted").set(20);
    metrics.provider_up("scripted").set(1);
    metrics.shed("server").inc();
    metrics.retries("scripted", "rate_limited").inc();
    metrics.fallbacks("unavailable").inc();
    metrics.hedges().won.inc();
    metrics.agreement("trio", Agreement::Reached).inc();
    metrics.votes().logged.inc();
    let memory = metrics.cache_tier("answers", "memory");
    memory.hit.inc();
    memory.entries.set(3);
    memory.bytes.set(4_096);
    metrics.cache_requests("answers", "all", "miss").inc();
    metrics.cache_lost("answers", "full").inc();
    metrics.cache_semantic_verified("right").inc();
    let redis = metrics.redis("cache");
    redis.up.set(1);
    redis.connections.set(2);
    redis.answered.inc();
    let search = metrics.search("tools");
    search.took(Duration::from_micros(200));
    search.degraded.inc();
    let embed = metrics.embed();
    embed.texts.add(32);
    embed.documents.set(5_000);
    let tools = metrics.tools();
    tools.known.set(5_000);
    tools.tokens_saved.add(90_000);
    tools.answered("http");
    tools.failed("http");
    tools.refused("mcp");
    let decisions = metrics.decisions();
    decisions.sessions.set(3);
    decisions.evaluations("complete").inc();
    decisions.pairs("scored").add(6);
    decisions.operation("start", Duration::from_millis(2));
    decisions.answer("scripted", Duration::from_millis(40));
    metrics.settings_reloads(Reload::Rejected).inc();
    metrics.store().retried(StoreConflict::Deadlock).inc();
    metrics.access().admission(Admission::Unknown).inc();
    metrics.flag_exposures("new-model", "on").inc();
    metrics
}

fn check(exposed: &str, sample: &str) {
    assert!(exposed.lines().any(|line| line == sample), "`{sample}` is missing in\n{exposed}");
}

/// The `# TYPE` lines: name (without `_total`) and kind.
fn types(exposed: &str) -> BTreeMap<&str, &str> {
    exposed.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')).collect()
}

#[test]
fn what_is_counted_is_exposed_under_the_contracted_names() {
    let exposed = fed().encode();
    for sample in [
        r#"althing_requests_total{door="http",route="/v1/chat/completions",status="200"} 1"#,
        r#"althing_request_duration_seconds_bucket{le="0.05",door="http",route="/v1/chat/completions"} 1"#,
        r#"althing_overhead_seconds_bucket{le="0.0001",route="/v1/chat/completions"} 1"#,
        r#"althing_model_requests_total{provider="scripted",model="ash",outcome="timed_out"} 1"#,
        r#"althing_model_first_token_seconds_count{provider="scripted",model="ash"} 1"#,
        r#"althing_model_duration_seconds_sum{provider="scripted",model="ash"} 0.09"#,
        r#"althing_model_tokens_total{provider="scripted",model="ash",direction="input"} 12"#,
        r#"althing_model_tokens_total{provider="scripted",model="ash",direction="output"} 7"#,
        r#"althing_cost_usd_total{provider="scripted",model="ash"} 0.5"#,
        r#"althing_breaker_state{provider="scripted",model="ash"} 1"#,
        r#"althing_inflight{provider="scripted"} 0"#,
        r#"althing_adaptive_limit{provider="scripted"} 20"#,
        r#"althing_provider_up{provider="scripted"} 1"#,
        r#"althing_upstream_dns_seconds_bucket{le="0.0001",provider="scripted"} 1"#,
        r#"althing_upstream_connect_seconds_bucket{le="0.0025",provider="scripted"} 0"#,
        r#"althing_upstream_connect_seconds_bucket{le="0.005",provider="scripted"} 1"#,
        r#"althing_upstream_tls_seconds_bucket{le="10.0",provider="scripted"} 0"#,
        r#"althing_upstream_tls_seconds_sum{provider="scripted"} 11.0"#,
        r#"althing_upstream_bytes_total{provider="scripted",direction="sent"} 600"#,
        r#"althing_upstream_bytes_total{provider="scripted",direction="received"} 9000"#,
        r#"althing_upstream_connections{provider="scripted"} 0"#,
        r#"althing_upstream_connections_opened_total{provider="scripted"} 1"#,
        r#"althing_pool_exhausted_total{provider="scripted"} 1"#,
        r#"althing_shed_total{where="server"} 1"#,
        r#"althing_hedges_total{outcome="won"} 1"#,
        r#"althing_agreement_total{panel="trio",outcome="reached"} 1"#,
        r#"althing_settings_reloads_total{outcome="rejected"} 1"#,
        r#"althing_evaluations_total{outcome="complete"} 1"#,
        r#"althing_decision_pairs_total{outcome="scored"} 6"#,
        "althing_decision_sessions_active 3",
        r#"althing_store_retries_total{reason="deadlock"} 1"#,
        r#"althing_auth_total{outcome="unknown"} 1"#,
        r#"althing_flag_exposures_total{flag="new-model",variant="on"} 1"#,
        r#"althing_build_info{version="1.2.3"} 1"#,
        "# EOF",
    ] {
        check(&exposed, sample);
    }
}

#[test]
fn the_exposition_and_the_catalogue_name_the_same_metrics() {
    let exposed = fed().encode();
    let exposed = types(&exposed);
    let catalogue = catalogue();
    let known: BTreeMap<&str, String> =
        catalogue.iter().map(|info| (info.name.trim_end_matches("_total"), info.kind.to_string())).collect();
    assert_eq!(known.len(), catalogue.len(), "a name is taken twice");
    for (name, kind) in &exposed {
        assert_eq!(known.get(name).map(String::as_str), Some(*kind), "{name} is not in the catalogue");
    }
    let missing: Vec<_> = known.keys().filter(|name| !exposed.contains_key(**name)).collect();
    let elsewhere = |name: &&&&str| !cfg!(target_os = "linux") && name.starts_with("process_");
    assert!(missing.iter().filter(|name| !elsewhere(name)).count() == 0, "nothing feeds {missing:?}");
}

#[test]
fn every_sample_has_a_declared_type_and_the_labels_of_the_catalogue() {
    let catalogue = catalogue();
    for line in fed().encode().lines().filter(|line| !line.starts_with('#')) {
        let (series, value) = line.rsplit_once(' ').unwrap();
        assert!(value.parse::<f64>().is_ok(), "{line}");
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let base = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name);
        let info = catalogue.iter().find(|info| info.name == base).unwrap_or_else(|| panic!("{name} is unknown"));
        let names: Vec<&str> =
            labels.split(',').filter_map(|pair| Some(pair.split_once('=')?.0)).filter(|name| *name != "le").collect();
        assert_eq!(names, info.labels, "{line}");
    }
}

#[test]
fn names_follow_the_conventions_of_prometheus() {
    for info in catalogue() {
        let name = info.name;
        let plain = |text: &str| text.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        assert!(plain(name) && !name.contains("__"), "{name}");
        assert!(name.starts_with("althing_") || name.starts_with("process_"), "{name}");
        assert_eq!(name.ends_with("_total"), info.kind == MetricKind::Counter, "{name}");
        if info.kind == MetricKind::Histogram {
            assert!(name.ends_with("_seconds"), "{name} is not in base units");
        }
        for foreign in ["_ms", "_millis", "_micros", "_minutes", "_kb", "_mb", "_percent"] {
            assert!(!name.trim_end_matches("_total").ends_with(foreign), "{name} is not in base units");
        }
        assert!(info.labels.iter().all(|label| plain(label) && *label != "le"), "{name}");
        assert!(!info.help.is_empty() && !info.help.ends_with('.') && !info.help.contains(['\n', '|']), "{name}");
    }
}

#[test]
fn statuses_without_a_kept_handle_are_counted_too() {
    let metrics = Metrics::new("0");
    let route = metrics.route("http", "/v1/models");
    for status in [418, 418, 429, 429, 429] {
        route.clone().finished(status, Duration::from_millis(1));
    }
    let exposed = metrics.encode();
    check(&exposed, r#"althing_requests_total{door="http",route="/v1/models",status="418"} 2"#);
    check(&exposed, r#"althing_requests_total{door="http",route="/v1/models",status="429"} 3"#);
    assert!(!exposed.contains(r#"status="200""#), "a status that never was has a series");
}

#[test]
fn two_handles_for_the_same_labels_share_their_series() {
    let metrics = Metrics::new("0");
    let (first, second) = (metrics.endpoint("p", "m"), metrics.endpoint("p", "m"));
    first.finished(Outcome::Failed);
    second.finished(Outcome::Failed);
    assert_eq!(first.outcome(Outcome::Failed).value(), 2);
    let other = metrics.endpoint("p", "other");
    let (_one, _two) = (first.enter(), other.enter());
    check(&metrics.encode(), r#"althing_inflight{provider="p"} 2"#);
}

#[test]
fn clients_of_one_provider_share_its_connections() {
    let metrics = Metrics::new("0");
    let (first, second) = (metrics.upstream("p"), metrics.upstream("p").clone());
    let one = first.connections().enter();
    let _two = second.connections().enter();
    let _other = metrics.upstream("q").connections().enter();
    check(&metrics.encode(), r#"althing_upstream_connections{provider="p"} 2"#);
    drop(one);
    check(&metrics.encode(), r#"althing_upstream_connections{provider="p"} 1"#);
}

#[test]
fn cost_never_falls() {
    let metrics = Metrics::new("0");
    let endpoint = metrics.endpoint("p", "m");
    for cost_usd in [0.25, -1.0, f64::NAN, f64::INFINITY, 0.0, 0.5] {
        endpoint.cost_usd(cost_usd);
    }
    check(&metrics.encode(), r#"althing_cost_usd_total{provider="p",model="m"} 0.75"#);
}

#[test]
fn label_values_cannot_break_the_exposition() {
    let metrics = Metrics::new("0");
    metrics.fallbacks("a\"b\\c\nd").inc();
    check(&metrics.encode(), r#"althing_fallbacks_total{reason="a\"b\\c\nd"} 1"#);
}

#[test]
fn levels_of_the_server_go_up_and_down() {
    let metrics = Metrics::new("0");
    let request = metrics.requests_in_flight().enter();
    metrics.connections_open().set(3);
    check(&metrics.encode(), "althing_requests_in_flight 1");
    metrics.sessions_active().set(2);
    metrics.sessions_limit().set(9);
    check(&metrics.encode(), "althing_sessions_active 2");
    check(&metrics.encode(), "althing_sessions_limit 9");
    check(&metrics.encode(), "althing_connections_open 3");
    drop(request);
    check(&metrics.encode(), "althing_requests_in_flight 0");
}

#[test]
fn handles_are_shared_between_threads_without_losing_counts() {
    let metrics = Metrics::new("0");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let (route, shed) = (metrics.route("http", "/"), metrics.shed("server"));
            scope.spawn(move || {
                for _ in 0..1000 {
                    route.finished(503, Duration::from_millis(2));
                    shed.inc();
                }
            });
        }
    });
    let exposed = metrics.encode();
    check(&exposed, r#"althing_requests_total{door="http",route="/",status="503"} 4000"#);
    check(&exposed, r#"althing_request_duration_seconds_sum{door="http",route="/"} 8.0"#);
    assert_eq!(metrics.shed("server").value(), 4000);
}
