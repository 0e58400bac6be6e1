//! What no key can be made of, and no list be read by: each is refused as a problem (RFC 9457) that says what to do.

use crate::support::{Kept, Place, Response, Server, ask, ask_with, keyed};
use serde_json::{Value, json};
use std::net::SocketAddr;

const MIB: usize = 1024 * 1024;

/// A closed server and its admin's key.
struct House {
    server: Server,
    admin: String,
}

impl House {
    fn start() -> Self {
        let place = Place::new("");
        let admin = place.key("admin", "default");
        Self { server: place.start(), admin }
    }

    /// Posts these bytes as a key to make.
    async fn make(&self, body: &[u8]) -> Response {
        ask_with(self.server.address(), "POST /api/v1/keys", &[("x-api-key", &self.admin)], body).await
    }

    async fn get(&self, path: &str) -> Response {
        ask(self.server.address(), &self.admin, "GET", path, None).await
    }

    async fn keys(&self) -> usize {
        self.get("/api/v1/keys").await.json()["items"].as_array().unwrap().len()
    }
}

/// The problem in an answer, whole and of a length that somebody reads.
fn problem(reply: &Response, what: &str) -> Value {
    assert_eq!(reply.header("content-type"), Some("application/problem+json"), "{what}: {}", reply.text());
    let problem = reply.json();
    assert_eq!((&problem["type"], &problem["status"]), (&json!("about:blank"), &json!(reply.status)), "{problem}");
    for member in ["title", "detail", "instance", "code", "request_id"] {
        assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{what}: {member}: {problem}");
    }
    assert_eq!(problem["request_id"].as_str(), reply.header("x-althing-request-id"));
    assert!(reply.body.len() < 3_000, "{what}: {problem}");
    problem
}

#[tokio::test]
async fn what_is_no_key_is_refused_by_name() {
    let house = House::start();
    let long = "x".repeat(101);
    for (wanted, word) in [
        (json!({}), "role"),
        (json!({ "role": "root" }), "`role`"),
        (json!({ "role": "Admin" }), "`role`"),
        (json!({ "role": "" }), "`role`"),
        (json!({ "role": null }), "string"),
        (json!({ "role": 3 }), "string"),
        (json!({ "role": ["admin"] }), "string"),
        (json!({ "role": "user", "tenant": "" }), "`tenant`"),
        (json!({ "role": "user", "tenant": "Acme" }), "`tenant`"),
        (json!({ "role": "user", "tenant": "a b" }), "`tenant`"),
        (json!({ "role": "user", "tenant": "../etc" }), "`tenant`"),
        (json!({ "role": "user", "tenant": "t".repeat(65) }), "`tenant`"),
        (json!({ "role": "user", "tenant": 1 }), "string"),
        (json!({ "role": "user", "expires": "yesterday" }), "`expires`"),
        (json!({ "role": "user", "expires": "2020-01-01" }), "`expires`"),
        (json!({ "role": "user", "expires": "0s" }), "`expires`"),
        (json!({ "role": "user", "expires": "-1d" }), "`expires`"),
        (json!({ "role": "user", "expires": "200000w" }), "`expires`"),
        (json!({ "role": "user", "expires": 30 }), "string"),
        (json!({ "role": "user", "name": long }), "`name`"),
        (json!({ "role": "user", "name": "two\nlines" }), "`name`"),
        (json!({ "role": "user", "name": "\u{1b}[2J" }), "`name`"),
        (json!({ "role": "user", "rpm": 0 }), "`rpm`"),
        (json!({ "role": "user", "rpm": "many" }), "u32"),
        (json!({ "role": "user", "rol": "admin" }), "`rol`"),
        (json!({ "role": "user", "id": "key_0000000000000000" }), "`id`"),
        (json!({ "role": "user", "key": "alth_mine" }), "`key`"),
        (json!([{ "role": "user" }]), "body"),
        (json!("admin"), "body"),
        (json!(null), "body"),
    ] {
        let reply = house.make(wanted.to_string().as_bytes()).await;
        let problem = problem(&reply, &wanted.to_string());
        assert_eq!(reply.status, 400, "{wanted}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains(word), "{wanted}: {problem}");
        if word.starts_with('`') && problem["code"] == "invalid_parameter" {
            assert_eq!(problem["param"], json!(word.trim_matches('`')), "{problem}");
        }
        assert!(!reply.text().contains('\u{1b}'), "{problem}");
    }
    assert_eq!(house.keys().await, 1);
}

#[tokio::test]
async fn what_is_no_body_is_refused() {
    let house = House::start();
    let deep = [vec![b'['; 100_000], vec![b']'; 100_000]].concat();
    for (what, body, status) in [
        ("nothing", b"".to_vec(), 400),
        ("half", br#"{"role":"#.to_vec(), 400),
        ("two", br#"{"role":"user"}{"role":"user"}"#.to_vec(), 400),
        ("twice", br#"{"role":"user","role":"admin"}"#.to_vec(), 400),
        ("a form", b"role=admin".to_vec(), 400),
        ("no text", vec![0xff; 64], 400),
        ("no text inside", b"{\"role\":\"\xff\"}".to_vec(), 400),
        ("half a character", br#"{"role":"\ud800"}"#.to_vec(), 400),
        ("depth", deep, 400),
        ("a long name", json!({ "role": "user", "name": "x".repeat(MIB) }).to_string().into_bytes(), 400),
        ("a long member", format!("{{\"{}\":1}}", "x".repeat(MIB)).into_bytes(), 400),
        ("too much", vec![b' '; 65 * MIB], 413),
    ] {
        let reply = house.make(&body).await;
        assert_eq!(reply.status, status, "{what}: {}", reply.text());
        problem(&reply, what);
    }
    assert_eq!(house.keys().await, 1);
}

#[tokio::test]
async fn a_key_that_can_be_is_made_and_shown_once() {
    let house = House::start();
    let name = "Ö".repeat(100);
    let wanted = json!({ "role": "operator", "tenant": "acme-2.eu_x", "expires": "36500d", "name": name, "rpm": 7 });
    let reply = house.make(wanted.to_string().as_bytes()).await;
    assert_eq!((reply.status, reply.header("cache-control")), (201, Some("no-store")), "{}", reply.text());
    let made = reply.json();
    for (member, value) in wanted.as_object().unwrap().iter().filter(|(member, _)| *member != "expires") {
        assert_eq!(&made[member], value, "{made}");
    }
    assert!(made["expires_at"].as_str().unwrap().starts_with("21"), "{made}");
    let (id, key) = (made["id"].as_str().unwrap(), made["key"].as_str().unwrap());
    assert!(key.starts_with(made["prefix"].as_str().unwrap()) && key.len() == 56, "{made}");
    for path in ["/api/v1/keys", &format!("/api/v1/keys/{id}"), "/api/v1/audit"] {
        let text = house.get(path).await;
        assert!(text.text().contains(id) && !text.text().contains(&key[12..]), "{path}: {}", text.text());
    }
}

#[tokio::test]
async fn a_list_is_read_by_pages_and_by_nothing_else() {
    let house = House::start();
    for _ in 0..4 {
        house.server.key("viewer", "default");
    }
    for list in ["/api/v1/keys", "/api/v1/audit", "/api/v1/calls", "/api/v1/prompts", "/api/v1/budgets"] {
        for query in [
            "limit=x",
            "limit=-1",
            "limit=1.5",
            "limit=",
            "limit=99999999999999999999999",
            "limit=1&limit=2",
            "cursor=nonsense",
            "cursor=%00",
            "cursor=%ff",
            "cursor=bm9uZQ",
            "cursor=%27%20OR%201%3D1",
            &format!("cursor={}", "A".repeat(4_000)),
            "lmit=1",
            "limit=1;cursor=",
        ] {
            let reply = house.get(&format!("{list}?{query}")).await;
            assert_eq!(reply.status, 400, "{list}?{query}: {}", reply.text());
            let problem = problem(&reply, query);
            let name = query.split(['=', '&']).next().unwrap();
            assert!(problem["detail"].as_str().unwrap().contains(name), "{list}?{query}: {problem}");
        }
    }
    for list in ["keys", "audit"] {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = house.get(&format!("/api/v1/{list}?limit=2{cursor}")).await.json();
            let items = page["items"].as_array().unwrap();
            assert!((1..=2).contains(&items.len()), "{page}");
            seen.extend(items.iter().map(Value::to_string));
            let Some(next) = page["cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        let whole = house.get(&format!("/api/v1/{list}?limit=1000")).await.json();
        assert_eq!(seen, whole["items"].as_array().unwrap().iter().map(Value::to_string).collect::<Vec<_>>());
        assert_eq!((seen.len(), &whole["cursor"]), (5, &Value::Null));
    }
}

/// Sends the head of a request, reads the answer, and only then sends the body and another request.
async fn answered_before_its_body(address: SocketAddr, line: &str, key: &str) -> (Response, Option<Response>) {
    let head = format!("{line} HTTP/1.1\r\nhost: localhost\r\nx-api-key: {key}\r\ncontent-length: 2\r\n\r\n");
    let mut connection = Kept::to(address).await;
    let refused = connection.ask(head.as_bytes()).await;
    let next = connection.try_ask(b"{}GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    (refused, next)
}

#[tokio::test]
async fn who_is_refused_before_its_body_was_read_is_told_that_the_connection_ends() {
    let house = House::start();
    let address = house.server.address();
    for line in ["POST /mcp", "POST /api/v1/keys", "POST /v1/chat/completions", "GET /nowhere", "DELETE /api/v1/x"] {
        let (refused, next) = answered_before_its_body(address, line, "wrong").await;
        assert_eq!((refused.status, refused.header("connection")), (401, Some("close")), "{line}: {refused:?}");
        assert!(next.is_none(), "{line}");
    }
    let (refused, _) = answered_before_its_body(address, "POST /livez", &house.admin).await;
    assert_eq!((refused.status, refused.header("connection")), (405, Some("close")), "{refused:?}");
    // Whoever was read goes on.
    let mut connection = Kept::to(address).await;
    for _ in 0..3 {
        let asked = keyed(address, &house.admin, "POST", "/api/v1/keys", Some(&json!({})));
        let reply = connection.ask(&asked).await;
        assert_eq!((reply.status, reply.header("connection")), (400, None), "{}", reply.text());
        let reply = connection.ask(&keyed(address, "wrong", "GET", "/api/v1/keys", None)).await;
        assert_eq!((reply.status, reply.header("connection")), (401, None), "{}", reply.text());
    }
}

#[tokio::test]
async fn a_name_in_a_path_is_looked_for_as_it_is_written() {
    let house = House::start();
    let long = "x".repeat(3_000);
    for name in ["%ff", "%00", "%2e%2e%2f", "%27%20OR%201=1--", "key_%25", "key_____________", "%F0%9F%98%80", &long] {
        for method in ["GET", "DELETE"] {
            let path = format!("/api/v1/keys/{name}");
            let reply = ask(house.server.address(), &house.admin, method, &path, None).await;
            assert!([400, 404].contains(&reply.status), "{path}: {}", reply.text());
            problem(&reply, name);
        }
    }
    let reply = house.get("/v1/models/%ff").await;
    assert!([400, 404].contains(&reply.status) && reply.json()["error"]["code"].is_string(), "{}", reply.text());
    let reply = house.get("/api/v1/flags/%ff").await;
    problem(&reply, "a flag");
    assert_eq!(house.keys().await, 1);
}
