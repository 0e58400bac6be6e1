//! HTTP/1.1 as bytes: what was sent, what came back, when, and whether it ended as it should.
//!
//! Sockets keep their default options, as most clients leave them. Nothing here is forgiving: what does not look like
//! HTTP fails the test.

use super::PATIENCE;
use serde_json::Value;
use std::net::SocketAddr;
use std::time::Instant;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A reply whose head has come.
pub(crate) struct Open {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    stream: Box<dyn Pipe>,
    ahead: Vec<u8>,
    body: Body,
}

/// Bytes there and back, encrypted or not.
pub(crate) trait Pipe: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Pipe for T {}

/// A connection that is kept for the next request.
pub(crate) struct Kept(Option<(Box<dyn Pipe>, Vec<u8>)>);

impl Kept {
    /// Connects.
    pub(crate) async fn to(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap())
    }

    /// Over a connection that is there.
    pub(crate) fn over(stream: impl Pipe + 'static) -> Self {
        Self(Some((Box::new(stream), Vec::new())))
    }

    /// Sends raw bytes and gives the whole reply.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> Response {
        self.try_ask(request).await.expect("a head")
    }

    /// The same where the server may have closed: nothing where no head comes.
    pub(crate) async fn try_ask(&mut self, request: &[u8]) -> Option<Response> {
        let (stream, ahead) = self.0.take().expect("the connection is kept");
        let mut open = Open::over(stream, ahead, request).await?;
        let response = open.read().await;
        self.0 = Some((open.stream, open.ahead));
        Some(response)
    }
}

/// What is left of a body.
#[derive(Clone, Copy, PartialEq)]
enum Body {
    /// So many bytes.
    Bytes(usize),
    Chunks,
    /// Everything has come.
    Whole,
    /// The connection ended first.
    Cut,
}

/// A reply that has ended.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Whether the body was complete.
    pub(crate) whole: bool,
}

/// Sends raw bytes over a new connection and waits for the head of the reply.
pub(crate) async fn send(address: SocketAddr, request: &[u8]) -> Open {
    attempt(address, request).await.expect("a head")
}

/// The same where the server may be gone at any moment: nothing where there is no connection, or it ends first.
pub(crate) async fn attempt(address: SocketAddr, request: &[u8]) -> Option<Open> {
    let stream = TcpStream::connect(address).await.ok()?;
    Open::over(Box::new(stream), Vec::new(), request).await
}

/// A request with these headers beside those that every request has.
pub(crate) fn request(address: SocketAddr, line: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut head = format!("{line} HTTP/1.1\r\nhost: {address}\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    [head.as_bytes(), b"\r\n", body].concat()
}

/// Sends a method and a path with these headers, and gives the whole reply.
pub(crate) async fn ask_with(address: SocketAddr, line: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
    send(address, &request(address, line, headers, body)).await.finish().await
}

/// Posts these bytes as JSON.
pub(crate) async fn post(address: SocketAddr, path: &str, body: &[u8]) -> Open {
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    );
    send(address, &[head.as_bytes(), body].concat()).await
}

/// Asks for a chat.
pub(crate) async fn chat(address: SocketAddr, body: &Value) -> Open {
    post(address, "/v1/chat/completions", body.to_string().as_bytes()).await
}

/// Gets a whole reply.
pub(crate) async fn get(address: SocketAddr, path: &str) -> Response {
    send(address, format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n\r\n").as_bytes()).await.finish().await
}

/// Asks with a key: a method, a path and perhaps a JSON body.
pub(crate) async fn ask(address: SocketAddr, key: &str, method: &str, path: &str, body: Option<&Value>) -> Response {
    send(address, &keyed(address, key, method, path, body)).await.finish().await
}

/// The same where the server may be killed meanwhile: nothing unless the whole reply has come.
pub(crate) async fn try_ask(
    address: SocketAddr,
    key: &str,
    method: &str,
    path: &str,
    body: Option<&Value>,
) -> Option<Response> {
    let open = attempt(address, &keyed(address, key, method, path, body)).await?;
    Some(open.finish().await).filter(|reply| reply.whole)
}

/// A request with a key.
pub(crate) fn keyed(address: SocketAddr, key: &str, method: &str, path: &str, body: Option<&Value>) -> Vec<u8> {
    let body = body.map(Value::to_string).unwrap_or_default();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    (head + &body).into_bytes()
}

impl Open {
    /// Sends raw bytes over a connection and waits for the head of the reply.
    async fn over(mut stream: Box<dyn Pipe>, ahead: Vec<u8>, request: &[u8]) -> Option<Self> {
        stream.write_all(request).await.ok()?;
        stream.flush().await.ok()?;
        let mut open = Self { status: 0, headers: Vec::new(), stream, ahead, body: Body::Whole };
        let head = open.line("\r\n\r\n").await?;
        let mut lines = head.split("\r\n");
        open.status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let pairs = lines.filter_map(|line| line.split_once(": "));
        open.headers = pairs.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
        open.body = match header(&open.headers, "content-length") {
            // What answers HEAD tells a length and has no body.
            _ if request.starts_with(b"HEAD ") => Body::Whole,
            Some(length) => Body::Bytes(length.parse().unwrap()),
            None if header(&open.headers, "transfer-encoding") == Some("chunked") => Body::Chunks,
            None => Body::Whole,
        };
        Some(open)
    }

    /// The next piece of the body and when it came; nothing at the end of the body.
    pub(crate) async fn piece(&mut self) -> Option<(Instant, Vec<u8>)> {
        let (length, chunked) = match self.body {
            Body::Whole | Body::Cut => return None,
            Body::Bytes(length) => (length, false),
            Body::Chunks => (self.chunk_length().await?, true),
        };
        let bytes = self.take(length).await;
        let ends = if chunked { self.take(2).await.is_some() } else { true };
        let Some(bytes) = bytes.filter(|_| ends) else {
            self.body = Body::Cut;
            return None;
        };
        if !chunked || length == 0 {
            self.body = Body::Whole;
        }
        (length > 0).then(|| (Instant::now(), bytes))
    }

    /// Reads everything that is left.
    pub(crate) async fn finish(mut self) -> Response {
        self.read().await
    }

    async fn read(&mut self) -> Response {
        let mut body = Vec::new();
        while let Some((_, piece)) = self.piece().await {
            body.extend(piece);
        }
        let headers = std::mem::take(&mut self.headers);
        Response { status: self.status, headers, body, whole: self.body != Body::Cut }
    }

    async fn chunk_length(&mut self) -> Option<usize> {
        let Some(line) = self.line("\r\n").await else {
            self.body = Body::Cut;
            return None;
        };
        Some(usize::from_str_radix(&line, 16).unwrap_or_else(|_| panic!("no chunk length: {line:?}")))
    }

    async fn line(&mut self, end: &str) -> Option<String> {
        loop {
            let found = self.ahead.windows(end.len()).position(|window| window == end.as_bytes());
            if let Some(at) = found {
                let line: Vec<u8> = self.ahead.drain(..at + end.len()).take(at).collect();
                return Some(String::from_utf8(line).unwrap());
            }
            self.more().await?;
        }
    }

    async fn take(&mut self, length: usize) -> Option<Vec<u8>> {
        while self.ahead.len() < length {
            self.more().await?;
        }
        Some(self.ahead.drain(..length).collect())
    }

    /// Reads once; nothing when the connection has ended, in whatever way.
    async fn more(&mut self) -> Option<()> {
        let read = timeout(PATIENCE, self.stream.read_buf(&mut self.ahead)).await;
        let read = read.unwrap_or_else(|_| panic!("nothing came for {PATIENCE:?}"));
        read.ok().filter(|read| *read > 0).map(|_| ())
    }
}

impl Response {
    /// The first header of this (lower-case) name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The body as text.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// What the events of a stream carry, in order; comments and `[DONE]` are left out.
    pub(crate) fn events(&self) -> Vec<Value> {
        let data = self.text().lines().filter_map(|line| line.strip_prefix("data: "));
        data.filter(|data| *data != "[DONE]").map(|data| serde_json::from_str(data).unwrap()).collect()
    }

    /// What was said, whether whole or streamed.
    pub(crate) fn content(&self) -> String {
        if self.header("content-type") == Some("application/json") {
            return self.json()["choices"][0]["message"]["content"].as_str().unwrap_or_default().to_owned();
        }
        let events = self.events();
        events.iter().filter_map(|event| event["choices"][0]["delta"]["content"].as_str()).collect()
    }

    /// Whether this is a stream that ended as streams end.
    pub(crate) fn is_done(&self) -> bool {
        self.whole && self.text().ends_with("data: [DONE]\n\n")
    }
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}
