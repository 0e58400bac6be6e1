//! A Redis that a test starts for itself: private port, private folder, gone with the test however that ends. Refuses
//! to know any driver: tests bring their own, or ask through `redis-cli`.

use std::path::PathBuf;
use std::process::Child;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::Duration;

use crate::account::{Account, output, plain, program};
use crate::process::{STARTS, free_port, signal};
use crate::scratch::Scratch;

/// What a test may want otherwise than usual.
#[derive(Clone, Debug, Default)]
pub struct RedisOptions {
    /// More settings, as names and values of `redis.conf`. They win over ours.
    pub settings: Vec<(String, String)>,
    /// The certificate and its key, in PEM: with them the port speaks TLS alone.
    pub tls: Option<(String, String)>,
}

/// A Redis on 127.0.0.1, which keeps nothing on disk: a kill loses all it knew.
///
/// Every method can be called from any thread. Dropping it ends the server at once and removes its folder; when the
/// test is killed instead, a watchdog does the same.
#[derive(Debug)]
pub struct Redis {
    scratch: Scratch,
    port: u16,
    settings: Vec<(String, String)>,
    running: Mutex<Option<Child>>,
}

impl Redis {
    /// Starts a server as tests usually want it.
    ///
    /// # Panics
    /// When Redis is missing or does not start.
    pub fn start() -> Self {
        Self::start_with(&RedisOptions::default())
    }

    /// Starts a server on a free port.
    ///
    /// # Panics
    /// When Redis is missing or does not start, with its log.
    pub fn start_with(options: &RedisOptions) -> Self {
        let scratch = Scratch::new("althing-redis-", None, Account::of_servers(), "KILL");
        let mut server = Self { scratch, port: 0, settings: Vec::new(), running: Mutex::new(None) };
        for _ in 0..STARTS {
            server.port = free_port();
            server.settings = server.configured(options);
            if server.launch() {
                return server;
            }
        }
        panic!("no port could be had in {STARTS} attempts: {}", server.log());
    }

    /// `redis://127.0.0.1:PORT`, or `rediss://localhost:PORT` where it speaks TLS.
    pub fn url(&self) -> String {
        match self.speaks_tls() {
            true => format!("rediss://localhost:{}", self.port),
            false => format!("redis://127.0.0.1:{}", self.port),
        }
    }

    /// The port on 127.0.0.1; the same after every [`start_again`](Self::start_again).
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Sends one command with `redis-cli` and gives what it printed. Not where the port speaks TLS.
    ///
    /// # Panics
    /// When `redis-cli` is missing or cannot reach the server.
    pub fn cli(&self, command: &[&str]) -> String {
        let mut cli = plain(&program("redis-cli", None));
        cli.args(["-p", &self.port.to_string()]).args(command);
        output(&mut cli).trim_end().to_owned()
    }

    /// The most memory in bytes from now on; more is refused. 0 lifts the limit.
    pub fn limit_memory(&self, bytes: u64) {
        self.cli(&["CONFIG", "SET", "maxmemory", &bytes.to_string()]);
    }

    /// Stops it where it stands: connections stay open and nothing is answered. Does nothing when not running.
    pub fn freeze(&self) {
        self.send("STOP");
    }

    /// Lets it go on after [`freeze`](Self::freeze).
    pub fn thaw(&self) {
        self.send("CONT");
    }

    /// Kills it with `SIGKILL`: connections break, and all it knew is lost. Does nothing when not running.
    pub fn kill(&self) {
        if let Some(mut process) = self.running().take() {
            let _ = process.kill();
            let _ = process.wait();
            self.scratch.watch(None);
        }
    }

    /// Starts on the same port after a kill, and returns when connections are accepted.
    ///
    /// # Panics
    /// When it runs already or does not start, with its log.
    pub fn start_again(&self) {
        assert!(self.running().is_none(), "the server runs: kill it before starting it again");
        for _ in 0..STARTS {
            if self.launch() {
                return;
            }
            sleep(Duration::from_millis(100));
        }
        panic!("port {} is taken by somebody else: {}", self.port, self.log());
    }

    /// Everything the server has logged since its first start.
    pub fn log(&self) -> String {
        self.scratch.log()
    }

    fn running(&self) -> MutexGuard<'_, Option<Child>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn send(&self, name: &str) {
        if let Some(process) = self.running().as_ref() {
            signal(name, &[process.id()]);
        }
    }

    fn speaks_tls(&self) -> bool {
        self.settings.iter().any(|(name, _)| name == "tls-port")
    }

    fn configured(&self, options: &RedisOptions) -> Vec<(String, String)> {
        let port = self.port.to_string();
        let mut settings = vec![
            ("bind", "127.0.0.1".to_owned()),
            // Scripts of tests know nothing of passwords, and nobody else can reach this address.
            ("protected-mode", "no".to_owned()),
            ("save", String::new()),
            ("appendonly", "no".to_owned()),
            ("dir", self.scratch.folder().display().to_string()),
        ];
        let path = |path: PathBuf| path.display().to_string();
        match &options.tls {
            None => settings.push(("port", port)),
            Some((certificate, key)) => settings.extend([
                ("port", "0".to_owned()),
                ("tls-port", port),
                ("tls-cert-file", path(self.scratch.write("certificate.pem", certificate))),
                ("tls-key-file", path(self.scratch.write("key.pem", key))),
                ("tls-auth-clients", "no".to_owned()),
            ]),
        }
        let usual = settings.into_iter().map(|(name, value)| (name.to_owned(), value));
        usual.chain(options.settings.iter().cloned()).collect()
    }

    /// Starts the server and waits until it is ready. False when somebody else has the port.
    fn launch(&self) -> bool {
        let mut running = self.running();
        let mut redis = self.scratch.account().command(&program("redis-server", None), self.scratch.folder());
        for (name, value) in &self.settings {
            redis.arg(format!("--{name}")).arg(value);
        }
        *running = self.scratch.launch(&mut redis, |_, said| said.contains("Ready to accept connections"));
        running.is_some()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}
