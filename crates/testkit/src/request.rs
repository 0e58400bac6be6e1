//! Reads one HTTP/1.1 request from anything that gives bytes. Refuses to know what it will be answered with.

use std::io::{self, Error, ErrorKind};
use std::time::Instant;

use bytes::{Buf, Bytes, BytesMut};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt};

/// The most bytes one request may hold, head and body together, before the connection is dropped.
const REQUEST_BYTES_MAX: usize = 64 << 20;

/// One request as it arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The method, as sent.
    pub method: String,
    /// The path and query, as sent: `/v1/chat/completions`.
    pub path: String,
    /// The headers in order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, with any chunked encoding taken off.
    pub body: Bytes,
    /// When its last byte had been read.
    pub at: Instant,
}

impl Seen {
    /// The first header of this (lower-case) name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When the body is not JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("body of `{}`: {error}", self.path))
    }

    /// Whether the client asked for the connection to be closed afterwards.
    pub(crate) fn wants_close(&self) -> bool {
        self.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }
}

/// Bytes read ahead of what has been parsed. What a client sends early, while it is being answered, waits here.
#[derive(Default)]
pub(crate) struct Ahead(BytesMut);

impl Ahead {
    /// The next request, or nothing when the client closed between requests.
    pub(crate) async fn request(&mut self, from: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Seen>> {
        let Some(head) = self.head(from).await? else { return Ok(None) };
        let mut lines = head.split("\r\n");
        let mut first = lines.next().unwrap_or_default().split(' ');
        let (Some(method), Some(path)) = (first.next(), first.next()) else { return Err(malformed("request line")) };
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let (method, path) = (method.to_owned(), path.to_owned());
        let mut seen = Seen { method, path, headers, body: Bytes::new(), at: Instant::now() };
        seen.body = self.body(&seen, from).await?;
        seen.at = Instant::now();
        Ok(Some(seen))
    }

    /// Returns once the client has closed or reset the connection, keeping whatever it still sends.
    pub(crate) async fn closed(&mut self, from: &mut (impl AsyncRead + Unpin)) {
        while self.more(from).await.is_ok_and(|read| read > 0) {}
    }

    async fn more(&mut self, from: &mut (impl AsyncRead + Unpin)) -> io::Result<usize> {
        if self.0.len() > REQUEST_BYTES_MAX {
            return Err(malformed("size"));
        }
        from.read_buf(&mut self.0).await
    }

    async fn need(&mut self, from: &mut (impl AsyncRead + Unpin)) -> io::Result<()> {
        if self.more(from).await? == 0 { Err(ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }

    async fn head(&mut self, from: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<String>> {
        loop {
            if let Some(end) = find(&self.0, b"\r\n\r\n") {
                let head = self.take(end, from).await?;
                self.0.advance(4);
                return String::from_utf8(head.to_vec()).map(Some).map_err(|_| malformed("head"));
            }
            match self.more(from).await? {
                0 if self.0.is_empty() => return Ok(None),
                0 => return Err(ErrorKind::UnexpectedEof.into()),
                _ => {}
            }
        }
    }

    async fn body(&mut self, seen: &Seen, from: &mut (impl AsyncRead + Unpin)) -> io::Result<Bytes> {
        if seen.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
            return self.chunked(from).await;
        }
        let len = seen.header("content-length").unwrap_or("0");
        let len = len.parse().map_err(|_| malformed("content-length"))?;
        self.take(len, from).await
    }

    async fn chunked(&mut self, from: &mut (impl AsyncRead + Unpin)) -> io::Result<Bytes> {
        let mut body = BytesMut::new();
        loop {
            let line = self.line(from).await?;
            let size = line.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(size, 16).map_err(|_| malformed("chunk size"))?;
            if size == 0 {
                while !self.line(from).await?.is_empty() {}
                return Ok(body.freeze());
            }
            body.extend_from_slice(&self.take(size, from).await?);
            self.line(from).await?;
        }
    }

    async fn line(&mut self, from: &mut (impl AsyncRead + Unpin)) -> io::Result<String> {
        loop {
            if let Some(end) = find(&self.0, b"\r\n") {
                let line = self.take(end, from).await?;
                self.0.advance(2);
                return String::from_utf8(line.to_vec()).map_err(|_| malformed("line"));
            }
            self.need(from).await?;
        }
    }

    async fn take(&mut self, len: usize, from: &mut (impl AsyncRead + Unpin)) -> io::Result<Bytes> {
        while self.0.len() < len {
            self.need(from).await?;
        }
        Ok(self.0.split_to(len).freeze())
    }
}

fn malformed(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, format!("malformed request: {what}"))
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(mut bytes: &[u8]) -> io::Result<Vec<Seen>> {
        let mut ahead = Ahead::default();
        let mut all = Vec::new();
        while let Some(seen) = ahead.request(&mut bytes).await? {
            all.push(seen);
        }
        Ok(all)
    }

    #[tokio::test]
    async fn reads_pipelined_requests_of_both_framings() {
        let all = read(
            b"POST /a?b=c HTTP/1.1\r\nHost: x\r\nX-Two: v \r\nContent-Length: 3\r\n\r\nabc\
              POST /d HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nde\r\n1\r\nf\r\n0\r\n\r\n\
              GET /e HTTP/1.1\r\n\r\n",
        )
        .await
        .unwrap();
        let short: Vec<_> = all.iter().map(|seen| (seen.method.as_str(), seen.path.as_str(), &seen.body[..])).collect();
        assert_eq!(short, [("POST", "/a?b=c", &b"abc"[..]), ("POST", "/d", b"def"), ("GET", "/e", b"")]);
        assert_eq!(all[0].header("x-two"), Some("v"));
    }

    #[tokio::test]
    async fn a_request_that_breaks_off_is_an_error() {
        for broken in [&b"GET / HT"[..], b"POST / HTTP/1.1\r\ncontent-length: 5\r\n\r\nab", b"nonsense\r\n\r\n"] {
            assert!(read(broken).await.is_err());
        }
    }
}
