//! What is refused before anybody is asked, and what passes.

use super::{Limits, Pace};
use crate::fixture::{Act, Fake, LONG, Shape, Then, around, ask, at, free, ms, one, outcomes, request};
use crate::{Endpoint, ModelError, Opening};
use fault::{Explain, Kind, Origin, Retry};
use settings::ModelEntry;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use testkit::{Reply, Upstream};
use tokio::time::advance;
use wire::openai::Estimate;

const WORDS: &str = "one small step for a tokenizer, and another. ";

fn saying(text: &str) -> wire::openai::ChatRequest {
    let text = serde_json::Value::from(text);
    request(&format!(r#"{{"model":"p/m","messages":[{{"role":"user","content":{text}}}]}}"#))
}

async fn send(endpoint: &Arc<Endpoint>, text: &str) -> Result<(), ModelError> {
    endpoint.ask(&saying(text), one("r"), &free(), LONG, Opening::FirstEvent).await.map(drop)
}

/// An endpoint with these limits around a provider that answers at once.
fn limited(entry: &ModelEntry, act: impl Fn(usize) -> Act + Send + Sync + 'static) -> (Arc<Endpoint>, Arc<Fake>) {
    let fake = Fake::new(act);
    let made = around(fake.clone(), Shape { in_flight_max: 1, queue_max: 0, ..Shape::default() });
    let endpoint = Arc::into_inner(made).unwrap();
    let pace = Pace::new("p/m", entry.rpm, entry.tpm, None);
    (Arc::new(Endpoint { limits: Limits::new(entry, entry.context_tokens, pace), ..endpoint }), fake)
}

fn hi(_: usize) -> Act {
    Act { after: Duration::ZERO, then: Then::Say("hi") }
}

#[tokio::test]
async fn what_is_too_long_is_not_sent() {
    let upstream = Upstream::start(|_| Reply::chat("hi")).await;
    let endpoint = at(&upstream, "models = [{ name = 'm', context_tokens = 1000 }]", "");
    let error = send(&endpoint, &WORDS.repeat(300)).await.unwrap_err();
    let ModelError::TooLong { tokens, most: 1_000 } = error else { panic!("{error}") };
    assert!((2_800..3_200).contains(&tokens), "{tokens}");
    assert_eq!((error.code(), error.kind()), ("context_length_exceeded", Kind::BadInput));
    assert_eq!((error.origin(), error.retry()), (Origin::Caller, Retry::Never));
    assert!(error.worth_asking_elsewhere() && error.is_free() && error.harms().is_none());
    assert_eq!((upstream.seen().len(), outcomes(&endpoint)), (0, [0, 0, 0, 0, 1]));
    // Longer than the limit by our reckoning, but not for certain: the upstream decides.
    send(&endpoint, &WORDS.repeat(150)).await.unwrap();
    send(&endpoint, &"x".repeat(900)).await.unwrap();
    assert_eq!(upstream.seen().len(), 2);
}

#[tokio::test]
async fn a_picture_is_not_as_long_as_its_bytes() {
    let upstream = Upstream::start(|_| Reply::chat("hi")).await;
    let endpoint = at(&upstream, "models = [{ name = 'm', context_tokens = 1000 }]", "");
    let url = format!("data:image/png;base64,{}", "iVBORw0KGgo".repeat(9_000));
    let body = serde_json::json!({ "model": "p/m", "messages": [{ "role": "user", "content": [
        { "type": "text", "text": "what is this?" }, { "type": "image_url", "image_url": { "url": url } }] }] });
    endpoint.ask(&request(&body.to_string()), one("r"), &free(), LONG, Opening::FirstEvent).await.map(drop).unwrap();
    assert_eq!(upstream.seen().len(), 1);
}

#[tokio::test]
async fn what_is_too_large_is_not_sent() {
    let upstream = Upstream::start(|_| Reply::chat("hi")).await;
    let endpoint = at(&upstream, "models = [{ name = 'm', prompt_bytes_max = 100 }]", "");
    let fits = saying(&"x".repeat(100 - saying("").len_bytes()));
    assert_eq!(fits.len_bytes(), 100);
    endpoint.ask(&fits, one("r"), &free(), LONG, Opening::FirstEvent).await.map(drop).unwrap();
    let error = send(&endpoint, &"x".repeat(101 - saying("").len_bytes())).await.unwrap_err();
    assert_eq!(error, ModelError::TooLarge { bytes: 101, most: 100 });
    assert_eq!((error.code(), error.kind()), ("request_too_large", Kind::TooLarge));
    assert_eq!(upstream.seen().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn more_requests_than_a_minute_has_are_told_when_to_come_back() {
    let (endpoint, fake) = limited(&ModelEntry { rpm: Some(6), ..ModelEntry::default() }, hi);
    for _ in 0..6 {
        ask(&endpoint).await.unwrap();
    }
    let error = ask(&endpoint).await.unwrap_err();
    assert_eq!(error, ModelError::Paced { retry_after: Duration::from_secs(10) });
    assert_eq!((error.code(), error.kind()), ("rate_limited_here", Kind::RateLimited));
    assert_eq!(error.retry(), Retry::After(Duration::from_secs(10)));
    assert!(error.worth_asking_elsewhere() && error.is_free() && error.harms().is_none());
    assert_eq!((fake.calls(), outcomes(&endpoint)), (6, [6, 0, 0, 0, 1]));
    advance(Duration::from_secs(10)).await;
    ask(&endpoint).await.unwrap();
    assert!(ask(&endpoint).await.is_err());
}

#[tokio::test]
async fn tokens_of_a_minute_are_corrected_by_what_was_used() {
    let upstream = Upstream::start(|_| {
        let usage = serde_json::json!({ "prompt_tokens": 40, "completion_tokens": 10, "total_tokens": 50 });
        let choices = serde_json::json!([{ "message": { "role": "assistant", "content": "hi" } }]);
        Reply::body(200, "application/json", serde_json::json!({ "choices": choices, "usage": usage }).to_string())
    })
    .await;
    let endpoint = at(&upstream, "models = [{ name = 'm', tpm = 200 }]", "");
    // Each is reckoned at about 110 before, and turns out to be 50.
    let text = WORDS.repeat(9);
    for _ in 0..2 {
        send(&endpoint, &text).await.unwrap();
    }
    let error = send(&endpoint, &text).await.unwrap_err();
    assert!(matches!(error, ModelError::Paced { .. }), "{error}");
    assert_eq!(upstream.seen().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn whoever_found_no_place_has_used_nothing_up() {
    let slow = |_: usize| Act { after: ms(1_000), then: Then::Say("hi") };
    let (endpoint, fake) = limited(&ModelEntry { rpm: Some(2), ..ModelEntry::default() }, slow);
    let busy = tokio::spawn({
        let endpoint = Arc::clone(&endpoint);
        async move { ask(&endpoint).await.map(drop) }
    });
    tokio::time::sleep(ms(1)).await;
    for _ in 0..5 {
        assert!(matches!(ask(&endpoint).await, Err(ModelError::Busy(_))));
    }
    busy.await.unwrap().unwrap();
    ask(&endpoint).await.unwrap();
    assert_eq!(fake.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn health_tells_limits_and_how_calls_went() {
    let down = ModelError::Failed { status: 500, code: None, retry_after: None };
    let act = move |call: usize| match call {
        0 => Act { after: ms(10), then: Then::Fail(down.clone()) },
        _ => Act { after: ms(200), then: Then::Say("hi") },
    };
    let entry = ModelEntry { rpm: Some(9), tpm: Some(99), context_tokens: Some(1_000), ..ModelEntry::default() };
    let (endpoint, _) = limited(&entry, act);
    assert!(ask(&endpoint).await.is_err());
    for _ in 0..2 {
        ask(&endpoint).await.unwrap();
    }
    let health = endpoint.health();
    assert_eq!((health.recent.calls, health.recent.failed), (3, 1));
    assert_eq!(health.recent.answer_ms.map(|times| (times.p50, times.p99)), Some((200.0, 200.0)));
    assert_eq!(health.recent.first_token_ms, None);
    assert_eq!((health.rpm, health.tpm, health.context_tokens), (Some(9), Some(99), Some(1_000)));
    assert_eq!((health.load.in_flight, health.load.in_flight_max, health.timeout_ms), (0, 1, 30_000));
    assert_eq!(health.breaker, guard::State::Closed);
}

#[tokio::test(start_paused = true)]
async fn streams_have_a_first_token_in_the_figures() {
    let events = vec![(ms(70), crate::fixture::WORD), (ms(30), crate::fixture::STOP)];
    let stream = move |_: usize| Act { after: ms(0), then: Then::Stream(events.clone(), crate::fixture::Ends::Clean) };
    let (endpoint, _) = limited(&ModelEntry::default(), stream);
    let mut opened = crate::fixture::open(&endpoint, Opening::FirstToken).await.unwrap();
    crate::fixture::drain(&mut opened).await;
    let recent = endpoint.health().recent;
    assert_eq!(recent.first_token_ms.map(|times| times.p50), Some(70.0));
    assert_eq!(recent.answer_ms.map(|times| times.p50), Some(100.0));
}

#[test]
fn the_estimate_is_made_only_where_it_matters() {
    let counted = Mutex::new(0);
    let estimate = || {
        *counted.lock().unwrap() += 1;
        Estimate { text: 10, together: 10, media: 0 }
    };
    let none = Limits::new(&ModelEntry::default(), None, None);
    assert_eq!(none.check(usize::MAX, estimate, 5, None), Ok(0));
    let requests = Pace::new("p", Some(1), None, None);
    assert_eq!(none.check(usize::MAX, estimate, 5, requests.as_deref()), Ok(0));
    let context = Limits::new(&ModelEntry::default(), Some(100), None);
    assert_eq!(context.check(100, estimate, 5, None), Ok(0));
    assert_eq!(*counted.lock().unwrap(), 0);
    assert_eq!(context.check(101, estimate, 5, None), Ok(0));
    assert_eq!(*counted.lock().unwrap(), 1);
    let tokens = Pace::new("p", None, Some(1), None);
    assert_eq!(none.check(1, estimate, 5, tokens.as_deref()), Ok(15));
}

#[tokio::test(start_paused = true)]
async fn a_batch_has_up_to_three_times_as_long() {
    let (endpoint, _) = limited(&ModelEntry::default(), hi);
    for (count, times) in [(0, 1.0), (1, 1.0), (5, 1.0), (10, 2.0), (15, 3.0), (16, 3.0), (usize::MAX, 3.0)] {
        assert_eq!(endpoint.batch_timeout(count), endpoint.timeout().mul_f64(times), "{count}");
    }
}
