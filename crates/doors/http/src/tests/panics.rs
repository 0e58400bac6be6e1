//! Defects of our own, made on purpose.

use super::support::{Live, app_of, get, settings};
use axum::Router;
use axum::body::Body;
use axum::routing::get as route;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use std::convert::Infallible;
use std::sync::atomic::Ordering;
use std::time::Duration;
use testkit::listen;

fn faulty() -> Router {
    let broken = || async {
        let events = stream::iter(0..3).then(|at| async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            assert!(at < 2, "SECRET in a body");
            Ok::<_, Infallible>(Bytes::from("piece\n"))
        });
        Body::from_stream(events)
    };
    Router::new()
        .route(
            "/at-once",
            route(|| async {
                if true {
                    panic!("SECRET in a handler")
                }
            }),
        )
        .route(
            "/formatted",
            route(|| async {
                if true {
                    panic!("SECRET {}", 1)
                }
            }),
        )
        .route(
            "/odd",
            route(|| async {
                if true {
                    std::panic::panic_any(7)
                }
            }),
        )
        .route("/in-body", route(broken))
        .route("/fine", route(|| async { "fine" }))
}

#[tokio::test]
async fn a_panic_is_a_500_with_the_request_id() {
    let (log, _heard) = listen();
    let app = app_of(&settings(""), vec![("/nested", faulty()), ("/v1/nested", faulty())]);
    for path in ["/nested/at-once", "/nested/formatted", "/nested/odd"] {
        let reply = get(&app, path).await;
        let problem = reply.json();
        assert_eq!((reply.status.as_u16(), &problem["code"]), (500, &"internal_error".into()), "{path}");
        assert_eq!(problem["request_id"].as_str(), reply.header("x-althing-request-id"));
        assert!(!problem.to_string().contains("SECRET"), "{problem}");
        assert!(log.text().contains(problem["request_id"].as_str().unwrap()), "{}", log.text());
    }
    assert_eq!(get(&app, "/v1/nested/at-once").await.refusal(), (500, "internal_error".to_owned()));
    assert_eq!(get(&app, "/nested/fine").await.body, "fine");
    assert_eq!(app.0.in_flight.load(Ordering::Relaxed), 0);
    let row = "althing_requests_total{door=\"http\",route=\"/nested\",status=\"500\"} 3";
    assert!(app.0.metrics.encode().contains(row), "{}", app.0.metrics.encode());
}

#[tokio::test]
async fn a_panic_in_a_body_breaks_one_reply_off_and_nothing_else() {
    let live = Live::of(&settings(""), vec![("/nested", faulty())]).await;
    let cut = live.exchange(b"GET /nested/in-body HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    assert!(cut.starts_with("HTTP/1.1 200 OK") && cut.contains("piece"), "{cut}");
    assert!(!cut.ends_with("0\r\n\r\n"), "the end is missing, so that the client can tell: {cut}");
    let panicked = b"GET /nested/at-once HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let fine = b"GET /nested/fine HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    let both = live.exchange(&[&panicked[..], fine].concat()).await;
    assert!(both.starts_with("HTTP/1.1 500 ") && both.ends_with("fine"), "the connection lives on: {both}");
    live.quiet().await;
}
