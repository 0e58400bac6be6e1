//! Who may see and call what: every role and every tool, sessions of others, requests that nobody has let in.

use crate::client::{Client, call};
use crate::server::Server;
use caller::Role;
use serde_json::{Value, json};

/// What is served, and the least role for it.
const TOOLS: [(&str, Role); 2] = [("ask", Role::User), ("wait", Role::Operator)];

fn names(list: &Value) -> Vec<&str> {
    list["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn every_role_sees_and_calls_what_it_may_and_nothing_else() {
    let server = Server::start().await;
    for role in Role::ALL {
        let who = format!("{role}-key:{role}");
        let modern = Client::of(server.address, &who);
        let mut legacy = Client::of(server.address, &who);
        legacy.open_session().await;
        let allowed: Vec<&str> = TOOLS.iter().filter(|(_, least)| role >= *least).map(|(name, _)| *name).collect();
        assert_eq!(names(&modern.modern("tools/list", None, json!({})).await.result()), allowed, "{role}");
        let list = legacy.legacy(json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/list" })).await.result();
        assert_eq!(names(&list), allowed, "{role}");
        for (name, _) in TOOLS.iter().filter(|(name, _)| !allowed.contains(name)) {
            let arguments = json!({ "prompt": "hi" });
            let asked = json!({ "name": name, "arguments": arguments });
            let refused = modern.modern("tools/call", Some(name), asked).await.result();
            check_forbidden(&refused, role);
            check_forbidden(&legacy.legacy(call(3, name, arguments)).await.result(), role);
        }
        legacy.send("DELETE", &legacy.legacy_headers(), "").await;
    }
    server.until_started(0).await;
}

fn check_forbidden(result: &Value, role: Role) {
    assert_eq!(result["isError"], true, "{role}: {result}");
    assert_eq!(result["_meta"]["althing/error"]["code"], "role_too_low", "{role}: {result}");
}

#[tokio::test]
async fn a_session_is_nobody_elses() {
    let server = Server::start().await;
    let mut owner = Client::of(server.address, "one:user");
    owner.open_session().await;
    let mut thief = Client::of(server.address, "two:admin");
    thief.session = owner.session.clone();
    let stolen = thief.legacy(call(3, "ask", json!({ "prompt": "hi" }))).await;
    assert_eq!(stolen.status, 404);
    assert_eq!(thief.send("DELETE", &thief.legacy_headers(), "").await.status, 404);
    assert_eq!(thief.send("GET", &thief.legacy_headers(), "").await.status, 404);
    let answer = owner.legacy(call(4, "ask", json!({ "prompt": "hi" }))).await.result();
    assert_eq!(answer["structuredContent"]["answer"], "hi");
}

#[tokio::test]
async fn what_nobody_has_let_in_is_refused() {
    let server = Server::start().await;
    let nobody = Client::of(server.address, "nobody");
    for (method, name, params) in [
        ("tools/list", None, json!({})),
        ("tools/call", Some("ask"), json!({ "name": "ask", "arguments": { "prompt": "hi" } })),
    ] {
        let reply = nobody.modern(method, name, params).await;
        assert!(reply.message()["error"]["message"].as_str().unwrap().contains("nobody"), "{method}");
    }
}
