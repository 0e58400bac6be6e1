//! PostgreSQL and pgbouncer as tests start them: asked through `psql`, stopped in every way, and looked for afterwards.
#![allow(clippy::unwrap_used)] // Helpers of tests: a server that misbehaves must stop the test at once.

use std::env;
use std::fs;
use std::net::TcpStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use testkit::{PgBouncer, Postgres, PostgresOptions};

/// Generous: only a failing test ever waits this long.
const PATIENCE: Duration = Duration::from_secs(20);

/// Names the file into which a test that is about to be killed writes where its server is.
const VICTIM: &str = "ALTHING_TESTKIT_VICTIM";

/// What a server leaves traces in.
struct Trace {
    folder: PathBuf,
    process: u32,
}

impl Trace {
    fn of(postgres: &Postgres) -> Self {
        let data = postgres.data_dir();
        let process = fs::read_to_string(data.join("postmaster.pid")).unwrap().lines().next().unwrap().parse().unwrap();
        Self { folder: data.parent().unwrap().to_owned(), process }
    }

    fn is_gone(&self) -> bool {
        !self.folder.exists() && !runs(self.process)
    }
}

/// A process whose end nobody has asked about yet has ended all the same.
fn runs(process: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

/// Processes that stand directly below another.
fn below(process: u32) -> Vec<u32> {
    let path = format!("/proc/{process}/task/{process}/children");
    fs::read_to_string(path).unwrap().split_whitespace().map(|id| id.parse().unwrap()).collect()
}

fn wait_until(what: &str, reached: impl Fn() -> bool) {
    let started = Instant::now();
    while !reached() {
        assert!(started.elapsed() < PATIENCE, "not {what} within {PATIENCE:?}");
        sleep(Duration::from_millis(10));
    }
}

fn complaint(run: impl FnOnce() -> String) -> String {
    *catch_unwind(AssertUnwindSafe(run)).unwrap_err().downcast::<String>().unwrap()
}

#[test]
fn keeps_what_was_written_through_every_stop() {
    let postgres = Postgres::start();
    let (port, url) = (postgres.port(), postgres.url());
    postgres.psql("CREATE TABLE stops (how text)");
    for name in ["stop", "stop_immediate", "kill"] {
        let end = || match name {
            "stop" => postgres.stop(),
            "kill" => postgres.kill(),
            _ => postgres.stop_immediate(),
        };
        postgres.psql(&format!("INSERT INTO stops VALUES ('{name}')"));
        end();
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "something listens after {name}");
        end();
        postgres.start_again();
    }
    assert_eq!(postgres.psql("SELECT string_agg(how, ' ') FROM stops"), "stop stop_immediate kill");
    assert_eq!((postgres.port(), postgres.url()), (port, url));
    assert!(postgres.log().contains("automatic recovery in progress"), "{}", postgres.log());
}

#[test]
fn is_gone_after_drop_panic_and_kill() {
    let postgres = Postgres::start();
    let trace = Trace::of(&postgres);
    assert!(!trace.is_gone());
    drop(postgres);
    assert!(trace.is_gone(), "after drop");

    let mut trace = None;
    complaint(|| {
        let postgres = Postgres::start();
        trace = Some(Trace::of(&postgres));
        panic!("what a test says when it fails, {}", postgres.port())
    });
    assert!(trace.unwrap().is_gone(), "after a panic");

    let postgres = Postgres::start();
    let trace = Trace::of(&postgres);
    let processes = below(trace.process);
    assert!(processes.len() > 3, "{processes:?}");
    postgres.kill();
    assert!(!runs(trace.process) && !processes.iter().any(|process| runs(*process)));
    drop(postgres);
    assert!(trace.is_gone(), "after a kill and drop");
}

#[test]
fn dies_with_a_test_that_is_killed() {
    if let Some(report) = env::var_os(VICTIM) {
        let postgres = Postgres::start();
        let trace = Trace::of(&postgres);
        let text = format!("{} {}", trace.process, trace.folder.display());
        fs::write(Path::new(&report).with_extension("part"), text).unwrap();
        fs::rename(Path::new(&report).with_extension("part"), &report).unwrap();
        sleep(PATIENCE * 2);
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report");
    let mut victim = Command::new(env::current_exe().unwrap());
    victim.args(["--exact", "dies_with_a_test_that_is_killed"]).env(VICTIM, &report);
    let mut victim = victim.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_until("started", || report.exists());
    let text = fs::read_to_string(&report).unwrap();
    let (process, folder) = text.split_once(' ').unwrap();
    let trace = Trace { folder: folder.into(), process: process.parse().unwrap() };
    assert!(!trace.is_gone());
    victim.kill().unwrap();
    victim.wait().unwrap();
    wait_until("gone", || trace.is_gone());
}

#[test]
fn two_run_side_by_side() {
    let (one, other) = (Postgres::start(), Postgres::start());
    assert_ne!(one.port(), other.port());
    assert_ne!(one.data_dir(), other.data_dir());
    one.psql("CREATE TABLE mine ()");
    assert_eq!(other.psql("SELECT to_regclass('mine') IS NULL"), "t");
    drop(one);
    assert_eq!(other.psql("SELECT 1"), "1");
}

#[test]
fn options_reach_the_server() {
    let postgres = Postgres::start();
    assert_eq!(postgres.psql("SHOW fsync; SHOW max_connections"), "off\n200");
    let parent = tempfile::tempdir().unwrap();
    fs::set_permissions(parent.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let folder = parent.path().join("mine");
    let postgres = Postgres::start_with(&PostgresOptions {
        settings: vec![("max_connections".into(), "17".into()), ("cluster_name".into(), "it's mine".into())],
        durable: true,
        folder: Some(folder.clone()),
    });
    assert_eq!(postgres.psql("SHOW fsync; SHOW max_connections; SHOW cluster_name"), "on\n17\nit's mine");
    assert_eq!(postgres.data_dir(), folder.join("data"));
    let said = complaint(|| {
        Postgres::start_with(&PostgresOptions { folder: Some(folder.clone()), ..Default::default() }).url()
    });
    assert!(said.contains("is not empty"), "{said}");
    drop(postgres);
    assert!(!folder.exists());
}

#[test]
fn psql_answers_and_says_what_failed() {
    let postgres = Postgres::start();
    assert_eq!(postgres.create_database("an-other"), postgres.url_of("an-other"));
    assert_eq!(postgres.psql("SELECT count(*) FROM pg_database WHERE datname = 'an-other'"), "1");
    assert_eq!(postgres.psql("SELECT 1, NULL, 'a'; SELECT 2"), "1||a\n2");
    let long = "x".repeat(300_000);
    assert_eq!(postgres.psql(&format!("SELECT length('{long}')")), "300000");
    let said = complaint(|| postgres.psql("SELECT 1; SELECT * FROM nowhere"));
    assert!(said.contains("relation \"nowhere\" does not exist"), "{said}");
    assert!(postgres.bin("pgbench").is_file() && postgres.bin("pg_basebackup").is_file());
}

#[test]
fn settings_that_postgresql_refuses_are_told() {
    let settings = vec![("max_connections".into(), "many".into())];
    let said = complaint(|| Postgres::start_with(&PostgresOptions { settings, ..Default::default() }).url());
    assert!(said.contains("invalid value for parameter \"max_connections\""), "{said}");
}

#[test]
fn pgbouncer_shares_few_connections_and_helps_nobody() {
    let postgres = Postgres::start();
    for mode in ["transaction", "session"] {
        let pooler = PgBouncer::start(&postgres, mode, 1);
        assert_ne!(pooler.url(), postgres.url());
        let connection = pooler.psql("SELECT pg_backend_pid()");
        assert_eq!(pooler.psql("SELECT pg_backend_pid()"), connection, "{}", pooler.log());
        let settings = pooler.admin("SHOW CONFIG");
        let has = |setting: &str| settings.lines().any(|line| line.starts_with(setting));
        assert!(has("ignore_startup_parameters||"), "{settings}");
        assert!(has(&format!("pool_mode|{mode}|")) && has("default_pool_size|1|"), "{settings}");
        // An administrator can do more than look.
        pooler.admin("PAUSE");
        pooler.admin("RESUME");
        pooler.stop();
        let said = complaint(|| pooler.psql("SELECT 1"));
        assert!(said.contains("Connection refused"), "{said}");
    }
    let said = complaint(|| PgBouncer::start(&postgres, "sometimes", 1).url());
    assert!(said.contains("sometimes"), "{said}");
}

#[test]
fn a_redis_is_killed_frozen_and_limited() {
    let redis = testkit::Redis::start();
    let port = redis.port();
    assert_eq!((redis.cli(&["SET", "a", "1"]), redis.cli(&["GET", "a"])), ("OK".to_owned(), "1".to_owned()));
    redis.limit_memory(1);
    assert!(redis.cli(&["SET", "a", "2"]).starts_with("OOM"));
    redis.freeze();
    // Connections are still taken by the system, and nobody answers.
    let mut silent = TcpStream::connect(("127.0.0.1", port)).unwrap();
    silent.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let mut answer = [0];
    std::io::Write::write_all(&mut silent, b"PING\r\n").unwrap();
    assert!(std::io::Read::read(&mut silent, &mut answer).is_err());
    redis.thaw();
    assert_eq!(redis.cli(&["PING"]), "PONG");
    redis.kill();
    redis.kill();
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    redis.start_again();
    assert_eq!((redis.port(), redis.cli(&["GET", "a"])), (port, String::new()));
    drop(redis);
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
}
