//! Work that waits for the writer, whatever it returns.

use crate::tx::run;
use crate::{StoreError, Tx};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use measure::{Level, LevelGuard};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Work in line.
pub(super) trait Job: Send {
    /// Begins, unless nobody waits for it any more. How long it stood in line is told the first time.
    fn start(&mut self) -> Option<Duration>;
    /// How long it may take.
    fn within(&self) -> Duration;
    /// Runs it; whether what it did shall stay. A failure is told at once, for it depends on nobody's commit.
    fn run<'t>(&'t mut self, tx: &'t mut Tx) -> BoxFuture<'t, bool>;
    /// Tells that what it did is durable, or why it is not.
    fn tell(self: Box<Self>, committed: Result<(), StoreError>);
}

/// Work in line may be taken back, once it runs it may not.
#[derive(Clone)]
pub(super) struct Ticket(Arc<AtomicU8>);

const WAITS: u8 = 0;
const RUNS: u8 = 1;
const TAKEN_BACK: u8 = 2;

impl Ticket {
    /// Takes the work back; false when it runs already.
    pub(super) fn take_back(&self) -> bool {
        self.turn(TAKEN_BACK)
    }

    fn turn(&self, to: u8) -> bool {
        self.0.compare_exchange(WAITS, to, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    fn is_taken_back(&self) -> bool {
        self.0.load(Ordering::Relaxed) == TAKEN_BACK
    }
}

/// Work of one type, and who waits for it.
pub(super) struct Pending<T, E, W> {
    work: W,
    within: Duration,
    asked: Instant,
    ticket: Ticket,
    /// Counts it among those in line.
    line: Option<LevelGuard>,
    result: Option<T>,
    reply: Option<oneshot::Sender<Result<T, E>>>,
}

impl<T, E, W> Pending<T, E, W> {
    pub(super) fn new(work: W, within: Duration, reply: oneshot::Sender<Result<T, E>>, line: &Level) -> (Self, Ticket) {
        let ticket = Ticket(Arc::default());
        let (line, reply, asked) = (Some(line.enter()), Some(reply), Instant::now());
        (Self { work, within, asked, ticket: ticket.clone(), line, result: None, reply }, ticket)
    }

    fn answer(&mut self, result: Result<T, E>) {
        if let Some(reply) = self.reply.take() {
            // Who has stopped waiting is not told.
            let _ = reply.send(result);
        }
    }
}

impl<T, E, W> Job for Pending<T, E, W>
where
    W: for<'t> Fn(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + Sync,
    T: Send,
    E: From<StoreError> + Send,
{
    fn start(&mut self) -> Option<Duration> {
        let waited = self.line.take().map(|_| self.asked.elapsed());
        let wanted = self.reply.as_ref().is_some_and(|reply| !reply.is_closed());
        if !wanted {
            return None;
        }
        self.ticket.turn(RUNS);
        (!self.ticket.is_taken_back()).then(|| waited.unwrap_or_default())
    }

    fn within(&self) -> Duration {
        self.within
    }

    fn run<'t>(&'t mut self, tx: &'t mut Tx) -> BoxFuture<'t, bool> {
        async move {
            let result = match run(&self.work, tx).await {
                Ok(Ok(result)) => tx.verdict().map(|()| result).map_err(E::from),
                Ok(Err(error)) => Err(error),
                Err(panicked) => Err(panicked.into()),
            };
            match result {
                Ok(result) => self.result = Some(result),
                Err(error) => self.answer(Err(error)),
            }
            self.reply.is_some()
        }
        .boxed()
    }

    fn tell(mut self: Box<Self>, committed: Result<(), StoreError>) {
        let result = match (committed, self.result.take()) {
            (Ok(()), Some(result)) => Ok(result),
            (Ok(()), None) => return,
            (Err(error), _) => Err(error.into()),
        };
        self.answer(result);
    }
}
