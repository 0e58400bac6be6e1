//! The body of an answer, which drives the connection that it comes over.

use crate::link::Link;
use crate::shelf::Shelf;
use bytes::Bytes;
use http::uri::Authority;
use http_body::{Body, Frame, SizeHint};
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// The body of an answer. Read to its end it gives its connection back for other requests; dropped before, it closes
/// it, which is how an upstream learns that nobody waits any more.
pub struct Incoming {
    body: hyper::body::Incoming,
    /// What drives it, where that is not a task of its own.
    lent: Option<Lent>,
}

/// A connection on loan from a shelf.
pub(crate) struct Lent {
    pub(crate) link: Box<Link>,
    pub(crate) host: Authority,
    pub(crate) shelf: Arc<Shelf>,
}

impl Incoming {
    /// A body whose connection has a task of its own.
    pub(crate) fn driven(body: hyper::body::Incoming) -> Self {
        Self { body, lent: None }
    }

    pub(crate) fn over(body: hyper::body::Incoming, lent: Lent) -> Self {
        let mut new = Self { body, lent: Some(lent) };
        new.give_back_at_end();
        new
    }

    fn give_back_at_end(&mut self) {
        if self.body.is_end_stream() {
            self.give_back();
        }
    }

    fn give_back(&mut self) {
        if let Some(Lent { link, host, shelf }) = self.lent.take() {
            shelf.put(link, host);
        }
    }
}

impl fmt::Debug for Incoming {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Incoming").field("size", &self.body.size_hint()).finish_non_exhaustive()
    }
}

impl Body for Incoming {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = &mut *self;
        let Some(lent) = &mut this.lent else { return Pin::new(&mut this.body).poll_frame(context) };
        let frame = ready!(lent.link.poll(context, |inner| Pin::new(&mut this.body).poll_frame(inner)));
        match &frame {
            Some(Ok(_)) => this.give_back_at_end(),
            Some(Err(_)) => this.lent = None,
            None => this.give_back(),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
