//! One TCP connection that says what goes over it. Knows no name, no security and no HTTP.

use crate::places::Place;
use measure::{LevelGuard, UpstreamMetrics};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// What HTTP is spoken over: a socket, or a secured one. Boxed, so that a connection without TLS does not carry the room
/// that a session of TLS takes.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl Stream for Socket {}
impl Stream for TlsStream<Socket> {}

/// A TCP connection. It counts as open, and keeps its place, until it is dropped.
pub(crate) struct Socket {
    tcp: TcpStream,
    metrics: Option<UpstreamMetrics>,
    _open: Option<LevelGuard>,
    _place: Place,
}

impl Socket {
    /// Counts as opened from here on.
    pub(crate) fn new(tcp: TcpStream, metrics: Option<UpstreamMetrics>, place: Place) -> Self {
        let open = metrics.as_ref().map(|metrics| {
            metrics.opened().inc();
            metrics.connections().enter()
        });
        Self { tcp, metrics, _open: open, _place: place }
    }

    fn wrote(&self, polled: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let (Poll::Ready(Ok(bytes)), Some(metrics)) = (&polled, &self.metrics) {
            metrics.bytes_sent().add(*bytes as u64);
        }
        polled
    }
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.tcp).poll_read(cx, buf);
        if let (Poll::Ready(Ok(())), Some(metrics)) = (&polled, &self.metrics) {
            metrics.bytes_received().add((buf.filled().len() - before) as u64);
        }
        polled
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.tcp).poll_write(cx, buf);
        self.wrote(polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.tcp).poll_write_vectored(cx, bufs);
        self.wrote(polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}

#[cfg(test)]
impl Socket {
    pub(crate) fn tcp(&self) -> &TcpStream {
        &self.tcp
    }
}
