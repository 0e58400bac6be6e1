//! Benchmarks of the real binary against its own simulated upstream, interleaved with direct calls.
//!
//! The client is the same for both, one kept connection at a time, so that what differs is the server alone. A run
//! whose direct baseline drifts is void: the machine was busy with something else.

mod client;
mod process;
mod table;

use crate::trouble::Trouble;
use client::Connection;
use process::Server;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// Requests per round and target, and rounds; the first round warms up and does not count.
const REQUESTS: usize = 400;
const ROUNDS: usize = 9;
/// Direct medians of the two halves of a run may differ by this share, else the run is void.
const DRIFT_MAX: f64 = 0.2;
/// How long an idle server is watched, unless `ALTHING_BENCH_IDLE_S` says otherwise.
const IDLE_S: u64 = 60;
/// Targets for an idle server: resident memory in MB, share of one core.
const IDLE_MB_MAX: f64 = 25.0;
const IDLE_CPU_MAX: f64 = 0.002;

/// The words of one answer: 20 of them make 22 events with the role and the end, and `[DONE]` one more.
const ANSWER: &str = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen \
                      sixteen seventeen eighteen nineteen twenty";

/// Runs every benchmark, writes `target/bench/*.json` and prints a table. Fails when a target is missed or void.
pub(crate) fn run() -> Result<ExitCode, Trouble> {
    let folder = target().join("bench");
    std::fs::create_dir_all(&folder).map_err(|source| Trouble::Write { path: folder.clone(), source })?;
    let binary = target().join("release").join("althing");
    let results = [("idle", idle(&binary)?), ("chat", gateway(&binary, false)?), ("stream", gateway(&binary, true)?)];
    let mut good = true;
    for (name, result) in &results {
        let path = folder.join(format!("{name}.json"));
        std::fs::write(&path, format!("{result:#}\n")).map_err(|source| Trouble::Write { path, source })?;
        good &= result["verdict"] == "pass" || result["verdict"] == "measured";
    }
    table::print(&results);
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Where cargo builds.
fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from)
}

/// A server that nobody calls: how much memory it holds and how much it works.
fn idle(binary: &Path) -> Result<Value, Trouble> {
    let seconds = std::env::var("ALTHING_BENCH_IDLE_S").ok().and_then(|text| text.parse().ok()).unwrap_or(IDLE_S);
    let server = Server::up(binary, "")?;
    std::thread::sleep(Duration::from_secs(2));
    let before = server.cpu_s();
    std::thread::sleep(Duration::from_secs(seconds));
    let share = (server.cpu_s() - before) / seconds as f64;
    let memory = server.resident_mb();
    let good = memory <= IDLE_MB_MAX && share <= IDLE_CPU_MAX;
    Ok(json!({
        "benchmark": "idle", "command": "make bench", "seconds": seconds,
        "resident_mb": round(memory), "resident_mb_max": IDLE_MB_MAX,
        "cpu_share": share, "cpu_share_max": IDLE_CPU_MAX,
        "verdict": if good { "pass" } else { "fail" },
    }))
}

/// What one target took.
#[derive(Default)]
struct Taken {
    /// Milliseconds per request, in order.
    ms: Vec<f64>,
    /// Milliseconds until the first event of a stream.
    first_ms: Vec<f64>,
    /// Processor time of the server in seconds.
    cpu_s: f64,
}

/// The same requests directly and through Althing, in turn.
fn gateway(binary: &Path, stream: bool) -> Result<Value, Trouble> {
    let script = format!("[default]\nanswers = [\"{ANSWER}\"]\n");
    let upstream = Server::simulate(binary, &script)?;
    let config =
        format!("[[provider]]\nname = \"sim\"\nbase_url = \"http://{}/v1\"\nmodels = [\"m\"]\n", upstream.address);
    let server = Server::up(binary, &config)?;
    let targets = [(&upstream, "m"), (&server, "sim/m")];
    let mut connections = [Connection::open(upstream.address)?, Connection::open(server.address)?];
    let mut taken = [Taken::default(), Taken::default()];
    for round in 0..ROUNDS {
        for (at, (target, model)) in targets.iter().enumerate() {
            let before = (upstream.cpu_s(), target.cpu_s());
            for _ in 0..REQUESTS {
                let times = connections[at].chat(model, stream)?;
                if round > 0 {
                    taken[at].ms.push(times.whole_ms);
                    taken[at].first_ms.push(times.first_ms);
                }
            }
            if round > 0 {
                taken[at].cpu_s += target.cpu_s() - before.1;
            }
        }
    }
    Ok(compare(stream, taken, server.resident_mb()))
}

fn compare(stream: bool, taken: [Taken; 2], resident_mb: f64) -> Value {
    let half = taken[0].ms.len() / 2;
    let drift = (median(&taken[0].ms[..half]) / median(&taken[0].ms[half..]) - 1.0).abs();
    let figures = |taken: &Taken| {
        json!({
            "requests": taken.ms.len(), "p50_ms": round(median(&taken.ms)), "p99_ms": round(at(&taken.ms, 0.99)),
            "first_p50_ms": round(median(&taken.first_ms)), "cpu_ms_per_request": round(taken.cpu_s * 1e3 / taken.ms.len() as f64),
        })
    };
    let [direct, althing] = &taken;
    json!({
        "benchmark": if stream { "stream" } else { "chat" }, "command": "make bench",
        "direct": figures(direct), "althing": figures(althing),
        "added_p50_ms": round(median(&althing.ms) - median(&direct.ms)),
        "added_p99_ms": round(at(&althing.ms, 0.99) - at(&direct.ms, 0.99)),
        "cpu_ms_per_request": round(althing.cpu_s * 1e3 / althing.ms.len() as f64),
        "resident_mb": round(resident_mb), "direct_drift": round(drift),
        "verdict": if drift > DRIFT_MAX { "void" } else { "measured" },
    })
}

fn median(sample: &[f64]) -> f64 {
    at(sample, 0.5)
}

/// The value below which a share of the sample lies (nearest rank).
fn at(sample: &[f64], share: f64) -> f64 {
    let mut sorted = sample.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = ((sorted.len() as f64 * share).ceil() as usize).clamp(1, sorted.len().max(1));
    sorted.get(rank - 1).copied().unwrap_or_default()
}

fn round(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_baseline_that_drifts_voids_the_run() {
        let taken = |slow: f64| Taken { ms: vec![1.0, 1.0, slow, slow], first_ms: vec![1.0; 4], cpu_s: 0.004 };
        assert_eq!(compare(false, [taken(1.5), taken(1.0)], 1.0)["verdict"], "void");
        let good = compare(false, [taken(1.1), taken(1.6)], 1.0);
        assert_eq!((&good["verdict"], &good["cpu_ms_per_request"]), (&json!("measured"), &json!(1.0)));
    }

    #[test]
    fn percentiles_are_nearest_rank() {
        assert_eq!(at(&[3.0, 1.0, 2.0, 4.0], 0.5), 2.0);
        assert_eq!(at(&[3.0, 1.0, 2.0, 4.0], 0.99), 4.0);
        assert_eq!(at(&[], 0.5), 0.0);
    }
}
