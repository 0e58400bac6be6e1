//! The binary as a process of its own: started on a free port, listened to, and killed when the test lets go of it.

use super::{PATIENCE, get};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How often a second the system counts processor time (`USER_HZ`, the same everywhere).
const TICKS_PER_S: f64 = 100.0;

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
    /// What read both of its pipes.
    readers: Vec<JoinHandle<()>>,
}

impl Process {
    /// Starts `command` and waits for the line of JSON that it prints when it listens.
    fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let log = Arc::default();
        let logged = collect(child.stderr.take().unwrap(), &log);
        let (first, printed) = first_line(child.stdout.take().unwrap(), &log);
        let mut process = Self { child, greeting: Value::Null, log, readers: vec![logged, printed] };
        // Should it not start, the panic below shows what it said: `process` is dropped by it.
        let line = first.recv_timeout(PATIENCE).unwrap_or_default();
        process.greeting = serde_json::from_str(&line).unwrap_or_else(|_| panic!("it does not start: {line:?}"));
        process
    }

    fn address(&self) -> SocketAddr {
        self.greeting["address"].as_str().unwrap().parse().unwrap()
    }

    /// Everything it has said so far, on both pipes.
    fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    fn id(&self) -> u32 {
        self.child.id()
    }

    fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success(), "{kill}");
    }

    /// Waits for its end: its exit code and everything it has said.
    fn ended(mut self) -> (Option<i32>, String) {
        let code = wait(&mut self.child);
        self.readers.drain(..).for_each(|reader| reader.join().unwrap());
        (code, self.log())
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
fn collect(pipe: impl Read + Send + 'static, log: &Arc<Mutex<String>>) -> JoinHandle<()> {
    gather(pipe, Arc::clone(log), |_| {})
}

/// The first line of a pipe; it is gathered with all that follow.
fn first_line(pipe: impl Read + Send + 'static, log: &Arc<Mutex<String>>) -> (Receiver<String>, JoinHandle<()>) {
    let (sender, receiver): (Sender<String>, _) = mpsc::channel();
    // Later lines interest nobody.
    let tell = move |line: &str| _ = sender.send(line.to_owned());
    (receiver, gather(pipe, Arc::clone(log), tell))
}

fn gather(
    pipe: impl Read + Send + 'static,
    log: Arc<Mutex<String>>,
    tell: impl Fn(&str) + Send + 'static,
) -> JoinHandle<()> {
    thread::spawn(move || {
        let (mut pipe, mut line) = (BufReader::new(pipe), Vec::new());
        while let Ok(read) = pipe.read_until(b'\n', &mut line)
            && read > 0
        {
            let text = String::from_utf8_lossy(&line);
            log.lock().unwrap().push_str(&text);
            tell(text.trim_end());
            line.clear();
        }
    })
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

    /// The JSON printed by a command that has done what it should.
    pub(crate) fn good(&self) -> Value {
        assert_eq!(self.code, Some(0), "{self:?}");
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
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

/// A folder with settings and perhaps with data, on which nothing runs now.
pub(crate) struct Place(TempDir);

impl Place {
    /// A new one with these settings.
    pub(crate) fn new(config: &str) -> Self {
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("althing.toml"), config).unwrap();
        Self(folder)
    }

    /// Starts the server.
    pub(crate) fn start(self) -> Server {
        Server { process: Process::start(self.up()), place: self }
    }

    /// Starts the server from a shell: `script` prepares what it runs in and ends in `exec "$@"`.
    pub(crate) fn start_in(self, script: &str) -> Server {
        let up = self.up();
        let mut shell = Command::new("sh");
        shell.args(["-c", script, "sh"]).arg(up.get_program()).args(up.get_args()).env_clear().stdin(Stdio::null());
        shell.envs(up.get_envs().filter_map(|(name, value)| Some((name, value?)))).current_dir(self.0.path());
        Server { process: Process::start(shell), place: self }
    }

    /// Starts the server so that it listens elsewhere, or with more variables and arguments.
    pub(crate) fn start_with(self, bind: &str, prepare: impl FnOnce(&mut Command)) -> Server {
        let mut command = self.on_data(&["up", "--json", "--bind", bind]);
        prepare(&mut command);
        Server { process: Process::start(command), place: self }
    }

    fn up(&self) -> Command {
        self.on_data(&["up", "--json", "--bind", "127.0.0.1:0"])
    }

    /// Its folder.
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// The data folder.
    pub(crate) fn data(&self) -> PathBuf {
        self.0.path().join("data")
    }

    /// The settings file.
    pub(crate) fn config(&self) -> PathBuf {
        self.0.path().join("althing.toml")
    }

    /// A command of the binary with these settings.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = althing(self.0.path());
        command.args(arguments).arg("--config").arg(self.config());
        command
    }

    /// A command of the binary with these settings, on this data.
    pub(crate) fn on_data(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(arguments);
        command.arg("--data").arg(self.data());
        command
    }

    /// Runs a command of the binary on this data, and gives its end; what it prints is JSON.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        Ended::of(self.on_data(&[arguments, &["--json"]].concat()))
    }

    /// Runs a command of the binary on this data, and gives its end; what it prints is for people.
    pub(crate) fn told(&self, arguments: &[&str]) -> Ended {
        Ended::of(self.on_data(arguments))
    }

    /// Makes a key with the command line and gives what is printed: `id`, `key`, `role`, `tenant`.
    pub(crate) fn made_key(&self, role: &str, tenant: &str) -> Value {
        self.run(&["keys", "create", "--role", role, "--tenant", tenant]).good()
    }

    /// Makes a key with the command line and gives it.
    pub(crate) fn key(&self, role: &str, tenant: &str) -> String {
        self.made_key(role, tenant)["key"].as_str().unwrap().to_owned()
    }
}

/// `althing up` with settings of its own.
pub(crate) struct Server {
    process: Process,
    place: Place,
}

impl Server {
    /// Starts it with these settings.
    pub(crate) fn start(config: &str) -> Self {
        Place::new(config).start()
    }

    /// Starts it in a folder without settings: they may come later, at their usual place.
    pub(crate) fn bare() -> Self {
        let place = Place(TempDir::new().unwrap());
        let mut command = althing(place.0.path());
        command.args(["up", "--bind", "127.0.0.1:0", "--json"]);
        Self { process: Process::start(command), place }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.process.address()
    }

    /// Its root, as clients are given it.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// What it said of itself when it listened.
    pub(crate) fn greeting(&self) -> &Value {
        &self.process.greeting
    }

    /// The processor time it has taken so far, all threads together.
    pub(crate) fn cpu(&self) -> Duration {
        let line = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap();
        // The name of the program, which may hold anything, ends at the last bracket.
        let (_, rest) = line.rsplit_once(')').unwrap();
        let ticks: f64 = rest.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<f64>().unwrap()).sum();
        Duration::from_secs_f64(ticks / TICKS_PER_S)
    }

    /// Its settings and its data.
    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Its data folder.
    pub(crate) fn data(&self) -> PathBuf {
        self.place.data()
    }

    /// Makes a key with the command line and gives it.
    pub(crate) fn key(&self, role: &str, tenant: &str) -> String {
        self.place.key(role, tenant)
    }

    /// Kills it as a power cut would, and starts it again on the same data.
    pub(crate) fn killed_and_started(self) -> Self {
        self.killed().start()
    }

    /// Kills it as a power cut would.
    pub(crate) fn killed(self) -> Place {
        let Self { process, place } = self;
        drop(process);
        place
    }

    /// Tells it to stop, and waits until it has.
    pub(crate) fn stopped(self) -> Place {
        self.left().1
    }

    /// Tells it to stop, and waits until it has: everything it has said, and its place.
    pub(crate) fn left(self) -> (String, Place) {
        let Self { process, place } = self;
        process.signal("TERM");
        let (code, log) = process.ended();
        assert_eq!(code, Some(0), "{log}");
        (log, place)
    }

    /// Its settings file.
    pub(crate) fn config(&self) -> PathBuf {
        self.place.config()
    }

    /// Everything it has logged so far.
    pub(crate) fn log(&self) -> String {
        self.process.log()
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
