//! The events of an answer: straight from a model, shared by all who asked the same, or played back.
//!
//! Those who share a stream drive it together: whoever is polled reads on for all. A reader who leaves takes nobody along,
//! and the last one to leave cancels the call. What passes is recorded, and kept once it is complete. Nobody is cut off for
//! the sake of others: where a recording grows too long to be kept, the quick wait for the slowest.

use super::semantic::Check;
use super::stored::{Recording, Stored};
use crate::AskError;
use crate::report::Report;
use bytes::Bytes;
use cache::{Cache, Flight, Key, Label, Life, Place, Tape, Ticket};
use futures_util::stream::{Stream, StreamExt};
use models::{AnswerStream, ModelError};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;
use wire::Dialect;

/// The events of an answer, in order, in the dialect of whoever gave it. Dropping it lets go of the answer.
pub struct Events(Inner);

enum Inner {
    Straight(Box<AnswerStream>, Option<Check>),
    Shared(Reader),
    Kept { dialect: Dialect, simulated: bool, bytes: Option<Bytes> },
}

/// A stream, and who else looks at it when it is complete.
type Checked = (Box<AnswerStream>, Option<Check>);

impl Events {
    pub(crate) fn straight(stream: Box<AnswerStream>) -> Self {
        Self(Inner::Straight(stream, None))
    }

    pub(crate) fn shared(reader: Reader) -> Self {
        Self(Inner::Shared(reader))
    }

    pub(crate) fn kept(recording: &Recording, simulated: bool) -> Self {
        Self(Inner::Kept { dialect: recording.dialect, simulated, bytes: Some(recording.bytes.clone()) })
    }

    /// Has a model's stream looked at when it is complete and kept.
    pub(crate) fn when_complete(&mut self, check: Check) {
        if let Inner::Straight(_, checked) = &mut self.0 {
            *checked = Some(check);
        }
    }

    /// The stream of a model, or what was kept.
    pub(crate) fn into_parts(self) -> Option<Result<Checked, Recording>> {
        match self.0 {
            Inner::Straight(stream, check) => Some(Ok((stream, check))),
            Inner::Kept { dialect, bytes, .. } => Some(Err(Recording { dialect, bytes: bytes? })),
            Inner::Shared(_) => None,
        }
    }

    /// The dialect of its events.
    pub fn dialect(&self) -> Dialect {
        match &self.0 {
            Inner::Straight(stream, _) => stream.dialect(),
            Inner::Shared(reader) => reader.live.dialect,
            Inner::Kept { dialect, .. } => *dialect,
        }
    }

    /// Whether a script makes it up, as far as we or the upstream know.
    pub fn simulated(&self) -> bool {
        match &self.0 {
            Inner::Straight(stream, _) => stream.simulated(),
            Inner::Shared(reader) => reader.live.report.simulated,
            Inner::Kept { simulated, .. } => *simulated,
        }
    }
}

impl Stream for Events {
    type Item = Result<Bytes, ModelError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match &mut self.0 {
            Inner::Straight(stream, _) => stream.poll_next_unpin(context),
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
    /// A whole reply all the same, or what was kept for another question; and how long others took for it.
    Whole(Stored, Duration),
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
    /// Who else looks at it.
    pub(crate) check: Option<Check>,
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
    /// What has come, as far as somebody may still want it.
    tape: Tape,
    bytes_max: usize,
    record: Option<Record>,
    end: Option<Result<(), ModelError>>,
    /// How far everybody who reads has come, by their numbers.
    readers: Vec<(u64, Place)>,
    /// How many readers there have been.
    numbered: u64,
    /// Whether somebody waits for the slowest.
    held: bool,
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
            tape: Tape::default(),
            bytes_max,
            record: Some(record),
            end: None,
            readers: Vec::with_capacity(1),
            numbered: 0,
            held: false,
        };
        let (state, readers) = (Mutex::new(state), Arc::default());
        Arc::new(Self { report: Arc::new(report), waited, dialect, state, readers })
    }

    /// The next block for a reader.
    fn poll(&self, reader: &Reader, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, ModelError>>> {
        let mut state = lock(&self.state);
        let State { tape, readers, .. } = &mut *state;
        let Some((_, place)) = readers.iter_mut().find(|(number, _)| *number == reader.number) else {
            return Poll::Ready(None);
        };
        if let Some(block) = tape.next(place) {
            state.passed(reader);
            let others_go_on = state.releases();
            drop(state);
            if others_go_on {
                Arc::clone(&self.readers).wake();
            }
            return Poll::Ready(Some(Ok(block)));
        }
        if let Some(end) = state.end.clone() {
            state.leave(reader.number);
            return Poll::Ready(end.err().map(Err));
        }
        {
            let mut waiting = lock(&self.readers.0);
            if !waiting.iter().any(|waker| waker.will_wake(context.waker())) {
                waiting.push(context.waker().clone());
            }
        }
        state.held = state.is_too_far_ahead();
        if state.held {
            return Poll::Pending;
        }
        let all = Waker::from(Arc::clone(&self.readers));
        let Some(stream) = state.stream.as_mut() else { return Poll::Ready(None) };
        let Poll::Ready(next) = stream.poll_next_unpin(&mut Context::from_waker(&all)) else { return Poll::Pending };
        let told = state.take(next, &self.report, self.dialect);
        if matches!(told, Some(Ok(_))) {
            state.has_all(reader.number);
            state.passed(reader);
        } else {
            state.leave(reader.number);
        }
        drop(state);
        lock(&self.readers.0).retain(|waker| !waker.will_wake(context.waker()));
        all.wake();
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
                self.tape.push(block);
                // Whoever has the whole answer may not ask for the end.
                if self.stream.as_ref().is_some_and(|stream| stream.is_complete()) {
                    self.keep(report, dialect);
                }
                if self.tape.len_bytes() > self.bytes_max {
                    // What is too long is not kept, and nobody can join it any more.
                    self.record = None;
                }
            }
            Some(Err(error)) => self.close(Err(error.clone())),
            None => {
                self.keep(report, dialect);
                self.close(Ok(()));
            }
        }
        next
    }

    /// A reader has had all that has come.
    fn has_all(&mut self, number: u64) {
        let back = self.tape.back();
        if let Some((_, place)) = self.readers.iter_mut().find(|(other, _)| *other == number) {
            *place = back;
        }
    }

    fn leave(&mut self, number: u64) {
        self.readers.retain(|(other, _)| *other != number);
    }

    /// A reader has had one block more. What all have had is let go where nobody can join any more.
    fn passed(&mut self, reader: &Reader) {
        // Whoever has boarded the flight and does not read yet begins at the beginning.
        let aboard = reader.flight.strong_count().unwrap_or(0);
        if self.record.is_none()
            && aboard <= self.readers.len()
            && let Some((_, slowest)) = self.readers.iter().min_by(|(_, one), (_, other)| one.cmp(other))
        {
            self.tape.forget(slowest);
        }
    }

    /// Whether more than may be kept waits for the slowest: then nothing is read until that reader has taken some of it
    /// or left, which the limit on its socket sees to.
    fn is_too_far_ahead(&self) -> bool {
        self.readers.iter().any(|(_, place)| self.tape.behind(place) > self.bytes_max)
    }

    /// Whether those who waited for the slowest need not any more.
    fn releases(&mut self) -> bool {
        let releases = self.held && !self.is_too_far_ahead();
        self.held &= !releases;
        releases
    }

    fn keep(&mut self, report: &Arc<Report>, dialect: Dialect) {
        let Some(record) = self.record.take() else { return };
        let stored = Stored::Stream(Recording { dialect, bytes: self.tape.all() }, Arc::clone(report));
        let life = stored.life();
        if life != Life::None {
            record.cache.keep(record.key, stored.clone(), record.label, record.seen, (life, record.ttl));
            if let Some(check) = record.check {
                check(&stored);
            }
        }
    }

    fn close(&mut self, end: Result<(), ModelError>) {
        (self.stream, self.record, self.end) = (None, None, Some(end));
    }
}

/// One who reads a stream along.
pub(crate) struct Reader {
    live: Arc<Live>,
    number: u64,
    /// Keeps the flight in the air for others to join.
    flight: Flight<Result<Opened, AskError>>,
}

impl Reader {
    pub(crate) fn new(live: Arc<Live>, flight: Flight<Result<Opened, AskError>>) -> Self {
        let mut state = lock(&live.state);
        state.numbered += 1;
        let number = state.numbered;
        let front = state.tape.front();
        state.readers.push((number, front));
        drop(state);
        Self { live, number, flight }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, ModelError>>> {
        self.live.poll(self, context)
    }
}

impl Drop for Reader {
    /// Somebody who waits must take over the reading, or need not wait for this one any more.
    fn drop(&mut self) {
        lock(&self.live.state).leave(self.number);
        Arc::clone(&self.live.readers).wake();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
