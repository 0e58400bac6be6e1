//! The commands of README.md, run exactly as they are printed, and the files under `examples/`.
//!
//! A block marked `console` holds commands behind `$ ` and what they print; `…` in it stands for anything. The first
//! block starts the server that the others talk to.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A release build on a small machine, from nothing.
const RUN_S: u64 = 1_500;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// One command and what it should print.
struct Step {
    command: String,
    expected: String,
}

fn steps(readme: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut inside = false;
    for line in readme.lines() {
        match line {
            "```console" => inside = true,
            "```" => inside = false,
            _ if !inside => {}
            _ => match line.strip_prefix("$ ") {
                Some(command) => steps.push(Step { command: command.to_owned(), expected: String::new() }),
                None => {
                    let step = steps.last_mut().expect("a console block begins with a command");
                    let goes_on = step.expected.is_empty() && step.command.ends_with('\\');
                    let text = if goes_on { &mut step.command } else { &mut step.expected };
                    text.push_str(&format!("{}{line}\n", if goes_on { "\n" } else { "" }));
                    if goes_on {
                        let trimmed = step.command.trim_end().len();
                        step.command.truncate(trimmed);
                    }
                }
            },
        }
    }
    steps
}

/// Whether `text` is `pattern` with anything in place of each `…`.
fn fits(text: &str, pattern: &str) -> bool {
    let squeeze = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (text, pattern) = (squeeze(text), squeeze(pattern));
    let mut parts: Vec<&str> = pattern.split('…').map(str::trim).collect();
    let Some(last) = parts.pop().filter(|_| !parts.is_empty()) else { return text == pattern };
    let Some(mut rest) = parts.first().and_then(|first| text.strip_prefix(first)) else { return false };
    for part in &parts[1..] {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

fn shell(command: &str) -> Command {
    let mut shell = Command::new("bash");
    shell.arg("-c").arg(command).current_dir(root());
    // What another make would pass on, keys that would bring real models in, and what the runner of the tests tells of this
    // package: a build script that looks at that would have the release built anew.
    let foreign = ["MAKEFLAGS", "MAKELEVEL", "MFLAGS", "OPENAI_API_KEY", "ANTHROPIC_API_KEY", "PERPLEXITY_API_KEY"];
    let package = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_CRATE_", "CARGO_BIN_", "CARGO_PRIMARY_PACKAGE", "OUT_DIR"];
    for (key, _) in std::env::vars() {
        if foreign.contains(&&*key) || package.iter().any(|prefix| key.starts_with(prefix)) {
            shell.env_remove(key);
        }
    }
    shell
}

/// The server that `make run` started, stopped with its whole process group.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-TERM", "--", &format!("-{}", self.0.id())]).status();
        let _ = self.0.wait();
    }
}

/// Starts the first step and reads what it prints until all that is expected has come.
fn start(step: &Step) -> Running {
    use std::os::unix::process::CommandExt;
    let mut child = shell(&step.command).process_group(0).stdout(Stdio::piped()).spawn().unwrap();
    let (send, lines) = std::sync::mpsc::channel();
    let output = child.stdout.take().unwrap();
    std::thread::spawn(move || {
        BufReader::new(output).lines().map_while(Result::ok).try_for_each(|line| send.send(line))
    });
    let running = Running(child);
    let deadline = Instant::now() + Duration::from_secs(RUN_S);
    let mut seen = String::new();
    while !fits(&seen, &step.expected) {
        let left = deadline.saturating_duration_since(Instant::now());
        let line = lines.recv_timeout(left).unwrap_or_else(|_| panic!("`{}` printed\n{seen}", step.command));
        seen.push_str(&line);
        seen.push('\n');
    }
    running
}

#[test]
fn every_command_of_the_readme_does_what_it_says() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let steps = steps(&readme);
    assert!(steps.len() >= 5 && steps[0].command == "make run", "the README begins with `make run`");
    assert!(
        std::net::TcpListener::bind("127.0.0.1:8700").is_ok(),
        "something listens on 127.0.0.1:8700, where the README's commands look for the server"
    );
    let _running = start(&steps[0]);
    for step in &steps[1..] {
        let output = shell(&step.command).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(fits(&text, &step.expected), "`{}` printed\n{text}{errors}\nnot\n{}", step.command, step.expected);
    }
}

#[test]
fn every_example_is_a_good_settings_file() {
    let examples = ["panel", "fallback", "balance", "cache", "escalation"].map(|name| format!("examples/{name}.toml"));
    for file in examples.iter().map(String::as_str).chain(["althing.example.toml"]) {
        let checked = Command::new(env!("CARGO_BIN_EXE_althing"))
            .args(["config", "check", "--config", file])
            .current_dir(root())
            .env_clear()
            // What the example's secrets refer to.
            .envs(["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"].map(|name| (name, "x")))
            .output()
            .unwrap();
        assert!(checked.status.success(), "{file}: {}", String::from_utf8_lossy(&checked.stderr));
    }
}

/// What stands between single backticks in the prose of a page.
fn quoted(page: &str) -> Vec<&str> {
    let prose = page.split("```").step_by(2);
    prose.flat_map(|text| text.split('`').skip(1).step_by(2)).collect()
}

#[test]
fn every_file_that_the_pages_name_is_there() {
    let mut named = 0;
    for page in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "docs/providers.md", "examples/README.md"] {
        let text = std::fs::read_to_string(root().join(page)).unwrap();
        for path in quoted(&text).into_iter().filter(|path| path.starts_with("crates/") || path.starts_with("docs/")) {
            assert!(root().join(path).exists(), "{page} names `{path}`, which is not there");
            named += 1;
        }
    }
    assert!(named >= 8, "only {named} paths found: is the page still read?");
}

#[test]
fn a_stranger_finds_presets_a_404_and_the_breakers_default() {
    let finds = |path: &str, text: &str| {
        let file = std::fs::read_to_string(root().join(path)).unwrap();
        assert!(file.contains(text), "{path} no longer holds `{text}`: mend ARCHITECTURE.md");
    };
    finds("crates/resources/presets/src/lib.rs", "kind: \"groq\"");
    finds("crates/doors/http/src/refusal.rs", "fn no_such_path");
    finds("crates/engines/matrix/src/error.rs", "does not exist");
    finds("crates/foundation/guard/src/breaker.rs", "impl Default for BreakerConfig");
    finds("crates/foundation/settings/src/model.rs", "breaker_failures: 5");
}

#[test]
fn the_matcher_is_not_fooled() {
    assert!(
        fits("a b c", "a … c") && fits("{ a } b }", "{ … b … }") && fits("a  b\nc\n", "a b c") && fits("abc", "a…")
    );
    assert!(!fits("a b c", "a … d") && !fits("a b c", "b c") && !fits("a b c", "a b"));
}
