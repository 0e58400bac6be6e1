//! Too many at once, too late, and on the way out.

use super::support::{CHAT, Live, PATIENCE, app, ask, call, get, post, question, read_all, request};
use axum::body::Body;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;
use tower::ServiceExt;

#[tokio::test(start_paused = true)]
async fn beyond_the_room_is_refused_while_watchers_are_not() {
    let app = app("in_flight_max = 2");
    let hold = |model: &str| app.router().oneshot(request("POST", CHAT, question(model).to_string()));
    let held = [tokio::spawn(hold("s/mute")), tokio::spawn(hold("s/mute"))];
    tokio::time::sleep(Duration::from_millis(50)).await;
    let reply = ask(&app, "s/ash").await;
    assert_eq!(reply.refusal(), (503, "overloaded".to_owned()));
    assert_eq!(reply.header("retry-after"), Some("1"));
    let problem = get(&app, "/").await;
    assert_eq!((problem.status.as_u16(), problem.json()["code"].as_str()), (503, Some("overloaded")));
    for path in ["/livez", "/readyz", "/metrics"] {
        assert_eq!(get(&app, path).await.status, 200, "{path}");
    }
    let figures = String::from_utf8(get(&app, "/metrics").await.body.to_vec()).unwrap();
    assert!(figures.contains("althing_shed_total{where=\"server\"} 2"), "{figures}");
    assert!(figures.contains("althing_requests_in_flight 2"), "watchers are not counted: {figures}");
    held.iter().for_each(tokio::task::JoinHandle::abort);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(ask(&app, "s/ash").await.status, 200);
    assert_eq!(app.0.in_flight.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_reply_that_is_not_read_keeps_its_room_until_it_is_dropped() {
    let app = app("in_flight_max = 1");
    let reply = app.router().oneshot(request("GET", "/v1/models", Body::empty())).await.unwrap();
    assert_eq!(get(&app, "/v1/models").await.status, 503);
    drop(reply);
    assert_eq!(get(&app, "/v1/models").await.status, 200);
}

#[tokio::test]
async fn draining_refuses_the_new_and_says_so() {
    let app = app("");
    app.0.draining.store(true, Ordering::Relaxed);
    let reply = ask(&app, "s/ash").await;
    assert_eq!(reply.refusal(), (503, "draining".to_owned()));
    assert_eq!(reply.header("retry-after"), Some("1"));
    let ready = get(&app, "/readyz").await;
    assert_eq!((ready.status.as_u16(), &ready.json()["draining"]), (503, &true.into()));
    assert_eq!(get(&app, "/livez").await.status, 200);
}

#[tokio::test]
async fn draining_finishes_what_has_begun_and_is_not_held_up_by_watchers() {
    let mut live = Live::start("drain_ms = 20000").await;
    let mut asking = live.connect().await;
    let body = question("s/slow").to_string();
    let head = format!(
        "POST {CHAT} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    asking.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    live.stop();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let ready = live.exchange(b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await;
    assert!(ready.starts_with("HTTP/1.1 503 "), "{ready}");
    let answer = read_all(&mut asking).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.contains("choices"), "{answer}");
    timeout(PATIENCE, live.served).await.expect("the server ends").unwrap();
}

#[tokio::test(start_paused = true)]
async fn deadlines() {
    let app = app("deadline_ms = 5000");
    for (header, waited) in [(None, 5_000), (Some("700"), 700), (Some("0"), 1), (Some("99999999999999"), 5_000)] {
        let mut asked = request("POST", CHAT, question("s/mute").to_string());
        if let Some(header) = header {
            asked.headers_mut().insert("x-althing-timeout-ms", header.parse().unwrap());
        }
        let before = tokio::time::Instant::now();
        let reply = call(&app, asked).await;
        assert_eq!(reply.refusal(), (504, "deadline_exceeded".to_owned()), "{header:?}");
        let took = before.elapsed().as_millis();
        assert!((waited..waited + 100).contains(&took), "{header:?}: {took} ms");
    }
    for wrong in ["soon", "-1", "1.5", "", "99999999999999999999999"] {
        let mut asked = request("POST", CHAT, question("s/ash").to_string());
        asked.headers_mut().insert("x-althing-timeout-ms", wrong.parse().unwrap());
        assert_eq!(call(&app, asked).await.refusal(), (400, "invalid_header".to_owned()), "{wrong:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_streamed_panel_that_is_left_stops_asking() {
    let app = app("");
    let mut body = question("late");
    body["stream"] = true.into();
    let reply = app.router().oneshot(request("POST", CHAT, body.to_string())).await.unwrap();
    assert_eq!(reply.headers()["content-type"], "text/event-stream; charset=utf-8");
    assert_eq!(app.0.in_flight.load(Ordering::Relaxed), 1);
    drop(reply);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(app.0.in_flight.load(Ordering::Relaxed), 0);
    let figures = app.0.metrics.encode();
    assert!(figures.contains(r#"model="slow",outcome="cancelled"} 1"#), "{figures}");
    assert!(figures.contains(r#"model="slow",outcome="answered"} 0"#), "{figures}");
    let whole = post(&app, body.to_string()).await;
    let text = String::from_utf8(whole.body.to_vec()).unwrap();
    assert!(text.starts_with(": ") && text.ends_with("data: [DONE]\n\n"), "{text}");
}
