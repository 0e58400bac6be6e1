//! Servers that are sent requests in turn, round by round, and what they took. Knows no server by name but Althing, whose
//! failures are ours; refuses to know what is compared with what.

use super::Setup;
use super::load::{self, Plan, Report};
use super::outcome::{Measured, Subject};
use super::process::Server;
use super::sample;
use crate::trouble::Trouble;
use std::collections::BTreeMap;

/// What is measured here, as subjects call it.
pub(super) const OURS: &str = "althing";

/// A server that requests are sent to, and which.
pub(super) struct Target<'a> {
    pub(super) name: &'static str,
    pub(super) version: Option<String>,
    pub(super) server: &'a Server,
    pub(super) plan: Plan<'a>,
}

/// What one target took, round by round.
#[derive(Default)]
pub(super) struct Rounds {
    pub(super) p50_ms: Vec<f64>,
    pub(super) p99_ms: Vec<f64>,
    pub(super) first_p50_ms: Vec<f64>,
    pub(super) per_s: Vec<f64>,
    pub(super) cpu_us: Vec<f64>,
    pub(super) failed: f64,
    pub(super) sent: f64,
    /// Answers that came from a memory cache, and those for which a cache was asked in vain, as the target says.
    pub(super) kept: f64,
    pub(super) missed: f64,
    /// Whether `althing load` said of a round that it could not measure it.
    pub(super) invalid: bool,
}

/// Each target in turn, in another order in each round; the first round warms up and does not count.
pub(super) fn take(setup: &Setup, rounds: usize, targets: &[Target<'_>]) -> Result<Vec<Rounds>, Trouble> {
    let mut taken: Vec<Rounds> = targets.iter().map(|_| Rounds::default()).collect();
    for round in 0..rounds {
        let order = (0..targets.len()).map(|at| (at + round) % targets.len());
        for at in order {
            let target = &targets[at];
            let before = target.server.cpu();
            let report = load::run(setup, &target.plan, target.server.address)?;
            let cpu_s = target.server.cpu().since_s(&before);
            if round > 0 {
                taken[at].add(&report, cpu_s)?;
            }
        }
    }
    Ok(taken)
}

impl Rounds {
    fn add(&mut self, report: &Report, cpu_s: f64) -> Result<(), Trouble> {
        let (sent, failed) = report.counts()?;
        self.sent += sent;
        self.failed += failed;
        self.kept += report.number("/cache/memory").unwrap_or_default();
        self.missed += report.number("/cache/miss").unwrap_or_default();
        self.invalid |= report.is_invalid();
        self.p50_ms.push(report.needed("/latency_ms/p50")?);
        self.p99_ms.push(report.needed("/latency_ms/p99")?);
        self.first_p50_ms.extend(report.number("/first_token_ms/p50"));
        self.per_s.push(report.needed("/rate_per_s")?);
        self.cpu_us.push(cpu_s * 1e6 / sent);
        Ok(())
    }

    /// Tells the medians over the rounds, under the target's name and what it was asked, and that requests failed.
    pub(super) fn tell(&self, target: &Target<'_>, what: &str, measured: &mut Measured) {
        let medians = self.medians(target.plan.users, target.server.resident_mb());
        let name = if what.is_empty() { target.name.to_owned() } else { format!("{}, {what}", target.name) };
        measured.subjects.push(Subject { name, version: target.version.clone(), measured: medians });
        if self.failed > 0.0 {
            let what = format!("{} requests to {} failed", self.failed, target.name);
            let reason = if target.name.starts_with(OURS) { &mut measured.failed } else { &mut measured.void };
            reason.get_or_insert(what);
        }
    }

    fn medians(&self, users: u32, resident_mb: f64) -> BTreeMap<String, f64> {
        let mut medians: BTreeMap<String, f64> = BTreeMap::new();
        let of = [
            ("p50_ms", &self.p50_ms),
            ("p99_ms", &self.p99_ms),
            ("first_p50_ms", &self.first_p50_ms),
            ("requests_per_s", &self.per_s),
            ("cpu_us_per_request", &self.cpu_us),
        ];
        for (name, sample) in of.into_iter().filter(|(_, sample)| !sample.is_empty()) {
            medians.insert(name.to_owned(), sample::round(sample::median(sample)));
        }
        medians.insert("users".to_owned(), f64::from(users));
        medians.insert("resident_mb".to_owned(), sample::round(resident_mb));
        medians.insert("failed".to_owned(), self.failed);
        medians
    }
}

/// Round by round, so that whatever else the machine does meets both.
pub(super) fn differences(left: &[f64], right: &[f64]) -> Vec<f64> {
    left.iter().zip(right).map(|(left, right)| left - right).collect()
}
