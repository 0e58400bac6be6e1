//! A target that stands still for two seconds: arrivals that keep to their times see it, a closed loop hides it.

use super::super::release::Target;
use super::alone;
use std::thread;
use std::time::Duration;

const SCENARIO: &str = r#"
users = 120
operations = 500
duration_s = 10
[[mix]]
kind = "chat"
"#;
/// Into the run, and how long.
const AFTER: Duration = Duration::from_secs(4);
const FROZEN: Duration = Duration::from_secs(2);

#[test]
fn open_arrivals_show_a_freeze_that_a_closed_loop_hides() {
    let _alone = alone();
    let target = Target::start("[default]\nlatency = { ms = 20 }\n");
    // Both see the same freeze.
    let (open, closed) = thread::scope(|scope| {
        let open = scope.spawn(|| target.measured(SCENARIO, &[]));
        let closed = scope.spawn(|| target.measured(SCENARIO, &["--closed", "--users", "1"]));
        thread::sleep(AFTER);
        target.signal("STOP");
        thread::sleep(FROZEN);
        target.signal("CONT");
        (open.join().unwrap(), closed.join().unwrap())
    });
    for report in [&open, &closed] {
        report.is_whole(500.0);
    }
    let p95 = [&open, &closed].map(|report| report.figure("/latency_ms/p95"));
    eprintln!("p95 open {:.0} ms, closed {:.0} ms", p95[0], p95[1]);
    assert!(p95[0] >= 1_000.0 && p95[1] < 100.0, "open and closed: {p95:?}");
    // The closed loop was held up all the same: by its largest figure alone does it tell.
    assert!(closed.figure("/latency_ms/max") >= 1_900.0);

    let slices = open.scenario()["slices"].as_array().unwrap();
    let slow = |slice: &&serde_json::Value| slice["p95_ms"].as_f64().is_some_and(|p95| p95 > 1_000.0);
    let slow: Vec<f64> = slices.iter().filter(slow).map(|slice| slice["at_s"].as_f64().unwrap()).collect();
    assert!(!slow.is_empty() && slow.len() <= 3 && slow.iter().all(|at| (2.0..=6.0).contains(at)), "{slow:?}");
}
