//! Admission, the breaker, the line, time and cancellation.

use crate::fixture::{
    Act, ERROR, Ends, Fake, LONG, ROLE, Shape, Then, WORD, around, ask, at, drain, free, ms, one, open, outcomes,
    plain, registry, streamed,
};
use crate::{Endpoint, ModelError, Opening};
use fault::{Explain, Retry};
use futures_util::future::join_all;
use futures_util::{FutureExt, StreamExt};
use guard::{Open, Shed, State};
use net::NetError;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use testkit::{Reply, Upstream, in_turn};
use tokio::time::Instant as Moment;

fn say(after: u64) -> Act {
    Act { after: ms(after), then: Then::Say("hi") }
}

fn fail(after: u64, error: ModelError) -> Act {
    Act { after: ms(after), then: Then::Fail(error) }
}

fn down() -> ModelError {
    ModelError::Failed { status: 500, code: None, retry_after: None }
}

#[tokio::test]
async fn five_failures_set_it_aside_without_another_call() {
    let upstream = Upstream::start(|_| Reply::error(500, "server_error", "")).await;
    let endpoint = at(&upstream, "", "");
    for _ in 0..5 {
        assert!(matches!(ask(&endpoint).await, Err(ModelError::Failed { status: 500, .. })));
    }
    assert_eq!(endpoint.breaker(), State::Open);
    let before = Instant::now();
    let Err(ModelError::Resting(Open { retry_after })) = ask(&endpoint).await else { panic!("not resting") };
    assert!(before.elapsed() < ms(50) && retry_after > ms(1_000), "{retry_after:?}");
    assert_eq!(upstream.seen().len(), 5);
    assert_eq!(outcomes(&endpoint), [0, 5, 0, 0, 1]);
}

#[tokio::test(start_paused = true)]
async fn one_probe_at_a_time_finds_out_whether_it_is_well_again() {
    let well = Arc::new(AtomicBool::new(false));
    let is_well = Arc::clone(&well);
    let fake = Fake::new(move |_| if is_well.load(Ordering::SeqCst) { say(100) } else { fail(100, down()) });
    let endpoint = around(fake.clone(), Shape::default());
    for _ in 0..5 {
        assert_eq!(ask(&endpoint).await.unwrap_err(), down());
    }
    tokio::time::advance(ms(59_000)).await;
    let resting = ask(&endpoint).await.unwrap_err();
    assert_eq!(resting, ModelError::Resting(Open { retry_after: ms(1_000) }));
    assert_eq!(resting.retry(), Retry::After(ms(1_000)));
    tokio::time::advance(ms(1_000)).await;
    assert_eq!(endpoint.breaker(), State::HalfOpen);

    let answers = join_all([(); 4].map(|()| ask(&endpoint))).await;
    assert_eq!(answers.iter().filter(|answer| matches!(answer, Err(ModelError::Resting(_)))).count(), 3);
    assert_eq!((fake.calls(), endpoint.breaker()), (6, State::Open), "the probe failed");

    tokio::time::advance(ms(60_000)).await;
    well.store(true, Ordering::SeqCst);
    let answers = join_all([(); 4].map(|()| ask(&endpoint))).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    assert_eq!((fake.calls(), endpoint.breaker()), (7, State::Closed));
    assert!(ask(&endpoint).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_cancelled_leaves_its_place_to_the_next() {
    let fake = Fake::new(|call| if call < 5 { fail(0, down()) } else { say(100) });
    let endpoint = around(fake.clone(), Shape::default());
    for _ in 0..5 {
        let _ = ask(&endpoint).await;
    }
    tokio::time::advance(ms(60_000)).await;
    let mut probe = Box::pin(ask(&endpoint));
    assert!((&mut probe).now_or_never().is_none());
    assert!(matches!(ask(&endpoint).await, Err(ModelError::Resting(_))));
    drop(probe);
    assert!(ask(&endpoint).await.is_ok());
    assert_eq!(outcomes(&endpoint), [1, 5, 0, 1, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_probe_may_take_longer_than_the_breaker_was_open() {
    let fake = Fake::new(|call| if call < 5 { fail(0, down()) } else { say(25_000) });
    let endpoint = around(fake.clone(), Shape { open: ms(1_000), ..Shape::default() });
    for _ in 0..5 {
        let _ = ask(&endpoint).await;
    }
    tokio::time::advance(ms(1_000)).await;
    let others = async {
        for _ in 0..20 {
            tokio::time::sleep(ms(1_000)).await;
            assert!(matches!(ask(&endpoint).await, Err(ModelError::Resting(_))), "nobody takes its place");
        }
    };
    let (probe, ()) = tokio::join!(ask(&endpoint), others);
    assert!(probe.is_ok());
    assert_eq!((fake.calls(), endpoint.breaker()), (6, State::Closed));
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_opens_is_a_probe_that_went_well() {
    let then = Then::Stream(vec![(ms(0), WORD), (ms(5_000), WORD)], Ends::Clean);
    let fake = Fake::new(move |call| match call {
        0..5 | 7.. => fail(0, down()),
        _ => Act { after: ms(0), then: then.clone() },
    });
    let endpoint = around(fake.clone(), Shape::default());
    for _ in 0..5 {
        let _ = ask(&endpoint).await;
    }
    tokio::time::advance(ms(60_000)).await;
    let mut probe = open(&endpoint, Opening::FirstToken).await.unwrap();
    assert_eq!(endpoint.breaker(), State::Closed, "however long it goes on");
    assert!(endpoint.reading(Moment::now().into_std()).share < 1.0, "and starts slowly");
    drop(open(&endpoint, Opening::FirstToken).await.unwrap());
    // It breaks off, which is one failure among others.
    let _ = drain(&mut probe).await;
    for _ in 0..3 {
        let _ = ask(&endpoint).await;
    }
    assert_eq!(endpoint.breaker(), State::Closed);
    let _ = ask(&endpoint).await;
    assert_eq!(endpoint.breaker(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn whoever_has_no_such_model_is_spared_and_not_set_aside() {
    for (status, spared) in [(404, true), (400, false), (413, false)] {
        let error = ModelError::Refused { status, code: None };
        let endpoint = around(Fake::new(move |_| fail(0, error.clone())), Shape::default());
        for _ in 0..9 {
            let _ = ask(&endpoint).await;
        }
        let reading = endpoint.reading(Moment::now().into_std());
        assert_eq!((endpoint.breaker(), reading.penalised), (State::Closed, spared), "{status}");
        assert_eq!(reading.load_s >= 5.0, spared, "{status}: {reading:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_speaks_against_an_endpoint() {
    let refused = ModelError::Refused { status: 400, code: None };
    let limited = ModelError::RateLimited { retry_after: None };
    let harmful = [
        down(),
        ModelError::Unauthorised { status: 401 },
        ModelError::Net(NetError::Closed),
        ModelError::Cut,
        ModelError::NotAReply { what: String::new() },
    ];
    for error in harmful {
        let shown = format!("{error}");
        let endpoint = around(Fake::new(move |_| fail(0, error.clone())), Shape::default());
        for _ in 0..5 {
            let _ = ask(&endpoint).await;
        }
        assert_eq!(endpoint.breaker(), State::Open, "{shown}");
    }
    // What is too long for us is too long for whoever asked for it alone.
    let (whole, event) = (ModelError::Net(NetError::TooLarge { most: 1 }), ModelError::EventTooLong { most: 1 });
    for harmless in [limited, refused.clone(), whole, event] {
        let endpoint = around(Fake::new(move |_| fail(0, harmless.clone())), Shape::default());
        for _ in 0..9 {
            let _ = ask(&endpoint).await;
        }
        assert_eq!(endpoint.breaker(), State::Closed);
    }
    // Failures in a row: a request that was refused shows that somebody is at home, a rate limit shows nothing.
    for (between, expect) in [(refused, State::Closed), (ModelError::RateLimited { retry_after: None }, State::Open)] {
        let act = move |call| fail(0, if call == 4 { between.clone() } else { down() });
        let endpoint = around(Fake::new(act), Shape::default());
        for _ in 0..6 {
            let _ = ask(&endpoint).await;
        }
        assert_eq!(endpoint.breaker(), expect);
    }
}

#[tokio::test(start_paused = true)]
async fn broken_streams_set_it_aside_too() {
    for events in [vec![(ms(1), ROLE), (ms(1), WORD)], vec![(ms(1), WORD), (ms(1), ERROR)]] {
        let then = Then::Stream(events, Ends::Clean);
        let endpoint = around(Fake::new(move |_| Act { after: ms(0), then: then.clone() }), Shape::default());
        for _ in 0..5 {
            let _ = drain(&mut open(&endpoint, Opening::FirstToken).await.unwrap()).await;
        }
        assert_eq!(endpoint.breaker(), State::Open);
    }
}

#[tokio::test]
async fn no_more_than_its_share_is_in_flight_at_once() {
    let upstream = Upstream::start(|_| Reply::chat("hi").after(ms(40))).await;
    let endpoint = at(&upstream, "in_flight_max = 3\nqueue_max = 100", "");
    let answers = join_all((0..12).map(|_| ask(&endpoint)));
    let watching = async {
        let mut most = 0;
        for _ in 0..60 {
            most = most.max(upstream.open_connections());
            tokio::time::sleep(ms(2)).await;
        }
        most
    };
    let (answers, most) = tokio::join!(answers, watching);
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(most, 3);
}

#[tokio::test(start_paused = true)]
async fn a_full_line_sheds_at_once_and_streams_keep_their_place() {
    let fake = Fake::new(|_| Act {
        after: ms(100),
        then: Then::Stream(vec![(ms(0), WORD), (ms(900), "[DONE]")], Ends::Clean),
    });
    let endpoint = around(fake.clone(), Shape { in_flight_max: 2, queue_max: 1, ..Shape::default() });
    let all = async || drain(&mut open(&endpoint, Opening::FirstToken).await.unwrap()).await;
    let shed = async {
        tokio::time::sleep(ms(500)).await;
        let before = Moment::now();
        let busy = open(&endpoint, Opening::FirstToken).await.map(|_| ()).unwrap_err();
        assert_eq!(busy, ModelError::Busy(Shed::QueueFull { queue_max: 1 }));
        assert_eq!(before.elapsed(), Duration::ZERO);
    };
    let before = Moment::now();
    tokio::join!(all(), all(), all(), shed);
    assert_eq!(before.elapsed(), ms(2_000), "the third waits for a place");
    assert_eq!(fake.most.load(Ordering::SeqCst), 2);
    assert_eq!(outcomes(&endpoint), [3, 0, 0, 0, 1]);
}

#[tokio::test]
async fn two_models_of_one_provider_share_its_line() {
    let upstream = Upstream::start(|_| Reply::chat("hi").after(ms(60))).await;
    let url = upstream.url();
    let registry = registry(&format!(
        "[[provider]]\nname = 'p'\nbase_url = '{url}'\nmodels = ['a', 'b']\nin_flight_max = 1\nqueue_max = 0"
    ));
    let [a, b] = ["p/a", "p/b"].map(|name| registry.find(name).unwrap());
    let (first, second) = tokio::join!(ask(&a), ask(&b));
    assert!(first.is_ok());
    assert_eq!(second.unwrap_err(), ModelError::Busy(Shed::QueueFull { queue_max: 0 }));
    assert!(ask(&b).await.is_ok());
}

#[tokio::test]
async fn breakers_are_each_models_own() {
    let upstream = Upstream::start(|seen| match seen.json()["model"].as_str() {
        Some("a") => Reply::error(500, "x", ""),
        _ => Reply::chat("hi"),
    })
    .await;
    let url = upstream.url();
    let text = format!("[[provider]]\nname = 'p'\nbase_url = '{url}'\nmodels = ['a', 'b']\nbreaker_failures = 2");
    let registry = registry(&text);
    let [a, b] = ["a", "b"].map(|name| registry.find(name).unwrap());
    for _ in 0..2 {
        assert!(ask(&a).await.is_err());
    }
    assert!(matches!(ask(&a).await, Err(ModelError::Resting(_))));
    assert!(ask(&b).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn time_runs_out_to_the_millisecond() {
    let hang = |_| Act { after: ms(0), then: Then::Hang };
    let quiet = |_| Act { after: ms(0), then: Then::Stream(vec![(ms(10), ROLE)], Ends::Never) };
    for endpoint in [around(Fake::new(hang), Shape::default()), around(Fake::new(quiet), Shape::default())] {
        let before = Moment::now();
        let error = endpoint.ask(&streamed(), one("r"), &free(), ms(750), Opening::FirstToken).await.err().unwrap();
        assert_eq!((error, before.elapsed()), (ModelError::TimedOut { within: ms(750) }, ms(750)));
        assert_eq!(outcomes(&endpoint), [0, 0, 1, 0, 0]);
        for within in [ms(10), ms(5_000), LONG - ms(1)] {
            for _ in 0..9 {
                let _ = endpoint.ask(&plain(), one("r"), &free(), within, Opening::FirstToken).await;
            }
            assert_eq!(endpoint.breaker(), State::Closed, "a caller in a hurry harms nobody: {within:?}");
            assert!(!endpoint.reading(Moment::now().into_std()).penalised, "{within:?}");
        }
        for _ in 0..5 {
            let _ = endpoint.ask(&plain(), one("r"), &free(), LONG, Opening::FirstToken).await;
        }
        assert_eq!(endpoint.breaker(), State::Open);
    }
}

#[tokio::test(start_paused = true)]
async fn time_lost_in_our_own_line_does_not_speak_against_the_upstream() {
    let fake = Fake::new(|_| Act { after: ms(0), then: Then::Hang });
    let endpoint = around(fake.clone(), Shape { in_flight_max: 1, failures: 1, ..Shape::default() });
    let question = plain();
    let tab = free();
    let ask = |within| endpoint.ask(&question, one("r"), &tab, ms(within), Opening::FirstEvent);
    let leaves = tokio::time::timeout(ms(20_000), ask(60_000));
    let waits = async {
        tokio::time::sleep(ms(1)).await;
        ask(36_000).await.map(|_| ()).unwrap_err()
    };
    let (left, late) = tokio::join!(leaves, waits);
    assert!(left.is_err());
    assert_eq!(late, ModelError::TimedOut { within: ms(36_000) });
    assert_eq!((fake.calls(), endpoint.breaker()), (2, State::Closed));
    assert_eq!(outcomes(&endpoint), [0, 0, 1, 1, 0]);
    assert!(ask(30_000).await.is_err());
    assert_eq!(endpoint.breaker(), State::Open, "time that was the upstream's does");
}

#[tokio::test]
async fn time_runs_out_at_a_real_socket_and_closes_it() {
    let upstream = Upstream::start(|_| Reply::hang()).await;
    let endpoint = at(&upstream, "", "");
    let before = Instant::now();
    let error = endpoint.ask(&plain(), one("r"), &free(), ms(150), Opening::FirstEvent).await.err().unwrap();
    assert_eq!(error, ModelError::TimedOut { within: ms(150) });
    assert!((ms(150)..ms(300)).contains(&before.elapsed()), "{:?}", before.elapsed());
    upstream.wait_cancelled(1, ms(100)).await;
}

/// Neither a place nor the breaker nor the level keeps a trace of what went before.
async fn is_free(endpoint: &Arc<Endpoint>) {
    assert_eq!(endpoint.breaker(), State::Closed);
    let answer = endpoint.ask(&plain(), one("r"), &free(), ms(300), Opening::FirstEvent).await;
    assert!(answer.is_ok(), "{:?}", answer.err());
}

#[tokio::test]
async fn dropping_the_question_cancels_it_upstream() {
    let upstream = Upstream::start(in_turn(vec![Reply::hang(), Reply::chat("hi")])).await;
    let endpoint = at(&upstream, "in_flight_max = 1\nbreaker_failures = 1", "");
    let asking = tokio::spawn({
        let endpoint = Arc::clone(&endpoint);
        async move { ask(&endpoint).await }
    });
    upstream.wait_seen(1, ms(1_000)).await;
    asking.abort();
    upstream.wait_cancelled(1, ms(100)).await;
    assert_eq!(outcomes(&endpoint), [0, 0, 0, 1, 0]);
    is_free(&endpoint).await;
}

#[tokio::test]
async fn dropping_a_stream_half_read_cancels_it_upstream() {
    let stream = Reply::stream(&[ROLE, WORD, WORD]).pause(ms(20)).stall();
    for opening in [Opening::FirstEvent, Opening::FirstToken] {
        let upstream = Upstream::start(in_turn(vec![stream.clone(), Reply::chat("hi")])).await;
        let endpoint = at(&upstream, "in_flight_max = 1\nbreaker_failures = 1", "");
        let mut half = open(&endpoint, opening).await.unwrap();
        assert!(half.next().await.unwrap().is_ok());
        drop(half);
        upstream.wait_cancelled(1, ms(100)).await;
        assert_eq!(outcomes(&endpoint), [0, 0, 0, 1, 0]);
        is_free(&endpoint).await;
    }
}

#[tokio::test]
async fn dropping_the_question_while_a_stream_opens_cancels_it_upstream() {
    let upstream = Upstream::start(in_turn(vec![Reply::stream(&[ROLE]).stall(), Reply::chat("hi")])).await;
    let endpoint = at(&upstream, "in_flight_max = 1\nbreaker_failures = 1", "");
    let late = tokio::time::timeout(ms(100), open(&endpoint, Opening::FirstToken)).await;
    assert!(late.is_err());
    upstream.wait_cancelled(1, ms(100)).await;
    assert_eq!(outcomes(&endpoint), [0, 0, 0, 1, 0]);
    is_free(&endpoint).await;
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_wait_in_line_never_reaches_the_upstream() {
    let fake = Fake::new(|_| say(100));
    let endpoint = around(fake.clone(), Shape { in_flight_max: 1, ..Shape::default() });
    let mut first = Box::pin(ask(&endpoint));
    let mut second = Box::pin(ask(&endpoint));
    assert!((&mut first).now_or_never().is_none() && (&mut second).now_or_never().is_none());
    drop(second);
    assert!(first.await.is_ok());
    assert_eq!(fake.calls(), 1);
    assert!(endpoint.ask(&plain(), one("r"), &free(), LONG, Opening::FirstEvent).await.is_ok());
}
