//! How much sooner a panel answers than its members would one after the other, over real sockets. Knows what panels are
//! asked; refuses to know how they agree.

use super::ask::send;
use super::outcome::{Figure, Measured, Subject};
use super::process::Server;
use super::{Setup, sample, version};
use crate::trouble::Trouble;
use serde_json::{Value, json};
use std::fmt::Write;
use std::net::SocketAddr;
use std::time::Instant;

/// How often each panel and each of its members are asked.
const QUESTIONS: u32 = 30;
/// The same where members take now short, now long: their means settle slowly.
const QUESTIONS_LOGNORMAL: u32 = 240;

/// A panel, and what its members are like.
struct Case {
    /// What its figure is called.
    name: &'static str,
    members: u32,
    /// The share that must agree: with all of it nobody's answer can be done without.
    agreement: f64,
    /// As `simulate` reads it.
    latency: &'static str,
    questions: u32,
    /// Whether all members must have answered when the panel does.
    waits: bool,
}

const CASES: [Case; 3] = [
    Case {
        name: "four members of 100 ms",
        members: 4,
        agreement: 0.6,
        latency: "{ ms = 100 }",
        questions: QUESTIONS,
        waits: false,
    },
    Case {
        name: "five of 100 ms, no early stop",
        members: 5,
        agreement: 1.0,
        latency: "{ ms = 100 }",
        questions: QUESTIONS,
        waits: true,
    },
    Case {
        name: "five with lognormal tails",
        members: 5,
        agreement: 0.6,
        latency: "{ p50_ms = 20, p95_ms = 60 }",
        questions: QUESTIONS_LOGNORMAL,
        waits: false,
    },
];

pub(super) fn run(setup: &Setup) -> Result<Measured, Trouble> {
    let mut measured = Measured::default();
    for case in &CASES {
        let script = format!("[default]\nanswers = [\"Paris\"]\nlatency = {}\n", case.latency);
        let upstream = Server::simulate(&setup.binary, &script)?;
        let server = Server::up(&setup.binary, &config(case, upstream.address))?;
        let (mut alone, mut together) = (Vec::new(), Vec::new());
        // By turns, so that whatever else the machine does meets both; the first opens connections.
        for round in 0..=questions(setup, case) {
            let members = (1..=case.members).map(|member| ask(&server, case, &format!("sim/m{member}")));
            let one_by_one = members.sum::<Result<f64, Trouble>>()?;
            let panel = ask(&server, case, "panel")?;
            if round > 0 {
                alone.push(one_by_one);
                together.push(panel);
            }
        }
        let [alone, together] = [mean(&alone), mean(&together)];
        let own = version(&setup.binary, "--version");
        for (name, ms) in [("one after the other", alone), ("as a panel", together)] {
            let (name, told) = (format!("{}, {name}", case.name), [("mean_ms".to_owned(), sample::round(ms))]);
            measured.subjects.push(Subject { name, version: own.clone(), measured: told.into() });
        }
        measured.figures.push(Figure::new(case.name, alone / together, "×"));
    }
    Ok(measured)
}

/// A quarter of them if it is to be quick: fewer say nothing of tails.
fn questions(setup: &Setup, case: &Case) -> u32 {
    if setup.quick { case.questions / 4 } else { case.questions }
}

fn config(case: &Case, upstream: SocketAddr) -> String {
    let names = |before: &str| {
        let names: Vec<String> = (1..=case.members).map(|member| format!("\"{before}m{member}\"")).collect();
        names.join(", ")
    };
    let mut text =
        format!("[[provider]]\nname = \"sim\"\nbase_url = \"http://{upstream}/v1\"\nmodels = [{}]\n", names(""));
    let _ =
        write!(text, "[[panel]]\nname = \"panel\"\nmembers = [{}]\nagreement = {:?}\n", names("sim/"), case.agreement);
    text
}

/// Milliseconds until a model or panel has answered well.
fn ask(server: &Server, case: &Case, model: &str) -> Result<f64, Trouble> {
    let body = json!({"model": model, "messages": [{"role": "user", "content": "What is the capital of France?"}]});
    let began = Instant::now();
    let answer = send(server.address, "POST", "/v1/chat/completions", None, &body.to_string())?;
    let took_ms = began.elapsed().as_secs_f64() * 1e3;
    let reply: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    let agreement = &reply["althing"]["agreement"];
    let is_whole = !case.waits || agreement["answered"] == case.members;
    if !answer.is_good() || (model == "panel" && (agreement["reached"] != true || !is_whole)) {
        let what = format!("`{model}` was answered with {} and the agreement {agreement}", answer.status);
        return Err(Trouble::Bench { what });
    }
    Ok(took_ms)
}

fn mean(sample: &[f64]) -> f64 {
    sample.iter().sum::<f64>() / sample.len() as f64
}
