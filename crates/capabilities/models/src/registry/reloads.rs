//! What a reload may not forget: whatever was learnt of an upstream that is still the same.

use super::Registry;
use crate::fixture::{KINDS, LONG, ask, build, no_prices, settings};
use crate::{Endpoint, ModelError, Parts};
use guard::State;
use measure::Metrics;
use std::sync::Arc;
use testkit::{Reply, Upstream};

/// An upstream whose models have answered, asked to be left alone, broken and used up their minute.
struct Learnt {
    upstream: Upstream,
    metrics: Arc<Metrics>,
    registry: Registry,
}

const GUARD: &str = "[guard]\nbreaker_failures = 1";
const MORE: &str = "api_key = 'env:PATH'";

fn text(url: &str, more: &str, rest: &str) -> String {
    let models = "['well', 'parked', 'broken', { name = 'paced', rpm = 2 }]";
    let limits = "in_flight_max = 40\nconcurrency = 'aimd'";
    let open = format!("[[provider]]\nname = 'open'\nkind = 'groq'\nbase_url = '{url}'");
    format!("{rest}\n[[provider]]\nname = 'p'\nbase_url = '{url}'\nmodels = {models}\n{limits}\n{more}\n{open}")
}

impl Learnt {
    async fn new() -> Self {
        let upstream = Upstream::start(|seen| match seen.json()["model"].as_str() {
            Some("parked") => Reply::error(429, "rate_limit_error", "slow down").header("retry-after", "60"),
            Some("broken") => Reply::error(500, "broken", "broken"),
            _ => Reply::chat("hi"),
        })
        .await;
        let metrics = Metrics::new("test");
        let all = settings(&text(&upstream.url(), MORE, GUARD));
        let registry = build(&all, KINDS, &metrics, &no_prices(), None).unwrap();
        for name in ["p/well", "p/parked", "p/broken", "p/paced", "p/paced", "open/adopted"] {
            drop(ask(&registry.find(name).unwrap()).await);
        }
        let learnt = Self { upstream, metrics, registry };
        assert_eq!(learnt.left(&learnt.registry).await, [true; 6]);
        learnt
    }

    fn again(&self, more: &str, rest: &str) -> Registry {
        self.at(&self.upstream.url(), more, rest)
    }

    fn at(&self, url: &str, more: &str, rest: &str) -> Registry {
        let all = settings(&text(url, more, rest));
        build(&all, KINDS, &self.metrics, &no_prices(), Some(&self.registry)).unwrap()
    }

    /// What is still known: times and calls, the park, the breaker, the pace, the limit, the adopted model's times.
    async fn left(&self, registry: &Registry) -> [bool; 6] {
        let of = |name: &str| registry.find(name).unwrap();
        let times = |endpoint: &Endpoint| {
            let seconds = endpoint.reading(std::time::Instant::now()).latency_s;
            (endpoint.health().recent.calls, seconds.is_some(), endpoint.usual_latency_ms().is_some())
        };
        let (well, paced) = (of("p/well"), of("p/paced"));
        [
            times(&well) == (1, true, true),
            well.parked().is_none() && of("p/parked").parked().is_some(),
            of("p/broken").breaker() == State::Open,
            matches!(paced.limits.pace.as_ref().unwrap().take(1).await, Err(wait) if !wait.is_zero()),
            well.health().load.limit < well.health().load.in_flight_max,
            times(&of("open/adopted")) == (1, true, true),
        ]
    }
}

#[tokio::test]
async fn what_was_learnt_outlives_a_reload() {
    let learnt = Learnt::new().await;
    let (more, guard) = (MORE, GUARD);
    for (more, rest) in [
        (more, format!("{guard}\npark_ms_max = 90000\nretry_ratio = 0.5")),
        (more, format!("{guard}\npool_max = 7")),
        (more, format!("{guard}\nshed_low = 0.5")),
        (more, format!("{guard}\n[balance]\npenalty_ms = 70\nslow_start_ms = 0")),
        (more, format!("{guard}\n[server]\nstream_idle_ms = 1234\nstream_max_ms = 12345")),
        ("api_key = 'env:PATH'\ntimeout_ms = 5000\nqueue_max = 3", guard.to_owned()),
    ] {
        let again = learnt.again(more, &rest);
        assert_eq!(learnt.left(&again).await, [true; 6], "{more} {rest}");
        assert!(!Arc::ptr_eq(&again.find("p/well").unwrap(), &learnt.registry.find("p/well").unwrap()), "{rest}");
    }
}

#[tokio::test]
async fn only_what_changed_is_new() {
    let learnt = Learnt::new().await;
    let left = async |registry: Registry| learnt.left(&registry).await;
    let (t, f) = (true, false);
    assert_eq!(left(learnt.again(MORE, "[guard]\nbreaker_failures = 9")).await, [t, t, f, t, t, t]);
    assert_eq!(left(learnt.again(MORE, &format!("{GUARD}\n[balance]\ndecay_ms = 7"))).await, [f, t, t, t, t, f]);
    assert_eq!(left(learnt.again("api_key = 'env:HOME'", GUARD)).await, [t, f, f, t, t, t]);
    let elsewhere = learnt.at("http://127.0.0.1:9/v1", MORE, GUARD);
    assert_eq!(left(elsewhere).await, [f; 6]);
}

#[tokio::test]
async fn calls_in_progress_are_counted_on_both_sides_of_a_reload() {
    let learnt = Learnt::new().await;
    let before = learnt.registry.find("p/well").unwrap();
    let again = learnt.again(MORE, &format!("{GUARD}\n[balance]\npenalty_ms = 70")).find("p/well").unwrap();
    let (one, two) = tokio::join!(ask(&before), ask(&again));
    assert!(one.is_ok() && two.is_ok());
    assert_eq!((again.health().recent.calls, again.health().load.in_flight), (3, 0));
    let broken = learnt.again(MORE, &format!("{GUARD}\n[balance]\npenalty_ms = 70")).find("p/broken").unwrap();
    assert!(matches!(ask(&broken).await, Err(ModelError::Resting(_))));
}

#[tokio::test]
async fn a_reload_opens_no_second_gate_beside_the_first() {
    let learnt = Learnt::new().await;
    let before = learnt.registry.find("p/well").unwrap();
    let place = before.common.gate.enter(guard::Class::Normal, &"house".into(), LONG).await.unwrap();
    let now = text(&learnt.upstream.url(), MORE, GUARD);
    for (old, new, queue_max, in_flight_max) in [
        ("= 40", "= 40\nqueue_max = 3", 3, 40),
        ("= 40", "= 30", 1024, 30),
        ("'aimd'", "'fixed'", 1024, 40),
        ("breaker_failures = 1", "breaker_failures = 1\nshed_low = 0.5\ntenant_share = 0.5", 1024, 40),
    ] {
        let (was, changed) = (before.health().load, settings(&now.replace(old, new)));
        let (prices, metrics) = (no_prices(), &learnt.metrics);
        let parts = Parts { kinds: KINDS, metrics, prices: &prices, sharing: None };
        let again = Registry::build(&changed, parts, Some(&learnt.registry)).unwrap();
        assert_eq!(before.health().load, was, "nothing holds before it is in force");
        again.begin(Some(&learnt.registry));
        let load = again.find("p/well").unwrap().health().load;
        assert_eq!((load.in_flight, load.queue_max, load.in_flight_max), (1, queue_max, in_flight_max), "{new}");
    }
    drop(place);
}
