//! What is told of a page, and who is asked for one.

use super::{WITHIN, providers, told};
use crate::command::doctor::table;
use doctor::Status;
use remote::Server;
use serde_json::{Value, json};
use terminal::{WIDTH, length};
use testkit::{Reply, Upstream};

fn page() -> Value {
    let model = |id: &str, more: Value| {
        let mut model = json!({ "id": id, "breaker": "closed", "in_flight": 3, "waiting": 1, "calls": 0 });
        model.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        model
    };
    let times = json!({ "p50": 81.4, "p90": 90.0, "p95": 95.0, "p99": 1234.5 });
    let asked = json!({ "calls": 120, "error_rate": 0.0166, "first_token_ms": times, "rpm": 20, "tpm": 9 });
    json!({ "items": [{
        "name": "aws",
        "limits": { "in_flight_max": 10, "queue_max": 1024, "timeout_ms": 30_000, "connect_ms": 5, "pool_max": 20 },
        "models": [
            model("aws/eu.anthropic.claude-sonnet-4-5-20250929-v1:0", asked),
            model("aws/idle", json!({})),
            model("aws/down", json!({ "calls": 5, "error_rate": 1.0, "breaker": "open" })),
        ],
    }, { "name": "s\u{1b}[2J", "limits": { "queue_max": 5 }, "models": [] }] })
}

#[test]
fn every_provider_and_what_was_asked_is_told_in_short_lines() {
    let checks = told(&page());
    let text = table(&checks);
    for expect in [
        "live aws",
        "3 of 10 calls, 1 of 1024 waiting, 30 s each, pool of 20",
        "breaker closed, 1.7 % of 120 failed",
        "p50 81 p90 90 p95 95 p99 1234 ms",
        "rpm 20, tpm 9",
        "warn",
        "breaker open, 100.0 % of 5 failed",
    ] {
        let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains(expect), "{expect}:\n{text}");
    }
    assert!(!text.contains("aws/idle") && !text.contains('\u{1b}'), "{text}");
    assert!(text.lines().all(|line| length(line) <= WIDTH), "{text}");
    assert_eq!(checks.iter().filter(|check| check.status == Status::Warn).count(), 1);
}

#[test]
fn what_is_no_page_says_nothing() {
    for page in [json!(null), json!([]), json!({ "items": 3 }), json!({ "items": [] })] {
        assert!(told(&page).is_empty(), "{page}");
    }
    assert_eq!(told(&json!({ "items": [{}] })).len(), 1);
}

#[tokio::test]
async fn the_server_is_asked_with_the_key_and_nobody_else_is() {
    let server = Upstream::start(|seen| match seen.header("authorization") {
        Some("Bearer k") => Reply::json(200, &page()),
        _ => Reply::json(401, &json!({})),
    })
    .await;
    let root = format!("http://{}", server.addr());
    let of = |key: Option<&str>| Server::at(&root, key.map(str::to_owned));
    assert_eq!(providers(&of(Some(" k\n"))).await.len(), told(&page()).len());
    let refused = providers(&of(None)).await;
    assert!(refused[0].detail.contains("wants a key"), "{:?}", refused[0].detail);
    assert!(server.seen().iter().all(|seen| seen.path == "/api/v1/providers?look=false"));
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert!(providers(&Server::at(&format!("http://{closed}"), None)).await.is_empty());
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let began = std::time::Instant::now();
    let address = silent.local_addr().unwrap();
    assert!(providers(&Server::at(&format!("http://{address}"), None)).await.is_empty());
    assert!(began.elapsed() < WITHIN * 2);
}
