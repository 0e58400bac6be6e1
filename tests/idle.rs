//! A server that nobody asks anything does nothing: it does not look, and it does not write.

use crate::support::books::{metered, priced, request, spend};
use crate::support::{Place, Server};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};
use testkit::Postgres;

/// How long it is watched.
const WATCHED: Duration = Duration::from_secs(2);
/// The share of a processor that it may take meanwhile.
const SHARE: f64 = 0.005;
/// Until the last that was spent is written down, and what was set aside is back.
const SETTLES: Duration = Duration::from_millis(2_500);

/// The processor time that all threads of a process have taken, to the nanosecond.
fn processor(server: &Server) -> Duration {
    let threads = std::fs::read_dir(format!("/proc/{}/task", server.pid())).unwrap();
    let taken = threads.map(|thread| {
        let line = std::fs::read_to_string(thread.unwrap().path().join("schedstat")).unwrap();
        line.split_whitespace().next().unwrap().parse::<u64>().unwrap()
    });
    Duration::from_nanos(taken.sum())
}

/// Size and time of every file in the data folder.
fn files(server: &Server) -> BTreeMap<PathBuf, (u64, SystemTime)> {
    let entries = std::fs::read_dir(server.data()).unwrap().map(|entry| entry.unwrap());
    let about = |entry: std::fs::DirEntry| {
        let data = entry.metadata().unwrap();
        (entry.path(), (data.len(), data.modified().unwrap()))
    };
    entries.map(about).collect()
}

/// A server that has worked a little and then has nothing to do.
async fn rests(store: &str) -> Server {
    let upstream = metered(Duration::from_millis(1)).await;
    let place = Place::new(&format!("{store}[budget]\nkey_usd_per_day = 1\n{}", priced(&upstream)));
    let key = place.key("user", "acme");
    let server = place.start();
    for _ in 0..20 {
        assert_eq!(spend(server.address(), &key, &request("kit/m", false, Some(100))).await.status, 200);
    }
    tokio::time::sleep(SETTLES).await;
    let before = (processor(&server), files(&server));
    tokio::time::sleep(WATCHED).await;
    let (took, after) = (processor(&server).saturating_sub(before.0), files(&server));
    assert!(took.as_secs_f64() < WATCHED.as_secs_f64() * SHARE, "it took {took:?} of {WATCHED:?}");
    assert_eq!(after, before.1, "something was written");
    server
}

#[tokio::test]
async fn a_server_on_a_file_rests() {
    rests("").await;
}

#[tokio::test]
async fn a_server_on_postgresql_rests() {
    let postgres = Postgres::start();
    let server = rests(&format!("[store]\nurl = {:?}\n", postgres.url())).await;
    // Nor has it asked anything meanwhile.
    let asked = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' \
                 AND pid <> pg_backend_pid() AND query_start > now() - interval '1900 ms'";
    assert_eq!(postgres.psql(asked), "0", "{}", server.log());
}
