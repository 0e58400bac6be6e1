//! A PostgreSQL that a test starts for itself: private port, private folder, gone with the test however that ends.
//! Refuses to know any driver: tests bring their own, or ask through `psql`.

mod template;

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use crate::account::{self, Account, output, plain, program};
use crate::process::{LOOK, STARTS, children, free_port, runs, signal, wait};
use crate::scratch::Scratch;

/// How long a stop may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a test may want otherwise than usual.
#[derive(Clone, Debug, Default)]
pub struct PostgresOptions {
    /// More lines for `postgresql.conf`, as names and values without quotes. They win over ours.
    pub settings: Vec<(String, String)>,
    /// Whether commits wait for the disk. Off saves time and loses nothing when processes are killed, only when the
    /// machine stops. On for whoever measures.
    pub durable: bool,
    /// The folder for everything instead of one among the temporary files: missing or empty before, removed after.
    pub folder: Option<PathBuf>,
}

/// A PostgreSQL server on 127.0.0.1 with a superuser and a database `althing`, both without password.
///
/// Every method can be called from any thread. Dropping it ends the server at once and removes its folder; when the
/// test is killed instead, a watchdog does the same.
#[derive(Debug)]
pub struct Postgres {
    programs: PathBuf,
    scratch: Scratch,
    port: u16,
    running: Mutex<Option<Child>>,
}

impl Postgres {
    /// Starts a server as tests usually want it: fast, not durable.
    ///
    /// # Panics
    /// When PostgreSQL is missing or does not start.
    pub fn start() -> Self {
        Self::start_with(&PostgresOptions::default())
    }

    /// Starts a server on a free port.
    ///
    /// # Panics
    /// When PostgreSQL is missing or does not start, with its log.
    pub fn start_with(options: &PostgresOptions) -> Self {
        let programs = account::postgres_programs();
        let account = Account::of_servers();
        // `QUIT` makes PostgreSQL end its own processes and leave no shared memory behind.
        let scratch = Scratch::new("althing-pg-", options.folder.as_deref(), account, "QUIT");
        template::lay(&programs, account, &env::temp_dir(), &scratch.folder().join("data"));
        let mut server = Self { programs, scratch, port: 0, running: Mutex::new(None) };
        server.configure(options);
        for _ in 0..STARTS {
            server.port = free_port();
            if server.launch() {
                return server;
            }
        }
        panic!("no port could be had in {STARTS} attempts: {}", server.log());
    }

    /// The address of the database `althing`: `postgres://althing@127.0.0.1:PORT/althing?sslmode=disable`.
    pub fn url(&self) -> String {
        self.url_of("althing")
    }

    /// The address of another database of this server.
    pub fn url_of(&self, database: &str) -> String {
        url(self.port, database)
    }

    /// The port on 127.0.0.1; the same after every [`start_again`](Self::start_again).
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The cluster's folder.
    pub fn data_dir(&self) -> PathBuf {
        self.scratch.folder().join("data")
    }

    /// A program of this PostgreSQL, for example `psql`, `pg_dump`, `pgbench` or `pg_basebackup`.
    ///
    /// # Panics
    /// When it is missing.
    pub fn bin(&self, name: &str) -> PathBuf {
        program(name, Some(&self.programs))
    }

    /// Runs statements with `psql` in the database `althing` and gives the rows: a line each, columns between `|`.
    ///
    /// # Panics
    /// With what `psql` said, when a statement fails.
    pub fn psql(&self, sql: &str) -> String {
        psql(&self.bin("psql"), &self.url(), sql)
    }

    /// Makes a database and gives its address, in which the name stands as it is: keep to letters, digits, `-` and `_`.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn create_database(&self, name: &str) -> String {
        self.psql(&format!("CREATE DATABASE \"{name}\""));
        self.url_of(name)
    }

    /// Stops as an administrator does: connections are closed, everything is written. Does nothing when not running.
    ///
    /// # Panics
    /// When it has not stopped within a minute.
    pub fn stop(&self) {
        self.end("INT");
    }

    /// Stops at once: connections are cut, the next start recovers from the log. Does nothing when not running.
    ///
    /// # Panics
    /// When it has not stopped within a minute.
    pub fn stop_immediate(&self) {
        self.end("QUIT");
    }

    /// Kills every process of the server with `SIGKILL`, as when memory runs out. Does nothing when not running.
    pub fn kill(&self) {
        let mut running = self.running();
        let Some(mut postmaster) = running.take() else { return };
        // Frozen first, so that it starts no process that we would miss.
        signal("STOP", &[postmaster.id()]);
        let mut processes = children(postmaster.id());
        processes.push(postmaster.id());
        signal("KILL", &processes);
        let _ = postmaster.wait();
        self.scratch.watch(None);
        let started = Instant::now();
        while processes.iter().any(|process| runs(*process)) && started.elapsed() < PATIENCE {
            sleep(LOOK);
        }
    }

    /// Starts on the same port and folder after a stop or a kill, and returns when connections are accepted.
    ///
    /// # Panics
    /// When it runs already or does not start, with its log.
    pub fn start_again(&self) {
        assert!(self.running().is_none(), "the server runs: stop or kill it before starting it again");
        for _ in 0..STARTS {
            if self.launch() {
                return;
            }
            sleep(Duration::from_millis(100));
        }
        panic!("port {} is taken by somebody else: {}", self.port, self.log());
    }

    /// Everything the server has logged since its first start; from warnings up unless settings say otherwise.
    pub fn log(&self) -> String {
        self.scratch.log()
    }

    fn running(&self) -> MutexGuard<'_, Option<Child>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn configure(&self, options: &PostgresOptions) {
        let folder = self.scratch.folder().to_string_lossy();
        let on = |on: bool| if on { "on" } else { "off" };
        // The name of a socket has room for about a hundred bytes: in a longer folder there is none.
        let sockets = if folder.len() < 80 { &folder } else { "" };
        let usual = [
            ("listen_addresses", "127.0.0.1"),
            ("unix_socket_directories", sockets),
            ("max_connections", "200"),
            ("shared_buffers", "16MB"),
            // Files of the cluster, not of the machine: a kill leaves nothing behind, and small containers have room.
            ("dynamic_shared_memory_type", "mmap"),
            ("log_min_messages", "warning"),
            ("fsync", on(options.durable)),
            ("full_page_writes", on(options.durable)),
        ];
        let more = options.settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let mut lines = String::from("\n");
        for (name, value) in usual.into_iter().chain(more) {
            let _ = writeln!(lines, "{name} = '{}'", value.replace('\'', "''"));
        }
        let file = fs::File::options().append(true).open(self.data_dir().join("postgresql.conf"));
        let written = file.and_then(|mut file| file.write_all(lines.as_bytes()));
        written.unwrap_or_else(|error| panic!("cannot write `postgresql.conf`: {error}"));
    }

    /// Starts the server and waits until it is ready. False when somebody else has the port.
    fn launch(&self) -> bool {
        let mut running = self.running();
        let data = self.data_dir();
        let mut postgres = self.scratch.account().command(&self.programs.join("postgres"), self.scratch.folder());
        postgres.arg("-D").arg(&data).args(["-p", &self.port.to_string()]);
        *running = self.scratch.launch(&mut postgres, |postmaster, _| is_ready(&data, postmaster));
        running.is_some()
    }

    fn end(&self, how: &str) {
        let mut running = self.running();
        let Some(postmaster) = running.as_mut() else { return };
        signal(how, &[postmaster.id()]);
        assert!(wait(postmaster, PATIENCE).is_some(), "PostgreSQL has not stopped in {PATIENCE:?}: {}", self.log());
        *running = None;
        self.scratch.watch(None);
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let ended = self.running().as_mut().is_some_and(|postmaster| {
            signal("QUIT", &[postmaster.id()]);
            wait(postmaster, Duration::from_secs(10)).is_some()
        });
        if !ended {
            self.kill();
        }
        forget_shared_memory(&self.data_dir());
    }
}

/// The address of a database without password on a port of 127.0.0.1.
pub(crate) fn url(port: u16, database: &str) -> String {
    format!("postgres://althing@127.0.0.1:{port}/{database}?sslmode=disable")
}

/// Runs `sql` against any server that speaks PostgreSQL's protocol. It goes in by the input, where no limit of command
/// lines applies and each statement is a transaction of its own.
pub(crate) fn psql(program: &Path, url: &str, sql: &str) -> String {
    let mut psql = plain(program);
    psql.args(["-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-f", "-", "-d", url]);
    let (from, mut to) = std::io::pipe().expect("a pipe can be made");
    psql.stdin(Stdio::from(from));
    let sql = sql.to_owned();
    // Fails when psql leaves early, and psql says why.
    thread::spawn(move || to.write_all(sql.as_bytes()));
    output(&mut psql).trim_end_matches('\n').to_owned()
}

/// PostgreSQL tells its state on the eighth line of a file, and on the first whose state it is: the file of a server
/// that was killed stays.
fn is_ready(data: &Path, postmaster: u32) -> bool {
    let Ok(text) = fs::read_to_string(data.join("postmaster.pid")) else { return false };
    let mut lines = text.lines();
    let ours = lines.next().is_some_and(|line| line.trim() == postmaster.to_string());
    ours && lines.nth(6).is_some_and(|line| line.trim() == "ready")
}

/// A server that was killed and never started again leaves one small segment of System V shared memory. Its number
/// ends the seventh line of the file that stays too.
fn forget_shared_memory(data: &Path) {
    let Ok(text) = fs::read_to_string(data.join("postmaster.pid")) else { return };
    let segment = text.lines().nth(6).and_then(|line| line.split_whitespace().nth(1));
    if let Some(segment) = segment {
        // Best effort: where there is no `ipcrm`, a page of memory stays until the next start of the machine.
        let _ = Command::new("ipcrm").args(["-m", segment]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
}
