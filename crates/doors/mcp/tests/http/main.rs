//! The door over a real socket, spoken to in bytes: both eras of the protocol, and clients that do it wrong.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "the helpers of a test are a test too")]

mod access;
mod client;
mod server;
mod toolsets;

use client::{Client, call, hello};
use serde_json::{Value, json};
use server::Server;
use std::time::Duration;

#[tokio::test]
async fn a_session_lists_and_calls() {
    let server = Server::start().await;
    let mut client = Client::new(server.address);
    let welcome = client.open_session().await;
    assert_eq!(welcome["protocolVersion"], "2025-11-25");
    assert_eq!(welcome["serverInfo"], json!({ "name": "althing", "title": "Althing", "version": "9.9.9" }));
    assert!(welcome["instructions"].as_str().unwrap().len() > 20);
    assert_eq!(server.door.sessions_active(), 1);

    let list = client.legacy(json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/list" })).await.result();
    check_list(&list, server.door.list_bytes());
    assert!(list.get("ttlMs").is_none(), "{list}");

    let result = client.legacy(call(3, "ask", json!({ "prompt": "hi" }))).await.result();
    check_answer(&result);
    // A result type is a word of the new era alone.
    assert!(result.get("resultType").is_none(), "{result}");

    let gone = client.send("DELETE", &client.legacy_headers(), "").await;
    assert_eq!(gone.status, 204);
    let refused = client.legacy(json!({ "jsonrpc": "2.0", "id": 4, "method": "tools/list" })).await;
    assert_eq!(refused.status, 404);
    assert_eq!(refused.message()["error"]["code"], -32600);
    assert_eq!(server.door.sessions_active(), 0);
}

#[tokio::test]
async fn a_client_of_the_new_era_discovers_lists_and_calls() {
    let server = Server::start().await;
    let client = Client::new(server.address);
    let about = client.modern("server/discover", None, json!({})).await.result();
    assert!(about["supportedVersions"].as_array().unwrap().contains(&json!("2026-07-28")), "{about}");
    assert_eq!(about["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], "althing");

    let list = client.modern("tools/list", None, json!({})).await.result();
    assert_eq!(list["cacheScope"], "private");
    assert_eq!(list["ttlMs"], 60_000);
    check_list(&list, server.door.list_bytes());

    let result = client.modern("tools/call", Some("ask"), json!({ "name": "ask", "arguments": { "prompt": "hi" } }));
    let result = result.await.result();
    assert_eq!(result["resultType"], "complete");
    check_answer(&result);
    assert_eq!(server.door.sessions_active(), 0);
}

fn check_list(list: &Value, bytes: usize) {
    let tools = list["tools"].as_array().unwrap();
    let names: Vec<_> = tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["ask", "wait"]);
    assert_eq!(tools[0]["title"], "Ask");
    let hints =
        json!({ "readOnlyHint": true, "destructiveHint": false, "idempotentHint": false, "openWorldHint": true });
    assert_eq!(tools[0]["annotations"], hints);
    assert_eq!(tools[0]["outputSchema"]["required"], json!(["answer", "agreement"]));
    assert_eq!(json!({ "tools": tools }).to_string().len(), bytes);
}

fn check_answer(result: &Value) {
    assert_eq!(result["isError"], false);
    assert_eq!(result["structuredContent"]["answer"], "hi");
    let text = result["content"][0]["text"].as_str().unwrap();
    assert_eq!(serde_json::from_str::<Value>(text).unwrap(), result["structuredContent"]);
}

#[tokio::test]
async fn a_header_that_contradicts_the_body_is_refused() {
    let server = Server::start().await;
    let client = Client::new(server.address);
    let reply = client.modern("tools/call", Some("wait"), json!({ "name": "ask", "arguments": {} })).await;
    assert_eq!(reply.status, 400);
    assert_eq!(reply.message()["error"]["code"], -32020);
}

#[tokio::test]
async fn foreign_hosts_and_origins_are_refused() {
    let server = Server::start().await;
    let client = Client::new(server.address);
    let knock = async |host: &str, origin: Option<&str>| {
        let mut headers = client.modern_headers("server/discover", None);
        headers.retain(|(name, _)| name != "host");
        headers.push(("host".into(), host.into()));
        headers.extend(origin.map(|origin| ("origin".into(), origin.into())));
        client.send("POST", &headers, &client::modern_message("server/discover", json!({})).to_string()).await
    };
    for (host, origin) in [
        ("evil.example", None),
        ("localhost.evil.example", None),
        ("localhost", Some("https://evil.example")),
        ("localhost", Some("null")),
        ("localhost", Some("https://app.example:444")),
        ("localhost", Some("http://localhost.evil.example")),
    ] {
        let reply = knock(host, origin).await;
        assert_eq!(reply.status, 403, "{host} {origin:?}");
        assert_eq!(reply.message()["error"]["code"], -32600);
        assert!(reply.message()["error"]["message"].as_str().unwrap().contains("allowed_"));
    }
    for (host, origin) in [
        ("localhost:8700", None),
        ("[::1]:8700", None),
        ("mcp.example", None),
        ("mcp.example:443", Some("https://app.example")),
        ("127.0.0.1", Some("http://localhost:5173")),
        ("127.0.0.1", Some("http://[::1]:5173")),
    ] {
        assert_eq!(knock(host, origin).await.status, 200, "{host} {origin:?}");
    }
}

#[tokio::test]
async fn an_unknown_tool_is_a_result_that_names_the_nearest() {
    let server = Server::start().await;
    let client = Client::new(server.address);
    let result = client.modern("tools/call", Some("asks"), json!({ "name": "asks", "arguments": {} })).await.result();
    assert_eq!(result["isError"], true);
    assert_eq!(
        result["content"][0]["text"],
        "unknown_tool: there is no tool named `asks`\nhint: did you mean `ask`? the tools are `ask`, `wait`"
    );
    assert!(result.get("structuredContent").is_none());
}

#[tokio::test]
async fn bad_arguments_come_back_with_the_schema() {
    let server = Server::start().await;
    let mut client = Client::new(server.address);
    client.open_session().await;
    let result = client.legacy(call(2, "ask", json!({ "question": "hi" }))).await.result();
    assert_eq!(result["isError"], true);
    let text = result["content"][0]["text"].as_str().unwrap();
    assert_eq!(text, "invalid_arguments: `prompt` is missing\nhint: say what to ask");
    let schema = result["content"][1]["text"].as_str().unwrap();
    assert!(schema.ends_with(r#"{"type":"object","properties":{"prompt":{"type":"string"}},"required":["prompt"]}"#));
    // Clients check structured content against the output schema, which a fault never fits.
    assert!(result.get("structuredContent").is_none());
    let error = &result["_meta"]["althing/error"];
    assert_eq!(error["code"], "invalid_arguments");
    assert!(error["request_id"].as_str().unwrap().starts_with("req_"));

    let reply = client.legacy(call(3, "ask", json!("hi"))).await.message();
    assert_eq!(reply["error"]["code"], -32602);
    assert!(reply["error"]["message"].as_str().unwrap().contains("an object `arguments`"), "{reply}");
}

#[tokio::test]
async fn what_is_no_message_is_a_protocol_error() {
    let server = Server::start().await;
    let client = Client::new(server.address);
    for (body, code) in [("{\"jsonrpc\":", -32700), ("", -32700), ("{}", -32600), ("[]", -32600), ("7", -32600)] {
        let reply = client.send("POST", &client.plain_headers(), body).await;
        assert_eq!(reply.status, 400, "{body}");
        assert_eq!(reply.message()["error"]["code"], code, "{body}");
        assert_eq!(reply.message()["jsonrpc"], "2.0");
    }
    let mut headers = client.plain_headers();
    headers.retain(|(name, _)| name != "content-type");
    assert_eq!(client.send("POST", &headers, "{}").await.status, 415);
    let without_session = client.send("POST", &client.plain_headers(), &call(5, "ask", json!({})).to_string()).await;
    assert_eq!(without_session.status, 400);
    assert_eq!(without_session.message()["id"], 5);
    assert_eq!(client.send("PUT", &client.plain_headers(), "").await.status, 405);
    let huge = "x".repeat(server::BODY_BYTES_MAX + 1);
    assert_eq!(client.send("POST", &client.plain_headers(), &huge).await.status, 413);
    // And it still serves.
    client.modern("tools/list", None, json!({})).await.result();
}

#[tokio::test]
async fn a_cancelled_call_of_a_session_drops_the_work() {
    let server = Server::start().await;
    let mut client = Client::new(server.address);
    client.open_session().await;
    let waiting = client.start(&client.legacy_headers(), &call(2, "wait", json!({})).to_string()).await;
    server.until_started(1).await;
    let cancel = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 2 } });
    assert_eq!(client.legacy(cancel).await.status, 202);
    server.until_dropped(1).await;
    drop(waiting);
}

#[tokio::test]
async fn a_client_of_the_new_era_that_hangs_up_drops_the_work() {
    let server = Server::start().await;
    let client = Client::new(server.address);
    let message = client::modern_message("tools/call", json!({ "name": "wait", "arguments": {} }));
    let waiting = client.start(&client.modern_headers("tools/call", Some("wait")), &message.to_string()).await;
    server.until_started(1).await;
    drop(waiting);
    server.until_dropped(1).await;
}

#[tokio::test]
async fn sessions_are_bounded() {
    let server = Server::start().await;
    for _ in 0..server::SESSIONS_MAX {
        Client::new(server.address).open_session().await;
    }
    let client = Client::new(server.address);
    let reply = client.send("POST", &client.plain_headers(), &hello().to_string()).await;
    assert_eq!(reply.status, 503);
    assert_eq!(reply.header("retry-after"), Some("5"));
    assert_eq!(server.door.sessions_active(), server::SESSIONS_MAX);
    // The new era needs no session.
    client.modern("tools/list", None, json!({})).await.result();
    tokio::time::sleep(server::DEADLINE + Duration::from_millis(100)).await;
    Client::new(server.address).open_session().await;
    assert_eq!(server.door.sessions_active(), server::SESSIONS_MAX);
}
