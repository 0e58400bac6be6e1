//! Althing with everything on, beside other gateways in their fastest mode and beside nginx, which does nothing but pass
//! requests on. Knows what is compared with whom; refuses to know how a server is started or asked.

use super::full::Full;
use super::load::{Plan, Prompts, Sender};
use super::outcome::{Figure, Measured, Ratio};
use super::peers::{self, Peer};
use super::process::Server;
use super::rounds::{self, OURS, Rounds, Target, differences};
use super::{Setup, nginx, order, proxy, python, sample, version};
use crate::trouble::Trouble;

const DIRECT: &str = "direct";
const NGINX: &str = "nginx";

/// Requests in a round of those that take next to nothing, and of the slow: TensorZero's streams wait for the client's
/// acknowledgements, LiteLLM takes ten milliseconds for anything.
const CHATS: (u32, u32) = (4_000, 60);
const STREAMS: (u32, u32) = (1_000, 20);
/// Open arrivals: how many a second, for how long, how many may be under way, and rounds with the one that warms up. A
/// hundred requests of a round are above its p99: of fewer, one that something else held up would tell.
const RATE: u32 = 1_000;
const SECONDS: u32 = 10;
const USERS: u32 = 256;
const OPEN_ROUNDS: usize = 6;

/// What is on both sides of a gateway.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum World {
    /// `althing load` and `althing simulate`: as fast as they can be.
    Ours,
    /// A client and a provider in Python, as most have them; arrivals are not among what it is asked.
    Python,
}

/// All that run.
struct Servers {
    world: World,
    upstream: Server,
    upstream_version: Option<String>,
    /// One that collects answers, as nginx does on its own, and one that passes streams on as they come.
    nginx: Option<[Server; 2]>,
    peers: Vec<Peer>,
    ours: Full,
}

/// What is sent in a round, and what subjects and figures call it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Chats,
    Streams,
    Arrivals,
}

pub(super) fn run(setup: &Setup, world: World) -> Result<Measured, Trouble> {
    let mut measured = Measured::default();
    let servers = start(setup, world, &mut measured)?;
    if let Some(share) = order::up_to_date(&setup.binary) {
        measured.notes.push(format!("of the order of functions {:.0} % is of this build", share * 100.0));
    }
    measured.void = servers.ours.lacks()?;
    for kind in [Kind::Chats, Kind::Streams, Kind::Arrivals] {
        if world == World::Python && kind == Kind::Arrivals {
            continue;
        }
        let targets = targets(setup, kind, &servers);
        let rounds = match kind {
            Kind::Arrivals => setup.rounds().min(OPEN_ROUNDS),
            Kind::Chats | Kind::Streams => setup.rounds(),
        };
        let taken = rounds::take(setup, rounds, &targets)?;
        tell(kind, &targets, &taken, &mut measured);
    }
    Ok(measured)
}

fn start(setup: &Setup, world: World, measured: &mut Measured) -> Result<Servers, Trouble> {
    let (upstream, upstream_version) = match world {
        World::Ours => (Server::simulate(&setup.binary, &proxy::script())?, version(&setup.binary, "--version")),
        World::Python => (python::provider()?, python::python().and_then(|(_, version)| version)),
    };
    let nginx = match nginx() {
        Some(program) => {
            let start = |buffering| Server::nginx(&program, upstream.address, buffering);
            Some([start(true)?, start(false)?])
        }
        None => None,
    };
    if nginx.is_none() {
        measured.lacks(
            NGINX,
            "nginx is not there and was left out: `make bench` gets it, or `apt-get install nginx`".to_owned(),
        );
    }
    let peers = peers::start(upstream.address, measured)?;
    let ours = Full::start(setup, upstream.address, "")?;
    Ok(Servers { world, upstream, upstream_version, nginx, peers, ours })
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Chats => "chats",
            Self::Streams => "streams",
            Self::Arrivals => "1,000 chats a second",
        }
    }

    fn plan(self, setup: &Setup, is_slow: bool) -> Plan<'static> {
        let of = |(many, few)| setup.share(if is_slow { few } else { many });
        let prompts = Prompts::Unique;
        match self {
            Self::Chats => Plan { prompts, requests: of(CHATS), ..Plan::default() },
            Self::Streams => Plan { prompts, requests: of(STREAMS), stream: true, ..Plan::default() },
            Self::Arrivals => {
                let requests = setup.share(RATE * SECONDS);
                let open_s = Some(f64::from(requests) / f64::from(RATE));
                Plan { prompts, requests, users: USERS, open_s, ..Plan::default() }
            }
        }
    }

    fn is_slow(self, peer: &str) -> bool {
        peer == peers::LITELLM || (self == Self::Streams && peer == peers::TENSORZERO)
    }
}

fn targets<'a>(setup: &Setup, kind: Kind, servers: &'a Servers) -> Vec<Target<'a>> {
    let own = version(&setup.binary, "--version");
    let sender = match servers.world {
        World::Ours => Sender::Ours,
        World::Python => Sender::Python,
    };
    let planned = |is_slow| Plan { sender, ..kind.plan(setup, is_slow) };
    let plan = planned(false);
    let version_of = servers.upstream_version.clone();
    let mut targets = vec![Target { name: DIRECT, version: version_of, server: &servers.upstream, plan }];
    if let Some([collecting, passing]) = &servers.nginx {
        let version = nginx().and_then(|program| version(&program, "-v"));
        let server = if kind == Kind::Streams { passing } else { collecting };
        targets.push(Target { name: NGINX, version, server, plan });
    }
    for peer in &servers.peers {
        // One core of LiteLLM carries a tenth of these.
        if kind == Kind::Arrivals && peer.name == peers::LITELLM {
            continue;
        }
        let plan = planned(kind.is_slow(peer.name));
        let plan = Plan { model: peer.model, path: peer.path, key: peer.key, ..plan };
        targets.push(Target { name: peer.name, version: peer.version.clone(), server: &peer.server, plan });
    }
    let Plan { model, key, .. } = servers.ours.plan();
    let ours = Plan { model, key, ..plan };
    targets.push(Target { name: OURS, version: own.clone(), server: &servers.ours.server, plan: ours });
    if kind == Kind::Chats {
        let plan = Plan { prompts: Prompts::Same, ..ours };
        targets.push(Target { name: KEPT, version: own, server: &servers.ours.server, plan });
    }
    targets
}

/// Althing, asked for what it has in its cache.
const KEPT: &str = "althing, from its cache";

fn tell(kind: Kind, targets: &[Target<'_>], taken: &[Rounds], measured: &mut Measured) {
    for (target, rounds) in targets.iter().zip(taken) {
        rounds.tell(target, kind.name(), measured);
        if rounds.invalid {
            let what = format!("`althing load` could not keep up with {}, {}", target.name, kind.name());
            measured.void.get_or_insert(what);
        }
    }
    let of = |name| targets.iter().zip(taken).find(|(target, _)| target.name == name).map(|(_, rounds)| rounds);
    let (Some(direct), Some(ours)) = (of(DIRECT), of(OURS)) else { return };
    let drift = sample::drift(&direct.p50_ms);
    measured.drift = Some(measured.drift.unwrap_or_default().max(drift));
    if ours.missed < ours.sent {
        let what = format!("of {} {} a cache was asked for {} alone", ours.sent, kind.name(), ours.missed);
        measured.void.get_or_insert(what);
    }
    let others: Vec<_> =
        targets.iter().zip(taken).filter(|(target, _)| ![DIRECT, OURS, KEPT].contains(&target.name)).collect();
    let ours = Compared { kind, direct, ours };
    ours.absolute(measured);
    others.iter().for_each(|(target, theirs)| ours.with(target.name, theirs, measured));
    if let Some(kept) = of(KEPT) {
        hits(direct, kept, measured);
    }
}

/// A hit beside what it saves: the upstream, which answers at once.
fn hits(direct: &Rounds, kept: &Rounds, measured: &mut Measured) {
    if kept.kept < kept.sent {
        let what = format!("of {} answers {} alone came from the cache", kept.sent, kept.kept);
        measured.void.get_or_insert(what);
    }
    let ratio = Ratio::new("p50 of a hit", (OURS, &kept.p50_ms), ("the upstream itself", &direct.p50_ms));
    let figure = ratio.iter().map(|ratio| Figure::new("a hit's p50 over the upstream's own", ratio.value, "×"));
    measured.figures.extend(figure);
    measured.ratios.extend(ratio);
}

/// What Althing took beside the others.
struct Compared<'a> {
    kind: Kind,
    direct: &'a Rounds,
    ours: &'a Rounds,
}

impl Compared<'_> {
    fn absolute(&self, measured: &mut Measured) {
        let Self { kind, direct, ours } = self;
        let added = sample::median(&differences(&ours.p50_ms, &direct.p50_ms));
        let cpu = sample::median(&ours.cpu_us);
        let figures = match kind {
            Kind::Chats => {
                // A core of the upstream carries a million of these: it must be more than is asked of it.
                let upstream = 1e6 / sample::median(&direct.cpu_us);
                vec![
                    Figure::new("processor per chat", cpu, "µs"),
                    Figure::new("added p50", added, "ms"),
                    Figure::new("chats that a core of the upstream carries", upstream, "/s"),
                ]
            }
            Kind::Streams => vec![
                Figure::new("processor per stream", cpu, "µs"),
                Figure::new("p50 of a whole stream", sample::median(&ours.p50_ms), "ms"),
            ],
            Kind::Arrivals => vec![Figure::new("p99 at 1,000 a second", sample::median(&ours.p99_ms), "ms")],
        };
        measured.figures.extend(figures);
    }

    /// Round by round.
    fn with(&self, name: &str, theirs: &Rounds, measured: &mut Measured) {
        let Self { kind, direct, ours } = self;
        let added = |rounds: &Rounds| differences(&rounds.p50_ms, &direct.p50_ms);
        let added_p99 = |rounds: &Rounds| differences(&rounds.p99_ms, &direct.p99_ms);
        let pairs = match kind {
            Kind::Chats => vec![
                ("processor per chat", ours.cpu_us.clone(), theirs.cpu_us.clone()),
                ("added p50", added(ours), added(theirs)),
            ],
            Kind::Streams => vec![
                ("processor per stream", ours.cpu_us.clone(), theirs.cpu_us.clone()),
                ("p50 of a whole stream", ours.p50_ms.clone(), theirs.p50_ms.clone()),
            ],
            Kind::Arrivals => vec![
                ("p99 at 1,000 a second", ours.p99_ms.clone(), theirs.p99_ms.clone()),
                ("added p99 at 1,000 a second", added_p99(ours), added_p99(theirs)),
                ("processor at 1,000 a second", ours.cpu_us.clone(), theirs.cpu_us.clone()),
            ],
        };
        for (what, ours, theirs) in pairs {
            let ratio = Ratio::new(what, (OURS, &ours), (name, &theirs));
            let figures = ratio.iter().map(|ratio| Figure::new(format!("{what} over {name}"), ratio.value, "×"));
            measured.figures.extend(figures);
            measured.ratios.extend(ratio);
        }
    }
}
