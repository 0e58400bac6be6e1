//! What shows of connections on real sockets, as figures and as errors.

use super::*;
use crate::{Client, NetError, collect};
use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use measure::Metrics;
use rustls::pki_types::PrivateKeyDer;
use rustls::{RootCertStore, ServerConfig};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use testkit::{Reply, Upstream};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;

const PATIENCE: Duration = Duration::from_secs(10);

/// Waits until it is so; what a task ends shows a moment later.
async fn until(what: &str, is_so: impl Fn() -> bool) {
    let waited = timeout(PATIENCE, async {
        while !is_so() {
            sleep(Duration::from_millis(2)).await;
        }
    });
    assert!(waited.await.is_ok(), "not within {PATIENCE:?}: {what}");
}

fn post(uri: &str, body_bytes: usize) -> Request<Full<Bytes>> {
    Request::post(uri).body(Full::from("x".repeat(body_bytes))).unwrap()
}

/// What is shown of `p`: names, connections and handshakes timed, connections open.
fn shown(metrics: &Metrics) -> [String; 4] {
    let page = metrics.encode();
    ["dns_seconds_count", "connect_seconds_count", "tls_seconds_count", "connections"].map(|name| {
        let series = format!("althing_upstream_{name}{{provider=\"p\"}} ");
        page.lines().find_map(|line| line.strip_prefix(&series)).unwrap_or("none").to_owned()
    })
}

fn sum_s(metrics: &Metrics, name: &str) -> f64 {
    let series = format!("althing_upstream_{name}_seconds_sum{{provider=\"p\"}} ");
    metrics.encode().lines().find_map(|line| line.strip_prefix(&series)?.parse().ok()).unwrap()
}

/// A server's set-up for `name`, and that of a client that believes it.
fn believed(name: &str) -> (TlsAcceptor, Arc<rustls::ClientConfig>) {
    let issued = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(issued.cert.der().clone()).unwrap();
    let client = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider));
    let client = client.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots);
    let key = PrivateKeyDer::try_from(issued.signing_key.serialize_der()).unwrap();
    let server = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let server = server.with_no_client_auth().with_single_cert(vec![issued.cert.der().clone()], key).unwrap();
    (TlsAcceptor::from(Arc::new(server)), Arc::new(client.with_no_client_auth()))
}

/// What went through a relay, counted without anything of ours.
#[derive(Default)]
struct Passed {
    up: AtomicU64,
    down: AtomicU64,
}

/// Listens, counts, and passes on to `to`, or first answers the handshake.
async fn relay(to: SocketAddr, tls: Option<TlsAcceptor>) -> (SocketAddr, Arc<Passed>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (addr, passed) = (listener.local_addr().unwrap(), Arc::new(Passed::default()));
    let counted = Arc::clone(&passed);
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let (far, counted) = (TcpStream::connect(to).await.unwrap(), Arc::clone(&counted));
            match tls.clone() {
                Some(tls) => tokio::spawn(async move { pass(tls.accept(near).await.unwrap(), far, &counted).await }),
                None => tokio::spawn(async move { pass(near, far, &counted).await }),
            };
        }
    });
    (addr, passed)
}

async fn pass(near: impl AsyncRead + AsyncWrite, far: impl AsyncRead + AsyncWrite, passed: &Passed) {
    let ((near_read, near_write), (far_read, far_write)) = (split(near), split(far));
    tokio::join!(one_way(near_read, far_write, &passed.up), one_way(far_read, near_write, &passed.down));
}

async fn one_way(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, passed: &AtomicU64) {
    let mut piece = [0; 1_000];
    while let Ok(read @ 1..) = from.read(&mut piece).await {
        passed.fetch_add(read as u64, Ordering::Relaxed);
        if to.write_all(&piece[..read]).await.and(to.flush().await).is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}

#[tokio::test]
async fn every_dialled_socket_has_nodelay() {
    let upstream = Upstream::start(|_| Reply::chat("hi")).await;
    let connector = Connector::new(&ClientConfig::default(), None, None);
    let socket = connector.connect(upstream.url().parse().unwrap(), 0).await.unwrap();
    assert!(socket.tcp().nodelay().unwrap());
}

/// Sends three requests over one connection and compares what is counted here with what passed on the way.
async fn counts_like_the_relay(secure: bool) -> Arc<Metrics> {
    let upstream = Upstream::start(|_| Reply::chat(&"y".repeat(50_000))).await;
    let (server, client) = believed("localhost");
    let inner = if secure { relay(upstream.addr(), Some(server)).await.0 } else { upstream.addr() };
    let (addr, passed) = relay(inner, None).await;
    let metrics = Metrics::new("0");
    let (upstreams, config) = (metrics.upstream("p"), ClientConfig::default());
    let connector = Connector::new(&config, secure.then_some(client), Some(upstreams.clone()));
    let client = Client::over(connector, &config);
    let scheme = if secure { "https" } else { "http" };
    for body_bytes in [0, 10, 300_000] {
        let sent = client.send(post(&format!("{scheme}://localhost:{}/v1", addr.port()), body_bytes)).await.unwrap();
        collect(sent.into_body(), 100_000).await.unwrap();
    }
    let (up, down) = (|| passed.up.load(Ordering::Relaxed), || passed.down.load(Ordering::Relaxed));
    let (sent, received) = (upstreams.bytes_sent(), upstreams.bytes_received());
    until("as many bytes here as there", || (sent.value(), received.value()) == (up(), down())).await;
    assert!(up() > 300_010 && down() > 150_000, "{} up, {} down", up(), down());
    if !secure {
        let seen: usize = upstream.seen().iter().map(|seen| seen.body.len()).sum();
        let framed = up() as usize - seen;
        assert!(framed < 1_000, "{framed} bytes besides the bodies");
    }
    assert_eq!((upstreams.opened().value(), upstreams.exhausted().value()), (1, 0));
    metrics
}

#[tokio::test]
async fn bytes_are_those_on_the_socket() {
    let metrics = counts_like_the_relay(false).await;
    assert_eq!(shown(&metrics)[..3], ["1", "1", "0"]);
    assert!(sum_s(&metrics, "dns") > 0.0 && sum_s(&metrics, "connect") > 0.0);
}

#[tokio::test]
async fn a_handshake_is_timed_and_its_bytes_count() {
    let metrics = counts_like_the_relay(true).await;
    assert_eq!(shown(&metrics)[..3], ["1", "1", "1"]);
    assert!(sum_s(&metrics, "tls") > 0.0);
}

#[tokio::test]
async fn times_do_not_hold_each_other() {
    // A handshake that begins late is late in its own time alone; an address needs no name.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri: Uri = format!("https://127.0.0.1:{}", listener.local_addr().unwrap().port()).parse().unwrap();
    let (server, client) = believed("127.0.0.1");
    tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        sleep(Duration::from_millis(150)).await;
        server.accept(socket).await.unwrap();
    });
    let metrics = Metrics::new("0");
    let connector = Connector::new(&ClientConfig::default(), Some(client), Some(metrics.upstream("p")));
    let stream = connector.dial(uri, 0).await.unwrap();
    assert_eq!(shown(&metrics), ["0", "1", "1", "1"]);
    assert!(sum_s(&metrics, "connect") < 0.14 && sum_s(&metrics, "tls") > 0.14);
    drop(stream);
    assert_eq!(shown(&metrics)[3], "0");
}

#[tokio::test]
async fn times_add_up() {
    let upstream = Upstream::start(|_| Reply::chat("hi")).await;
    let (server, client) = believed("localhost");
    let port = relay(upstream.addr(), Some(server)).await.0.port();
    let metrics = Metrics::new("0");
    let connector = Connector::new(&ClientConfig::default(), Some(client), Some(metrics.upstream("p")));
    let began = Instant::now();
    connector.dial(format!("https://localhost:{port}").parse().unwrap(), 0).await.unwrap();
    let whole_s = began.elapsed().as_secs_f64();
    let parts = ["dns", "connect", "tls"].map(|name| sum_s(&metrics, name));
    assert!(parts.iter().all(|part| *part > 0.0) && parts.iter().sum::<f64>() <= whole_s, "{parts:?} of {whole_s}");
}

#[tokio::test]
async fn bytes_that_come_and_go_in_pieces_count_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (near, far) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
    let (metrics, mut far) = (Metrics::new("0").upstream("p"), far.unwrap().0);
    let mut socket = Socket::new(near.unwrap(), Some(metrics.clone()), Places::default().take().0);
    let (mut read, writes) = ([0; 8], async {
        far.write_all(b"abc").await.unwrap();
        sleep(Duration::from_millis(20)).await;
        far.write_all(b"defgh").await.unwrap();
    });
    let (done, ()) = tokio::join!(socket.read_exact(&mut read), writes);
    done.unwrap();
    socket.write_all(b"hello").await.unwrap();
    socket.write_all(b"you").await.unwrap();
    assert_eq!((&read, metrics.bytes_received().value(), metrics.bytes_sent().value()), (b"abcdefgh", 8, 8));
}

/// `at_once` requests, all on their way before the first is answered.
async fn burst(client: &Client, url: &str, at_once: usize) {
    let asking: Vec<_> = (0..at_once)
        .map(|_| {
            let (client, request) = (client.clone(), post(url, 10));
            tokio::spawn(async move { collect(client.send(request).await?.into_body(), 10_000).await })
        })
        .collect();
    for asked in asking {
        asked.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_burst_beyond_the_pool_is_counted_and_not_kept() {
    let upstream = Upstream::start(|_| Reply::chat("hi").after(Duration::from_millis(400))).await;
    let metrics = Metrics::new("0");
    let upstreams = metrics.upstream("p");
    let client = Client::observed(&upstream.url().parse().unwrap(), &ClientConfig::default(), upstreams.clone());
    burst(&client, &upstream.url(), 40).await;
    assert_eq!((upstreams.opened().value(), upstreams.exhausted().value()), (40, 20));
    upstream.wait_open_connections(20, PATIENCE).await;
    until("20 open here", || upstreams.connections().value() == 20).await;
    burst(&client, &upstream.url(), 20).await;
    assert_eq!((upstreams.opened().value(), upstreams.exhausted().value()), (40, 20), "the kept ones were enough");
    drop(client);
    until("none open here", || upstreams.connections().value() == 0).await;
    upstream.wait_open_connections(0, PATIENCE).await;
}

#[tokio::test]
async fn a_handshake_that_hangs_ends_in_time() {
    // The system accepts the connection, and nobody ever answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base: Uri = format!("https://{}", silent.local_addr().unwrap()).parse().unwrap();
    let config = ClientConfig { connect_timeout: Duration::from_millis(200), ..ClientConfig::default() };
    let metrics = Metrics::new("0");
    let client = Client::observed(&base, &config, metrics.upstream("p"));
    let began = Instant::now();
    let error = client.send(post(&base.to_string(), 1)).await.unwrap_err();
    assert_eq!(error, NetError::ConnectTimeout { host: "127.0.0.1".to_owned() });
    assert!((Duration::from_millis(200)..Duration::from_secs(2)).contains(&began.elapsed()), "{:?}", began.elapsed());
    assert_eq!(shown(&metrics), ["0", "1", "0", "0"]);
}

#[tokio::test]
async fn what_never_stood_leaves_nothing_behind() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri: Uri = format!("https://{}", silent.local_addr().unwrap()).parse().unwrap();
    let metrics = Metrics::new("0");
    let upstreams = metrics.upstream("p");
    let config = ClientConfig { pool_max: 3, ..ClientConfig::default() };
    let connector = Connector::new(&config, Some(believed("localhost").1), Some(upstreams.clone()));
    let dial = || {
        let (connector, uri) = (connector.clone(), uri.clone());
        async move { connector.dial(uri, 0).await }
    };
    let dialling: Vec<_> = (0..5).map(|_| tokio::spawn(dial())).collect();
    until("5 open", || upstreams.connections().value() == 5).await;
    assert_eq!((connector.places.taken(), upstreams.exhausted().value()), (5, 2));
    dialling.iter().for_each(tokio::task::JoinHandle::abort);
    until("none open", || upstreams.connections().value() == 0).await;
    assert_eq!(connector.places.taken(), 0);
    // Nor do those that nobody took, nor any that were asked for and never begun.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert!(connector.dial(format!("https://{closed}").parse().unwrap(), 0).await.is_err());
    drop(dial());
    assert_eq!((connector.places.taken(), upstreams.opened().value(), upstreams.exhausted().value()), (0, 5, 2));
}

#[tokio::test]
async fn no_scheme_but_its_own() {
    let upstream = Upstream::start(|_| Reply::chat("hi")).await;
    for (tls, scheme) in [(None, "https"), (Some(believed("localhost").1), "http")] {
        let connector = Connector::new(&ClientConfig::default(), tls, None);
        let error = connector.dial(format!("{scheme}://{}", upstream.addr()).parse().unwrap(), 0).await.err().unwrap();
        assert!(error.to_string().contains("scheme"), "{error}");
    }
    assert_eq!(upstream.accepted_connections(), 0);
}
