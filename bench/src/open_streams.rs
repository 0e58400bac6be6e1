//! How much memory a server holds while a thousand clients read streams from it. Knows no other load.

use super::ask::metric;
use super::full::Full;
use super::load::{self, Plan, Prompts};
use super::outcome::{Figure, Measured, Subject};
use super::process::Server;
use super::{Setup, sample, version};
use crate::trouble::Trouble;
use std::time::{Duration, Instant};

const STREAMS: u32 = 1_000;
/// Milliseconds between two words: with twenty of them, a stream lasts for 20 s, or 10 s where it is to be quick.
const WORD_MS: (u32, u32) = (1_000, 500);
/// How long it may take until all are open, and how often the server is looked at.
const OPEN_MAX: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(200);
/// By then a server has let go of what its start alone needed.
const STARTED: Duration = Duration::from_secs(3);

pub(super) fn run(setup: &Setup) -> Result<Measured, Trouble> {
    let word_ms = if setup.quick { WORD_MS.1 } else { WORD_MS.0 };
    let words = "word ".repeat(20);
    let script = format!("[default]\nanswers = [\"{}\"]\ntoken_ms = {word_ms}\n", words.trim());
    let upstream = Server::simulate(&setup.binary, &script)?;
    // As many as come at once: what is measured is memory, not how a number of places is found.
    let ours = Full::start(setup, upstream.address, "concurrency = \"fixed\"\nin_flight_max = 2_000")?;
    let mut measured = Measured::default();
    std::thread::sleep(STARTED);
    let before_mb = ours.server.resident_mb();
    let plan = Plan { users: STREAMS, requests: STREAMS, stream: true, prompts: Prompts::Unique, ..ours.plan() };
    let (report, held) = std::thread::scope(|scope| {
        let sent = scope.spawn(|| load::run(setup, &plan, ours.server.address));
        let held = watch(&ours, || sent.is_finished());
        let stopped = || Trouble::Bench { what: "`althing load` could not be waited for".to_owned() };
        (sent.join().unwrap_or_else(|_| Err(stopped())), held)
    });
    let (_, failed) = report?.counts()?;
    let held = held?;
    if failed > 0.0 {
        measured.failed = Some(format!("{failed} streams failed"));
    }
    if held.is_empty() {
        measured.void = Some(format!("{STREAMS} streams were never open at once"));
    }
    let (open_mb, most_mb) = (sample::median(&held), held.iter().copied().fold(0.0, f64::max));
    let each_kb = (open_mb - before_mb) * 1024.0 / f64::from(STREAMS);
    let mut told = vec![("looks".to_owned(), held.len() as f64), ("resident_mb".to_owned(), sample::round(open_mb))];
    told.push(("users".to_owned(), f64::from(STREAMS)));
    let version = version(&setup.binary, "--version");
    measured.subjects.push(Subject { name: "althing".to_owned(), version, measured: told.into_iter().collect() });
    measured.figures = vec![
        Figure::new("resident memory before", before_mb, "MB"),
        Figure::new("resident memory with 1,000 streams", open_mb, "MB"),
        Figure::new("the largest of the looks", most_mb, "MB"),
        Figure::new("for each stream", each_kb, "KB"),
    ];
    Ok(measured)
}

/// Resident megabytes, looked at while all streams were open.
fn watch(ours: &Full, is_over: impl Fn() -> bool) -> Result<Vec<f64>, Trouble> {
    let (began, mut held) = (Instant::now(), Vec::new());
    while !is_over() {
        let open = metric(ours.server.address, "althing_inflight")?.unwrap_or_default();
        if open >= f64::from(STREAMS) {
            held.push(ours.server.resident_mb());
        } else if began.elapsed() > OPEN_MAX || !held.is_empty() {
            break;
        }
        std::thread::sleep(LOOK);
    }
    Ok(held)
}
