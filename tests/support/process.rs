//! The binary as a process of its own: started on a free port, listened to, and killed when the test lets go of it.

use super::{PATIENCE, get};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The binary with nothing of this machine's environment but its search path; `home` is its home and where it runs.
pub(crate) fn althing(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_althing"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    command.env_clear().env("PATH", path).env("HOME", home).current_dir(home).stdin(Stdio::null());
    // An Ollama next door is not found either.
    command.env("OLLAMA_HOST", "127.0.0.1:1");
    command
}

/// A process and what it says.
struct Process {
    child: Child,
    greeting: Value,
    log: Arc<Mutex<String>>,
}

impl Process {
    /// Starts `command` and waits for the line of JSON that it prints when it listens.
    fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let log = collect(child.stderr.take().unwrap());
        let first = first_line(child.stdout.take().unwrap());
        let mut process = Self { child, greeting: Value::Null, log };
        // Should it not start, the panic below shows what it said: `process` is dropped by it.
        let line = first.recv_timeout(PATIENCE).unwrap_or_default();
        process.greeting = serde_json::from_str(&line).unwrap_or_else(|_| panic!("it does not start: {line:?}"));
        process
    }

    fn address(&self) -> SocketAddr {
        self.greeting["address"].as_str().unwrap().parse().unwrap()
    }

    fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success(), "{kill}");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let ended = self.child.try_wait();
        // Whoever has ended already cannot be killed, and that is well.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!(
                "--- what the process said:\n{}--- its end before the test's: {ended:?}",
                self.log.lock().unwrap()
            );
        }
    }
}

/// Gathers everything that a pipe brings, in the background.
fn collect(mut pipe: impl Read + Send + 'static) -> Arc<Mutex<String>> {
    let log = Arc::new(Mutex::new(String::new()));
    let shared = Arc::clone(&log);
    thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(read) = pipe.read(&mut bytes)
            && read > 0
        {
            shared.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..read]));
        }
    });
    log
}

/// The first line of a pipe, which is then kept empty.
fn first_line(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            // Later lines interest nobody.
            let _ = sender.send(line);
        }
    });
    receiver
}

/// Everything that a pipe brings until it is closed.
fn read_all(mut pipe: impl Read + Send + 'static) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut text = String::new();
        pipe.read_to_string(&mut text).unwrap();
        text
    })
}

/// How a process ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// Runs `command` to its end.
    pub(crate) fn of(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = read_all(child.stdout.take().unwrap());
        let stderr = read_all(child.stderr.take().unwrap());
        let code = wait(&mut child);
        Self { code, stdout: stdout.join().unwrap(), stderr: stderr.join().unwrap() }
    }
}

fn wait(child: &mut Child) -> Option<i32> {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        if started.elapsed() > PATIENCE {
            let _ = child.kill();
            panic!("the process has not ended within {PATIENCE:?}");
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// `althing up` with settings of its own.
pub(crate) struct Server {
    process: Process,
    folder: TempDir,
}

impl Server {
    /// Starts it with these settings.
    pub(crate) fn start(config: &str) -> Self {
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("althing.toml"), config).unwrap();
        Self::on(folder)
    }

    /// Starts it on a folder with settings, and perhaps with data.
    fn on(folder: TempDir) -> Self {
        let mut command = althing(folder.path());
        command.args(["up", "--bind", "127.0.0.1:0", "--json", "--config"]).arg(folder.path().join("althing.toml"));
        command.arg("--data").arg(folder.path().join("data"));
        Self { process: Process::start(command), folder }
    }

    /// Starts it in a folder without settings: they may come later, at their usual place.
    pub(crate) fn bare() -> Self {
        let folder = TempDir::new().unwrap();
        let mut command = althing(folder.path());
        command.args(["up", "--bind", "127.0.0.1:0", "--json"]);
        Self { process: Process::start(command), folder }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.process.address()
    }

    /// Its root, as clients are given it.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Its data folder.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A command of the binary on the data of this server, with the settings it was started with.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = althing(self.folder.path());
        command.args(arguments).arg("--config").arg(self.config());
        command
    }

    /// Makes a key with the command line and gives it.
    pub(crate) fn key(&self, role: &str, tenant: &str) -> String {
        let mut command = self.command(&["keys", "create", "--json", "--role", role, "--tenant", tenant]);
        command.arg("--data").arg(self.data());
        let ended = Ended::of(command);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let made: Value = serde_json::from_str(&ended.stdout).unwrap();
        made["key"].as_str().unwrap().to_owned()
    }

    /// Kills it as a power cut would, and starts it again on the same data.
    pub(crate) fn killed_and_started(self) -> Self {
        let Self { process, folder } = self;
        drop(process);
        Self::on(folder)
    }

    /// Its settings file.
    pub(crate) fn config(&self) -> PathBuf {
        self.folder.path().join("althing.toml")
    }

    /// Everything it has logged so far.
    pub(crate) fn log(&self) -> String {
        self.process.log.lock().unwrap().clone()
    }

    /// Sends a signal: `TERM`, `HUP`.
    pub(crate) fn signal(&self, name: &str) {
        self.process.signal(name);
    }

    /// Sends a signal, waits for the end and gives the exit code: nothing where the signal itself was the end.
    pub(crate) async fn ended_by(self, signal: &str) -> Option<i32> {
        self.signal(signal);
        self.ended().await
    }

    /// Waits for its end and gives its exit code.
    pub(crate) async fn ended(mut self) -> Option<i32> {
        tokio::task::spawn_blocking(move || wait(&mut self.process.child)).await.unwrap()
    }
}

/// `althing simulate` with a script of its own.
pub(crate) struct Simulate {
    process: Process,
    _folder: TempDir,
}

impl Simulate {
    /// Starts it with this script.
    pub(crate) fn start(script: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("simulate.toml");
        std::fs::write(&file, script).unwrap();
        let mut command = althing(folder.path());
        command.args(["simulate", "--bind", "127.0.0.1:0", "--json", "--script"]).arg(file);
        Self { process: Process::start(command), _folder: folder }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.process.address()
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, name: &str) {
        self.process.signal(name);
    }

    /// Waits for its end and gives its exit code.
    pub(crate) async fn ended(mut self) -> Option<i32> {
        tokio::task::spawn_blocking(move || wait(&mut self.process.child)).await.unwrap()
    }

    /// Its address as a provider's `base_url`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/v1", self.process.address())
    }

    /// How many requests it has seen.
    pub(crate) async fn requests(&self) -> u64 {
        get(self.process.address(), "/_script").await.json()["requests"].as_u64().unwrap()
    }
}
