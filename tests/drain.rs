//! An orderly end: told to stop, the server finishes what it has begun and begins nothing more.

use crate::support::{Response, Server, chat, get, provider, question, says, send, until};
use serde_json::Value;
use std::time::{Duration, Instant};
use testkit::{Reply, Upstream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

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

/// The error event that ended a stream, in a body that was itself complete.
fn farewell(reply: &Response) -> Value {
    assert!(reply.whole, "the body is cut: {}", reply.text());
    let mut events = reply.events();
    let error = events.pop().unwrap()["error"].take();
    assert!(events.iter().all(|event| event.get("error").is_none()), "more than one error: {}", reply.text());
    assert_eq!(error["request_id"].as_str(), reply.header("x-althing-request-id"));
    error
}

#[tokio::test]
async fn what_takes_longer_than_drain_ms_is_told_so() {
    let upstream = Upstream::start(|seen| match seen.json()["model"].as_str() {
        Some("silent") => Reply::stream(&[&says("one "), &says("two ")]).stall(),
        Some("busy") => Reply::chat_stream(&["word "; 200]).pause(Duration::from_millis(20)),
        _ => Reply::hang(),
    })
    .await;
    let panel = "[[panel]]\nname = \"late\"\nmembers = [\"kit/never\"]\n";
    let server = "[server]\ndrain_ms = 300\nkeepalive_first_ms = 20\n";
    let models = provider("kit", &upstream.url(), &["silent", "busy", "never"]);
    let server = Server::start(&(server.to_owned() + &models + panel));
    let mut open = Vec::new();
    for name in ["kit/silent", "kit/busy", "late"] {
        let mut stream = chat(server.address(), &question(name, true)).await;
        let (_, first) = stream.piece().await.unwrap();
        open.push((stream, String::from_utf8(first).unwrap()));
    }
    let body = question("kit/never", false).to_string();
    let length = body.len();
    let head = format!("POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n");
    let mut whole = TcpStream::connect(server.address()).await.unwrap();
    whole.write_all((head + &body).as_bytes()).await.unwrap();
    upstream.wait_seen(4, Duration::from_secs(5)).await;

    let told = Instant::now();
    server.signal("TERM");
    let mut texts = Vec::new();
    for (stream, first) in open {
        let reply = stream.finish().await;
        let error = farewell(&reply);
        assert_eq!(error["code"], "shutting_down");
        assert_eq!(error["type"], "server_error");
        assert_eq!(error["message"], "the server is shutting down; ask again");
        texts.push(first + reply.text());
    }
    assert_eq!(server.ended().await, Some(0));
    let took = told.elapsed();
    assert!(took >= Duration::from_millis(300) && took < Duration::from_secs(2), "{took:?}");
    assert!(texts[0].contains(&says("one ")) && texts[0].contains(&says("two ")), "{}", texts[0]);
    assert!(texts[1].matches("word ").count() > 5, "{}", texts[1]);
    assert!(texts[2].starts_with(": the panel is deciding\n\n"), "{}", texts[2]);
    upstream.wait_cancelled(4, Duration::from_secs(2)).await;
    // Nothing was promised to whoever waits for a whole reply yet: the connection just ends.
    let mut rest = Vec::new();
    let _ = whole.read_to_end(&mut rest).await;
    assert!(rest.is_empty());
}
