//! An orderly end: told to stop, the server finishes what it has begun and begins nothing more.

use crate::support::{Server, chat, get, provider, question, says, send, until};
use std::time::{Duration, Instant};
use testkit::{Reply, Upstream};

fn config(upstream: &Upstream, drain_ms: u64) -> String {
    format!("[server]\ndrain_ms = {drain_ms}\n{}", provider("kit", &upstream.url(), &["m"]))
}

#[tokio::test]
async fn what_is_in_flight_finishes_and_nothing_new_begins() {
    let words = ["one ", "two ", "three ", "four ", "five ", "six "];
    let upstream = Upstream::start(move |_| Reply::chat_stream(&words).pause(Duration::from_millis(200))).await;
    let server = Server::start(&config(&upstream, 20_000));
    let address = server.address();
    assert_eq!(get(address, "/readyz").await.status, 200);
    // A connection that nobody uses must not hold up the end.
    let _idle = send(address, b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    let mut open = chat(address, &question("kit/m", true)).await;
    open.piece().await.unwrap();

    server.signal("TERM");
    let unready = async || Some(get(address, "/readyz").await).filter(|reply| reply.status == 503);
    let unready = until("readyz is 503", unready).await;
    assert_eq!(unready.json()["draining"], true);
    let refused = chat(address, &question("kit/m", false)).await.finish().await;
    assert_eq!((refused.status, refused.json()["error"]["code"].as_str()), (503, Some("draining")));
    assert!(refused.header("retry-after").is_some());
    assert_eq!(get(address, "/livez").await.status, 200);

    let reply = open.finish().await;
    assert_eq!(reply.content(), words.concat());
    assert!(reply.is_done());
    let finished = Instant::now();
    assert_eq!(server.ended().await, Some(0));
    assert!(finished.elapsed() < Duration::from_secs(2), "it lingers");
    assert_eq!(upstream.seen().len(), 1);
}

#[tokio::test]
async fn what_takes_longer_than_drain_ms_is_cut() {
    let upstream = Upstream::start(|_| Reply::stream(&[&says("one ")]).stall()).await;
    let server = Server::start(&config(&upstream, 300));
    let mut open = chat(server.address(), &question("kit/m", true)).await;
    open.piece().await.unwrap();
    let told = Instant::now();
    server.signal("TERM");
    let reply = open.finish().await;
    assert!(!reply.is_done());
    assert_eq!(server.ended().await, Some(0));
    let took = told.elapsed();
    assert!(took >= Duration::from_millis(300) && took < Duration::from_secs(2), "{took:?}");
    upstream.wait_cancelled(1, Duration::from_secs(2)).await;
}
