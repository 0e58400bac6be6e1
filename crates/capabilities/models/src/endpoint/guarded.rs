//! What parks an endpoint, whose places and rates it takes, how it stands among others, and that nothing of it leaks.

use crate::common::Common;
use crate::fixture::{
    Act, Ends, Fake, KINDS, LONG, ROLE, STOP, Shape, Then, WORD, around, ask, at, drain, free, ms, no_prices, one,
    open, outcomes, plain, registry, settings,
};
use crate::{Asker, Endpoint, ModelError, Opening, Parts, Registry, SharedRate, Sharing};
use caller::Class;
use fault::{Explain, Retry};
use futures_util::FutureExt;
use futures_util::future::join_all;
use guard::{Shed, State};
use measure::Metrics;
use proptest::prelude::*;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use testkit::{Reply, Upstream, in_turn};
use tokio::time::{Instant, advance};

fn say(after: u64) -> Act {
    Act { after: ms(after), then: Then::Say("hi") }
}

fn fail(error: ModelError) -> Act {
    Act { after: Duration::ZERO, then: Then::Fail(error) }
}

fn limited(secs: u64) -> ModelError {
    ModelError::RateLimited { retry_after: Some(Duration::from_secs(secs)) }
}

fn down() -> ModelError {
    ModelError::Failed { status: 500, code: None, retry_after: None }
}

fn parked_secs(error: &ModelError) -> f64 {
    match error {
        ModelError::Parked { retry_after } => retry_after.as_secs_f64(),
        other => panic!("not parked: {other}"),
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_to_be_left_alone_is() {
    let failing = ModelError::Failed { status: 529, code: None, retry_after: Some(ms(700)) };
    let acts = [limited(4), failing.clone()];
    let fake = Fake::new(move |call| acts.get(call).map_or_else(|| say(0), |error| fail(error.clone())));
    let endpoint = around(fake.clone(), Shape::default());
    assert_eq!(ask(&endpoint).await.unwrap_err(), limited(4));
    advance(ms(1_000)).await;
    let error = ask(&endpoint).await.unwrap_err();
    assert_eq!(error, ModelError::Parked { retry_after: ms(3_000) });
    assert_eq!((error.retry(), error.harms(), error.is_free()), (Retry::After(ms(3_000)), None, true));
    assert_eq!(error.to_string(), "the provider asked to be left alone for another 3.0 s");
    assert_eq!((endpoint.health().parked, endpoint.breaker()), (Some(ms(3_000)), State::Closed));
    let now = Instant::now().into_std();
    assert!(!endpoint.reading(now).available && endpoint.reading(now).penalised);
    advance(ms(3_000)).await;
    assert_eq!(ask(&endpoint).await.unwrap_err(), failing);
    assert_eq!(parked_secs(&ask(&endpoint).await.unwrap_err()), 0.7);
    advance(ms(700)).await;
    assert!(ask(&endpoint).await.is_ok());
    assert_eq!((fake.calls(), outcomes(&endpoint)), (3, [1, 2, 0, 0, 2]));
}

#[tokio::test]
async fn nobody_is_left_alone_longer_than_settings_allow() {
    let upstream = Upstream::start(|_| Reply::error(429, "rate_limit", "").header("retry-after", "3000")).await;
    let endpoint = at(&upstream, "", "[guard]\npark_ms_max = 200");
    assert!(matches!(ask(&endpoint).await, Err(ModelError::RateLimited { .. })));
    assert!(parked_secs(&ask(&endpoint).await.unwrap_err()) <= 0.2);
}

#[tokio::test]
async fn an_empty_rate_parks_until_it_starts_anew_unless_told_otherwise() {
    let empty =
        |reply: Reply| reply.header("x-ratelimit-remaining-tokens", "0").header("x-ratelimit-reset-tokens", "1m30s");
    let upstream = Upstream::start(move |_| empty(Reply::chat("hi"))).await;
    let endpoint = at(&upstream, "", "");
    assert!(ask(&endpoint).await.is_ok());
    assert!((89.0..=90.0).contains(&parked_secs(&ask(&endpoint).await.unwrap_err())));
    let refusing = move |_: &_| empty(Reply::error(429, "rate_limit", "").header("retry-after", "2"));
    let upstream = Upstream::start(refusing).await;
    let endpoint = at(&upstream, "", "");
    assert!(ask(&endpoint).await.is_err());
    assert!((1.0..=2.0).contains(&parked_secs(&ask(&endpoint).await.unwrap_err())));
    let some = |_: &_| Reply::chat_stream(&["hi"]).header("anthropic-ratelimit-requests-remaining", "7");
    let upstream = Upstream::start(some).await;
    let endpoint = at(&upstream, "", "");
    drain(&mut open(&endpoint, Opening::FirstToken).await.unwrap()).await;
    assert_eq!(endpoint.health().parked, None);
}

#[tokio::test]
async fn a_pace_follows_what_the_provider_says_is_left() {
    let upstream = Upstream::start(|_| Reply::chat("hi").header("x-ratelimit-remaining-requests", "1")).await;
    let endpoint = at(&upstream, "models = [{ name = 'm', rpm = 60 }]", "");
    assert!(ask(&endpoint).await.is_ok());
    assert!(endpoint.reading(std::time::Instant::now()).free < 0.1);
    assert!(ask(&endpoint).await.is_ok());
    assert!(matches!(ask(&endpoint).await, Err(ModelError::Paced { .. })), "one was left, not fifty-eight");
}

#[tokio::test]
async fn a_provider_has_a_pace_of_its_own() {
    let text = "[[provider]]\nname = 's'\nkind = 'scripted'\nmodels = ['a', 'b']\nrpm = 3";
    let registry = registry(text);
    let (a, b) = (registry.find("s/a").unwrap(), registry.find("s/b").unwrap());
    for endpoint in [&a, &b, &a] {
        assert!(ask(endpoint).await.is_ok());
    }
    for endpoint in [&a, &b] {
        assert!(matches!(ask(endpoint).await, Err(ModelError::Paced { .. })));
    }
    assert!(a.reading(std::time::Instant::now()).free < 0.01);
}

/// What others have told, and what they were told.
#[derive(Default)]
struct Others {
    told: Mutex<Vec<(String, Duration)>>,
    parked: Mutex<Option<Duration>>,
}

impl Sharing for Others {
    fn park(&self, endpoint: &str, until_in: Duration) {
        self.told.lock().unwrap().push((endpoint.to_owned(), until_in));
    }

    fn parked(&self, _: &str) -> Option<Duration> {
        *self.parked.lock().unwrap()
    }

    fn rate(&self, _: &str, _: u32) -> Option<Arc<dyn SharedRate>> {
        None
    }
}

#[tokio::test]
async fn servers_that_share_leave_it_alone_together() {
    let upstream = Upstream::start(|_| Reply::error(429, "rate_limit", "").header("retry-after", "9")).await;
    let others = Arc::new(Others::default());
    let sharing: Arc<dyn Sharing> = others.clone();
    let text = format!("[[provider]]\nname = 'p'\nbase_url = '{}'\nmodels = ['m', 'n']", upstream.url());
    let (metrics, prices) = (Metrics::new("test"), no_prices());
    let parts = Parts { kinds: KINDS, metrics: &metrics, prices: &prices, sharing: Some(&sharing) };
    let registry = Registry::build(&settings(&text), parts, None).unwrap();
    assert!(ask(&registry.find("p/m").unwrap()).await.is_err());
    assert_eq!(*others.told.lock().unwrap(), [("p/m".to_owned(), Duration::from_secs(9))]);
    *others.parked.lock().unwrap() = Some(ms(2_500));
    let other = registry.find("p/n").unwrap();
    assert_eq!(parked_secs(&ask(&other).await.unwrap_err()), 2.5);
    assert_eq!((upstream.seen().len(), metrics.shed("parked").value()), (1, 1));
}

async fn ask_as(endpoint: &Arc<Endpoint>, class: Class) -> Result<(), ModelError> {
    let asker = Asker { class, ..one("r") };
    endpoint.ask(&plain(), asker, &free(), LONG, Opening::FirstEvent).await.map(drop)
}

#[tokio::test(start_paused = true)]
async fn whoever_matters_more_comes_first() {
    let endpoint = around(Fake::new(|_| say(100)), Shape { in_flight_max: 1, queue_max: 1, ..Shape::default() });
    let (mut first, mut low) = (Box::pin(ask(&endpoint)), Box::pin(ask_as(&endpoint, Class::Low)));
    assert!((&mut first).now_or_never().is_none() && (&mut low).now_or_never().is_none());
    let critical = ask_as(&endpoint, Class::Critical);
    let (first, low, critical) = tokio::join!(first, low, critical);
    assert!(first.is_ok() && critical.is_ok());
    assert_eq!(low.unwrap_err(), ModelError::Busy(Shed::Displaced));
    assert_eq!(outcomes(&endpoint), [2, 0, 0, 0, 1]);
}

#[tokio::test]
async fn the_number_at_once_follows_what_the_kind_bears() {
    let check = |more: &str, expect: u32| {
        let text = format!("[[provider]]\nname = 'p'\nbase_url = 'http://127.0.0.1:1'\nmodels = ['m']\n{more}");
        let load = registry(&text).find("p/m").unwrap().health().load;
        assert_eq!(load.limit, expect, "{more}");
    };
    check("kind = 'openai'", 512);
    check("kind = 'openai'\nin_flight_max = 7", 7);
    check("kind = 'openai'\nconcurrency = 'fixed'\nin_flight_max = 70", 70);
    check("kind = 'openai'\nconcurrency = 'gradient'", 2);
    check("kind = 'ollama'", 2);
    check("kind = 'ollama'\nconcurrency = 'aimd'\nin_flight_max = 64", 64);
}

#[tokio::test]
async fn refusals_lower_the_number_at_once_and_answers_raise_it() {
    let refused = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&refused);
    let upstream = Upstream::start(move |_| {
        let refuse = counted.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        if refuse { Reply::error(503, "overloaded", "") } else { Reply::chat("hi").after(ms(20)) }
    })
    .await;
    let endpoint = at(&upstream, "in_flight_max = 64", "");
    refused.store(1, Ordering::SeqCst);
    assert!(ask(&endpoint).await.is_err());
    assert_eq!(endpoint.health().load.limit, 32);
    join_all((0..64).map(|_| ask(&endpoint))).await;
    let grown = endpoint.health().load.limit;
    assert!((33..=34).contains(&grown), "{grown}");
}

#[tokio::test(start_paused = true)]
async fn a_reading_tells_how_it_stands() {
    let stream = Then::Stream(vec![(ms(0), ROLE), (ms(0), WORD), (ms(900), STOP)], Ends::Clean);
    let fake = Fake::new(move |call| match call {
        0 => say(200),
        1 => Act { after: ms(100), then: stream.clone() },
        _ => fail(down()),
    });
    let endpoint = around(fake, Shape { in_flight_max: 4, failures: 1, ..Shape::default() });
    let reading = || endpoint.reading(Instant::now().into_std());
    let unknown = reading();
    assert_eq!((unknown.latency_s, unknown.load_s, unknown.in_flight, unknown.free), (None, 0.0, 0, 1.0));
    assert!(unknown.available && !unknown.penalised);
    ask(&endpoint).await.unwrap();
    assert_eq!((reading().latency_s, reading().load_s), (Some(0.2), 0.2));
    let mut opened = open(&endpoint, Opening::FirstToken).await.unwrap();
    let during = reading();
    assert_eq!((during.in_flight, during.free), (1, 0.75));
    let streams = endpoint.reading_for(Instant::now().into_std(), true);
    assert_eq!((streams.latency_s, streams.load_s), (Some(0.1), 0.2), "the first token counts");
    assert!(during.latency_s > streams.latency_s && during.load_s > 0.3, "or what takes longer: {during:?}");
    drain(&mut opened).await;
    assert_eq!(reading().in_flight, 0);
    ask(&endpoint).await.unwrap_err();
    let after = reading();
    assert!(!after.available && after.penalised && after.latency_s.is_some_and(|s| s >= 5.0) && after.health < 1.0);
    endpoint.penalise(Instant::now().into_std(), Duration::from_secs(60));
    assert!(reading().latency_s.is_some_and(|s| s >= 60.0), "as slow as the worst of its peers");
}

#[tokio::test(start_paused = true)]
async fn whoever_is_well_again_starts_slowly() {
    let fake = Fake::new(|call| if call == 0 { fail(down()) } else { say(0) });
    let endpoint = around(fake, Shape { failures: 1, ..Shape::default() });
    let reading = || endpoint.reading(Instant::now().into_std());
    ask(&endpoint).await.unwrap_err();
    assert_eq!((reading().available, reading().share), (false, 1.0));
    advance(ms(60_000)).await;
    assert!(reading().available, "a probe would be let through");
    ask(&endpoint).await.unwrap();
    assert_eq!(reading().share, 0.1);
    advance(ms(5_000)).await;
    assert_eq!(reading().share, 0.5);
    advance(ms(5_000)).await;
    assert_eq!(reading().share, 1.0);
}

#[tokio::test]
async fn a_provider_that_fails_its_checks_is_not_available_until_it_passes_one() {
    let well = Arc::new(AtomicUsize::new(0));
    let is_well = Arc::clone(&well);
    let upstream = Upstream::start(move |_| match is_well.load(Ordering::SeqCst) {
        0 => Reply::error(500, "server_error", ""),
        _ => Reply::json(200, &serde_json::json!({ "data": [] })),
    })
    .await;
    let text = format!(
        "[balance]\nhealth_check_ms = 5\n[[provider]]\nname = 'p'\nbase_url = '{}'\nmodels = ['m']",
        upstream.url()
    );
    let metrics = Metrics::new("test");
    let registry = crate::fixture::build(&settings(&text), KINDS, &metrics, &no_prices(), None).unwrap();
    let endpoint = registry.find("p/m").unwrap();
    let reading = || endpoint.reading(std::time::Instant::now());
    assert!(reading().available && endpoint.health().up);
    let until = async |up: bool| {
        for _ in 0..500 {
            if endpoint.health().up == up {
                return;
            }
            tokio::time::sleep(ms(5)).await;
        }
        panic!("it never was {up}");
    };
    until(false).await;
    assert!(upstream.seen().len() >= 3, "one failure is none");
    assert!(!reading().available);
    assert!(metrics.encode().contains("althing_provider_up{provider=\"p\"} 0"));
    well.store(1, Ordering::SeqCst);
    until(true).await;
    assert!(reading().available && reading().share < 1.0, "and starts slowly");
    assert!(metrics.encode().contains("althing_provider_up{provider=\"p\"} 1"));
    drop(registry);
    tokio::time::sleep(ms(50)).await;
    let asked = upstream.seen().len();
    tokio::time::sleep(ms(50)).await;
    assert_eq!(upstream.seen().len(), asked, "nobody asks any more");
}

#[tokio::test]
async fn whoever_is_not_checked_any_more_is_not_down_for_ever() {
    let upstream = Upstream::start(|_| Reply::error(500, "server_error", "")).await;
    let text = |ms: u32| {
        let provider = format!("[[provider]]\nname = 'p'\nbase_url = '{}'\nmodels = ['m']", upstream.url());
        settings(&format!("[balance]\nhealth_check_ms = {ms}\n{provider}"))
    };
    let metrics = Metrics::new("test");
    let build = |ms, before| crate::fixture::build(&text(ms), KINDS, &metrics, &no_prices(), before).unwrap();
    let before = build(5, None);
    for _ in 0..500 {
        if !before.find("p/m").unwrap().is_up() {
            break;
        }
        tokio::time::sleep(ms(5)).await;
    }
    assert!(!before.find("p/m").unwrap().is_up());
    let after = build(0, Some(&before));
    assert!(after.find("p/m").unwrap().is_up(), "nobody would ever find out that it is well");
    // As long as a request goes on under the old settings those are still there, and ask nobody.
    tokio::time::sleep(ms(80)).await;
    let asked = upstream.seen().len();
    tokio::time::sleep(ms(80)).await;
    assert_eq!((after.find("p/m").unwrap().is_up(), upstream.seen().len()), (true, asked));
    drop(before);
    assert!(metrics.encode().contains("althing_provider_up{provider=\"p\"} 1"));
}

#[tokio::test]
async fn no_check_without_being_asked_for() {
    let upstream = Upstream::start(in_turn(vec![Reply::chat("hi")])).await;
    let endpoint = at(&upstream, "", "");
    tokio::time::sleep(ms(30)).await;
    assert_eq!((upstream.seen().len(), endpoint.health().up), (0, true));
}

/// What one request of a crowd does: how the provider acts, whom it comes from, how long it has.
#[derive(Debug, Clone, Copy)]
struct One {
    act: u8,
    class: Class,
    within_ms: u64,
    /// When it is dropped.
    patience_ms: u64,
    after_ms: u64,
}

fn ones() -> impl Strategy<Value = Vec<One>> {
    let class = prop_oneof![Just(Class::Low), Just(Class::Normal), Just(Class::Critical)];
    let one = (0..6u8, class, 1..400u64, 1..400u64, 0..300u64);
    let one = one.prop_map(|(act, class, within_ms, patience_ms, after_ms)| One {
        act,
        class,
        within_ms,
        patience_ms,
        after_ms,
    });
    prop::collection::vec(one, 1..40)
}

fn behave(act: u8) -> Act {
    let stream = |ends| Then::Stream(vec![(ms(5), ROLE), (ms(20), WORD), (ms(60), STOP)], ends);
    let then = match act {
        0 => Then::Say("hi"),
        1 => Then::Fail(ModelError::Failed { status: 503, code: None, retry_after: None }),
        2 => Then::Fail(ModelError::RateLimited { retry_after: Some(ms(15)) }),
        3 => stream(Ends::Clean),
        4 => stream(Ends::Never),
        _ => Then::Hang,
    };
    Act { after: ms(30), then }
}

async fn come(endpoint: &Arc<Endpoint>, one_of: One, request: &wire::openai::ChatRequest) {
    tokio::time::sleep(ms(one_of.after_ms)).await;
    let asker = Asker { class: one_of.class, ..one("r") };
    let tab = free();
    let asked = async {
        let asked = endpoint.ask(request, asker, &tab, ms(one_of.within_ms), Opening::FirstToken).await;
        if let Ok(crate::Answer::Stream(mut stream)) = asked {
            drain(&mut stream).await;
        }
    };
    let _ = tokio::time::timeout(ms(one_of.patience_ms), asked).await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn nothing_leaks_whatever_becomes_of_a_crowd(ones in ones(), places in 1..5u32, queue_max in 0..6u32) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let held: Result<(), TestCaseError> = runtime.block_on(async {
            let acts: Vec<u8> = ones.iter().map(|one| one.act).collect();
            let fake = Fake::new(move |call| behave(acts[call % acts.len()]));
            let shape = Shape { in_flight_max: places, queue_max, open: ms(40), ..Shape::default() };
            let endpoint = around(fake.clone(), shape);
            let request = crate::fixture::streamed();
            join_all(ones.iter().map(|one| come(&endpoint, *one, &request))).await;
            let Common { gate, .. } = endpoint.common.as_ref();
            let load = gate.load();
            prop_assert_eq!((load.in_flight, load.waiting, endpoint.in_flight.load(Ordering::SeqCst)), (0, 0, 0));
            prop_assert!(fake.most.load(Ordering::SeqCst) <= places as usize);
            prop_assert!(outcomes(&endpoint).iter().sum::<u64>() <= ones.len() as u64);
            Ok(())
        });
        held?;
    }
}
