//! Calls of tools over one kept connection, as a client of MCP 2026-07-28 makes them. Knows no tool by name.

use crate::trouble::Trouble;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// How long an answer may take.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// A connection that is kept.
pub(super) struct Client {
    lines: BufReader<TcpStream>,
    host: SocketAddr,
    path: &'static str,
}

/// What a tool answered, and how long that took.
pub(super) struct Called {
    pub(super) content: Value,
    pub(super) took: Duration,
}

impl Client {
    pub(super) fn connect(address: SocketAddr) -> Result<Self, Trouble> {
        Self::connect_to(address, "/mcp")
    }

    /// The same to a toolset, which has a path of its own.
    pub(super) fn connect_to(address: SocketAddr, path: &'static str) -> Result<Self, Trouble> {
        let stream = TcpStream::connect(address).map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        stream.set_read_timeout(Some(WAIT_MAX)).map_err(failed)?;
        Ok(Self { lines: BufReader::new(stream), host: address, path })
    }

    /// The structured content that a tool answers with; an error of the tool is one here.
    pub(super) fn call(&mut self, tool: &str, arguments: &Value) -> Result<Called, Trouble> {
        let params = json!({ "name": tool, "arguments": arguments });
        let Called { mut content, took } = self.send("tools/call", tool, params)?;
        let result = content["result"].take();
        if result["isError"] == true || result["structuredContent"].is_null() {
            return Err(Trouble::Bench { what: format!("`{tool}` says {result}{content}") });
        }
        Ok(Called { content: result["structuredContent"].clone(), took })
    }

    /// The time is from the first byte sent to the last one read, without making or reading any JSON.
    fn send(&mut self, method: &str, name: &str, mut params: Value) -> Result<Called, Trouble> {
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": { "name": "bench", "version": "1" },
        });
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
        let request = format!(
            "POST {} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n\
             accept: application/json, text/event-stream\r\nmcp-protocol-version: 2026-07-28\r\n\
             mcp-method: {method}\r\nmcp-name: {name}\r\ncontent-length: {}\r\n\r\n{body}",
            self.path,
            self.host,
            body.len(),
        );
        let began = Instant::now();
        self.lines.get_mut().write_all(request.as_bytes()).map_err(failed)?;
        let length = self.head()?;
        let mut answer = vec![0; length];
        self.lines.read_exact(&mut answer).map_err(failed)?;
        let took = began.elapsed();
        let content = serde_json::from_slice(&answer)
            .map_err(|error| Trouble::Bench { what: format!("`{method}` is answered with no JSON: {error}") })?;
        Ok(Called { content, took })
    }

    /// Reads to the body, and says how long that is.
    fn head(&mut self) -> Result<usize, Trouble> {
        let (mut line, mut length) = (String::new(), None);
        loop {
            line.clear();
            self.lines.read_line(&mut line).map_err(failed)?;
            match line.trim_end().split_once(':') {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.trim().parse().ok()
                }
                None if line.trim_end().is_empty() => break,
                _ => {}
            }
        }
        length.ok_or_else(|| Trouble::Bench { what: "an answer does not say how long it is".to_owned() })
    }
}

fn failed(error: std::io::Error) -> Trouble {
    Trouble::Bench { what: error.to_string() }
}
