//! A thousand users, each with an open stream.

use super::super::release::{Report, Target, has_files_enough, watched};
use super::alone;
use std::time::Instant;

const SCENARIO: &str = r#"
users = 1000
operations = 1000
duration_s = 1
[[mix]]
kind = "stream"
"#;
/// The same thousand users with one short question each.
const SHORT: &str = r#"
users = 1000
operations = 1000
duration_s = 0.5
[[mix]]
kind = "chat"
"#;
/// The most memory of the generator.
const MB_MAX: f64 = 100.0;

#[test]
fn a_thousand_open_streams_take_little_memory() {
    let _alone = alone();
    has_files_enough();
    // Three seconds each, so that the first still speaks when the last begins.
    let script = format!("[default]\nanswers = [{:?}]\ntoken_ms = 100\n", ["word"; 30].join(" "));
    let target = Target::start(&script);
    let printed = target.folder().join("report.json");
    let (printed, most_mb) = watched(target.generator(SCENARIO, &[]), &printed);
    let report = Report::of(&printed);
    report.is_whole(1_000.0);
    assert_eq!(report.figure("/users_seen"), 1_000.0);
    assert!(report.figure("/in_flight_max") >= 950.0, "{}", report.scenario()["in_flight_max"]);
    assert!(report.figure("/first_token_ms/count") == 1_000.0 && report.figure("/latency_ms/p50") > 2_900.0);
    eprintln!("{} streams at once, {most_mb:.1} MB", report.scenario()["in_flight_max"]);
    assert!(most_mb > 5.0 && most_mb <= MB_MAX, "{most_mb} MB");
}

#[test]
fn a_thousand_users_are_let_in_at_once() {
    let _alone = alone();
    has_files_enough();
    let target = Target::start("");
    let began = Instant::now();
    let report = target.measured(SHORT, &[]);
    let before_s = began.elapsed().as_secs_f64() - report.figure("/wall_s");
    report.is_whole(1_000.0);
    eprintln!("{before_s:.2} s before and after the run");
    // Whoever finds no place in the listener's queue tries again after a second.
    assert!(before_s < 0.9, "it took {before_s:.2} s until everybody was connected");
}
