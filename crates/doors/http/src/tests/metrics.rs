//! `/metrics` tells what has happened, and nothing that a client could make up.

use super::support::{CHAT, app, ask, call, get, post, question, request};
use axum::body::Body;
use serde_json::json;
use std::time::Duration;
use tower::ServiceExt;

#[tokio::test(start_paused = true)]
async fn every_end_of_a_request_is_counted_once() {
    let app = app("");
    ask(&app, "s/ash").await;
    ask(&app, "quorum").await;
    ask(&app, "nobody").await;
    ask(&app, "s/broken").await;
    post(&app, "{").await;
    get(&app, "/v1/models/s/ash").await;
    let asked = json!({ "model": "s/ash", "max_tokens": 9, "messages": [{ "role": "user", "content": "x" }] });
    call(&app, request("POST", "/v1/messages/count_tokens", asked.to_string())).await;
    call(&app, request("POST", "/v1/messages/nowhere", "{}")).await;
    get(&app, "/nowhere").await;
    call(&app, request("DELETE", "/livez", Body::empty())).await;
    let left = app.router().oneshot(request("POST", CHAT, question("s/mute").to_string()));
    assert!(tokio::time::timeout(Duration::from_secs(1), left).await.is_err());
    let reply = get(&app, "/metrics").await;
    assert_eq!(reply.header("content-type"), Some(measure::CONTENT_TYPE));
    let figures = String::from_utf8(reply.body.to_vec()).unwrap();
    assert!(figures.ends_with("# EOF\n"));
    for (route, status, count) in [
        (CHAT, 200, 2),
        (CHAT, 404, 1),
        (CHAT, 503, 1),
        (CHAT, 400, 1),
        (CHAT, 499, 1),
        ("/v1/models", 200, 1),
        ("/v1/messages/count_tokens", 200, 1),
        ("/v1/messages", 404, 1),
        ("other", 404, 1),
        ("/livez", 405, 1),
    ] {
        let row = format!("althing_requests_total{{door=\"http\",route=\"{route}\",status=\"{status}\"}} {count}\n");
        assert!(figures.contains(&row), "{row}{figures}");
    }
    assert!(figures.contains("althing_agreement_total{panel=\"quorum\",outcome=\"reached\"} 1"), "{figures}");
    assert!(figures.contains("althing_requests_in_flight 0\n"), "{figures}");
    assert!(figures.contains(&format!("althing_overhead_seconds_count{{route=\"{CHAT}\"}} 2")), "{figures}");
}

#[tokio::test]
async fn no_request_adds_a_label() {
    let app = app("");
    let series = |app: &crate::App| app.0.metrics.encode().lines().filter(|line| line.contains("route=")).count();
    get(&app, "/one").await;
    ask(&app, "unknown-0").await;
    call(&app, request("PATCH", "/v1/models/x", Body::empty())).await;
    let before = series(&app);
    for at in 0..200 {
        get(&app, &format!("/path/{at}?q={at}")).await;
        get(&app, &format!("/v1/models/{at}")).await;
        ask(&app, &format!("unknown-{at}")).await;
        call(&app, request(&format!("M{at}"), "/v1/models/x", Body::empty())).await;
    }
    // One more row: the unknown models' 404.
    assert!(series(&app) <= before + 1, "{before} series became {}", series(&app));
}
