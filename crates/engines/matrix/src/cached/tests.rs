//! The engine with a cache: what is kept, shared and played back, and what is told of it, against real sockets.

use super::*;
use crate::fixtures::{PATIENCE, caller, panel_saying, provider, question_with, request, route, settings};
use crate::{Matrix, Outcome, Report};
use ::cache::Clock;
use caller::{Caller, Class, Identity, Kept, Role, Wishes};
use futures_util::StreamExt;
use futures_util::future::join_all;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use std::sync::atomic::Ordering;
use std::time::Duration;
use tempfile::TempDir;
use testkit::{Purse, Reply, Upstream};
use wire::openai::{ChatRequest, EmbeddingRequest};

mod similar;

/// An engine that keeps answers, its worker, a clock and a folder.
struct House {
    matrix: Arc<Matrix>,
    keeper: Keeper,
    now_ms: Arc<AtomicU64>,
    folder: TempDir,
    text: String,
}

impl House {
    fn new(text: &str) -> Self {
        Self::on(text, TempDir::new().unwrap())
    }

    fn on(text: &str, folder: TempDir) -> Self {
        let now_ms = Arc::new(AtomicU64::new(1_000_000));
        let time = Arc::clone(&now_ms);
        let clock: Clock = Arc::new(move || time.load(Ordering::Relaxed));
        let settings = settings(text);
        let setup = Setup {
            name: NAME,
            settings: settings.cache.clone(),
            folder: Some(folder.path().join("cache")),
            remote: None,
            metrics: Metrics::new("0"),
            clock,
            seed: 1,
        };
        let (answers, keeper) = KeptAnswers::set_up(setup).unwrap();
        let matrix = Matrix::new(&settings, crate::fixtures::KINDS.to_vec(), Metrics::new("0")).unwrap();
        Self { matrix: Arc::new(matrix.with_answers(answers)), keeper, now_ms, folder, text: text.to_owned() }
    }

    async fn restarted(mut self) -> Self {
        self.keeper.settle().await;
        Self::on(&self.text, self.folder)
    }

    async fn whole(&self, caller: &Caller, request: &ChatRequest) -> (String, Report) {
        match self.matrix.ask(caller, request).await.unwrap() {
            Outcome::Whole { reply, report, .. } => (String::from_utf8(reply.bytes().to_vec()).unwrap(), *report),
            Outcome::Stream { .. } => panic!("a stream that nobody asked for"),
        }
    }

    async fn streamed(&self, caller: &Caller, request: &ChatRequest) -> (String, Report) {
        match self.matrix.ask(caller, request).await.unwrap() {
            Outcome::Stream { stream, report, .. } => (read(*stream).await.unwrap(), *report),
            Outcome::Whole { .. } => panic!("a whole reply to a stream"),
        }
    }
}

async fn read(mut stream: Events) -> Result<String, models::ModelError> {
    let mut text = String::new();
    while let Some(block) = stream.next().await {
        text.push_str(std::str::from_utf8(&block?).unwrap());
    }
    Ok(text)
}

/// An upstream that numbers its answers.
async fn counting(wait: Duration) -> Upstream {
    let count = Arc::new(AtomicU64::new(0));
    Upstream::start(move |seen| {
        let at = count.fetch_add(1, Ordering::Relaxed);
        let number = format!("{at}");
        match seen.json()["stream"] == true {
            true => Reply::chat_stream(&["answer ", &number, " ", "end"]).pause(wait).after(wait),
            false => Reply::chat(&format!("answer {number}")).after(wait),
        }
    })
    .await
}

fn asked_for(kept: Kept) -> Caller {
    Caller { wishes: Wishes { kept, ..Wishes::default() }, ..caller(PATIENCE) }
}

fn of_tenant(tenant: &str) -> Caller {
    let mut caller = caller(PATIENCE);
    let identity = Identity { subject: "k".into(), tenant: tenant.into(), role: Role::User };
    caller.guest.identity = Arc::new(identity);
    caller
}

fn seeded(more: &Value) -> ChatRequest {
    let mut body = json!({ "seed": 1 });
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    question_with("a/m", &body)
}

const QUICKLY: Duration = Duration::ZERO;

#[tokio::test]
async fn a_kept_answer_is_the_same_and_costs_nothing() {
    let upstream = counting(QUICKLY).await;
    let house = House::new(&provider("a", &upstream.url()));
    let purse = Purse::new();
    let mut caller = caller(PATIENCE);
    caller.guest.spend = Arc::clone(&purse) as _;
    let (first, report) = house.whole(&caller, &seeded(&json!({}))).await;
    assert_eq!((report.cache, report.cost_usd > Some(Decimal::ZERO)), ("miss", true));
    caller.request_id = "req-2".into();
    let (again, report) = house.whole(&caller, &seeded(&json!({ "user": "somebody" }))).await;
    assert_eq!((first, "hit-memory", Some(Decimal::ZERO)), (again, report.cache, report.cost_usd));
    assert_eq!((&*report.request_id, report.served_by.as_str()), ("req-2", "a/m"));
    // Nothing was set aside for it.
    assert_eq!((purse.needs().len(), purse.open_tabs(), upstream.seen().len()), (1, 0, 1));
}

#[tokio::test]
async fn what_shapes_an_answer_keeps_answers_apart() {
    let upstream = counting(QUICKLY).await;
    let house = House::new(&provider("a", &upstream.url()));
    house.whole(&caller(PATIENCE), &seeded(&json!({}))).await;
    for more in [json!({ "seed": 2 }), json!({ "max_tokens": 7 }), json!({ "temperature": 0 })] {
        assert_eq!(house.whole(&caller(PATIENCE), &seeded(&more)).await.1.cache, "miss", "{more}");
    }
    assert_eq!(house.whole(&of_tenant("other"), &seeded(&json!({}))).await.1.cache, "miss");
    assert_eq!(house.whole(&of_tenant("other"), &seeded(&json!({}))).await.1.cache, "hit-memory");
    assert_eq!(upstream.seen().len(), 5);
}

#[tokio::test]
async fn only_requests_that_may_be_are_answered_with_what_is_kept() {
    let upstream = counting(QUICKLY).await;
    let house = House::new(&provider("a", &upstream.url()));
    let free = question_with("a/m", &json!({}));
    for (kept, request, caches) in [
        (Kept::Usual, &free, ["off", "off"]),
        (Kept::Refresh, &free, ["off", "off"]),
        (Kept::Welcome, &free, ["miss", "hit-memory"]),
        (Kept::Usual, &seeded(&json!({})), ["miss", "hit-memory"]),
        (Kept::Refresh, &seeded(&json!({})), ["miss", "miss"]),
        (Kept::Never, &seeded(&json!({})), ["off", "off"]),
        (Kept::Usual, &seeded(&json!({ "n": 2 })), ["off", "off"]),
    ] {
        for cache in caches {
            assert_eq!(house.whole(&asked_for(kept), request).await.1.cache, cache, "{kept:?}");
        }
    }
    // What was made anew is given from then on.
    let fresh = house.whole(&asked_for(Kept::Refresh), &seeded(&json!({}))).await.0;
    assert_eq!(house.whole(&caller(PATIENCE), &seeded(&json!({}))).await.0, fresh);
}

#[tokio::test]
async fn a_route_says_for_itself_what_is_kept_and_for_how_long() {
    let upstream = counting(QUICKLY).await;
    let route = route(&["a"]).replace("name = \"r\"", "name = \"r\"\ncache = \"all\"\ncache_ttl_s = 60");
    let house = House::new(&(provider("a", &upstream.url()) + &route + "[cache]\nrequests = \"off\"\n"));
    assert_eq!(house.whole(&caller(PATIENCE), &seeded(&json!({}))).await.1.cache, "off");
    let of_route = question_with("r", &json!({}));
    assert_eq!(house.whole(&caller(PATIENCE), &of_route).await.1.cache, "miss");
    assert_eq!(house.whole(&caller(PATIENCE), &of_route).await.1.cache, "hit-memory");
    house.now_ms.fetch_add(67_000, Ordering::Relaxed);
    assert_eq!(house.whole(&caller(PATIENCE), &of_route).await.1.cache, "miss");
}

#[tokio::test]
async fn identical_requests_in_flight_are_asked_once_whoever_leaves() {
    let upstream = counting(Duration::from_millis(80)).await;
    let house = House::new(&provider("a", &upstream.url()));
    let (caller, request) = (caller(PATIENCE), seeded(&json!({})));
    let leader = house.matrix.ask(&caller, &request);
    let left = tokio::time::timeout(Duration::from_millis(20), leader);
    let others = join_all((0..10).map(|_| house.whole(&caller, &request)));
    let (left, others) = tokio::join!(left, others);
    assert!(left.is_err());
    let shared = others.iter().filter(|(_, report)| report.reasons.iter().any(|reason| reason.contains("shared")));
    assert!(shared.clone().count() >= 9);
    assert!(shared.clone().all(|(_, report)| report.cost_usd == Some(Decimal::ZERO) && report.cache == "miss"));
    assert!(others.iter().all(|(text, _)| *text == others[0].0));
    assert_eq!(upstream.seen().len(), 1);
}

#[tokio::test]
async fn when_all_leave_the_call_is_cancelled() {
    let upstream = Upstream::start(|_| Reply::hang()).await;
    let house = House::new(&provider("a", &upstream.url()));
    let (caller, request) = (caller(PATIENCE), seeded(&json!({})));
    for request in [request, seeded(&json!({ "stream": true }))] {
        let before = upstream.cancelled().len();
        let both = join_all([house.matrix.ask(&caller, &request), house.matrix.ask(&caller, &request)]);
        assert!(tokio::time::timeout(Duration::from_millis(50), both).await.is_err());
        for _ in 0..100 {
            if upstream.cancelled().len() > before {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(upstream.cancelled().len(), before + 1);
    }
}

#[tokio::test]
async fn a_stream_is_played_back_byte_for_byte() {
    let upstream = counting(QUICKLY).await;
    let house = House::new(&(provider("a", &upstream.url()) + "[cache]\ndisk_mb = 4\n"));
    let (caller, request) = (caller(PATIENCE), seeded(&json!({ "stream": true })));
    let (first, report) = house.streamed(&caller, &request).await;
    assert_eq!((report.cache, first.ends_with("data: [DONE]\n\n")), ("miss", true));
    let (again, report) = house.streamed(&caller, &request).await;
    assert_eq!((&again, report.cache, report.cost_usd), (&first, "hit-memory", Some(Decimal::ZERO)));
    let house = house.restarted().await;
    let (again, report) = house.streamed(&caller, &request).await;
    assert_eq!((&again, report.cache), (&first, "hit-disk"));
    // The same without a stream is another answer.
    assert_eq!(house.whole(&caller, &seeded(&json!({}))).await.1.cache, "miss");
    assert_eq!(upstream.seen().len(), 2);
}

#[tokio::test]
async fn a_stream_in_flight_is_shared_from_its_beginning_whoever_leaves() {
    let upstream = counting(Duration::from_millis(40)).await;
    let house = House::new(&provider("a", &upstream.url()));
    let (caller, request) = (caller(PATIENCE), seeded(&json!({ "stream": true })));
    let Outcome::Stream { mut stream, .. } = house.matrix.ask(&caller, &request).await.unwrap() else { panic!() };
    stream.next().await.unwrap().unwrap();
    let Outcome::Stream { stream: late, report, .. } = house.matrix.ask(&caller, &request).await.unwrap() else {
        panic!()
    };
    assert!(report.reasons.iter().any(|reason| reason.contains("shared")), "{:?}", report.reasons);
    let leaves = async {
        let _ = stream.next().await;
        drop(stream);
    };
    let (text, ()) = tokio::join!(read(*late), leaves);
    let text = text.unwrap();
    assert!(text.contains("answer ") && text.ends_with("data: [DONE]\n\n"), "{text}");
    assert_eq!(house.streamed(&caller, &request).await.0, text);
    assert_eq!(upstream.seen().len(), 1);
}

/// A stream longer than what is kept of one: numbered words, one event each.
const LONG_WORDS: usize = 200;

async fn long() -> (Upstream, House, Caller, ChatRequest) {
    let words: Vec<String> = (0..LONG_WORDS).map(|at| format!("{at:0100} ")).collect();
    let words: Vec<&'static str> = words.into_iter().map(|word| &*word.leak()).collect();
    let upstream = Upstream::start(move |_| Reply::chat_stream(&words).pause(Duration::from_millis(2))).await;
    let house = House::new(&(provider("a", &upstream.url()) + "[cache]\nentry_bytes_max = 4096\n"));
    (upstream, house, caller(PATIENCE), seeded(&json!({ "stream": true })))
}

async fn opened(house: &House, caller: &Caller, request: &ChatRequest) -> Events {
    let Outcome::Stream { stream, .. } = house.matrix.ask(caller, request).await.unwrap() else { panic!("whole") };
    *stream
}

#[tokio::test]
async fn who_reads_slowly_loses_nothing_of_a_stream_too_long_to_keep() {
    let (upstream, house, caller, request) = long().await;
    let quick = opened(&house, &caller, &request).await;
    let mut slow = opened(&house, &caller, &request).await;
    let slowly = async move {
        let mut text = String::new();
        tokio::time::sleep(Duration::from_millis(300)).await;
        while let Some(block) = slow.next().await {
            text.push_str(std::str::from_utf8(&block.expect("nobody is cut off for others")).unwrap());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        text
    };
    let (quick, slow) = tokio::join!(read(quick), slowly);
    assert_eq!(quick.unwrap(), slow);
    assert!(slow.contains(&format!("{:0100} ", LONG_WORDS - 1)) && slow.ends_with("data: [DONE]\n\n"));
    assert_eq!(upstream.seen().len(), 1);
    house.streamed(&caller, &request).await;
    assert_eq!(upstream.seen().len(), 2, "it is too long to be kept");
}

#[tokio::test]
async fn the_quick_wait_for_the_slowest_until_that_one_leaves() {
    let (_upstream, house, caller, request) = long().await;
    let mut quick = opened(&house, &caller, &request).await;
    let slow = opened(&house, &caller, &request).await;
    let mut bytes = 0;
    while let Ok(block) = tokio::time::timeout(Duration::from_millis(300), quick.next()).await {
        bytes += block.expect("it has no end yet").unwrap().len();
    }
    assert!((4_096..12_288).contains(&bytes), "{bytes}");
    let leaves = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        drop(slow);
    };
    let (rest, ()) = tokio::join!(tokio::time::timeout(PATIENCE, read(quick)), leaves);
    assert!(rest.expect("it goes on").unwrap().ends_with("data: [DONE]\n\n"));
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_not_kept() {
    let upstream = Upstream::start(|_| Reply::stream(&[r#"{"choices":[{"delta":{"content":"hal"}}]}"#]).cut()).await;
    let house = House::new(&provider("a", &upstream.url()));
    for _ in 0..2 {
        let asked = house.matrix.ask(&caller(PATIENCE), &seeded(&json!({ "stream": true }))).await;
        let Ok(Outcome::Stream { stream, report, .. }) = asked else { panic!("no stream") };
        assert_eq!(report.cache, "miss");
        assert!(read(*stream).await.is_err());
    }
}

/// What a provider says of a model that it does not have.
fn no_such_model() -> Reply {
    Reply::json(404, &json!({ "error": { "code": "model_not_found", "message": "no" } }))
}

async fn refused(house: &House, caller: Caller, request: &ChatRequest) -> String {
    house.matrix.ask(&caller, request).await.err().map(|error| error.to_string()).unwrap()
}

#[tokio::test]
async fn errors_are_not_kept_and_a_missing_model_is_for_a_moment() {
    let upstream = Upstream::start(|seen| match seen.json()["seed"] == 2 {
        true => Reply::error(400, "invalid_request_error", "no"),
        false => no_such_model(),
    })
    .await;
    let house = House::new(&provider("a", &upstream.url()));
    for _ in 0..2 {
        assert!(refused(&house, caller(PATIENCE), &seeded(&json!({ "seed": 2 }))).await.contains("400"));
    }
    let (first, free) =
        (refused(&house, caller(PATIENCE), &seeded(&json!({}))).await, question_with("a/m", &json!({})));
    // Any question to that model, not this one alone.
    assert_eq!(refused(&house, caller(PATIENCE), &free).await, first);
    assert_eq!(upstream.seen().len(), 3);
    refused(&house, of_tenant("other"), &free).await;
    refused(&house, asked_for(Kept::Refresh), &seeded(&json!({}))).await;
    assert_eq!(upstream.seen().len(), 5);
    // Being asked for does not make it last longer.
    house.now_ms.fetch_add(6_000, Ordering::Relaxed);
    refused(&house, caller(PATIENCE), &seeded(&json!({}))).await;
    assert_eq!(upstream.seen().len(), 5);
    house.now_ms.fetch_add(6_000, Ordering::Relaxed);
    refused(&house, caller(PATIENCE), &seeded(&json!({}))).await;
    assert_eq!(upstream.seen().len(), 6);
}

#[tokio::test]
async fn a_404_about_something_else_hides_no_model() {
    for reply in [
        Reply::error(404, "not_found_error", "no such file"),
        Reply::error(404, "invalid_request_error", "no such assistant"),
        Reply::body(404, "text/plain", "no such address"),
    ] {
        let upstream = Upstream::start(move |_| reply.clone()).await;
        let house = House::new(&provider("a", &upstream.url()));
        for _ in 0..2 {
            assert!(refused(&house, caller(PATIENCE), &question_with("a/m", &json!({}))).await.contains("404"));
        }
        assert_eq!(upstream.seen().len(), 2);
    }
}

#[tokio::test]
async fn a_model_that_is_missing_for_one_operation_is_asked_for_others_and_what_is_kept_is_given() {
    let gone = Arc::new(AtomicU64::new(0));
    let missing = Arc::clone(&gone);
    let upstream = Upstream::start(move |seen| match seen.path.ends_with("/embeddings") {
        true => Reply::json(200, &json!({ "data": [{ "index": 0, "embedding": [0.5] }] })),
        false if missing.load(Ordering::Relaxed) == 1 => no_such_model(),
        false => Reply::chat("here"),
    })
    .await;
    let house = House::new(&provider("a", &upstream.url()));
    let (kept, caller) = (seeded(&json!({})), caller(PATIENCE));
    house.whole(&caller, &kept).await;
    gone.store(1, Ordering::Relaxed);
    refused(&house, caller.clone(), &seeded(&json!({ "seed": 2 }))).await;
    refused(&house, caller.clone(), &seeded(&json!({ "seed": 3 }))).await;
    assert_eq!(upstream.seen().len(), 2, "it is known to be missing");
    assert_eq!(house.whole(&caller, &kept).await.1.cache, "hit-memory");
    let request = EmbeddingRequest::parse(r#"{"model":"a/m","input":"hello"}"#.into()).unwrap();
    assert_eq!(house.matrix.embed(&caller, &request).await.unwrap().report.cache, "miss");
}

#[tokio::test]
async fn an_answer_of_whoever_stood_in_lives_briefly() {
    let (down, upstream) = (Upstream::start(|_| Reply::error(500, "x", "x")).await, counting(QUICKLY).await);
    let text = [provider("a", &down.url()), provider("b", &upstream.url()), route(&["a", "b"])].concat();
    let house = House::new(&text);
    let request = question_with("r", &json!({ "seed": 1 }));
    let (first, report) = house.whole(&caller(PATIENCE), &request).await;
    assert!(report.degraded);
    let (again, report) = house.whole(&caller(PATIENCE), &request).await;
    assert_eq!((again, report.cache, report.degraded), (first, "hit-memory", true));
    house.now_ms.fetch_add(11_000, Ordering::Relaxed);
    assert_eq!(house.whole(&caller(PATIENCE), &request).await.1.cache, "miss");
}

#[tokio::test]
async fn a_panel_is_kept_with_its_report_word_for_word() {
    let text = panel_saying(&[("42", 0), ("42", 0), ("7", 0)], "") + "[cache]\ndisk_mb = 4\n";
    let house = House::new(&text);
    let request = question_with("p", &json!({ "temperature": 0 }));
    let (first, told) = house.whole(&caller(PATIENCE), &request).await;
    let agreement = serde_json::to_string(&told.agreement).unwrap();
    assert!(agreement.contains("\"share\":0.66"), "{agreement}");
    let house = house.restarted().await;
    for cache in ["hit-disk", "hit-memory"] {
        let (again, told) = house.whole(&caller(PATIENCE), &request).await;
        assert_eq!((again.as_str(), told.cache, told.simulated), (first.as_str(), cache, true));
        assert_eq!(serde_json::to_string(&told.agreement).unwrap(), agreement);
    }
}

#[tokio::test]
async fn vectors_are_kept_without_being_asked() {
    let count = Arc::new(AtomicU64::new(0));
    let upstream = Upstream::start(move |_| {
        let at = count.fetch_add(1, Ordering::Relaxed);
        Reply::json(200, &json!({ "data": [{ "index": 0, "embedding": [at, 0.5] }], "usage": { "prompt_tokens": 1, "total_tokens": 1 } }))
    })
    .await;
    let house = House::new(&(provider("a", &upstream.url()) + "[cache]\ndisk_mb = 4\n"));
    let request = EmbeddingRequest::parse(r#"{"model":"a/m","input":"hello"}"#.into()).unwrap();
    let first = house.matrix.embed(&caller(PATIENCE), &request).await.unwrap();
    let again = house.matrix.embed(&caller(PATIENCE), &request).await.unwrap();
    assert_eq!((first.report.cache, again.report.cache), ("miss", "hit-memory"));
    let house = house.restarted().await;
    let third = house.matrix.embed(&caller(PATIENCE), &request).await.unwrap();
    assert_eq!((third.report.cache, third.reply.bytes()), ("hit-disk", first.reply.bytes()));
    assert_eq!(third.report.cost_usd, Some(Decimal::ZERO));
}

#[tokio::test]
async fn other_settings_mean_other_answers_and_tags_drop_them() {
    let upstream = counting(QUICKLY).await;
    let text = provider("a", &upstream.url());
    let house = House::new(&text);
    let mut tagged = caller(PATIENCE);
    tagged.wishes.tags = ["red".into()].into();
    house.whole(&tagged, &seeded(&json!({}))).await;
    let drop = |tag: &str| house.matrix.answers().unwrap().forget(Scope { tenant: None, tag: Some(tag.into()) });
    assert_eq!(drop("blue").await.entries, 0);
    assert_eq!(house.whole(&tagged, &seeded(&json!({}))).await.1.cache, "hit-memory");
    for tag in ["red", "a/m"] {
        assert_eq!(drop(tag).await.entries, 1, "{tag}");
        assert_eq!(house.whole(&tagged, &seeded(&json!({}))).await.1.cache, "miss");
    }
    house.matrix.reload(&settings(&text.replace("{ name = \"m\"", "{ name = \"m\", upstream_name = \"n\""))).unwrap();
    assert_eq!(house.whole(&tagged, &seeded(&json!({}))).await.1.cache, "miss");
    house.matrix.reload(&settings(&text)).unwrap();
    assert_eq!(house.whole(&tagged, &seeded(&json!({}))).await.1.cache, "hit-memory");
}

#[tokio::test]
async fn somebody_elses_want_of_money_is_not_ones_own() {
    let upstream = counting(Duration::from_millis(30)).await;
    let house = House::new(&provider("a", &upstream.url()));
    let fault = caller::SpendFault::Unavailable { reason: "test".to_owned() };
    let (mut poor, rich) = (caller(PATIENCE), caller(PATIENCE));
    poor.guest.spend = Purse::refusing(fault) as _;
    let request = seeded(&json!({}));
    let (poor, rich) = tokio::join!(house.matrix.ask(&poor, &request), house.whole(&rich, &request));
    assert!(matches!(poor, Err(AskError::Spend(_))));
    assert_eq!(rich.1.cache, "miss");
    // An answer that is there costs nobody anything.
    let _ = request;
}

#[tokio::test]
async fn who_shares_an_answer_is_not_turned_away_with_whoever_led() {
    let upstream = counting(Duration::from_millis(120)).await;
    let house = House::new(&(provider("a", &upstream.url()) + "in_flight_max = 1\nqueue_max = 2\n"));
    let of_class = |class| Caller { wishes: Wishes { class, ..Wishes::default() }, ..caller(PATIENCE) };
    let (low, normal, critical) = (of_class(Class::Low), of_class(Class::Normal), of_class(Class::Critical));
    for stream in [false, true] {
        let ask = |caller: &Caller, seed: u64, after_ms: u64| {
            let (matrix, caller) = (Arc::clone(&house.matrix), caller.clone());
            let request = seeded(&json!({ "seed": seed, "stream": stream }));
            async move {
                tokio::time::sleep(Duration::from_millis(after_ms)).await;
                let asked = matrix.ask(&caller, &request).await;
                if let Ok(Outcome::Stream { stream, .. }) = asked {
                    return Ok(read(*stream).await.unwrap());
                }
                asked.map(|_| "whole".to_owned())
            }
        };
        // One is served and two wait, the leader among them; then somebody comes for whom that one has to go.
        let (_, led, _, displacing, follower) = tokio::join!(
            ask(&normal, 10, 0),
            ask(&low, 11, 15),
            ask(&normal, 12, 30),
            ask(&critical, 13, 70),
            ask(&critical, 11, 45)
        );
        assert!(matches!(led, Err(AskError::NoAnswer { turned_away: true, .. })), "{led:?}");
        assert!(displacing.is_ok() && follower.is_ok(), "{follower:?}");
    }
}

#[tokio::test]
async fn whoever_has_an_old_answer_renewed_is_told_who_pays() {
    let upstream = counting(QUICKLY).await;
    let mut house = House::new(&(provider("a", &upstream.url()) + "[cache]\nttl_s = 60\nstale_s = 600\n"));
    for stream in [false, true] {
        let request = seeded(&json!({ "stream": stream }));
        let reasons = async |house: &House| match stream {
            true => house.streamed(&caller(PATIENCE), &request).await.1.reasons,
            false => house.whole(&caller(PATIENCE), &request).await.1.reasons,
        };
        assert!(reasons(&house).await.is_empty());
        house.now_ms.fetch_add(70_000, Ordering::Relaxed);
        let (first, second) = (reasons(&house).await, reasons(&house).await);
        assert!(first.len() == 1 && first[0].contains("at your expense"), "{first:?}");
        assert!(second.len() == 1 && !second[0].contains("expense"), "{second:?}");
        house.keeper.0.settle().await;
        assert!(reasons(&house).await.is_empty());
    }
}

#[tokio::test]
async fn who_shares_an_answer_waits_no_longer_than_he_said() {
    let upstream = counting(Duration::from_millis(400)).await;
    let house = House::new(&provider("a", &upstream.url()));
    let (patient, hasty) = (caller(PATIENCE), caller(Duration::from_millis(50)));
    let request = request(&json!({ "model": "a/m", "seed": 1, "messages": [{ "role": "user", "content": "?" }] }));
    let (patient, hasty) = tokio::join!(house.whole(&patient, &request), house.matrix.ask(&hasty, &request));
    assert!(matches!(hasty, Err(AskError::Deadline { .. })));
    assert_eq!(patient.1.cache, "miss");
}
