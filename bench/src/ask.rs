//! Single requests, each over a connection of its own. Knows no benchmark.

use crate::trouble::Trouble;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long an answer may take.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// What was answered.
pub(super) struct Answer {
    pub(super) status: u16,
    head: String,
    pub(super) body: String,
}

impl Answer {
    /// What a header says, by its name in lower case; empty if it is not there.
    pub(super) fn header(&self, name: &str) -> &str {
        let lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value.trim())
    }

    pub(super) fn is_good(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// Sends a request and reads the whole answer, whatever its status.
pub(super) fn send(
    address: SocketAddr,
    method: &str,
    path: &str,
    key: Option<&str>,
    body: &str,
) -> Result<Answer, Trouble> {
    let mut stream = TcpStream::connect(address).map_err(failed)?;
    stream.set_read_timeout(Some(WAIT_MAX)).map_err(failed)?;
    let key = key.map(|key| format!("authorization: Bearer {key}\r\n")).unwrap_or_default();
    let length = body.len();
    // HTTP/1.0: the answer ends with the connection and comes in one piece.
    let request = format!(
        "{method} {path} HTTP/1.0\r\nhost: {address}\r\n{key}content-type: application/json\r\n\
         content-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).map_err(failed)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(failed)?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    Ok(Answer { status, head: head.to_owned(), body: body.to_owned() })
}

/// What a server answers to a request without a body, if it answers well.
pub(super) fn ask(address: SocketAddr, method: &str, path: &str) -> Result<String, Trouble> {
    let answer = send(address, method, path, None, "")?;
    if answer.is_good() {
        return Ok(answer.body);
    }
    Err(Trouble::Bench { what: format!("`{method} {path}` says {}", answer.status) })
}

/// What a server's `/metrics` say, summed over the labels; none if they do not have that name.
pub(super) fn metric(address: SocketAddr, name: &str) -> Result<Option<f64>, Trouble> {
    Ok(sum(&ask(address, "GET", "/metrics")?, name))
}

fn sum(text: &str, name: &str) -> Option<f64> {
    let of = |line: &str| {
        let rest = line.strip_prefix(name)?;
        rest.starts_with(['{', ' ']).then(|| rest.rsplit(' ').next()?.parse::<f64>().ok())?
    };
    text.lines().filter_map(of).reduce(|left, right| left + right)
}

fn failed(error: std::io::Error) -> Trouble {
    Trouble::Bench { what: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_found_whatever_their_case() {
        let head = "HTTP/1.0 200 OK\r\nX-Althing-Cache: miss\r\ndate: now".to_owned();
        let answer = Answer { status: 200, head, body: String::new() };
        assert_eq!((answer.header("x-althing-cache"), answer.header("x-other")), ("miss", ""));
    }

    #[test]
    fn metrics_are_summed_over_their_labels() {
        let text = "# HELP a_total b\na_total{p=\"x y\"} 3\na_total{p=\"z\"} 4\na_total_more 9\nb 1.5\n";
        assert_eq!((sum(text, "a_total"), sum(text, "b"), sum(text, "c")), (Some(7.0), Some(1.5), None));
    }
}
