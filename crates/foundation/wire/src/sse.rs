//! Event streams: cut into whole events without touching a byte, and read on the side.
//!
//! [`Splitter`] hands on the bytes of complete events exactly as they came, holding back only an unfinished tail,
//! so that a stream can end in a clean event of ours wherever the upstream broke off. [`events`] reads what is in
//! such a block. Line ends may be `\n`, `\r\n` or `\r`, as the WHATWG HTML standard says.
//!
//! Two rules where a cut falls badly. A blank line that ends in `\r` is complete: its event is not held back until the
//! next byte shows whether a `\n` belongs to it; that `\n` then begins the next block, where it means nothing. And a
//! byte order mark at the beginning of a stream is dropped, since it would hide the first field once anything of ours
//! stands before it; nowhere else is it one.

use crate::WireError;
use bytes::{Bytes, BytesMut};
use std::borrow::Cow;

/// What may stand at the beginning of a stream, and there alone.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Cuts a byte stream after complete events.
#[derive(Debug)]
pub struct Splitter {
    tail: BytesMut,
    /// Whether it is known if the stream begins with a byte order mark.
    begun: bool,
    event_bytes_max: usize,
}

impl Splitter {
    /// A splitter that refuses an event longer than `event_bytes_max` bytes.
    pub fn new(event_bytes_max: usize) -> Self {
        Self { tail: BytesMut::new(), begun: false, event_bytes_max }
    }

    /// Takes the next bytes and returns all complete events, untouched and in order; `None` if none is complete.
    ///
    /// # Errors
    /// [`WireError::EventTooLong`] when an unfinished event exceeds the limit.
    pub fn push(&mut self, chunk: Bytes) -> Result<Option<Bytes>, WireError> {
        let Some(chunk) = (if self.begun { Some(chunk) } else { self.begin(chunk) }) else { return Ok(None) };
        if self.tail.is_empty() {
            // The usual case: a chunk of whole events passes without a copy.
            let Some(end) = last_boundary(&chunk, 0) else {
                self.keep(&chunk)?;
                return Ok(None);
            };
            let block = chunk.slice(..end);
            self.keep(&chunk[end..])?;
            return Ok(Some(block));
        }
        let old = self.tail.len();
        self.tail.extend_from_slice(&chunk);
        // The old bytes held no blank line, so one that ends now ends in the new bytes.
        let Some(end) = last_boundary(&self.tail, old) else {
            return self.check_tail().map(|()| None);
        };
        let block = self.tail.split_to(end).freeze();
        self.check_tail()?;
        Ok(Some(block))
    }

    /// The beginning of the stream without its byte order mark; `None` while too few bytes have come to tell.
    fn begin(&mut self, chunk: Bytes) -> Option<Bytes> {
        let mut first = chunk;
        if !self.tail.is_empty() {
            self.tail.extend_from_slice(&first);
            first = self.tail.split().freeze();
        }
        if first.len() < BYTE_ORDER_MARK.len() && BYTE_ORDER_MARK.starts_with(&first) {
            self.tail.extend_from_slice(&first);
            return None;
        }
        self.begun = true;
        let mark = if first.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
        Some(first.slice(mark..))
    }

    /// What is left of an event that never ended.
    pub fn into_tail(self) -> Bytes {
        self.tail.freeze()
    }

    fn keep(&mut self, rest: &[u8]) -> Result<(), WireError> {
        self.tail.extend_from_slice(rest);
        self.check_tail()
    }

    fn check_tail(&self) -> Result<(), WireError> {
        if self.tail.len() > self.event_bytes_max {
            return Err(WireError::EventTooLong { most: self.event_bytes_max });
        }
        Ok(())
    }
}

/// The end of the last blank line that ends behind `from`: everything before it is complete events.
fn last_boundary(bytes: &[u8], from: usize) -> Option<usize> {
    let mut end = bytes.len();
    while let Some(found) = bytes.get(from..end).and_then(|new| memchr::memrchr2(b'\n', b'\r', new)) {
        let at = from + found;
        let start = if bytes[at] == b'\n' && at > 0 && bytes[at - 1] == b'\r' { at - 1 } else { at };
        let blank = start == 0 || matches!(bytes[start - 1], b'\n' | b'\r');
        if blank {
            return Some(at + 1);
        }
        end = start;
    }
    None
}

/// One event of a stream.
#[derive(Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// Where in its block the event begins, in bytes.
    pub at: usize,
    /// The `event:` field, unless it is empty.
    pub name: Option<Cow<'a, str>>,
    /// The `data:` lines, joined by `\n`; `None` for an event without any (a comment, a keep-alive).
    pub data: Option<Cow<'a, [u8]>>,
}

/// The events in a block of whole events, as [`Splitter::push`] returns it.
pub fn events(block: &[u8]) -> impl Iterator<Item = Event<'_>> {
    let mut lines = lines(block);
    std::iter::from_fn(move || {
        let mut event = Event { at: 0, name: None, data: None };
        let mut seen = false;
        for line in lines.by_ref() {
            if line.is_empty() {
                if seen {
                    return Some(event);
                }
                continue;
            }
            if !seen {
                seen = true;
                event.at = line.as_ptr() as usize - block.as_ptr() as usize;
            }
            read_field(&mut event, line);
        }
        seen.then_some(event)
    })
}

fn read_field<'a>(event: &mut Event<'a>, line: &'a [u8]) {
    let colon = memchr::memchr(b':', line).unwrap_or(line.len());
    let (name, value) = (&line[..colon], line.get(colon + 1..).unwrap_or_default());
    let value = value.strip_prefix(b" ").unwrap_or(value);
    match name {
        b"data" => {
            event.data = Some(match event.data.take() {
                None => Cow::Borrowed(value),
                Some(before) => {
                    let mut joined = before.into_owned();
                    joined.push(b'\n');
                    joined.extend_from_slice(value);
                    Cow::Owned(joined)
                }
            });
        }
        b"event" => event.name = (!value.is_empty()).then(|| String::from_utf8_lossy(value)),
        _ => {}
    }
}

fn lines(block: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = block;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
        let line = &rest[..end];
        let after = if rest[end..].starts_with(b"\r\n") { end + 2 } else { (end + 1).min(rest.len()) };
        rest = &rest[after..];
        Some(line)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn datas(block: &[u8]) -> Vec<String> {
        events(block).filter_map(|e| e.data.map(|d| String::from_utf8_lossy(&d).into_owned())).collect()
    }

    fn push_all(chunks: &[&[u8]]) -> (Vec<u8>, Vec<String>, Bytes) {
        let mut splitter = Splitter::new(1 << 20);
        let (mut bytes, mut found) = (Vec::new(), Vec::new());
        for chunk in chunks {
            if let Some(block) = splitter.push(Bytes::copy_from_slice(chunk)).unwrap() {
                found.extend(datas(&block));
                bytes.extend_from_slice(&block);
            }
        }
        (bytes, found, splitter.into_tail())
    }

    #[test]
    fn reads_every_line_end_comments_names_and_many_lines() {
        let text = b": hi\n\nevent: x\r\ndata: one\r\n\r\ndata:two\rdata: three\r\rid: 4\nnodata\n\ndata\n\n";
        let all: Vec<_> = events(text).collect();
        assert_eq!(all.len(), 5);
        assert_eq!(all[1].name.as_deref(), Some("x"));
        assert!(
            all.iter()
                .all(|event| event.at == 0 || text[..event.at].ends_with(b"\n") || text[..event.at].ends_with(b"\r"))
        );
        assert_eq!(text[all[1].at..].first(), Some(&b'e'));
        assert_eq!(datas(text), ["one", "two\nthree", ""]);
    }

    #[test]
    fn a_broken_off_event_stays_in_the_tail() {
        let (bytes, found, tail) = push_all(&[b"data: a\n\nda", b"ta: b"]);
        assert_eq!((bytes.as_slice(), found, tail.as_ref()), (&b"data: a\n\n"[..], vec!["a".into()], &b"data: b"[..]));
    }

    #[test]
    fn an_endless_event_is_refused() {
        let mut splitter = Splitter::new(8);
        assert_eq!(splitter.push(Bytes::from_static(b"data: 12")), Ok(None));
        let refused = splitter.push(Bytes::from_static(b"3"));
        assert_eq!(refused, Err(WireError::EventTooLong { most: 8 }));
    }

    #[test]
    fn whole_chunks_are_not_copied() {
        let chunk = Bytes::from_static(b"data: a\n\ndata: b\n\n");
        let block = Splitter::new(64).push(chunk.clone()).unwrap().unwrap();
        assert_eq!(block.as_ptr(), chunk.as_ptr());
    }

    proptest! {
        #[test]
        fn any_cut_gives_the_same_bytes_and_events(
            parts in prop::collection::vec((0..4_usize, "[a-z{}:\" ]{0,12}"), 0..12),
            cuts in prop::collection::vec(0..400_usize, 0..20),
        ) {
            let ends = ["\n", "\r\n", "\n", "\r\n"];
            let mut text = String::new();
            for (kind, body) in &parts {
                let end = ends[*kind];
                text.push_str(&format!("data: {body}{end}{end}"));
            }
            let mut at: Vec<usize> = cuts.into_iter().filter(|c| *c <= text.len()).collect();
            at.extend([0, text.len()]);
            at.sort_unstable();
            let chunks: Vec<&[u8]> = at.windows(2).map(|w| &text.as_bytes()[w[0]..w[1]]).collect();
            let (bytes, found, tail) = push_all(&chunks);
            let expected: Vec<String> = parts.iter().map(|(_, body)| body.clone()).collect();
            prop_assert_eq!(found, expected);
            prop_assert_eq!([bytes, tail.to_vec()].concat(), text.into_bytes());
        }

        #[test]
        fn is_total_and_loses_no_byte(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..12)) {
            let slices: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
            let (bytes, _, tail) = push_all(&slices);
            let all = chunks.concat();
            prop_assert_eq!([bytes, tail.to_vec()].concat(), all.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&all));
        }
    }
}
