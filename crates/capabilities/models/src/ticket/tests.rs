//! Every call that was sent is noted exactly once, however it ends, with what it cost or is reckoned to have cost.

use crate::fixture::{
    Act, ERROR, Ends, Fake, LONG, ROLE, STOP, Shape, Then, WORD, around, at, drain, ms, one, outcomes, plain, registry,
    request, streamed,
};
use crate::{Answer, AnswerStream, Endpoint, ModelError, Opening};
use caller::{Need, Tokens};
use futures_util::{FutureExt, StreamExt};
use std::sync::Arc;
use std::time::Duration;
use testkit::{Note, Purse, Reply, Upstream};
use wire::openai::ChatRequest;

/// One dollar per million tokens read, ten per million written, a tenth of one for cached ones.
const PRICED: &str = "models = [{ name = 'm', price = { input = 1, output = 10, cached = 0.1 } }]";
const USAGE: &str = concat!(
    r#"{"choices":[],"usage":{"prompt_tokens":100,"completion_tokens":5,"total_tokens":105,"#,
    r#""prompt_tokens_details":{"cached_tokens":90},"completion_tokens_details":{"reasoning_tokens":3}}}"#
);

async fn upstream(reply: Reply) -> (Upstream, Arc<Endpoint>) {
    let upstream = Upstream::start(move |_| reply.clone()).await;
    let endpoint = at(&upstream, PRICED, "");
    (upstream, endpoint)
}

async fn put(
    endpoint: &Arc<Endpoint>,
    purse: &Purse,
    request: &ChatRequest,
    within: Duration,
) -> Result<Answer, ModelError> {
    endpoint.ask(request, crate::fixture::one("r"), &purse.tab(), within, Opening::FirstToken).await
}

async fn opened(endpoint: &Arc<Endpoint>, purse: &Purse) -> Box<AnswerStream> {
    match put(endpoint, purse, &streamed(), LONG).await {
        Ok(Answer::Stream(stream)) => stream,
        Ok(Answer::Whole { .. }) => panic!("no stream"),
        Err(error) => panic!("{error}"),
    }
}

/// The one note there is; its tab is settled.
fn note(purse: &Purse) -> Note {
    let notes = purse.notes();
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert_eq!((purse.open_tabs(), purse.settled()), (0, vec![notes[0].cost]));
    notes[0].clone()
}

/// Outcome, tokens read and written, nano-dollars, exact.
type Told = (&'static str, u64, u64, i64, bool);

fn told(note: &Note) -> Told {
    (note.outcome, note.tokens.input, note.tokens.output, note.cost, note.exact)
}

/// What the request is reckoned to hold: a token for every four bytes.
fn read(request: &ChatRequest) -> u64 {
    (request.len_bytes() as u64).div_ceil(4)
}

fn reckoned(outcome: &'static str, request: &ChatRequest, output: u64) -> Told {
    let input = read(request);
    (outcome, input, output, (input * 1_000 + output * 10_000).cast_signed(), false)
}

#[tokio::test]
async fn a_whole_answer_costs_what_its_usage_says() {
    let body = r#"{"choices":[{"message":{"content":"hi"}}],"usage":{"prompt_tokens":100,"completion_tokens":5,
        "prompt_tokens_details":{"cached_tokens":90},"completion_tokens_details":{"reasoning_tokens":3}}}"#;
    let (_upstream, endpoint) = upstream(Reply::body(200, "application/json", body)).await;
    let purse = Purse::new();
    let Ok(Answer::Whole { cost, .. }) = put(&endpoint, &purse, &plain(), LONG).await else { panic!("no answer") };
    assert_eq!(cost.unwrap().to_string(), "0.000069");
    let note = note(&purse);
    assert_eq!(note.tokens, Tokens { input: 100, output: 5, cached: 90, reasoning: 3, ..Tokens::default() });
    assert_eq!(told(&note), ("answered", 100, 5, 69_000, true));
    assert_eq!((note.model.as_str(), note.simulated, note.words), ("p/m", false, None));
    assert!(note.latency > Duration::ZERO);
}

#[tokio::test]
async fn a_whole_answer_without_a_usage_is_reckoned() {
    let choice = r#"{"message":{"content":"twelve chars"}}"#;
    for (body, output) in [
        (format!(r#"{{"choices":[{choice}]}}"#), 3),
        (format!(r#"{{"choices":[{choice},{choice}],"usage":{{}}}}"#), 6),
        (format!(r#"{{"choices":[{choice}],"usage":{{"prompt_tokens":1,"completion_tokens":9000000000}}}}"#), 3),
    ] {
        let (_upstream, endpoint) = upstream(Reply::body(200, "application/json", body)).await;
        let purse = Purse::new();
        let Ok(Answer::Whole { cost, .. }) = put(&endpoint, &purse, &plain(), LONG).await else { panic!("no answer") };
        assert_eq!(cost, None, "what is reckoned is not known");
        assert_eq!(told(&note(&purse)), reckoned("answered", &plain(), output));
    }
}

#[tokio::test]
async fn a_stream_is_noted_when_it_ends() {
    for (events, expect) in [
        (&[ROLE, WORD, WORD, STOP, USAGE, "[DONE]"][..], ("answered", 100, 5, 69_000, true)),
        (&[ROLE, WORD, WORD, STOP, "[DONE]"], reckoned("answered", &streamed(), 2)),
        (&[ROLE, WORD, WORD], reckoned("failed", &streamed(), 2)),
        (&[ROLE, WORD, WORD, ERROR, "[DONE]"], reckoned("failed", &streamed(), 2)),
        // What was told before it broke off counts as far as it goes.
        (&[ROLE, WORD, USAGE, WORD], ("failed", 100, 5, 69_000, false)),
    ] {
        let (_upstream, endpoint) = upstream(Reply::stream(events).pause(ms(2))).await;
        let purse = Purse::new();
        let mut stream = opened(&endpoint, &purse).await;
        assert_eq!((purse.notes().len(), purse.open_tabs()), (0, 1));
        drain(&mut stream).await;
        // The stream is still there; its tab is settled all the same.
        assert_eq!(told(&note(&purse)), expect, "{events:?}");
        drop(stream);
        note(&purse);
    }
}

#[tokio::test]
async fn a_stream_that_is_dropped_costs_what_was_seen() {
    let (upstream, endpoint) = upstream(Reply::stream(&[ROLE, WORD, WORD]).pause(ms(10)).stall()).await;
    let purse = Purse::new();
    let mut stream = opened(&endpoint, &purse).await;
    for _ in 0..3 {
        assert!(stream.next().await.unwrap().is_ok());
    }
    drop(stream);
    assert_eq!(told(&note(&purse)), reckoned("cancelled", &streamed(), 2));
    upstream.wait_cancelled(1, ms(200)).await;

    let purse = Purse::new();
    drop(opened(&endpoint, &purse).await);
    assert_eq!(told(&note(&purse)), reckoned("cancelled", &streamed(), 1), "nobody has read a word of it");
}

#[tokio::test]
async fn whoever_leaves_before_the_first_byte_pays_for_the_question() {
    for (reply, request) in [(Reply::hang(), plain()), (Reply::stream(&[ROLE]).stall(), streamed())] {
        let (upstream, endpoint) = upstream(reply).await;
        let purse = Purse::new();
        let mut asking = Box::pin(put(&endpoint, &purse, &request, LONG));
        tokio::select! {
            _ = &mut asking => panic!("an answer"),
            () = async { upstream.wait_seen(1, LONG).await; } => {}
        }
        assert_eq!(purse.notes(), []);
        drop(asking);
        assert_eq!(told(&note(&purse)), reckoned("cancelled", &request, 0));
    }
}

#[tokio::test]
async fn what_a_status_refuses_or_nobody_heard_is_free() {
    for status in [400, 401, 402, 404, 429, 500, 503] {
        let (_upstream, endpoint) = upstream(Reply::error(status, "x", "SECRET")).await;
        let purse = Purse::keeping(1_000);
        assert!(put(&endpoint, &purse, &plain(), LONG).await.is_err());
        let note = note(&purse);
        assert_eq!(told(&note), ("failed", 0, 0, 0, false), "{status}");
        assert_eq!(note.words.unwrap().1, "", "an upstream's error is in no book");
    }
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let text = format!("[[provider]]\nname = 'p'\nbase_url = 'http://{closed}/v1'\n{PRICED}");
    let purse = Purse::new();
    assert!(put(&registry(&text).find("p/m").unwrap(), &purse, &plain(), LONG).await.is_err());
    assert_eq!(told(&note(&purse)), ("failed", 0, 0, 0, false));
}

#[tokio::test]
async fn a_connection_that_breaks_or_rubbish_may_have_cost_something() {
    for reply in [Reply::bare(), Reply::body(200, "application/json", "{"), Reply::stream(&[ROLE, ERROR])] {
        let (_upstream, endpoint) = upstream(reply).await;
        let purse = Purse::new();
        assert!(put(&endpoint, &purse, &streamed(), LONG).await.is_err());
        assert_eq!(told(&note(&purse)), reckoned("failed", &streamed(), 0));
    }
}

#[tokio::test]
async fn running_out_of_time_costs_the_question() {
    let (_upstream, endpoint) = upstream(Reply::hang()).await;
    let purse = Purse::new();
    assert!(put(&endpoint, &purse, &plain(), ms(60)).await.is_err());
    let note = note(&purse);
    assert_eq!(told(&note), reckoned("timed_out", &plain(), 0));
    assert!(note.latency >= ms(60), "{:?}", note.latency);

    let upstream = Upstream::start(|_| Reply::stream(&[ROLE, WORD, WORD]).stall()).await;
    let endpoint = at(&upstream, PRICED, "[server]\nstream_idle_ms = 60");
    let purse = Purse::new();
    drain(&mut *opened(&endpoint, &purse).await).await;
    assert_eq!(told(&self::note(&purse)), reckoned("timed_out", &streamed(), 2));
}

#[tokio::test(start_paused = true)]
async fn what_was_never_sent_is_not_noted() {
    let purse = Purse::new();
    let fake = Fake::new(|_| Act { after: ms(100), then: Then::Fail(ModelError::Cut) });
    let endpoint = around(fake.clone(), Shape { in_flight_max: 1, queue_max: 1, failures: 1, ..Shape::default() });
    let request = plain();
    let mut first = Box::pin(put(&endpoint, &purse, &request, LONG));
    let mut in_line = Box::pin(put(&endpoint, &purse, &request, LONG));
    assert!((&mut first).now_or_never().is_none() && (&mut in_line).now_or_never().is_none());
    assert!(matches!(put(&endpoint, &purse, &request, LONG).await, Err(ModelError::Busy(_))));
    drop(in_line);
    assert_eq!((purse.notes().len(), purse.settled()), (0, vec![0, 0]));
    assert!(first.await.is_err());
    assert!(matches!(put(&endpoint, &purse, &request, LONG).await, Err(ModelError::Resting(_))));
    assert_eq!((purse.notes().len(), purse.settled().len(), fake.calls()), (1, 4, 1));
}

#[tokio::test]
async fn words_are_kept_as_they_passed_and_no_longer_than_asked() {
    let body = r#"{"choices":[{"message":{"content":"hi"}}]}"#;
    let (_upstream, endpoint) = upstream(Reply::body(200, "application/json", body)).await;
    let prompt = String::from_utf8(plain().bytes().to_vec()).unwrap();
    for most in [1, 20, 10_000] {
        let purse = Purse::keeping(most);
        assert!(put(&endpoint, &purse, &plain(), LONG).await.is_ok());
        let cut = |text: &str| text[..text.len().min(most)].to_owned();
        assert_eq!(note(&purse).words, Some((cut(&prompt), cut(body))));
    }
    let (_upstream, endpoint) = self::upstream(Reply::stream(&[ROLE, WORD, ERROR]).pause(ms(2))).await;
    let purse = Purse::keeping(10_000);
    let (text, _) = drain(&mut *opened(&endpoint, &purse).await).await;
    assert_eq!(note(&purse).words.unwrap().1, text);
}

#[tokio::test(start_paused = true)]
async fn what_a_script_says_is_marked_and_free() {
    let registry = registry(
        "[[provider]]\nname = 's'\nkind = 'scripted'\nmodels = ['m', { name = 'dear', price = { input = 1, output = 1 } },
         { name = 'hang', script = { hang_rate = 1.0 }, price = { input = 1, output = 1 } }]",
    );
    for (name, free) in [("s/m", true), ("s/dear", false)] {
        let purse = Purse::new();
        assert!(put(&registry.find(name).unwrap(), &purse, &plain(), LONG).await.is_ok());
        let note = note(&purse);
        assert!(note.simulated && note.exact && note.tokens.output > 0);
        assert_eq!(note.cost == 0, free, "{name}");
    }
    let purse = Purse::new();
    assert!(put(&registry.find("s/hang").unwrap(), &purse, &plain(), ms(10)).await.is_err());
    assert!(note(&purse).simulated);
}

#[tokio::test]
async fn an_upstream_without_a_price_is_noted_at_none() {
    let upstream = Upstream::start(|_| Reply::chat("hi").header("x-althing-simulated", "true")).await;
    let purse = Purse::new();
    assert!(put(&at(&upstream, "", ""), &purse, &plain(), LONG).await.is_ok());
    let note = note(&purse);
    assert!(note.simulated && !note.exact && note.cost == 0 && note.tokens.input > 0, "{note:?}");
}

fn priced(model: &str) -> Arc<Endpoint> {
    let text = format!("[[provider]]\nname = 'p'\nkind = 'ollama'\nmodels = [{{ name = 'm', {model} }}]");
    registry(&text).find("p/m").unwrap()
}

fn with(more: &str) -> ChatRequest {
    request(&format!(r#"{{"model":"p/m","messages":[{{"role":"user","content":"hi"}}]{more}}}"#))
}

#[test]
fn the_need_is_bounded_by_whoever_limits_the_answer() {
    let price = "price = { input = 1, output = 10 }";
    let (open, limited) = (priced(price), priced(&format!("{price}, output_tokens_max = 100")));
    // Most: a token a byte. Likely: a quarter of that, and 16 tokens.
    let check = |endpoint: &Endpoint, request: &ChatRequest, output: i64, likely: i64, bounded: bool| {
        let bytes = i64::try_from(request.len_bytes()).unwrap();
        let (most, likely) = (bytes * 1_000 + output * 10_000, (bytes + 3) / 4 * 1_000 + likely * 10_000);
        assert_eq!(endpoint.need(request, 4_096), Need { most, likely, bounded });
    };
    check(&open, &plain(), 4_096, 16, false);
    check(&limited, &plain(), 100, 16, true);
    check(&open, &with(r#","max_tokens":50"#), 50, 16, true);
    check(&limited, &with(r#","max_tokens":5"#), 5, 5, true);
    check(&limited, &with(r#","max_tokens":5000"#), 5_000, 16, true);
    check(&open, &with(r#","max_completion_tokens":5,"n":3"#), 15, 15, true);
    check(&open, &with(r#","n":3"#), 3 * 4_096, 48, false);
    let picture = r#"{"model":"p/m","max_tokens":5,"messages":[{"role":"user","content":[{"type":"image_url"}]}]}"#;
    check(&limited, &request(picture), 5, 5, false);
}

#[test]
fn a_need_is_never_more_than_books_can_hold_and_nothing_where_nothing_is_charged() {
    let huge = priced("price = { input = '99999999999999999999', output = '99999999999999999999' }");
    let most = i64::MAX;
    assert_eq!(huge.need(&with(r#","n":16"#), u64::MAX), Need { most, likely: most, bounded: false });
    let absurd = with(&format!(r#","max_tokens":{}"#, u64::MAX));
    let need = priced("price = { input = 1, output = 10 }").need(&absurd, 1);
    assert!(need.most == i64::MAX && need.likely < 1_000_000 && need.bounded, "{need:?}");
    let nothing = Need { bounded: true, ..Need::default() };
    assert_eq!(priced("family = 'x'").need(&plain(), 4_096), nothing);
    let cached = priced("price = { input = 1, output = 0, cached = 2 }");
    assert_eq!(cached.need(&plain(), 0).most, i64::try_from(plain().len_bytes()).unwrap() * 2_000);
}

#[tokio::test]
async fn what_is_likely_follows_what_was_seen() {
    let (_upstream, endpoint) = upstream(Reply::chat_stream(&["word "; 300])).await;
    let likely = |endpoint: &Endpoint| {
        let need = endpoint.need(&streamed(), 100_000);
        assert!(need.likely <= need.most);
        need.likely
    };
    let before = likely(&endpoint);
    drain(&mut *opened(&endpoint, &Purse::new()).await).await;
    let after = likely(&endpoint);
    assert!(after - before >= 280 * 10_000, "{before} {after}");
    let small = request(r#"{"model":"p/m","messages":[{"role":"user","content":"hi"}],"stream":true,"max_tokens":20}"#);
    let need = endpoint.need(&small, 100_000);
    assert!(need.likely <= need.most && need.bounded);
}

/// What may happen to one call, drawn from a seed.
fn act(rng: &mut fastrand::Rng) -> Act {
    let wait = |rng: &mut fastrand::Rng| ms(rng.u64(0..40));
    let events = [ROLE, WORD, WORD, STOP, USAGE, ERROR, "[DONE]"];
    let then = match rng.u8(0..6) {
        0 => Then::Hang,
        1 => Then::Fail(ModelError::Failed { status: 500, code: None, retry_after: None }),
        2 => Then::Fail(ModelError::Cut),
        3 => Then::Say("hi"),
        _ => {
            let ends = if rng.bool() { Ends::Clean } else { Ends::Never };
            let length = rng.usize(0..9);
            Then::Stream((0..length).map(|_| (wait(rng), events[rng.usize(0..events.len())])).collect(), ends)
        }
    };
    Act { after: wait(rng), then }
}

/// Many calls at once, each given up at a moment of its own or not at all: as many notes as calls that were sent.
#[tokio::test(start_paused = true)]
async fn no_call_is_ever_noted_twice_or_forgotten() {
    for seed in 0..200 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let acts: Vec<Act> = (0..40).map(|_| act(&mut rng)).collect();
        let fake = Fake::new(move |call| acts[call].clone());
        let shape = Shape { in_flight_max: 3, queue_max: 4, failures: 4, open: ms(30), idle: ms(50) };
        let (endpoint, purse) = (around(fake.clone(), shape), Purse::keeping(64));
        let calls = (0..40).map(|_| {
            let (start, patience, within) = (ms(rng.u64(0..300)), ms(rng.u64(1..120)), ms(rng.u64(1..150)));
            let (endpoint, purse) = (Arc::clone(&endpoint), Arc::clone(&purse));
            let opening = if rng.bool() { Opening::FirstEvent } else { Opening::FirstToken };
            async move {
                tokio::time::sleep(start).await;
                let (tab, request) = (purse.tab(), streamed());
                let whole = async {
                    if let Ok(Answer::Stream(mut stream)) =
                        endpoint.ask(&request, one("r"), &tab, within, opening).await
                    {
                        while stream.next().await.is_some() {}
                        // An ended stream may be kept for a while.
                        tokio::time::sleep(ms(5)).await;
                    }
                };
                let _ = tokio::time::timeout(patience, whole).await;
            }
        });
        futures_util::future::join_all(calls.collect::<Vec<_>>()).await;
        let [answered, failed, timed_out, cancelled, shed] = outcomes(&endpoint);
        let notes = purse.notes();
        let count = |outcome| notes.iter().filter(|note| note.outcome == outcome).count() as u64;
        let noted = ["answered", "failed", "timed_out", "cancelled"].map(count);
        assert_eq!(noted, [answered, failed, timed_out, cancelled], "seed {seed}");
        assert_eq!(notes.len(), fake.calls(), "seed {seed}: {shed} were shed");
        assert_eq!((purse.open_tabs(), purse.settled().len()), (0, 40), "seed {seed}");
    }
}
