//! The same requests sent directly to `simulate`, through nginx and through Althing, in turn. Knows which servers there
//! are and how they are compared; refuses to know how they are started and watched.

use super::load::{self, Plan, Report};
use super::outcome::{Figure, Measured, Ratio, Subject};
use super::process::Server;
use super::{Setup, installed, sample, version};
use crate::trouble::Trouble;
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// 20 words: a stream of them has 23 events with the role, the end and `[DONE]`.
const ANSWER: &str = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen \
                      sixteen seventeen eighteen nineteen twenty";

/// What one of these benchmarks sends.
pub(super) struct Traffic {
    pub(super) stream: bool,
    /// How many users, and how many requests they send in a round.
    pub(super) levels: &'static [(u32, u32)],
    /// Whether the rate is what is asked for, not what is added to each request.
    pub(super) rate: bool,
}

/// A server that requests are sent to.
struct Target<'a> {
    name: &'static str,
    model: &'static str,
    version: Option<String>,
    server: &'a Server,
}

/// What one target took at one level, round by round.
#[derive(Default)]
struct Rounds {
    p50_ms: Vec<f64>,
    p99_ms: Vec<f64>,
    first_p50_ms: Vec<f64>,
    per_s: Vec<f64>,
    cpu_us: Vec<f64>,
    failed: f64,
}

pub(super) fn script() -> String {
    format!("[default]\nanswers = [\"{ANSWER}\"]\n")
}

/// Althing in front of one simulated provider.
fn config(upstream: SocketAddr) -> String {
    format!("[[provider]]\nname = \"sim\"\nbase_url = \"http://{upstream}/v1\"\nmodels = [\"m\"]\n")
}

pub(super) fn run(setup: &Setup, traffic: &Traffic) -> Result<Measured, Trouble> {
    let upstream = Server::simulate(&setup.binary, &script())?;
    let program = installed("nginx");
    let nginx = match &program {
        Some(program) => Some(Server::nginx(program, upstream.address, !traffic.stream)?),
        None => None,
    };
    let althing = Server::up(&setup.binary, &config(upstream.address))?;
    let own = version(&setup.binary, "--version");
    let mut targets = vec![Target { name: "direct", model: "m", version: own.clone(), server: &upstream }];
    if let Some(server) = &nginx {
        let version = program.and_then(|program| version(&program, "-v"));
        targets.push(Target { name: "nginx", model: "m", version, server });
    }
    targets.push(Target { name: "althing", model: "sim/m", version: own, server: &althing });
    let mut measured = Measured::default();
    if nginx.is_none() {
        measured.notes.push("nginx is not installed and was left out".to_owned());
    }
    for &(users, requests) in traffic.levels {
        let rounds = rounds(setup, traffic.stream, users, setup.share(requests), &targets)?;
        compare(traffic, users, &targets, &rounds, &mut measured);
    }
    Ok(measured)
}

/// Each target in turn, in another order in each round.
fn rounds(
    setup: &Setup,
    stream: bool,
    users: u32,
    requests: u32,
    targets: &[Target<'_>],
) -> Result<Vec<Rounds>, Trouble> {
    let mut taken: Vec<Rounds> = targets.iter().map(|_| Rounds::default()).collect();
    for round in 0..setup.rounds() {
        let order = (0..targets.len()).map(|at| (at + round) % targets.len());
        for at in order {
            let target = &targets[at];
            let plan = Plan { model: target.model, stream, users, requests, open_s: None, workers: None };
            let before = target.server.cpu();
            let report = load::run(setup, &plan, target.server.address)?;
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
        self.failed += failed;
        self.p50_ms.push(report.needed("/latency_ms/p50")?);
        self.p99_ms.push(report.needed("/latency_ms/p99")?);
        self.first_p50_ms.extend(report.number("/first_token_ms/p50"));
        self.per_s.push(report.needed("/rate_per_s")?);
        self.cpu_us.push(cpu_s * 1e6 / sent);
        Ok(())
    }

    /// Medians over the rounds.
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

fn compare(traffic: &Traffic, users: u32, targets: &[Target<'_>], rounds: &[Rounds], measured: &mut Measured) {
    let of = |name| targets.iter().zip(rounds).find(|(target, _)| target.name == name).map(|(_, rounds)| rounds);
    for (target, rounds) in targets.iter().zip(rounds) {
        let medians = rounds.medians(users, target.server.resident_mb());
        let (name, version) = (target.name.to_owned(), target.version.clone());
        measured.subjects.push(Subject { name, version, measured: medians });
        if rounds.failed > 0.0 {
            let what = format!("{} requests to {} failed", rounds.failed, target.name);
            let reason = if target.name == "althing" { &mut measured.failed } else { &mut measured.void };
            reason.get_or_insert(what);
        }
    }
    let (Some(direct), Some(althing)) = (of("direct"), of("althing")) else { return };
    let drift = sample::drift(&direct.p50_ms);
    measured.drift = Some(measured.drift.unwrap_or_default().max(drift));
    let crowd = if users == 1 { "1 user".to_owned() } else { format!("{users} users") };
    if traffic.rate {
        rates(&crowd, althing, measured);
    } else {
        added(&crowd, direct, althing, measured);
    }
    if let Some(nginx) = of("nginx") {
        ratios(traffic, &crowd, [direct, nginx, althing], measured);
    }
}

/// What lies in front of the upstream costs each request.
fn added(crowd: &str, direct: &Rounds, althing: &Rounds, measured: &mut Measured) {
    let times = [
        ("added p50", &althing.p50_ms, &direct.p50_ms),
        ("added p99", &althing.p99_ms, &direct.p99_ms),
        ("added first content p50", &althing.first_p50_ms, &direct.first_p50_ms),
    ];
    for (name, althing, direct) in times.into_iter().filter(|(_, sample, _)| !sample.is_empty()) {
        let value = sample::median(&differences(althing, direct));
        measured.figures.push(Figure::new(format!("{name}, {crowd}"), value, "ms"));
    }
    let cpu = sample::median(&althing.cpu_us);
    measured.figures.push(Figure::new(format!("processor per request, {crowd}"), cpu, "µs"));
}

fn rates(crowd: &str, althing: &Rounds, measured: &mut Measured) {
    let (per_s, cpu_us) = (sample::median(&althing.per_s), sample::median(&althing.cpu_us));
    measured.figures.push(Figure::new(format!("requests, {crowd}"), per_s, "/s"));
    measured.figures.push(Figure::new(format!("processor per request, {crowd}"), cpu_us, "µs"));
    measured.figures.push(Figure::new(format!("requests per core, {crowd}"), 1e6 / cpu_us, "/s"));
}

fn ratios(traffic: &Traffic, crowd: &str, [direct, nginx, althing]: [&Rounds; 3], measured: &mut Measured) {
    let (with, without) = (differences(&althing.p50_ms, &direct.p50_ms), differences(&nginx.p50_ms, &direct.p50_ms));
    let times = ("added p50", with, without);
    let cpu = ("processor per request", althing.cpu_us.clone(), nginx.cpu_us.clone());
    let rate = ("requests per second", althing.per_s.clone(), nginx.per_s.clone());
    for (name, ours, theirs) in [if traffic.rate { rate } else { times }, cpu] {
        measured.ratios.extend(Ratio::new(format!("{name}, {crowd}"), ("althing", &ours), ("nginx", &theirs)));
    }
}

/// Round by round, so that whatever else the machine does meets both.
fn differences(left: &[f64], right: &[f64]) -> Vec<f64> {
    left.iter().zip(right).map(|(left, right)| left - right).collect()
}
