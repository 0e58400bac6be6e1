//! Streams that open, break, fall silent and end, at real sockets and on a paused clock.

use crate::fixture::{
    Act, ERROR, Ends, Fake, LONG, ROLE, STOP, Shape, Then, WORD, around, ask, at, drain, free, ms, one, open, outcomes,
    streamed,
};
use crate::{Answer, Cost, Endpoint, ModelError, Opening};
use futures_util::{FutureExt, StreamExt};
use net::NetError;
use std::sync::Arc;
use std::time::{Duration, Instant};
use testkit::{Purse, Reply, Upstream};
use tokio::time::Instant as Moment;

const BOTH: [Opening; 2] = [Opening::FirstEvent, Opening::FirstToken];

fn event(data: &str) -> String {
    format!("data: {data}\n\n")
}

/// An endpoint whose every stream is this one.
fn fake(events: &[(u64, &'static str)], ends: Ends) -> Arc<Endpoint> {
    let events: Vec<_> = events.iter().map(|(wait, event)| (ms(*wait), *event)).collect();
    let then = Then::Stream(events, ends);
    around(Fake::new(move |_| Act { after: Duration::ZERO, then: then.clone() }), Shape::default())
}

/// What a stream says and how it ends, or why it did not open.
async fn told(endpoint: &Arc<Endpoint>, opening: Opening) -> Result<(String, Option<ModelError>), ModelError> {
    let mut stream = open(endpoint, opening).await?;
    Ok(drain(&mut stream).await)
}

#[tokio::test]
async fn the_first_event_opens_without_waiting_for_the_second() {
    let upstream = Upstream::start(|_| Reply::chat_stream(&["a", "b"]).pause(ms(500))).await;
    let endpoint = at(&upstream, "", "");
    let before = Instant::now();
    let mut stream = open(&endpoint, Opening::FirstEvent).await.unwrap();
    let first = stream.next().await.unwrap().unwrap();
    assert!(before.elapsed() < ms(200), "{:?}", before.elapsed());
    assert!(String::from_utf8_lossy(&first).contains("\"role\""));
    assert!(stream.next().now_or_never().is_none(), "the second is not there yet");
}

#[tokio::test]
async fn events_that_came_together_go_on_as_one_block() {
    let long = format!(r#"{{"choices":[{{"delta":{{"content":"{}"}}}}]}}"#, "x".repeat(3_000));
    let parts = [vec![ROLE], vec![WORD; 3], vec![&long], vec![WORD; 2], vec![STOP, "[DONE]"]];
    let mut sent: Vec<String> = Vec::new();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    let mut reply = Reply::bare().raw(head);
    for part in parts {
        let events: Vec<String> = part.into_iter().map(event).collect();
        let chunks: String = events.iter().map(|event| format!("{:x}\r\n{event}\r\n", event.len())).collect();
        reply = reply.raw(chunks).wait(ms(40));
        sent.push(events.concat());
    }
    let reply = reply.raw("0\r\n\r\n");
    let upstream = Upstream::start(move |_| reply.clone()).await;
    let stream = open(&at(&upstream, "", ""), Opening::FirstEvent).await.unwrap();
    // All of them are kept, as by whoever caches them: what comes later is put where none of them lies.
    let came: Vec<_> = stream.map(Result::unwrap).collect().await;
    assert_eq!(came, sent);
}

#[tokio::test]
async fn the_first_token_opens_with_the_preamble_and_nothing_more_held() {
    let upstream = Upstream::start(|_| Reply::chat_stream(&["a", "b"]).pause(ms(150))).await;
    let endpoint = at(&upstream, "", "");
    let before = Instant::now();
    let mut stream = open(&endpoint, Opening::FirstToken).await.unwrap();
    assert!((ms(140)..ms(290)).contains(&before.elapsed()), "{:?}", before.elapsed());
    let mut ready = Vec::new();
    while let Some(Some(block)) = stream.next().now_or_never() {
        ready.push(String::from_utf8(block.unwrap().to_vec()).unwrap());
    }
    assert_eq!(ready.len(), 2, "{ready:?}");
    assert!(ready[0].contains("\"role\"") && ready[1].contains("\"a\""));
}

/// Chunks of a body that carry these events, as they stand on the wire.
fn chunks(events: &[&str]) -> String {
    let framed = events.iter().map(|data| event(data)).map(|event| format!("{:x}\r\n{event}\r\n", event.len()));
    framed.collect()
}

#[tokio::test]
async fn what_came_together_goes_on_as_one_block_that_keeps_nothing_else() {
    let reply = Reply::stream(&[ROLE]).wait(ms(50)).raw(chunks(&[WORD, WORD, STOP])).wait(ms(50)).event("[DONE]");
    let upstream = Upstream::start(move |_| reply.clone()).await;
    let endpoint = at(&upstream, "", "");
    let mut stream = open(&endpoint, Opening::FirstEvent).await.unwrap();
    let together = [WORD, WORD, STOP].map(event).concat();
    for expect in [event(ROLE), together, event("[DONE]")] {
        let block = stream.next().await.unwrap().unwrap();
        assert_eq!(block, expect);
        // Alone in memory: nothing of what was read around it is held on to.
        let memory = block.try_into_mut().expect("nobody else holds it").capacity();
        assert!(memory <= 2 * expect.len(), "{memory} bytes for {}", expect.len());
    }
    assert!(stream.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_preamble_without_end_is_not_held_for_ever() {
    let endpoint = fake(&[(10, ROLE); 100], Ends::Never);
    let before = Moment::now();
    open(&endpoint, Opening::FirstToken).await.unwrap();
    assert_eq!(before.elapsed(), ms(640));
}

#[tokio::test]
async fn a_break_before_the_first_token_is_an_error_of_the_call() {
    for (reply, expect) in [
        (Reply::stream(&[]), ModelError::Cut),
        (Reply::stream(&[ROLE]), ModelError::Cut),
        (Reply::stream(&[ROLE]).cut(), ModelError::Net(NetError::Closed)),
        (Reply::stream(&[ROLE]).wait(ms(30)).reset(), ModelError::Net(NetError::Closed)),
        (Reply::stream(&[ROLE, WORD]).cut_after(1, 20), ModelError::Net(NetError::Closed)),
        (Reply::stream(&[ROLE]).raw("zz\r\n"), ModelError::Net(NetError::Closed)),
        (Reply::stream(&[ROLE, ERROR]), ModelError::ErrorEvent { code: Some("overloaded".to_owned()) }),
    ] {
        let upstream = Upstream::start(move |_| reply.clone()).await;
        let endpoint = at(&upstream, "", "");
        let error = told(&endpoint, Opening::FirstToken).await.unwrap_err();
        assert_eq!(error, expect);
        assert!(!format!("{error} {error:?}").contains("SECRET"));
        assert_eq!(outcomes(&endpoint), [0, 1, 0, 0, 0]);
    }
}

#[tokio::test]
async fn a_break_behind_the_first_token_is_the_last_item_and_nothing_torn_is_passed_on() {
    let whole = event(ROLE) + &event(WORD);
    for (reply, expect) in [
        (Reply::stream(&[ROLE, WORD]), ModelError::Cut),
        (Reply::stream(&[ROLE, WORD, WORD]).cut_after(2, 30), ModelError::Net(NetError::Closed)),
        (Reply::stream(&[ROLE, WORD]).chunk("data: {\"cho").wait(ms(30)).reset(), ModelError::Net(NetError::Closed)),
        (Reply::stream(&[ROLE, WORD]).chunk("data: {\"cho"), ModelError::Cut),
        (Reply::stream(&[ROLE, WORD]).raw("zz\r\n"), ModelError::Net(NetError::Closed)),
    ] {
        for opening in BOTH {
            let reply = reply.clone().pause(ms(5));
            let upstream = Upstream::start(move |_| reply.clone()).await;
            let endpoint = at(&upstream, "", "");
            assert_eq!(told(&endpoint, opening).await.unwrap(), (whole.clone(), Some(expect.clone())));
            assert_eq!(outcomes(&endpoint), [0, 1, 0, 0, 0]);
        }
    }
}

#[tokio::test]
async fn a_body_that_only_ends_by_closing_is_judged_by_its_events() {
    let body = |events: &[&str]| {
        let events: String = events.iter().map(|data| event(data)).collect();
        Reply::bare().raw(format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n{events}"))
    };
    for (events, expect) in
        [(&[ROLE, WORD, STOP, "[DONE]"][..], None), (&[ROLE, WORD, STOP], None), (&[ROLE, WORD], Some(ModelError::Cut))]
    {
        let reply = body(events);
        let upstream = Upstream::start(move |_| reply.clone()).await;
        assert_eq!(told(&at(&upstream, "", ""), Opening::FirstToken).await.unwrap().1, expect, "{events:?}");
    }
}

const USAGE: &str = r#"{"choices":[],"usage":{"prompt_tokens":1000,"completion_tokens":500,"total_tokens":1500}}"#;
const WORD_WITH_USAGE: &str =
    r#"{"choices":[{"delta":{"content":"x"}}],"usage":{"prompt_tokens":1000,"completion_tokens":1}}"#;

#[tokio::test(start_paused = true)]
async fn a_clean_end_is_complete_where_the_choice_has_ended() {
    for (events, complete) in [
        (&[ROLE, WORD, STOP][..], true),
        (&[ROLE, WORD, STOP, USAGE], true),
        (&[ROLE, STOP], true),
        (&["[DONE]"], true),
        (&[ROLE, WORD], false),
        // The usage with every chunk says nothing about the end.
        (&[ROLE, WORD, WORD_WITH_USAGE], false),
    ] {
        let timed: Vec<_> = events.iter().map(|event| (1, *event)).collect();
        for opening in BOTH {
            let (text, error) = told(&fake(&timed, Ends::Clean), opening).await.unwrap();
            assert_eq!(text, events.iter().map(|data| event(data)).collect::<String>());
            assert_eq!(error, (!complete).then_some(ModelError::Cut), "{events:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_event_behind_the_first_token_ends_the_stream_in_an_error_without_its_text() {
    for last in [&[ERROR][..], &[ERROR, "[DONE]"]] {
        let timed: Vec<_> = [ROLE, WORD].iter().chain(last).map(|event| (1, *event)).collect();
        let endpoint = fake(&timed, Ends::Clean);
        let (text, error) = told(&endpoint, Opening::FirstToken).await.unwrap();
        assert_eq!(text, event(ROLE) + &event(WORD));
        assert_eq!(error, Some(ModelError::ErrorEvent { code: Some("overloaded".to_owned()) }));
        assert_eq!(outcomes(&endpoint), [0, 1, 0, 0, 0]);
    }
    let endpoint = fake(&[(1, ERROR)], Ends::Never);
    for opening in BOTH {
        let error = told(&endpoint, opening).await.unwrap_err();
        assert_eq!(error, ModelError::ErrorEvent { code: Some("overloaded".to_owned()) });
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_stream_is_given_up() {
    let endpoint = fake(&[(1, ROLE), (9_000, WORD), (9_000, WORD), (10_001, WORD)], Ends::Never);
    let before = Moment::now();
    let (text, error) = told(&endpoint, Opening::FirstEvent).await.unwrap();
    assert_eq!(text, event(ROLE) + &event(WORD) + &event(WORD));
    assert_eq!(error, Some(ModelError::Silent { idle: ms(10_000) }));
    assert_eq!(before.elapsed(), ms(28_001));
    assert_eq!(outcomes(&endpoint), [0, 0, 1, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_never_ends_is_ended() {
    let dripping: Vec<_> = std::iter::once((1, ROLE)).chain(std::iter::repeat_n((9_000, WORD), 1_000)).collect();
    let endpoint = fake(&dripping, Ends::Never);
    let before = Moment::now();
    let (_, error) = told(&endpoint, Opening::FirstEvent).await.unwrap();
    let most = endpoint.stream_max;
    assert_eq!(error, Some(ModelError::Endless { most }));
    assert!((most..most + ms(9_010)).contains(&before.elapsed()), "{:?}", before.elapsed());
    assert_eq!(endpoint.breaker(), guard::State::Closed, "it is slow, not sick");
}

#[tokio::test]
async fn silence_closes_the_connection_at_once() {
    let upstream = Upstream::start(|_| Reply::stream(&[ROLE, WORD]).stall()).await;
    let endpoint = at(&upstream, "in_flight_max = 1", "[server]\nstream_idle_ms = 60");
    let mut stream = open(&endpoint, Opening::FirstToken).await.unwrap();
    let (_, error) = drain(&mut stream).await;
    assert_eq!(error, Some(ModelError::Silent { idle: ms(60) }));
    // The stream itself is still there: what it took up is not.
    upstream.wait_cancelled(1, ms(100)).await;
    let again = endpoint.ask(&streamed(), one("r"), &free(), ms(500), Opening::FirstToken).await;
    assert!(again.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_is_no_silent_upstream() {
    let endpoint = fake(&[(1, ROLE), (1, WORD), (1, STOP), (1, "[DONE]")], Ends::Clean);
    let mut stream = open(&endpoint, Opening::FirstToken).await.unwrap();
    for _ in 0..4 {
        assert!(stream.next().await.unwrap().is_ok());
        tokio::time::sleep(ms(5_000)).await;
    }
    assert!(stream.next().await.is_none());
    assert_eq!(outcomes(&endpoint), [1, 0, 0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn behind_done_nobody_waits_long() {
    let endpoint = fake(&[(1, WORD), (1, "[DONE]")], Ends::Never);
    let before = Moment::now();
    let (_, error) = told(&endpoint, Opening::FirstToken).await.unwrap();
    assert_eq!((error, outcomes(&endpoint)), (None, [1, 0, 0, 0, 0]));
    assert!(before.elapsed() <= ms(110), "{:?}", before.elapsed());
}

#[tokio::test(start_paused = true)]
async fn what_is_said_behind_done_is_for_nobody_and_keeps_nothing_open() {
    let chatter = std::iter::repeat_n((50, WORD), 1_000);
    let events: Vec<_> = [(1, WORD), (1, "[DONE]")].into_iter().chain(chatter).collect();
    let endpoint = fake(&events, Ends::Never);
    let before = Moment::now();
    let (text, error) = told(&endpoint, Opening::FirstToken).await.unwrap();
    assert_eq!((text, error), (event(WORD) + &event("[DONE]"), None));
    assert!(before.elapsed() <= ms(110), "{:?}", before.elapsed());
    assert_eq!(outcomes(&endpoint), [1, 0, 0, 0, 0]);
}

/// The words of a stream whose usage is not for the client, from events that come as one block behind the first.
async fn without_usage(events: &[&str]) -> String {
    let reply = Reply::stream(&[ROLE]).wait(ms(50)).raw(chunks(events));
    let upstream = Upstream::start(move |_| reply.clone()).await;
    drain(&mut open(&at(&upstream, "", ""), Opening::FirstEvent).await.unwrap()).await.0
}

#[tokio::test]
async fn no_usage_that_was_not_asked_for_is_passed_on() {
    let whole = event(ROLE) + &event(WORD) + &event(STOP);
    for events in [
        &[USAGE, WORD, STOP, USAGE][..],
        &[USAGE, WORD, USAGE, STOP],
        &[WORD, USAGE, USAGE, STOP],
        &[WORD, USAGE, STOP, USAGE, ERROR],
        &[USAGE, WORD, STOP, USAGE, ERROR, WORD],
    ] {
        assert_eq!(without_usage(events).await, whole, "{events:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_leaves_behind_done_has_an_answer() {
    let endpoint = fake(&[(1, WORD), (1, STOP), (1, "[DONE]")], Ends::Never);
    let mut stream = open(&endpoint, Opening::FirstToken).await.unwrap();
    for _ in 0..3 {
        assert!(stream.next().await.unwrap().is_ok());
    }
    drop(stream);
    assert_eq!(outcomes(&endpoint), [1, 0, 0, 0, 0]);
    let mut stream = open(&endpoint, Opening::FirstToken).await.unwrap();
    assert!(stream.next().await.unwrap().is_ok());
    drop(stream);
    assert_eq!(outcomes(&endpoint), [1, 0, 0, 1, 0], "leaving earlier is leaving");
}

#[tokio::test]
async fn usage_and_cost_come_from_the_last_chunk() {
    let stream = Reply::stream(&[ROLE, WORD, STOP, USAGE, "[DONE]"]);
    let upstream = Upstream::start(move |seen| {
        let streamed = seen.json()["stream"] == true;
        if streamed { stream.clone() } else { Reply::chat("one two") }
    })
    .await;
    let priced = |price: &str| format!("models = [{{ name = 'm', price = {{ {price} }} }}]");
    let endpoint = at(&upstream, &priced("input = '0.15', output = '0.60'"), "");
    let purse = Purse::new();
    let opened = endpoint.ask(&streamed(), crate::fixture::one("r"), &purse.tab(), LONG, Opening::FirstToken).await;
    let Ok(Answer::Stream(mut stream)) = opened else { panic!("no stream") };
    assert_eq!(purse.notes(), []);
    assert_eq!(drain(&mut stream).await.1, None);
    let note = &purse.notes()[0];
    assert_eq!((note.cost, note.exact, note.tokens.input, note.tokens.output), (450_000, true, 1_000, 500));
    let cost = async |endpoint: &Arc<Endpoint>| -> Cost {
        let request = crate::fixture::plain();
        match endpoint.ask(&request, one("r"), &free(), LONG, Opening::FirstEvent).await.unwrap() {
            Answer::Whole { cost, .. } => cost,
            Answer::Stream(_) => None,
        }
    };
    assert_eq!(cost(&endpoint).await.unwrap().to_string(), "0.00000255");
    assert_eq!(cost(&at(&upstream, "", "")).await, None, "unknown is not free");
    assert_eq!(ask(&endpoint).await.unwrap().usage().unwrap().completion_tokens, 2);
    assert!(endpoint.usual_latency_ms().unwrap() > 0.0);
}
