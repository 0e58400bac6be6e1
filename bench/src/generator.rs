//! How much work `althing load` gets out of a core beside `wrk` and `hey`, which do less for each request: they draw up
//! no schedule, judge nothing and keep no requests apart. Knows these three and their output.

use super::load::{self, Plan};
use super::outcome::{Figure, Measured, Ratio, Subject};
use super::process::{Folder, Server, ended_cpu_s};
use super::{Setup, installed, proxy, sample, version};
use crate::trouble::Trouble;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Connections of each, and the one thread that `wrk` and `althing load` may use.
const CONNECTIONS: u32 = 16;
/// Requests of `althing load` in a round: about as long as the others take.
const REQUESTS: u32 = 60_000;
/// Seconds that the others send in a round.
const SECONDS: u32 = 2;
/// Share of `wrk` that is wanted next.
const NEXT: f64 = 0.5;

/// What one generator sent, round by round.
#[derive(Default)]
struct Rounds {
    /// Requests per second of processor time.
    per_core_s: Vec<f64>,
    per_s: Vec<f64>,
}

impl Rounds {
    fn add(&mut self, requests: f64, cpu_s: f64, seconds: f64) {
        self.per_core_s.push(requests / cpu_s);
        self.per_s.push(requests / seconds);
    }

    fn subject(&self, name: &str, version: Option<String>) -> Subject {
        let medians = [("requests_per_core_s", &self.per_core_s), ("requests_per_s", &self.per_s)];
        let measured = medians.map(|(name, sample)| (name.to_owned(), sample::round(sample::median(sample))));
        Subject { name: name.to_owned(), version, measured: measured.into() }
    }
}

pub(super) fn run(setup: &Setup) -> Result<Measured, Trouble> {
    let Some(wrk) = installed("wrk") else {
        return Ok(Measured { skipped: Some("wrk is not installed".to_owned()), ..Measured::default() });
    };
    let hey = installed("hey");
    let upstream = Server::simulate(&setup.binary, &proxy::script())?;
    let (mut wrks, mut heys, mut wholes, mut sendings) =
        (Rounds::default(), Rounds::default(), Rounds::default(), Rounds::default());
    for round in 0..setup.rounds() {
        let by_wrk = wrk_round(setup, &wrk, upstream.address)?;
        let by_hey = hey.as_ref().map(|hey| hey_round(setup, hey, upstream.address)).transpose()?;
        let requests = setup.share(REQUESTS);
        let plan = Plan { users: CONNECTIONS, requests, workers: Some(1), ..Plan::default() };
        let report = load::run(setup, &plan, upstream.address)?;
        if round == 0 {
            continue;
        }
        let (sent, wall_s) = (report.counts()?.0, report.needed("/wall_s")?);
        wrks.add(by_wrk.0, by_wrk.1, by_wrk.2);
        if let Some((sent, cpu_s, wall_s)) = by_hey {
            heys.add(sent, cpu_s, wall_s);
        }
        wholes.add(sent, report.process_cpu_s, wall_s);
        sendings.add(sent, report.needed("/generator/cpu_s")?, wall_s);
    }
    Ok(told(setup, [&wrks, &heys, &wholes, &sendings], [Some(wrk), hey]))
}

fn told(setup: &Setup, [wrks, heys, wholes, sendings]: [&Rounds; 4], [wrk, hey]: [Option<PathBuf>; 2]) -> Measured {
    let mut measured = Measured { drift: Some(sample::drift(&wrks.per_core_s)), ..Measured::default() };
    measured.subjects.push(wrks.subject("wrk", wrk.and_then(|wrk| version(&wrk, "--version"))));
    match hey {
        Some(_) => measured.subjects.push(heys.subject("hey", None)),
        None => measured.notes.push("hey is not installed and was left out".to_owned()),
    }
    let own = version(&setup.binary, "--version");
    measured.subjects.push(wholes.subject("althing load", own.clone()));
    measured.subjects.push(sendings.subject("althing load, sending alone", own));
    let ours = ("althing load", wholes.per_core_s.as_slice());
    let sending = ("althing load, sending alone", sendings.per_core_s.as_slice());
    for (name, ours) in [("share of wrk, the whole run", ours), ("share of wrk, sending alone", sending)] {
        let ratio = Ratio::new(name.replace("share of wrk", "requests per core"), ours, ("wrk", &wrks.per_core_s));
        measured.figures.extend(ratio.iter().map(|ratio| Figure::new(name, ratio.value, "×")));
        measured.ratios.extend(ratio);
    }
    measured.ratios.extend(Ratio::new("requests per core, the whole run", ours, ("hey", &heys.per_core_s)));
    let us = |rounds: &Rounds| 1e6 / sample::median(&rounds.per_core_s);
    measured.figures.push(Figure::new("processor per request, whole", us(wholes), "µs"));
    measured.figures.push(Figure::new("processor per request, sending", us(sendings), "µs"));
    measured.figures.push(Figure::new("half of wrk would be", us(wrks) / NEXT, "µs"));
    measured
}

/// Requests, seconds of processor time, seconds.
type Sent = (f64, f64, f64);

fn body() -> String {
    let (prompt, most) = (load::prompt(), load::TOKENS_MAX);
    format!("{{\"model\":\"m\",\"messages\":[{{\"role\":\"user\",\"content\":\"{prompt}\"}}],\"max_tokens\":{most}}}")
}

fn url(address: SocketAddr) -> String {
    format!("http://{address}/v1/chat/completions")
}

fn duration(setup: &Setup) -> String {
    format!("{}s", if setup.quick { 1 } else { SECONDS })
}

fn wrk_round(setup: &Setup, program: &Path, address: SocketAddr) -> Result<Sent, Trouble> {
    let folder = Folder::new()?;
    let script = format!(
        "wrk.method = \"POST\"\nwrk.headers[\"content-type\"] = \"application/json\"\nwrk.body = '{}'\n",
        body()
    );
    let script = folder.write("post.lua", &script)?;
    let mut command = Command::new(program);
    command.args(["-t", "1", "-c", &CONNECTIONS.to_string(), "-d", &duration(setup), "-s"]).arg(&script);
    let (text, cpu_s) = output(command.arg(url(address)), "wrk")?;
    wrk_sent(&text).map(|(sent, wall_s)| (sent, cpu_s, wall_s)).ok_or_else(|| unread("wrk", &text))
}

/// `84633 requests in 2.10s, 42.78MB read`, and nothing of answers other than 2xx.
fn wrk_sent(text: &str) -> Option<(f64, f64)> {
    if text.contains("Non-2xx") || text.contains("Socket errors") {
        return None;
    }
    let line = text.lines().find(|line| line.contains(" requests in "))?;
    let (sent, rest) = line.trim().split_once(" requests in ")?;
    Some((sent.parse().ok()?, rest.split_once("s,")?.0.parse().ok()?))
}

fn hey_round(setup: &Setup, program: &Path, address: SocketAddr) -> Result<Sent, Trouble> {
    let mut command = Command::new(program);
    command.args(["-z", &duration(setup), "-c", &CONNECTIONS.to_string(), "-m", "POST", "-T", "application/json"]);
    let (text, cpu_s) = output(command.args(["-d", &body()]).arg(url(address)), "hey")?;
    hey_sent(&text).map(|(sent, wall_s)| (sent, cpu_s, wall_s)).ok_or_else(|| unread("hey", &text))
}

/// `Total: 2.0015 secs` and `[200] 86970 responses`.
fn hey_sent(text: &str) -> Option<(f64, f64)> {
    let number = |before: &str| {
        let rest = text.lines().find_map(|line| line.trim().strip_prefix(before))?;
        rest.split_whitespace().next()?.parse().ok()
    };
    Some((number("[200]")?, number("Total:")?))
}

fn output(command: &mut Command, name: &str) -> Result<(String, f64), Trouble> {
    let before = ended_cpu_s();
    let output = command.output().map_err(|source| Trouble::Start { command: name.to_owned(), source })?;
    Ok((String::from_utf8_lossy(&output.stdout).into_owned(), ended_cpu_s() - before))
}

fn unread(name: &str, text: &str) -> Trouble {
    Trouble::Bench { what: format!("`{name}` was not answered well, or says so in other words than expected: {text}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_say_is_read() {
        let wrk = "  Latency 1ms\n  84633 requests in 2.10s, 42.78MB read\nRequests/sec:  40292.12\n";
        assert_eq!(wrk_sent(wrk), Some((84_633.0, 2.1)));
        assert_eq!(wrk_sent(&format!("{wrk}  Non-2xx or 3xx responses: 7\n")), None);
        let hey = "Summary:\n  Total:\t2.0015 secs\n  Total data:\t34 bytes\n  [200]\t86970 responses\n";
        assert_eq!(hey_sent(hey), Some((86_970.0, 2.0015)));
        assert_eq!(hey_sent("Error distribution"), None);
    }
}
