//! The door over encrypted sockets: handshakes good, bad and late, certificates old and new.

use super::sockets::endless;
use super::support::{CHAT, Live, PATIENCE, question, settings};
use listener::{Crew, check_tls};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, HandshakeKind, RootCertStore, SupportedProtocolVersion, version};
use settings::Settings;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

const LIVEZ: &str = "GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n";
const LAST: &str = "GET /livez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";

/// Puts a new certificate and its key where settings look for them.
pub(crate) fn issue(folder: &Path) -> CertificateDer<'static> {
    let issued = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    // Two versions of a file differ in when they were written, as far as the clock of files can tell.
    std::thread::sleep(Duration::from_millis(20));
    std::fs::write(folder.join("cert.pem"), issued.cert.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), issued.signing_key.serialize_pem()).unwrap();
    issued.cert.der().clone()
}

pub(crate) fn encrypted(folder: &Path, server: &str) -> Settings {
    let [cert, key] = ["cert.pem", "key.pem"].map(|name| folder.join(name).display().to_string());
    settings(&format!("{server}\ntls = {{ cert = '{cert}', key = '{key}' }}"))
}

/// A client that believes this certificate alone.
fn client(
    believed: &CertificateDer<'static>,
    versions: &[&'static SupportedProtocolVersion],
    protocols: &[&str],
) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(believed.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    TlsConnector::from(Arc::new(config))
}

fn usual(believed: &CertificateDer<'static>) -> TlsConnector {
    client(believed, rustls::DEFAULT_VERSIONS, &["http/1.1"])
}

async fn connect(live: &Live, client: &TlsConnector) -> std::io::Result<TlsStream<TcpStream>> {
    client.connect(ServerName::try_from("localhost").unwrap(), live.connect().await).await
}

fn session(stream: &TlsStream<TcpStream>) -> &ClientConnection {
    stream.get_ref().1
}

/// One reply over a connection that goes on.
async fn one(stream: &mut TlsStream<TcpStream>, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = vec![0; 64 * 1024];
    let read = timeout(PATIENCE, stream.read(&mut bytes)).await.unwrap().unwrap();
    String::from_utf8_lossy(&bytes[..read]).into_owned()
}

/// Everything until the server says that this was all.
async fn rest(stream: &mut TlsStream<TcpStream>) -> String {
    let mut text = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut text)).await.unwrap().expect("an orderly end");
    text
}

fn streamed(model: &str) -> String {
    let mut body = question(model);
    body["stream"] = true.into();
    let body = body.to_string();
    format!("POST {CHAT} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn both_versions_there_and_back_and_again() {
    let folder = TempDir::new().unwrap();
    let believed = issue(folder.path());
    let live = Live::of(&encrypted(folder.path(), ""), Vec::new()).await;
    for version in [&version::TLS12, &version::TLS13] {
        let client = client(&believed, &[version], &["h2", "http/1.1"]);
        for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
            let mut stream = connect(&live, &client).await.unwrap();
            assert_eq!(session(&stream).protocol_version(), Some(version.version));
            assert_eq!(session(&stream).alpn_protocol(), Some(&b"http/1.1"[..]));
            assert!(one(&mut stream, LIVEZ).await.starts_with("HTTP/1.1 200 OK"));
            assert_eq!(session(&stream).handshake_kind(), Some(kind), "{version:?}");
            stream.write_all(LAST.as_bytes()).await.unwrap();
            assert!(rest(&mut stream).await.contains("x-althing-request-id"));
        }
    }
    let bare = connect(&live, &client(&believed, rustls::DEFAULT_VERSIONS, &[])).await.unwrap();
    assert_eq!(session(&bare).alpn_protocol(), None);
    drop(bare);
    let refused = connect(&live, &client(&believed, rustls::DEFAULT_VERSIONS, &["h2"])).await.unwrap_err();
    assert!(refused.to_string().contains("NoApplicationProtocol"), "{refused}");
    live.quiet().await;
}

#[tokio::test]
async fn a_new_certificate_is_for_new_connections() {
    let folder = TempDir::new().unwrap();
    let old = issue(folder.path());
    let settings = encrypted(folder.path(), "");
    let live = Live::of(&settings, Vec::new()).await;
    let mut open = connect(&live, &usual(&old)).await.unwrap();
    assert!(one(&mut open, LIVEZ).await.starts_with("HTTP/1.1 200 OK"));
    let new = issue(folder.path());
    check_tls(&settings.server).unwrap();
    live.app.reload(&settings.server);
    assert!(one(&mut open, LIVEZ).await.starts_with("HTTP/1.1 200 OK"), "it goes on");
    assert!(connect(&live, &usual(&old)).await.is_err());
    let mut stream = connect(&live, &usual(&new)).await.unwrap();
    assert!(one(&mut stream, LIVEZ).await.starts_with("HTTP/1.1 200 OK"));
    drop((open, stream));
    live.quiet().await;
}

#[tokio::test]
async fn a_broken_certificate_changes_nothing() {
    let folder = TempDir::new().unwrap();
    let believed = issue(folder.path());
    let settings = encrypted(folder.path(), "in_flight_max = 5");
    let live = Live::of(&settings, Vec::new()).await;
    assert!(connect(&live, &usual(&believed)).await.is_ok());
    std::fs::write(folder.path().join("cert.pem"), "nonsense").unwrap();
    check_tls(&settings.server).unwrap_err();
    live.app.reload(&settings.server);
    assert!(connect(&live, &usual(&believed)).await.is_ok());
    // Nor do settings that want no encryption any more.
    let plain = super::support::settings("");
    check_tls(&plain.server).unwrap();
    live.app.reload(&plain.server);
    assert!(connect(&live, &usual(&believed)).await.is_ok());
}

#[tokio::test]
async fn late_handshakes_end_and_free_their_place() {
    let folder = TempDir::new().unwrap();
    let believed = issue(folder.path());
    let live = Live::of(&encrypted(folder.path(), "header_read_ms = 300\nconnections_max = 2"), Vec::new()).await;
    // Nothing, and the first bytes of a handshake.
    let mut held = [live.connect().await, live.connect().await];
    held[1].write_all(&[22, 3, 1, 0, 200, 1]).await.unwrap();
    sleep(Duration::from_millis(100)).await;
    assert_eq!(live.app.0.metrics.connections_open().value(), 2);
    let started = Instant::now();
    let mut stream = timeout(PATIENCE, connect(&live, &usual(&believed))).await.unwrap().unwrap();
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    assert!(one(&mut stream, LAST).await.starts_with("HTTP/1.1 200 OK"));
    for mut stream in held {
        assert!(matches!(stream.read(&mut [0; 16]).await, Ok(0) | Err(_)));
    }
    live.quiet().await;
}

#[tokio::test]
async fn slow_handshakes_hold_nobody_up() {
    let folder = TempDir::new().unwrap();
    let believed = issue(folder.path());
    let live = Live::of(&encrypted(folder.path(), "header_read_ms = 60000"), Vec::new()).await;
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(live.connect().await);
    }
    let mut stream = timeout(Duration::from_secs(5), connect(&live, &usual(&believed))).await.unwrap().unwrap();
    assert!(one(&mut stream, LAST).await.starts_with("HTTP/1.1 200 OK"));
    drop((silent, stream));
    live.quiet().await;
}

#[tokio::test]
async fn who_speaks_plain_http_is_told() {
    let folder = TempDir::new().unwrap();
    issue(folder.path());
    let live = Live::of(&encrypted(folder.path(), ""), Vec::new()).await;
    let long = format!("POST {CHAT} HTTP/1.1\r\nhost: localhost\r\n\r\n{}", "x".repeat(4 * 1024 * 1024));
    for request in [LIVEZ, "g", &long] {
        let reply = live.exchange(request.as_bytes()).await;
        let (head, body) = reply.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{reply}");
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{reply}");
        assert_eq!(body, "this port speaks https; write the address with `https://`\n");
    }
    for noise in [&b"\x00\x01\x02"[..], b"\x16\x03\x01\x00\x05nonsense", b"\x80\x2e\x01\x00\x02", b"\n\n", b""] {
        let mut stream = live.connect().await;
        stream.write_all(noise).await.unwrap();
        stream.shutdown().await.unwrap();
        assert!(!super::support::read_all(&mut stream).await.contains("HTTP"), "{noise:?}");
    }
    live.quiet().await;
}

#[tokio::test]
async fn who_takes_nothing_is_let_go() {
    let folder = TempDir::new().unwrap();
    let believed = issue(folder.path());
    let settings = encrypted(folder.path(), "stream_idle_ms = 300");
    let live = Live::of(&settings, vec![("/nested", endless())]).await;
    let mut stream = connect(&live, &usual(&believed)).await.unwrap();
    stream.write_all(b"GET /nested/endless HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    sleep(Duration::from_millis(100)).await;
    assert_eq!(live.app.0.metrics.requests_in_flight().value(), 1);
    live.quiet().await;
}

#[tokio::test]
async fn who_sends_too_much_still_hears_why_it_was_refused() {
    let folder = TempDir::new().unwrap();
    let believed = issue(folder.path());
    let live = Live::of(&encrypted(folder.path(), "body_bytes_max = 1000"), Vec::new()).await;
    let body = "x".repeat(4 * 1024 * 1024);
    let request = format!("POST {CHAT} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let mut stream = connect(&live, &usual(&believed)).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    assert!(rest(&mut stream).await.starts_with("HTTP/1.1 413 "));
    drop(stream);
    live.quiet().await;
}

#[tokio::test]
async fn a_stream_that_is_cut_says_so() {
    let folder = TempDir::new().unwrap();
    let believed = issue(folder.path());
    let mut live = Live::of(&encrypted(folder.path(), "drain_ms = 100"), Vec::new()).await;
    let mut stream = connect(&live, &usual(&believed)).await.unwrap();
    let begun = one(&mut stream, &streamed("late")).await;
    assert!(begun.starts_with("HTTP/1.1 200 OK"), "{begun}");
    // The first comment goes out while the panel still decides.
    live.stop();
    let text = begun + &rest(&mut stream).await;
    assert!(text.contains(": the panel is deciding") && text.contains("shutting_down"), "{text}");
    timeout(PATIENCE, live.served).await.expect("the server ends").unwrap();
}

#[tokio::test]
async fn a_stream_in_progress_is_finished_while_draining() {
    let folder = TempDir::new().unwrap();
    let believed = issue(folder.path());
    let mut live = Live::of(&encrypted(folder.path(), "drain_ms = 20000"), Vec::new()).await;
    let mut stream = connect(&live, &usual(&believed)).await.unwrap();
    let begun = one(&mut stream, &streamed("late")).await;
    live.stop();
    sleep(Duration::from_millis(200)).await;
    let mut late = connect(&live, &usual(&believed)).await.unwrap();
    late.write_all(LAST.replace("livez", "readyz").as_bytes()).await.unwrap();
    assert!(rest(&mut late).await.starts_with("HTTP/1.1 503 "));
    let text = begun + &rest(&mut stream).await;
    assert!(text.ends_with("data: [DONE]\n\n\r\n0\r\n\r\n"), "{text}");
    timeout(PATIENCE, live.served).await.expect("the server ends").unwrap();
}

#[tokio::test]
async fn without_a_usable_certificate_nothing_is_served() {
    let folder = TempDir::new().unwrap();
    let settings = encrypted(folder.path(), "");
    let app = super::support::app_of(&settings, Vec::new());
    let listener = listener::bind("127.0.0.1:0", false).await.unwrap();
    let refused =
        crate::serve(app, listener, &settings.server, Crew::start(0), std::future::pending()).await.unwrap_err();
    assert!(refused.to_string().ends_with("as `server.tls.cert`: there is no such file"), "{refused}");
}
