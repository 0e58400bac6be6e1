//! The open server and how it closes: who is let in before the first key and after it, and where it may listen.

use crate::support::{Place, Response, Server, ask, ask_with, get, question, send, until};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// Credentials of every kind, none of which anybody made here.
const CREDENTIALS: [&[(&str, &str)]; 11] = [
    &[],
    &[("authorization", "Bearer anything")],
    &[("authorization", "Bearer sk-proj-0123456789abcdef")],
    &[("authorization", "Bearer ")],
    &[("authorization", "Basic YWRtaW46YWRtaW4=")],
    &[("authorization", "Bearer a"), ("authorization", "Bearer b")],
    &[("authorization", "Bearer eyJhbGciOiJub25lIn0.e30.")],
    &[("x-api-key", "alth_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")],
    &[("x-api-key", "a"), ("authorization", "Bearer b")],
    &[("x-api-key", "schl\u{fc}ssel")],
    &[("x-api-key", "")],
];

/// Settings with which no address is put off.
const PATIENT: &str = "[access]\nwrong_keys_per_s = 1000000\n";

async fn whoami(server: &Server, headers: &[(&str, &str)]) -> Response {
    ask_with(server.address(), "GET /api/v1/whoami", headers, b"").await
}

/// The code with which somebody without a key is refused, and the status.
async fn stranger(server: &Server) -> (u16, Value) {
    let reply = whoami(server, &[]).await;
    (reply.status, reply.json()["code"].clone())
}

fn closed() -> (u16, Value) {
    (401, json!("missing_key"))
}

/// Makes the first key over HTTP, as an open server lets everybody do.
async fn first_key(server: &Server) -> String {
    let made = ask(server.address(), "anything", "POST", "/api/v1/keys", Some(&json!({ "role": "admin" }))).await;
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()["key"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_open_server_ignores_whatever_credential_comes() {
    let server = Server::start("");
    assert_eq!(server.greeting()["open"], true);
    let chat = question("scripted/ash", false).to_string();
    // More than an address may be wrong on a closed server: nothing is counted against it here.
    for _ in 0..10 {
        for headers in CREDENTIALS {
            let reply = whoami(&server, headers).await;
            assert_eq!((reply.status, &reply.json()["role"]), (200, &json!("admin")), "{headers:?}");
        }
    }
    for headers in CREDENTIALS {
        let reply = ask_with(server.address(), "POST /v1/chat/completions", headers, chat.as_bytes()).await;
        assert_eq!(reply.status, 200, "{headers:?}: {}", reply.text());
    }
}

#[tokio::test]
async fn the_first_key_of_another_process_closes_it_within_two_seconds() {
    let server = Server::start("");
    // Long enough for it to have looked for keys again.
    let started = Instant::now();
    while started.elapsed() < Duration::from_millis(1_200) {
        assert_eq!(stranger(&server).await.0, 200);
        sleep(Duration::from_millis(50)).await;
    }
    let key = server.key("admin", "default");
    let made = Instant::now();
    until("it closes", async || (stranger(&server).await == closed()).then_some(())).await;
    assert!(made.elapsed() < Duration::from_secs(2), "{:?}", made.elapsed());
    for headers in CREDENTIALS {
        assert_eq!(whoami(&server, headers).await.status, 401, "{headers:?}");
    }
    for headers in [&[("authorization", &*format!("Bearer {key}"))], &[("x-api-key", &*key)]] {
        assert_eq!(whoami(&server, headers).await.json()["role"], "admin");
    }
}

#[tokio::test]
async fn the_first_key_over_http_closes_it_at_once_and_for_good() {
    let server = Server::start("");
    let key = first_key(&server).await;
    assert_eq!(stranger(&server).await, closed());
    let whoami = ask(server.address(), &key, "GET", "/api/v1/whoami", None).await;
    assert_eq!((&whoami.json()["tenant"], &whoami.json()["role"]), (&json!("default"), &json!("admin")));

    let server = server.killed_and_started();
    assert_eq!(server.greeting()["open"], false);
    assert_eq!(stranger(&server).await, closed());

    // Nobody is locked out of the machine itself: the command line makes another key.
    let id = whoami.json()["subject"].as_str().unwrap().to_owned();
    let revoked = ask(server.address(), &key, "DELETE", &format!("/api/v1/keys/{id}"), None).await;
    assert_eq!(revoked.status, 200, "{}", revoked.text());
    assert_eq!(stranger(&server).await, closed());
    assert_eq!(ask(server.address(), &key, "GET", "/api/v1/whoami", None).await.json()["code"], "revoked_key");
    let server = server.killed_and_started();
    assert_eq!(stranger(&server).await, closed());
    let next = server.key("viewer", "default");
    assert_eq!(ask(server.address(), &next, "GET", "/api/v1/whoami", None).await.status, 200);
}

#[tokio::test]
async fn many_first_requests_at_once_make_keys_that_all_work() {
    let server = Server::start("");
    let address = server.address();
    let made = (0..8).map(|_| first_key_if_open(address)).collect::<JoinSet<_>>().join_all().await;
    let keys: Vec<String> = made.into_iter().flatten().collect();
    assert!(!keys.is_empty());
    for key in &keys {
        assert_eq!(ask(address, key, "GET", "/api/v1/whoami", None).await.status, 200);
    }
    assert_eq!(stranger(&server).await, closed());
}

/// A first key, or nothing where somebody was faster.
async fn first_key_if_open(address: SocketAddr) -> Option<String> {
    let made = ask(address, "x", "POST", "/api/v1/keys", Some(&json!({ "role": "admin" }))).await;
    assert!([201, 401].contains(&made.status), "{}", made.text());
    made.json()["key"].as_str().map(str::to_owned)
}

#[test]
fn without_keys_only_this_machine_is_listened_to() {
    let place = Place::new("");
    for bind in ["0.0.0.0:0", "[::]:0"] {
        let ended = place.told(&["up", "--bind", bind]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(3), ""), "{ended:?}");
        assert!(ended.stderr.contains(&format!("`{bind}`")), "{}", ended.stderr);
        assert!(ended.stderr.contains("hint: ") && ended.stderr.contains("`althing keys create --role admin`"));
        let ended = place.run(&["up", "--bind", bind]);
        let told: Value = serde_json::from_str(&ended.stdout).unwrap();
        assert_eq!((ended.code, &told["error"]["code"]), (Some(3), &json!("open_bind_refused")), "{told}");
    }
}

#[tokio::test]
async fn with_a_key_it_listens_for_others_under_any_address() {
    let place = Place::new("");
    let key = place.key("admin", "default");
    let server = place.start_with("0.0.0.0:0", |_| {});
    let port = server.address().port();
    let named = |host: &str| format!("{host}:{port}");
    for (at, host, expect) in [
        ("127.0.0.2", named("127.0.0.2"), 200),
        ("127.0.0.1", named("192.0.2.7"), 200),
        ("127.0.0.1", named("[2001:db8::7]"), 200),
        ("127.0.0.1", named("evil.example"), 403),
    ] {
        let address = SocketAddr::new(at.parse().unwrap(), port);
        let head = format!("GET /api/v1/whoami HTTP/1.1\r\nhost: {host}\r\nx-api-key: ");
        let reply = send(address, format!("{head}{key}\r\n\r\n").as_bytes()).await.finish().await;
        assert_eq!(reply.status, expect, "{host}: {}", reply.text());
        let wrong = send(address, format!("{head}{key}x\r\n\r\n").as_bytes()).await.finish().await;
        assert_eq!(wrong.status, if expect == 200 { 401 } else { expect }, "{host}: {}", wrong.text());
    }
}

#[tokio::test]
async fn an_open_server_is_not_reached_by_another_name() {
    let server = Server::start("");
    for host in ["192.0.2.7", "evil.example", "127.0.0.1.evil.example"] {
        let head = format!("GET /api/v1/whoami HTTP/1.1\r\nhost: {host}\r\n\r\n");
        let reply = send(server.address(), head.as_bytes()).await.finish().await;
        assert_eq!((reply.status, &reply.json()["code"]), (403, &json!("host_not_allowed")), "{host}");
    }
    // A page of a foreign site cannot make the first key.
    let foreign = [("origin", "https://evil.example"), ("content-type", "text/plain")];
    let reply = ask_with(server.address(), "POST /api/v1/keys", &foreign, br#"{"role":"admin"}"#).await;
    assert_eq!((reply.status, &reply.json()["code"]), (403, &json!("origin_not_allowed")));
    assert_eq!(stranger(&server).await.0, 200);
}

#[tokio::test]
async fn what_is_for_everybody_stays_so() {
    let server = Server::start(PATIENT);
    server.key("admin", "default");
    until("it closes", async || (stranger(&server).await == closed()).then_some(())).await;
    for headers in CREDENTIALS {
        for line in ["GET /", "GET /livez", "GET /readyz", "HEAD /livez"] {
            let reply = ask_with(server.address(), line, headers, b"").await;
            assert_eq!(reply.status, 200, "{line} {headers:?}");
        }
        assert_eq!(ask_with(server.address(), "GET /metrics", headers, b"").await.status, 401, "{headers:?}");
    }
    std::fs::write(server.config(), format!("{PATIENT}metrics_open = true\n")).unwrap();
    server.signal("HUP");
    let open = async || (get(server.address(), "/metrics").await.status == 200).then_some(());
    until("figures are for everybody", open).await;
    for headers in CREDENTIALS {
        assert_eq!(ask_with(server.address(), "GET /metrics", headers, b"").await.status, 200, "{headers:?}");
        assert_eq!(whoami(&server, headers).await.status, 401, "{headers:?}");
    }
}
