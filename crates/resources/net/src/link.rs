//! One connection that is driven by whoever uses it. Knows no pool.
//!
//! A connection with a task of its own costs two wake-ups and two turns of the scheduler for each piece that passes.
//! Here the task that waits for an answer polls the connection itself, and between two requests nobody does.

use crate::socket::Stream;
use bytes::Bytes;
use futures_util::task::AtomicWaker;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{self, Connection, SendRequest};
use hyper_util::rt::TokioIo;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// How often a connection is polled again within one turn because it woke itself.
const ROUNDS_MAX: usize = 8;

type Io = TokioIo<Box<dyn Stream>>;

/// One connection, one request at a time. Dropping it closes the connection.
pub(crate) struct Link {
    sender: SendRequest<Full<Bytes>>,
    /// `None` once it has ended.
    connection: Option<Connection<Io, Full<Bytes>>>,
    echo: Arc<Echo>,
    waker: Waker,
}

impl Link {
    pub(crate) async fn over(io: Io) -> hyper::Result<Self> {
        let (sender, connection) = http1::handshake(io).await?;
        let echo = Arc::<Echo>::default();
        let waker = Waker::from(Arc::clone(&echo));
        Ok(Self { sender, connection: Some(connection), echo, waker })
    }

    /// Sends one request and returns as soon as the head of the answer is there; its body is read with [`Self::poll`].
    pub(crate) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, TrySendError<Request<Full<Bytes>>>> {
        let mut answer = pin!(self.sender.try_send_request(request));
        let (connection, echo, waker) = (&mut self.connection, &*self.echo, &self.waker);
        poll_fn(|context| drive(connection, echo, waker, context, |inner| answer.as_mut().poll(inner))).await
    }

    /// Polls what comes out of the connection, and the connection where nothing has.
    pub(crate) fn poll<T>(
        &mut self,
        context: &mut Context<'_>,
        look: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        drive(&mut self.connection, &self.echo, &self.waker, context, look)
    }

    /// Whether another request can be sent, as far as is known: the last answer has been read, and the other side has
    /// not closed.
    pub(crate) fn is_free(&mut self) -> bool {
        let Some(connection) = &mut self.connection else { return false };
        self.echo.inside.store(true, Ordering::SeqCst);
        let ended = Pin::new(connection).poll(&mut Context::from_waker(&self.waker)).is_ready();
        !ended && self.sender.is_ready()
    }
}

fn drive<T>(
    connection: &mut Option<Connection<Io, Full<Bytes>>>,
    echo: &Echo,
    waker: &Waker,
    context: &mut Context<'_>,
    mut look: impl FnMut(&mut Context<'_>) -> Poll<T>,
) -> Poll<T> {
    echo.outer.register(context.waker());
    let mut inner = Context::from_waker(waker);
    for _ in 0..ROUNDS_MAX {
        echo.inside.store(true, Ordering::SeqCst);
        let mut seen = look(&mut inner);
        if seen.is_pending() {
            echo.again.store(false, Ordering::SeqCst);
            // Dropping a connection that has ended tells whoever waits for something of it.
            if connection.as_mut().is_some_and(|connection| Pin::new(connection).poll(&mut inner).is_ready()) {
                *connection = None;
            }
            seen = look(&mut inner);
        }
        if seen.is_ready() {
            return seen;
        }
        echo.inside.store(false, Ordering::SeqCst);
        if !echo.again.swap(false, Ordering::SeqCst) {
            return Poll::Pending;
        }
    }
    context.waker().wake_by_ref();
    Poll::Pending
}

/// Wakes the task that uses a connection, unless it is just polling it: the two ends of one connection wake each other
/// with each piece, and a task that wakes itself takes a turn for nothing.
#[derive(Default)]
struct Echo {
    outer: AtomicWaker,
    /// Whether the connection is being polled, or belongs to nobody.
    inside: AtomicBool,
    /// Whether it was woken meanwhile.
    again: AtomicBool,
}

impl Wake for Echo {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.again.store(true, Ordering::SeqCst);
        if !self.inside.load(Ordering::SeqCst) {
            self.outer.wake();
        }
    }
}
