//! Whether a server that has answered a million requests holds more memory than before. Knows no other load.

use super::full::Full;
use super::load::{self, Plan};
use super::outcome::{Figure, Measured, Subject};
use super::process::Server;
use super::{Setup, proxy, sample, version};
use crate::trouble::Trouble;
use std::time::{Duration, Instant};

/// How many requests, whole and quick.
const REQUESTS: (u32, u32) = (1_000_000, 50_000);
/// In how many parts, with a look after each: what the allocator holds goes up and down by half a megabyte, and ten looks
/// drew a line through that by chance.
const PARTS: (u32, u32) = (20, 10);
/// Requests before: far more than the 15,000 answers that the cache keeps in memory. As these are replaced one by one,
/// the allocator's pages fill unevenly, and what it holds levels off only after some 400,000 (seen over 4.5 million,
/// whose last four added nothing); and what happens once in a hundred thousand brings its code in.
const WARM_UP: (u32, u32) = (1_000_000, 60_000);
/// In parts: no run of `althing load` has more prompts of its own than 100,000.
const WARM_PARTS: u32 = 10;
const USERS: u32 = 16;
/// What it may do after a part before it is looked at: the ledger is written every quarter of a second, and each thread
/// gives back memory that nothing lies in at the end of a second of rest: one of its own, not all at once.
const SETTLE: Duration = Duration::from_millis(3_500);
/// A server that is so old has done once what it does now and then: old rows are looked for after a minute, and code that
/// runs for the first time is read into memory.
const AGE: Duration = Duration::from_secs(65);

pub(super) fn run(setup: &Setup) -> Result<Measured, Trouble> {
    let upstream = Server::simulate(&setup.binary, &proxy::script())?;
    let ours = Full::start(setup, upstream.address, "")?;
    let mut measured = Measured { void: ours.lacks()?, ..Measured::default() };
    let of = |(whole, quick)| if setup.quick { quick } else { whole };
    let (requests, parts, warm_up) = (of(REQUESTS), of(PARTS), of(WARM_UP));
    let (idle_mb, began) = (ours.server.resident_mb(), Instant::now());
    let mut looks = Vec::new();
    for at in 0..WARM_PARTS {
        // Early: what a pause gives back is asked for again, and levels off only after as many requests as at first.
        if at == 1 && !setup.quick {
            std::thread::sleep(AGE.saturating_sub(began.elapsed()));
        }
        looks = vec![part(setup, &ours, warm_up / WARM_PARTS, &mut measured)?];
    }
    for _ in 0..parts {
        looks.push(part(setup, &ours, requests / parts, &mut measured)?);
    }
    let (resident, anonymous): (Vec<f64>, Vec<f64>) = looks.into_iter().unzip();
    let (first, last) = (resident[0], resident[resident.len() - 1]);
    let told = [("requests".to_owned(), f64::from(requests)), ("resident_mb".to_owned(), sample::round(last))];
    let version = version(&setup.binary, "--version");
    measured.subjects.push(Subject { name: "althing".to_owned(), version, measured: told.into() });
    measured.figures = vec![
        Figure::new("resident memory before any", idle_mb, "MB"),
        Figure::new("resident memory, warm", first, "MB"),
        Figure::new("resident memory after all", last, "MB"),
        Figure::new("growth over the run", slope(&resident) * f64::from(parts), "MB"),
        Figure::new("growth, code left out", slope(&anonymous) * f64::from(parts), "MB"),
    ];
    measured.notes.push(format!(
        "{requests} requests after {warm_up} that warm up; growth is that of a line through {} looks",
        resident.len()
    ));
    Ok(measured)
}

/// Sends so many and says how many megabytes the server holds then, with its code and without.
fn part(setup: &Setup, ours: &Full, requests: u32, measured: &mut Measured) -> Result<(f64, f64), Trouble> {
    let plan = Plan { users: USERS, requests, ..ours.plan() };
    let (_, failed) = load::run(setup, &plan, ours.server.address)?.counts()?;
    if failed > 0.0 {
        measured.failed.get_or_insert_with(|| format!("{failed} requests failed"));
    }
    std::thread::sleep(SETTLE);
    Ok((ours.server.resident_mb(), ours.server.anonymous_mb()))
}

/// By how much a line of least squares through the samples rises from one to the next.
fn slope(samples: &[f64]) -> f64 {
    let count = samples.len() as f64;
    let (middle, mean) = ((count - 1.0) / 2.0, samples.iter().sum::<f64>() / count);
    let off = |at: usize| at as f64 - middle;
    let rise: f64 = samples.iter().enumerate().map(|(at, sample)| off(at) * (sample - mean)).sum();
    let run: f64 = (0..samples.len()).map(|at| off(at) * off(at)).sum();
    if run > 0.0 { rise / run } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_rises_as_its_samples_do() {
        let check = |samples: &[f64], expect: f64| assert!((slope(samples) - expect).abs() < 1e-9, "{samples:?}");
        check(&[1.0, 3.0, 5.0, 7.0], 2.0);
        check(&[4.0, 4.0, 4.0], 0.0);
        check(&[4.0], 0.0);
        check(&[0.0, 1.0, 0.0, 1.0, 0.0], 0.0);
    }
}
