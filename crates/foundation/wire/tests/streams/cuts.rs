//! Streams cut where it hurts, and events of a megabyte. Refuses to leave anything to chance: `fuzz` does that.

use crate::clock::thread_cpu_s;
use crate::fuzz::{holds, split};
use bytes::Bytes;
use std::fmt::Write;
use wire::WireError;
use wire::sse::{Splitter, events};

/// A stream with everything that the standard allows, some 1.5 KB of it.
fn transcript() -> Vec<u8> {
    let mut text = b"\xEF\xBB\xBFretry: 3000\n: hello\n\n".to_vec();
    for end in ["\n", "\r\n", "\r"] {
        for part in [
            "event: message_start|data: {\"type\": \"message_start\"}||",
            "id: 1|event:x|data:one|data: two|data||",
            ": keep-alive||:||data: größe 😀  ||",
            "data||data:||event: only a name||event|data: unnamed||",
            "unknown: field|data : no data|ata: x||||",
            "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1790000000,\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a: b\"}}]}||",
            ": PROCESSING||data: [DONE]||",
        ] {
            text.extend_from_slice(part.replace('|', end).as_bytes());
        }
        // Bytes that are no UTF-8, in data and in a name; a mark that is none.
        text.extend_from_slice(b"event: n\xFF\xC3m");
        text.extend_from_slice(format!("{end}data: \u{FEFF}").as_bytes());
        text.extend_from_slice(b"\xF0\x9F\x98 cut \xED\xA0\x80");
        text.extend_from_slice(format!("{end}{end}\u{FEFF}data: not data{end}{end}").as_bytes());
    }
    text.extend_from_slice(b"data: mixed\r\n\ndata: a\n\rdata: b\r\r\ndata: never ended");
    text
}

#[test]
fn a_cut_at_any_byte_changes_nothing() {
    let stream = transcript();
    assert!((1_400..2_000).contains(&stream.len()), "{}", stream.len());
    let events = holds(&stream, &[0, stream.len()]).unwrap();
    assert_eq!(events, 30);
    for at in 0..=stream.len() {
        assert_eq!(holds(&stream, &[0, at, stream.len()]), Ok(events), "cut at {at}");
    }
    for size in 1..80 {
        let mut cuts: Vec<usize> = (0..stream.len()).step_by(size).collect();
        cuts.push(stream.len());
        assert_eq!(holds(&stream, &cuts), Ok(events), "pieces of {size}");
    }
}

#[test]
fn any_two_cuts_change_nothing() {
    let stream = b"\xEF\xBB\xBF\r\n:c\r\n\r\ndata: a\r\rdata:b\n\r\r\n\ndata\r\n\n\xEF\xBB\xBFdata: c\n\n";
    for first in 0..=stream.len() {
        for second in first..=stream.len() {
            let held = holds(stream, &[0, first, second, stream.len()]);
            assert_eq!(held, Ok(3), "cut at {first} and {second}");
        }
    }
}

#[test]
fn an_event_whose_line_end_is_cut_in_two_is_not_held_back() {
    let mut splitter = Splitter::new(64);
    let first = splitter.push(Bytes::from_static(b"data: a\r\n\r")).unwrap();
    assert_eq!(first.as_deref(), Some(&b"data: a\r\n\r"[..]), "its blank line has ended");
    let second = splitter.push(Bytes::from_static(b"\ndata: b\r\n\r\n")).unwrap().unwrap();
    let datas: Vec<_> = events(&second).map(|event| event.data.unwrap().into_owned()).collect();
    assert_eq!(datas, [b"b"], "the rest of a line end is no event");
    let third = splitter.push(Bytes::from_static(b"\n")).unwrap().unwrap();
    assert_eq!(events(&third).count(), 0);
}

#[test]
fn a_byte_order_mark_counts_at_the_beginning_alone() {
    let mut splitter = Splitter::new(64);
    for byte in [b"\xEF", b"\xBB", b"\xBF"] {
        assert_eq!(splitter.push(Bytes::from_static(byte)), Ok(None));
    }
    let block = splitter.push(Bytes::from_static(b"data: a\n\n")).unwrap();
    assert_eq!(block.as_deref(), Some(&b"data: a\n\n"[..]));
    let marked = Bytes::from_static(b"\xEF\xBB\xBFdata: b\n\n");
    assert_eq!(splitter.push(marked.clone()), Ok(Some(marked)));
    let mut broken = Splitter::new(64);
    assert_eq!(broken.push(Bytes::from_static(b"\xEF\xBB")), Ok(None));
    assert_eq!(broken.into_tail().as_ref(), b"\xEF\xBB", "half a mark is none");
}

/// An event of a megabyte, in one line or in many.
fn large(lines: usize) -> Vec<u8> {
    let mut text = String::from(": before\n\ndata: first\n\nevent: large\n");
    for line in 0..lines {
        let _ = write!(text, "data: {line}{}\r\n", "x".repeat((1 << 20) / lines));
    }
    text.push_str("\r\ndata: last\n\n");
    text.into_bytes()
}

#[test]
fn a_megabyte_comes_through_however_it_is_cut() {
    for lines in [1, 7, 20_000] {
        let stream = large(lines);
        let len = stream.len();
        assert_eq!(holds(&stream, &[0, len]), Ok(3));
        for at in [1, 30, 40, len / 2, len - 17, len - 15, len - 14, len - 13, len - 2, len - 1] {
            assert_eq!(holds(&stream, &[0, at, len]), Ok(3), "{lines} lines, cut at {at}");
        }
        let mut cuts: Vec<usize> = (0..len).step_by(1_024).collect();
        cuts.push(len);
        assert_eq!(holds(&stream, &cuts), Ok(3), "{lines} lines in kilobytes");
    }
}

#[test]
fn time_grows_with_an_event_and_not_with_its_square() {
    // Byte by byte, the worst of cuts. Looking at the whole again for each would make eight times the bytes take 64
    // times as long.
    let took = |bytes: usize| {
        let stream = [b"data: ".as_slice(), &vec![b'x'; bytes], b"\n\n"].concat();
        let cuts: Vec<usize> = (0..=stream.len()).collect();
        let tries = (0..3).map(|_| {
            let began = thread_cpu_s();
            let (blocks, tail) = split(&stream, &cuts).unwrap();
            assert_eq!((blocks.len(), tail.len()), (1, 0));
            thread_cpu_s() - began
        });
        tries.fold(f64::INFINITY, f64::min)
    };
    let (small, large) = (took(1 << 15), took(1 << 18));
    assert!(large < small * 30.0, "{small} s for 32 KiB, {large} s for 256 KiB");
}

#[test]
fn a_megabyte_byte_by_byte_is_one_event() {
    let stream = large(3);
    let cuts: Vec<usize> = (0..=stream.len()).collect();
    assert_eq!(holds(&stream, &cuts), Ok(3));
    let mut splitter = Splitter::new(1 << 10);
    let refused = stream.chunks(100).find_map(|chunk| splitter.push(Bytes::copy_from_slice(chunk)).err());
    assert_eq!(refused, Some(WireError::EventTooLong { most: 1 << 10 }));
}
