//! Who can be measured: REST, MCP, embeddings, and keys that are sent and never shown.

use super::desk::{Desk, PASS, coded, errors, root, scenario};
use crate::support::{Place, Server, Simulate};
use serde_json::{Value, json};
use testkit::{Reply, Upstream};

const HEAD: &str = "users = 5\noperations = 100\nduration_s = 1.0\n";

/// Everything succeeded.
fn is_whole(report: &Value) {
    for one in report["scenarios"].as_array().unwrap() {
        assert_eq!(one["success"]["count"], one["planned"], "{}", one["errors"]);
    }
}

#[test]
fn every_door_of_the_house() {
    let (server, desk) = (Server::start(""), Desk::new());
    let ask = "kind = \"mcp\"\nname = \"asked\"\ntool = \"ask\"\narguments = { prompt = \"{prompt}\" }";
    let doors = [
        "kind = \"rest\"\nname = \"alive\"\npath = \"/livez\"",
        "kind = \"mcp\"\nname = \"tools\"",
        ask,
        "kind = \"chat\"\nname = \"chat\"",
        "kind = \"stream\"\nname = \"stream\"",
        "kind = \"rest\"\nname = \"posted\"\npath = \"/v1/chat/completions\"\n\
         body = '{ \"model\": \"quorum\", \"messages\": [{ \"role\": \"user\", \"content\": \"{n}\" }] }'",
    ];
    desk.file("s.toml", &scenario(HEAD, &doors.join("\n[[mix]]\n")));
    let (code, report) = desk.report("s.toml", &server.url(), &[]);
    assert_eq!(code, PASS, "{report}");
    is_whole(&report);
    let rows = report["scenarios"][0]["by_operation"].as_array().unwrap().clone();
    let names: Vec<&str> = rows.iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["alive", "tools", "asked", "chat", "stream", "posted"]);
    assert!(rows.iter().all(|row| row["success"]["of"].as_u64().unwrap() > 0), "{rows:?}");
    let models: Vec<&Value> = rows.iter().map(|row| &row["model"]).collect();
    let (none, panel) = (&Value::Null, &json!("quorum"));
    assert_eq!(models, [none, none, none, panel, panel, none]);
    assert!(report["scenarios"][0]["first_token_ms"]["count"].as_u64().unwrap() > 0);
    assert_eq!((&report["target"]["url"], &report["target"]["simulated"]), (&json!(server.url()), &json!(true)));
    assert!(report["target"]["althing"].is_string(), "{}", report["target"]);
}

#[test]
fn what_a_door_refuses_is_a_failure() {
    let (server, desk) = (Server::start(""), Desk::new());
    for (mix, class) in [
        ("kind = \"rest\"\npath = \"/nowhere\"", "status_4xx"),
        ("kind = \"mcp\"\ntool = \"nonesuch\"", "tool_error"),
        ("kind = \"chat\"\nmodel = \"nonesuch\"", "status_4xx"),
        ("kind = \"stream\"\nmodel = \"nonesuch\"", "status_4xx"),
    ] {
        desk.file("s.toml", &scenario(HEAD, mix));
        let (code, report) = desk.report("s.toml", &server.url(), &["--operations", "20"]);
        assert_eq!(
            (code, errors(&report["scenarios"][0], class)),
            (99, 20),
            "{mix}: {}",
            report["scenarios"][0]["errors"]
        );
    }
}

#[test]
fn embeddings_and_a_root_with_its_v1() {
    let (simulate, desk) = (Simulate::start("[models.tiny]\n"), Desk::new());
    desk.file("s.toml", &scenario(HEAD, "kind = \"embeddings\"\n[[mix]]\nkind = \"chat\""));
    for target in [root(&simulate), simulate.url(), simulate.url() + "/"] {
        let (code, report) = desk.report("s.toml", &target, &[]);
        assert_eq!(code, PASS, "{report}");
        is_whole(&report);
        assert_eq!((&report["target"]["url"], &report["target"]["althing"]), (&json!(root(&simulate)), &Value::Null));
        let rows = report["scenarios"][0]["by_operation"].as_array().unwrap();
        assert!(rows.iter().all(|row| row["model"] == "tiny"), "{rows:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_sent_and_never_shown() {
    const KEY: &str = "sk-very-secret-0123456789";
    const HEADER: &str = "header-very-secret-0123456789";
    let models = json!({ "data": [{ "id": "m" }] });
    let reply = move |seen: &testkit::Seen| {
        if seen.path == "/v1/models" { Reply::json(200, &models) } else { Reply::chat("hi") }
    };
    let (upstream, desk) = (Upstream::start(reply).await, Desk::new());
    desk.file("s.toml", &scenario(HEAD, "kind = \"chat\""));
    desk.file("key", KEY);
    let header = format!("X-More: {HEADER}");
    for (reference, json) in [("env:LOAD_KEY", true), ("file:key", false)] {
        let asked = upstream.seen().len();
        let target = upstream.url();
        let mut arguments = vec!["load", "run", "s.toml", "--target", &target, "--out", "out", "--key", reference];
        arguments.extend(["--header", &header, "--log", "debug"]);
        arguments.extend(json.then_some("--json"));
        let mut command = desk.command(&arguments);
        command.env("LOAD_KEY", KEY);
        let ended = super::desk::Running::start(command).ended();
        assert_eq!(ended.code, Some(PASS), "{ended:?}");
        let seen = upstream.seen();
        assert!(seen.len() >= asked + 101, "{}", seen.len());
        for request in &seen[asked..] {
            assert_eq!(request.header("authorization"), Some(format!("Bearer {KEY}").as_str()), "{}", request.path);
            assert_eq!(request.header("x-more"), Some(HEADER), "{}", request.path);
        }
        let shown = [ended.stdout, ended.stderr, desk.text("out/report.json"), desk.text("out/report.html")];
        for text in &shown {
            assert!(!text.contains("secret"), "{text}");
        }
    }
    // Credentials in the address would not be sent: they are refused, and not repeated.
    for (flag, other) in [("--target", None), ("--inject", Some(upstream.url()))] {
        let with_user = upstream.url().replace("http://", &format!("http://user:{KEY}@"));
        let other = other.iter().flat_map(|url| ["--target", url]);
        let arguments: Vec<&str> = ["load", "run", "s.toml", flag, &with_user].into_iter().chain(other).collect();
        let ended = desk.told(&arguments);
        assert!(ended.code == Some(2) && ended.stderr.contains("`--key env:NAME`"), "{ended:?}");
        assert!(!ended.stderr.contains("secret"), "{ended:?}");
    }
    // What was kept tells nothing either.
    let kept = std::fs::read(desk.path().join(".local/share/althing/althing.db")).unwrap();
    assert!(!kept.windows(KEY.len()).any(|bytes| bytes == KEY.as_bytes() || bytes == &HEADER.as_bytes()[..KEY.len()]));
}

#[test]
fn a_house_with_keys_measures_who_has_one() {
    let place = Place::new("");
    let key = place.key("user", "acme");
    let (server, desk) = (place.start(), Desk::new());
    desk.file("key", &key);
    desk.file("s.toml", &scenario(HEAD, "kind = \"chat\"\nmodel = \"quorum\""));
    let (code, report) = coded(desk.run("s.toml", &server.url(), &["--json"]));
    assert_eq!((code, errors(&report["scenarios"][0], "denied")), (99, 100), "{}", report["scenarios"][0]["errors"]);
    let (code, report) = desk.report("s.toml", &server.url(), &["--key", "file:key"]);
    assert_eq!(code, PASS, "{}", report["scenarios"][0]["errors"]);
    is_whole(&report);
}
