//! A client of MCP 2026-07-28: each request says of itself what a session once said for it.

use super::http::{Kept, Response, request};
use serde_json::{Value, json};
use std::net::SocketAddr;

/// Calls a tool over a connection of its own; without a key where that is empty.
pub(crate) async fn call_tool(address: SocketAddr, key: &str, tool: &str, arguments: &Value) -> Response {
    Kept::to(address).await.ask(&tool_call(address, "/mcp", key, tool, arguments)).await
}

/// The request that calls a tool at this path.
pub(crate) fn tool_call(address: SocketAddr, path: &str, key: &str, tool: &str, arguments: &Value) -> Vec<u8> {
    message(address, path, key, "tools/call", tool, json!({ "name": tool, "arguments": arguments }))
}

/// Any request; `name` is what the headers say that it is about.
pub(crate) fn message(address: SocketAddr, path: &str, key: &str, method: &str, name: &str, params: Value) -> Vec<u8> {
    let mut params = params;
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": { "name": "t", "version": "1" },
    });
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
    let mut headers = vec![
        ("content-type", "application/json"),
        ("accept", "application/json, text/event-stream"),
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", method),
    ];
    headers.extend([("mcp-name", name), ("x-api-key", key)].into_iter().filter(|(_, value)| !value.is_empty()));
    request(address, &format!("POST {path}"), &headers, body.as_bytes())
}

impl Response {
    /// What a tool answered, error or not.
    pub(crate) fn result(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text());
        self.json()["result"].take()
    }

    /// The structured content of an answer that is no error.
    pub(crate) fn structured(&self) -> Value {
        let mut result = self.result();
        assert_ne!(result["isError"], true, "{result}");
        result["structuredContent"].take()
    }
}
