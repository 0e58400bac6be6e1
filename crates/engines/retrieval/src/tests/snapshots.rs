//! Collections in one piece: read instead of rows while they are in force, never when anything has changed since.

use super::*;
use crate::schema::MIGRATIONS;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

on_both!(
    a_start_reads_the_snapshot_and_finds_the_same,
    what_changed_since_is_read_by_rows,
    what_was_removed_does_not_come_back,
    a_damaged_snapshot_is_no_error,
    collections_without_one_are_read_beside_it,
    documents_from_before_snapshots_get_one,
    a_broken_row_is_told_of_and_not_kept,
    a_kill_leaves_a_snapshot_of_what_is_there_or_none,
);

/// Where the child finds the database; it is a child if this is set.
const CHILD: &str = "ALTHING_TEST_SNAPSHOT_CHILD";

impl Server {
    async fn keep(&self) -> bool {
        self.retrieval.keep_snapshot(&Collection::Tools).await.unwrap()
    }

    /// What the index holds: names and scopes.
    async fn held(&self) -> Vec<(Arc<str>, Arc<str>)> {
        let held = self.index.snapshot("tools").await.unwrap().documents;
        held.into_iter().map(|one| (one.id, one.scope)).collect()
    }
}

/// Runs in a process of its own until it is killed: changes documents and keeps them, again and again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let Ok(url) = std::env::var(CHILD) else { return };
    let rules = Rules::new(&settings::Settings::default());
    let server = serve(&url, None, rules, Limits::default(), Arc::new(AtomicI64::new(NOON_MS))).await;
    for round in 0.. {
        let of = |at: usize| Document {
            scope: if (at + round).is_multiple_of(3) { "acme/user".into() } else { "*/user".into() },
            ..document(&format!("t{at}"), &format!("number {at} of round {round}"))
        };
        server.put((0..40).filter(|at| at % 7 != round % 7).map(of).collect()).await;
        println!("put");
        server.keep().await;
        println!("kept");
        let gone: Vec<Arc<str>> = (0..40).filter(|at| at % 5 == round % 5).map(|at| format!("t{at}").into()).collect();
        server.retrieval.remove(&Collection::Tools, &gone).await.unwrap();
        println!("removed");
    }
}

/// Runs a child until it has said so many lines and a moment has gone by, and kills it.
fn run(url: &str, lines: usize, moment: Duration) {
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "tests::snapshots::child", "--nocapture"])
        .env(CHILD, url)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let said = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
    let said = said.filter(|line| ["put", "kept", "removed"].contains(&&**line)).take(lines).count();
    std::thread::sleep(moment);
    process.kill().unwrap();
    process.wait().unwrap();
    assert_eq!(said, lines, "the child ended by itself");
}

mod cases {
    use super::*;

    pub(super) async fn a_start_reads_the_snapshot_and_finds_the_same(bench: Bench) {
        let server = bench.server().await;
        assert!(!server.keep().await, "nothing was ever put");
        server.put(catalogue()).await;
        server.settled().await;
        let before = server.find("forecast of rain in a city").await;
        assert!(server.keep().await);
        assert!(!server.keep().await, "it is there already");
        server.put(catalogue()).await;
        assert!(!server.keep().await, "nothing has changed");
        // Behind our back: whoever reads rows sees it.
        server.execute("UPDATE retrieval_document SET fields = '[[\"zebra\",1.0]]'").await;
        server.close().await;
        let server = bench.server().await;
        assert!(server.find("zebra").await.hits.iter().all(|hit| hit.parts.words == 0.0), "rows were read");
        server.execute("DELETE FROM retrieval_snapshot").await;
        server.close().await;
        let server = bench.server().await;
        assert!(server.find("zebra").await.hits.iter().any(|hit| hit.parts.words > 0.0), "rows were not read");
        server.put(catalogue()).await;
        server.close().await;
        // As it was.
        let server = bench.server().await;
        server.execute("DELETE FROM retrieval_document").await;
        server.execute("UPDATE retrieval_collection SET version = version + 1").await;
        server.close().await;
        let server = bench.server().await;
        server.put(catalogue()).await;
        assert!(server.keep().await);
        server.close().await;
        let server = bench.server().await;
        server.settled().await;
        assert_eq!(server.find("forecast of rain in a city").await.hits, before.hits);
        assert_eq!(server.held().await.len(), 4);
        assert_eq!(server.put(catalogue()).await.same, 4);
        server.close().await;
    }

    pub(super) async fn what_changed_since_is_read_by_rows(bench: Bench) {
        let server = bench.server().await;
        server.put(catalogue()).await;
        assert!(server.keep().await);
        let hidden = Document { scope: "*/admin".into(), ..document("mail", "send a message to somebody") };
        server.put(vec![document("weather", "measures the wind"), hidden, document("new", "a zebra")]).await;
        // As after a kill: nothing is kept at the end.
        server.store.close().await;
        let server = bench.server().await;
        server.settled().await;
        assert_eq!(ids(&server.find("zebra").await).first(), Some(&"new"));
        assert!(server.find("forecast").await.hits.iter().all(|hit| hit.parts.words == 0.0), "it says that no more");
        assert!(!ids(&server.find("send a message").await).contains(&"mail"), "it is hidden");
        assert!(server.keep().await, "the old one was of another version");
        server.close().await;
        let server = bench.server().await;
        assert!(!ids(&server.find("send a message").await).contains(&"mail"), "it is hidden");
        assert_eq!(server.held().await.len(), 5);
        server.close().await;
    }

    pub(super) async fn what_was_removed_does_not_come_back(bench: Bench) {
        let server = bench.server().await;
        server.put(catalogue()).await;
        assert!(server.keep().await);
        server.retrieval.remove(&Collection::Tools, &["mail".into()]).await.unwrap();
        server.store.close().await;
        let server = bench.server().await;
        assert_eq!(server.held().await.len(), 3);
        assert!(!ids(&server.find("send a message").await).contains(&"mail"));
        assert!(server.keep().await);
        server.retrieval.remove_scope(&Collection::Tools, "*/user").await.unwrap();
        server.store.close().await;
        let server = bench.server().await;
        assert_eq!(server.held().await, []);
        assert!(server.keep().await, "an empty one");
        server.close().await;
        assert_eq!(bench.server().await.held().await, []);
    }

    pub(super) async fn a_damaged_snapshot_is_no_error(bench: Bench) {
        let server = bench.server().await;
        server.put(catalogue()).await;
        let cut = match bench.place {
            Place::Sqlite(_) => "UPDATE retrieval_snapshot SET body = substr(body, 1, length(body) / 2)",
            Place::Postgres(_) => "UPDATE retrieval_snapshot SET body = substring(body FROM 1 FOR length(body) / 2)",
        };
        let foreign = match bench.place {
            Place::Sqlite(_) => "UPDATE retrieval_snapshot SET body = x'00ff'",
            Place::Postgres(_) => "UPDATE retrieval_snapshot SET body = '\\x00ff'",
        };
        for damage in [cut, foreign] {
            server.execute("DELETE FROM retrieval_snapshot").await;
            assert!(server.keep().await);
            server.execute(damage).await;
            let other = bench.server().await;
            assert_eq!(other.held().await.len(), 4, "{damage}");
            assert_eq!(ids(&other.find("open issues").await).first(), Some(&"issues"), "{damage}");
            other.close().await;
        }
        server.close().await;
    }

    pub(super) async fn collections_without_one_are_read_beside_it(bench: Bench) {
        let server = bench.server().await;
        let (first, last) = (Collection::Passages("first".into()), Collection::Passages("zebra".into()));
        server.put(catalogue()).await;
        server.retrieval.put(&first, vec![document("mail", "a letter")]).await.unwrap();
        server.retrieval.put(&last, vec![document("b", "a book"), document("c", "a chapter")]).await.unwrap();
        assert!(server.keep().await);
        server.retrieval.put(&first, vec![document("d", "a desk")]).await.unwrap();
        assert!(!server.keep().await, "another collection has changed");
        assert!(server.retrieval.keep_snapshot(&last).await.unwrap());
        server.close().await;
        let server = bench.server().await;
        let count = |collection: &Collection| server.retrieval.ids(collection).len();
        assert_eq!((count(&Collection::Tools), count(&first), count(&last)), (4, 2, 2));
        server.close().await;
    }

    pub(super) async fn documents_from_before_snapshots_get_one(bench: Bench) {
        let settings = settings::Store { url: Some(bench.url().parse().unwrap()), ..settings::Store::default() };
        let config = Config::new(&settings, "/".as_ref()).unwrap();
        let store = Store::open(&config, Metrics::new("test").store()).await.unwrap();
        store.migrate("retrieval", &MIGRATIONS[..1]).await.unwrap();
        let written = store.write(store::Isolation::Serializable, |tx| {
            let args = store::args!["tools", "old", "*/user", vec![7_u8; 32], "[[\"an old one\",1.0]]", "[]", "[]"];
            let sql = "INSERT INTO retrieval_document (collection, id, scope, digest, fields, meanings, tags) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7)";
            async move { tx.execute(sql, args).await.map(drop) }.boxed()
        });
        written.await.map_err(|error: StoreError| error).unwrap();
        store.close().await;
        let server = bench.server().await;
        assert_eq!(ids(&server.find("old").await), ["old"]);
        assert!(server.keep().await);
        server.close().await;
        let server = bench.server().await;
        assert_eq!(ids(&server.find("old").await), ["old"]);
        server.close().await;
    }

    pub(super) async fn a_broken_row_is_told_of_and_not_kept(bench: Bench) {
        let server = bench.server().await;
        server.put(catalogue()).await;
        server.execute("UPDATE retrieval_document SET tags = 'broken' WHERE id = 'mail'").await;
        assert!(!server.keep().await);
        assert_eq!(server.rows("retrieval_snapshot").await, 0);
        server.close().await;
    }

    pub(super) async fn a_kill_leaves_a_snapshot_of_what_is_there_or_none(bench: Bench) {
        for (lines, ms) in [(1, 0), (2, 1), (3, 3), (5, 0), (7, 6), (9, 2)] {
            let url = bench.url();
            tokio::task::spawn_blocking(move || run(&url, lines, Duration::from_millis(ms))).await.unwrap();
            let server = bench.server().await;
            let held = server.held().await;
            server.execute("DELETE FROM retrieval_snapshot").await;
            let rows = bench.server().await;
            assert_eq!(held, rows.held().await, "killed {ms} ms after {lines} lines");
            assert_eq!(held.len() as i64, rows.rows("retrieval_document").await);
            rows.close().await;
            server.close().await;
        }
    }
}
