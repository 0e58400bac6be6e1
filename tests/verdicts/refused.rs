//! What makes no sense is refused before anything is sent: with a sentence, a next step and a code.

use super::desk::{Desk, coded, root, scenario};
use crate::support::{Simulate, nobody};
use testkit::{Reply, Upstream};

/// Runs it in words and as JSON: both name all of `pieces`, and both end with this code.
fn refuses(desk: &Desk, arguments: &[&str], code: i32, pieces: &[&str]) {
    let told = desk.told(&[&["load", "run"], arguments, &["--no-save"]].concat());
    assert_eq!((told.code, told.stdout.as_str()), (Some(code), ""), "{arguments:?}: {told:?}");
    assert!(told.stderr.starts_with("error: "), "{told:?}");
    let (same, document) = coded(desk.told(&[&["load", "run"], arguments, &["--no-save", "--json"]].concat()));
    let error = &document["error"];
    assert_eq!(same, code, "{arguments:?}: {document}");
    assert!(error["code"].is_string() && document.as_object().unwrap().len() == 1, "{document}");
    let said = format!("{} {}", error["message"].as_str().unwrap(), error["hint"].as_str().unwrap_or_default());
    for piece in pieces {
        assert!(told.stderr.contains(piece), "{arguments:?}: no {piece:?} in {}", told.stderr);
        assert!(said.contains(piece), "{arguments:?}: no {piece:?} in {said}");
    }
}

const HEAD: &str = "users = 5\noperations = 20\nduration_s = 0.5\n";

#[tokio::test]
async fn scenarios_that_cannot_be() {
    let (simulate, desk) = (Simulate::start("[default]\n"), Desk::new());
    let target = root(&simulate);
    let good = scenario(HEAD, "kind = \"chat\"\n[slo]\nsuccess_min = 0.9\np95_ms_max = 500.0");
    desk.file("good.toml", &good);
    for (what, from, to, pieces) in [
        ("users.toml", "users = 5", "users = 0", ["`users` must be from 1", "`0`"].as_slice()),
        ("operations.toml", "operations = 20", "operations = 0", &["`operations` must be from 1"]),
        ("target.toml", "500.0", "-500.0", &["`slo.p95_ms_max` must be above 0", "target.toml:"]),
        ("share.toml", "0.9", "95.0", &["`slo.success_min`", "share from 0 to 1", "0.95"]),
        ("kind.toml", "\"chat\"", "\"chart\"", &["mix[0].kind", "did you mean `chat`?", "kind.toml:"]),
        ("pattern.toml", "users = 5", "pattern = \"brust\"\nusers = 5", &["did you mean `burst`?"]),
        (
            "key.toml",
            "operations",
            "operation",
            &["unknown key `operation`", "did you mean `operations`?", "key.toml:"],
        ),
        ("file.toml", "\"chat\"", "\"chat\"\nprompt_file = \"gone.txt\"", &["gone.txt", "no such file"]),
        ("duration.toml", "duration_s = 0.5", "duration_s = 0.0", &["`duration_s` must be above 0"]),
        ("time.toml", "duration_s = 0.5", "duration_s = nan", &["`duration_s` must be above 0"]),
        ("toml.toml", "users = 5", "users =", &["not valid TOML", "toml.toml:"]),
        ("empty.toml", &good, "", &["mix"]),
    ] {
        assert!(good.contains(from), "{from}");
        desk.file(what, &good.replace(from, to));
        refuses(&desk, &[what, "--target", &target], 2, pieces);
    }
    for (arguments, pieces) in [
        (["good.toml", "--users", "0"].as_slice(), ["`users` must be from 1"].as_slice()),
        (&["good.toml", "--operations", "0"], &["`operations` must be from 1"]),
        (&["good.toml", "--duration", "0"], &["`duration_s` must be above 0"]),
        (&["good.toml", "--timeout", "0"], &["`timeout_ms` must be from 1"]),
        (&["good.toml", "--workers", "0"], &["--workers"]),
        (&["good.toml", "--scenario", "other"], &["no scenario `other`", "`small`"]),
        (&["acadmic"], &["`acadmic`", "did you mean `academic`?"]),
        (&["gone.toml"], &["gone.toml", "no such file"]),
        (&["./"], &["./", "directory"]),
        (&["good.toml", "--header", "nonsense"], &["a header cannot be read", "NAME: VALUE"]),
    ] {
        refuses(&desk, &[arguments, &["--target", &target]].concat(), 2, pieces);
    }
    refuses(&desk, &["good.toml", "--target", &target, "--key", "env:UNSET"], 3, &["env:UNSET", "not set"]);
    assert_eq!(simulate.requests().await, 0, "something was sent");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn targets_that_cannot_be() {
    let desk = Desk::new();
    desk.file("good.toml", &scenario(HEAD, "kind = \"chat\""));
    let gone = nobody();
    refuses(&desk, &["good.toml", "--target", &gone], 4, &["cannot reach", "start the target"]);
    for wrong in ["ftp://127.0.0.1:1", "http://", "two words"] {
        refuses(&desk, &["good.toml", "--target", wrong], 2, &[wrong, "is no address of a server", "http://"]);
    }
    // Somebody who is no server of models.
    let other = Upstream::start(|_| Reply::error(404, "not_found", "SECRET")).await;
    let target = other.url();
    refuses(&desk, &["good.toml", "--target", &target], 4, &["lists no model", "404", "--model"]);
    let seen = other.seen().len();
    assert_eq!(desk.run("good.toml", &target, &["--model", "m"]).code, Some(super::desk::FAIL));
    assert!(other.seen().len() > seen);
    refuses(
        &desk,
        &["good.toml", "--target", &target, "--model", "m", "--out", "good.toml"],
        1,
        &["good.toml", "--out"],
    );
    refuses(&desk, &["good.toml", "--target", &target, "--baseline", "gone.json"], 2, &["gone.json"]);
}

#[test]
fn usage() {
    let desk = Desk::new();
    for arguments in [["load", "run"].as_slice(), &["load", "run", "academic", "--nonsense"], &["load"]] {
        assert_eq!(desk.told(arguments).code, Some(2), "{arguments:?}");
    }
    for command in ["load", "load run", "load sweep", "load compare", "load report", "load trend", "plan"] {
        let arguments: Vec<&str> = command.split(' ').chain(["--help"]).collect();
        assert_eq!(desk.told(&arguments).code, Some(0), "{command}");
    }
}
