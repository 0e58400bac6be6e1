//! The events of an answer: straight from a model, shared by all who asked the same, or played back.
//!
//! Those who share a stream drive it together: whoever is polled reads on for all. A reader who leaves takes nobody along,
//! and the last one to leave cancels the call. What passes is recorded, and kept once it is complete.

use super::stored::{Recording, Stored};
use crate::AskError;
use crate::report::Report;
use bytes::Bytes;
use cache::{Cache, Flight, Key, Label, Life, Ticket};
use futures_util::stream::{Stream, StreamExt};
use models::{AnswerStream, ModelError};
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;
use wire::Dialect;

/// The events of an answer, in order, in the dialect of whoever gave it. Dropping it lets go of the answer.
pub struct Events(Inner);

enum Inner {
    Straight(Box<AnswerStream>),
    Shared(Reader),
    Kept { dialect: Dialect, simulated: bool, bytes: Option<Bytes> },
}

impl Events {
    pub(crate) fn straight(stream: Box<AnswerStream>) -> Self {
        Self(Inner::Straight(stream))
    }

    pub(crate) fn shared(reader: Reader) -> Self {
        Self(Inner::Shared(reader))
    }

    pub(crate) fn kept(recording: &Recording, simulated: bool) -> Self {
        Self(Inner::Kept { dialect: recording.dialect, simulated, bytes: Some(recording.bytes.clone()) })
    }

    /// The stream of a model, where it is nothing else.
    pub(crate) fn into_straight(self) -> Option<Box<AnswerStream>> {
        match self.0 {
            Inner::Straight(stream) => Some(stream),
            Inner::Shared(_) | Inner::Kept { .. } => None,
        }
    }

    /// The dialect of its events.
    pub fn dialect(&self) -> Dialect {
        match &self.0 {
            Inner::Straight(stream) => stream.dialect(),
            Inner::Shared(reader) => reader.live.dialect,
            Inner::Kept { dialect, .. } => *dialect,
        }
    }

    /// Whether a script makes it up, as far as we or the upstream know.
    pub fn simulated(&self) -> bool {
        match &self.0 {
            Inner::Straight(stream) => stream.simulated(),
            Inner::Shared(reader) => reader.live.report.simulated,
            Inner::Kept { simulated, .. } => *simulated,
        }
    }
}

impl Stream for Events {
    type Item = Result<Bytes, ModelError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match &mut self.0 {
            Inner::Straight(stream) => stream.poll_next_unpin(context),
            Inner::Shared(reader) => reader.poll(context),
            Inner::Kept { bytes, .. } => Poll::Ready(bytes.take().map(Ok)),
        }
    }
}

/// What a flight for a stream leads to.
#[derive(Clone)]
pub(crate) enum Opened {
    /// Something that was kept; whether it is old, and which tier had it.
    Kept(Arc<cache::Found<Stored>>),
    /// A stream that runs.
    Live(Arc<Live>),
    /// A whole reply all the same.
    Whole(Stored),
}

/// Where a complete stream goes.
pub(crate) struct Record {
    pub(crate) cache: Arc<Cache<Stored, AskError>>,
    pub(crate) key: Key,
    pub(crate) label: Label,
    pub(crate) seen: u64,
    pub(crate) ttl: Option<Duration>,
    /// As long as it is there, others may join.
    pub(crate) _ticket: Ticket<Result<Opened, AskError>>,
    pub(crate) bytes_max: usize,
}

/// A stream that several may read.
pub(crate) struct Live {
    pub(crate) report: Arc<Report>,
    pub(crate) waited: Duration,
    dialect: Dialect,
    state: Mutex<State>,
    readers: Arc<Readers>,
}

struct State {
    stream: Option<Box<AnswerStream>>,
    blocks: VecDeque<Bytes>,
    /// How many blocks have been let go from the front.
    gone: usize,
    bytes: usize,
    bytes_max: usize,
    record: Option<Record>,
    end: Option<Result<(), ModelError>>,
}

/// Everybody who waits for the next block. The upstream wakes them all, so that it does not matter who of them left.
#[derive(Default)]
struct Readers(Mutex<Vec<Waker>>);

impl Wake for Readers {
    fn wake(self: Arc<Self>) {
        let waiting = std::mem::take(&mut *lock(&self.0));
        waiting.into_iter().for_each(Waker::wake);
    }
}

impl Live {
    pub(crate) fn new(stream: Box<AnswerStream>, report: Report, waited: Duration, record: Record) -> Arc<Self> {
        let (dialect, bytes_max) = (stream.dialect(), record.bytes_max);
        let state = State {
            stream: Some(stream),
            blocks: VecDeque::new(),
            gone: 0,
            bytes: 0,
            bytes_max,
            record: Some(record),
            end: None,
        };
        let (state, readers) = (Mutex::new(state), Arc::default());
        Arc::new(Self { report: Arc::new(report), waited, dialect, state, readers })
    }

    fn poll(&self, at: &mut usize, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, ModelError>>> {
        let mut state = lock(&self.state);
        if *at < state.gone {
            // A reader who falls so far behind holds up nobody.
            *at = usize::MAX;
            return Poll::Ready(Some(Err(ModelError::Cut)));
        }
        if let Some(block) = at.checked_sub(state.gone).and_then(|at| state.blocks.get(at)) {
            *at += 1;
            return Poll::Ready(Some(Ok(block.clone())));
        }
        if let Some(end) = &state.end {
            let end = if *at == usize::MAX { None } else { end.clone().err().map(Err) };
            *at = usize::MAX;
            return Poll::Ready(end);
        }
        {
            let mut waiting = lock(&self.readers.0);
            if !waiting.iter().any(|waker| waker.will_wake(context.waker())) {
                waiting.push(context.waker().clone());
            }
        }
        let all = Waker::from(Arc::clone(&self.readers));
        let Some(stream) = state.stream.as_mut() else { return Poll::Ready(None) };
        let Poll::Ready(next) = stream.poll_next_unpin(&mut Context::from_waker(&all)) else { return Poll::Pending };
        let told = state.take(next, &self.report, self.dialect);
        drop(state);
        lock(&self.readers.0).retain(|waker| !waker.will_wake(context.waker()));
        all.wake();
        *at = if matches!(told, Some(Ok(_))) { *at + 1 } else { usize::MAX };
        Poll::Ready(told)
    }
}

impl State {
    /// Takes in what came.
    fn take(
        &mut self,
        next: Option<Result<Bytes, ModelError>>,
        report: &Arc<Report>,
        dialect: Dialect,
    ) -> Option<Result<Bytes, ModelError>> {
        match &next {
            Some(Ok(block)) => {
                self.bytes += block.len();
                self.blocks.push_back(block.clone());
                // Whoever has the whole answer may not ask for the end.
                if self.stream.as_ref().is_some_and(|stream| stream.is_complete()) {
                    self.keep(report, dialect);
                }
                self.trim();
            }
            Some(Err(error)) => self.close(Err(error.clone())),
            None => {
                self.keep(report, dialect);
                self.close(Ok(()));
            }
        }
        next
    }

    /// What is too long is not kept, and nobody can join it any more: its beginning is let go.
    fn trim(&mut self) {
        if self.bytes <= self.bytes_max {
            return;
        }
        self.record = None;
        while self.bytes > self.bytes_max
            && self.blocks.len() > 1
            && let Some(block) = self.blocks.pop_front()
        {
            self.bytes -= block.len();
            self.gone += 1;
        }
    }

    fn keep(&mut self, report: &Arc<Report>, dialect: Dialect) {
        let Some(record) = self.record.take() else { return };
        let bytes = Bytes::from(self.blocks.iter().flat_map(|block| block.iter().copied()).collect::<Vec<u8>>());
        let stored = Stored::Stream(Recording { dialect, bytes }, Arc::clone(report));
        let life = stored.life();
        if life != Life::None {
            record.cache.keep(record.key, stored, record.label, record.seen, (life, record.ttl));
        }
    }

    fn close(&mut self, end: Result<(), ModelError>) {
        (self.stream, self.record, self.end) = (None, None, Some(end));
    }
}

/// One who reads a stream along.
pub(crate) struct Reader {
    live: Arc<Live>,
    /// The next block; the largest number once it has ended.
    at: usize,
    /// Keeps the flight in the air for others to join.
    _flight: Flight<Result<Opened, AskError>>,
}

impl Reader {
    pub(crate) fn new(live: Arc<Live>, flight: Flight<Result<Opened, AskError>>) -> Self {
        Self { live, at: 0, _flight: flight }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, ModelError>>> {
        if self.at == usize::MAX {
            return Poll::Ready(None);
        }
        let Self { live, at, .. } = self;
        live.poll(at, context)
    }
}

impl Drop for Reader {
    /// Somebody who waits must take over the reading.
    fn drop(&mut self) {
        Arc::clone(&self.live.readers).wake();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
