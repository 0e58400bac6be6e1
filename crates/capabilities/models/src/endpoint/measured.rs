//! What a call is measured and charged by: times of either kind, calls that were cut, requests that never left, tokens
//! of a minute.

use crate::fixture::{
    Act, Ends, Fake, LONG, ROLE, STOP, Shape, Then, WORD, around, ask, at, drain, free, ms, one, open, plain, request,
    streamed,
};
use crate::{Answer, Endpoint, ModelError, Opening};
use balance::{Balancer, Reading, Strategy};
use futures_util::FutureExt;
use std::sync::Arc;
use std::time::Duration;
use testkit::{Purse, Reply, Upstream};
use tokio::time::{Instant, advance};
use wire::openai::ChatRequest;

async fn put(endpoint: &Arc<Endpoint>, request: &ChatRequest, within: Duration) -> Result<Answer, ModelError> {
    endpoint.ask(request, one("r"), &free(), within, Opening::FirstToken).await
}

/// How long streams take to the first token, and whole answers, as far as known.
fn times(endpoint: &Endpoint) -> [Option<f64>; 2] {
    [true, false].map(|stream| endpoint.reading_for(Instant::now().into_std(), stream).latency_s)
}

#[tokio::test(start_paused = true)]
async fn streams_and_whole_answers_are_measured_apart() {
    let stream = Then::Stream(vec![(ms(0), ROLE), (ms(250), WORD), (ms(900), STOP)], Ends::Clean);
    let fake = Fake::new(move |call| match call {
        0 => Act { after: ms(4_000), then: Then::Say("hi") },
        _ => Act { after: ms(0), then: stream.clone() },
    });
    let endpoint = around(fake, Shape::default());
    ask(&endpoint).await.unwrap();
    assert_eq!(times(&endpoint), [None, Some(4.0)]);
    let mut opened = open(&endpoint, Opening::FirstToken).await.unwrap();
    assert_eq!(times(&endpoint)[0], Some(0.25));
    drain(&mut opened).await;
    let recent = endpoint.health().recent;
    assert_eq!(recent.first_token_ms.map(|times| (times.samples, times.p95)), Some((1, 250.0)));
    assert_eq!(recent.whole_ms.map(|times| (times.samples, times.p95)), Some((1, 4_000.0)));
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_does_not_wait_raises_the_mean_and_never_lowers_it() {
    for (request, at) in [(plain(), 1), (streamed(), 0)] {
        let fake = Fake::new(|_| Act { after: LONG, then: Then::Hang });
        let endpoint = around(fake, Shape::default());
        let cut = put(&endpoint, &request, ms(3_000)).await;
        assert!(matches!(cut, Err(ModelError::TimedOut { .. })));
        assert_eq!((times(&endpoint)[at], times(&endpoint)[1 - at]), (Some(3.0), None));
        // Whoever is dropped, as the loser of two copies is, tells no more than that.
        let dropped = tokio::time::timeout(ms(10), put(&endpoint, &request, LONG)).await;
        assert!(dropped.is_err());
        assert!(times(&endpoint)[at].is_some_and(|seconds| seconds > 2.9), "{:?}", times(&endpoint));
        let dropped = tokio::time::timeout(ms(9_000), put(&endpoint, &request, LONG)).await;
        assert!(dropped.is_err());
        assert_eq!(times(&endpoint)[at], Some(9.0));
        let reading = endpoint.reading(Instant::now().into_std());
        assert_eq!((reading.penalised, reading.health), (false, 1.0));
    }
}

#[tokio::test(start_paused = true)]
async fn only_who_is_asked_for_that_kind_for_the_first_time_is_unproven() {
    let endpoint = around(Fake::new(|_| Act { after: LONG, then: Then::Hang }), Shape::default());
    let readings = || [true, false].map(|stream| endpoint.reading_for(Instant::now().into_std(), stream));
    let first = |one| {
        let (loaded, balancer) = (Reading { load_s: 9.0, ..Reading::default() }, Balancer::default());
        let mut rng = fastrand::Rng::with_seed(1);
        balancer.order(Strategy::PeakEwma, &[loaded, one], &mut rng).places[0]
    };
    let mut whole = Box::pin(ask(&endpoint));
    assert!((&mut whole).now_or_never().is_none());
    advance(ms(1)).await;
    let [streams, wholes] = readings();
    assert_eq!((streams.in_flight, first(streams)), (1, 1), "nobody knows it for streams: one finds out");
    assert_eq!((wholes.unproven, first(wholes)), (true, 0), "one does");
    let request = streamed();
    let mut stream = Box::pin(put(&endpoint, &request, LONG));
    assert!((&mut stream).now_or_never().is_none());
    assert_eq!(first(readings()[0]), 0);
    // Whoever waited tells how long it takes at least.
    advance(ms(20)).await;
    drop((whole, stream));
    assert_eq!(readings().map(|reading| (reading.unproven, first(reading))), [(false, 1); 2]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_opened_is_not_slow_for_being_left() {
    let stream = Then::Stream(vec![(ms(100), WORD)], Ends::Never);
    let endpoint = around(Fake::new(move |_| Act { after: ms(0), then: stream.clone() }), Shape::default());
    let opened = open(&endpoint, Opening::FirstToken).await.unwrap();
    advance(ms(9_000)).await;
    drop(opened);
    assert!(times(&endpoint)[0].is_some_and(|seconds| seconds <= 0.1), "{:?}", times(&endpoint));
}

#[tokio::test]
async fn a_request_that_never_left_took_nothing() {
    // It takes connections and never says a word, so that no encrypted one ever stands.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", silent.local_addr().unwrap());
    let priced = "models = [{ name = 'm', rpm = 1, tpm = 60, price = { input = 1, output = 10 } }]";
    let text = format!("[[provider]]\nname = 'p'\nbase_url = '{url}'\n{priced}");
    let endpoint = crate::fixture::registry(&text).find("p/m").unwrap();
    let purse = Purse::default();
    for dropped in [false, true] {
        let asked = async {
            let (request, tab) = (plain(), purse.tab());
            let asked = endpoint.ask(&request, one("r"), &tab, ms(50), Opening::FirstToken);
            tokio::time::timeout(if dropped { ms(20) } else { LONG }, asked).await
        };
        assert!(matches!(asked.await, Ok(Err(ModelError::TimedOut { .. })) | Err(_)));
    }
    let notes: Vec<_> = purse.notes().iter().map(|note| (note.outcome, note.tokens.input, note.cost)).collect();
    assert_eq!(notes, [("timed_out", 0, 0), ("cancelled", 0, 0)]);
    assert!(endpoint.reading(std::time::Instant::now()).free > 0.99);
}

#[tokio::test]
async fn a_request_that_left_is_charged_whoever_waits() {
    let upstream = Upstream::start(|_| Reply::chat("late").after(LONG)).await;
    let endpoint = at(&upstream, "models = [{ name = 'm', rpm = 1, tpm = 60 }]", "");
    let purse = Purse::default();
    let asked = endpoint.ask(&plain(), one("r"), &purse.tab(), ms(100), Opening::FirstToken).await;
    assert!(matches!(asked, Err(ModelError::TimedOut { .. })));
    assert!(purse.notes()[0].tokens.input > 0);
    assert!(matches!(ask(&endpoint).await, Err(ModelError::Paced { .. })));
}

#[tokio::test]
async fn a_call_is_charged_what_it_may_write_until_it_has() {
    let upstream = Upstream::start(|_| Reply::chat("hi").after(ms(200))).await;
    let endpoint = at(&upstream, "models = [{ name = 'm', tpm = 1_000 }]", "");
    let asking =
        |most: &str| request(&format!(r#"{{"model":"p/m","messages":[{{"role":"user","content":"hi"}}]{most}}}"#));
    let (large, small) = (asking(r#","max_tokens":900"#), asking(""));
    let mut first = Box::pin(put(&endpoint, &large, LONG));
    assert!((&mut first).now_or_never().is_none());
    assert!(matches!(put(&endpoint, &large, LONG).await, Err(ModelError::Paced { .. })));
    assert!(put(&endpoint, &small, LONG).await.is_ok(), "without a limit what is usual counts");
    assert!(first.await.is_ok());
    assert!(put(&endpoint, &large, LONG).await.is_ok(), "what was not written came back");
}

#[tokio::test]
async fn what_is_left_counts_for_the_provider_where_a_model_keeps_no_count() {
    let check = |lines: &'static str, expect: bool| async move {
        let upstream = Upstream::start(|_| Reply::chat("hi").header("x-ratelimit-remaining-requests", "1")).await;
        let text = format!("[[provider]]\nname = 'p'\nbase_url = '{}'\nrpm = 60\n{lines}", upstream.url());
        let registry = crate::fixture::registry(&text);
        let [m, n] = ["p/m", "p/n"].map(|id| registry.find(id).unwrap());
        assert!(ask(&m).await.is_ok());
        let free = n.reading(std::time::Instant::now()).free;
        assert_eq!(free < 0.1, expect, "{lines}: {free}");
    };
    check("models = ['m', 'n']", true).await;
    check("models = [{ name = 'm', tpm = 1_000_000 }, 'n']", true).await;
    check("models = [{ name = 'm', rpm = 60 }, 'n']", false).await;
}

#[tokio::test]
async fn nobody_is_told_to_wait_longer_than_it_is_left_alone() {
    let upstream = Upstream::start(|_| Reply::error(429, "rate_limit", "").header("retry-after", "3000")).await;
    let wait = async |more: &str| match ask(&at(&upstream, "", more)).await.unwrap_err() {
        ModelError::RateLimited { retry_after } => retry_after.unwrap(),
        other => panic!("{other}"),
    };
    assert_eq!(wait("[guard]\npark_ms_max = 200").await, ms(200));
    assert_eq!(wait("").await, ms(300_000));
    assert_eq!(wait("[guard]\npark_ms_max = 0").await, Duration::from_secs(3_000), "it is not left alone at all");
}
