//! Streams on their way through: forwarded byte for byte, read on the side.

use crate::seen::{Reported, Seen};
use crate::ticket::Ticket;
use crate::{BlockStream, Endpoint, ModelError, Opening};
use bytes::Bytes;
use futures_util::stream::{Stream, StreamExt};
use std::collections::VecDeque;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep};
use wire::Dialect;

/// How long the upstream may take to close a stream behind `[DONE]`. Waiting keeps the connection for the next call;
/// nobody is made to wait longer for that.
const CLOSING: Duration = Duration::from_millis(100);
/// Preambles held back before the first token, at most.
const HELD_BLOCKS_MAX: usize = 64;

/// A stream of blocks on its way to somebody.
pub(crate) struct Watch {
    blocks: BlockStream,
    held: VecDeque<Bytes>,
}

impl Watch {
    pub(crate) fn new(blocks: BlockStream) -> Self {
        Self { blocks, held: VecDeque::new() }
    }

    /// Reads until the stream counts as opened.
    pub(crate) async fn open(&mut self, opening: Opening, seen: &mut Seen) -> Result<(), ModelError> {
        loop {
            let Some(block) = self.blocks.next().await else {
                return if seen.complete() { Ok(()) } else { Err(ModelError::Cut) };
            };
            let block = block?;
            let hidden = seen.read(&block);
            self.held.push_back(without(block, &hidden));
            // Words before it in the same block have not been promised to anybody yet.
            if let Some(Reported { code, .. }) = seen.error.take() {
                return Err(ModelError::ErrorEvent { code });
            }
            // Nor has what nobody could read.
            if seen.strange {
                return Err(ModelError::NotAReply { what: "its stream begins with something else".to_owned() });
            }
            let opened = opening == Opening::FirstEvent || seen.token || seen.done;
            if opened || self.held.len() >= HELD_BLOCKS_MAX {
                return Ok(());
            }
        }
    }
}

/// A block without the parts that are not for the client, which stand in order.
fn without(block: Bytes, hidden: &[Range<usize>]) -> Bytes {
    match hidden {
        [] => block,
        [hidden] if hidden.end == block.len() => block.slice(..hidden.start),
        _ => {
            let ends = hidden.iter().map(|hidden| hidden.start).chain([block.len()]);
            let starts = [0].into_iter().chain(hidden.iter().map(|hidden| hidden.end));
            // Byte by byte this was a third of a stream's instructions.
            let parts: Vec<&[u8]> = starts.zip(ends).map(|(start, end)| &block[start..end]).collect();
            Bytes::from(parts.concat())
        }
    }
}

/// The blocks of one answer, in order and untouched, in the dialect of whoever answers.
///
/// An error that the upstream reports inside its stream ends it as an error here: what it says may quote prompts,
/// keys or internals, so it is not passed on; the words before it are.
///
/// Ends with `None` when the answer is complete and with an error when it broke off; the endpoint's breaker and
/// figures are settled either way, and the call is noted on its tab. Dropping it before cancels the call upstream.
pub struct AnswerStream {
    watch: Watch,
    ticket: Ticket,
    endpoint: Arc<Endpoint>,
    silence: Pin<Box<Sleep>>,
    /// Whether `silence` runs.
    waiting: bool,
    /// Whether it runs for the last time: the answer is whole, and the upstream has until then to close.
    closing: bool,
    idle: Duration,
    in_line: Duration,
    lost: Vec<String>,
    opened: Instant,
    ended: bool,
}

impl AnswerStream {
    pub(crate) fn new(
        watch: Watch,
        ticket: Ticket,
        endpoint: Arc<Endpoint>,
        in_line: Duration,
        lost: Vec<String>,
    ) -> Self {
        let (idle, opened) = (endpoint.idle, Instant::now());
        let silence = Box::pin(tokio::time::sleep(idle));
        let (waiting, closing, ended) = (false, false, false);
        Self { watch, ticket, endpoint, silence, waiting, closing, idle, in_line, lost, opened, ended }
    }

    /// Whether a script makes it up, as far as we or the upstream know.
    pub fn simulated(&self) -> bool {
        self.ticket.simulated
    }

    /// The dialect of its events.
    pub fn dialect(&self) -> Dialect {
        self.ticket.seen.dialect
    }

    /// Whether all of it has been read: what may follow is the end alone.
    pub fn is_complete(&self) -> bool {
        self.ticket.seen.done && self.watch.held.is_empty()
    }

    /// How long it waited for a place before anybody was asked.
    pub(crate) fn in_line(&self) -> Duration {
        self.in_line
    }

    /// What the provider could not be told, in words for people.
    pub fn lost(&self) -> &[String] {
        &self.lost
    }

    /// Who answers.
    pub fn endpoint(&self) -> &Arc<Endpoint> {
        &self.endpoint
    }

    /// Whether the next block takes too long. The clock runs while somebody waits for it: a slow reader does not make
    /// a silent upstream.
    fn is_silent(&mut self, context: &mut Context<'_>) -> bool {
        if !self.waiting {
            self.waiting = true;
            let until = Instant::now() + self.idle;
            self.silence.as_mut().reset(until);
        }
        self.silence.as_mut().poll(context).is_ready()
    }

    /// Behind the end of the answer the upstream has one short time to close, whatever it still sends: none of that is
    /// for anybody, and what breaks or falls silent there harms nobody.
    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, ModelError>>> {
        // Most have closed already, and a timer that is set and dropped costs more than all the rest of an end.
        let next = self.watch.blocks.poll_next_unpin(context);
        let goes_on = matches!(next, Poll::Ready(Some(Ok(_))));
        if (goes_on || next.is_pending()) && !self.is_overdue(context) {
            if goes_on {
                context.waker().wake_by_ref();
            }
            return Poll::Pending;
        }
        Poll::Ready(self.finish().map(Err))
    }

    /// Whether the time to close is over, which begins with the first look.
    fn is_overdue(&mut self, context: &mut Context<'_>) -> bool {
        if !self.closing {
            self.closing = true;
            let until = Instant::now() + self.idle.min(CLOSING);
            self.silence.as_mut().reset(until);
        }
        self.silence.as_mut().poll(context).is_ready()
    }

    /// Settles the call and lets go of the upstream.
    fn end(&mut self, result: Result<(), ModelError>) -> Option<ModelError> {
        self.ended = true;
        self.watch.blocks = Box::pin(futures_util::stream::empty());
        match result {
            Ok(()) => {
                self.ticket.answered();
                None
            }
            Err(error) => {
                self.ticket.failed(&error);
                Some(error)
            }
        }
    }

    /// Ends with the error that the upstream has reported, once all before it has been passed on.
    fn reported(&mut self) -> Option<ModelError> {
        let Reported { code, .. } = self.ticket.seen.error.take()?;
        self.end(Err(ModelError::ErrorEvent { code }))
    }

    /// Ends as what has been seen tells.
    fn finish(&mut self) -> Option<ModelError> {
        let result = if self.ticket.seen.complete() { Ok(()) } else { Err(ModelError::Cut) };
        self.end(result)
    }
}

impl Drop for AnswerStream {
    /// Whoever has read up to `[DONE]` has the whole answer and need not ask for the end.
    fn drop(&mut self) {
        if !self.ended && self.ticket.seen.done && self.watch.held.is_empty() {
            self.finish();
        }
    }
}

impl Stream for AnswerStream {
    type Item = Result<Bytes, ModelError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        if let Some(block) = self.watch.held.pop_front() {
            return Poll::Ready(Some(Ok(block)));
        }
        if self.ticket.seen.done {
            return self.poll_end(context);
        }
        if let Some(error) = self.reported() {
            return Poll::Ready(Some(Err(error)));
        }
        let error = match self.watch.blocks.poll_next_unpin(context) {
            Poll::Ready(Some(Ok(block))) => {
                let hidden = self.ticket.seen.read(&block);
                self.waiting = false;
                let most = self.endpoint.stream_max;
                if self.opened.elapsed() > most && !self.ticket.seen.done {
                    return Poll::Ready(self.end(Err(ModelError::Endless { most })).map(Err));
                }
                match self.ticket.seen.error.as_ref().map(|reported| reported.at) {
                    None => return Poll::Ready(Some(Ok(without(block, &hidden)))),
                    Some(0) => self.reported(),
                    Some(at) => return Poll::Ready(Some(Ok(without(block.slice(..at), &hidden)))),
                }
            }
            Poll::Pending if !self.is_silent(context) => return Poll::Pending,
            Poll::Ready(Some(Err(error))) => self.end(Err(error)),
            Poll::Ready(None) => self.finish(),
            Poll::Pending => {
                let idle = self.idle;
                self.end(Err(ModelError::Silent { idle }))
            }
        };
        Poll::Ready(error.map(Err))
    }
}

#[cfg(test)]
mod tests;
