//! The generator beside Debian's `wrk` and `hey`: the same figures, and at what cost.

use super::super::release::{Report, Target, timed};
use super::{alone, median};
use serde_json::json;
use std::process::Command;

const ROUNDS: usize = 3;
/// Requests per core-second, as a share of those of `wrk`.
const EFFICIENCY_MIN: f64 = 0.3;

/// What every one of them sends.
fn body() -> String {
    json!({ "model": "simulated", "messages": [{ "role": "user", "content": "What is 6 times 7?" }] }).to_string()
}

fn scenario(users: u32, operations: u32) -> String {
    let prompt = "What is 6 times 7?";
    format!("users = {users}\noperations = {operations}\n[[mix]]\nkind = \"chat\"\nprompt = {prompt:?}\n")
}

/// What one of them says of the target.
#[derive(Debug)]
struct Found {
    p50_ms: f64,
    rate: f64,
}

/// Runs a program that `make test-services` installs, for two seconds: its processor seconds and what it printed.
fn ran(program: &str, arguments: &[&str], target: &Target) -> (f64, String) {
    let there = Command::new("sh").args(["-c", "command -v \"$1\"", "sh", program]).output().unwrap().status.success();
    assert!(there, "`{program}` is missing: `make test-services` installs it, or `apt-get install {program}` as root");
    let mut command = Command::new(program);
    command.args(arguments).arg(format!("http://{}/v1/chat/completions", target.address()));
    timed(&command)
}

/// The number behind `label` in what a program printed.
fn after<'a>(printed: &'a str, label: &str) -> &'a str {
    let (_, rest) = printed.split_once(label).unwrap_or_else(|| panic!("no `{label}` in\n{printed}"));
    rest.split_whitespace().next().unwrap()
}

/// Milliseconds as `wrk` writes times: `617.00us`, `11.57ms`, `1.02s`.
fn milliseconds(text: &str) -> f64 {
    let digits = text.trim_end_matches(char::is_alphabetic);
    let ms = match &text[digits.len()..] {
        "us" => 0.001,
        "ms" => 1.0,
        "s" => 1_000.0,
        unit => panic!("`{unit}` is no unit of time that `wrk` is known to use"),
    };
    digits.parse::<f64>().unwrap() * ms
}

/// `wrk` for two seconds: its processor seconds, how many answers it got, and what it says of the target.
fn wrk(target: &Target, connections: u32) -> (f64, f64, Found) {
    let script = target.folder().join("chat.lua");
    let text =
        format!("wrk.method = 'POST'\nwrk.body = [[{}]]\nwrk.headers['content-type'] = 'application/json'\n", body());
    std::fs::write(&script, text).unwrap();
    let arguments = ["-t1", &format!("-c{connections}"), "-d2s", "--latency", "-s", script.to_str().unwrap()];
    let (cpu_s, printed) = ran("wrk", &arguments, target);
    assert!(!printed.contains("Non-2xx") && !printed.contains("Socket errors"), "{printed}");
    let before = printed.split_once(" requests in ").unwrap().0;
    let answers = before.split_whitespace().last().unwrap().parse().unwrap();
    let p50_ms = milliseconds(after(&printed, " 50%"));
    (cpu_s, answers, Found { p50_ms, rate: after(&printed, "Requests/sec:").parse().unwrap() })
}

fn hey(target: &Target, connections: u32) -> Found {
    let (connections, body) = (connections.to_string(), body());
    let arguments = ["-z", "2s", "-c", &connections, "-m", "POST", "-T", "application/json", "-d", &body];
    let (_, printed) = ran("hey", &arguments, target);
    let (_, statuses) = printed.split_once("Status code distribution:").unwrap();
    assert!(statuses.contains("[200]") && statuses.matches(" responses").count() == 1, "{printed}");
    // After the median it says `in`, then seconds.
    let p50_s: f64 = after(&printed, " 50% in").parse().unwrap();
    Found { p50_ms: p50_s * 1_000.0, rate: after(&printed, "Requests/sec:").parse().unwrap() }
}

fn althing(target: &Target, users: u32, operations: u32) -> (f64, Report) {
    let (cpu_s, printed) = timed(&target.generator(&scenario(users, operations), &["--closed"]));
    let report = Report::of(&printed);
    report.is_whole(operations.into());
    (cpu_s, report)
}

#[test]
fn wrk_and_hey_find_the_same_latency_and_throughput() {
    let _alone = alone();
    let target = Target::start("[default]\nlatency = { ms = 10 }\n");
    let mut peers = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        let (_, report) = althing(&target, 16, 2_800);
        let own = Found { p50_ms: report.figure("/latency_ms/p50"), rate: report.figure("/rate_per_s") };
        let others = [wrk(&target, 16).2, hey(&target, 16)];
        eprintln!("althing {own:?}, wrk {:?}, hey {:?}", others[0], others[1]);
        for (rounds, other) in peers.iter_mut().zip(others) {
            let allowed_ms = (other.p50_ms * 0.1).max(1.0);
            rounds.push(((own.p50_ms - other.p50_ms) / allowed_ms, own.rate / other.rate));
        }
    }
    for (peer, rounds) in ["wrk", "hey"].into_iter().zip(peers) {
        let (off, rates): (Vec<f64>, Vec<f64>) = rounds.into_iter().unzip();
        let (off, rate) = (median(off), median(rates));
        assert!(off.abs() <= 1.0, "the medians of latency differ from those of {peer}: {off:.2} of what they may");
        assert!((rate - 1.0).abs() <= 0.1, "{rate:.3} of the throughput that {peer} finds");
    }
}

#[test]
fn a_request_costs_no_more_than_a_few_of_wrk() {
    let _alone = alone();
    let target = Target::start("");
    let mut ratios = Vec::new();
    for _ in 0..ROUNDS {
        let (own_s, report) = althing(&target, 64, 150_000);
        let own = report.figure("/operations") / own_s;
        let (peer_s, answers, _) = wrk(&target, 64);
        let peer = answers / peer_s;
        eprintln!("requests per core-second: althing {own:.0}, wrk {peer:.0}, {:.2} of it", own / peer);
        ratios.push(own / peer);
    }
    let ratio = median(ratios);
    assert!(ratio >= EFFICIENCY_MIN, "{ratio:.2} of the requests per core-second of wrk");
}
