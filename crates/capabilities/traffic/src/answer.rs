//! Reading an answer to its end, and whether it is the one that was asked for.

use crate::job::since;
use crate::{Cache, Class, Reading};
use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode, header};
use http_body_util::BodyExt;
use net::{Incoming, NetError};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::time::Instant;
use wire::openai::{ChatReply, ChunkView, SIMULATED_HEADER, is_done, said_chars};
use wire::sse::{Splitter, events};

/// The largest answer that is read.
const ANSWER_BYTES_MAX: usize = 64 << 20;
/// The longest event of a stream.
const EVENT_BYTES_MAX: usize = 4 << 20;

/// What came of one request.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) class: Class,
    pub(crate) cache: Cache,
    pub(crate) degraded: bool,
    pub(crate) simulated: bool,
    pub(crate) cost_nano_usd: Option<u64>,
    /// Microseconds from the sending to the last byte, where it was read that far.
    pub(crate) took_us: Option<u32>,
    pub(crate) first_us: Option<u32>,
    pub(crate) between_us: Vec<u32>,
    pub(crate) tokens: u32,
    pub(crate) total_tokens: Option<u32>,
    pub(crate) bytes: u32,
    pub(crate) text: Option<String>,
    /// Whether the body was read to its end, so that the connection can take another request.
    pub(crate) whole: bool,
    /// Whether the server has forgotten the session.
    pub(crate) lost_session: bool,
}

impl Answer {
    /// An answer that never came.
    pub(crate) fn of(class: Class) -> Self {
        Self { class, ..Self::default() }
    }
}

/// Reads an answer.
pub(crate) async fn read(
    response: Response<Incoming>,
    reading: Reading,
    sent: Instant,
    keep: bool,
) -> Result<Answer, NetError> {
    let (head, body) = response.into_parts();
    let mut answer = noted(&head.headers);
    answer.class = class_of(head.status);
    let streamed = content_type(&head.headers).starts_with("text/event-stream");
    if reading == Reading::Stream && answer.class == Class::Ok && streamed {
        stream(body, &mut answer, sent, keep).await;
    } else {
        let bytes = net::collect(body, ANSWER_BYTES_MAX).await?;
        // What reading it costs us is not the target's.
        answer.took_us = Some(since(sent));
        (answer.bytes, answer.whole) = (u32::try_from(bytes.len()).unwrap_or(u32::MAX), true);
        if answer.class == Class::Ok {
            judge(&mut answer, reading, bytes, streamed, keep);
        } else {
            answer.lost_session = head.status == StatusCode::NOT_FOUND;
        }
    }
    Ok(answer)
}

fn class_of(status: StatusCode) -> Class {
    match status.as_u16() {
        200..=299 => Class::Ok,
        429 => Class::RateLimited,
        401 | 403 => Class::Denied,
        500.. => Class::Status5xx,
        _ => Class::Status4xx,
    }
}

/// What an Althing server says in its headers.
fn noted(headers: &HeaderMap) -> Answer {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let cost = text("x-althing-cost-usd").parse::<f64>().ok().filter(|cost| *cost >= 0.0);
    Answer {
        cache: match text("x-althing-cache") {
            "hit-memory" => Cache::Memory,
            "hit-disk" => Cache::Disk,
            "hit-redis" => Cache::Redis,
            "miss" => Cache::Miss,
            _ => Cache::Unsaid,
        },
        degraded: text("x-althing-degraded") == "true",
        simulated: text(SIMULATED_HEADER) == "true",
        cost_nano_usd: cost.map(|cost| (cost * 1e9).round() as u64),
        ..Answer::default()
    }
}

fn content_type(headers: &HeaderMap) -> &str {
    headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

#[derive(Deserialize)]
struct Chat<'a> {
    #[serde(borrow)]
    choices: Vec<&'a RawValue>,
    usage: Option<Counted>,
}

#[derive(Deserialize)]
struct Counted {
    completion_tokens: Option<u32>,
    total_tokens: Option<u32>,
}

#[derive(Deserialize)]
struct Listed<'a> {
    #[serde(borrow)]
    data: Vec<&'a RawValue>,
}

/// Whether a whole 2xx answer is the one that was asked for.
fn judge(answer: &mut Answer, reading: Reading, bytes: Bytes, streamed: bool, keep: bool) {
    let good = match reading {
        Reading::Any => true,
        Reading::Chat => match serde_json::from_slice::<Chat<'_>>(&bytes) {
            Ok(chat) => {
                answer.tokens = chat.usage.as_ref().and_then(|usage| usage.completion_tokens).unwrap_or(0);
                answer.total_tokens = chat.usage.and_then(|usage| usage.total_tokens);
                !chat.choices.is_empty()
            }
            Err(_) => false,
        },
        // A stream that comes as something else is not what was asked for.
        Reading::Stream => false,
        Reading::Embeddings => serde_json::from_slice::<Listed<'_>>(&bytes).is_ok_and(|list| !list.data.is_empty()),
        Reading::Mcp => return judge_mcp(answer, &bytes, streamed, keep),
    };
    if !good {
        answer.class = Class::BadAnswer;
    } else if keep {
        answer.text = match reading {
            Reading::Chat => ChatReply::parse(bytes).ok().map(|reply| reply.answer()),
            _ => Some(String::from_utf8_lossy(&bytes).into_owned()),
        };
    }
}

#[derive(Deserialize)]
struct Rpc<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    error: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Called {
    #[serde(rename = "isError", default)]
    is_error: bool,
    #[serde(default)]
    content: Vec<Value>,
}

/// A JSON-RPC answer, alone or the one with an id in an event stream.
fn judge_mcp(answer: &mut Answer, bytes: &[u8], streamed: bool, keep: bool) {
    let message = match streamed {
        false => Some(bytes.to_vec()),
        true => events(bytes).filter_map(|event| event.data.map(|data| data.into_owned())).find(|data| is_answer(data)),
    };
    let message = message.unwrap_or_default();
    answer.class = match serde_json::from_slice::<Rpc<'_>>(&message) {
        Ok(Rpc { error: None, result: Some(result), .. }) => {
            let called = serde_json::from_str::<Called>(result.get()).ok();
            if keep {
                answer.text = Some(called.as_ref().map_or_else(String::new, Called::text));
            }
            if called.is_some_and(|called| called.is_error) { Class::ToolError } else { Class::Ok }
        }
        Ok(Rpc { error: Some(_), .. }) => Class::ToolError,
        _ => Class::BadAnswer,
    };
}

fn is_answer(data: &[u8]) -> bool {
    serde_json::from_slice::<Rpc<'_>>(data)
        .is_ok_and(|rpc| rpc.id.is_some() && (rpc.result.is_some() || rpc.error.is_some()))
}

impl Called {
    fn text(&self) -> String {
        self.content.iter().filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join("\n")
    }
}

/// Reads an event stream while it comes.
async fn stream(mut body: Incoming, answer: &mut Answer, sent: Instant, keep: bool) {
    let mut splitter = Splitter::new(EVENT_BYTES_MAX);
    let mut heard = Heard { text: keep.then(String::new), ..Heard::default() };
    let mut bytes = 0;
    loop {
        let data = match body.frame().await {
            None => {
                answer.whole = true;
                break;
            }
            Some(Err(_)) => break,
            Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
        };
        bytes += data.len();
        match splitter.push(data) {
            Ok(Some(block)) => heard.take(&block, since(sent)),
            Ok(None) => {}
            Err(_) => break,
        }
        if bytes > ANSWER_BYTES_MAX {
            break;
        }
    }
    answer.took_us = Some(since(sent));
    answer.bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
    (answer.first_us, answer.tokens, answer.text) = (heard.first_us, heard.pieces, heard.text);
    answer.between_us = heard.between_us;
    if !heard.done || heard.error {
        answer.class = Class::Cut;
    } else if heard.pieces == 0 && !heard.finished {
        answer.class = Class::BadAnswer;
    }
}

/// What a stream has said so far.
#[derive(Default)]
struct Heard {
    first_us: Option<u32>,
    last_us: u32,
    between_us: Vec<u32>,
    pieces: u32,
    done: bool,
    finished: bool,
    error: bool,
    text: Option<String>,
}

impl Heard {
    /// Takes whole events that came `at_us` after the sending. The chunk with the role says nothing yet; one that only
    /// ends the answer says nothing more.
    fn take(&mut self, block: &Bytes, at_us: u32) {
        for data in events(block).filter_map(|event| event.data) {
            if is_done(&data) {
                self.done = true;
                continue;
            }
            let chunk = ChunkView::read(&data).unwrap_or(ChunkView { error: true, ..ChunkView::default() });
            self.error |= chunk.error;
            self.finished |= chunk.finished;
            if chunk.token && (!chunk.finished || said_chars(&data) > 0) {
                self.piece(at_us);
                if let Some(text) = &mut self.text {
                    text.push_str(&content(&data));
                }
            }
        }
    }

    fn piece(&mut self, at_us: u32) {
        self.pieces = self.pieces.saturating_add(1);
        match self.first_us {
            None => self.first_us = Some(at_us),
            Some(_) => self.between_us.push(at_us.saturating_sub(self.last_us)),
        }
        self.last_us = at_us;
    }
}

/// The text in a chunk.
fn content(data: &[u8]) -> String {
    let chunk: Value = serde_json::from_slice(data).unwrap_or_default();
    let choices = chunk["choices"].as_array().map(Vec::as_slice).unwrap_or_default();
    choices.iter().filter_map(|choice| choice["delta"]["content"].as_str()).collect()
}
