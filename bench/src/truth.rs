//! Whether `althing load` tells the truth: what it says of answers that `simulate` timed itself. Knows both reports.

use super::ask::ask;
use super::load::{self, Plan};
use super::outcome::{Bound, Figure, Measured, Subject};
use super::process::Server;
use super::{Setup, sample, version};
use crate::trouble::Trouble;
use serde_json::Value;

/// Arrivals per second, and for how long in a round.
const RATE: u32 = 2_000;
const SECONDS: u32 = 10;
/// More than are ever under way at once: with p95 at 60 ms there are about 60.
const USERS: u32 = 1_000;
/// How far a percentile may be from the truth: this many milliseconds, or this share of it if that is more.
const OFF_MS_MAX: f64 = 1.0;
const OFF_SHARE_MAX: f64 = 0.01;

const SCRIPT: &str = "[default]\nanswers = [\"yes\"]\nlatency = { p50_ms = 20, p95_ms = 60 }\n";
const PERCENTILES: [&str; 3] = ["p50", "p95", "p99"];

/// What was told and what was true, round by round, for each percentile.
#[derive(Default)]
struct Pairs {
    told: [Vec<f64>; 3],
    truth: [Vec<f64>; 3],
}

pub(super) fn run(setup: &Setup) -> Result<Measured, Trouble> {
    let upstream = Server::simulate(&setup.binary, SCRIPT)?;
    let requests = setup.share(RATE * SECONDS);
    let open_s = Some(f64::from(requests) / f64::from(RATE));
    let plan = Plan { users: USERS, requests, open_s, ..Plan::default() };
    let (mut pairs, mut measured, mut lags) = (Pairs::default(), Measured::default(), Vec::new());
    for round in 0..setup.rounds().min(4) {
        ask(upstream.address, "DELETE", "/_delays")?;
        let report = load::run(setup, &plan, upstream.address)?;
        if round == 0 {
            continue;
        }
        let delays: Value = serde_json::from_str(&ask(upstream.address, "GET", "/_delays")?).unwrap_or_default();
        let (sent, failed) = report.counts()?;
        if failed > 0.0 || delays["count"].as_f64() != Some(sent) {
            let what = format!("{sent} were sent, {failed} failed, `simulate` counts {}", delays["count"]);
            measured.void.get_or_insert(what);
        }
        if report.is_invalid() {
            let what = "`althing load` says itself that it could not keep up, so its run is invalid";
            measured.void.get_or_insert_with(|| what.to_owned());
        }
        lags.push(report.needed("/generator/lag_p99_ms")?);
        for (at, name) in PERCENTILES.into_iter().enumerate() {
            let truth = delays[format!("{name}_ms")].as_f64();
            pairs.told[at].push(report.needed(&format!("/latency_ms/{name}"))?);
            pairs.truth[at]
                .push(truth.ok_or_else(|| Trouble::Bench { what: "`/_delays` has no percentiles".to_owned() })?);
        }
    }
    let own = version(&setup.binary, "--version");
    for (name, samples) in [("simulate, the truth", &pairs.truth), ("althing load", &pairs.told)] {
        let medians = PERCENTILES.iter().zip(samples);
        let medians = medians.map(|(name, sample)| (format!("{name}_ms"), sample::round(sample::median(sample))));
        measured.subjects.push(Subject { name: name.to_owned(), version: own.clone(), measured: medians.collect() });
    }
    measured.figures = PERCENTILES.iter().zip(pairs.told.iter().zip(&pairs.truth)).map(figure).collect();
    measured.figures.push(Figure::new("the generator's own lag, p99", sample::median(&lags), "ms"));
    Ok(measured)
}

/// The round that is furthest off counts.
fn figure((name, (told, truth)): (&&str, (&Vec<f64>, &Vec<f64>))) -> Figure {
    let rounds = told.iter().zip(truth).map(|(told, truth)| ((told - truth).abs(), most(*truth)));
    let worst = rounds.max_by(|left, right| (left.0 / left.1).total_cmp(&(right.0 / right.1)));
    let (off, most) = worst.unwrap_or((f64::INFINITY, OFF_MS_MAX));
    Figure::new(format!("{name} is off by"), off, "ms").bound(Bound::AtMost(sample::round(most)))
}

fn most(truth_ms: f64) -> f64 {
    OFF_MS_MAX.max(truth_ms * OFF_SHARE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Verdict;

    #[test]
    fn a_percentile_may_be_off_by_a_millisecond_or_a_hundredth() {
        let check = |told: f64, truth: f64, expect| {
            assert_eq!(figure((&"p50", (&vec![truth, told], &vec![truth, truth]))).verdict, expect, "{told} {truth}");
        };
        check(20.9, 20.0, Verdict::Pass);
        check(21.1, 20.0, Verdict::Fail);
        check(201.9, 200.0, Verdict::Pass);
        check(197.9, 200.0, Verdict::Fail);
    }
}
