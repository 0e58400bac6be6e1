//! Runs that go wrong halfway: the target dies or hangs, somebody presses Ctrl-C, the disk is full. None of them is ever
//! a pass.

use super::desk::{Desk, FAIL, INVALID, PASS, Running, coded, errors, requirement, root, scenario};
use crate::support::{Ended, Simulate, until};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::{Duration, Instant};
use testkit::{Reply, Upstream};

/// Sixty requests a second for three seconds, of which each has failed after 400 ms.
fn asking() -> String {
    scenario("users = 20\noperations = 180\nduration_s = 3.0\ntimeout_ms = 400\n", "kind = \"chat\"")
}

/// The report of a run that was written although it went wrong; its page shows the same verdict.
fn written(desk: &Desk, verdict: &str) -> Value {
    let report = desk.read("out/report.json");
    assert_eq!(report["verdict"], verdict, "{report}");
    assert!(desk.text("out/report.html").contains(verdict));
    report["scenarios"][0].clone()
}

#[tokio::test]
async fn a_target_that_dies() {
    let (simulate, desk) = (Simulate::start("[default]\nlatency = { ms = 50 }\n"), Desk::new());
    desk.file("s.toml", &asking());
    let running = desk.start("s.toml", &root(&simulate), &["--out", "out"]);
    until("it runs", async || (simulate.requests().await > 40).then_some(())).await;
    simulate.signal("KILL");
    let ended = running.ended();
    assert_eq!(ended.code, Some(FAIL), "{ended:?}");
    let one = written(&desk, "fail");
    assert_eq!((&one["operations"], &one["planned"]), (&json!(180), &json!(180)));
    let (refused, closed) = (errors(&one, "refused"), errors(&one, "closed"));
    let failed = 180 - one["success"]["count"].as_u64().unwrap();
    assert!(refused > 50 && refused + closed == failed && failed < 180, "{}", one["errors"]);
    // Whoever reads no JSON learns it too.
    assert!(ended.stdout.contains(&format!("{refused} refused")), "{}", ended.stdout);
}

#[tokio::test]
async fn a_target_that_freezes() {
    let (simulate, desk) = (Simulate::start("[default]\nlatency = { ms = 50 }\n"), Desk::new());
    desk.file("s.toml", &asking());
    let started = Instant::now();
    let running = desk.start("s.toml", &root(&simulate), &["--out", "out"]);
    until("it runs", async || (simulate.requests().await > 40).then_some(())).await;
    simulate.signal("STOP");
    let ended = running.ended();
    simulate.signal("CONT");
    assert_eq!(ended.code, Some(FAIL), "{ended:?}");
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
    let one = written(&desk, "fail");
    let late = errors(&one, "timeout");
    assert!(late > 50 && late + one["success"]["count"].as_u64().unwrap() == 180, "{}", one["errors"]);
    assert!(ended.stdout.contains(&format!("{late} timeout")), "{}", ended.stdout);
}

#[test]
fn a_target_that_never_answers() {
    let (simulate, desk) = (Simulate::start("[default]\nhang_rate = 1.0\n"), Desk::new());
    desk.file("s.toml", &asking().replace("[[mix]]", "[slo]\np95_ms_max = 9000.0\n[[mix]]"));
    let started = Instant::now();
    let (code, report) = desk.report("s.toml", &root(&simulate), &[]);
    let one = &report["scenarios"][0];
    assert_eq!((code, errors(one, "timeout")), (FAIL, 180), "{one}");
    // That nothing was slow is no success.
    assert_eq!(requirement(one, "p95_ms_max")["verdict"], "not_measured");
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
}

/// What was cut short: nothing of it is judged, and it says so wherever it is read.
fn is_cut_short(report: &Value) {
    assert_eq!((&report["complete"], &report["verdict"]), (&json!(false), &json!("invalid")));
    assert!(report["incomplete"].as_str().unwrap().contains("interrupted"), "{}", report["incomplete"]);
    let scenarios = report["scenarios"].as_array().unwrap();
    let layers = report["layers"].as_array().unwrap();
    for part in scenarios.iter().chain(layers) {
        assert_eq!(part["verdict"], "invalid", "{part}");
        for one in part["requirements"].as_array().unwrap() {
            assert!(["invalid", "not_measured"].contains(&one["verdict"].as_str().unwrap()), "{one}");
        }
    }
}

#[tokio::test]
async fn an_interrupted_run_is_half_a_run() {
    let (simulate, desk) = (Simulate::start("[default]\nlatency = { ms = 50 }\n"), Desk::new());
    desk.file("s.toml", &asking().replace("[[mix]]", "[slo]\nsuccess_min = 0.5\np95_ms_max = 9000.0\n[[mix]]"));
    for signal in ["INT", "TERM"] {
        // Were it kept, a trend would show it.
        let arguments = ["load", "run", "s.toml", "--target", &root(&simulate), "--duration", "60", "--out", "out"];
        let before = simulate.requests().await;
        let running = Running::start(desk.command(&arguments));
        until("it runs", async || (simulate.requests().await > before + 5).then_some(())).await;
        let told = Instant::now();
        running.signal(signal);
        let ended = running.ended();
        assert_eq!(ended.code, Some(INVALID), "{ended:?}");
        assert!(told.elapsed() < Duration::from_secs(3), "{:?}", told.elapsed());
        assert!(ended.stdout.contains("small: INVALID") && ended.stdout.contains("interrupted"), "{}", ended.stdout);
        is_cut_short(&desk.read("out/report.json"));
        assert!(desk.text("out/report.html").contains("interrupted"));
    }
    let listed = desk.told(&["load", "trend", "small"]);
    assert!(!listed.stdout.contains("load_"), "{listed:?}");
    // Half a run is no yardstick either.
    let compared = desk.told(&["load", "compare", "out/report.json", "out/report.json"]);
    assert_eq!(compared.code, Some(INVALID), "{compared:?}");
    assert!(compared.stdout.contains("incomplete"), "{}", compared.stdout);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_cannot_wait_says_so_twice() {
    // It does not even say which models it has.
    let (upstream, desk) = (Upstream::start(|_| Reply::hang()).await, Desk::new());
    desk.file("s.toml", &asking());
    let running = desk.start("s.toml", &upstream.url(), &["--json"]);
    until("it asks", async || (!upstream.seen().is_empty()).then_some(())).await;
    let told = Instant::now();
    running.signal("INT");
    tokio::time::sleep(Duration::from_millis(300)).await;
    running.signal("INT");
    let ended = running.ended();
    assert!(told.elapsed() < Duration::from_secs(2), "{:?}", told.elapsed());
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
}

/// Runs where files may hold no more than so many bytes: what a full disk does to the reports.
fn short_of_room(desk: &Desk, target: &str, more: &[&str]) -> Ended {
    let run =
        desk.command(&[&["load", "run", "s.toml", "--target", target, "--no-save", "--out", "out"], more].concat());
    let mut command = Command::new("prlimit");
    command.args(["--fsize=8192", "--"]).arg(run.get_program()).args(run.get_args()).env_clear();
    command.envs(run.get_envs().filter_map(|(name, value)| Some((name, value?)))).current_dir(desk.path());
    Running::start(command).ended()
}

/// What is left in the folder for reports.
fn left(desk: &Desk) -> Vec<String> {
    let entries = std::fs::read_dir(desk.path().join("out")).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn reports_that_find_no_room() {
    let (simulate, desk) = (Simulate::start("[default]\n"), Desk::new());
    desk.file("s.toml", &scenario("users = 5\noperations = 100\nduration_s = 0.5\n", "kind = \"chat\""));
    let ended = short_of_room(&desk, &root(&simulate), &[]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("error: cannot write `out/report.json`"), "{}", ended.stderr);
    assert!(ended.stdout.contains("small: PASS"), "the figures are lost: {}", ended.stdout);
    assert_eq!(left(&desk), [""; 0], "half a report is left");
    // Programs have the figures, and the code says that something went wrong.
    let (code, report) = coded(short_of_room(&desk, &root(&simulate), &["--json"]));
    assert_eq!((code, &report["verdict"]), (1, &json!("pass")));
    // What was there before stays whole.
    assert_eq!(desk.report("s.toml", &root(&simulate), &["--out", "out"]).0, PASS);
    let before = desk.text("out/report.json");
    assert_eq!(short_of_room(&desk, &root(&simulate), &[]).code, Some(1));
    assert_eq!((desk.text("out/report.json"), left(&desk)), (before, vec!["report.html".into(), "report.json".into()]));
}

#[tokio::test]
async fn a_folder_nobody_may_write_is_known_before_anything_is_sent() {
    let (simulate, desk) = (Simulate::start("[default]\n"), Desk::new());
    desk.file("s.toml", &asking());
    let shut = desk.path().join("shut");
    std::fs::create_dir(&shut).unwrap();
    std::fs::set_permissions(&shut, std::fs::Permissions::from_mode(0o555)).unwrap();
    // Whoever may write everywhere still cannot make a folder below a file.
    for folder in ["s.toml/out", "/proc/out", "shut/out"] {
        if folder == "shut/out" && std::fs::create_dir(shut.join("may")).is_ok() {
            continue;
        }
        let ended = desk.run("s.toml", &root(&simulate), &["--out", folder]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
        assert!(ended.stderr.contains(folder) && ended.stderr.contains("`--out`"), "{}", ended.stderr);
    }
    assert_eq!(simulate.requests().await, 0);
}
