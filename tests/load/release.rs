//! The release binary, as the target and as the generator. Speed is measured here, and a debug build has none.

use crate::support::{Ended, PATIENCE};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;
use tempfile::TempDir;

/// Open files that both sides of a thousand connections need, with room to spare.
const FILES_MIN: u64 = 4_000;

/// The release binary beside the debug one.
fn release() -> PathBuf {
    let debug = Path::new(env!("CARGO_BIN_EXE_althing"));
    let binary = debug.ancestors().nth(2).unwrap().join("release/althing");
    assert!(binary.exists(), "speed is measured with the release: `cargo build --release -p althing` makes it");
    binary
}

/// The release binary with nothing of this machine's environment, and with all the open files that it may have.
fn command(home: &Path) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", r#"ulimit -n "$(ulimit -Hn)" && exec "$@""#, "sh"]).arg(release());
    shell.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", home);
    shell.current_dir(home).stdin(Stdio::null()).stdout(Stdio::piped());
    shell
}

/// Fails with what to do where a process may not open as many files as a thousand connections need.
pub(super) fn has_files_enough() {
    let limit = Command::new("sh").args(["-c", "ulimit -Hn"]).output().unwrap();
    let limit = String::from_utf8(limit.stdout).unwrap();
    let enough = limit.trim() == "unlimited" || limit.trim().parse::<u64>().unwrap() >= FILES_MIN;
    assert!(enough, "a thousand connections need `ulimit -Hn` of {FILES_MIN} or more; here it is {}", limit.trim());
}

/// `althing simulate` with a script of its own; ended when it is dropped, be it frozen or not.
pub(super) struct Target {
    child: Child,
    address: SocketAddr,
    folder: TempDir,
}

impl Target {
    pub(super) fn start(script: &str) -> Self {
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("script.toml"), script).unwrap();
        let mut command = command(folder.path());
        command.args(["simulate", "--bind", "127.0.0.1:0", "--json", "--script", "script.toml"]);
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let greeting: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        let address = greeting["address"].as_str().unwrap().parse().unwrap();
        Self { child, address, folder }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where files for this test alone may lie.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Sends a signal: `STOP`, `CONT`.
    pub(super) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success(), "{kill}");
    }

    /// `althing load run` of a scenario against it.
    pub(super) fn generator(&self, scenario: &str, more: &[&str]) -> Command {
        let file = self.folder().join(format!("{:016x}.toml", fastrand::u64(..)));
        std::fs::write(&file, scenario).unwrap();
        let mut command = command(self.folder());
        command.args(["load", "run", "--json", "--no-save", "--target"]).arg(format!("http://{}", self.address));
        command.args(more).arg(file);
        command
    }

    /// Runs a scenario against it.
    pub(super) fn measured(&self, scenario: &str, more: &[&str]) -> Report {
        Report::of(&Ended::of(self.generator(scenario, more)).stdout)
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        // Whoever has ended already cannot be killed, and that is well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The document of a run of one scenario.
#[derive(Debug)]
pub(super) struct Report(Value);

impl Report {
    pub(super) fn of(printed: &str) -> Self {
        Self(serde_json::from_str(printed).unwrap_or_else(|error| panic!("{error}: {printed}")))
    }

    pub(super) fn verdict(&self) -> &str {
        self.0["verdict"].as_str().unwrap()
    }

    /// The scenario's part of it.
    pub(super) fn scenario(&self) -> &Value {
        &self.0["scenarios"][0]
    }

    /// A figure of the scenario by its path, such as `/latency_ms/p50`.
    pub(super) fn figure(&self, path: &str) -> f64 {
        let figure = self.scenario().pointer(path).and_then(Value::as_f64);
        figure.unwrap_or_else(|| panic!("no `{path}` in {}", self.scenario()))
    }

    /// Fails unless so many were sent, each once, and every one was answered as it should be.
    pub(super) fn is_whole(&self, operations: f64) {
        for path in ["/operations", "/planned", "/success/count", "/success/of"] {
            assert_eq!(self.figure(path), operations, "{path}: {}", self.scenario()["errors"]);
        }
        let arrived =
            self.scenario()["slices"].as_array().unwrap().iter().map(|slice| slice["arrived"].as_f64().unwrap());
        assert_eq!(arrived.sum::<f64>(), operations);
    }
}

/// The processor seconds of a command, its children included, and what it printed.
pub(super) fn timed(command: &Command) -> (f64, String) {
    let mut shell = Command::new("bash");
    shell.args(["-c", "TIMEFORMAT='%U %S'; time \"$@\"", "bash"]).arg(command.get_program()).args(command.get_args());
    shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(folder) = command.get_current_dir() {
        shell.current_dir(folder);
    }
    let ended = Ended::of(shell);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let spent = ended.stderr.lines().last().unwrap().split(' ').map(|seconds| seconds.parse::<f64>().unwrap());
    (spent.sum(), ended.stdout)
}

/// Runs a generator to its end: what it printed, and the most memory it held, in megabytes.
pub(super) fn watched(mut command: Command, printed: &Path) -> (String, f64) {
    let mut child = command.stdout(std::fs::File::create(printed).unwrap()).spawn().unwrap();
    let (started, mut most_kb) = (Instant::now(), 0.0);
    while child.try_wait().unwrap().is_none() {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        // The shell before it and the moment after its end have none, or less.
        let peak = peak.and_then(|peak| peak.trim().strip_suffix(" kB")?.parse::<f64>().ok());
        most_kb = peak.unwrap_or_default().max(most_kb);
        if started.elapsed() > PATIENCE {
            let _ = child.kill();
            panic!("the generator has not ended within {PATIENCE:?}");
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    (std::fs::read_to_string(printed).unwrap(), most_kb * 1_024.0 / 1e6)
}
