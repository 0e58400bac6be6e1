//! Backends that are dead, or hang: an outage is an error and never an abstention, and what is there is kept.

use super::judge::{Pair, abstains, config, counts, fair, judge, scores};
use super::{begin, evaluate, good, of, summary};
use crate::support::{Server, nobody, provider};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use testkit::{Reply, Upstream};

/// An answer, made anew for each request.
type Answer = fn() -> Reply;

/// How soon a client hears of an outage: they wait a minute for an answer, not longer.
const TOLD_WITHIN: Duration = Duration::from_secs(20);

/// Evaluates a decision of 3 × 2 pairs, which nobody can, and looks that each pair has its error.
async fn none_is_scored(what: &str, config: &str) {
    let server = Server::start(config);
    let address = server.address();
    let id = begin(address, "", what, 3, 2).await;
    let began = Instant::now();
    let told = good(address, "", "evaluate_options", &of(&id)).await;
    assert!(began.elapsed() < TOLD_WITHIN, "{what}: told after {:?}", began.elapsed());
    assert_eq!(summary(&told), [6, 0, 0, 6], "{what}: {told}");
    assert_eq!(told["evaluation_complete"], false, "{what}: {told}");
    let lines = |name: &str| told[name].as_array().unwrap().clone();
    let (errors, missing) = (lines("errors"), lines("missing"));
    assert!(!errors.is_empty() && errors.len() + missing.len() == 6, "{what}: {told}");
    let says_why = |line: &Value| line.as_str().unwrap().split_once(": ").is_some_and(|(_, why)| !why.is_empty());
    assert!(errors.iter().chain(&missing).all(says_why), "{what}: {told}");
    let matrix = good(address, "", "get_decision_matrix", &of(&id)).await;
    let cells = matrix["matrix"].as_object().unwrap().values().flat_map(|row| row.as_object().unwrap().values());
    for cell in cells {
        assert!(cell["raw_score"].is_null() && cell["outcome"] != "abstained", "{what}: {cell}");
    }
    for ranking in matrix["rankings"].as_array().unwrap() {
        assert_eq!(ranking["weighted_total"], 0.0, "{what}: {ranking}");
    }
    assert_eq!((&matrix["complete"], &matrix["degraded"]), (&json!(false), &json!(true)), "{what}: {matrix}");
}

const RULES: &str = "[embed]\nkind = \"off\"\n[decisions]\nretry_base_ms = 1\n";

#[tokio::test]
async fn a_backend_that_is_not_there_gives_errors_and_no_abstentions() {
    let kit = provider("kit", &nobody(), &["m"]);
    none_is_scored("nobody listens", &format!("{RULES}{kit}")).await;
    none_is_scored("nobody listens, no breaker", &format!("{RULES}breaker_failures = 0\n{kit}")).await;
}

#[tokio::test]
async fn a_backend_that_only_fails_gives_errors_and_no_abstentions() {
    let replies: [(&str, Answer); 5] = [
        ("500", || Reply::error(500, "server_error", "boom")),
        ("401", || Reply::error(401, "invalid_api_key", "Incorrect API key provided")),
        ("429", || Reply::error(429, "rate_limit_exceeded", "slow down")),
        ("cut", || Reply::chat("{\"score\": 7").cut()),
        ("nonsense", || Reply::chat("The weather is fine today.")),
    ];
    for (what, reply) in replies {
        let upstream = Upstream::start(move |_| reply()).await;
        none_is_scored(what, &config(&upstream, "retries_max = 1\nbreaker_failures = 3\n")).await;
    }
}

#[tokio::test]
async fn a_breaker_stops_asking_a_dead_backend() {
    let upstream = Upstream::start(|_| Reply::error(500, "server_error", "boom")).await;
    let rules = "retries_max = 0\nbreaker_failures = 2\ncriterion_in_flight_max = 1\nin_flight_max = 1\n";
    let server = Server::start(&config(&upstream, rules));
    let id = begin(server.address(), "", "t", 10, 2).await;
    let told = evaluate(server.address(), "", &id).await;
    assert_eq!(summary(&told), [20, 0, 0, 20], "{told}");
    let asked = counts(&upstream.seen()).len();
    assert!((2..=4).contains(&asked), "{asked} pairs were asked");
    let missing = told["missing"].as_array().unwrap();
    assert!(missing.len() >= 16 && missing.iter().all(|it| it["code"] == "breaker_open"), "{told}");
}

#[tokio::test]
async fn an_abstention_is_told_as_one_and_has_its_reason() {
    let upstream = Upstream::start(|seen| match Pair::of(seen) {
        pair if pair.names() == ("option 2", "criterion 1") => abstains("too little is known of it"),
        pair => scores(fair(&pair)),
    })
    .await;
    let server = Server::start(&config(&upstream, ""));
    let id = begin(server.address(), "", "t", 2, 2).await;
    let told = good(server.address(), "", "evaluate_options", &of(&id)).await;
    assert_eq!((summary(&told), &told["evaluation_complete"]), ([4, 3, 1, 0], &json!(true)), "{told}");
    let matrix = good(server.address(), "", "get_decision_matrix", &of(&id)).await;
    let cell = &matrix["matrix"]["option 2"]["criterion 1"];
    assert!(cell["raw_score"].is_null() && cell["outcome"] == "abstained", "{cell}");
    assert_eq!(cell["justification"], "too little is known of it");
    // It counts neither in the sum nor in the weight.
    let other = &matrix["matrix"]["option 2"]["criterion 2"]["raw_score"];
    let rankings = matrix["rankings"].as_array().unwrap();
    let second = rankings.iter().find(|it| it["option"] == "option 2").unwrap();
    assert_eq!(&second["weighted_total"], other, "{matrix}");
}

#[tokio::test]
async fn a_pair_that_hangs_leaves_a_matrix_that_says_so_and_can_be_resumed() {
    let healed = Arc::new(AtomicBool::new(false));
    let well = Arc::clone(&healed);
    let upstream = Upstream::start(move |seen| match Pair::of(seen) {
        pair if pair.names() == ("option 2", "criterion 3") && !well.load(Ordering::Relaxed) => Reply::hang(),
        pair => scores(fair(&pair)),
    })
    .await;
    let server = Server::start(&config(&upstream, "pair_deadline_ms = 400\n"));
    let address = server.address();
    let id = begin(address, "", "t", 3, 4).await;
    let told = good(address, "", "evaluate_options", &of(&id)).await;
    assert_eq!((summary(&told), &told["evaluation_complete"]), ([12, 11, 0, 1], &json!(false)), "{told}");
    let error = told["errors"][0].as_str().unwrap();
    assert!(error.starts_with("option 2 × criterion 3: ") && error.contains("400 ms"), "{error}");
    let matrix = good(address, "", "get_decision_matrix", &of(&id)).await;
    assert_eq!((&matrix["complete"], &matrix["degraded"]), (&json!(false), &json!(true)), "{matrix}");
    let missing = matrix["missing"].as_array().unwrap();
    assert_eq!(missing.len(), 1, "{matrix}");
    assert_eq!((&missing[0]["option"], &missing[0]["criterion"]), (&json!("option 2"), &json!("criterion 3")));
    assert!(missing[0]["reason"].as_str().unwrap().contains("400 ms"), "{missing:?}");
    let formatted = matrix["formatted_output"].as_str().unwrap();
    assert!(formatted.contains("criterion 3") && formatted.contains("400 ms"), "{formatted}");
    let cell = &matrix["matrix"]["option 2"]["criterion 3"];
    assert!(cell["raw_score"].is_null() && cell["outcome"] == "failed", "{cell}");

    healed.store(true, Ordering::Relaxed);
    let before = upstream.seen().len();
    let told = evaluate(address, "", &id).await;
    assert_eq!((summary(&told), &told["complete"]), ([12, 12, 0, 0], &json!(true)), "{told}");
    let asked = counts(&upstream.seen()[before..]);
    assert_eq!(asked.keys().map(Pair::names).collect::<Vec<_>>(), [("option 2", "criterion 3")], "that pair alone");
    assert_eq!((&told["asked"], &told["reused"]), (&json!(1), &json!(11)), "{told}");
}

#[tokio::test]
async fn what_a_request_has_no_time_for_is_missing_with_the_reason_and_is_done_by_the_next() {
    let upstream = judge(Duration::from_millis(150)).await;
    let server = Server::start(&config(&upstream, "criterion_in_flight_max = 2\nin_flight_max = 2\n"));
    let address = server.address();
    let id = begin(address, "", "t", 5, 2).await;
    let headers = [("x-althing-timeout-ms", "450")];
    let line = format!("POST /api/v1/decisions/{id}/evaluate");
    let reply = crate::support::ask_with(address, &line, &headers, b"").await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let told = reply.json();
    let [all, done, _, open] = summary(&told);
    assert!(told["complete"] == false && done > 0 && open > 0 && done + open == all, "{told}");
    let missing = told["missing"].as_array().unwrap();
    assert!(!missing.is_empty(), "{told}");
    for it in missing {
        assert!(!it["reason"].as_str().unwrap().is_empty() && it["retryable"] == true, "{it}");
    }
    let told = evaluate(address, "", &id).await;
    assert_eq!((summary(&told), &told["reused"]), ([10, 10, 0, 0], &json!(done)), "{told}");
}
