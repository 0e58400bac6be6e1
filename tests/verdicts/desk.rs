//! A desk from which load is sent: a folder with scenarios, the commands run in it, and what they wrote. Its folder is
//! the home too, so that nothing is kept elsewhere.

use crate::support::{Ended, Simulate, althing};
use serde_json::Value;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A terminal is this wide.
const WIDTH: usize = 80;
/// Longer than the longest run of this suite.
const LONGEST: Duration = Duration::from_secs(120);
/// How often a run is asked for again whose generator says that it did not get its share of the machine.
const ROUNDS: usize = 6;

/// Exit codes that scripts match on.
pub(super) const PASS: i32 = 0;
pub(super) const FAIL: i32 = 99;
pub(super) const INCONCLUSIVE: i32 = 98;
pub(super) const INVALID: i32 = 97;

/// A folder with scenarios.
pub(super) struct Desk(TempDir);

impl Desk {
    pub(super) fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file and gives its name.
    pub(super) fn file<'a>(&self, name: &'a str, text: &str) -> &'a str {
        fs::write(self.0.path().join(name), text).unwrap();
        name
    }

    /// A command of the binary.
    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = althing(self.0.path());
        command.args(arguments);
        command
    }

    /// Runs a command of the binary to its end; what it prints fits a terminal.
    pub(super) fn told(&self, arguments: &[&str]) -> Ended {
        let ended = Running::start(self.command(arguments)).ended();
        if !arguments.contains(&"--json") && arguments.get(..2) != Some(&["load", "schema"]) {
            fits(&ended.stdout);
        }
        ended
    }

    /// `load run` of a file or a name against a target, kept nowhere.
    pub(super) fn run(&self, what: &str, target: &str, more: &[&str]) -> Ended {
        self.told(&[&["load", "run", what, "--target", target, "--no-save"], more].concat())
    }

    /// The same as JSON: the exit code and the document. Asked again where a busy machine made a run invalid.
    pub(super) fn report(&self, what: &str, target: &str, more: &[&str]) -> (i32, Value) {
        let arguments = [&["load", "run", what, "--target", target, "--no-save", "--json"], more].concat();
        let mut last = None;
        for _ in 0..ROUNDS {
            let (code, report) = coded(Running::start(self.command(&arguments)).ended());
            if code != INVALID {
                return (code, report);
            }
            last = Some((code, report));
        }
        last.unwrap()
    }

    /// Starts `load run`, which goes on.
    pub(super) fn start(&self, what: &str, target: &str, more: &[&str]) -> Running {
        Running::start(self.command(&[&["load", "run", what, "--target", target, "--no-save"], more].concat()))
    }

    /// A document that was written.
    pub(super) fn read(&self, name: &str) -> Value {
        let text = self.text(name);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}: {text}"))
    }

    /// A file that was written.
    pub(super) fn text(&self, name: &str) -> String {
        fs::read_to_string(self.0.path().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }
}

/// A command that runs.
pub(super) struct Running {
    child: Child,
    out: JoinHandle<String>,
    err: JoinHandle<String>,
}

impl Running {
    pub(super) fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        Self { child, out: all(out), err: all(err) }
    }

    pub(super) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success(), "{kill}");
    }

    /// Waits for its end.
    pub(super) fn ended(mut self) -> Ended {
        let started = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if started.elapsed() > LONGEST {
                let _ = self.child.kill();
                panic!("it has not ended within {LONGEST:?}: {}", self.err.join().unwrap());
            }
            thread::sleep(Duration::from_millis(5));
        };
        Ended { code: status.code(), stdout: self.out.join().unwrap(), stderr: self.err.join().unwrap() }
    }
}

fn all(mut pipe: impl Read + Send + 'static) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut text = String::new();
        pipe.read_to_string(&mut text).unwrap();
        text
    })
}

/// The exit code and the one document on standard output.
pub(super) fn coded(ended: Ended) -> (i32, Value) {
    let document = serde_json::from_str(&ended.stdout);
    let document = document.unwrap_or_else(|error| panic!("not one document ({error}): {ended:?}"));
    (ended.code.unwrap_or_else(|| panic!("it was killed: {ended:?}")), document)
}

/// Asserts that no line is wider than a terminal.
pub(super) fn fits(text: &str) {
    for line in text.lines().filter(|line| !line.starts_with("report: ")) {
        assert!(line.chars().count() <= WIDTH, "{} columns: {line}\nof\n{text}", line.chars().count());
    }
}

/// A scenario of one kind of request, with the lines of its `[[mix]]` and what follows them.
pub(super) fn scenario(head: &str, mix: &str) -> String {
    let name = if head.contains("name = ") { "" } else { "name = \"small\"\n" };
    let timeout = if head.contains("timeout_ms") { "" } else { "timeout_ms = 10000\n" };
    format!("{name}{timeout}{head}\n[[mix]]\n{mix}\n")
}

/// The root of a simulated upstream.
pub(super) fn root(simulate: &Simulate) -> String {
    format!("http://{}", simulate.address())
}

/// The requirement of a scenario.
pub(super) fn requirement<'a>(scenario: &'a Value, name: &str) -> &'a Value {
    let all = scenario["requirements"].as_array().unwrap();
    all.iter().find(|one| one["name"] == name).unwrap_or_else(|| panic!("no `{name}` in {all:?}"))
}

/// How many requests failed so.
pub(super) fn errors(scenario: &Value, class: &str) -> u64 {
    let all = scenario["errors"].as_array().unwrap();
    all.iter().find(|one| one["class"] == class).map_or(0, |one| one["count"].as_u64().unwrap())
}

/// The release, which `make test` has built: figures of an unoptimised server are nobody's.
pub(super) fn release() -> PathBuf {
    let built = Path::new(env!("CARGO_BIN_EXE_althing"));
    let release = built.ancestors().nth(2).unwrap().join("release/althing");
    assert!(release.exists(), "no `{}`: `cargo build --release -p althing` makes it", release.display());
    release
}
