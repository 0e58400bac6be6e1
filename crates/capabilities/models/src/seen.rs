//! What has come of an answer so far, read on the side.

use crate::dialects;
use crate::reckon::believed;
use std::ops::Range;
use wire::Dialect;
use wire::openai::{ChatReply, Usage, upstream_code};
use wire::sse::events;

/// What has come so far.
#[derive(Debug)]
pub(crate) struct Seen {
    /// The dialect of a stream's events.
    pub(crate) dialect: Dialect,
    /// Whether a chunk with nothing but the usage is kept back: we asked for it, not the client.
    pub(crate) hides_usage: bool,
    /// An event of its dialect.
    understood: bool,
    /// Something that is no event of its dialect, before there was one.
    pub(crate) strange: bool,
    /// Something that a reader sees.
    pub(crate) token: bool,
    /// The mark that ends a stream.
    pub(crate) done: bool,
    /// What the upstream counted last.
    pub(crate) usage: Option<Usage>,
    /// An error in place of a chunk.
    pub(crate) error: Option<Reported>,
    /// The last event's data, to tell a complete stream without `[DONE]` from a cut one.
    last: Vec<u8>,
    /// Chunks that hold something the model has written.
    pub(crate) chunks: u64,
    /// Characters that it has written.
    pub(crate) chars: u64,
    /// The answer as it passed, as far as somebody wants it.
    pub(crate) words: Vec<u8>,
    words_max: usize,
}

/// An error in place of a chunk.
#[derive(Debug)]
pub(crate) struct Reported {
    /// Where in its block it stands.
    pub(crate) at: usize,
    pub(crate) code: Option<String>,
}

impl Seen {
    /// Nothing yet; the first `words_max` bytes of the answer are kept.
    pub(crate) fn new(words_max: usize) -> Self {
        Self {
            dialect: Dialect::Chat,
            hides_usage: false,
            understood: false,
            strange: false,
            token: false,
            done: false,
            usage: None,
            error: None,
            last: Vec::new(),
            chunks: 0,
            chars: 0,
            words: Vec::new(),
            words_max,
        }
    }

    /// Takes a whole reply in.
    pub(crate) fn whole(&mut self, reply: &ChatReply) {
        self.usage = reply.usage();
        if believed(self.usage).is_none() {
            self.chars = dialects::as_chat(reply).said_chars();
        }
        self.keep(reply.bytes());
    }

    /// Reads a block of a stream up to its end, or up to an error in it. Tells which parts of it are not for the client.
    pub(crate) fn read(&mut self, block: &[u8]) -> Vec<Range<usize>> {
        let mut hidden: Vec<Range<usize>> = Vec::new();
        for event in events(block) {
            let at = event.at;
            if let Some(hidden) = hidden.last_mut().filter(|hidden| hidden.end == block.len()) {
                hidden.end = at;
            }
            let Some(data) = event.data else { continue };
            let view = dialects::read(self.dialect, &data, self.token);
            self.understood |= view.is_some();
            self.strange |= !self.understood;
            if let Some(view) = &view {
                self.done |= view.done;
                self.token |= view.token;
                self.usage = self.counted(view.usage);
                if view.error {
                    self.error = Some(Reported { at, code: upstream_code(&data) });
                    self.keep(&block[..at]);
                    return hidden;
                }
                if view.only_usage && self.hides_usage {
                    hidden.push(at..block.len());
                }
                if view.done && !view.token {
                    continue;
                }
            }
            let chars = dialects::said_chars(self.dialect, &data);
            self.chars += chars;
            self.chunks += u64::from(chars > 0 || view.is_some_and(|view| view.token && !view.finished));
            self.last.clear();
            self.last.extend_from_slice(&data);
        }
        self.keep(block);
        hidden
    }

    /// What the upstream has counted, with what it counts now.
    fn counted(&self, now: Option<Usage>) -> Option<Usage> {
        match (self.usage, now) {
            // Anthropic tells what was read at the beginning and what was written at the end.
            (Some(before), Some(now)) if self.dialect == Dialect::Messages => Some(before.or_more(now)),
            (before, now) => now.or(before),
        }
    }

    /// Whether a stream may end here: it said so, or its last chunk ended the choice.
    pub(crate) fn complete(&self) -> bool {
        // Some providers send the usage with every chunk: it ends a stream only where it comes alone.
        let ends = |view: wire::openai::ChunkView| view.finished || (view.usage.is_some() && !view.token);
        self.done || (self.token && dialects::read(self.dialect, &self.last, false).is_some_and(ends))
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = self.words_max.saturating_sub(self.words.len());
        self.words.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }
}

#[cfg(test)]
mod tests {
    use super::Seen;
    use crate::fixture::{ERROR, ROLE, STOP, WORD};
    use bytes::Bytes;
    use wire::openai::ChatReply;

    fn read(events: &[&str], words_max: usize) -> Seen {
        let mut seen = Seen::new(words_max);
        for event in events {
            seen.read(format!("data: {event}\n\n").as_bytes());
        }
        seen
    }

    #[test]
    fn counts_chunks_and_characters() {
        let seen = read(&[ROLE, WORD, WORD, STOP, "[DONE]"], 0);
        assert_eq!((seen.chunks, seen.chars, seen.words.len()), (2, 8, 0));
        let call = r#"{"choices":[{"delta":{"tool_calls":[{"function":{"name":"f","arguments":""}}]}}]}"#;
        assert_eq!(read(&[ROLE, call], 0).chunks, 1, "a call without arguments is something");
        let null = r#"{"choices":[{"delta":{"content":"ab"}}],"usage":null}"#;
        assert_eq!(read(&[null, null, null], 0).chunks, 3);
    }

    #[test]
    fn keeps_no_more_than_it_was_told_and_no_error_of_the_upstreams() {
        let whole = format!("data: {WORD}\n\ndata: {WORD}\n\n");
        for most in [0, 1, 10, 70, whole.len(), 1_000] {
            let kept = read(&[WORD, WORD], most).words;
            assert_eq!(kept, &whole.as_bytes()[..most.min(whole.len())]);
        }
        let mut seen = Seen::new(1_000);
        seen.read(format!("data: {WORD}\n\ndata: {ERROR}\n\n").as_bytes());
        assert_eq!(seen.words, format!("data: {WORD}\n\n").as_bytes());
        let body = r#"{"choices":[{"message":{"content":"eight ch"}}]}"#;
        let mut seen = Seen::new(9);
        seen.whole(&ChatReply::parse(Bytes::from(body)).unwrap());
        assert_eq!((seen.words.as_slice(), seen.chars), (&body.as_bytes()[..9], 8));
    }
}
