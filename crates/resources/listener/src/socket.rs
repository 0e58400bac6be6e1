//! A client's socket with three habits that HTTP wants and sockets lack: a client that takes nothing is let go, one that
//! leaves is noticed while nobody reads, and a reply sent before the request was read survives. Knows nothing of what is
//! sent.

use futures_util::FutureExt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep, sleep_until};

/// How long at most the rest of a refused request is read (and dropped) behind the last reply.
const LINGER_MAX: Duration = Duration::from_secs(10);
/// How long the client may send nothing meanwhile.
const LINGER_QUIET: Duration = Duration::from_millis(200);
/// How much is read and dropped at once.
const LINGER_BYTES: usize = 16 * 1024;
/// How often a client is looked after that has sent what nobody reads yet: news of its end do not come by themselves then.
const LOOK: Duration = Duration::from_secs(1);

/// A socket that sends small packets at once, as the first event of a stream may not wait for an acknowledgement.
pub struct Socket {
    stream: TcpStream,
    /// How long the client may take nothing while there is something to send.
    stall_max: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
    /// Whether HTTP waits for the client's next bytes, or has been told of its end. While it answers it reads nothing.
    is_heard: bool,
    look: Option<Pin<Box<Sleep>>>,
    linger: Option<Linger>,
}

/// Closing a socket with unread bytes in it resets the connection, and the client may lose the reply that explains
/// why its request was not read: so what still comes is read for a while.
struct Linger {
    until: Instant,
    quiet: Pin<Box<Sleep>>,
}

impl Socket {
    /// Over a connection whose client may take nothing for so long while there is something to send.
    pub fn new(stream: TcpStream, stall_max: Duration) -> Self {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "no TCP_NODELAY");
        }
        Self { stream, stall_max, stalled: None, is_heard: false, look: None, linger: None }
    }

    /// Whether the client has closed its side, also behind bytes that nobody has read.
    fn has_gone(&mut self, context: &mut Context<'_>) -> bool {
        if self.is_heard || self.stream.poll_read_ready(context).is_pending() {
            return false;
        }
        _ = self.look.insert(Box::pin(sleep(LOOK))).as_mut().poll(context);
        let state = self.stream.ready(Interest::READABLE).now_or_never();
        state.is_some_and(|state| state.map_or(true, |state| state.is_read_closed()))
    }

    /// Lets a write wait only so long.
    fn patient<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let until = Instant::now() + self.stall_max;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep_until(until)));
        ready!(stalled.as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client takes nothing")))
    }
}

impl Linger {
    fn new() -> Self {
        let now = Instant::now();
        Self { until: now + LINGER_MAX, quiet: Box::pin(sleep_until(now + LINGER_QUIET)) }
    }

    /// Ready when the client has closed, is silent or has had its time.
    fn poll(&mut self, stream: &mut TcpStream, context: &mut Context<'_>) -> Poll<()> {
        let mut bytes = [0; LINGER_BYTES];
        loop {
            let mut unwanted = ReadBuf::new(&mut bytes);
            match Pin::new(&mut *stream).poll_read(context, &mut unwanted) {
                Poll::Pending => return self.quiet.as_mut().poll(context),
                Poll::Ready(Ok(())) if !unwanted.filled().is_empty() => {}
                Poll::Ready(_) => return Poll::Ready(()),
            }
            let now = Instant::now();
            if now >= self.until {
                return Poll::Ready(());
            }
            self.quiet.as_mut().reset(self.until.min(now + LINGER_QUIET));
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, into);
        (self.is_heard, self.look) = (into.filled().len() == before, None);
        read
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.patient(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        self.patient(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.has_gone(context) {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the client has gone")));
        }
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.linger.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(context))?;
        }
        this.linger.get_or_insert_with(Linger::new).poll(&mut this.stream, context).map(Ok)
    }
}
