//! What only real sockets show: who is waited for, and who still hears why not.

use super::support::{CHAT, Live, PATIENCE, question, read_all, settings};
use axum::Router;
use axum::body::Body;
use axum::routing::get;
use bytes::Bytes;
use futures_util::stream;
use std::convert::Infallible;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};

const MIB: usize = 1024 * 1024;

pub(super) fn endless() -> Router {
    let piece = Bytes::from(vec![b'x'; 64 * 1024]);
    let body = move || async { Body::from_stream(stream::repeat(Ok::<_, Infallible>(piece))) };
    Router::new().route("/endless", get(body))
}

#[tokio::test]
async fn who_sends_too_much_still_hears_why_it_was_refused() {
    let live = Live::start("body_bytes_max = 1000").await;
    let body = vec![b'x'; 8 * MIB];
    let chunked = [format!("{:x}\r\n", body.len()).as_bytes(), &body, b"\r\n0\r\n\r\n"].concat();
    let announced = format!("content-length: {}", body.len());
    for (path, framing, body, status) in [
        (CHAT, announced.as_str(), &body, 413),
        (CHAT, "transfer-encoding: chunked", &chunked, 413),
        ("/nowhere", announced.as_str(), &body, 404),
        ("/livez", announced.as_str(), &body, 405),
    ] {
        let head = format!("POST {path} HTTP/1.1\r\nhost: localhost\r\n{framing}\r\n\r\n");
        let mut stream = live.connect().await;
        // Only then does it listen, as most clients do.
        stream.write_all(&[head.as_bytes(), body].concat()).await.unwrap();
        let reply = read_all(&mut stream).await;
        assert!(reply.starts_with(&format!("HTTP/1.1 {status} ")), "{path} {framing}: {reply:?}");
    }
    live.quiet().await;
}

#[tokio::test]
async fn who_takes_nothing_is_let_go() {
    let live = Live::of(&settings("stream_idle_ms = 300"), vec![("/nested", endless())]).await;
    let mut stream = live.connect().await;
    stream.write_all(b"GET /nested/endless HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    sleep(Duration::from_millis(100)).await;
    assert_eq!(live.app.0.metrics.requests_in_flight().value(), 1);
    live.quiet().await;
}

#[tokio::test]
async fn who_takes_little_is_not() {
    let live = Live::of(&settings("stream_idle_ms = 500"), vec![("/nested", endless())]).await;
    let mut stream = live.connect().await;
    stream.write_all(b"GET /nested/endless HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut bytes = vec![0; 4 * MIB];
    let started = Instant::now();
    while started.elapsed() < Duration::from_millis(1_500) {
        sleep(Duration::from_millis(100)).await;
        assert!(stream.read(&mut bytes).await.unwrap() > 0);
    }
    drop(stream);
    live.quiet().await;
}

#[tokio::test]
async fn who_leaves_is_noticed_whatever_was_sent_behind() {
    let live = Live::start("").await;
    let body = question("s/mute").to_string();
    let asked = format!("POST {CHAT} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let next = "GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n";
    for (behind, later) in [("", ""), ("\r\n", ""), (next, ""), ("", "\r\n"), ("\r\n", next)] {
        let mut stream = live.connect().await;
        for bytes in [format!("{asked}{behind}"), later.to_owned()] {
            stream.write_all(bytes.as_bytes()).await.unwrap();
            sleep(Duration::from_millis(50)).await;
            assert_eq!(live.app.0.metrics.requests_in_flight().value(), 1, "{behind:?} {later:?}");
        }
        drop(stream);
        timeout(Duration::from_secs(5), live.quiet()).await.unwrap_or_else(|_| panic!("{behind:?} {later:?}"));
    }
}

#[tokio::test]
async fn who_waits_is_answered_whatever_was_sent_behind() {
    let live = Live::start("").await;
    let body = question("s/slow").to_string();
    let asked = format!("POST {CHAT} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let mut stream = live.connect().await;
    stream.write_all(format!("{asked}\r\n").as_bytes()).await.unwrap();
    sleep(Duration::from_millis(50)).await;
    let last = "GET /livez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    stream.write_all(last.as_bytes()).await.unwrap();
    let replies = read_all(&mut stream).await;
    assert_eq!(replies.matches("HTTP/1.1 200 OK").count(), 2, "{replies}");
    live.quiet().await;
}

#[tokio::test]
async fn slow_headers_and_silence_end_a_connection() {
    let live = Live::start("header_read_ms = 200").await;
    for start in ["", "GET /livez HTTP/1.1\r\nhost: loc", "GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n"] {
        let mut stream = live.connect().await;
        stream.write_all(start.as_bytes()).await.unwrap();
        let started = Instant::now();
        read_all(&mut stream).await;
        assert!(started.elapsed() < Duration::from_secs(3), "{start:?}: {:?}", started.elapsed());
    }
    live.quiet().await;
}

#[tokio::test]
async fn requests_in_a_row_are_answered_in_their_order() {
    let live = Live::start("").await;
    let one = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    let last = "GET /livez HTTP/1.0\r\nhost: localhost\r\n\r\n";
    let replies = live.exchange([&one("/livez"), &one("/nowhere"), &one("/readyz"), last].concat().as_bytes()).await;
    let statuses: Vec<&str> = replies.match_indices("HTTP/1.").map(|(at, _)| &replies[at + 9..at + 12]).collect();
    assert_eq!(statuses, ["200", "404", "200", "200"], "{replies}");
}

#[tokio::test]
async fn two_lengths_never_make_two_requests() {
    let live = Live::start("").await;
    let hidden = "GET /hidden HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let both = ["content-length: 5\r\ntransfer-encoding: chunked", "transfer-encoding: chunked\r\ncontent-length: 60"];
    for framing in both {
        let request = format!("POST {CHAT} HTTP/1.1\r\nhost: localhost\r\n{framing}\r\n\r\n0\r\n\r\n{hidden}");
        let replies = live.exchange(request.as_bytes()).await;
        assert_eq!(replies.matches("HTTP/1.1 ").count(), 1, "one reply, then the end: {replies}");
        assert!(replies.starts_with("HTTP/1.1 400 ") && !replies.contains("hidden"), "{replies}");
    }
    for framing in [
        "content-length: 5\r\ncontent-length: 6",
        "content-length: 5, 6",
        "content-length: +5",
        "content-length: -1",
        "transfer-encoding: gzip",
        "transfer-encoding: chunked, identity",
        "transfer-encoding: xchunked",
    ] {
        let request = format!("POST {CHAT} HTTP/1.1\r\nhost: localhost\r\n{framing}\r\n\r\n0\r\n\r\n{hidden}");
        let replies = live.exchange(request.as_bytes()).await;
        assert!(replies.starts_with("HTTP/1.1 400 "), "{framing}: {replies}");
        assert_eq!(replies.matches("HTTP/1.1 ").count(), 1, "{framing}: {replies}");
    }
}

#[tokio::test]
async fn a_full_house_makes_others_wait() {
    let live = Live::start("connections_max = 2\nheader_read_ms = 60000").await;
    let held = [live.connect().await, live.connect().await];
    sleep(Duration::from_millis(100)).await;
    let mut third = live.connect().await;
    third.write_all(b"GET /livez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut byte = [0];
    assert!(timeout(Duration::from_millis(300), third.read(&mut byte)).await.is_err(), "it has to wait");
    assert_eq!(live.app.0.metrics.connections_open().value(), 2);
    drop(held);
    let reply = timeout(PATIENCE, read_all(&mut third)).await.unwrap();
    assert!(reply.contains("200 OK"), "{reply}");
    live.quiet().await;
}
