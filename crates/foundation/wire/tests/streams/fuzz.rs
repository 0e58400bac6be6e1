//! Random streams in random pieces, held against the plain reader: in `make test` a hundred thousand of them, in
//! `cargo xtask bench streams` ten million.
//!
//! `ALTHING_FUZZ_CASES` says how many, `ALTHING_FUZZ_SEED` where they begin; a failure prints the seed with which its
//! one stream comes back.

use crate::{oracle, random};
use bytes::Bytes;
use fastrand::Rng;
use wire::sse::{Splitter, events};

/// Streams in a usual run.
#[cfg(test)]
const CASES: u64 = 100_000;
/// Where a usual run begins.
pub(crate) const SEED: u64 = 0x51_7ea5;

/// A number from the environment.
pub(crate) fn from_env(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(usual)
}

/// Sends a stream through a splitter in these pieces: the blocks, and what is left.
pub(crate) fn split(stream: &[u8], cuts: &[usize]) -> Result<(Vec<Bytes>, Bytes), String> {
    let whole = Bytes::copy_from_slice(stream);
    let (mut splitter, mut blocks) = (Splitter::new(1 << 22), Vec::new());
    for pair in cuts.windows(2) {
        let pushed = splitter.push(whole.slice(pair[0]..pair[1]));
        blocks.extend(pushed.map_err(|error| error.to_string())?);
    }
    Ok((blocks, splitter.into_tail()))
}

/// Whether a stream in these pieces says what it should, byte for byte and event for event; how many events it has.
pub(crate) fn holds(stream: &[u8], cuts: &[usize]) -> Result<u64, String> {
    let (blocks, tail) = split(stream, cuts)?;
    let passed = [blocks.concat().as_slice(), &tail].concat();
    if passed != stream.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(stream) {
        return Err(format!("other bytes: {}", passed.escape_ascii()));
    }
    let mut found = Vec::new();
    for event in blocks.iter().flat_map(|block| events(block)) {
        if let Some(data) = event.data {
            found.push((event.name.unwrap_or_default().into_owned(), String::from_utf8_lossy(&data).into_owned()));
        }
    }
    let expected = oracle::dispatched(stream);
    if found != expected {
        return Err(format!("other events: {found:?}\nexpected: {expected:?}"));
    }
    Ok(found.len() as u64)
}

/// One random stream; how many events it has.
pub(crate) fn case(seed: u64) -> Result<u64, String> {
    let mut rng = Rng::with_seed(seed);
    let stream = random::stream(&mut rng);
    let cuts = random::cuts(&mut rng, stream.len());
    holds(&stream, &cuts).map_err(|why| {
        let shown = stream.escape_ascii();
        format!("again with ALTHING_FUZZ_SEED={seed} ALTHING_FUZZ_CASES=1\n{shown}\ncut at {cuts:?}\n{why}")
    })
}

/// So many random streams on all cores; how many events they had.
pub(crate) fn run(first: u64, cases: u64) -> Result<u64, String> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    std::thread::scope(|scope| {
        let part = |thread: u64| {
            move || {
                (thread..cases)
                    .step_by(threads as usize)
                    .try_fold(0, |events, at| Ok::<u64, String>(events + case(first.wrapping_add(at))?))
            }
        };
        let parts: Vec<_> = (0..threads).map(|thread| scope.spawn(part(thread))).collect();
        parts.into_iter().try_fold(0, |events, part| match part.join() {
            Ok(found) => Ok(events + found?),
            Err(_) => Err("a thread panicked: see above".to_owned()),
        })
    })
}

#[cfg(test)]
#[test]
fn random_streams_lose_nothing() {
    let (seed, cases) = (from_env("ALTHING_FUZZ_SEED", SEED), from_env("ALTHING_FUZZ_CASES", CASES));
    let events = run(seed, cases).unwrap_or_else(|why| panic!("{why}"));
    println!("{events} events in {cases} streams");
    assert!(cases < CASES || events > cases, "hardly any events: {events}");
}
