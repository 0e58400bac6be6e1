//! Calling what was found: an operation of an HTTP API, with arguments that fit, and nothing that may not be reached.

use super::{WORDS, find, ids, try_import};
use crate::support::{Kept, Place, Server, ask, call_tool, message};
use serde_json::{Value, json};
use std::net::SocketAddr;
use testkit::{Reply, Upstream};

const SECRET: &str = "planted-secret-of-the-shop";

/// An API of a pet shop.
async fn shop() -> Upstream {
    Upstream::start(|seen| match (seen.method.as_str(), seen.path.split('?').next().unwrap_or_default()) {
        ("GET", "/pets/7") => {
            Reply::json(200, &json!({ "id": 7, "name": "Rex", "key": seen.header("x-shop-key").is_some() }))
        }
        ("GET", "/pets") => Reply::json(200, &json!({ "asked": seen.path, "pets": ["x".repeat(200_000)] })),
        ("POST", "/pets") => Reply::json(201, &seen.json()),
        ("DELETE", _) => Reply::json(403, &json!({ "error": "not yours", "echo": seen.header("x-shop-key") })),
        ("GET", "/away") => Reply::body(302, "text/plain", "").header("location", "http://169.254.169.254/latest"),
        _ => Reply::json(404, &json!({ "error": "no such pet" })),
    })
    .await
}

/// Its description.
fn described(base: &str) -> Value {
    let pet = json!({ "type": "object", "required": ["name"], "properties": {
        "name": { "type": "string" }, "friend": { "$ref": "#/components/schemas/Pet" } } });
    let id = json!([{ "name": "petId", "in": "path", "required": true, "schema": { "type": "integer" } }]);
    json!({
        "openapi": "3.1.0", "info": { "title": "Pets", "version": "1" }, "servers": [{ "url": base }],
        "components": { "schemas": { "Pet": pet } },
        "paths": {
            "/pets": {
                "get": { "operationId": "listPets", "summary": "List every pet in the shop", "parameters": [
                    { "name": "limit", "in": "query", "schema": { "type": "integer", "maximum": 100 } }] },
                "post": { "operationId": "addPet", "summary": "Put a new pet into the shop", "requestBody": { "required": true,
                    "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Pet" } } } } },
            },
            "/pets/{petId}": {
                "get": { "operationId": "getPet", "summary": "Look at one pet by its number", "parameters": id },
                "delete": { "operationId": "sellPet", "summary": "Sell a pet", "parameters": id },
            },
            "/away": { "get": { "operationId": "leave", "summary": "Leave the shop" } },
        },
    })
}

/// Settings that let tools reach this machine, with the shop's key.
fn open(upstream: &Upstream) -> String {
    format!(
        "{WORDS}[tools]\nallowed_networks = [\"127.0.0.0/8\"]\ninline_bytes_max = 20_000\n\
         [[tools.credential]]\nname = \"shop\"\nheader = \"x-shop-key\"\nsecret = \"file:secret\"\nhosts = [\"{}\"]\n",
        upstream.addr()
    )
}

async fn open_shop(config: &str, upstream: &Upstream, query: &str) -> Server {
    let place = Place::new(config);
    std::fs::write(place.path().join("secret"), SECRET).unwrap();
    let server = place.start();
    let document = described(&format!("http://{}", upstream.addr())).to_string();
    let reply = try_import(server.address(), "", &format!("?server=pets{query}"), document.as_bytes()).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.json()["added"], 5, "{}", reply.text());
    server
}

async fn call(address: SocketAddr, id: &str, arguments: Value) -> Value {
    call_tool(address, "", "call_tool", &json!({ "id": id, "arguments": arguments })).await.result()
}

#[tokio::test]
async fn what_was_found_is_called_and_use_lifts_it() {
    let upstream = shop().await;
    let server = open_shop(&open(&upstream), &upstream, "&credential=shop").await;
    let address = server.address();
    let found = find(address, "", "look at a pet by number").await;
    assert_eq!(ids(&found)[0], "pets__getPet", "{found}");
    let called = call(address, "pets__getPet", json!({ "petId": 7 })).await;
    assert_ne!(called["isError"], true, "{called}");
    let text = called["structuredContent"].to_string();
    assert!(text.contains("Rex") && text.contains("\"key\":true"), "the credential goes along: {text}");
    let added = call(address, "pets__addPet", json!({ "name": "Ida", "friend": { "name": "Rex" } })).await;
    assert!(added["structuredContent"].to_string().contains("Ida"), "{added}");

    // Words that stand nowhere in its description lead to it once it was found by them and used.
    let before = find(address, "", "how old is our hound").await;
    assert!(ids(&before).is_empty() || before["weak"] == true, "{before}");
    let arguments = json!({ "id": "pets__getPet", "arguments": { "petId": 7 }, "query": "how old is our hound" });
    call_tool(address, "", "call_tool", &arguments).await.structured();
    let mut after = find(address, "", "how old is our hound").await;
    // The answer to a call does not wait for what is learned from it.
    for _ in 0..50 {
        if !ids(&after).is_empty() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        after = find(address, "", "how old is our hound").await;
    }
    assert_eq!(ids(&after).first().map(String::as_str), Some("pets__getPet"), "{after}");
    let forgot = ask(address, "", "DELETE", "/api/v1/tools/usage", None).await;
    assert_eq!(forgot.status, 200, "{}", forgot.text());
    assert_eq!(find(address, "", "how old is our hound").await["tools"], before["tools"]);
}

#[tokio::test]
async fn an_error_lets_a_model_repair_its_call_in_one_turn() {
    let upstream = shop().await;
    let server = open_shop(&open(&upstream), &upstream, "&credential=shop").await;
    let wrong = call(server.address(), "pets__getPet", json!({ "pet_id": 7 })).await;
    let text = wrong["content"].to_string();
    assert_eq!(wrong["isError"], true);
    for piece in ["petId", "pet_id", "integer"] {
        assert!(text.contains(piece), "no `{piece}` in {text}");
    }
    let unknown = call(server.address(), "pets__get_pet", json!({ "petId": 7 })).await;
    assert!(unknown["content"].to_string().contains("pets__getPet"), "the nearest is offered: {unknown}");
    let deep = call(server.address(), "pets__addPet", json!({ "name": "Ida", "friend": { "name": 3 } })).await;
    assert!(deep["content"].to_string().contains("friend"), "where it is wrong is told: {deep}");
    assert!(upstream.seen().is_empty(), "nothing that does not fit is sent");
    // What the other side refuses comes back as an error of the tool, without what was sent along.
    let refused = call(server.address(), "pets__sellPet", json!({ "petId": 7 })).await;
    assert!(refused["isError"] == true && refused["content"].to_string().contains("403"), "{refused}");
    assert!(!refused.to_string().contains(SECRET), "{refused}");
}

#[tokio::test]
async fn only_what_is_trusted_can_be_called_as_reading() {
    let upstream = shop().await;
    let arguments = json!({ "id": "pets__getPet", "arguments": { "petId": 7 } });
    for (query, trusted) in [("", false), ("&trust_read_only=true", true)] {
        let server = open_shop(&open(&upstream), &upstream, query).await;
        let result = call_tool(server.address(), "", "call_read_tool", &arguments).await.result();
        assert_eq!(result["isError"] != true, trusted, "{result}");
        let arguments = json!({ "id": "pets__addPet", "arguments": { "name": "Ida" } });
        let result = call_tool(server.address(), "", "call_read_tool", &arguments).await.result();
        assert_eq!(result["isError"], true, "{result}");
    }
}

#[tokio::test]
async fn what_is_large_comes_as_a_resource() {
    let upstream = shop().await;
    let server = open_shop(&open(&upstream), &upstream, "").await;
    let called = call(server.address(), "pets__listPets", json!({ "limit": 3 })).await;
    assert_ne!(called["isError"], true, "{called}");
    assert!(called.to_string().len() < 20_000, "{}", called.to_string().len());
    let link = called["content"].as_array().unwrap().iter().find(|block| block["type"] == "resource_link").unwrap();
    let uri = link["uri"].as_str().unwrap();
    let request = message(server.address(), "/mcp", "", "resources/read", uri, json!({ "uri": uri }));
    let read = Kept::to(server.address()).await.ask(&request).await.result();
    let text = read["contents"][0]["text"].as_str().unwrap();
    assert!(text.len() > 200_000 && text.contains("limit=3"), "{}", text.len());
}

#[tokio::test]
async fn private_addresses_are_refused_and_so_are_redirects_to_them() {
    let upstream = shop().await;
    let closed = open_shop(WORDS, &upstream, "").await;
    let refused = call(closed.address(), "pets__getPet", json!({ "petId": 7 })).await;
    assert!(
        refused["isError"] == true && refused["content"].to_string().contains("is not reached from here"),
        "{refused}"
    );
    assert!(upstream.seen().is_empty());
    let server = open_shop(&open(&upstream), &upstream, "").await;
    let refused = call(server.address(), "pets__leave", json!({})).await;
    assert!(refused["isError"] == true && refused["content"].to_string().contains("169.254"), "{refused}");
}

#[tokio::test]
async fn secrets_are_in_no_catalogue_log_or_error() {
    let upstream = shop().await;
    let server = open_shop(&open(&upstream), &upstream, "&credential=shop").await;
    let address = server.address();
    let config = json!({ "mcpServers": { "mail": { "command": "mailer", "args": ["--token", SECRET],
        "env": { "MAIL_KEY": SECRET } }, "web": { "url": format!("https://x.example/mcp?key={SECRET}"),
        "headers": { "Authorization": format!("Bearer {SECRET}") } } } });
    let report = try_import(address, "", "?format=mcp", config.to_string().as_bytes()).await;
    assert_eq!(report.status, 200, "{}", report.text());
    let mut told = vec![report.text().to_owned()];
    told.push(call(address, "pets__getPet", json!({ "petId": 7 })).await.to_string());
    told.push(call(address, "pets__sellPet", json!({ "petId": 7 })).await.to_string());
    for path in ["/api/v1/tools", "/api/v1/tools/pets__getPet", "/api/v1/tools/statistics", "/metrics", "/api/v1/audit"]
    {
        told.push(ask(address, "", "GET", path, None).await.text().to_owned());
    }
    told.push(find(address, "", "pet").await.to_string());
    assert!(upstream.seen().iter().any(|seen| seen.header("x-shop-key") == Some(SECRET)));
    let store = std::fs::read(server.data().join("althing.db")).unwrap();
    assert!(!store.windows(SECRET.len()).any(|window| window == SECRET.as_bytes()), "the store holds a secret");
    told.push(server.log());
    for text in told {
        assert!(!text.contains(SECRET), "{text}");
    }
}
