//! Going back to a point in time: an archive of PostgreSQL's log, a base backup, a mistake, and the minute before it.
//! The commands are those of `docs/store.md`.

use crate::backend::{Backend, eventually};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use store::args;
use testkit::{Postgres, PostgresOptions};

/// Runs a command as whoever owns `owned`: the servers of tests do not run as root.
fn run_as_owner(owned: &Path, program: &Path, args: &[&str]) {
    use std::os::unix::fs::MetadataExt;
    use std::os::unix::process::CommandExt;
    let (meta, mut command) = (fs::metadata(owned).unwrap(), Command::new(program));
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        command.uid(meta.uid()).gid(meta.gid());
    }
    let output = command.args(args).current_dir("/").env("LC_ALL", "C").output().unwrap();
    assert!(output.status.success(), "{program:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_database_goes_back_to_the_minute_before_a_mistake() {
    let archive = tempfile::tempdir().unwrap();
    // Whoever runs the server must be able to write there.
    fs::set_permissions(archive.path(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    let copy = format!("test ! -f {0}/%f && cp %p {0}/%f", archive.path().display());
    let settings = [("wal_level", "replica"), ("archive_mode", "on"), ("archive_command", copy.as_str())];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let options = PostgresOptions { settings, durable: true, ..PostgresOptions::default() };
    let backend = Backend::postgres_with(&options);
    let postgres = backend.postgres.as_ref().unwrap();
    let site = backend.open().await;
    site.exec("CREATE TABLE item (id BIGINT PRIMARY KEY)", args![]).await.unwrap();
    site.exec("INSERT INTO item VALUES (1)", args![]).await.unwrap();
    let base = archive.path().join("base");
    let port = postgres.port().to_string();
    let arguments =
        ["-h", "127.0.0.1", "-p", &port, "-U", "althing", "-D", base.to_str().unwrap(), "--checkpoint=fast"];
    tokio::task::block_in_place(|| run_as_owner(&postgres.data_dir(), &postgres.bin("pg_basebackup"), &arguments));
    for id in 2..=40_i64 {
        site.exec("INSERT INTO item VALUES ($1)", args![id]).await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    let good = postgres.psql("SELECT clock_timestamp()");
    tokio::time::sleep(Duration::from_millis(50)).await;
    site.exec("DELETE FROM item WHERE id > 10", args![]).await.unwrap();
    site.exec("INSERT INTO item VALUES (1000)", args![]).await.unwrap();
    assert_eq!(site.int("SELECT COUNT(*) FROM item").await, 11);
    let last = postgres.psql("SELECT pg_walfile_name(pg_switch_wal())");
    assert!(eventually(|| archive.path().join(&last).is_file()).await, "the log is in the archive");
    site.store.close().await;
    tokio::task::block_in_place(|| {
        postgres.stop();
        back(postgres, &base, archive.path(), &good);
    });
    let site = backend.open().await;
    assert_eq!(site.int("SELECT COUNT(*) FROM item").await, 40);
    assert_eq!(site.int("SELECT MAX(id) FROM item").await, 40);
    site.exec("INSERT INTO item VALUES (41)", args![]).await.unwrap();
}

/// Puts the base backup in the place of the cluster and lets it follow the archive up to `time`.
fn back(postgres: &Postgres, base: &Path, archive: &Path, time: &str) {
    let data = postgres.data_dir();
    fs::rename(&data, data.with_file_name("data-after-the-mistake")).unwrap();
    fs::rename(base, &data).or_else(|_| copy(base, &data)).unwrap();
    let wanted = format!(
        "restore_command = 'cp {}/%f %p'\nrecovery_target_time = '{time}'\nrecovery_target_action = 'promote'\n",
        archive.display()
    );
    let file = data.join("postgresql.auto.conf");
    let before = fs::read_to_string(&file).unwrap();
    fs::write(&file, before + &wanted).unwrap();
    run_as_owner(&data, Path::new("/usr/bin/touch"), &[data.join("recovery.signal").to_str().unwrap()]);
    postgres.start_again();
    // It accepts readers before it has finished.
    for _ in 0..500 {
        if postgres.psql("SELECT pg_is_in_recovery()") == "f" {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("it does not come out of recovery: {}", postgres.log());
}

/// Across file systems, with owners.
fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    let done = Command::new("cp").arg("-a").arg(from).arg(to).status()?;
    if done.success() { Ok(()) } else { Err(std::io::Error::other("cp failed")) }
}
