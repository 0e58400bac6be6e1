//! Tenants: whoever runs one sees, makes and revokes what is its own, and of all others learns nothing.

use crate::support::{Place, Response, Server, ask, provider, question, until};
use serde_json::{Value, json};
use std::net::SocketAddr;
use testkit::{Reply, Upstream};

/// A tenant whose name is in nothing but what belongs to it.
const OTHER: &str = "otherworld";

/// A key and its id.
struct Key {
    id: String,
    key: String,
}

impl Key {
    fn of(made: &Value) -> Self {
        let text = |member: &str| made[member].as_str().unwrap().to_owned();
        Self { id: text("id"), key: text("key") }
    }

    /// As lists show it.
    fn prefix(&self) -> &str {
        &self.key[..12]
    }
}

/// Admins of the house, of `acme` and of the other tenant.
struct Admins {
    server: Server,
    house: Key,
    acme: Key,
    other: Key,
}

impl Admins {
    fn start(config: &str) -> Self {
        let place = Place::new(config);
        let [house, acme, other] = ["default", "acme", OTHER].map(|tenant| Key::of(&place.made_key("admin", tenant)));
        Self { server: place.start(), house, acme, other }
    }

    fn address(&self) -> SocketAddr {
        self.server.address()
    }

    async fn get(&self, who: &Key, path: &str) -> Response {
        ask(self.address(), &who.key, "GET", path, None).await
    }

    /// What all entries of a list say of one member.
    async fn list(&self, who: &Key, path: &str, member: &str) -> Vec<String> {
        let reply = self.get(who, path).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
        let items = reply.json()["items"].take();
        items.as_array().unwrap().iter().map(|item| item[member].as_str().unwrap().to_owned()).collect()
    }

    async fn make(&self, who: &Key, wanted: Value) -> Response {
        ask(self.address(), &who.key, "POST", "/api/v1/keys", Some(&wanted)).await
    }

    async fn works(&self, who: &Key) -> bool {
        self.get(who, "/api/v1/whoami").await.status == 200
    }
}

#[tokio::test]
async fn an_admin_of_a_tenant_sees_and_revokes_its_own_keys_alone() {
    let admins = Admins::start("");
    let Admins { house, acme, other, .. } = &admins;
    for path in ["/api/v1/keys", "/api/v1/keys?tenant=acme", "/api/v1/keys?limit=1"] {
        assert_eq!(admins.list(acme, path, "id").await, [acme.id.as_str()], "{path}");
    }
    // Whether there is such a tenant is not told.
    for tenant in ["default", OTHER, "none"] {
        let reply = admins.get(acme, &format!("/api/v1/keys?tenant={tenant}")).await;
        assert_eq!((reply.status, &reply.json()["code"]), (403, &json!("beyond_your_role")), "{}", reply.text());
    }
    let never = "key_0000000000000000";
    let missing = admins.get(acme, &format!("/api/v1/keys/{never}")).await.json();
    assert_eq!((&missing["status"], &missing["code"]), (&json!(404), &json!("not_found")));
    for foreign in [house, other] {
        for name in [&foreign.id, &foreign.id[..8], foreign.prefix(), &foreign.key] {
            for method in ["GET", "DELETE"] {
                let path = format!("/api/v1/keys/{name}");
                let reply = ask(admins.address(), &acme.key, method, &path, None).await;
                // It reads as if there were no such key.
                let (told, text) = (reply.json()["detail"].take(), missing["detail"].as_str().unwrap());
                let shown = name.get(..12).filter(|_| name.starts_with("alth_")).unwrap_or(name);
                assert_eq!((reply.status, told), (404, json!(text.replace(never, shown))), "{method} {name}");
            }
        }
        assert!(admins.works(foreign).await);
    }
    let own = format!("/api/v1/keys/{}", acme.id);
    assert_eq!(ask(admins.address(), &acme.key, "DELETE", &own, None).await.status, 200);
    assert_eq!(admins.get(acme, "/api/v1/whoami").await.status, 401);
}

#[tokio::test]
async fn an_admin_of_a_tenant_makes_keys_of_its_own_tenant_alone() {
    let admins = Admins::start("");
    let acme = &admins.acme;
    for tenant in ["default", OTHER, "new"] {
        let reply = admins.make(acme, json!({ "role": "viewer", "tenant": tenant })).await;
        assert_eq!((reply.status, &reply.json()["code"]), (403, &json!("beyond_your_role")), "{}", reply.text());
    }
    for wanted in [json!({ "role": "admin" }), json!({ "role": "user", "tenant": "acme" })] {
        let reply = admins.make(acme, wanted).await;
        assert_eq!((reply.status, &reply.json()["tenant"]), (201, &json!("acme")), "{}", reply.text());
        assert_eq!(reply.json()["created_by"], json!(acme.id));
    }
    // Nobody below an admin makes keys, of whatever role.
    for role in ["viewer", "user", "operator"] {
        let lower = Key::of(&admins.make(acme, json!({ "role": role })).await.json());
        for wanted in ["viewer", role, "admin"] {
            let reply = admins.make(&lower, json!({ "role": wanted })).await;
            assert_eq!((reply.status, &reply.json()["code"]), (403, &json!("role_too_low")), "{}", reply.text());
        }
    }
    assert_eq!(admins.list(&admins.house, "/api/v1/keys", "id").await.len(), 3 + 2 + 3);
}

#[tokio::test]
async fn the_house_looks_after_every_tenant() {
    let admins = Admins::start("");
    let Admins { house, acme, other, .. } = &admins;
    let all = admins.list(house, "/api/v1/keys", "tenant").await;
    assert_eq!(all, ["default", "acme", OTHER]);
    assert_eq!(admins.list(house, "/api/v1/keys?tenant=acme", "id").await, [acme.id.as_str()]);
    let made = admins.make(house, json!({ "role": "user", "tenant": "new" })).await;
    assert_eq!((made.status, &made.json()["tenant"]), (201, &json!("new")));
    for name in [other.id.as_str(), acme.prefix()] {
        let reply = ask(admins.address(), &house.key, "DELETE", &format!("/api/v1/keys/{name}"), None).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
    }
    assert!(!admins.works(other).await && !admins.works(acme).await && admins.works(house).await);
}

#[tokio::test]
async fn the_audit_log_shows_each_tenant_its_own_business() {
    let admins = Admins::start("");
    let Admins { house, acme, other, .. } = &admins;
    let made = Key::of(&admins.make(house, json!({ "role": "user", "tenant": "acme" })).await.json());
    let path = format!("/api/v1/keys/{}", made.id);
    assert_eq!(ask(admins.address(), &house.key, "DELETE", &path, None).await.status, 200);
    // What the house does to a tenant is that tenant's business too.
    let actions = admins.list(acme, "/api/v1/audit", "action").await;
    assert_eq!(actions, ["key.revoke", "key.create", "key.create"]);
    assert_eq!(admins.list(acme, "/api/v1/audit", "target").await, [&*made.id, &*made.id, &*acme.id]);
    assert!(admins.list(acme, "/api/v1/audit", "tenant").await.iter().all(|tenant| tenant == "acme"));
    for path in [
        "/api/v1/audit?tenant=default".to_owned(),
        format!("/api/v1/audit?tenant={OTHER}"),
        "/api/v1/audit?tenant=".to_owned(),
    ] {
        assert!(admins.list(acme, &path, "action").await.is_empty(), "{path}");
    }
    assert_eq!(admins.list(other, "/api/v1/audit", "target").await, [other.id.as_str()]);
    assert_eq!(admins.list(house, "/api/v1/audit", "target").await.len(), 5);
    // A page that the house was given leads nobody else beyond its own rows.
    let page = admins.get(house, "/api/v1/audit?limit=1").await.json();
    let next = format!("/api/v1/audit?cursor={}", page["cursor"].as_str().unwrap());
    assert!(admins.list(acme, &next, "tenant").await.iter().all(|tenant| tenant == "acme"));
    let page = admins.get(house, "/api/v1/keys?limit=1").await.json();
    let next = format!("/api/v1/keys?cursor={}", page["cursor"].as_str().unwrap());
    assert_eq!(admins.list(acme, &next, "tenant").await, ["acme", "acme"]);
}

#[tokio::test]
async fn nothing_that_can_be_read_names_another_tenant() {
    let upstream = Upstream::start(|_| Reply::chat("an answer for the otherworld")).await;
    let ledger = "[ledger]\nprompts = true\nflush_ms = 20\n[budget]\nkey_usd_per_day = 5\ntenant_usd_per_day = 9\n";
    let admins = Admins::start(&format!("{ledger}{}", provider("kit", &upstream.url(), &["m"])));
    let Admins { house, acme, other, .. } = &admins;
    let question = question("kit/m", false);
    let asked = ask(admins.address(), &other.key, "POST", "/v1/chat/completions", Some(&question)).await;
    assert_eq!(asked.status, 200, "{}", asked.text());
    let request = asked.header("x-althing-request-id").unwrap().to_owned();
    let written = async || admins.get(house, "/api/v1/calls").await.text().contains(&request).then_some(());
    until("the call is written down", written).await;
    let document = admins.get(acme, "/api/openapi.json").await.json();
    let mut read = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        if methods["get"].is_null() || path == "/api/openapi.json" {
            continue;
        }
        let path = path.replace("{id}", &other.id).replace("{name}", OTHER);
        let narrowed = [format!("tenant={OTHER}"), format!("key={}", other.id), format!("request_id={request}")];
        for query in [String::new(), narrowed[0].clone(), narrowed[1].clone(), narrowed[2].clone()] {
            let reply = admins.get(acme, &format!("{path}?{query}")).await;
            let text = reply.text().replace(&format!("\"{path}\""), "").replace(&format!("`{}`", other.id), "");
            let text = text.replace(&format!("`{OTHER}`"), "");
            for secret in [OTHER, &other.id, other.prefix(), &house.id, &request] {
                assert!(!text.contains(secret), "{path}?{query} tells {secret}: {text}");
            }
            read += usize::from(reply.status == 200);
        }
    }
    assert!(read > 20, "{read}");
}
