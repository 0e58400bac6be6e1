//! A route over two providers, the first of which fails in every way there is.

use crate::support::{Server, chat, get, nobody, provider, question, says};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use testkit::{Reply, Seen, Upstream};

/// Settings with the route `steady` from the first address to the second.
fn config(first: &str, second: &str) -> String {
    let route = "[[route]]\nname = \"steady\"\nrules = [{ models = [\"first/m\", \"second/m\"] }]\n";
    let first = provider("first", first, &["m"]) + "timeout_ms = 400\n";
    first + &provider("second", second, &["m"]) + route
}

fn streams(seen: &Seen) -> bool {
    seen.json()["stream"] == true
}

/// The second, which works.
async fn second() -> Upstream {
    Upstream::start(|seen| if streams(seen) { Reply::chat_stream(&["sec", "ond"]) } else { Reply::chat("second") })
        .await
}

/// Asks through the route, whole and streamed: both times the second answers and the report says why.
async fn ends_with_the_second(first: &str, reason: &str) {
    let second = second().await;
    let server = Server::start(&config(first, &second.url()));
    for stream in [false, true] {
        let started = Instant::now();
        let reply = chat(server.address(), &question("steady", stream)).await.finish().await;
        assert_eq!(reply.content(), "second", "stream: {stream}, {}", reply.text());
        assert_eq!(reply.header("x-althing-served-by"), Some("second/m"));
        assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
        if stream {
            assert!(reply.is_done());
            continue;
        }
        let report = &reply.json()["althing"];
        assert_eq!((&report["served_by"], &report["degraded"]), (&"second/m".into(), &true.into()));
        let reasons = report["reasons"].to_string();
        assert!(reasons.contains("first/m") && reasons.contains(reason), "{reasons}");
    }
}

async fn answering(reply: impl Fn(&Seen) -> Reply + Send + Sync + 'static, reason: &str) {
    let first = Upstream::start(reply).await;
    ends_with_the_second(&first.url(), reason).await;
}

#[tokio::test]
async fn a_failure() {
    answering(|_| Reply::error(500, "server_error", "SECRET"), "failed with 500").await;
}

#[tokio::test]
async fn a_rate_limit_is_not_waited_for() {
    answering(|_| Reply::error(429, "rate_limit_error", "slow down").header("retry-after", "30"), "rate limiting")
        .await;
}

#[tokio::test]
async fn silence() {
    answering(|_| Reply::hang(), "no answer within 400 ms").await;
}

#[tokio::test]
async fn a_cut_before_the_first_token() {
    // A stream has told its role by then; a whole answer, ten bytes.
    let cut = |seen: &Seen| {
        if streams(seen) { Reply::chat_stream(&["no"]).cut_after(1, 5) } else { Reply::chat("no").cut_after(0, 10) }
    };
    answering(cut, "closed").await;
}

#[tokio::test]
async fn something_that_is_not_json() {
    answering(|_| Reply::body(200, "application/json", "<html>SECRET</html>"), "not a chat reply").await;
}

#[tokio::test]
async fn a_stream_of_nonsense() {
    let nonsense =
        |seen: &Seen| if streams(seen) { Reply::stream(&["{nonsense"]) } else { Reply::json(200, &Value::Null) };
    answering(nonsense, "not a chat reply").await;
}

#[tokio::test]
async fn nobody_there() {
    ends_with_the_second(&nobody(), "connect").await;
}

#[tokio::test]
async fn once_the_first_has_spoken_the_second_never_does() {
    let first = Upstream::start(|_| Reply::stream(&[&says("first ")]).cut()).await;
    let second = second().await;
    let server = Server::start(&config(&first.url(), &second.url()));
    let reply = chat(server.address(), &question("steady", true)).await.finish().await;
    assert!(reply.whole);
    assert_eq!(reply.content(), "first ");
    assert_eq!(reply.events().last().unwrap()["error"]["code"], "upstream_closed");
    assert!(second.seen().is_empty());
}

#[tokio::test]
async fn if_neither_answers_every_attempt_is_listed_and_no_upstream_is_quoted() {
    let failing = || Upstream::start(|_| Reply::error(500, "server_error", "SECRET"));
    for stream in [false, true] {
        let (first, second) = (failing().await, failing().await);
        let server = Server::start(&config(&first.url(), &second.url()));
        let reply = chat(server.address(), &question("steady", stream)).await.finish().await;
        let error = &reply.json()["error"];
        assert_eq!((reply.status, error["code"].as_str()), (503, Some("no_model_answered")));
        let attempts = error["attempts"].as_array().unwrap();
        let of = |model: &str| attempts.iter().filter(|attempt| attempt["model"] == model).count();
        assert_eq!((of("first/m"), of("second/m")), (first.seen().len(), second.seen().len()));
        assert!(attempts.iter().all(|attempt| attempt["reason"].as_str().is_some_and(|reason| reason.contains("500"))));
        assert!(!reply.text().contains("SECRET"));
    }
}

#[tokio::test]
async fn after_five_failures_the_first_rests_until_it_is_tried_again() {
    let well = Arc::new(AtomicBool::new(false));
    let recovers = Arc::clone(&well);
    let first = Upstream::start(move |_| {
        if recovers.load(Ordering::Relaxed) { Reply::chat("first") } else { Reply::error(500, "server_error", "no") }
    })
    .await;
    let second = second().await;
    let guard = "[guard]\nattempts_max = 1\nbreaker_failures = 5\nbreaker_open_ms = 1500\n";
    let server = Server::start(&format!("{guard}{}", config(&first.url(), &second.url())));
    let ask = async || chat(server.address(), &question("steady", false)).await.finish().await.content();
    for _ in 0..12 {
        assert_eq!(ask().await, "second");
    }
    assert_eq!(first.seen().len(), 5);
    let metrics = get(server.address(), "/metrics").await;
    let state = metrics.text().lines().find(|line| line.starts_with("althing_breaker_state") && line.contains("first"));
    assert!(state.is_some_and(|line| !line.ends_with(" 0")), "{state:?}");

    well.store(true, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_millis(1600)).await;
    assert_eq!(ask().await, "first");
}
