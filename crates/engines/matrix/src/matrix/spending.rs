//! Money: reserved before anything is sent, every call noted once, the tab settled once, whatever happens.

use crate::fixtures::*;
use crate::{AskError, Matrix, MemberOutcome, Outcome};
use caller::{Caller, Guest, Identity, NanoUsd, Need, SpendFault};
use fault::{Explain, Kind, Origin, Retry};
use futures_util::StreamExt;
use proptest::prelude::*;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use testkit::{Purse, Reply, Upstream, in_turn};
use wire::openai::ChatRequest;

/// A token costs a thousand nano-dollars, read or written.
const TOKEN: NanoUsd = 1_000;
/// What the scripted upstreams count for a prompt, and for an answer of one word.
const WHOLE: NanoUsd = (9 + 1) * TOKEN;

fn paying(purse: &Arc<Purse>, within: Duration) -> Caller {
    let guest = Guest { identity: Arc::new(Identity::local()), spend: purse.clone() };
    Caller { guest, ..caller(within) }
}

async fn put(matrix: &Matrix, purse: &Arc<Purse>, request: &ChatRequest) -> Result<Outcome, AskError> {
    matrix.ask(&paying(purse, PATIENCE), request).await
}

/// What the question to a model called `m` is reckoned to cost before its answer.
fn reading(request: &ChatRequest) -> NanoUsd {
    request.len_bytes().div_ceil(4) as NanoUsd * TOKEN
}

/// The notes in order, and that one tab was opened and settled with their sum.
fn check(purse: &Purse, expect: &[(&str, &str, NanoUsd)]) {
    let notes = purse.notes();
    let found: Vec<_> = notes.iter().map(|note| (note.model.as_str(), note.outcome, note.cost)).collect();
    assert_eq!(found, expect);
    let sum: NanoUsd = expect.iter().map(|(_, _, cost)| cost).sum();
    assert_eq!((purse.needs().len(), purse.open_tabs(), purse.settled()), (1, 0, vec![sum]));
}

async fn saying(reply: Reply) -> Upstream {
    Upstream::start(move |_| reply.clone()).await
}

#[tokio::test]
async fn a_whole_answer_is_noted_and_settled_before_anybody_hears_it() {
    let upstream = saying(Reply::chat("yes")).await;
    let (matrix, purse) = (matrix(&provider("a", &upstream.url())), Purse::new());
    let outcome = put(&matrix, &purse, &question("a/m")).await.unwrap();
    check(&purse, &[("a/m", "answered", WHOLE)]);
    let (_, report) = whole(Ok(outcome)).unwrap();
    assert_eq!(report.cost_usd.unwrap().to_string(), "0.00001");
    assert!(purse.notes()[0].exact && purse.notes()[0].words.is_none());
}

#[tokio::test]
async fn a_stream_holds_its_tab_until_it_ends() {
    let upstream = saying(Reply::chat_stream_with_usage(&["yes"])).await;
    let (matrix, purse) = (matrix(&provider("a", &upstream.url())), Purse::new());
    let outcome = put(&matrix, &purse, &streamed("a/m")).await.unwrap();
    let Outcome::Stream { mut stream, .. } = outcome else { panic!("no stream") };
    assert_eq!((purse.notes().len(), purse.open_tabs()), (0, 1));
    while let Some(block) = stream.next().await {
        block.unwrap();
    }
    check(&purse, &[("a/m", "answered", WHOLE)]);
    drop(stream);
    check(&purse, &[("a/m", "answered", WHOLE)]);
}

#[tokio::test]
async fn a_stream_dropped_midway_costs_what_was_seen() {
    let upstream = saying(Reply::chat_stream(&["one", "two"]).pause(ms(5)).stall()).await;
    let (matrix, purse) = (matrix(&provider("a", &upstream.url())), Purse::new());
    let request = streamed("a/m");
    let outcome = put(&matrix, &purse, &request).await.unwrap();
    let Outcome::Stream { mut stream, .. } = outcome else { panic!("no stream") };
    while !String::from_utf8_lossy(&stream.next().await.unwrap().unwrap()).contains("two") {}
    drop(stream);
    check(&purse, &[("a/m", "cancelled", reading(&request) + 2 * TOKEN)]);
    upstream.wait_cancelled(1, PATIENCE).await;
}

#[tokio::test]
async fn whoever_leaves_before_the_first_byte_pays_for_the_question() {
    let upstream = saying(Reply::hang()).await;
    let (matrix, purse) = (matrix(&provider("a", &upstream.url())), Purse::new());
    for request in [question("a/m"), streamed("a/m")] {
        let purse = if request.stream() { &Purse::new() } else { &purse };
        assert!(tokio::time::timeout(ms(60), put(&matrix, purse, &request)).await.is_err());
        check(purse, &[("a/m", "cancelled", reading(&request))]);
    }
}

#[tokio::test]
async fn a_fallback_is_noted_with_what_went_before_it() {
    let (bad, good) = (saying(Reply::error(500, "", "")).await, saying(Reply::chat("yes")).await);
    let text = [QUICK, &provider("a", &bad.url()), &provider("b", &good.url()), &route(&["a", "b"])].concat();
    let (matrix, purse) = (matrix(&text.replacen("[guard]", "[guard]\nattempts_max = 1", 1)), Purse::new());
    put(&matrix, &purse, &question("r")).await.unwrap();
    check(&purse, &[("a/m", "failed", 0), ("b/m", "answered", WHOLE)]);
}

#[tokio::test]
async fn a_retry_is_a_call_of_its_own() {
    let upstream = Upstream::start(in_turn(vec![Reply::error(500, "", ""), Reply::chat("yes")])).await;
    let (matrix, purse) = (matrix(&[QUICK, &provider("a", &upstream.url())].concat()), Purse::new());
    put(&matrix, &purse, &question("a/m")).await.unwrap();
    check(&purse, &[("a/m", "failed", 0), ("a/m", "answered", WHOLE)]);
    assert_eq!(upstream.seen().len(), 2);
}

#[tokio::test]
async fn a_timeout_costs_the_question_each_time() {
    let (hung, good) = (saying(Reply::hang()).await, saying(Reply::chat("yes")).await);
    let first = provider("a", &hung.url()).replace("kind", "timeout_ms = 60\nkind");
    let text = [first, provider("b", &good.url()), route(&["a", "b"])].concat();
    let (matrix, purse) = (matrix(&text), Purse::new());
    let request = question("r");
    put(&matrix, &purse, &request).await.unwrap();
    check(&purse, &[("a/m", "timed_out", reading(&request)), ("b/m", "answered", WHOLE)]);
}

#[tokio::test]
async fn what_rests_is_not_noted() {
    let (bad, good) = (saying(Reply::error(500, "", "")).await, saying(Reply::chat("yes")).await);
    let guard = "[guard]\nattempts_max = 1\nbreaker_failures = 1\n";
    let text = [guard, &provider("a", &bad.url()), &provider("b", &good.url()), &route(&["a", "b"])].concat();
    let matrix = matrix(&text);
    put(&matrix, &Purse::new(), &question("r")).await.unwrap();
    let purse = Purse::new();
    put(&matrix, &purse, &question("r")).await.unwrap();
    check(&purse, &[("b/m", "answered", WHOLE)]);
    let purse = Purse::new();
    assert!(put(&matrix, &purse, &question("a/m")).await.is_err());
    check(&purse, &[]);
}

/// A panel over upstreams called `a`, `b`, … with these replies.
async fn panel_of(replies: Vec<Reply>, keys: &str) -> (Vec<Upstream>, Matrix) {
    let mut upstreams = Vec::new();
    let (mut text, mut members) = (QUICK.to_owned(), Vec::new());
    for (name, reply) in names().zip(replies) {
        let upstream = saying(reply).await;
        text += &provider(&name.to_string(), &upstream.url());
        members.push(format!("\"{name}/m\""));
        upstreams.push(upstream);
    }
    text += &format!("[[panel]]\nname = \"p\"\nmembers = [{}]\n{keys}\n", members.join(", "));
    (upstreams, matrix(&text))
}

#[tokio::test]
async fn cancelled_members_are_noted_before_the_panel_answers() {
    let quick = || Reply::chat("yes").after(ms(20));
    let replies = vec![quick(), Reply::hang(), quick(), Reply::error(501, "", ""), quick()];
    let (_upstreams, matrix) = panel_of(replies, "agreement = 0.6").await;
    let purse = Purse::new();
    let request = question("p");
    let outcome = put(&matrix, &purse, &request).await.unwrap();
    let mut notes: Vec<_> = purse.notes().iter().map(|note| (note.model.clone(), note.outcome, note.cost)).collect();
    notes.sort();
    let all = [
        ("a/m", "answered", WHOLE),
        ("b/m", "cancelled", reading(&request)),
        ("c/m", "answered", WHOLE),
        ("d/m", "failed", 0),
        ("e/m", "answered", WHOLE),
    ];
    assert_eq!(notes, all.map(|(model, outcome, cost)| (model.to_owned(), outcome, cost)));
    assert_eq!((purse.open_tabs(), purse.settled()), (0, vec![3 * WHOLE + reading(&request)]));
    let (_, report) = whole(Ok(outcome)).unwrap();
    assert_eq!(report.cost_usd.unwrap().to_string(), "0.00003", "the report tells what is known");
    assert!(report.agreement.unwrap().stopped_early);
}

#[tokio::test]
async fn whoever_leaves_a_panel_pays_for_every_question() {
    let (upstreams, matrix) = panel_of(vec![Reply::hang(), Reply::hang()], "").await;
    let purse = Purse::new();
    assert!(tokio::time::timeout(ms(80), put(&matrix, &purse, &question("p"))).await.is_err());
    assert_eq!(purse.outcomes().iter().filter(|(_, outcome)| *outcome == "cancelled").count(), 2);
    assert_eq!((purse.open_tabs(), purse.settled()), (0, vec![2 * reading(&question("p"))]));
    for upstream in upstreams {
        upstream.wait_cancelled(1, PATIENCE).await;
    }
}

#[tokio::test]
async fn members_that_are_skipped_are_neither_reserved_for_nor_noted() {
    // The question and a thousand tokens at most cost a little more than a tenth of a cent.
    let (upstreams, matrix) = panel_of(vec![Reply::chat("yes"); 3], "cost_usd_max = 0.0025\nagreement = 1.0").await;
    let (purse, request) = (Purse::new(), question_with("p", &json!({ "max_tokens": 1000 })));
    let (_, report) = whole(put(&matrix, &purse, &request).await).unwrap();
    assert_eq!(report.agreement.unwrap().members[2].outcome, MemberOutcome::Skipped);
    let most = 2 * (request.len_bytes() as NanoUsd + 1_000) * TOKEN;
    let likely = 2 * (reading(&request) + 16 * TOKEN);
    assert_eq!(purse.needs(), [Need { most, likely, bounded: true }]);
    assert_eq!((purse.notes().len(), purse.settled()), (2, vec![2 * WHOLE]));
    assert!(upstreams[2].seen().is_empty());

    let (upstreams, matrix) = panel_of(vec![Reply::chat("yes")], "cost_usd_max = 0.0000001").await;
    let purse = Purse::new();
    assert!(matches!(put(&matrix, &purse, &request).await, Err(AskError::TooExpensive { .. })));
    assert_eq!((purse.needs().len(), purse.notes().len(), upstreams[0].seen().len()), (0, 0, 0));
}

#[tokio::test]
async fn what_is_refused_reaches_nobody() {
    let upstream = saying(Reply::chat("yes")).await;
    let text = [
        provider("a", &upstream.url()),
        provider("b", &upstream.url()),
        route(&["a", "b"]),
        "[[panel]]\nname = \"p\"\nmembers = [\"a/m\", \"b/m\"]\n".to_owned(),
    ];
    let matrix = matrix(&text.concat());
    let spent = SpendFault::Exhausted { whose: "this key", until: "today", left: 0, need: 5, resets_in: None };
    let away = SpendFault::Unavailable { reason: "gone".to_owned() };
    for (fault, kind, origin, retry) in [
        (spent, Kind::Budget, Origin::Caller, Retry::Never),
        (SpendFault::TooExpensive { need: 2, most: 1 }, Kind::Budget, Origin::Caller, Retry::Never),
        (away, Kind::Unavailable, Origin::Us, Retry::After(Duration::from_secs(1))),
    ] {
        let purse = Purse::refusing(fault.clone());
        let requests = ["a/m", "r", "p"].map(question).into_iter().chain([streamed("a/m"), streamed("r")]);
        for request in requests {
            let error = put(&matrix, &purse, &request).await.err().unwrap();
            assert!(matches!(&error, AskError::Spend(found) if *found == fault), "{error:?}");
            assert_eq!((error.kind(), error.origin(), error.retry()), (kind, origin, retry));
            assert_eq!(
                (error.code(), error.hint(), error.to_string()),
                (fault.code(), fault.hint(), fault.to_string())
            );
            assert!(error.attempts().is_empty());
        }
        let models = ["a/m".to_owned()];
        let asked = matrix.ask_all(&paying(&purse, PATIENCE), &question("panel"), &models, 0.6).await;
        assert!(matches!(asked, Err(AskError::Spend(_))));
        assert_eq!((purse.needs().len(), purse.notes().len(), purse.open_tabs()), (6, 0, 0));
    }
    assert!(upstream.seen().is_empty() && upstream.accepted_connections() == 0);
}

#[tokio::test]
async fn nothing_is_reserved_for_what_cannot_be_asked() {
    let matrix = matrix(&panel_saying(&[("yes", 1)], ""));
    let purse = Purse::new();
    assert!(put(&matrix, &purse, &question("nobody")).await.is_err());
    assert!(put(&matrix, &purse, &question_with("p", &json!({ "n": 2 }))).await.is_err());
    assert_eq!((purse.needs(), purse.settled()), (vec![], vec![]));
}

/// A provider that offers `m` at these dollars per million tokens.
fn at_price(name: &str, input: u32, output: u32, more: &str) -> String {
    format!(
        "[[provider]]\nname = \"{name}\"\nkind = \"scripted\"\n\
         models = [{{ name = \"m\", price = {{ input = {input}, output = {output} }}{more} }}]\n"
    )
}

async fn need(matrix: &Matrix, request: &ChatRequest) -> Need {
    let purse = Purse::new();
    put(matrix, &purse, request).await.unwrap();
    purse.needs()[0]
}

#[tokio::test(start_paused = true)]
async fn the_need_is_the_dearest_of_a_route_and_the_sum_of_a_panel() {
    let text = [
        "[budget]\noutput_tokens = 100\n".to_owned(),
        at_price("cheap", 1, 0, ", output_tokens_max = 7"),
        at_price("dear", 0, 10, ""),
        "[[provider]]\nname = \"free\"\nkind = \"scripted\"\nmodels = [\"m\"]\n".to_owned(),
        "[[route]]\nname = \"r\"\nrules = [{ models = [\"cheap/m\", \"dear/m\", \"free/m\"] }]\n".to_owned(),
        "[[panel]]\nname = \"p\"\nmembers = [\"cheap/m\", \"dear/m\", \"free/m\"]\n".to_owned(),
    ]
    .concat();
    // Each anew: what is likely follows what was seen.
    let ask = async |request: &ChatRequest| need(&matrix(&text), request).await;
    let bytes = question("free/m").len_bytes() as NanoUsd;
    assert_eq!(ask(&question("free/m")).await, Need { most: 0, likely: 0, bounded: true });
    let cheap = Need { most: (bytes + 1) * TOKEN, likely: (bytes + 4) / 4 * TOKEN, bounded: true };
    assert_eq!(ask(&question("cheap/m")).await, cheap);
    let dear = Need { most: 100 * 10 * TOKEN, likely: 16 * 10 * TOKEN, bounded: false };
    assert_eq!(ask(&question("dear/m")).await, dear);
    assert_eq!(ask(&question("r")).await, dear);
    let bytes = question("p").len_bytes() as NanoUsd;
    let sum = Need { most: dear.most + bytes * TOKEN, likely: dear.likely + (bytes + 3) / 4 * TOKEN, bounded: false };
    assert_eq!(ask(&question("p")).await, sum);
    let limited = question_with("r", &json!({ "max_tokens": 3 }));
    assert!(ask(&limited).await.bounded);
    assert_eq!(ask(&limited).await.likely, 3 * 10 * TOKEN);
}

#[tokio::test(start_paused = true)]
async fn a_reload_changes_what_is_reckoned_with() {
    let text = |tokens: u32| format!("[budget]\noutput_tokens = {tokens}\n{}", at_price("dear", 0, 10, ""));
    let matrix = matrix(&text(100));
    assert_eq!(need(&matrix, &question("dear/m")).await.most, 100 * 10 * TOKEN);
    matrix.reload(&settings(&text(7))).unwrap();
    assert_eq!(need(&matrix, &question("dear/m")).await.most, 7 * 10 * TOKEN);
}

#[derive(Debug, Clone)]
enum Does {
    Answers(u64),
    Fails(u64),
    Hangs,
}

fn does() -> impl Strategy<Value = Does> {
    prop_oneof![4 => (0..90_u64).prop_map(Does::Answers), 2 => (0..90_u64).prop_map(Does::Fails), 1 => Just(Does::Hangs)]
}

fn script(does: &Does) -> String {
    match does {
        Does::Answers(after) => says(["red", "blue"][(*after % 2) as usize], *after),
        Does::Fails(after) => format!("error_rate = 1.0, latency = {{ ms = {after} }}"),
        Does::Hangs => HANGS.to_owned(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// Whatever the members do and whenever the caller leaves: one note for each call that was sent, one settled tab.
    #[test]
    fn there_are_as_many_notes_as_calls(
        members in prop::collection::vec(does(), 1..6), panel in any::<bool>(), leaves in 1..150_u64,
    ) {
        let scripts: Vec<String> = members.iter().map(script).collect();
        let scripts: Vec<&str> = scripts.iter().map(String::as_str).collect();
        let models: Vec<String> = names().take(members.len()).map(|name| format!("\"s/{name}\"")).collect();
        let text = crate::fixtures::panel(&scripts, "deadline_ms = 100")
            + &format!("[[route]]\nname = \"r\"\nrules = [{{ models = [{}] }}]\n{QUICK}", models.join(", "));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        let (metrics, purse) = (metrics(), Purse::new());
        let matrix = Matrix::new(&settings(&text), KINDS.to_vec(), metrics.clone()).unwrap();
        runtime.block_on(async {
            let request = if panel { question("p") } else { streamed("r") };
            let _ = tokio::time::timeout(ms(leaves), async {
                if let Ok(Outcome::Stream { mut stream, .. }) = put(&matrix, &purse, &request).await {
                    while stream.next().await.is_some() {}
                }
            })
            .await;
        });
        let shown = metrics.encode();
        let sent: u64 = shown
            .lines()
            .filter(|line| line.starts_with("althing_model_requests_total{") && !line.contains("\"shed\""))
            .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
            .sum();
        prop_assert_eq!(purse.notes().len() as u64, sent);
        prop_assert_eq!((purse.needs().len(), purse.open_tabs(), purse.settled().len()), (1, 0, 1));
        prop_assert!(sent >= 1);
    }
}
