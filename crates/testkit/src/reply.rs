//! What an upstream says, step by step, as data. Refuses to know sockets: a reply is lowered to actions that
//! `upstream` plays.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use serde_json::Value;

use crate::chat;
use crate::request::Seen;

/// A scripted reply. Built from one of the constructors, then extended: what a builder method adds comes after what
/// is already there, except where it says otherwise.
#[derive(Clone, Debug)]
pub struct Reply {
    before: Duration,
    status: u16,
    headers: Vec<(String, String)>,
    framing: Framing,
    /// The body length a head announces when it differs from what the steps send.
    announced: Option<usize>,
    steps: Vec<Step>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Framing {
    /// A head with `content-length`.
    Length,
    /// A head with `transfer-encoding: chunked`; each piece is one chunk and one write.
    Chunked,
    /// No head at all: only raw bytes, then the connection closes.
    Bare,
}

#[derive(Clone, Debug, PartialEq)]
enum Step {
    Piece(Bytes),
    Raw(Bytes),
    Wait(Duration),
    End(End),
}

/// How a reply stops.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum End {
    /// Complete; the connection is kept.
    Keep,
    /// The connection is closed, whatever was promised.
    Close,
    /// The connection is torn down with a reset instead of a close.
    Reset,
    /// Nothing more comes, and the connection stays open until the client leaves.
    Hang,
}

/// What is done to the socket, in order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Action {
    Write(Bytes),
    Wait(Duration),
}

impl Reply {
    fn new(status: u16, framing: Framing, steps: Vec<Step>) -> Self {
        Self { before: Duration::ZERO, status, headers: Vec::new(), framing, announced: None, steps }
    }

    /// A complete body of any type, with `content-length`.
    pub fn body(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        Self::new(status, Framing::Length, vec![Step::Piece(body.into())]).header("content-type", content_type)
    }

    /// A complete JSON body.
    pub fn json(status: u16, value: &Value) -> Self {
        Self::body(status, "application/json", value.to_string())
    }

    /// An error as OpenAI shapes it; `kind` is its `type`, for example `rate_limit_error`.
    pub fn error(status: u16, kind: &str, message: &str) -> Self {
        Self::json(status, &chat::error(kind, message))
    }

    /// A complete `chat.completion` that says `text`, with 9 prompt tokens and one completion token per word.
    pub fn chat(text: &str) -> Self {
        Self::json(200, &chat::completion(text))
    }

    /// An event stream: each item becomes `data: ITEM` in a chunk and a write of its own. Adds no `[DONE]`.
    pub fn stream(events: &[&str]) -> Self {
        let reply = Self::new(200, Framing::Chunked, Vec::new()).header("content-type", "text/event-stream");
        events.iter().fold(reply, |reply, event| reply.event(event))
    }

    /// A streamed chat answer: the role, one event per delta, `finish_reason`, `[DONE]`.
    pub fn chat_stream(deltas: &[&str]) -> Self {
        chat::events(deltas, false).iter().fold(Self::stream(&[]), |reply, event| reply.event(event))
    }

    /// The same with a `usage` event before `[DONE]`, as `stream_options.include_usage` asks for.
    pub fn chat_stream_with_usage(deltas: &[&str]) -> Self {
        chat::events(deltas, true).iter().fold(Self::stream(&[]), |reply, event| reply.event(event))
    }

    /// Never answers: not even a head, until the client leaves.
    pub fn hang() -> Self {
        Self::bare().stall()
    }

    /// No head: only what [`raw`](Self::raw) adds, then the connection closes. Alone, an empty reply.
    pub fn bare() -> Self {
        Self::new(200, Framing::Bare, Vec::new())
    }

    /// Waits this long before the first byte of the head; several calls add up.
    pub fn after(mut self, wait: Duration) -> Self {
        self.before += wait;
        self
    }

    /// Adds a header. `content-length`, `transfer-encoding` and `connection` replace the ones a reply would send.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_ascii_lowercase(), value.to_owned()));
        self
    }

    /// Replaces the status.
    pub fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// Waits this long between each two neighbouring events already scripted (not before the first).
    pub fn pause(mut self, wait: Duration) -> Self {
        let steps = std::mem::take(&mut self.steps);
        for step in steps {
            if matches!((self.steps.last(), &step), (Some(Step::Piece(_)), Step::Piece(_))) {
                self.steps.push(Step::Wait(wait));
            }
            self.steps.push(step);
        }
        self
    }

    /// Then waits once, before whatever is added next (or before the closing chunk).
    pub fn wait(self, wait: Duration) -> Self {
        self.step(Step::Wait(wait))
    }

    /// Then one more `data:` event.
    pub fn event(self, data: &str) -> Self {
        self.chunk(format!("data: {data}\n\n"))
    }

    /// Then these body bytes as they are, framed as the reply frames (one chunk of a stream).
    pub fn chunk(self, bytes: impl Into<Bytes>) -> Self {
        self.step(Step::Piece(bytes.into()))
    }

    /// Then these bytes on the socket, unframed: garbage, a hand-made head, a broken chunk.
    pub fn raw(self, bytes: impl Into<Bytes>) -> Self {
        self.step(Step::Raw(bytes.into()))
    }

    /// Then nothing: the connection stays open and silent until the client leaves.
    pub fn stall(self) -> Self {
        self.step(Step::End(End::Hang))
    }

    /// Then closes the socket, without the end a stream owes.
    pub fn cut(self) -> Self {
        self.step(Step::End(End::Close))
    }

    /// Then resets the connection.
    pub fn reset(self) -> Self {
        self.step(Step::End(End::Reset))
    }

    /// Closes the socket after `events` whole events and `bytes` bytes of the next, dropping the rest. A complete
    /// body counts as one event whose announced length stays: `Reply::chat("hi").cut_after(0, 10)`.
    pub fn cut_after(mut self, events: usize, bytes: usize) -> Self {
        self.announced = Some(self.body_len());
        let mut whole = 0;
        let mut kept = Vec::new();
        for step in std::mem::take(&mut self.steps) {
            match step {
                Step::Piece(piece) if whole == events => {
                    kept.push(Step::Piece(piece.slice(..bytes.min(piece.len()))));
                    break;
                }
                Step::Piece(_) => whole += 1,
                _ => {}
            }
            kept.push(step);
        }
        self.steps = kept;
        self.cut()
    }

    fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    fn body_len(&self) -> usize {
        self.steps.iter().map(|step| if let Step::Piece(piece) = step { piece.len() } else { 0 }).sum()
    }

    fn has_header(&self, name: &str) -> bool {
        self.headers.iter().any(|(known, _)| known == name)
    }

    fn head(&self) -> String {
        let mut head = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        let framed = self.has_header("content-length") || self.has_header("transfer-encoding");
        match self.framing {
            Framing::Length if !framed => {
                head += &format!("content-length: {}\r\n", self.announced.unwrap_or_else(|| self.body_len()));
            }
            Framing::Chunked if !framed => head += "transfer-encoding: chunked\r\n",
            _ => {}
        }
        head + "\r\n"
    }

    /// Lowers the reply to what the socket sees. Steps after an end are unreachable and dropped.
    ///
    /// The closing chunk shares its write with the last event, so that a client that leaves on `[DONE]` is never
    /// taken for one that left early; a whole body shares its write with the head.
    pub(crate) fn lower(&self) -> (Vec<Action>, End) {
        let mut actions = Actions::default();
        actions.wait(self.before);
        if self.framing != Framing::Bare {
            actions.write(self.head().as_bytes(), false);
        }
        for step in &self.steps {
            match step {
                Step::Piece(piece) if self.framing == Framing::Chunked => actions.write(&chunked(piece), false),
                Step::Piece(piece) => actions.write(piece, true),
                Step::Raw(bytes) => actions.write(bytes, false),
                Step::Wait(wait) => actions.wait(*wait),
                Step::End(end) => return (actions.0, *end),
            }
        }
        if self.framing == Framing::Chunked {
            actions.write(b"0\r\n\r\n", true);
        }
        let closes = self.headers.iter().any(|(name, value)| name == "connection" && value == "close");
        (actions.0, if closes || self.framing == Framing::Bare { End::Close } else { End::Keep })
    }
}

#[derive(Default)]
struct Actions(Vec<Action>);

impl Actions {
    fn wait(&mut self, wait: Duration) {
        if !wait.is_zero() {
            self.0.push(Action::Wait(wait));
        }
    }

    /// Adds a write, or extends the one before it when `merge` and nothing came between.
    fn write(&mut self, bytes: &[u8], merge: bool) {
        if bytes.is_empty() {
            return;
        }
        match self.0.last_mut() {
            Some(Action::Write(last)) if merge => {
                let mut joined = BytesMut::from(&last[..]);
                joined.extend_from_slice(bytes);
                *last = joined.freeze();
            }
            _ => self.0.push(Action::Write(Bytes::copy_from_slice(bytes))),
        }
    }
}

/// One chunk; nothing for an empty piece, which would end the stream.
fn chunked(piece: &[u8]) -> Vec<u8> {
    if piece.is_empty() {
        return Vec::new();
    }
    [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat()
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        404 => "Not Found",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "Scripted",
    }
}

/// A script that gives these replies in order of arrival, and the last one for every request after.
///
/// # Panics
/// When `replies` is empty.
pub fn in_turn(replies: Vec<Reply>) -> impl Fn(&Seen) -> Reply + Send + Sync + 'static {
    assert!(!replies.is_empty(), "a script needs at least one reply");
    let next = AtomicUsize::new(0);
    move |_| replies[next.fetch_add(1, Ordering::Relaxed).min(replies.len() - 1)].clone()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn text(action: &Action) -> String {
        match action {
            Action::Write(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
            Action::Wait(wait) => format!("wait {}", wait.as_millis()),
        }
    }

    fn check(reply: Reply, expect: &[&str], end: End) {
        let (actions, got) = reply.lower();
        assert_eq!(actions.iter().map(text).collect::<Vec<_>>(), expect);
        assert_eq!(got, end);
    }

    const STREAM_HEAD: &str =
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

    #[test]
    fn a_whole_body_is_one_write() {
        let head = "HTTP/1.1 429 Too Many Requests\r\ncontent-type: application/json\r\nretry-after: 1\r\n";
        let whole = format!("{head}content-length: 7\r\n\r\n{{\"a\":1}}");
        let reply = Reply::json(429, &json!({"a": 1})).header("Retry-After", "1").after(SECOND);
        check(reply, &["wait 1000", &whole], End::Keep);
    }

    #[test]
    fn a_stream_is_one_write_per_event_and_pauses_between_them() {
        check(
            Reply::stream(&["a", "b"]).pause(SECOND),
            &[STREAM_HEAD, "9\r\ndata: a\n\n\r\n", "wait 1000", "9\r\ndata: b\n\n\r\n0\r\n\r\n"],
            End::Keep,
        );
    }

    #[test]
    fn a_cut_owes_the_rest() {
        check(Reply::stream(&["a"]).cut(), &[STREAM_HEAD, "9\r\ndata: a\n\n\r\n"], End::Close);
        let cut = Reply::stream(&["a", "b"]).cut_after(1, 4);
        check(cut, &[STREAM_HEAD, "9\r\ndata: a\n\n\r\n", "4\r\ndata\r\n"], End::Close);
        let body = Reply::body(200, "text/plain", "abcdef").cut_after(0, 2);
        check(body, &["HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 6\r\n\r\nab"], End::Close);
    }

    #[test]
    fn bare_replies_send_only_what_they_are_told() {
        check(Reply::hang(), &[], End::Hang);
        check(Reply::bare().raw("garbage"), &["garbage"], End::Close);
        check(Reply::stream(&[]).reset(), &[STREAM_HEAD], End::Reset);
    }

    #[test]
    fn a_scripted_length_replaces_the_true_one() {
        let reply = Reply::body(200, "text/plain", "abc").header("content-length", "9");
        check(reply, &["HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 9\r\n\r\nabc"], End::Keep);
    }
}
