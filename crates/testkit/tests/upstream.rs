//! The scripted upstream, spoken to over a plain socket.
#![allow(clippy::unwrap_used)] // Helpers of tests: a broken socket must stop the test at once.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::{Reply, Upstream, in_turn};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Generous: only a failing test ever waits this long.
const PATIENCE: Duration = Duration::from_secs(10);
const REQUEST: &[u8] =
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: upstream\r\nX-Trace: 7\r\ncontent-length: 13\r\n\r\n{\"model\":\"m\"}";

async fn ask(upstream: &Upstream) -> TcpStream {
    let mut client = TcpStream::connect(upstream.addr()).await.unwrap();
    client.write_all(REQUEST).await.unwrap();
    client
}

async fn read_until(client: &mut TcpStream, end: &str) -> String {
    let mut got = Vec::new();
    while !got.ends_with(end.as_bytes()) {
        assert_ne!(client.read_buf(&mut got).await.unwrap(), 0, "closed after {:?}", String::from_utf8_lossy(&got));
    }
    String::from_utf8(got).unwrap()
}

async fn read_to_close(client: &mut TcpStream) -> String {
    let mut got = String::new();
    client.read_to_string(&mut got).await.unwrap();
    got
}

#[tokio::test]
async fn answers_and_remembers_over_a_kept_connection() {
    let upstream = Upstream::start(in_turn(vec![
        Reply::chat("hello there"),
        Reply::error(429, "rate_limit_error", "slow down").header("retry-after", "2"),
    ]))
    .await;
    assert_eq!(upstream.url(), format!("http://{}/v1", upstream.addr()));

    let mut client = ask(&upstream).await;
    let first = read_until(&mut client, "}}").await;
    let (head, body) = first.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["choices"][0]["message"]["content"], "hello there");
    client.write_all(REQUEST).await.unwrap();
    let second = read_until(&mut client, "}}").await;
    assert!(second.starts_with("HTTP/1.1 429 ") && second.contains("retry-after: 2"), "{second}");

    let seen = upstream.wait_seen(2, PATIENCE).await;
    assert_eq!((seen[0].method.as_str(), seen[0].path.as_str()), ("POST", "/v1/chat/completions"));
    assert_eq!(seen[0].header("x-trace"), Some("7"));
    assert_eq!(seen[1].json(), json!({"model": "m"}));
    assert!(seen[0].at <= seen[1].at);
    assert_eq!((upstream.open_connections(), upstream.accepted_connections()), (1, 1));
    drop(client);
    upstream.wait_open_connections(0, PATIENCE).await;
    assert!(upstream.cancelled().is_empty());
}

#[tokio::test]
async fn streams_each_event_when_its_time_has_come() {
    let wait = Duration::from_millis(40);
    let upstream = Upstream::start(move |_| Reply::chat_stream(&["Hel", "lo"]).after(wait).pause(wait)).await;
    let start = Instant::now();
    let mut client = ask(&upstream).await;
    read_until(&mut client, "\"finish_reason\":null}]}\n\n\r\n").await;
    let first = start.elapsed();
    let rest = read_until(&mut client, "data: [DONE]\n\n\r\n0\r\n\r\n").await;
    assert!(first >= wait, "{first:?}");
    assert!(start.elapsed() >= 5 * wait, "{:?}", start.elapsed());
    assert!(rest.contains("\"content\":\"Hel\"") && rest.contains("\"content\":\"lo\""), "{rest}");
}

#[tokio::test]
async fn a_client_that_leaves_early_is_noticed_wherever_the_reply_is() {
    let hour = Duration::from_secs(3600);
    let upstream = Upstream::start(in_turn(vec![
        Reply::hang(),
        Reply::chat("late").after(hour),
        Reply::stream(&["a", "b"]).pause(hour),
        Reply::stream(&["a"]).stall(),
        Reply::body(200, "text/plain", vec![b'x'; 32 << 20]),
    ]))
    .await;
    for n in 1..=5 {
        let client = ask(&upstream).await;
        upstream.wait_seen(n, PATIENCE).await;
        assert_eq!(upstream.cancelled().len(), n - 1);
        let left = Instant::now();
        drop(client);
        assert!(upstream.wait_cancelled(n, PATIENCE).await[n - 1] >= left);
    }
    upstream.wait_open_connections(0, PATIENCE).await;
}

#[tokio::test]
async fn cuts_resets_and_garbage_reach_the_client_as_scripted() {
    let upstream = Upstream::start(in_turn(vec![
        Reply::stream(&["one", "two"]).cut_after(1, 7),
        Reply::chat("never whole").cut_after(0, 5),
        Reply::bare().raw("not http at all\r\n\r\n"),
        Reply::bare(),
        Reply::bare().reset(),
    ]))
    .await;
    assert!(read_to_close(&mut ask(&upstream).await).await.ends_with("b\r\ndata: one\n\n\r\n7\r\ndata: t\r\n"));
    assert!(read_to_close(&mut ask(&upstream).await).await.ends_with("\r\n\r\n{\"id\""));
    assert_eq!(read_to_close(&mut ask(&upstream).await).await, "not http at all\r\n\r\n");
    assert_eq!(read_to_close(&mut ask(&upstream).await).await, "");
    let reset = ask(&upstream).await.read_u8().await.unwrap_err();
    assert_eq!(reset.kind(), std::io::ErrorKind::ConnectionReset);
    assert!(upstream.cancelled().is_empty(), "an upstream that cuts is not a client that leaves");
}

#[tokio::test]
async fn a_stopped_upstream_refuses_and_can_come_back() {
    let upstream = Upstream::start(|_| Reply::hang()).await;
    let addr = upstream.addr();
    let mut client = ask(&upstream).await;
    upstream.wait_seen(1, PATIENCE).await;
    upstream.stop().await;
    assert_eq!(read_to_close(&mut client).await, "");
    assert!(TcpStream::connect(addr).await.is_err());
    let again = Upstream::start_at(addr, |_| Reply::chat("back")).await;
    assert!(read_until(&mut ask(&again).await, "}}").await.contains("back"));
}
