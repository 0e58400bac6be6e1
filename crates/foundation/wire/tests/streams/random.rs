//! Random event streams and random cuts. Refuses to know what they mean.

use fastrand::Rng;

/// What streams are made of; what matters to a parser stands here more than once.
const PIECES: &[&[u8]] = &[
    b"\n",
    b"\n",
    b"\n",
    b"\n\n",
    b"\n\n",
    b"\r",
    b"\r",
    b"\r\r",
    b"\r\n",
    b"\r\n",
    b"\r\n\r\n",
    b"\n\r",
    b"\r\r\n",
    b"data: ",
    b"data: ",
    b"data:",
    b"data",
    b"\ndata: ",
    b"\ndata: ",
    b"data: {\"a\":1}\n\n",
    b"data: [DONE]\r\n\r\n",
    b"event: ",
    b"event:",
    b"event",
    b"event: x\ndata: y\n\n",
    b"id: 7",
    b"retry: 10\n",
    b": ping\n\n",
    b":",
    b": ",
    b" ",
    b"  ",
    b"\xEF\xBB\xBF",
    b"\xEF\xBB",
    b"\xEF",
    b"\xBB",
    b"\xFF",
    b"\xF0\x9F\x98",
    b"\xF0\x9F\x98\x80",
    "größe".as_bytes(),
    b"a",
    b"dat",
    b"Data: ",
    b"\0",
    b"{\"choices\":[]}",
    b"\\n",
];

/// A stream of up to some forty pieces.
pub(crate) fn stream(rng: &mut Rng) -> Vec<u8> {
    let mut stream = Vec::new();
    if rng.u8(..8) == 0 {
        stream.extend_from_slice(b"\xEF\xBB\xBF");
    }
    for _ in 0..rng.usize(..40) {
        stream.extend_from_slice(PIECES[rng.usize(..PIECES.len())]);
    }
    stream
}

/// Where it is cut: byte by byte, into a few pieces, or into pieces of one length.
pub(crate) fn cuts(rng: &mut Rng, len: usize) -> Vec<usize> {
    let mut at: Vec<usize> = match rng.u8(..4) {
        0 => (0..len).collect(),
        1 => (0..len).step_by(rng.usize(1..9)).collect(),
        _ => (0..rng.usize(..6)).map(|_| rng.usize(..=len)).collect(),
    };
    at.extend([0, len]);
    at.sort_unstable();
    at
}
