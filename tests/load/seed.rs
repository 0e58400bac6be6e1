//! The same seed gives the same schedule.

use super::release::{Report, Target};

const SCENARIO: &str = r#"
users = 20
operations = 200
pattern = "realistic"
duration_s = 1
seed = 7
[[mix]]
kind = "chat"
weight = 3
[[mix]]
kind = "stream"
"#;

/// The schedule's hash, and how many requests of each kind there were.
fn schedule(report: &Report) -> (String, Vec<f64>) {
    report.is_whole(200.0);
    let hash = report.scenario()["schedule_sha256"].as_str().unwrap().to_owned();
    assert_eq!(hash.len(), 64);
    (hash, vec![report.figure("/by_operation/0/success/of"), report.figure("/by_operation/1/success/of")])
}

#[test]
fn the_same_seed_gives_the_same_schedule_however_many_send() {
    let target = Target::start("");
    let run = |more: &[&str]| schedule(&target.measured(SCENARIO, more));
    let first = run(&[]);
    assert!(first.1.iter().all(|count| *count > 0.0), "{first:?}");
    assert_eq!(run(&[]), first);
    assert_eq!(run(&["--workers", "2"]), first);
    assert_eq!(run(&["--seed", "7"]), first);
    assert_ne!(run(&["--seed", "8"]).0, first.0);
}
