//! What is kept of runs, and what is made of several: comparisons, trends, sweeps, plans, pages made again.

use super::desk::{Desk, FAIL, PASS, Running, coded, root, scenario};
use super::schema::is_valid;
use crate::support::{Place, Simulate, get};
use serde_json::{Value, json};

const HEAD: &str = "users = 20\noperations = 60\nduration_s = 0.6\n";
const STEADY: &str = "[default]\nlatency = { ms = 20 }\n";

/// A run of the scenario `small` into a folder.
fn into(desk: &Desk, simulate: &Simulate, folder: &str) {
    let (code, report) = desk.report("s.toml", &root(simulate), &["--repeat", "5", "--out", folder]);
    assert_eq!(code, PASS, "{report}");
    assert_eq!((&report["repeats"], &report["scenarios"][0]["operations"]), (&json!(5), &json!(300)));
}

#[test]
fn slower_is_a_regression_and_the_same_is_none() {
    let (steady, slower, desk) =
        (Simulate::start(STEADY), Simulate::start("[default]\nlatency = { ms = 60 }\n"), Desk::new());
    desk.file("s.toml", &scenario(HEAD, "kind = \"chat\""));
    into(&desk, &steady, "before");
    into(&desk, &steady, "same");
    into(&desk, &slower, "slower");
    let compare =
        |after: &str, json: &[&str]| desk.told(&[&["load", "compare", "before/report.json", after], json].concat());
    assert_eq!(compare("before/report.json", &[]).code, Some(PASS));
    // A machine that is busy with other tests may have been slower the second time, but not by this much.
    let (_, same) = coded(compare("same/report.json", &["--json"]));
    let (code, worse) = coded(compare("slower/report.json", &["--json"]));
    assert_eq!(code, FAIL, "{worse}");
    let text = compare("slower/report.json", &[]);
    assert_eq!(text.code, Some(FAIL));
    assert!(text.stdout.contains("p95_ms") && text.stdout.contains("regression"), "{}", text.stdout);
    assert!(same.is_object());
    let back = desk.told(&["load", "compare", "slower/report.json", "before/report.json"]);
    assert_eq!(back.code, Some(PASS), "{back:?}");
    // The same while it is run.
    let more = ["--repeat", "5", "--baseline", "before/report.json"];
    let ended = desk.run("s.toml", &root(&slower), &more);
    assert_eq!(ended.code, Some(FAIL), "{ended:?}");
    for (name, problem) in [("gone.json", "gone.json"), ("s.toml", "report.json")] {
        let ended = desk.told(&["load", "compare", "before/report.json", name]);
        assert!(ended.code == Some(2) && ended.stderr.contains(problem), "{ended:?}");
    }
}

/// A run that is kept in the data of a place; its id.
fn kept(desk: &Desk, place: &Place, target: &str) -> String {
    let data = place.data();
    let arguments = ["load", "run", "s.toml", "--target", target, "--json", "--data", data.to_str().unwrap()];
    let (_, report) = coded(Running::start(desk.command(&arguments)).ended());
    report["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn runs_are_kept_listed_and_shown() {
    let (simulate, desk, place) = (Simulate::start(STEADY), Desk::new(), Place::new(""));
    desk.file("s.toml", &scenario(HEAD, "kind = \"chat\""));
    let mut ids: Vec<String> = (0..3).map(|_| kept(&desk, &place, &root(&simulate))).collect();
    let data = place.data();
    let on_data = |arguments: &[&str]| desk.told(&[arguments, &["--data", data.to_str().unwrap()]].concat());
    let (code, trend) = coded(on_data(&["load", "trend", "small", "--json"]));
    assert_eq!(code, 0, "{trend}");
    assert!(ids.iter().all(|id| trend.to_string().contains(id.as_str())), "{trend}");
    let told = on_data(&["load", "trend", "small"]);
    assert_eq!((told.code, told.stdout.matches("pass").count()), (Some(0), 3), "{told:?}");
    // Of others nothing is known, and that is said.
    let other = on_data(&["load", "trend", "other"]);
    assert!(!other.stdout.contains("load_"), "{other:?}");

    // The page of a kept run, made again.
    let again = on_data(&["load", "report", &ids[0], "--out", "again.html"]);
    assert_eq!(again.code, Some(0), "{again:?}");
    assert!(desk.text("again.html").contains("<svg") && again.stdout.contains("small: "));
    let gone = on_data(&["load", "report", "load_0000000000000000"]);
    assert!(gone.code == Some(1) && gone.stderr.contains("trend NAME --json` lists ids"), "{gone:?}");

    // Over REST, while the server runs on the same data and another run is kept.
    let server = place.start();
    ids.push(kept(&desk, server.place(), &root(&simulate)));
    let listed = get(server.address(), "/api/v1/load/runs?name=small").await;
    assert_eq!(listed.status, 200, "{}", listed.text());
    let listed: Vec<Value> = listed.json()["items"].as_array().unwrap().clone();
    let newest_first: Vec<&str> = listed.iter().map(|run| run["id"].as_str().unwrap()).collect();
    assert_eq!(newest_first, ids.iter().rev().collect::<Vec<_>>());
    let document = get(server.address(), &format!("/api/v1/load/runs/{}", ids[3])).await.json();
    is_valid(&document, &schema(&desk));
    assert_eq!((&document["id"], &document["name"]), (&json!(ids[3]), &json!("small")));
    assert_eq!(get(server.address(), "/api/v1/load/runs/load_1").await.status, 404);
}

fn schema(desk: &Desk) -> Value {
    desk.told(&["load", "schema", "--report"]).good()
}

#[test]
fn a_report_makes_its_page_again() {
    let (simulate, desk) = (Simulate::start(STEADY), Desk::new());
    desk.file("s.toml", &scenario(HEAD, "kind = \"chat\""));
    desk.report("s.toml", &root(&simulate), &["--out", "out"]);
    let page = desk.text("out/report.html");
    std::fs::remove_file(desk.path().join("out/report.html")).unwrap();
    let ended = desk.told(&["load", "report", "out/report.json"]);
    assert_eq!((ended.code, desk.text("out/report.html") == page), (Some(0), true), "{ended:?}");
    assert!(ended.stdout.starts_with("small: "), "{}", ended.stdout);
    let (code, told) = coded(desk.told(&["load", "report", "out/report.json", "--json"]));
    assert_eq!((code, &told["page"]), (0, &json!("out/report.html")));
    let ended = desk.told(&["load", "report", "s.toml"]);
    assert!(ended.code == Some(2) && ended.stderr.contains("s.toml"), "{ended:?}");
}

#[test]
fn what_is_built_in_can_be_shown_and_run() {
    let desk = Desk::new();
    let (_, list) = coded(desk.told(&["load", "list", "--json"]));
    let list = list["scenarios"].as_array().unwrap().clone();
    let names: Vec<&str> = list.iter().map(|one| one["name"].as_str().unwrap()).collect();
    for name in ["cmo", "academic", "morning-rush", "cache", "rag", "breaker", "fallback", "sophia-1000", "throughput"]
    {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
    let text = desk.told(&["load", "list"]);
    for name in &names {
        assert!(text.stdout.contains(name), "{name}");
        let shown = Running::start(desk.command(&["load", "show", name])).ended();
        assert_eq!(shown.code, Some(0), "{name}: {shown:?}");
        // It is read, and nobody is there.
        let file = format!("{name}.toml");
        desk.file(&file, &shown.stdout);
        for what in [*name, &file] {
            let ended = desk.run(what, "http://127.0.0.1:1", &[]);
            assert!(ended.code == Some(4) && ended.stderr.contains("cannot reach"), "{what}: {ended:?}");
        }
    }
    let ended = desk.told(&["load", "show", "acadmic"]);
    assert!(ended.code == Some(2) && ended.stderr.contains("did you mean `academic`?"), "{ended:?}");
    assert!(desk.told(&["load", "schema"]).good().to_string().contains("\"operations\""));
}
