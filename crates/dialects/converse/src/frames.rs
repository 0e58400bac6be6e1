//! The frames of an event stream, cut anywhere. Knows nothing of what they tell.

use crate::ConverseError;
use aws_smithy_eventstream::frame::read_message_from;
use aws_smithy_types::event_stream::Message;
use bytes::{Bytes, BytesMut};
use wire::WireError;

/// Bytes of a frame that holds nothing: the lengths and their checksum, and the checksum of all.
const FRAME_BYTES_MIN: usize = 16;

/// Puts frames together.
pub struct Frames {
    buffer: BytesMut,
    frame_bytes_max: usize,
}

impl Frames {
    /// Frames of at most so many bytes.
    pub fn new(frame_bytes_max: usize) -> Self {
        Self { buffer: BytesMut::new(), frame_bytes_max }
    }

    /// Takes bytes in.
    pub fn push(&mut self, data: &Bytes) {
        self.buffer.extend_from_slice(data);
    }

    /// The next whole frame; `None` until more has come.
    ///
    /// # Errors
    /// [`ConverseError::NotAReply`] for one that is too long or damaged; no more can be read then.
    #[allow(clippy::should_implement_trait, reason = "frames fail, and more may come after `None`")]
    pub fn next(&mut self) -> Result<Option<Message>, ConverseError> {
        let Some((length, _)) = self.buffer.split_first_chunk::<4>() else { return Ok(None) };
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        // Looked at before the rest has come: a damaged length must not make us collect without end.
        if length > self.frame_bytes_max {
            return Err(ConverseError::of(&WireError::EventTooLong { most: self.frame_bytes_max }));
        }
        if length < FRAME_BYTES_MIN {
            return Err(damaged());
        }
        if self.buffer.len() < length {
            return Ok(None);
        }
        read_message_from(self.buffer.split_to(length).freeze()).map(Some).map_err(|_| damaged())
    }
}

fn damaged() -> ConverseError {
    ConverseError::NotAReply { what: "a frame of the stream is damaged".to_owned() }
}

/// A header of a frame, if it is a text.
pub fn header<'a>(frame: &'a Message, name: &str) -> &'a str {
    let found = frame.headers().iter().find(|header| header.name().as_str() == name);
    let text = found.and_then(|header| header.value().as_string().ok());
    text.map_or("", |text| text.as_str())
}
