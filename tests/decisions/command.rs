//! `althing decide`: a decision in one line, on a data folder or at a server, and what is said when something is amiss.

use super::judge::{self, Pair, abstains, counts, fair, judge, scores};
use crate::support::{Ended, Place, Server, ask, nobody, until};
use serde_json::{Value, json};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use testkit::{Reply, Upstream};

/// A decision of two options by two criteria, as it is typed.
const TYPED: [&str; 10] =
    ["decide", "which one?", "-o", "Apples=red", "--option", "Pears", "-c", "price:2=cheap is good", "-c", "taste"];

/// Those words with more.
fn typed<'a>(more: &[&'a str]) -> Vec<&'a str> {
    TYPED.iter().copied().chain(more.iter().copied()).collect()
}

/// Everything that a command says, which is no wider than a terminal.
fn narrow(ended: &Ended) {
    let wide: Vec<&str> = ended.stdout.lines().filter(|line| line.chars().count() > 80).collect();
    assert!(wide.is_empty(), "{wide:#?}");
}

fn quick() -> Duration {
    Duration::ZERO
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decision_in_one_line_and_what_can_be_done_with_it_later() {
    let upstream = judge(quick()).await;
    let place = Place::new(&judge::config(&upstream, ""));
    let (page, table) = (place.path().join("page.html"), place.path().join("table.csv"));
    let (page, table) = (page.display().to_string(), table.display().to_string());
    let told = place.told(&typed(&["--html", &page, "--csv", &table]));
    assert_eq!(told.code, Some(0), "{told:?}");
    narrow(&told);
    for part in ["which one?", "RANK", "Apples", "Pears", "is the clear winner with", "close", "TOPSIS", "WEIGHT"] {
        assert!(told.stdout.contains(part), "no `{part}`:\n{}", told.stdout);
    }
    assert_eq!(upstream.seen().len(), 4, "each pair once");
    assert!(std::fs::read_to_string(&page).unwrap().contains("which one?"));
    assert!(std::fs::read_to_string(&table).unwrap().contains("Apples"));

    let all = place.run(&["decide", "list"]).good();
    assert_eq!((all["items"].as_array().unwrap().len(), &all["cursor"]), (1, &Value::Null), "{all}");
    let id = all["items"][0]["id"].as_str().unwrap();
    let listed = place.told(&["decide", "list"]);
    assert!(listed.stdout.contains(id) && listed.stdout.contains("1 decision\n"), "{listed:?}");
    assert_eq!(place.told(&["decide", "show", id]).stdout, told.stdout, "reading changes nothing");
    let again = place.run(&["decide", "evaluate", id]).good();
    assert_eq!((&again["evaluation"]["asked"], &again["evaluation"]["reused"]), (&json!(0), &json!(4)), "{again}");
    assert_eq!(again["rankings"].as_array().unwrap().len(), 2, "{again}");
    assert_eq!(upstream.seen().len(), 4, "nothing is asked twice");
    let anew = place.run(&["decide", "evaluate", id, "--refresh"]).good();
    assert_eq!((&anew["evaluation"]["asked"], upstream.seen().len()), (&json!(4), 8), "{anew}");

    for (format, begins) in [("markdown", "# Decision"), ("html", "<!doctype html>"), ("json", "{")] {
        let printed = place.told(&["decide", "export", id, "--format", format]);
        assert!(printed.stdout.to_lowercase().starts_with(&begins.to_lowercase()), "{format}: {printed:?}");
        let wrapped = place.run(&["decide", "export", id, "--format", format]).good();
        assert!(
            wrapped["content"] == printed.stdout.as_str() || wrapped["format"] == "althing.decision/1",
            "{wrapped}"
        );
    }
    let out = place.path().join("out.csv").display().to_string();
    let written = place.run(&["decide", "export", id, "--format", "csv", "--out", &out]).good();
    let text = std::fs::read_to_string(&out).unwrap();
    assert_eq!((written["bytes"].as_u64(), written["out"].as_str()), (Some(text.len() as u64), Some(out.as_str())));

    assert_eq!(place.run(&["decide", "remove", id]).good(), json!({ "removed": id }));
    assert_eq!(place.told(&["decide", "list"]).stdout, "no decisions\n");
    for gone in [&["decide", "show", id][..], &["decide", "evaluate", id], &["decide", "remove", id]] {
        let ended = place.told(gone);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(
            ended.stderr.contains("there is no session") && ended.stderr.contains("`althing decide list`"),
            "{ended:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_is_asked_again_as_long_as_only_time_is_short() {
    let takes = Duration::from_millis(300);
    let upstream = judge(takes).await;
    let limits = "in_flight_max = 1\n[server]\ndeadline_ms = 1000";
    let server = Server::start(&judge::config(&upstream, limits));
    let url = server.url();
    let command = |more: &[&str]| Ended::of(server.place().command(more));
    let told = command(&typed(&["--target", &url, "--json"])).good();
    assert_eq!(told["complete"], true, "{told}");
    let asked = told["evaluation"]["asked"].as_u64().unwrap();
    // Whichever was at hand when time ran out is asked again, once.
    assert!((4..=5).contains(&asked) && upstream.seen().len() as u64 == asked, "{asked}");
    let id = told["session_id"].as_str().unwrap();
    let shown = ask(server.address(), "", "GET", &format!("/api/v1/decisions/{id}/matrix"), None).await.json();
    assert_eq!(shown["rankings"], told["rankings"], "the server has it");

    let away = command(&["decide", "list", "--target", &nobody()]);
    assert!(away.code == Some(4) && away.stderr.contains("althing up"), "{away:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_tenants_decision_does_not_exist_and_without_a_key_there_is_none() {
    let upstream = judge(quick()).await;
    let place = Place::new(&judge::config(&upstream, ""));
    let [ours, theirs] = ["a", "b"].map(|tenant| place.key("user", tenant));
    let server = place.start();
    let url = server.url();
    let with = |key: &str, words: &[&str]| {
        let mut command = server.place().command(&[words, &["--target", &url, "--json"]].concat());
        command.env("ALTHING_KEY", key);
        Ended::of(command)
    };
    let told = with(&ours, &TYPED).good();
    let id = told["session_id"].as_str().unwrap();
    assert_eq!(with(&ours, &["decide", "list"]).good()["items"][0]["id"], id);
    assert_eq!(with(&theirs, &["decide", "list"]).good()["items"], json!([]));
    let foreign = with(&theirs, &["decide", "show", id]);
    assert!(foreign.code == Some(1) && foreign.stderr.contains("there is no session"), "{foreign:?}");
    let shut_out = with("sk-nobody", &["decide", "list"]);
    assert!(shut_out.code == Some(1) && shut_out.stderr.contains("ALTHING_KEY"), "{shut_out:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_on_the_data_folder_is_found() {
    let upstream = judge(quick()).await;
    let bind = nobody().replace("http://", "").replace("/v1", "");
    let config = judge::config(&upstream, &format!("[server]\nbind = \"{bind}\""));
    let server = Place::new(&config).start_with(&bind, |_| {});
    let told = server.place().run(&typed(&[])).good();
    let here = ask(server.address(), "", "GET", "/api/v1/decisions", None).await.json();
    assert_eq!(here["items"][0]["id"], told["session_id"], "{here}");
    assert_eq!(here["items"][0]["id"], server.place().run(&["decide", "list"]).good()["items"][0]["id"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_has_an_exit_code_and_the_rest_is_asked_later() {
    let (dead, broken) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicBool::new(true)));
    let (off, half) = (Arc::clone(&dead), Arc::clone(&broken));
    let upstream = Upstream::start(move |seen| {
        let pair = Pair::of(seen);
        match (off.load(Ordering::Relaxed), half.load(Ordering::Relaxed)) {
            (true, _) => Reply::error(500, "server_error", "boom"),
            (false, true) if pair.option == "Pears" => Reply::error(500, "server_error", "boom"),
            _ if pair.names() == ("Apples", "taste") => abstains("nobody has tasted them"),
            _ => scores(fair(&pair)),
        }
    })
    .await;
    let place = Place::new(&judge::config(&upstream, "retries_max = 0\nbreaker_failures = 0"));
    let nothing = place.run(&typed(&[]));
    assert_eq!(nothing.code, Some(4), "{nothing:?}");
    let told: Value = serde_json::from_str(&nothing.stdout).unwrap();
    let summary = &told["evaluation"]["summary"];
    assert_eq!((&summary["errors"], &summary["abstentions"]), (&json!(4), &json!(0)), "{told}");
    let id = told["session_id"].as_str().unwrap();
    let goes_on = format!("no score for 4 pairs; `althing decide evaluate {id}` goes on");
    assert!(nothing.stderr.contains(&goes_on), "{nothing:?}");

    dead.store(false, Ordering::Relaxed);
    let half = place.told(&["decide", "evaluate", id]);
    assert_eq!(half.code, Some(1), "{half:?}");
    narrow(&half);
    for part in ["without a score:", "- Pears by price:", "abstained:", "nobody has tasted them", "failed"] {
        assert!(half.stdout.contains(part), "no `{part}`:\n{}", half.stdout);
    }
    broken.store(false, Ordering::Relaxed);
    let before = upstream.seen().len();
    let all = place.run(&["decide", "evaluate", id]).good();
    assert_eq!(
        (&all["complete"], upstream.seen().len() - before),
        (&json!(true), 2),
        "only what failed is asked: {all}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_interrupts_it_loses_nothing_and_is_told_how_to_go_on() {
    let nth = AtomicUsize::new(0);
    let upstream = Upstream::start(move |seen| {
        // The first two are scored, the others wait for whoever is no longer there.
        let wait = if nth.fetch_add(1, Ordering::Relaxed) < 2 { quick() } else { Duration::from_secs(600) };
        scores(fair(&Pair::of(seen))).after(wait)
    })
    .await;
    let place = Place::new(&judge::config(&upstream, "in_flight_max = 1"));
    let mut command: Command = place.on_data(&TYPED);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    until("three are asked", async || (upstream.seen().len() == 3).then_some(())).await;
    // What has landed is written a moment later; another command sees it then.
    let listed = place.run(&["decide", "list"]).good();
    let id = listed["items"][0]["id"].as_str().unwrap();
    let missing = || place.run(&["decide", "show", id]).good()["sheet"]["missing"].as_array().unwrap().len();
    until("two are scored", async || (missing() == 2).then_some(())).await;
    let kill = format!("kill -INT {}", child.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    let ended = child.wait_with_output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(130), "{said}");
    assert!(said.contains(&format!("`althing decide evaluate {id}` goes on")), "{said}");
    assert_eq!(missing(), 2, "nothing is lost");
    let kept = counts(&upstream.seen()[..2]);
    let quick = judge(quick()).await;
    std::fs::write(place.config(), judge::config(&quick, "in_flight_max = 1")).unwrap();
    let whole = place.run(&["decide", "evaluate", id]).good();
    assert_eq!((&whole["complete"], &whole["evaluation"]["reused"]), (&json!(true), &json!(2)), "{whole}");
    let bought = counts(&quick.seen());
    assert!(kept.keys().all(|pair| !bought.contains_key(pair)), "bought again: {kept:?} {bought:?}");
}

#[test]
fn wrong_words_say_what_to_do() {
    let place = Place::new("");
    for (words, code, says) in [
        (&["decide"][..], 2, "--option"),
        (&["decide", "lst"], 2, "--option"),
        (&["decide", "t", "-o", "a", "-c", "x"], 2, "name another one with `--option`"),
        (&["decide", "t", "-o", "a", "-o", "b"], 2, "--criterion"),
        (&["decide", " ", "-o", "a", "-o", "b", "-c", "x"], 2, "the topic is empty"),
        (&["decide", "t", "-o", "a", "-o", "b", "-c", "x:11"], 2, "from 0.1 to 10"),
        (&["decide", "t", "-o", "a", "-o", "=b", "-c", "x"], 2, "it has no name"),
        (&["decide", "t", "-o", "a", "-o", "b", "-c", "x", "--html", "nowhere/x.html"], 2, "a folder that is there"),
        (&["decide", "t", "-o", "a", "-o", "A", "-c", "x"], 1, "`A` is there already"),
        (&["decide", "t", "-o", "a", "-o", "b", "-c", "x", "-m", "nobody"], 1, "`nobody` does not exist"),
        (&["decide", "export", "dec_0"], 2, "--format"),
        (&["decide", "export", "dec_0", "--format", "pdf"], 2, "markdown"),
        (&["decide", "show", "dec_0"], 1, "`althing decide list`"),
    ] {
        let ended = place.told(words);
        assert!(ended.code == Some(code) && ended.stderr.contains(says), "{words:?}: {ended:?}");
        let ended = place.run(words);
        let document: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"));
        assert!(document["error"]["message"].is_string(), "{document}");
    }
    assert_eq!(place.run(&["decide", "list"]).good()["items"], json!([]), "nothing of it was begun");
}

#[test]
fn settings_of_decision_matrix_mcp_count() {
    let place = Place::new("");
    let mut command = place.command(&["config", "show", "--json"]);
    command.env("DMM_MAX_OPTIONS_ALLOWED", "30").env("DMM_DEFAULT_SESSION_TTL_HOURS", "2").env("MCP_HTTP_PORT", "8081");
    let shown = Ended::of(command).good();
    let decisions = &shown["settings"]["decisions"];
    assert_eq!((&decisions["options_max"], &decisions["session_ttl_s"]), (&json!(30), &json!(7_200)), "{shown}");
    assert_eq!(shown["settings"]["server"]["bind"], "127.0.0.1:8081");
    assert_eq!(shown["origins"]["decisions.options_max"], "env DMM_MAX_OPTIONS_ALLOWED");

    // It starts with them, and says so.
    let server = place.start_with("127.0.0.1:0", |up| _ = up.env("DMM_MAX_CRITERIA_ALLOWED", "20"));
    let variables = server.greeting()["variables"].to_string();
    assert!(variables.contains("DMM_MAX_CRITERIA_ALLOWED for `decisions.criteria_max`"), "{variables}");

    let file = server.place().path().join("config.json");
    let theirs = json!({ "validation": { "max_options_allowed": 25 }, "session": { "default_session_ttl_hours": 48 } });
    std::fs::write(&file, theirs.to_string()).unwrap();
    let mut import = server.place().command(&["config", "import", "--json"]);
    import.arg(&file);
    let imported = Ended::of(import).good();
    assert_eq!((&imported["from"], &imported["left"]), (&json!("decision-matrix"), &json!([])), "{imported}");
    let toml = imported["toml"].as_str().unwrap();
    assert!(toml.contains("[decisions]\noptions_max = 25\nsession_ttl_s = 172800\n"), "{toml}");
}
