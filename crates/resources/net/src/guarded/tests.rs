//! What a guarded client does on real sockets.

use super::*;
use crate::NetError;
use bytes::Bytes;
use fault::Explain;
use http::{Method, Request, Response};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use testkit::{Reply, Upstream, in_turn};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// Answers each look-up with the next of its lists, and the last one again and again.
#[derive(Debug)]
struct Scripted {
    lists: Mutex<VecDeque<Vec<IpAddr>>>,
    asked: AtomicUsize,
}

impl Scripted {
    fn new(lists: &[&[&str]]) -> Arc<Self> {
        let lists = lists.iter().map(|list| list.iter().map(|word| word.parse().unwrap()).collect()).collect();
        Arc::new(Self { lists: Mutex::new(lists), asked: AtomicUsize::new(0) })
    }
}

impl Resolve for Scripted {
    fn resolve<'a>(&'a self, _: &'a str) -> resolve::Resolved<'a> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let mut lists = self.lists.lock().unwrap();
        let next = if lists.len() > 1 { lists.pop_front() } else { lists.front().cloned() };
        Box::pin(async move { Ok(next.unwrap_or_default()) })
    }
}

fn allowing(nets: &[&str]) -> GuardedConfig {
    let allowed = nets.iter().map(|net| net.parse().unwrap()).collect();
    GuardedConfig { allowed, connect_timeout: Duration::from_millis(500) }
}

fn get(uri: &str) -> Request<Bytes> {
    Request::get(uri).body(Bytes::new()).unwrap()
}

async fn send(guarded: &Guarded, uri: &str) -> Result<Response<Bytes>, GuardedError> {
    guarded.send(get(uri), &GuardedLimits::default()).await
}

#[tokio::test]
async fn private_addresses_are_refused_however_they_are_written() {
    let upstream = Upstream::start(|_| Reply::chat("secret")).await;
    let port = upstream.addr().port();
    let guarded = Guarded::new(GuardedConfig::default());
    let hosts =
        ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "0177.0.0.1", "0.0.0.0"];
    for host in hosts {
        let error = send(&guarded, &format!("http://{host}:{port}/")).await.unwrap_err();
        assert!(matches!(error, GuardedError::Refused { .. }), "{host}: {error:?}");
        assert_eq!((error.code(), error.kind()), ("address_refused", fault::Kind::Forbidden));
        assert!(error.hint().is_some());
    }
    assert_eq!(upstream.seen().len(), 0);
}

#[tokio::test]
async fn an_allowed_network_is_reached_and_no_other() {
    let upstream = Upstream::start(|_| Reply::chat("hi")).await;
    let guarded = Guarded::new(allowing(&["127.0.0.0/8"]));
    assert_eq!(send(&guarded, &upstream.url()).await.unwrap().status(), 200);
    let refused = send(&guarded, "http://10.0.0.1/").await.unwrap_err();
    assert_eq!(refused, GuardedError::Refused { host: "10.0.0.1".into(), what: "a private address" });
}

#[tokio::test]
async fn a_name_is_asked_for_once_and_what_it_says_later_changes_nothing() {
    let upstream = Upstream::start(|_| Reply::chat("hi")).await;
    let names = Scripted::new(&[&["127.0.0.1"], &["127.0.0.2"]]);
    let guarded = Guarded::with_resolver(allowing(&["127.0.0.1/32"]), names.clone());
    let uri = format!("http://rebinds.example:{}/", upstream.addr().port());
    assert_eq!(send(&guarded, &uri).await.unwrap().status(), 200);
    assert_eq!(names.asked.load(Ordering::Relaxed), 1, "judged and dialled from one answer");
    assert!(matches!(send(&guarded, &uri).await.unwrap_err(), GuardedError::Refused { .. }));
    assert_eq!(upstream.seen().len(), 1);
}

#[tokio::test]
async fn a_public_address_that_is_silent_does_not_lead_to_a_private_one() {
    let upstream = Upstream::start(|_| Reply::chat("secret")).await;
    // Nobody has this address; it counts as public here.
    let names = Scripted::new(&[&["192.0.2.1"], &["127.0.0.1"]]);
    let guarded = Guarded::with_resolver(allowing(&["192.0.2.0/24"]), names.clone());
    let uri = format!("http://rebinds.example:{}/", upstream.addr().port());
    let failed = send(&guarded, &uri).await.unwrap_err();
    assert!(
        matches!(failed, GuardedError::Net(NetError::Connect { .. } | NetError::ConnectTimeout { .. })),
        "{failed:?}"
    );
    assert_eq!((names.asked.load(Ordering::Relaxed), upstream.seen().len()), (1, 0));
}

#[tokio::test]
async fn a_name_that_leads_to_both_is_refused() {
    let upstream = Upstream::start(|_| Reply::chat("secret")).await;
    for list in [["192.0.2.1", "127.0.0.1"], ["127.0.0.1", "192.0.2.1"]] {
        let names = Scripted::new(&[&list]);
        let guarded = Guarded::with_resolver(allowing(&["192.0.2.0/24"]), names);
        let refused = send(&guarded, &format!("http://both.example:{}/", upstream.addr().port())).await.unwrap_err();
        let what = "a loopback address";
        assert_eq!(refused, GuardedError::Refused { host: "both.example".into(), what });
        assert!(!refused.to_string().contains("127."), "it does not say what a name leads to");
    }
    assert_eq!(upstream.seen().len(), 0);
    let nowhere = Guarded::with_resolver(GuardedConfig::default(), Scripted::new(&[]));
    let unknown = send(&nowhere, "http://none.example/").await.unwrap_err();
    assert_eq!(unknown, NetError::Dns { host: "none.example".into() }.into());
}

#[tokio::test]
async fn each_redirect_is_judged_anew() {
    let guarded = Guarded::with_resolver(allowing(&["127.0.0.1/32"]), Scripted::new(&[&["127.0.0.2"]]));
    for to in ["http://127.0.0.2/", "http://[::1]/", "http://inner.example/", "http://2130706434/", "//10.0.0.1/"] {
        let outer = Upstream::start(move |_| Reply::body(302, "text/plain", "").header("location", to)).await;
        let refused = send(&guarded, &outer.url()).await.unwrap_err();
        assert!(matches!(refused, GuardedError::Refused { .. }), "{to}: {refused:?}");
        assert_eq!(outer.seen().len(), 1);
    }
}

#[tokio::test]
async fn redirects_are_followed_and_counted() {
    let hops = (0..6).map(|hop| Reply::body(302, "text/plain", "").header("location", &format!("/{hop}")));
    let hops: Vec<Reply> = hops.collect();
    let last = hops[..5].iter().cloned().chain([Reply::chat("done")]).collect();
    let upstream = Upstream::start(in_turn(last)).await;
    let guarded = Guarded::new(allowing(&["127.0.0.0/8"]));
    assert_eq!(send(&guarded, &upstream.url()).await.unwrap().status(), 200);
    let endless = Upstream::start(in_turn(hops)).await;
    assert_eq!(send(&guarded, &endless.url()).await.unwrap_err(), GuardedError::Redirects { most: 5 });
    assert_eq!(endless.seen().len(), 6);
    let none = GuardedLimits { redirects_max: 0, ..GuardedLimits::default() };
    let answer = Upstream::start(|_| Reply::body(302, "text/plain", "x").header("location", "/")).await;
    assert_eq!(guarded.send(get(&answer.url()), &none).await.unwrap().status(), 302);
}

#[tokio::test]
async fn credentials_stay_with_their_origin() {
    let other = Upstream::start(|_| Reply::chat("hi")).await;
    let to = format!("{}/there", other.url());
    let upstream = Upstream::start(in_turn(vec![
        Reply::body(307, "text/plain", "").header("location", "/same"),
        Reply::body(307, "text/plain", "").header("location", &to),
    ]))
    .await;
    let request = Request::builder().method(Method::POST).uri(upstream.url()).header("authorization", "Bearer s");
    let request = request.header("x-key", "s").header("accept", "a/b").body(Bytes::from_static(b"body")).unwrap();
    let guarded = Guarded::new(allowing(&["127.0.0.0/8"]));
    assert_eq!(guarded.send(request, &GuardedLimits::default()).await.unwrap().status(), 200);
    let (seen, there) = (upstream.seen(), other.seen());
    assert_eq!((seen[1].header("authorization"), seen[1].header("x-key")), (Some("Bearer s"), Some("s")));
    assert_eq!((there[0].header("authorization"), there[0].header("x-key")), (None, None));
    assert_eq!((there[0].header("accept"), there[0].header("user-agent")), (Some("a/b"), Some("althing")));
    assert_eq!(there[0].body.as_ref(), b"body");
}

#[tokio::test]
async fn an_answer_has_limits() {
    let guarded = Guarded::new(allowing(&["127.0.0.0/8"]));
    let limits = GuardedLimits { timeout: Duration::from_millis(200), body_bytes_max: 100, ..GuardedLimits::default() };
    let large = Upstream::start(|_| Reply::chat(&"x".repeat(5_000))).await;
    let error = guarded.send(get(&large.url()), &limits).await.unwrap_err();
    assert_eq!(error, NetError::TooLarge { most: 100 }.into());
    let head = Upstream::start(|_| Reply::chat("hi").header("x-long", &"x".repeat(80_000))).await;
    let error = guarded.send(get(&head.url()), &limits).await.unwrap_err();
    assert_eq!(error, NetError::Protocol.into());
    let silent = Upstream::start(|_| Reply::hang()).await;
    let error = guarded.send(get(&silent.url()), &limits).await.unwrap_err();
    assert_eq!(error, GuardedError::Timeout { host: "127.0.0.1".into(), limit_ms: 200 });
    let slow = Upstream::start(|_| Reply::chat(&"x".repeat(50)).cut_after(0, 10).stall()).await;
    let error = guarded.send(get(&slow.url()), &limits).await.unwrap_err();
    assert!(matches!(error, GuardedError::Timeout { .. } | GuardedError::Net(NetError::Closed)), "{error:?}");
}

/// Speaks TLS as `name` and tells which `host` header came.
async fn secure(name: &str) -> (SocketAddr, Arc<ClientConfig>) {
    let issued = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(issued.cert.der().clone()).unwrap();
    let client = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
    let client = client.unwrap().with_root_certificates(roots).with_no_client_auth();
    let key = PrivateKeyDer::try_from(issued.signing_key.serialize_der()).unwrap();
    let server = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let server = server.with_no_client_auth().with_single_cert(vec![issued.cert.der().clone()], key).unwrap();
    let (listener, acceptor) = (TcpListener::bind("127.0.0.1:0").await.unwrap(), TlsAcceptor::from(Arc::new(server)));
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let Ok(mut socket) = acceptor.accept(socket).await else { continue };
            let mut piece = [0; 4_000];
            let read = socket.read(&mut piece).await.unwrap_or(0);
            let text = String::from_utf8_lossy(&piece[..read]).to_lowercase();
            let host = text.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or("none").to_owned();
            let sni = socket.get_ref().1.server_name().unwrap_or("none").to_owned();
            let said = format!("{host} {sni}");
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{said}", said.len());
            let _ = socket.write_all(answer.as_bytes()).await;
            let _ = socket.shutdown().await;
        }
    });
    (addr, Arc::new(client))
}

#[tokio::test]
async fn a_pinned_connection_keeps_the_name() {
    let (addr, trust) = secure("named.example").await;
    let names = Scripted::new(&[&["127.0.0.1"]]);
    let guarded = Guarded::trusting(allowing(&["127.0.0.0/8"]), names, trust);
    let answer = send(&guarded, &format!("https://named.example:{}/", addr.port())).await.unwrap();
    assert_eq!(answer.body(), &format!("named.example:{} named.example", addr.port()));
    let other = send(&guarded, &format!("https://other.example:{}/", addr.port())).await.unwrap_err();
    assert!(matches!(other, GuardedError::Net(NetError::Tls { .. })), "{other:?}");
}
