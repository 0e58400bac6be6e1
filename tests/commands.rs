//! What is typed and what comes back: words and tables for people, one JSON document for programs, a code for scripts.

use crate::support::{Ended, Simulate, althing, chat, get, nobody, post, provider, question, until};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use testkit::{Reply, Upstream};

/// A terminal is this wide.
const WIDTH: usize = 80;

/// A home, perhaps with settings in it.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn with(settings: &str) -> Self {
        let home = Self::new();
        fs::write(home.0.path().join("althing.toml"), settings).unwrap();
        home
    }

    /// With an address that is free whatever runs on this machine.
    fn free() -> Self {
        Self::with("[server]\nbind = '127.0.0.1:0'\n")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = althing(self.0.path());
        command.args(arguments);
        command
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        Ended::of(self.command(arguments))
    }
}

/// The one document on standard output.
fn document(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("not one document ({error}): {ended:?}"))
}

/// Asserts that the pieces stand in the text in this order.
fn in_order(text: &str, pieces: &[&str]) {
    let mut rest = text;
    for piece in pieces {
        let at = rest.find(piece).unwrap_or_else(|| panic!("no {piece:?} in\n{rest}\nof\n{text}"));
        rest = &rest[at + piece.len()..];
    }
}

fn fits(text: &str) {
    for line in text.lines() {
        assert!(line.chars().count() <= WIDTH, "{} columns: {line}", line.chars().count());
    }
}

/// Settings of `models` of a simulated upstream, with what else is given.
fn simulated(script: &str, models: &[&str], more: &str) -> (Simulate, Home) {
    let simulate = Simulate::start(script);
    let home = Home::with(&format!("{}\n{more}", provider("sim", &simulate.url(), models)));
    (simulate, home)
}

#[test]
fn help_fits_a_terminal() {
    let home = Home::new();
    let commands = ["", "up", "simulate", "ask", "doctor", "config", "config check", "mcp", "mcp stdio", "completions"];
    for command in commands {
        let arguments: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        let ended = home.run(&arguments);
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{command}");
        assert!(ended.stdout.contains("Usage: althing") && ended.stdout.contains("--json"), "{}", ended.stdout);
        fits(&ended.stdout);
    }
}

#[test]
fn an_answer_comes_with_its_report() {
    let ended = Home::new().run(&["ask", "what", "is 6 times 7?"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    fits(&ended.stdout);
    let pieces = [
        "You asked: what is 6 times 7?",
        "SIMULATED",
        "agreement  reached",
        "caution    simulated",
        "member ",
        "outcome",
        "scripted/ash ",
        "answered",
        "served by  scripted/",
        "request    req_",
    ];
    in_order(&ended.stdout, &pieces);
}

#[test]
fn programs_get_one_document() {
    let home = Home::free();
    let answer = document(&home.run(&["ask", "hi", "--json"]));
    assert!(answer["answer"].as_str().unwrap().ends_with("You asked: hi"), "{answer}");
    assert_eq!((&answer["simulated"], &answer["agreement"]["asked"]), (&Value::from(true), &Value::from(5)));
    for arguments in [
        ["doctor", "--json"].as_slice(),
        &["config", "check", "--json"],
        &["config", "show", "--json"],
        &["config", "schema", "--json"],
        &["completions", "bash", "--json"],
    ] {
        let ended = home.run(arguments);
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{arguments:?}");
        assert!(document(&ended).is_object());
    }
}

#[test]
fn the_question_can_come_through_a_pipe() {
    let home = Home::new();
    let file = home.0.path().join("question.txt");
    for (bytes, code, expect) in [
        (b"line one\nline two\n".as_slice(), 0, "You asked: line one\nline two\n\n"),
        (b"\xff", 2, "not text"),
        (b" \n", 2, "is empty"),
    ] {
        fs::write(&file, bytes).unwrap();
        let mut command = home.command(&["ask", "-"]);
        command.stdin(Stdio::from(fs::File::open(&file).unwrap()));
        let ended = Ended::of(command);
        assert_eq!(ended.code, Some(code), "{ended:?}");
        in_order(if code == 0 { &ended.stdout } else { &ended.stderr }, &[expect]);
    }
}

#[test]
fn a_name_nobody_has_is_answered_with_the_nearest() {
    let home = Home::new();
    for (arguments, expect) in [
        (["--model", "scripted/ahs"], "did you mean `scripted/ash`"),
        (["--model", "zzzzzz"], "there are the models `quorum`, `scripted/ash`"),
        (["--panel", "quorm"], "did you mean `quorum`?"),
        (["--panel", "scripted/ash"], "`--model scripted/ash`"),
    ] {
        let ended = home.run(&["ask", arguments[0], arguments[1], "hi"]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
        in_order(&ended.stderr, &["error: the ", arguments[1], "does not exist", "hint: ", expect]);
    }
    let ended = home.run(&["ask", "--json", "-m", "zzzzzz", "hi"]);
    assert_eq!(document(&ended)["error"]["code"], "model_not_found");
    in_order(&ended.stderr, &["error: the model `zzzzzz` does not exist\n"]);
}

#[test]
fn where_nobody_answers_every_attempt_has_its_line() {
    let panel = "[[panel]]\nname = 'dead'\nmembers = ['sim/bad', 'sim/worse']";
    let script = "[models.bad]\nerror_rate = 1.0\n[models.worse]\ngarbage_rate = 1.0";
    let (_simulate, home) = simulated(script, &["bad", "worse"], panel);
    let ended = home.run(&["ask", "-p", "dead", "hi"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(4), ""));
    let pieces = ["error: no model answered", "\n  sim/bad: ", "500", "\n  sim/worse: ", "not a chat reply", "hint: "];
    in_order(&ended.stderr, &pieces);
    fits(&ended.stderr);
    let told = document(&home.run(&["ask", "-p", "dead", "hi", "--json"]));
    assert_eq!(told["error"]["code"], "no_model_answered");
    assert!(told["error"]["attempts"].as_array().unwrap().iter().any(|attempt| attempt["model"] == "sim/worse"));
}

#[test]
fn a_panel_that_does_not_agree_shows_who_said_what() {
    let script = "[models.a]\nanswers = ['Paris']\n[models.b]\nanswers = ['Rome']";
    let panel = "[[panel]]\nname = 'split'\nmembers = ['sim/a', 'sim/b']";
    let (_simulate, home) = simulated(script, &["a", "b"], panel);
    let ended = home.run(&["ask", "-p", "split", "hi"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    in_order(&ended.stdout, &["Paris", "Rome", "NOT REACHED", "sim/a", "answered", "sim/b", "answered"]);
    fits(&ended.stdout);
    let strict =
        format!("{}\non_disagreement = 'error'\n", fs::read_to_string(home.0.path().join("althing.toml")).unwrap());
    let ended = Home::with(&strict).run(&["ask", "-p", "split", "hi"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    in_order(&ended.stderr, &["error: the panel `split` did not agree", "Paris\n", "by sim/a", "Rome\n", "hint: "]);
}

#[test]
fn an_answer_cannot_command_the_terminal() {
    let (_simulate, home) = simulated("[models.a]\nanswers = [\"\\u001b[2Jred\\r\"]", &["a"], "");
    let ended = home.run(&["ask", "hi"]);
    assert!(ended.code == Some(0) && !ended.stdout.contains(['\u{1b}', '\r']), "{ended:?}");
}

#[tokio::test]
async fn ctrl_c_ends_a_question() {
    let (simulate, home) = simulated("[models.hang]\nhang_rate = 1.0", &["hang"], "");
    let mut command = home.command(&["ask", "hi"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    until("it asks", async || (simulate.requests().await > 0).then_some(())).await;
    let told = Instant::now();
    let kill = format!("kill -INT {}", child.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(told.elapsed() < Duration::from_secs(2), "{:?}", told.elapsed());
}

#[test]
fn a_fresh_machine_is_only_warned() {
    let ended = Home::free().run(&["doctor"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    fits(&ended.stdout);
    let pieces =
        ["ok    config", "ok    data", "warn  provider scripted", "fix: ", "OPENAI_API_KEY", "ok    panel quorum"];
    in_order(&ended.stdout, &pieces);
    in_order(&ended.stdout, &["warn  embedder", "fix: ", "make model"]);
    in_order(&ended.stdout, &["ok    clock", "\n2 warnings\n"]);
}

#[tokio::test]
async fn the_doctor_tells_providers_apart() {
    let key = Upstream::start(|_| Reply::error(401, "invalid_api_key", "SECRET")).await;
    let good = Upstream::start(|_| Reply::body(200, "application/json", r#"{"data":[{"id":"m-1"}]}"#)).await;
    let gone = nobody();
    let free = "[server]\nbind = '127.0.0.1:0'\n";
    let check = |settings: String| async move {
        tokio::task::spawn_blocking(move || {
            let home = Home::with(&format!("{free}{settings}"));
            (home.run(&["doctor"]), document(&home.run(&["doctor", "--json"])))
        })
        .await
        .unwrap()
    };
    let (ended, told) = check(provider("good", &good.url(), &["m-1", "m-2"])).await;
    assert_eq!((ended.code, &told["ok"]), (Some(0), &Value::from(true)));
    in_order(&ended.stdout, &["ok    provider good", "1 model\n", "warn  provider good", "`m-2`", "fix: "]);
    let (ended, _) = check(provider("key", &key.url(), &["m"])).await;
    assert_eq!(ended.code, Some(1));
    in_order(&ended.stdout, &["FAIL  provider key", "refuses the key with 401", "fix: ", "1 failed"]);
    assert!(!ended.stdout.contains("SECRET"));
    let both = format!("{}{}", provider("good", &good.url(), &["m-1"]), provider("gone", &gone, &["m"]));
    let (ended, told) = check(both).await;
    assert_eq!((ended.code, &told["ok"]), (Some(4), &Value::from(false)));
    in_order(&ended.stdout, &["ok    provider good", "FAIL  provider gone", "refused", "fix: "]);
    fits(&ended.stdout);
    let failed = told["checks"].as_array().unwrap().iter().find(|check| check["status"] == "fail").unwrap();
    assert!(failed["name"] == "provider gone" && failed["fix"].is_string(), "{failed}");
}

#[test]
fn wrong_settings_are_shown_line_by_line() {
    let wrong = "[[provider]]\nname = 'a'\nkind = 'opnai'\nmodels = ['x']\n\n[[provider]]\nname = 'b'\n\
                 api_key = 'env:NOT_SET'\n\n[[provider]]\nname = 'c'\nmodels = ['gpt-1']\n\n\
                 [[panel]]\nname = 'p'\nmembers = [\n  'a/x',\n  'c/gpt-2',\n  'nobody/z',\n]\n";
    let home = Home::with(wrong);
    let ended = home.run(&["config", "check"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(3), ""));
    let pieces = [
        "`opnai` at althing.toml:3:9",
        "^^^^^",
        "did you mean `openai`?",
        "env:NOT_SET",
        "althing.toml:8:12",
        "`c/gpt-2`",
        "althing.toml:18:4",
        "did you mean `c/gpt-1`?",
        "`nobody/z`",
        "althing.toml:19:4",
        "4 problems found",
    ];
    in_order(&ended.stderr, &pieces);
    let told = document(&home.run(&["config", "check", "--json"]));
    assert_eq!((&told["ok"], &told["problems"][0]["line"]), (&Value::from(false), &Value::from(3)));
    let ended = home.run(&["doctor"]);
    assert_eq!(ended.code, Some(3));
    in_order(&ended.stdout, &["FAIL  provider a", "fix: did you mean `openai`?", "FAIL  provider b", "FAIL  panel p"]);
    for command in [["ask", "hi"], ["up", "--only=http"], ["mcp", "stdio"]] {
        let ended = home.run(&command);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(3), ""), "{command:?}");
        in_order(&ended.stderr, &["error: provider `a`", "althing.toml:3:9", "^^^^^", "hint: "]);
    }
}

#[test]
fn settings_in_force_name_their_origin_and_no_secret() {
    let home = Home::with("[server]\nn_max = 3\n[[provider]]\nname = 'a'\napi_key = 'env:KEY'\nmodels = ['m']\n");
    let mut command = home.command(&["config", "show"]);
    command.env("KEY", "sk-SECRET").env("ALTHING__SERVER__DRAIN_MS", "5");
    let ended = Ended::of(command);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for (path, value, origin) in [
        ("server.n_max ", "= 3 ", "# althing.toml:2\n"),
        ("server.drain_ms ", "= 5 ", "# env ALTHING__SERVER__DRAIN_MS\n"),
        ("server.bind ", "= \"127.0.0.1:8700\"", "# default\n"),
        ("provider[0].api_key ", "= \"env:KEY\"", "# althing.toml:5\n"),
    ] {
        let line = ended.stdout.split_inclusive('\n').find(|line| line.starts_with(path));
        in_order(line.unwrap_or_else(|| panic!("no {path}")), &[path, value, origin]);
    }
    assert!(!ended.stdout.contains("SECRET"));
    let mut command = home.command(&["config", "check"]);
    command.env("KEY", "sk-SECRET");
    let ended = Ended::of(command);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "ok: althing.toml (4 settings)\n"));
}

#[test]
fn a_kind_of_model_that_the_program_was_built_without_is_refused() {
    let home = Home::with("[server]\nbind = '127.0.0.1:0'\n[embed]\nkind = 'onnx'\npath = '/srv/model'\n");
    let told = "`embed.kind` is `onnx`, which this program was built without";
    for command in [["config", "check"].as_slice(), &["up"]] {
        let ended = home.run(command);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(3), ""), "{command:?}");
        in_order(&ended.stderr, &[told, "hint: build it with", "--features onnx"]);
    }
    let ended = home.run(&["doctor"]);
    in_order(&ended.stdout, &["FAIL  embedder", "`embed.kind` is `onnx`", "fix: build it with"]);
}

#[test]
fn every_shell_has_its_completions() {
    let home = Home::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let ended = home.run(&["completions", shell]);
        assert!(ended.code == Some(0) && ended.stdout.contains("doctor"), "{shell}");
    }
}

#[test]
fn standard_output_of_mcp_is_protocol_alone() {
    let home = Home::new();
    let file = home.0.path().join("client.txt");
    let hello = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}
{"jsonrpc":"2.0","method":"notifications/initialized"}
{"jsonrpc":"2.0","id":2,"method":"tools/list"}
"#;
    fs::write(&file, hello).unwrap();
    let mut command = home.command(&["mcp", "stdio"]);
    command.stdin(Stdio::from(fs::File::open(&file).unwrap()));
    let ended = Ended::of(command);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let lines: Vec<Value> = ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((lines.len(), &lines[1]["result"]["tools"][0]["name"]), (2, &Value::from("find_tools")));
}

#[test]
fn slips_are_answered_with_what_was_meant() {
    let home = Home::new();
    for (arguments, expect) in [
        (["doctr"].as_slice(), "'doctor'"),
        (&["config", "chek"], "'check'"),
        (&["ask", "--modle", "x", "hi"], "'--model'"),
        (&["completions", "fihs"], "'fish'"),
        (&["ask"], "<PROMPT>"),
        (&["--log", "inof", "ask", "hi"], "did you mean `info`?"),
    ] {
        let ended = home.run(arguments);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{arguments:?}");
        in_order(&ended.stderr, &["error: ", expect]);
        let ended = home.run(&[arguments, &["--json"]].concat());
        assert_eq!((ended.code, &document(&ended)["error"]["code"].is_string()), (Some(2), &true), "{ended:?}");
    }
    assert_eq!(home.run(&[]).code, Some(2));
    let ended = home.run(&["--config", "nowhere.toml", "ask", "hi"]);
    assert_eq!(ended.code, Some(3));
    in_order(&ended.stderr, &["error: no settings file at `nowhere.toml`", "hint: "]);
}

#[test]
fn a_reader_who_leaves_is_no_error() {
    let home = Home::free();
    for arguments in [["config", "schema"].as_slice(), &["ask", "hi"], &["doctor"], &["completions", "zsh"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = home.command(arguments);
        let mut child = command.stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
        drop(command);
        let status = child.wait().unwrap();
        let mut said = String::new();
        std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut said).unwrap();
        assert_eq!((status.code(), said.as_str()), (Some(0), ""), "{arguments:?}");
    }
}

#[tokio::test]
async fn what_hangs_does_not_keep_a_simulation() {
    for (signals, code) in [(1, 0), (2, 1)] {
        let simulate = Simulate::start("[default]\nhang_rate = 1.0");
        let address = simulate.address();
        let hanging = tokio::spawn(async move { chat(address, &question("m", false)).await.status });
        until("it is asked", async || (simulate.requests().await > 0).then_some(())).await;
        let told = Instant::now();
        for _ in 0..signals {
            simulate.signal("TERM");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(simulate.ended().await, Some(code));
        assert!(told.elapsed() < Duration::from_secs(3), "{:?}", told.elapsed());
        assert!(hanging.await.is_err(), "it was answered");
    }
}

#[tokio::test]
async fn every_reply_of_a_simulation_says_so() {
    let script = "[models.bad]\nerror_rate = 1.0\n[models.odd]\ngarbage_rate = 1.0";
    let simulate = Simulate::start(script);
    let address = simulate.address();
    let mut replies = vec![get(address, "/v1/models").await, get(address, "/nowhere").await];
    for path in ["/v1/chat/completions", "/v1/messages"] {
        replies.push(get(address, path).await);
        replies.push(post(address, path, b"{").await.finish().await);
        for model in ["good", "bad", "odd"] {
            for stream in [false, true] {
                let body = question(model, stream).to_string();
                replies.push(post(address, path, body.as_bytes()).await.finish().await);
            }
        }
    }
    for reply in &replies {
        assert_eq!(reply.header("x-althing-simulated"), Some("true"), "{reply:?}");
    }
    let statuses = [200, 400, 404, 405, 500];
    assert!(statuses.iter().all(|status| replies.iter().any(|reply| reply.status == *status)), "{replies:?}");
}

#[tokio::test]
async fn a_panel_of_which_some_are_simulated_is_not_called_made_up() {
    let upstream = Upstream::start(|_| Reply::chat("Paris")).await;
    let settings = format!(
        "{}[[provider]]\nname = 's'\nkind = 'scripted'\n[[provider.models]]\nname = 'a'\n\
         script = {{ answers = ['Paris'] }}\n[[panel]]\nname = 'mixed'\nmembers = ['kit/m', 's/a']\n\
         agreement = 1.0\n",
        provider("kit", &upstream.url(), &["m"])
    );
    let ended = tokio::task::spawn_blocking(move || {
        let home = Home::with(&settings);
        (home.run(&["ask", "-p", "mixed", "hi"]), home.run(&["ask", "-m", "s/a", "hi"]))
    });
    let (mixed, alone) = ended.await.unwrap();
    in_order(&mixed.stdout, &["Paris\n", "1 of 2 answers are simulated\n", "agreement  "]);
    assert!(!mixed.stdout.contains("SIMULATED"), "{}", mixed.stdout);
    in_order(&alone.stdout, &["Paris\n", "SIMULATED", "served by  s/a"]);
}

#[test]
fn data_that_cannot_be_kept_is_told_before_anything_is_served() {
    // Not even the superuser can make a file in this one.
    let folder = "/proc";
    let home = Home::free();
    let ended = home.run(&["up", "--data", folder]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(3), ""), "{ended:?}");
    in_order(&ended.stderr, &["error: cannot use the data folder `/proc`", "hint: ", "`--data DIR`"]);
    in_order(&home.run(&["doctor", "--data", folder]).stdout, &["FAIL  data", "/proc cannot be written"]);
}

#[test]
fn the_greeting_offers_what_is_served() {
    for (only, api, mcp) in [("http,mcp", true, true), ("http", true, false), ("mcp", false, true)] {
        let home = Home::free();
        let mut command = home.command(&["up", "--only", only, "--log", "error"]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut greeting = String::new();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        while !greeting.contains("try:") || !greeting.ends_with("\n\n") {
            assert!(lines.read_line(&mut greeting).unwrap() > 0, "{greeting}");
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!((greeting.contains("/v1/"), greeting.contains("/mcp\n")), (api, mcp), "{greeting}");
    }
}
