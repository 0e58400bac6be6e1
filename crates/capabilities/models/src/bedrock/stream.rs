//! A body of frames as the chunks of a chat.

use super::error::in_stream;
use crate::ModelError;
use bytes::{Bytes, BytesMut};
use converse::{Frames, ToChat, header};
use futures_util::stream::Stream;
use http::{Response, response};
use http_body::Body;
use net::{Incoming, NetError};
use serde_json::Value;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A body of frames as blocks of chunks.
pub(super) struct Blocks<B = Incoming> {
    body: B,
    _head: response::Parts,
    reader: Reader,
}

/// Frames in, chunks out.
pub(super) struct Reader {
    frames: Frames,
    chat: ToChat,
    /// What went wrong behind the chunks that are on their way.
    failed: Option<ModelError>,
    ended: bool,
}

impl Reader {
    pub(super) fn new(chat: ToChat, frame_bytes_max: usize) -> Self {
        Self { frames: Frames::new(frame_bytes_max), chat, failed: None, ended: false }
    }

    /// Takes bytes in and gives the chunks of all frames that are whole now.
    pub(super) fn push(&mut self, data: &Bytes) -> Bytes {
        self.frames.push(data);
        let mut out = BytesMut::new();
        loop {
            match self.next() {
                Ok(Some(chunk)) => out.extend_from_slice(&chunk),
                Ok(None) => return out.freeze(),
                Err(error) => {
                    (self.failed, self.ended) = (Some(error), true);
                    return out.freeze();
                }
            }
        }
    }

    fn next(&mut self) -> Result<Option<Bytes>, ModelError> {
        let Some(frame) = self.frames.next()? else { return Ok(None) };
        let told = || serde_json::from_slice::<Value>(frame.payload());
        match header(&frame, ":message-type") {
            "event" => {
                let event = told()
                    .map_err(|_| ModelError::NotAReply { what: "an event of the stream is not JSON".to_owned() })?;
                Ok(Some(self.chat.event(header(&frame, ":event-type"), &event)?))
            }
            kind @ ("exception" | "error") => {
                let name = header(&frame, if kind == "error" { ":error-code" } else { ":exception-type" });
                let told = told().unwrap_or_default();
                Err(in_stream(name, told["message"].as_str().unwrap_or_default(), self.chat.begun()))
            }
            _ => Ok(Some(Bytes::new())),
        }
    }
}

impl<B> Blocks<B> {
    /// The chunks of this body, whose frames have at most so many bytes.
    pub(super) fn new(response: Response<B>, chat: ToChat, frame_bytes_max: usize) -> Self {
        let (head, body) = response.into_parts();
        Self { body, _head: head, reader: Reader::new(chat, frame_bytes_max) }
    }
}

impl Stream for Blocks {
    type Item = Result<Bytes, ModelError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            if let Some(error) = this.reader.failed.take() {
                return Poll::Ready(Some(Err(error)));
            }
            if this.reader.ended {
                return Poll::Ready(None);
            }
            let block = match Pin::new(&mut this.body).poll_frame(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => {
                    this.reader.ended = true;
                    this.reader.chat.end()
                }
                Poll::Ready(Some(Err(error))) => {
                    (this.reader.failed, this.reader.ended) = (Some(NetError::of_frame(&error).into()), true);
                    Bytes::new()
                }
                Poll::Ready(Some(Ok(frame))) => this.reader.push(&frame.into_data().unwrap_or_default()),
            };
            if !block.is_empty() {
                return Poll::Ready(Some(Ok(block)));
            }
        }
    }
}

#[cfg(test)]
mod tests;
