//! Every tool in every role, and whose a session is.

use crate::support::{
    Ended, Kept, Place, Response, Server, althing, ask_with, message, provider, python, question, until,
};
use serde_json::{Value, json};
use std::net::SocketAddr;
use testkit::{Reply, Upstream};
use tokio::task::block_in_place;

/// The roles, the least powerful first.
const ROLES: [&str; 4] = ["viewer", "user", "operator", "admin"];

/// Posts one message, of the protocol with sessions, with a key and perhaps in a session.
async fn post(address: SocketAddr, key: &str, session: Option<&str>, message: &Value) -> Response {
    let mut headers = vec![
        ("content-type", "application/json"),
        ("accept", "application/json, text/event-stream"),
        ("mcp-protocol-version", "2025-11-25"),
    ];
    headers.extend((!key.is_empty()).then_some(("x-api-key", key)));
    headers.extend(session.map(|session| ("mcp-session-id", session)));
    ask_with(address, "POST /mcp", &headers, message.to_string().as_bytes()).await
}

/// Opens a session and gives its id.
async fn session(address: SocketAddr, key: &str) -> String {
    let params =
        json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } });
    let hello = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params });
    let reply = post(address, key, None, &hello).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let id = reply.header("mcp-session-id").expect("a session").to_owned();
    let ready = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    assert_eq!(post(address, key, Some(&id), &ready).await.status, 202);
    id
}

fn list() -> Value {
    json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/list" })
}

fn call(tool: &str, arguments: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": { "name": tool, "arguments": arguments } })
}

/// What a message came back with, plain or as an event.
fn result(reply: &Response) -> Value {
    assert_eq!(reply.status, 200, "{}", reply.text());
    let event = reply.text().lines().filter_map(|line| line.strip_prefix("data: ")).rfind(|data| !data.is_empty());
    let mut message: Value = serde_json::from_str(event.unwrap_or(reply.text())).unwrap();
    assert!(message["error"].is_null(), "{message}");
    message["result"].take()
}

async fn tools(address: SocketAddr, key: &str) -> Vec<String> {
    let session = session(address, key).await;
    let listed = result(&post(address, key, Some(&session), &list()).await);
    listed["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
}

fn house(config: &str) -> (Server, [String; 4]) {
    let place = Place::new(config);
    let keys = ROLES.map(|role| place.key(role, "default"));
    (place.start(), keys)
}

#[tokio::test]
async fn a_role_is_shown_the_tools_that_it_may_call_and_no_other() {
    let (server, keys) = house("");
    let address = server.address();
    let all = tools(address, &keys[3]).await;
    assert!(all.contains(&"ask".to_owned()), "{all:?}");
    for (key, role) in keys.iter().zip(ROLES) {
        let (shown, session) = (tools(address, key).await, session(address, key).await);
        assert_eq!(shown.contains(&"ask".to_owned()), role != "viewer", "{role}: {shown:?}");
        assert!(shown.iter().all(|tool| all.contains(tool)), "{role}: {shown:?}");
        for tool in &all {
            // Arguments that no tool takes: nothing is done, and what may be called says so itself.
            let called = result(&post(address, key, Some(&session), &call(tool, &json!({ "none": 1 }))).await);
            let (text, code) = (called["content"].to_string(), &called["_meta"]["althing/error"]["code"]);
            assert_eq!(called["isError"], true, "{called}");
            assert_eq!(code == "role_too_low", !shown.contains(tool), "{role}: {tool}: {called}");
            assert!(code == "invalid_arguments" || text.contains(&format!("yours is `{role}`")), "{called}");
        }
        // What is not shown is not offered as what may have been meant.
        let called = result(&post(address, key, Some(&session), &call("aks", &json!({}))).await);
        assert_eq!(called["content"].to_string().contains("`ask`"), role != "viewer", "{role}: {called}");
    }
    let called = call("ask", &json!({ "prompt": "hello", "model": "scripted/ash" }));
    let session = session(address, &keys[1]).await;
    let answered = result(&post(address, &keys[1], Some(&session), &called).await);
    assert!(answered["structuredContent"]["answer"].as_str().unwrap().contains("hello"), "{answered}");
}

#[tokio::test]
async fn the_protocol_without_sessions_knows_roles_too() {
    let (server, keys) = house("");
    let about = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": { "name": "t", "version": "1" },
    });
    for (key, role) in keys.iter().zip(ROLES) {
        let arguments = json!({ "prompt": "hello", "model": "scripted/ash" });
        let params = json!({ "name": "ask", "arguments": arguments, "_meta": about });
        let message = json!({ "jsonrpc": "2.0", "id": "m1", "method": "tools/call", "params": params }).to_string();
        let headers = [
            ("content-type", "application/json"),
            ("accept", "application/json, text/event-stream"),
            ("mcp-protocol-version", "2026-07-28"),
            ("mcp-method", "tools/call"),
            ("mcp-name", "ask"),
            ("x-api-key", key),
        ];
        let reply = ask_with(server.address(), "POST /mcp", &headers, message.as_bytes()).await;
        let called = result(&reply);
        let expect = if role == "viewer" { json!("role_too_low") } else { Value::Null };
        assert_eq!(called["_meta"]["althing/error"]["code"], expect, "{called}");
    }
}

#[tokio::test]
async fn nobody_gets_in_without_a_key_and_nobody_uses_the_session_of_another() {
    let (server, [viewer, user, operator, admin]) = house("");
    let address = server.address();
    let own = session(address, &user).await;
    for key in ["", "sk-wrong", &format!("{user}x")] {
        for session in [None, Some(own.as_str())] {
            for message in [list(), call("ask", &json!({ "prompt": "hi" }))] {
                let reply = post(address, key, session, &message).await;
                assert_eq!((reply.status, reply.header("www-authenticate")), (401, Some("Bearer")), "{}", reply.text());
                let error = reply.json()["error"].take();
                assert!(error["data"]["code"].as_str().is_some_and(|code| code.ends_with("_key")), "{error}");
                assert!(error["message"].as_str().is_some_and(|text| text.contains("key")), "{error}");
            }
        }
    }
    for key in [&viewer, &operator, &admin] {
        let foreign = [("x-api-key", key.as_str()), ("mcp-session-id", &own), ("accept", "text/event-stream")];
        let reply = post(address, key, Some(&own), &list()).await;
        assert_eq!(reply.status, 404, "{}", reply.text());
        // Nor is it listened to, nor ended.
        for line in ["GET /mcp", "DELETE /mcp"] {
            assert_eq!(ask_with(address, line, &foreign, b"").await.status, 404, "{line}");
        }
        // As a session that never was: whether there is one is not told either.
        let never = post(address, key, Some("00000000-0000-4000-8000-000000000000"), &list()).await;
        assert_eq!((never.status, never.json()["error"]["code"].clone()), (404, reply.json()["error"]["code"].clone()));
    }
    let kept = result(&post(address, &user, Some(&own), &list()).await);
    assert_eq!(kept["tools"][0]["name"], "find_tools");
}

#[tokio::test]
async fn a_session_of_the_open_server_ends_with_the_first_key() {
    let server = Server::start("");
    let address = server.address();
    let open = session(address, "").await;
    assert_eq!(result(&post(address, "", Some(&open), &list()).await)["tools"][0]["name"], "find_tools");
    let key = server.key("user", "default");
    let closed = async || (post(address, "", Some(&open), &list()).await.status == 401).then_some(());
    until("it closes", closed).await;
    assert_eq!(post(address, &key, Some(&open), &list()).await.status, 404);
}

#[tokio::test]
async fn a_revoked_key_loses_its_session() {
    let server = Server::start("");
    let address = server.address();
    let made = server.place().made_key("admin", "default");
    let (id, key) = (made["id"].as_str().unwrap(), made["key"].as_str().unwrap());
    until("it closes", async || (post(address, "", None, &list()).await.status == 401).then_some(())).await;
    let session = session(address, key).await;
    let line = format!("DELETE /api/v1/keys/{id}");
    assert_eq!(ask_with(address, &line, &[("x-api-key", key)], b"").await.status, 200);
    assert_eq!(post(address, key, Some(&session), &list()).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_clients_send_keys_and_understand_refusals() {
    let upstream = Upstream::start(|_| Reply::chat("42")).await;
    let (server, [viewer, user, ..]) = house(&provider("kit", &upstream.url(), &["m"]));
    let wrong = format!("{}{}", &user[..user.len() - 1], if user.ends_with('A') { 'B' } else { 'A' });
    let url = server.url();
    let printed = block_in_place(|| python("keys.py", &[&url, "openai", &user, &viewer, &wrong]));
    assert_eq!(printed, "ok openai\n");
    assert_eq!(upstream.seen().len(), 1, "only the user's question was asked");
    assert!(upstream.seen()[0].header("authorization").is_none(), "a caller's key never goes upstream");
    assert_eq!(upstream.seen()[0].json()["messages"], question("m", false)["messages"]);
    let printed = block_in_place(|| python("keys.py", &[&url, "mcp", &user, &viewer, &wrong]));
    assert_eq!(printed, "ok mcp\n");
}

/// Tools to be imported, as JSON Lines.
fn catalogue(count: usize) -> String {
    let line = |at: usize| {
        let schema = json!({ "type": "object", "properties": { "name": { "type": "string" } } });
        let about = format!("Does the thing that has the number {at}.");
        json!({ "name": format!("thing_{at}"), "server": "things", "description": about, "input_schema": schema })
    };
    (0..count).map(|at| format!("{}\n", line(at))).collect()
}

async fn modern(server: &Server, path: &str, key: &str, method: &str, params: Value) -> Response {
    let request = message(server.address(), path, key, method, "", params);
    Kept::to(server.address()).await.ask(&request).await
}

#[tokio::test]
async fn thousands_of_tools_cost_a_model_little() {
    let (server, [.., admin]) = house("[embed]\nkind = 'off'\n");
    let headers = [("content-type", "application/x-ndjson"), ("x-api-key", admin.as_str())];
    let address = server.address();
    let taken = ask_with(address, "POST /api/v1/tools/import", &headers, catalogue(3_000).as_bytes()).await;
    assert_eq!(taken.json()["added"], 3_000, "{}", taken.text());
    let listed = modern(&server, "/mcp", &admin, "tools/list", json!({})).await.result();
    let vocabulary = tiktoken_rs::o200k_base().unwrap();
    let tokens = vocabulary.encode_ordinary(&json!({ "tools": listed["tools"] }).to_string()).len();
    let names: Vec<_> = listed["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["find_tools", "describe_tools", "call_tool", "call_read_tool", "ask", "decide"]);
    assert!(names.len() <= 10 && tokens <= 2_500, "{tokens} tokens");
}

#[tokio::test]
async fn a_toolset_has_an_address_of_its_own() {
    let (server, [.., admin]) = house("[embed]\nkind = 'off'\n");
    let listed = modern(&server, "/mcp/s/tools", &admin, "tools/list", json!({})).await.result();
    assert!(listed["tools"].to_string().contains("\"tool_search_tool\""), "{listed}");
    let none = modern(&server, "/mcp/s/nothing", &admin, "tools/list", json!({})).await;
    assert_eq!(
        (none.status, none.json()["error"]["message"].as_str()),
        (404, Some("there is no such toolset; there are `tools`, `decisions`"))
    );
    let templates = modern(&server, "/mcp", &admin, "resources/templates/list", json!({})).await.result();
    assert!(templates["resourceTemplates"].to_string().contains("tool://"), "{templates}");
    let nobody = modern(&server, "/mcp/s/tools", "", "tools/list", json!({})).await;
    assert_eq!(nobody.status, 401);
}

#[test]
fn every_client_is_told_in_its_own_words() {
    let home = tempfile::TempDir::new().unwrap();
    let run = |arguments: &[&str]| {
        let mut command = althing(home.path());
        command.args(["mcp", "config", "--client"]).args(arguments);
        Ended::of(command)
    };
    for (client, words) in [
        ("claude-desktop", &["\"mcpServers\"", "\"stdio\"", "\"--toolset\"", "\"tools\""][..]),
        ("claude-code", &["\"mcpServers\"", "\"type\": \"http\"", "/mcp/s/tools", "Bearer ${ALTHING_KEY}"]),
        ("cursor", &["\"mcpServers\"", "/mcp/s/tools", "Bearer ${env:ALTHING_KEY}"]),
        ("vscode", &["\"servers\"", "/mcp/s/tools", "Bearer ${env:ALTHING_KEY}"]),
        ("codex", &["[mcp_servers.althing-tools]", "/mcp/s/tools", "bearer_token_env_var = \"ALTHING_KEY\""]),
    ] {
        let told = run(&[client, "--url", "https://tools.example", "--toolset", "tools"]);
        assert_eq!(told.code, Some(0), "{told:?}");
        for word in words {
            assert!(told.stdout.contains(word), "{client}: {word}: {told:?}");
        }
        match client {
            "codex" => drop(toml::from_str::<toml::Table>(&told.stdout).unwrap()),
            _ => drop(serde_json::from_str::<Value>(&told.stdout).unwrap()),
        }
    }
    let open = run(&["cursor"]);
    assert!(open.stdout.contains("http://127.0.0.1:8700/mcp\"") && !open.stdout.contains("headers"), "{open:?}");
    assert_eq!(run(&["cursor", "--url", "nonsense"]).code, Some(2));
    assert_eq!(run(&["emacs"]).code, Some(2));
}
