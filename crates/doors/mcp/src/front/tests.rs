//! What the front does with answers that take long, and with clients that only listen.

use super::{Front, KEEP_ALIVE, PATIENCE, serve};
use crate::tests::{Ask, modern_call};
use crate::{McpConfig, McpDoor};
use axum::body::Body;
use axum::response::Response;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

fn front(ask: Ask, drain: CancellationToken) -> Front {
    let config = McpConfig { tools: vec![Arc::new(ask)], body_bytes_max: 4096, ..McpConfig::default() };
    let door = McpDoor::new(config).unwrap();
    Front { body_wait: Duration::from_secs(1), ..Front::new(&door, drain) }
}

async fn frames(response: Response) -> Vec<String> {
    let mut body = response.into_body();
    let mut frames = Vec::new();
    while let Some(frame) = body.frame().await {
        frames.push(String::from_utf8(frame.unwrap().into_data().unwrap().to_vec()).unwrap());
    }
    frames
}

#[tokio::test(start_paused = true)]
async fn a_long_answer_comes_through_a_stream_that_was_opened_before_it() {
    let ask = Ask { takes: PATIENCE + KEEP_ALIVE + Duration::from_secs(5), ..Ask::default() };
    let request = modern_call(r#"{"name":"ask","arguments":{"prompt":"hi"}}"#);
    let response = serve(front(ask, CancellationToken::new()), None, request).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let frames = frames(response).await;
    assert_eq!(frames[0], ": working\n\n");
    let answer = frames[1].strip_prefix("data: ").unwrap().strip_suffix("\n\n").unwrap();
    let answer: serde_json::Value = serde_json::from_str(answer).unwrap();
    assert_eq!(answer["id"], 7);
    assert_eq!(answer["result"]["structuredContent"]["answer"], "hi");
}

#[tokio::test(start_paused = true)]
async fn dropping_a_stream_that_waits_drops_the_work() {
    let dropped = Arc::new(AtomicUsize::new(0));
    let ask = Ask { takes: Duration::from_secs(100), dropped: Arc::clone(&dropped) };
    let request = modern_call(r#"{"name":"ask","arguments":{"prompt":"hi"}}"#);
    let response = serve(front(ask, CancellationToken::new()), None, request).await;
    assert_eq!(dropped.load(Ordering::SeqCst), 0);
    drop(response);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_wants_progress_hears_of_it() {
    let ask = Ask { takes: Duration::from_secs(12), ..Ask::default() };
    let request = modern_call(r#"{"name":"ask","arguments":{"prompt":"hi"},"_meta":{"progressToken":"p"}}"#);
    let frames = frames(serve(front(ask, CancellationToken::new()), None, request).await).await.concat();
    assert_eq!(frames.matches(r#""method":"notifications/progress""#).count(), 2, "{frames}");
    assert!(frames.contains(r#""progressToken":"p","progress":5"#), "{frames}");
    assert!(frames.contains(r#""answer":"hi""#), "{frames}");
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused() {
    let request = modern_call(&format!(r#"{{"name":"ask","arguments":{{"prompt":"{}"}}}}"#, "x".repeat(5000)));
    let response = serve(front(Ask::default(), CancellationToken::new()), None, request).await;
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert!(frames(response).await.concat().contains("larger than 4096 bytes"));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_never_arrives_is_not_waited_for() {
    let mut request = modern_call("{}");
    *request.body_mut() = Body::from_stream(futures_util::stream::pending::<Result<&str, axum::Error>>());
    let response = serve(front(Ask::default(), CancellationToken::new()), None, request).await;
    assert_eq!(response.status(), StatusCode::REQUEST_TIMEOUT);
}

#[tokio::test]
async fn listening_ends_when_the_server_drains() {
    let drain = CancellationToken::new();
    let front = front(Ask::default(), drain.clone());
    let hello = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}"#;
    let ask = |method: &str| {
        Request::builder()
            .method(method)
            .uri("/")
            .header("host", "localhost")
            .header("accept", "application/json, text/event-stream")
            .header("content-type", "application/json")
    };
    let hello = serve(front.clone(), None, ask("POST").body(Body::from(hello)).unwrap()).await;
    let session = hello.headers()["mcp-session-id"].clone();
    let listen = ask("GET").header("mcp-session-id", session).body(Body::empty()).unwrap();
    let listening = serve(front.clone(), None, listen).await;
    assert_eq!(listening.status(), StatusCode::OK);
    drain.cancel();
    // Ends at all: without the drain it never would.
    tokio::time::timeout(Duration::from_secs(5), listening.into_body().collect()).await.unwrap().unwrap();
}
