//! Encrypted connections: a certificate served, renewed while serving, and refused when it is none.

use crate::support::{Kept, Place, Server, attempt, keyed, provider, question, request, until};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use testkit::{Reply, Upstream};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

type Certificate = CertificateDer<'static>;

/// Puts a new certificate and its key into a folder.
fn issue(folder: &Path) -> Certificate {
    let issued = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(folder.join("cert.pem"), issued.cert.pem()).unwrap();
    fs::write(folder.join("key.pem"), issued.signing_key.serialize_pem()).unwrap();
    issued.cert.der().clone()
}

/// A place with a certificate and settings that name it, and more of them.
fn encrypted(more: &str) -> (Place, Certificate) {
    let place = Place::new("");
    let certificate = issue(place.path());
    let [cert, key] = ["cert.pem", "key.pem"].map(|file| place.path().join(file).display().to_string());
    fs::write(place.config(), format!("[server.tls]\ncert = '{cert}'\nkey = '{key}'\n{more}")).unwrap();
    (place, certificate)
}

/// Connects as a client that believes in this certificate alone.
async fn connect(address: SocketAddr, believed: &Certificate) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(believed.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = builder.with_root_certificates(roots).with_no_client_auth();
    let stream = TcpStream::connect(address).await.unwrap();
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), stream).await
}

/// Whether new connections are encrypted with this certificate, and work.
async fn serves(server: &Server, certificate: &Certificate) -> bool {
    let Ok(stream) = connect(server.address(), certificate).await else { return false };
    Kept::over(stream).ask(&request(server.address(), "GET /livez", &[], b"")).await.status == 200
}

#[tokio::test]
async fn everything_is_asked_over_an_encrypted_connection() {
    let upstream = Upstream::start(|seen| match seen.json()["stream"] == true {
        true => Reply::chat_stream(&["4", "2"]),
        false => Reply::chat("42"),
    });
    let upstream = upstream.await;
    let (place, certificate) = encrypted(&provider("kit", &upstream.url(), &["m"]));
    let key = place.key("user", "default");
    let server = place.start();
    let address = server.address();
    assert_eq!(server.greeting()["url"].as_str(), Some(&*format!("https://{address}")));
    let mut connection = Kept::over(connect(address, &certificate).await.unwrap());
    for stream in [false, true] {
        let asked = keyed(address, &key, "POST", "/v1/chat/completions", Some(&question("kit/m", stream)));
        let reply = connection.ask(&asked).await;
        assert_eq!((reply.status, reply.content().as_str(), reply.whole), (200, "42", true), "{}", reply.text());
    }
    let wrong = connection.ask(&keyed(address, "sk-wrong", "GET", "/v1/models", None)).await;
    assert_eq!(wrong.status, 401);

    // Whoever does not encrypt is told, and its key is not looked at.
    let plain = attempt(address, &keyed(address, &key, "GET", "/v1/models", None)).await.unwrap();
    assert_eq!(plain.status, 400);
    let told = plain.finish().await;
    assert!(told.text().contains("https://"), "{}", told.text());
    // Whoever believes in another certificate does not talk to this one.
    let (_elsewhere, other) = encrypted("");
    assert!(connect(address, &other).await.is_err());
}

#[tokio::test]
async fn a_renewed_certificate_is_served_within_seconds_and_open_connections_go_on() {
    let (place, old) = encrypted("");
    let server = place.start();
    let mut open = Kept::over(connect(server.address(), &old).await.unwrap());
    let new = issue(server.place().path());
    let renewed = Instant::now();
    until("the new certificate", async || serves(&server, &new).await.then_some(())).await;
    assert!(renewed.elapsed() < Duration::from_secs(10), "{:?}", renewed.elapsed());
    assert!(!serves(&server, &old).await);
    assert_eq!(open.ask(&request(server.address(), "GET /livez", &[], b"")).await.status, 200);
    // The log is read by a thread of its own.
    until("the log", async || server.log().contains("the certificate is renewed").then_some(())).await;
}

#[tokio::test]
async fn a_broken_certificate_changes_nothing_and_a_good_one_is_taken_over_at_a_hangup() {
    let (place, old) = encrypted("");
    let server = place.start();
    let folder = server.place().path().to_owned();
    for (nth, broken) in (1..).zip(["", "garbage", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]) {
        fs::write(folder.join("cert.pem"), broken).unwrap();
        server.signal("HUP");
        let refused = async || (server.log().matches("settings not reloaded").count() >= nth).then_some(());
        until("it is refused", refused).await;
        assert!(server.log().contains("cert.pem") && server.log().contains("`server.tls.cert`"), "{}", server.log());
        assert!(serves(&server, &old).await);
    }
    let new = issue(&folder);
    server.signal("HUP");
    until("the new certificate", async || serves(&server, &new).await.then_some(())).await;
    // What a key file holds is nobody's business, whatever is wrong with it.
    let key = fs::read_to_string(folder.join("key.pem")).unwrap();
    fs::write(folder.join("key.pem"), key.replace("PRIVATE", "SECRET")).unwrap();
    let before = server.log().matches("settings not reloaded").count();
    server.signal("HUP");
    let refused = async || (server.log().matches("settings not reloaded").count() > before).then_some(());
    until("it is refused", refused).await;
    assert!(key.lines().filter(|line| line.len() > 20 && !line.contains('-')).all(|line| !server.log().contains(line)));
    assert!(serves(&server, &new).await);
}

#[test]
fn a_server_does_not_start_with_a_certificate_that_is_none() {
    let (place, _) = encrypted("");
    let read = |file: &str| fs::read_to_string(place.path().join(file)).unwrap();
    let (cert, key) = (read("cert.pem"), read("key.pem"));
    let (elsewhere, _) = encrypted("");
    let other = fs::read_to_string(elsewhere.path().join("key.pem")).unwrap();
    for (file, content, setting) in [
        ("cert.pem", None, "cert"),
        ("key.pem", None, "key"),
        ("cert.pem", Some(key.as_str()), "cert"),
        ("cert.pem", Some("garbage"), "cert"),
        ("key.pem", Some(cert.as_str()), "key"),
        ("key.pem", Some(""), "key"),
        ("key.pem", Some(other.as_str()), "key"),
        ("key.pem", Some("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"), "key"),
    ] {
        fs::write(place.path().join("cert.pem"), &cert).unwrap();
        fs::write(place.path().join("key.pem"), &key).unwrap();
        match content {
            Some(content) => fs::write(place.path().join(file), content).unwrap(),
            None => fs::remove_file(place.path().join(file)).unwrap(),
        }
        let ended = place.told(&["up", "--bind", "127.0.0.1:0"]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(3), ""), "{file} {content:?}: {ended:?}");
        let (named, told) = (format!("`server.tls.{setting}`"), &ended.stderr);
        assert!(told.contains(file) && told.contains(&named) && told.contains("hint: "), "{told}");
        assert!(!told.contains(other.lines().nth(1).unwrap()) && !told.contains(key.lines().nth(1).unwrap()), "{told}");
        let told: Value = serde_json::from_str(&place.run(&["up", "--bind", "127.0.0.1:0"]).stdout).unwrap();
        assert_eq!(told["error"]["code"], "bad_certificate", "{told}");
        // Whoever looks before starting hears of it too.
        let ended = place.told(&["doctor"]);
        assert!(ended.code != Some(0) && ended.stdout.contains(file), "doctor says nothing: {ended:?}");
    }
}
