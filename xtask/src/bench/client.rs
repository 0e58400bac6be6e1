//! A client for benchmarks: one kept connection, no more work than needed. Knows just enough HTTP for that.

use crate::trouble::Trouble;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// A kept connection.
pub(super) struct Connection {
    reader: BufReader<TcpStream>,
    address: SocketAddr,
}

/// What one request took, in milliseconds.
pub(super) struct Times {
    pub(super) whole_ms: f64,
    /// Until the first bytes of the body.
    pub(super) first_ms: f64,
}

impl Connection {
    pub(super) fn open(address: SocketAddr) -> Result<Self, Trouble> {
        let stream = TcpStream::connect(address).map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        stream.set_read_timeout(Some(Duration::from_secs(10))).map_err(failed)?;
        Ok(Self { reader: BufReader::with_capacity(64 * 1024, stream), address })
    }

    /// One chat of about 200 bytes; anything but 200 is an error.
    pub(super) fn chat(&mut self, model: &str, stream: bool) -> Result<Times, Trouble> {
        let prompt = "hi ".repeat(20);
        let body = format!(
            "{{\"model\":\"{model}\",\"stream\":{stream},\"max_tokens\":50,\
             \"messages\":[{{\"role\":\"user\",\"content\":\"{prompt}\"}}]}}"
        );
        let request = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        let started = Instant::now();
        self.reader.get_mut().write_all(request.as_bytes()).map_err(failed)?;
        let length = self.head()?;
        self.reader.fill_buf().map_err(failed)?;
        let first = started.elapsed();
        match length {
            Some(length) => self.skip(length)?,
            None => while self.chunk()? > 0 {},
        }
        let ms = |duration: Duration| duration.as_secs_f64() * 1e3;
        Ok(Times { whole_ms: ms(started.elapsed()), first_ms: ms(first) })
    }

    /// Reads the head; the body's length, or none if it is chunked.
    fn head(&mut self) -> Result<Option<usize>, Trouble> {
        let status = self.line()?;
        if !status.starts_with("HTTP/1.1 200") {
            return Err(Trouble::Bench { what: format!("an answer was `{status}`") });
        }
        let mut length = None;
        loop {
            let line = self.line()?;
            if line.is_empty() {
                return Ok(length);
            }
            let value = line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
            length = value.and_then(|(_, value)| value.trim().parse().ok()).or(length);
        }
    }

    fn chunk(&mut self) -> Result<usize, Trouble> {
        let line = self.line()?;
        let length =
            usize::from_str_radix(&line, 16).map_err(|_| Trouble::Bench { what: format!("chunk `{line}`") })?;
        self.skip(length)?;
        self.line()?;
        Ok(length)
    }

    fn line(&mut self) -> Result<String, Trouble> {
        let mut line = String::new();
        let read = self.reader.read_line(&mut line).map_err(failed)?;
        if read == 0 {
            return Err(Trouble::Bench { what: "the connection was closed".to_owned() });
        }
        Ok(line.trim_end().to_owned())
    }

    fn skip(&mut self, length: usize) -> Result<(), Trouble> {
        let mut body = (&mut self.reader).take(length as u64);
        std::io::copy(&mut body, &mut std::io::sink()).map(drop).map_err(failed)
    }
}

fn failed(error: std::io::Error) -> Trouble {
    Trouble::Bench { what: error.to_string() }
}
