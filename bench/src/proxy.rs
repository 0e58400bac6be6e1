//! The same requests sent directly to `simulate`, through nginx and through Althing, in turn. Knows which servers there
//! are and how they are compared; refuses to know how they are started and watched.

use super::load::Plan;
use super::outcome::{Figure, Measured, Ratio};
use super::process::Server;
use super::rounds::{self, Rounds, Target, differences};
use super::{Setup, nginx, sample, version};
use crate::trouble::Trouble;
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

pub(super) fn script() -> String {
    format!("[default]\nanswers = [\"{ANSWER}\"]\n")
}

/// Althing in front of one simulated provider.
fn config(upstream: SocketAddr) -> String {
    format!("[[provider]]\nname = \"sim\"\nbase_url = \"http://{upstream}/v1\"\nmodels = [\"m\"]\n")
}

pub(super) fn run(setup: &Setup, traffic: &Traffic) -> Result<Measured, Trouble> {
    let upstream = Server::simulate(&setup.binary, &script())?;
    let program = nginx();
    let passing = match &program {
        Some(program) => Some(Server::nginx(program, upstream.address, !traffic.stream)?),
        None => None,
    };
    let althing = Server::up(&setup.binary, &config(upstream.address))?;
    let own = version(&setup.binary, "--version");
    let plan = Plan::default();
    let mut targets = vec![Target { name: "direct", version: own.clone(), server: &upstream, plan }];
    if let Some(server) = &passing {
        let version = program.and_then(|program| version(&program, "-v"));
        targets.push(Target { name: "nginx", version, server, plan });
    }
    let plan = Plan { model: "sim/m", ..plan };
    targets.push(Target { name: "althing", version: own, server: &althing, plan });
    let mut measured = Measured::default();
    if passing.is_none() {
        measured.notes.push("nginx is not installed and was left out".to_owned());
    }
    for &(users, requests) in traffic.levels {
        for target in &mut targets {
            let model = target.plan.model;
            let requests = setup.share(requests);
            target.plan = Plan { model, stream: traffic.stream, users, requests, ..Plan::default() };
        }
        let rounds = rounds::take(setup, setup.rounds(), &targets)?;
        compare(traffic, users, &targets, &rounds, &mut measured);
    }
    Ok(measured)
}

fn compare(traffic: &Traffic, users: u32, targets: &[Target<'_>], rounds: &[Rounds], measured: &mut Measured) {
    let of = |name| targets.iter().zip(rounds).find(|(target, _)| target.name == name).map(|(_, rounds)| rounds);
    for (target, rounds) in targets.iter().zip(rounds) {
        rounds.tell(target, "", measured);
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
