//! How many requests reach a backend that fails fast, where five offer the same model. Knows how they are set up and
//! counted; refuses to know how one is chosen.

use super::ask::{ask, send};
use super::load::{self, Plan};
use super::outcome::{Figure, Measured, Subject};
use super::process::Server;
use super::{Setup, sample, version};
use crate::trouble::Trouble;
use serde_json::Value;
use std::fmt::Write;

const BACKENDS: usize = 5;
/// Those that are well answer after a second, more or less; the sick one fails after 20 ms.
const WELL: &str = "[default]\nanswers = [\"yes\"]\nlatency = { p50_ms = 1000, p95_ms = 2000 }\n";
const SICK: &str = r#"{"default":{"error_rate":1.0,"error_status":500,"latency":{"ms":20}}}"#;
/// Seconds for which requests come while all are well, and then while one is sick; whole and quick.
const WELL_S: (u32, u32) = (20, 5);
const SICK_S: (u32, u32) = (300, 30);
/// More than are ever under way: at 20 a second there are about 23.
const USERS: u32 = 200;

/// So many requests a second to each of so many servers, each of which has to find out for itself.
struct Case {
    name: &'static str,
    per_s: u32,
    servers: usize,
}

/// One request a second says little in five minutes, so that eight servers are asked at once.
const CASES: [Case; 2] = [
    Case { name: "1 request a second", per_s: 1, servers: 8 },
    Case { name: "20 requests a second", per_s: 20, servers: 1 },
];

/// What came of a case.
struct Counted {
    sent: f64,
    failed: f64,
    /// Attempts that reached each backend, the sick one first.
    attempts: Vec<f64>,
}

pub(super) fn run(setup: &Setup) -> Result<Measured, Trouble> {
    let mut measured = Measured::default();
    // Both at once: they have their own backends, and little to do.
    let counted = std::thread::scope(|scope| {
        let running: Vec<_> = CASES.iter().map(|case| scope.spawn(|| counted(setup, case))).collect();
        running.into_iter().map(joined).collect::<Result<Vec<_>, _>>()
    })?;
    for (case, counted) in CASES.iter().zip(counted) {
        let all: f64 = counted.attempts.iter().sum();
        let sick = counted.attempts.first().copied().unwrap_or_default();
        let told = [
            ("requests", counted.sent),
            ("attempts", all),
            ("attempts_at_the_sick_one", sick),
            ("failed", counted.failed),
        ];
        let told = told.map(|(name, value)| (name.to_owned(), sample::round(value)));
        let version = version(&setup.binary, "--version");
        measured.subjects.push(Subject { name: case.name.to_owned(), version, measured: told.into() });
        measured.figures.push(Figure::new(format!("reach the sick one, {}", case.name), 1e2 * sick / all, "%"));
        let first = 1e2 * case.servers as f64 / all;
        measured.notes.push(format!(
            "at {} a server learns of it by asking it once, which alone is {} % of the attempts",
            case.name,
            sample::round(first)
        ));
        if counted.failed > 0.0 {
            measured.failed.get_or_insert_with(|| format!("{} requests failed at {}", counted.failed, case.name));
        }
        if counted.attempts.iter().skip(1).any(|attempts| *attempts == 0.0) {
            measured.failed.get_or_insert_with(|| "a backend that is well was never asked".to_owned());
        }
    }
    Ok(measured)
}

fn joined<T>(running: std::thread::ScopedJoinHandle<'_, Result<T, Trouble>>) -> Result<T, Trouble> {
    let stopped = || Trouble::Bench { what: "a thread of the benchmark stopped".to_owned() };
    running.join().unwrap_or_else(|_| Err(stopped()))
}

fn counted(setup: &Setup, case: &Case) -> Result<Counted, Trouble> {
    let backends: Vec<Server> =
        (0..BACKENDS).map(|_| Server::simulate(&setup.binary, WELL)).collect::<Result<_, _>>()?;
    let config = config(&backends);
    let servers: Vec<Server> =
        (0..case.servers).map(|_| Server::up(&setup.binary, &config)).collect::<Result<_, _>>()?;
    let seconds = |(whole, quick)| if setup.quick { quick } else { whole };
    load(setup, case, &servers, seconds(WELL_S))?;
    for backend in &backends {
        ask(backend.address, "DELETE", "/_delays")?;
    }
    if let Some(first) = backends.first() {
        let told = send(first.address, "POST", "/_script", None, SICK)?;
        if !told.is_good() {
            return Err(Trouble::Bench { what: format!("`simulate` takes no script: {}", told.body) });
        }
    }
    let (sent, failed) = load(setup, case, &servers, seconds(SICK_S))?;
    let attempts = backends.iter().map(attempts).collect::<Result<_, _>>()?;
    Ok(Counted { sent, failed, attempts })
}

/// How many requests were sent to all servers together for so long, and how many of them failed.
fn load(setup: &Setup, case: &Case, servers: &[Server], seconds: u32) -> Result<(f64, f64), Trouble> {
    let plan =
        Plan { users: USERS, requests: case.per_s * seconds, open_s: Some(f64::from(seconds)), ..Plan::default() };
    let send = |server: &Server| load::run(setup, &plan, server.address)?.counts();
    let send = &send;
    let counts = std::thread::scope(|scope| {
        let running: Vec<_> = servers.iter().map(|server| scope.spawn(move || send(server))).collect();
        running.into_iter().map(joined).collect::<Result<Vec<_>, _>>()
    })?;
    Ok(counts.iter().fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1)))
}

/// Five providers that offer the same model, asked for by its bare name; the sick one stands first.
fn config(backends: &[Server]) -> String {
    let mut text = String::new();
    for (at, backend) in backends.iter().enumerate() {
        let address = backend.address;
        let _ = write!(text, "[[provider]]\nname = \"p{at}\"\nbase_url = \"http://{address}/v1\"\nmodels = [\"m\"]\n");
    }
    text
}

/// How many requests a backend has answered, badly or well, as it counts itself.
fn attempts(backend: &Server) -> Result<f64, Trouble> {
    let delays: Value = serde_json::from_str(&ask(backend.address, "GET", "/_delays")?).unwrap_or_default();
    delays["count"].as_f64().ok_or_else(|| Trouble::Bench { what: "`/_delays` has no count".to_owned() })
}
