//! Tools: many of them behind a few, found and called by whoever may, whatever is broken meanwhile.

mod bad;
mod calling;
mod finding;
mod loss;
mod permission;

use crate::support::{Response, Server, ask_with, call_tool};
use serde_json::{Value, json};
use std::net::SocketAddr;

/// Settings of a server that has no model for vectors, whatever this machine has.
const WORDS: &str = "[embed]\nkind = \"off\"\n";

/// A tool of a list, as JSON Lines have it.
fn tool(server: &str, name: &str, description: &str) -> Value {
    json!({
        "id": format!("{server}__{name}"), "name": name, "server": server, "description": description,
        "input_schema": { "type": "object", "properties": { "id": { "type": "string" } } },
    })
}

/// Imports these tools, and gives the report.
async fn import(address: SocketAddr, key: &str, query: &str, tools: &[Value]) -> Value {
    let lines: String = tools.iter().map(|tool| format!("{tool}\n")).collect();
    let reply = try_import(address, key, query, lines.as_bytes()).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()
}

/// Sends a document to be imported; `query` begins with `?` where there is one.
async fn try_import(address: SocketAddr, key: &str, query: &str, document: &[u8]) -> Response {
    let line = format!("POST /api/v1/tools/import{query}");
    let headers = [("content-type", "application/json"), ("x-api-key", key)];
    let headers = if key.is_empty() { &headers[..1] } else { &headers[..] };
    ask_with(address, &line, headers, document).await
}

/// What `find_tools` answers.
async fn find(address: SocketAddr, key: &str, query: &str) -> Value {
    call_tool(address, key, "find_tools", &json!({ "query": query, "limit": 20 })).await.structured()
}

/// The ids that were found, the best first.
fn ids(found: &Value) -> Vec<String> {
    found["tools"].as_array().unwrap().iter().map(|tool| tool["id"].as_str().unwrap().to_owned()).collect()
}

/// So many tools that have something to do with files, each with words of its own.
fn many(count: usize) -> Vec<Value> {
    let verbs = ["open", "close", "copy", "print", "sign", "seal", "scan", "shred"];
    let of = |at: usize| {
        let verb = verbs[at % verbs.len()];
        tool(&format!("office{}", at % 40), &format!("{verb}_paper_{at}"), &format!("{verb} the paper of box {at}"))
    };
    (0..count).map(of).collect()
}

/// A server without keys that knows these tools by their words.
async fn shop(config: &str, tools: &[Value]) -> Server {
    let server = Server::start(&format!("{WORDS}{config}"));
    let report = import(server.address(), "", "", tools).await;
    assert_eq!(report["added"], tools.len(), "{report}");
    server
}
