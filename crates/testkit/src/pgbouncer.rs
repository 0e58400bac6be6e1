//! A pgbouncer that a test puts between its client and a [`Postgres`]. Refuses to help the client: it ignores no
//! startup parameter and knows no prepared statement beyond what its version does by itself.

use std::path::PathBuf;
use std::process::Child;
use std::sync::{Mutex, PoisonError};

use crate::account::{Account, program};
use crate::postgres::{Postgres, psql, url};
use crate::process::{STARTS, free_port};
use crate::scratch::Scratch;

/// A pgbouncer on 127.0.0.1 in front of every database of one PostgreSQL, without password.
///
/// Dropping it ends it at once and removes its folder; when the test is killed instead, a watchdog does the same.
#[derive(Debug)]
pub struct PgBouncer {
    scratch: Scratch,
    client: PathBuf,
    port: u16,
    running: Mutex<Option<Child>>,
}

impl PgBouncer {
    /// Starts one on a free port. `mode` is when a client gives its connection back, `transaction` or `session`;
    /// `pool_size` is how many connections to PostgreSQL all clients of one database share.
    ///
    /// # Panics
    /// When pgbouncer is missing, does not know `mode` or does not start, with its log.
    pub fn start(postgres: &Postgres, mode: &str, pool_size: usize) -> Self {
        // A pooler has nothing to save.
        let scratch = Scratch::new("althing-pb-", None, Account::of_servers(), "KILL");
        let mut pooler = Self { scratch, client: postgres.bin("psql"), port: 0, running: Mutex::new(None) };
        for _ in 0..STARTS {
            pooler.port = free_port();
            if pooler.launch(&configuration(postgres.port(), pooler.port, mode, pool_size)) {
                return pooler;
            }
        }
        panic!("no port could be had in {STARTS} attempts: {}", pooler.log());
    }

    /// The address of the database `althing` through the pool.
    pub fn url(&self) -> String {
        url(self.port, "althing")
    }

    /// Runs statements through the pool, as [`Postgres::psql`] does without it.
    ///
    /// # Panics
    /// With what was said, when a statement fails.
    pub fn psql(&self, sql: &str) -> String {
        psql(&self.client, &self.url(), sql)
    }

    /// Runs a command of the administrator, for example `SHOW POOLS` or `PAUSE`, and gives its rows as
    /// [`Postgres::psql`] does.
    ///
    /// # Panics
    /// With what was said, when it fails.
    pub fn admin(&self, sql: &str) -> String {
        psql(&self.client, &url(self.port, "pgbouncer"), sql)
    }

    /// Ends it at once: every connection is cut. Does nothing when not running.
    pub fn stop(&self) {
        let stopped = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut process) = stopped {
            let _ = process.kill();
            let _ = process.wait();
            self.scratch.watch(None);
        }
    }

    /// Everything it has logged.
    pub fn log(&self) -> String {
        self.scratch.log()
    }

    /// Starts it and waits until it listens. False when somebody else has the port.
    fn launch(&mut self, configuration: &str) -> bool {
        let file = self.scratch.write("pgbouncer.ini", configuration);
        let mut pgbouncer = self.scratch.account().command(&program("pgbouncer", None), self.scratch.folder());
        let process = self.scratch.launch(pgbouncer.arg(file), |_, said| said.contains("process up"));
        self.running = Mutex::new(process);
        self.running.get_mut().is_ok_and(|running| running.is_some())
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What is not said is as pgbouncer has it; above all `ignore_startup_parameters`, which is empty.
fn configuration(postgres: u16, port: u16, mode: &str, pool_size: usize) -> String {
    format!(
        "[databases]\n\
         * = host=127.0.0.1 port={postgres} user=althing\n\
         [pgbouncer]\n\
         listen_addr = 127.0.0.1\n\
         listen_port = {port}\n\
         unix_socket_dir =\n\
         auth_type = any\n\
         admin_users = althing\n\
         pool_mode = {mode}\n\
         default_pool_size = {pool_size}\n\
         max_client_conn = 500\n"
    )
}
