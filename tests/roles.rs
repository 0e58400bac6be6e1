//! Every route in every role, and with every credential that is none.
//!
//! The routes are those of the server's own OpenAPI document: a new one is tried here without a line more.

use crate::support::{Place, Response, Server, ask_with};
use serde_json::Value;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::time::sleep;

/// The roles, the least powerful first.
const ROLES: [&str; 4] = ["viewer", "user", "operator", "admin"];
/// What is for everybody, or for whoever may see figures.
const NO_ROLE: [&str; 4] = ["GET /", "GET /livez", "GET /metrics", "GET /readyz"];
/// Where Ollama's dialect is spoken.
const OLLAMA: [&str; 5] = ["/api/chat", "/api/embed", "/api/tags", "/api/show", "/api/version"];
/// Settings with which no address is put off.
const PATIENT: &str = "[access]\nwrong_keys_per_s = 1000000\n";

/// One method of one path.
#[derive(Debug)]
struct Operation {
    /// As a request begins: names in the path stand for nobody.
    line: String,
    /// The least role, as a place in `ROLES`.
    least: Option<usize>,
}

impl Operation {
    async fn ask(&self, address: SocketAddr, headers: &[(&str, &str)]) -> Response {
        let body: &[u8] = if self.line.starts_with("P") { b"{}" } else { b"" };
        ask_with(address, &self.line, headers, body).await
    }

    /// The same without a body in the answer, where there is such a method.
    fn head(&self) -> Option<Self> {
        let path = self.line.strip_prefix("GET ")?;
        Some(Self { line: format!("HEAD {path}"), least: self.least })
    }
}

/// Everything that is served, as the server describes it.
async fn operations(address: SocketAddr, key: &str) -> Vec<Operation> {
    let reply = ask_with(address, "GET /api/openapi.json", &[("x-api-key", key)], b"").await;
    let document = reply.json();
    let mut all = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let path: Vec<&str> = path.split('/').map(|part| if part.starts_with('{') { "nobody" } else { part }).collect();
        for (method, operation) in methods.as_object().unwrap() {
            let line = format!("{} {}", method.to_uppercase(), path.join("/"));
            let least = operation["x-althing-role"].as_str();
            let least = least.map(|role| ROLES.iter().position(|known| *known == role).unwrap());
            all.push(Operation { line, least });
        }
    }
    assert!(all.len() >= 14, "{all:?}");
    all
}

/// The code of an error, whose shape is that of its path; Ollama's shape, a sentence, has none.
fn code(operation: &Operation, reply: &Response) -> Option<String> {
    let body = reply.json();
    let path = operation.line.split(' ').nth(1).unwrap_or_default();
    let dialect = path.starts_with("/v1/") || OLLAMA.contains(&path);
    let kind = if dialect { "application/json" } else { "application/problem+json" };
    assert_eq!(reply.header("content-type"), Some(kind), "{operation:?}");
    let (error, id) = match path {
        _ if OLLAMA.contains(&path) => {
            assert!(body["error"].as_str().is_some_and(|text| text.len() > 20), "{operation:?}: {body}");
            return None;
        }
        _ if path.starts_with("/v1/messages") => (&body["error"], &body["request_id"]),
        _ if dialect => (&body["error"], &body["error"]["request_id"]),
        _ => (&body, &body["request_id"]),
    };
    assert_eq!(id.as_str(), reply.header("x-althing-request-id"), "{operation:?}: {body}");
    let text = error["message"].as_str().or(error["detail"].as_str());
    assert!(text.is_some_and(|text| text.len() > 20), "{operation:?}: {body}");
    Some(error["code"].as_str().unwrap_or_else(|| panic!("{operation:?}: {body}")).to_owned())
}

/// Asserts that an answer is this refusal.
fn refuses(operation: &Operation, reply: &Response, status: u16, expect: &str) {
    assert_eq!(reply.status, status, "{operation:?}: {}", reply.text());
    assert!(code(operation, reply).is_none_or(|code| code == expect), "{operation:?}: {}, not {expect}", reply.text());
}

/// Whether the answer is one to the question itself, and not to who asks.
fn is_served(reply: &Response) -> bool {
    let refused = matches!(reply.status, 401 | 403 | 405 | 429 | 500..);
    !refused && !reply.text().contains("path_not_found")
}

/// A closed server with a key of each role.
fn house() -> (Server, [String; 4]) {
    let place = Place::new(PATIENT);
    let keys = ROLES.map(|role| place.key(role, "default"));
    (place.start(), keys)
}

#[tokio::test]
async fn every_route_serves_its_role_and_those_above() {
    let (server, keys) = house();
    let address = server.address();
    let operations = operations(address, &keys[0]).await;
    for operation in &operations {
        for (role, key) in keys.iter().enumerate() {
            let reply = operation.ask(address, &[("x-api-key", key)]).await;
            let head = match operation.head() {
                Some(head) => head.ask(address, &[("x-api-key", key)]).await.status,
                None => reply.status,
            };
            assert_eq!(head, reply.status, "{operation:?}");
            let Some(least) = operation.least.filter(|least| role < *least) else {
                assert!(is_served(&reply), "{operation:?} as {}: {}", ROLES[role], reply.text());
                continue;
            };
            refuses(operation, &reply, 403, "role_too_low");
            let text = reply.text();
            assert!(text.contains(&format!("`{}`", ROLES[least])), "{text}");
            assert!(text.contains(&format!("`{}`", ROLES[role])), "{text}");
        }
    }
    let mut no_role: Vec<&str> =
        operations.iter().filter(|operation| operation.least.is_none()).map(|operation| &*operation.line).collect();
    no_role.sort_unstable();
    assert_eq!(no_role, NO_ROLE);
    // What was forbidden has not been done.
    let listed = ask_with(address, "GET /api/v1/keys", &[("x-api-key", &keys[3])], b"").await.json();
    let listed = listed["items"].as_array().unwrap();
    assert!(listed.len() == 4 && listed.iter().all(|key| key["revoked_at"].is_null()), "{listed:?}");
}

/// Keys that open nothing, each with the code that says why.
async fn useless_keys(place: &Place) -> Vec<(&'static str, String)> {
    let text = |made: &Value, member: &str| made[member].as_str().unwrap().to_owned();
    let expired = place.run(&["keys", "create", "--role", "admin", "--expires", "1s"]).good();
    let revoked = place.made_key("admin", "default");
    assert_eq!(place.run(&["keys", "revoke", revoked["id"].as_str().unwrap()]).code, Some(0));
    let elsewhere = Place::new("").key("admin", "default");
    let good = place.key("admin", "default");
    sleep(Duration::from_millis(1_100)).await;
    let last = if good.ends_with('A') { 'B' } else { 'A' };
    vec![
        ("malformed_key", "sk-proj-0123456789abcdef".to_owned()),
        ("malformed_key", format!("{good}A")),
        ("malformed_key", good[..good.len() - 1].to_owned()),
        ("malformed_key", good.to_uppercase()),
        ("unknown_key", format!("{}{last}", &good[..good.len() - 1])),
        ("unknown_key", elsewhere),
        ("expired_key", text(&expired, "key")),
        ("revoked_key", text(&revoked, "key")),
    ]
}

#[tokio::test]
async fn no_route_serves_whoever_has_no_good_key() {
    let place = Place::new(PATIENT);
    let viewer = place.key("viewer", "default");
    let useless = useless_keys(&place).await;
    let server = place.start();
    let address = server.address();
    let bearers: Vec<String> = useless.iter().map(|(_, key)| format!("Bearer {key}")).collect();
    let mut tries: Vec<(&str, Vec<(&str, &str)>)> = vec![("missing_key", Vec::new())];
    for ((code, key), bearer) in useless.iter().zip(&bearers) {
        tries.push((code, vec![("x-api-key", key)]));
        tries.push((code, vec![("authorization", bearer)]));
    }
    let good = format!("Bearer {viewer}");
    // One good key does not make up for a wrong one beside it.
    tries.push(("malformed_key", vec![("authorization", &good), ("x-api-key", &useless[0].1)]));
    tries.push(("malformed_key", vec![("authorization", &good), ("authorization", &good)]));
    tries.push(("malformed_key", vec![("authorization", &viewer)]));
    for operation in operations(address, &viewer).await {
        for (expect, headers) in &tries {
            let reply = operation.ask(address, headers).await;
            if operation.least.is_none() && !operation.line.ends_with("/metrics") {
                assert_eq!(reply.status, 200, "{operation:?} with {expect}: {}", reply.text());
                continue;
            }
            refuses(&operation, &reply, 401, expect);
            assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
            if let Some(head) = operation.head() {
                assert_eq!(head.ask(address, headers).await.status, 401, "{operation:?}");
            }
        }
    }
}

#[tokio::test]
async fn paths_that_nobody_serves_are_told_to_nobody_without_a_key() {
    let (server, [viewer, ..]) = house();
    let address = server.address();
    for path in [
        "/nowhere",
        "/v1/nowhere",
        "/api/v1/nowhere",
        "/mcp",
        "/mcp/",
        "/mcp/s/none",
        "/console",
        "/api/v1/keys/",
        "/api/v1/keys/a/b",
        "//api/v1/keys",
        "/API/v1/keys",
        "/api/v1/%6beys",
        "/api/v1/keys%2f",
        "/api/v1/keys;x",
        "/livez/../api/v1/keys",
        "/livez/",
        "/livez%2f..%2fapi/v1/keys",
        "/readyz/api/v1/keys",
        "/.%2e/api/v1/keys",
        "/%00",
    ] {
        for method in ["GET", "HEAD", "POST", "DELETE", "PUT", "PATCH", "OPTIONS", "TRACE", "LIST"] {
            let line = format!("{method} {path}");
            let reply = ask_with(address, &line, &[], b"").await;
            assert_eq!(reply.status, 401, "{line}: {reply:?}");
            let reply = ask_with(address, &line, &[("x-api-key", &viewer)], b"").await;
            assert!((400..500).contains(&reply.status) && reply.status != 401, "{line}: {reply:?}");
        }
    }
    // A name in the first line does not lead around either.
    for line in ["GET http://localhost/api/v1/keys", "GET http://localhost/livez/../api/v1/keys"] {
        assert_eq!(ask_with(address, line, &[], b"").await.status, 401, "{line}");
        assert_ne!(ask_with(address, line, &[("x-api-key", &viewer)], b"").await.status, 200, "{line}");
    }
}

#[tokio::test]
async fn a_method_that_is_not_served_says_which_are() {
    let (server, [.., admin]) = house();
    let address = server.address();
    for (line, allowed) in [
        ("PUT /api/v1/keys", &["GET", "POST"][..]),
        ("PATCH /api/v1/keys", &["GET", "POST"]),
        ("POST /api/v1/keys/nobody", &["GET", "DELETE"]),
        ("POST /api/v1/audit", &["GET"]),
        ("POST /api/v1/whoami", &["GET"]),
        ("GET /v1/chat/completions", &["POST"]),
        ("DELETE /livez", &["GET"]),
    ] {
        let reply = ask_with(address, line, &[("x-api-key", &admin)], b"").await;
        assert_eq!(reply.status, 405, "{line}: {}", reply.text());
        assert!(reply.text().contains("method_not_allowed"), "{}", reply.text());
        let header = reply.header("allow").unwrap_or_default();
        for method in allowed {
            assert!(header.contains(method), "{line}: allow: {header}");
            assert!(reply.text().contains(method), "{line}: {}", reply.text());
        }
    }
}
