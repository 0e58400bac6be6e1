//! Who is asked by groups and rules, in which order, and what is said about it.

use crate::fixtures::*;
use crate::{AskError, Matrix, Outcome};
use caller::{Caller, Class, Guest, Identity, Wishes};
use fault::Explain;
use models::Asker;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use testkit::{Purse, Reply, Upstream, in_turn};

/// Scripted providers `a`, `b`, `c` that offer `m`, and what else is wanted.
fn three(more: &str) -> String {
    let provider = |name: &str| {
        format!(
            "[[provider]]\nname = \"{name}\"\nkind = \"scripted\"\n\
             models = [{{ name = \"m\", price = {{ input = 1, output = 1 }} }}]\n"
        )
    };
    [provider("a"), provider("b"), provider("c"), more.to_owned()].concat()
}

fn ruled(rules: &str) -> String {
    three(&format!("[[route]]\nname = \"r\"\nrules = [{rules}]\n"))
}

/// Who answers each of so many requests, and the reasons of the last one.
async fn served(matrix: &Matrix, name: &str, times: usize) -> (Vec<String>, Vec<String>) {
    let (mut by, mut reasons) = (Vec::new(), Vec::new());
    for _ in 0..times {
        let (_, report) = ask(matrix, name).await.unwrap();
        assert!(!report.degraded);
        by.push(report.served_by);
        reasons = report.reasons;
    }
    (by, reasons)
}

fn counts(by: Vec<String>) -> BTreeMap<String, usize> {
    by.into_iter().fold(BTreeMap::new(), |mut counts, by| {
        *counts.entry(by).or_default() += 1;
        counts
    })
}

#[tokio::test(start_paused = true)]
async fn a_name_that_several_providers_list_is_spread_over_them() {
    let matrix = matrix(&three("[balance]\nstrategy = \"round_robin\"\n"));
    let (by, reasons) = served(&matrix, "m", 6).await;
    assert_eq!(by, ["a/m", "b/m", "c/m", "a/m", "b/m", "c/m"]);
    assert_eq!(reasons, ["`m`, which 3 providers offer, led to `c/m`: its turn among 3"]);
    let (by, reasons) = served(&matrix, "b/m", 3).await;
    assert_eq!(
        (by, reasons),
        (vec!["b/m".to_owned(); 3], vec![]),
        "who names one gets it, and nothing to read about it"
    );
}

#[tokio::test(start_paused = true)]
async fn the_default_spreads_by_load_and_an_alias_may_stand_for_it() {
    let matrix = matrix(&three("[alias]\ngpt = \"m\"\n"));
    let (by, reasons) = served(&matrix, "gpt", 60).await;
    assert!(counts(by).len() == 3, "{reasons:?}");
    let said = "the least loaded of two that chance took from 3";
    assert!(reasons.len() == 1 && reasons[0].starts_with("`m`, which 3 providers offer, led to `"), "{reasons:?}");
    assert!(reasons[0].ends_with(said), "{reasons:?}");
}

#[tokio::test]
async fn a_group_fails_over_and_spares_who_failed() {
    let bad = Upstream::start(|_| Reply::error(500, "", "")).await;
    let good = Upstream::start(|_| Reply::chat("yes")).await;
    let guard = "[guard]\nattempts_max = 1\nbreaker_failures = 1000\n[balance]\nslow_start_ms = 0\n";
    let matrix = matrix(&[guard, &provider("bad", &bad.url()), &provider("good", &good.url())].concat());
    let mut failovers = 0;
    for _ in 0..60 {
        let (_, report) = ask(&matrix, "m").await.unwrap();
        assert_eq!(report.served_by, "good/m");
        if report.degraded {
            failovers += 1;
            let said = "`m`, which 2 providers offer, led to `good/m`, its choice number 2";
            assert!(report.reasons[0].starts_with("`bad/m` did not answer: "), "{:?}", report.reasons);
            assert_eq!(report.reasons[1], said);
        } else {
            let said = ["the least loaded of 2", "the others of 2 are worse placed"];
            assert!(said.iter().any(|said| report.reasons[0].ends_with(said)), "{:?}", report.reasons);
        }
    }
    assert!((1..=2).contains(&failovers), "{failovers} of 60 reached who fails");
    assert_eq!(bad.seen().len(), failovers);
    assert!(matrix.endpoints()[0].reading(std::time::Instant::now()).penalised);
}

#[tokio::test]
async fn peers_are_not_asked_twice_while_another_is_ready() {
    let broken = || Upstream::start(|_| Reply::error(500, "", ""));
    let (bad, worse, good) = (broken().await, broken().await, Upstream::start(|_| Reply::chat("yes")).await);
    let all = [provider("bad", &bad.url()), provider("worse", &worse.url()), provider("good", &good.url())].concat();
    let matrix = matrix(&[QUICK, "[balance]\nstrategy = \"round_robin\"\n", &all].concat());
    let (_, report) = ask(&matrix, "m").await.unwrap();
    assert_eq!((report.served_by.as_str(), report.reasons.len()), ("good/m", 3), "{:?}", report.reasons);
    assert_eq!([bad.seen().len(), worse.seen().len(), good.seen().len()], [1, 1, 1]);
}

#[tokio::test]
async fn the_last_one_and_one_whose_peers_are_not_ready_is_asked_again() {
    let flaky = || Upstream::start(in_turn(vec![Reply::error(500, "", ""), Reply::chat("well again")]));
    let (alone, limited) = (flaky().await, Upstream::start(|_| Reply::error(429, "", "").header("retry-after", "30")));
    let limited = limited.await;
    let all = [provider("limited", &limited.url()), provider("alone", &alone.url())].concat();
    let matrix = matrix(&[QUICK, "[balance]\nstrategy = \"round_robin\"\n", &all].concat());
    assert!(ask(&matrix, "limited/m").await.is_err());
    let (_, report) = ask(&matrix, "m").await.unwrap();
    assert_eq!(report.served_by, "alone/m");
    assert_eq!((alone.seen().len(), limited.seen().len()), (2, 1));
}

#[tokio::test]
async fn a_failure_does_not_count_as_what_failing_peers_count_as() {
    let broken = || Upstream::start(|_| Reply::error(500, "", ""));
    let (one, two) = (broken().await, broken().await);
    let all = [provider("one", &one.url()), provider("two", &two.url())].concat();
    let guard = "[guard]\nattempts_max = 1\nbreaker_failures = 1000\n";
    let matrix = matrix(&[guard, &all].concat());
    let asking = (0..20).map(|_| fails(&matrix, "m"));
    futures_util::future::join_all(asking).await;
    for endpoint in matrix.endpoints() {
        let seconds = endpoint.reading(std::time::Instant::now()).latency_s.unwrap();
        assert!(seconds <= 5.0, "`penalty_ms`, and no more with each failure: {seconds}");
    }
}

#[tokio::test(start_paused = true)]
async fn turns_go_by_weight() {
    let rule = "{ models = [{ model = \"a/m\", weight = 3 }, \"b/m\"], balance = \"weighted\" }";
    let (by, reasons) = served(&matrix(&ruled(rule)), "r", 40).await;
    assert_eq!(counts(by), BTreeMap::from([("a/m".to_owned(), 30), ("b/m".to_owned(), 10)]));
    assert!(reasons[0].ends_with(": its turn by weight among 2"), "{reasons:?}");
}

#[tokio::test(start_paused = true)]
async fn a_bare_name_in_a_rule_means_all_who_list_it() {
    let rule = "{ models = [\"b/m\", { model = \"m\", weight = 3 }], balance = \"weighted\" }";
    let (by, _) = served(&matrix(&ruled(rule)), "r", 30).await;
    assert_eq!(
        counts(by).values().copied().collect::<Vec<_>>(),
        [10, 10, 10],
        "each once, with its part of the weight"
    );
}

/// Providers `cheap` and `dear` with a model `m` each.
fn priced(rule: &str) -> String {
    let provider = |name: &str, usd: u32| {
        format!(
            "[[provider]]\nname = \"{name}\"\nkind = \"scripted\"\n\
             models = [{{ name = \"m\", output_tokens_max = 100, price = {{ input = {usd}, output = {usd} }} }}]\n"
        )
    };
    let unknown = "[[provider]]\nname = \"far\"\nbase_url = \"http://127.0.0.1:9/v1\"\nmodels = [\"m\"]\n";
    let route = format!("[[route]]\nname = \"r\"\nrules = [{{ {rule} }}]\n");
    [provider("dear", 100), provider("cheap", 1), unknown.to_owned(), route].concat()
}

#[tokio::test(start_paused = true)]
async fn the_cheapest_and_the_limit_on_cost() {
    let (by, reasons) =
        served(&matrix(&priced("models = [\"dear/m\", \"far/m\", \"cheap/m\"], balance = \"cheapest\"")), "r", 3).await;
    assert_eq!(by, ["cheap/m"; 3]);
    assert_eq!(reasons, ["the route `r` led to `cheap/m`: the cheapest of 3"]);
    let limited = "models = [\"dear/m\", \"cheap/m\"], cost_usd_max = 0.001";
    let (by, reasons) = served(&matrix(&priced(limited)), "r", 3).await;
    assert_eq!((by, reasons), (vec!["cheap/m".to_owned(); 3], vec!["the route `r` led to `cheap/m`".to_owned()]));
    let (_, reasons) = served(&matrix(&priced("models = [\"dear/m\"], cost_usd_max = 0.001")), "r", 1).await;
    assert_eq!(reasons, ["the route `r` led to `dear/m`"], "one that is alone is not weighed");
    let both = "models = [\"dear/m\", \"cheap/m\"], cost_usd_max = 0.000001";
    let (by, reasons) = served(&matrix(&priced(both)), "r", 1).await;
    assert_eq!((by[0].as_str(), reasons.len()), ("dear/m", 1));
    assert_eq!(reasons[0], "the route `r` led to `dear/m`, although beyond `cost_usd_max`");
}

#[tokio::test(start_paused = true)]
async fn the_fastest_and_the_limit_on_latency() {
    let provider = |name: &str, ms: u64| {
        let script = says("yes", ms);
        format!(
            "[[provider]]\nname = \"{name}\"\nkind = \"scripted\"\nmodels = [{{ name = \"m\", script = {{ {script} }} }}]\n"
        )
    };
    let route = "[[route]]\nname = \"fast\"\nrules = [{ models = [\"m\"], balance = \"fastest\" }]\n\
                 [[route]]\nname = \"soon\"\nrules = [{ models = [\"m\"], latency_ms_max = 200 }]\n";
    let matrix = matrix(&[provider("slow", 900).as_str(), &provider("quick", 20), route].concat());
    let (by, _) = served(&matrix, "fast", 2).await;
    assert_eq!(counts(by).len(), 2, "each is tried once to know it");
    tokio::time::advance(ms(1_100)).await;
    let (by, reasons) = served(&matrix, "fast", 4).await;
    assert_eq!(
        (by, reasons[0].as_str()),
        (vec!["quick/m".to_owned(); 4], "the route `fast` led to `quick/m`: usually the fastest of 2")
    );
    let (by, reasons) = served(&matrix, "soon", 2).await;
    assert_eq!((by, reasons), (vec!["quick/m".to_owned(); 2], vec!["the route `soon` led to `quick/m`".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn one_that_hangs_is_no_unknown() {
    let provider = |name: &str, script: &str| {
        format!(
            "[[provider]]\nname = \"{name}\"\nkind = \"scripted\"\nmodels = [{{ name = \"m\", script = {{ {script} }} }}]\n"
        )
    };
    let rule = |name: &str, how: &str| {
        format!("[[route]]\nname = \"{name}\"\nrules = [{{ models = [\"hung/m\", \"quick/m\"], {how} }}]\n")
    };
    let rules = [rule("fast", "balance = \"fastest\""), rule("soon", "latency_ms_max = 200")].concat();
    let matrix = matrix(&[provider("hung", HANGS), provider("quick", &says("yes", 20)), rules].concat());
    // Nobody waits long enough for that to be a failure of the endpoint.
    assert!(tokio::time::timeout(ms(3_000), ask(&matrix, "hung/m")).await.is_err());
    for name in ["fast", "soon", "soon", "fast"] {
        tokio::time::advance(ms(1_100)).await;
        assert_eq!(served(&matrix, name, 1).await.0, ["quick/m"], "{name}");
    }
}

fn wishing(class: Class, tags: &[&str]) -> Caller {
    let tags = tags.iter().map(|tag| Box::from(*tag)).collect();
    Caller { wishes: Wishes { class, tags, ..Wishes::default() }, ..caller(PATIENCE) }
}

async fn reasons(matrix: &Matrix, caller: &Caller, body: &Value) -> Result<Vec<String>, AskError> {
    let (Outcome::Whole { report, .. } | Outcome::Stream { report, .. }) =
        matrix.ask(caller, &question_with("r", body)).await?;
    Ok(report.reasons)
}

#[tokio::test(start_paused = true)]
async fn rules_say_what_of_them_held() {
    let rules = "{ models = [\"a/m\"], when = { tags = [\"batch\", \"night\"], class = \"low\" } }, \
                 { models = [\"b/m\"], when = { complexity_min = 0.6 } }, \
                 { models = [\"c/m\"], when = { prompt_chars_max = 5, stream = false } }, \
                 { models = [\"a/m\", \"b/m\"], balance = \"round_robin\" }";
    let matrix = matrix(&ruled(rules));
    let said = |text: &str| json!({ "messages": [{ "role": "user", "content": text }] });
    let (low, normal) = (wishing(Class::Low, &["night", "x", "batch"]), wishing(Class::Normal, &["night", "batch"]));
    let hard = "Name a bird with at most five letters";
    for (who, text, expect) in [
        (&low, hard, "the route `r`, rule 1 (class low; tag `batch`; tag `night`), led to `a/m`"),
        (&normal, hard, "the route `r`, rule 2 (complexity 0.60: 8 words, constraints), led to `b/m`"),
        (&wishing(Class::Low, &["night"]), "Hi", "the route `r`, rule 3 (no stream; 2 characters), led to `c/m`"),
        (&normal, "Tell a story", "the route `r`, rule 4, led to `a/m`: its turn among 2"),
    ] {
        assert_eq!(reasons(&matrix, who, &said(text)).await.unwrap(), [expect], "{text}");
    }
}

fn named(subject: &str) -> Caller {
    let identity = Identity { subject: subject.into(), ..Identity::local() };
    let guest = Guest { identity: Arc::new(identity), ..Guest::local() };
    Caller { guest, ..caller(PATIENCE) }
}

#[tokio::test(start_paused = true)]
async fn shares_add_up_and_everybody_stays_where_they_are() {
    let rules = "{ models = [\"a/m\"], when = { share = 0.2 } }, { models = [\"b/m\"], when = { share = 0.3 } }, \
                 { models = [\"c/m\"] }";
    let matrix = matrix(&ruled(rules));
    let mut led = BTreeMap::new();
    for number in 0..2_000 {
        let who = named(&format!("key-{number}"));
        let first = reasons(&matrix, &who, &json!({})).await.unwrap();
        if number % 50 == 0 {
            assert_eq!(reasons(&matrix, &who, &json!({})).await.unwrap(), first);
        }
        *led.entry(first.concat()).or_insert(0_i32) += 1;
    }
    let expect = [
        ("the route `r`, rule 1 (for 20 % of callers), led to `a/m`", 400),
        ("the route `r`, rule 2 (for 30 % of callers), led to `b/m`", 600),
        ("the route `r`, rule 3, led to `c/m`", 1_000),
    ];
    for ((found, count), (reason, share)) in led.iter().zip(expect) {
        assert_eq!(found, reason);
        assert!((count - share).abs() < 80, "{led:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_route_whose_rules_all_ask_for_more_has_none_left() {
    let matrix = matrix(&ruled("{ models = [\"a/m\"], when = { complexity_below = 0.1, tags = [\"x\"] } }"));
    let error = reasons(&matrix, &caller(PATIENCE), &json!({})).await.unwrap_err();
    assert_eq!(error.code(), "no_rule");
}

#[tokio::test(start_paused = true)]
async fn who_rests_is_asked_last_and_never_left_out() {
    let script = |keys: &str| format!("kind = \"scripted\"\nmodels = [{{ name = \"m\", script = {{ {keys} }} }}]\n");
    let provider = |name: &str, keys: &str| format!("[[provider]]\nname = \"{name}\"\n{}", script(keys));
    let guard = "[guard]\nattempts_max = 1\nbreaker_failures = 1\n[balance]\nstrategy = \"round_robin\"\n";
    let matrix = matrix(&[guard, &provider("a", FAILS), &provider("b", "answers = [\"yes\"]")].concat());
    let (_, first) = ask(&matrix, "m").await.unwrap();
    assert!(first.degraded && first.served_by == "b/m");
    let (by, reasons) = served(&matrix, "m", 5).await;
    assert_eq!(
        (by, reasons[0].as_str()),
        (vec!["b/m".to_owned(); 5], "`m`, which 2 providers offer, led to `b/m`: the others of 2 are worse placed")
    );
    let purse = Purse::new();
    let who = caller(PATIENCE);
    let error = matrix.endpoints()[0]
        .ask(&question("m"), Asker::from(&who), &purse.tab(), PATIENCE, models::Opening::FirstEvent)
        .await;
    assert!(error.is_err(), "it rests");
}

#[tokio::test]
async fn vectors_of_a_bare_name_come_from_all_who_have_the_same_model() {
    const VECTORS: &str = r#"{"data":[{"embedding":[1]}],"usage":{"prompt_tokens":2,"total_tokens":2}}"#;
    let up = Upstream::start(|_| Reply::body(200, "application/json", VECTORS)).await;
    let down = Upstream::start(|_| Reply::error(500, "", "")).await;
    let provider = |name: &str, url: &str, upstream: &str| {
        format!(
            "[[provider]]\nname = '{name}'\nbase_url = '{url}'\nmodels = [{{ name = 'e', upstream_name = '{upstream}' }}]\n"
        )
    };
    let text = [
        "[balance]\nstrategy = \"round_robin\"\n[guard]\nattempts_max = 1\n".to_owned(),
        provider("a", &down.url(), "x"),
        provider("b", &up.url(), "y"),
        provider("c", &up.url(), "x"),
    ];
    let matrix = matrix(&text.concat());
    let body = json!({ "model": "e", "input": ["a"] }).to_string();
    let request = wire::openai::EmbeddingRequest::parse(body.into()).unwrap();
    for degraded in [true, false] {
        let report = matrix.embed(&caller(PATIENCE), &request).await.unwrap().report;
        assert_eq!((report.served_by.as_str(), report.degraded), ("c/e", degraded), "{:?}", report.reasons);
        let said =
            report.reasons.iter().find(|reason| reason.starts_with("`e`, which 3 providers offer, led to `c/e`"));
        assert!(said.is_some(), "{:?}", report.reasons);
    }
}
