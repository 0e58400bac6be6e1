//! A client of MCP in bytes on a socket, without a library that would be kind to the server.

use serde_json::{Value, json};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) type Headers = Vec<(String, String)>;

pub(crate) struct Client {
    address: SocketAddr,
    pub(crate) session: Option<String>,
    /// Who it is, as `subject:role`.
    pub(crate) who: String,
    /// The address that it was given.
    pub(crate) path: String,
}

pub(crate) struct Reply {
    pub(crate) status: u16,
    headers: Headers,
    body: String,
}

pub(crate) fn hello() -> Value {
    let params =
        json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } });
    json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params })
}

pub(crate) fn call(id: u32, name: &str, arguments: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": { "name": name, "arguments": arguments } })
}

/// A request of 2026-07-28, which says of itself what a session once said for it.
pub(crate) fn modern_message(method: &str, mut params: Value) -> Value {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": { "name": "t", "version": "1" },
    });
    json!({ "jsonrpc": "2.0", "id": "m1", "method": method, "params": params })
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self::of(address, "local:admin")
    }

    pub(crate) fn of(address: SocketAddr, who: &str) -> Self {
        Self { address, session: None, who: who.to_owned(), path: "/mcp".to_owned() }
    }

    /// The same client, at another address of the server.
    pub(crate) fn at(self, path: &str) -> Self {
        Self { path: path.to_owned(), ..self }
    }

    pub(crate) fn plain_headers(&self) -> Headers {
        [
            ("host", self.address.to_string().as_str()),
            ("accept", "application/json, text/event-stream"),
            ("content-type", "application/json"),
            ("x-as", self.who.as_str()),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    pub(crate) fn legacy_headers(&self) -> Headers {
        let mut headers = self.plain_headers();
        headers.push(("mcp-protocol-version".into(), "2025-11-25".into()));
        headers.push(("mcp-session-id".into(), self.session.clone().expect("a session")));
        headers
    }

    pub(crate) fn modern_headers(&self, method: &str, name: Option<&str>) -> Headers {
        let mut headers = self.plain_headers();
        headers.push(("mcp-protocol-version".into(), "2026-07-28".into()));
        headers.push(("mcp-method".into(), method.into()));
        headers.extend(name.map(|name| ("mcp-name".into(), name.into())));
        headers
    }

    /// Shakes hands and returns what the server said of itself.
    pub(crate) async fn open_session(&mut self) -> Value {
        let reply = self.send("POST", &self.plain_headers(), &hello().to_string()).await;
        self.session = Some(reply.header("mcp-session-id").expect("a session id").to_owned());
        let ready = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        assert_eq!(self.legacy(ready).await.status, 202);
        reply.result()
    }

    pub(crate) async fn legacy(&self, message: Value) -> Reply {
        self.send("POST", &self.legacy_headers(), &message.to_string()).await
    }

    pub(crate) async fn modern(&self, method: &str, name: Option<&str>, params: Value) -> Reply {
        let message = modern_message(method, params).to_string();
        self.send("POST", &self.modern_headers(method, name), &message).await
    }

    /// Sends a POST and leaves the connection open.
    pub(crate) async fn start(&self, headers: &Headers, body: &str) -> TcpStream {
        self.write("POST", headers, body).await
    }

    pub(crate) async fn send(&self, method: &str, headers: &Headers, body: &str) -> Reply {
        let mut stream = self.write(method, headers, body).await;
        let mut bytes = Vec::new();
        // A server that refuses a large body resets the connection behind its answer.
        while let Ok(read) = stream.read_buf(&mut bytes).await {
            if read == 0 {
                break;
            }
        }
        Reply::parse(&bytes)
    }

    async fn write(&self, method: &str, headers: &Headers, body: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.expect("a listener");
        let mut head = format!("{method} {} HTTP/1.1\r\nconnection: close\r\n", self.path);
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
        stream.write_all(head.as_bytes()).await.expect("a head");
        let _ = stream.write_all(body.as_bytes()).await;
        stream
    }
}

impl Reply {
    fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8(bytes.to_vec()).expect("text");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).expect("a status").parse().expect("a number");
        let headers: Headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
            .collect();
        let chunked = headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked");
        let body = if chunked { unchunk(body) } else { body.to_owned() };
        Self { status, headers, body }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The last message, whether it came plain or as an event.
    pub(crate) fn message(&self) -> Value {
        let events = self.body.lines().filter_map(|line| line.strip_prefix("data: ")).rfind(|data| !data.is_empty());
        serde_json::from_str(events.unwrap_or(&self.body)).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub(crate) fn result(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        let message = self.message();
        assert!(message.get("error").is_none(), "{message}");
        message["result"].clone()
    }
}

fn unchunk(mut body: &str) -> String {
    let mut whole = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).expect("a size");
        if size == 0 {
            break;
        }
        whole.push_str(&rest[..size]);
        body = &rest[size + 2..];
    }
    whole
}
