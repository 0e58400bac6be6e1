//! Clients and upstreams that mean harm: every one meets a limit, hears why where it can, and leaves nothing behind.

use crate::support::{PATIENCE, Response, Server, chat, get, provider, question, send, until};
use serde_json::Value;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use testkit::{Reply, Upstream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

const MIB: usize = 1024 * 1024;
/// The most by which an attack may make the process grow.
const GROWTH_MAX: f64 = 20.0 * MIB as f64;
const MODEL: &str = "
    [[provider]]
    name = 's'
    kind = 'scripted'
    models = [{ name = 'ash' }, { name = 'mute', script = { hang_rate = 1.0 } }]
";

fn server(lines: &str) -> Server {
    Server::start(&format!("[server]\n{lines}\n{MODEL}"))
}

/// One figure without labels.
async fn figure(address: SocketAddr, name: &str) -> f64 {
    let reply = get(address, "/metrics").await;
    let row = reply.text().lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    row.unwrap_or_else(|| panic!("no {name} in {}", reply.text())).parse().unwrap()
}

async fn memory(address: SocketAddr) -> f64 {
    figure(address, "process_resident_memory_bytes").await
}

/// Waits until nobody is connected but whoever reads this figure, and nothing is in flight.
async fn quiet(address: SocketAddr) {
    let alone = async || {
        let open = figure(address, "althing_connections_open").await;
        let busy = figure(address, "althing_requests_in_flight").await;
        (open <= 1.0 && busy == 0.0).then_some(())
    };
    until("nothing is left behind", alone).await;
}

async fn connect(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).await.unwrap()
}

/// Everything until the server closes, in whatever way.
async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = async { while matches!(stream.read_buf(&mut bytes).await, Ok(1..)) {} };
    timeout(PATIENCE, read).await.expect("the server closes");
    String::from_utf8_lossy(&bytes).into_owned()
}

async fn exchange(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = connect(address).await;
    // A server that has refused need not read on.
    let _ = stream.write_all(bytes).await;
    rest(&mut stream).await
}

/// A warm server's memory: the first requests of every kind cost pages that stay.
async fn warm(address: SocketAddr) -> f64 {
    for _ in 0..20 {
        chat(address, &question("s/ash", false)).await.finish().await;
    }
    memory(address).await
}

#[tokio::test]
async fn a_header_of_ten_megabytes() {
    let server = server("");
    let address = server.address();
    let before = warm(address).await;
    let one = format!("GET /livez HTTP/1.1\r\nhost: localhost\r\nx: {}\r\n\r\n", "x".repeat(10 * MIB));
    let many = format!("GET /livez HTTP/1.1\r\nhost: localhost\r\n{}\r\n", "x: y\r\n".repeat(10 * MIB / 6));
    let path = format!("GET /{} HTTP/1.1\r\nhost: localhost\r\n\r\n", "x".repeat(10 * MIB));
    for _ in 0..3 {
        for head in [&one, &many, &path] {
            let reply = exchange(address, head.as_bytes()).await;
            let refused = ["431", "414", "400"].iter().any(|status| reply.starts_with(&format!("HTTP/1.1 {status} ")));
            assert!(refused, "{reply:?}");
        }
    }
    let grown = memory(address).await - before;
    assert!(grown < GROWTH_MAX, "{grown} bytes");
    quiet(address).await;
}

#[tokio::test]
async fn a_header_may_have_its_limit_and_no_more() {
    let server = server("header_bytes_max = 16384");
    let of = |bytes: usize| format!("GET /livez HTTP/1.1\r\nhost: localhost\r\nx: {}\r\n\r\n", "x".repeat(bytes));
    assert!(exchange(server.address(), of(17_000).as_bytes()).await.starts_with("HTTP/1.1 431 "));
    let fine = of(15_000).replacen("\r\nx:", "\r\nconnection: close\r\nx:", 1);
    assert!(exchange(server.address(), fine.as_bytes()).await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn headers_that_never_end() {
    let server = server("header_read_ms = 500");
    let address = server.address();
    let started = Instant::now();
    let drip = move || async move {
        let mut stream = connect(address).await;
        for byte in "GET /livez HTTP/1.1\r\nx: ".bytes().chain(std::iter::repeat(b'y')) {
            // Reads nothing yet, or the end.
            let ended = timeout(Duration::from_millis(50), stream.read_u8()).await.is_ok();
            if ended || stream.write_all(&[byte]).await.is_err() {
                break;
            }
        }
        started.elapsed()
    };
    let dripping: JoinSet<Duration> = (0..50).map(|_| drip()).collect();
    for took in dripping.join_all().await {
        assert!(took >= Duration::from_millis(400) && took < Duration::from_secs(4), "{took:?}");
    }
    quiet(address).await;
}

#[tokio::test]
async fn a_body_that_never_ends() {
    let server = server("body_read_ms = 300");
    let started = Instant::now();
    let request = "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: 500\r\n\r\n{\"model\":";
    let mut stream = connect(server.address()).await;
    stream.write_all(request.as_bytes()).await.unwrap();
    let reply = rest(&mut stream).await;
    assert!(reply.starts_with("HTTP/1.1 408 ") && reply.contains("body_too_slow"), "{reply}");
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    quiet(server.address()).await;
}

#[tokio::test]
async fn ways_to_leave() {
    let server = server("");
    let address = server.address();
    warm(address).await;
    let fds = figure(address, "process_open_fds").await;
    let body = question("s/mute", false).to_string();
    let head =
        format!("POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n", body.len());
    let mut held = Vec::new();
    for at in 0..120 {
        let mut stream = connect(address).await;
        let part = [&head[..20], &head, &format!("{head}{}", &body[..9]), &format!("{head}{body}")][at % 4].to_owned();
        stream.write_all(part.as_bytes()).await.unwrap();
        held.push(stream);
    }
    sleep(Duration::from_millis(200)).await;
    for (at, mut stream) in held.into_iter().enumerate() {
        match at / 4 % 3 {
            // A reset in the middle of the request.
            0 => stream.set_zero_linger().unwrap(),
            // A socket closed on one side alone.
            1 => {
                stream.shutdown().await.unwrap();
                rest(&mut stream).await;
            }
            _ => {}
        }
    }
    let idle = (0..200).map(|_| connect(address)).collect::<JoinSet<TcpStream>>().join_all().await;
    until("200 are open", async || (figure(address, "althing_connections_open").await > 200.0).then_some(())).await;
    assert_eq!(get(address, "/livez").await.status, 200);
    drop(idle);
    quiet(address).await;
    until("descriptors return", async || (figure(address, "process_open_fds").await <= fds).then_some(())).await;
    let figures = get(address, "/metrics").await;
    // Half of them left before their request was whole, a quarter before there was one.
    for (status, count) in [(400, 60), (499, 30)] {
        let row = format!("route=\"/v1/chat/completions\",status=\"{status}\"}} {count}\n");
        assert!(figures.text().contains(&row), "{row}{}", figures.text());
    }
}

#[tokio::test]
async fn no_more_connections_than_allowed() {
    let server = server("connections_max = 3\nheader_read_ms = 1000");
    let address = server.address();
    let held = (0..3).map(|_| connect(address)).collect::<JoinSet<TcpStream>>().join_all().await;
    sleep(Duration::from_millis(200)).await;
    let started = Instant::now();
    // It has to wait until the three have been silent for long enough.
    assert_eq!(get(address, "/livez").await.status, 200);
    assert!(started.elapsed() > Duration::from_millis(500), "{:?}", started.elapsed());
    drop(held);
    quiet(address).await;
}

#[tokio::test]
async fn odd_requests() {
    let server = server("");
    let address = server.address();
    let get = "GET /livez HTTP/1.1\r\nhost: localhost\r\n";
    let post = "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\n";
    let body = "\r\n\r\n0\r\n\r\nGET /hidden HTTP/1.1\r\nhost: localhost\r\n\r\n";
    for (request, statuses) in [
        (format!("{get}\r\n{get}\r\n{get}connection: close\r\n\r\n"), &[200, 200, 200][..]),
        ("GET /livez HTTP/1.0\r\nhost: localhost\r\n\r\n".to_owned(), &[200]),
        ("GET /livez HTTP/1.0\r\n\r\n".to_owned(), &[400]),
        (format!("GET http://{address}/livez HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"), &[200]),
        ("GET http://evil.example/livez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".to_owned(), &[403]),
        ("GET /livez HTTP/1.1\r\nconnection: close\r\n\r\n".to_owned(), &[400]),
        (format!("{get}host: localhost\r\nconnection: close\r\n\r\n"), &[400]),
        (format!("{post}content-length: 5\r\ncontent-length: 60{body}"), &[400]),
        (format!("{post}content-length: 5\r\ntransfer-encoding: chunked{body}"), &[400]),
        (format!("{post}transfer-encoding: chunked\r\ncontent-length: 60{body}"), &[400]),
        (format!("{post}transfer-encoding: chunked, gzip{body}"), &[400]),
        (format!("{post}transfer-encoding: chunked\r\n\r\nzz\r\nhello\r\n"), &[400]),
        (format!("{get}x : y\r\n\r\n"), &[400]),
        (format!("{get} folded: yes\r\n\r\n"), &[400]),
        ("\u{1}\u{2}\u{3}\r\n\r\n".to_owned(), &[400]),
        ("GET / HTTP/9.9\r\n\r\n".to_owned(), &[400]),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), &[]),
        ("\u{16}\u{3}\u{1}\u{2}\r\n\r\n".to_owned(), &[400]),
    ] {
        let replies = exchange(address, request.as_bytes()).await;
        let starts = replies.match_indices("HTTP/1.");
        let found: Vec<u16> = starts.map(|(at, _)| replies[at + 9..at + 12].parse().unwrap()).collect();
        assert_eq!(found, statuses, "{request:?}\n{replies}");
        assert!(!replies.contains("/hidden"), "{request:?}\n{replies}");
    }
    quiet(address).await;
}

/// Asks for an answer from an upstream that means harm.
async fn harmed(reply: impl Fn() -> Reply + Send + Sync + 'static) -> (Vec<Response>, Duration, f64) {
    let upstream = Upstream::start(move |_| reply()).await;
    let mut config = format!("[guard]\nattempts_max = 1\n{}", provider("kit", &upstream.url(), &["m"]));
    write!(config, "timeout_ms = 2000\nreply_bytes_max = 1000000\nevent_bytes_max = 100000\n{MODEL}").unwrap();
    let server = Server::start(&config);
    let address = server.address();
    let before = warm(address).await;
    let started = Instant::now();
    let mut replies = Vec::new();
    for stream in [false, true] {
        replies.push(chat(address, &question("kit/m", stream)).await.finish().await);
    }
    let took = started.elapsed();
    let grown = memory(address).await - before;
    quiet(address).await;
    upstream.wait_open_connections(0, PATIENCE).await;
    (replies, took, grown)
}

fn refused(reply: &Response) -> Value {
    let error = reply.json()["error"].take();
    assert_eq!((reply.status, error["code"].as_str()), (503, Some("no_model_answered")), "{error}");
    assert_eq!(error["request_id"].as_str(), reply.header("x-althing-request-id"));
    assert_eq!(error["attempts"].as_array().map(Vec::len), Some(1), "{error}");
    error
}

#[tokio::test]
async fn upstreams_without_measure() {
    let ok = "HTTP/1.1 200 OK\r\n";
    let json = format!("{ok}content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n");
    let events = format!("{ok}content-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n");
    let chunk = format!("100000\r\n{}\r\n", "x".repeat(MIB));
    let endless = |head: &str| (0..40).fold(Reply::bare().raw(head.to_owned()), |reply, _| reply.raw(chunk.clone()));
    let header = format!("{ok}x: {}\r\n\r\n", "x".repeat(10 * MIB));
    for (what, reply) in [
        ("a header of 10 MB", Reply::bare().raw(header)),
        ("a million headers", Reply::bare().raw(format!("{ok}{}\r\n", "x: y\r\n".repeat(1_000_000)))),
        ("a body without an end", endless(&json)),
        ("an event without an end", endless(&events)),
        ("a lying length", Reply::chat("hi").header("content-length", "99999999999")),
        ("silence behind the head", Reply::bare().raw(json.clone()).stall()),
        ("garbage", Reply::bare().raw("\u{0}\u{1}garbage\r\n\r\n")),
        ("nothing", Reply::bare()),
        ("a reset", Reply::bare().raw(events.clone()).reset()),
    ] {
        let (replies, took, grown) = harmed(move || reply.clone()).await;
        replies.iter().for_each(|reply| assert!(refused(reply).to_string().len() < 4_096, "{what}"));
        assert!(took < Duration::from_secs(6), "{what}: {took:?}");
        assert!(grown < GROWTH_MAX, "{what}: {grown} bytes");
    }
}

#[tokio::test]
async fn no_room_but_for_watchers() {
    let server = server("in_flight_max = 3");
    let address = server.address();
    let ask = move || async move { drop(chat(address, &question("s/mute", false)).await) };
    let held: JoinSet<()> = (0..3).map(|_| ask()).collect();
    let full = async || (figure(address, "althing_requests_in_flight").await == 3.0).then_some(());
    until("three are held", full).await;
    let reply = chat(address, &question("s/ash", false)).await.finish().await;
    assert_eq!((reply.status, reply.json()["error"]["code"].as_str()), (503, Some("overloaded")));
    assert_eq!(reply.header("retry-after"), Some("1"));
    assert_eq!(get(address, "/livez").await.status, 200);
    drop(held);
    quiet(address).await;
    assert_eq!(chat(address, &question("s/ash", false)).await.finish().await.status, 200);
    let head = send(address, b"HEAD /livez HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    assert_eq!(head.status, 200);
}
