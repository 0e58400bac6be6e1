//! Several servers on one store: one of them evaluates a decision at a time, and whoever dies is taken over from.

use super::judge::{Pair, config, counts, judge};
use super::rest::{events, listening};
use super::{bad, begin, evaluate, good, of, scored, summary};
use crate::support::{Place, Server, ask, until};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::Duration;
use testkit::{Postgres, Upstream};

/// Two servers on one database, which ask the same provider.
fn two(postgres: &Postgres, upstream: &Upstream, rules: &str) -> [Server; 2] {
    let config = format!("{}\n[store]\nurl = {:?}\n", config(upstream, rules), postgres.url());
    [Place::new(&config).start(), Place::new(&config).start()]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_servers_one_evaluates_at_a_time_and_a_dead_one_is_taken_over_from() {
    let postgres = Postgres::start();
    let upstream = judge(Duration::from_millis(250)).await;
    let rules = "lease_ms = 1_500\nin_flight_max = 2\ncriterion_in_flight_max = 2\n";
    let [first, second] = two(&postgres, &upstream, rules);
    let (one, other) = (first.address(), second.address());
    let id = begin(one, "", "t", 4, 2).await;
    assert_eq!(good(other, "", "current_session", &json!({})).await["session_id"], id.as_str(), "they share it");

    // Both at once, again and again: one of them does it, and the other says why it does not.
    let at_once = tokio::join!(refused_or_done(one, &id), refused_or_done(other, &id));
    assert!(matches!(at_once, (true, false) | (false, true)), "{at_once:?}");
    assert_eq!(counts(&upstream.seen()).values().copied().collect::<Vec<_>>(), [1; 8], "each pair was asked once");
    let told = evaluate(other, "", &id).await;
    assert_eq!((summary(&told), &told["asked"], &told["reused"]), ([8, 8, 0, 0], &json!(0), &json!(8)), "{told}");

    // While one evaluates, the other waits for no longer than it takes to see a sign of life.
    let id = begin(one, "", "u", 6, 2).await;
    let before = upstream.seen().len();
    let running = tokio::spawn({
        let id = id.clone();
        async move { crate::support::try_ask(one, "", "POST", &format!("/api/v1/decisions/{id}/evaluate"), None).await }
    });
    until("it runs", async || (upstream.seen().len() >= before + 5).then_some(())).await;
    let shape = bad(other, "", "evaluate_options", &of(&id)).await;
    assert_eq!(shape["error_code"], "evaluation_running", "{shape}");
    assert!(shape["error"].as_str().unwrap().ends_with("is being evaluated: by another server"), "{shape}");

    // Killed, it gives no sign of life any more; the other goes on where it ended.
    drop(first.killed());
    assert!(running.await.unwrap().is_none());
    let recorded: HashSet<_> = scored(other, "", &id).await.into_iter().collect();
    assert!(!recorded.is_empty() && recorded.len() < 12, "{}", recorded.len());
    let before = upstream.seen().len();
    let told = evaluate(other, "", &id).await;
    assert_eq!((summary(&told), &told["reused"]), ([12, 12, 0, 0], &json!(recorded.len())), "{told}");
    for Pair { option, criterion, .. } in upstream.seen()[before..].iter().map(Pair::of) {
        assert!(!recorded.contains(&(option.clone(), criterion.clone())), "{option} × {criterion} was bought twice");
    }
}

/// Whether it was this server that evaluated.
async fn refused_or_done(address: SocketAddr, id: &str) -> bool {
    let result = super::call(address, "", "evaluate_options", &of(id)).await.result();
    if result["isError"] == true {
        assert!(result.to_string().contains("evaluation_running"), "{result}");
        return false;
    }
    assert_eq!(result["structuredContent"]["evaluation_complete"], true, "{result}");
    true
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_server_evaluates_is_followed_on_the_other() {
    let postgres = Postgres::start();
    let upstream = judge(Duration::from_millis(700)).await;
    let rules = "lease_ms = 1_500\nin_flight_max = 2\ncriterion_in_flight_max = 2\n";
    let [first, second] = two(&postgres, &upstream, rules);
    let (one, other) = (first.address(), second.address());
    let id = begin(one, "", "t", 5, 2).await;
    let heard = events(&listening(other, &id).await.finish().await);
    assert_eq!(told(&heard), [("finished", 0)], "nothing runs");

    start(one, &id).await;
    let heard = events(&listening(other, &id).await.finish().await);
    let (last, steps) = heard.split_last().unwrap();
    let figures = ["total", "done", "scored", "abstained", "failed"].map(|name| last.1[name].as_u64());
    assert_eq!((last.0.as_str(), figures), ("finished", [10, 10, 10, 0, 0].map(Some)), "{heard:?}");
    assert!(steps.iter().all(|(name, data)| name == "progress" && data["total"] == 10), "{heard:?}");
    let done: Vec<u64> = told(&heard).into_iter().map(|(_, done)| done).collect();
    assert!(done.is_sorted() && done.iter().collect::<HashSet<_>>().len() > 2, "it goes on step by step: {done:?}");
    assert_eq!(scored(other, "", &id).await.len(), 10);

    // Killed, it gives no sign of life any more, and whoever listens hears how far it came.
    let id = begin(one, "", "u", 5, 2).await;
    start(one, &id).await;
    until("a score", async || (!scored(other, "", &id).await.is_empty()).then_some(())).await;
    let open = listening(other, &id).await;
    drop(first.killed());
    let heard = events(&open.finish().await);
    let recorded = scored(other, "", &id).await.len() as u64;
    assert!(recorded < 10 && told(&heard).last() == Some(&("finished", recorded)), "{recorded} {heard:?}");
}

/// Begins to evaluate, and waits for nothing.
async fn start(address: SocketAddr, id: &str) {
    let reply = ask(address, "", "POST", &format!("/api/v1/decisions/{id}/evaluate?wait=false"), None).await;
    assert_eq!(reply.status, 202, "{}", reply.text());
}

/// Names of events, and how many pairs were done.
fn told(heard: &[(String, Value)]) -> Vec<(&str, u64)> {
    heard.iter().map(|(name, data)| (name.as_str(), data["done"].as_u64().unwrap())).collect()
}
