//! What a run comes to, as an exit code: pass, fail, inconclusive, invalid.

use super::desk::{Desk, FAIL, INCONCLUSIVE, INVALID, PASS, errors, requirement, root, scenario};
use super::schema::is_valid;
use crate::support::{Simulate, until};
use serde_json::json;
use std::time::Duration;

/// A model that takes 20 ms.
const STEADY: &str = "[default]\nlatency = { ms = 20 }\n";

fn asking(operations: u32, duration_s: f64, slo: &str) -> String {
    let head = format!("users = 20\noperations = {operations}\nduration_s = {duration_s:?}\n");
    scenario(&head, &format!("kind = \"chat\"\n[slo]\n{slo}"))
}

#[test]
fn a_pass() {
    let (simulate, desk) = (Simulate::start(STEADY), Desk::new());
    desk.file("s.toml", &asking(200, 1.0, "success_min = 0.95\np95_ms_max = 2000.0"));
    let (code, report) = desk.report("s.toml", &root(&simulate), &[]);
    assert_eq!(code, PASS, "{report}");
    // What the contract names.
    assert_eq!((&report["verdict"], &report["complete"]), (&json!("pass"), &json!(true)));
    let one = &report["scenarios"][0];
    assert_eq!(
        (&one["name"], &one["operations"], &one["success"]["share"]),
        (&json!("small"), &json!(200), &json!(1.0))
    );
    let at = |name: &str| one["latency_ms"][name].as_f64().unwrap();
    assert!(20.0 <= at("p50") && at("p50") <= at("p95") && at("p95") <= at("p99"), "{}", one["latency_ms"]);
    for name in ["success_min", "p95_ms_max"] {
        let found = requirement(one, name);
        assert_eq!(found["verdict"], "pass", "{found}");
        assert!(found["target"].is_number() && found["measured"].is_number() && found["interval"].is_array());
    }
    let schema = serde_json::from_str(&desk.command(&["load", "schema", "--report"]).output().map(text).unwrap());
    is_valid(&report, &schema.unwrap());
}

fn text(output: std::process::Output) -> String {
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_fail_is_a_fail_in_words_too() {
    let (simulate, desk) = (Simulate::start(STEADY), Desk::new());
    desk.file("s.toml", &asking(200, 1.0, "success_min = 0.95\np50_ms_max = 5.0"));
    let ended = desk.run("s.toml", &root(&simulate), &[]);
    // A generator that was late may call its times invalid, but never a pass.
    assert!([Some(FAIL), Some(INVALID)].contains(&ended.code), "{ended:?}");
    let (code, report) = desk.report("s.toml", &root(&simulate), &[]);
    assert_eq!((code, &report["verdict"]), (FAIL, &json!("fail")));
    assert_eq!(requirement(&report["scenarios"][0], "p50_ms_max")["verdict"], "fail");
    assert_eq!(requirement(&report["scenarios"][0], "success_min")["verdict"], "pass");
}

#[test]
fn too_few_operations_are_inconclusive() {
    let (simulate, desk) = (Simulate::start(STEADY), Desk::new());
    desk.file("s.toml", &asking(20, 0.5, "success_min = 0.95"));
    let ended = desk.run("s.toml", &root(&simulate), &[]);
    assert_eq!(ended.code, Some(INCONCLUSIVE), "{ended:?}");
    assert!(
        ended.stdout.contains("small: INCONCLUSIVE") && ended.stdout.contains("73 operations would settle it"),
        "{}",
        ended.stdout
    );
    // They do settle it.
    let (code, report) = desk.report("s.toml", &root(&simulate), &["--operations", "73"]);
    assert_eq!(code, PASS, "{report}");
}

#[tokio::test]
async fn a_generator_that_was_stopped_judges_nobody() {
    let (simulate, desk) = (Simulate::start(STEADY), Desk::new());
    desk.file("s.toml", &asking(300, 3.0, "success_min = 0.5\np95_ms_max = 60000.0"));
    let running = desk.start("s.toml", &root(&simulate), &["--json", "--out", "out"]);
    until("it runs", async || (simulate.requests().await > 60).then_some(())).await;
    running.signal("STOP");
    tokio::time::sleep(Duration::from_secs(1)).await;
    running.signal("CONT");
    let (code, report) = super::desk::coded(running.ended());
    let one = &report["scenarios"][0];
    assert_eq!(code, INVALID, "{one}");
    assert!(one["generator"]["lag_max_ms"].as_f64().unwrap() > 500.0, "{}", one["generator"]);
    let late = requirement(one, "p95_ms_max");
    assert_eq!((&late["verdict"], &requirement(one, "success_min")["verdict"]), (&json!("invalid"), &json!("pass")));
    assert!(late["reason"].as_str().unwrap().contains("the generator was at fault"), "{late}");
    let told = desk.told(&["load", "report", "out/report.json"]).stdout;
    assert!(told.contains("small: INVALID") && told.contains("the generator was at fault"), "{told}");
    // Whoever was late has sent all the same.
    assert_eq!((&one["operations"], errors(one, "dropped")), (&json!(300), 0));
}
