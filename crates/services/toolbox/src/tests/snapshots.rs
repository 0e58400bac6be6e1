//! The catalogue in one piece: read instead of rows while it is in force, never when anything has changed since.

use super::*;
use futures_util::FutureExt;
use store::{Isolation, args};

on_both!(
    a_start_reads_the_snapshot,
    what_changed_since_is_read_by_rows,
    what_was_removed_or_hidden_does_not_come_back,
    a_damaged_snapshot_is_no_error,
    a_change_is_kept_a_moment_later,
);

async fn execute(bench: &Bench, sql: &'static str) {
    let written = bench.store.write(Isolation::ReadCommitted, move |tx| tx.execute(sql, args![]).boxed());
    assert!(written.await.unwrap() > 0, "{sql}");
}

/// As after a kill: nothing is kept at the end.
async fn killed(bench: Bench) -> Bench {
    let Bench { toolbox, retrieval, store, settings, data, .. } = bench;
    drop((toolbox, retrieval));
    store.close().await;
    Bench::at(settings, data).await
}

fn summary(bench: &Bench, id: &str) -> String {
    let viewer = crate::Viewer::of(&root());
    crate::read(&bench.toolbox.catalogue).get(&viewer, id).unwrap().summary.to_string()
}

async fn a_start_reads_the_snapshot(bench: Bench) {
    let mut lines = some();
    lines[0]["tags"] = json!(["Issues", "new"]);
    bench.import(&lines).await;
    let all = |bench: &Bench| {
        let catalogue = crate::read(&bench.toolbox.catalogue);
        (catalogue.version, catalogue.all().map(|entry| (**entry).clone()).collect::<Vec<_>>())
    };
    let before = all(&bench);
    // Closing keeps it. Then behind our back: whoever reads rows sees it.
    let bench = bench.again().await;
    assert_eq!(all(&bench), before);
    execute(&bench, "UPDATE toolbox_tool SET summary = 'by rows'").await;
    let bench = killed(bench).await;
    assert_eq!(all(&bench), before);
    execute(&bench, "DELETE FROM toolbox_snapshot").await;
    let bench = killed(bench).await;
    assert_eq!(summary(&bench, "aws__list_buckets"), "by rows");
    assert!(crate::snapshot::keep(&bench.store).await.unwrap());
    assert!(!crate::snapshot::keep(&bench.store).await.unwrap(), "it is there already");
}

async fn what_changed_since_is_read_by_rows(bench: Bench) {
    bench.import(&some()).await;
    bench.toolbox.keep_snapshots().await;
    let mut lines = some();
    lines[3]["description"] = json!("Tell of zebras");
    lines.push(line("maths", "subtract_numbers", "Take one number from another"));
    bench.import(&lines).await;
    let bench = killed(bench).await;
    assert_eq!((bench.toolbox.len(), &*summary(&bench, "aws__list_buckets")), (6, "Tell of zebras"));
    assert_eq!(bench.ids(&root(), "zebras").await[0], "aws__list_buckets");
    assert_eq!(bench.ids(&root(), "take one number from another").await[0], "maths__subtract_numbers");
}

async fn what_was_removed_or_hidden_does_not_come_back(bench: Bench) {
    bench.import(&some()).await;
    bench.toolbox.keep_snapshots().await;
    bench.toolbox.remove(&root(), None, "slack__send_message", None).await.unwrap();
    let mut hidden = some();
    hidden.truncate(1);
    hidden[0]["role"] = json!("admin");
    bench.import(&hidden).await;
    let bench = killed(bench).await;
    assert_eq!((bench.toolbox.len(), bench.retrieval.ids(&retrieval::Collection::Tools).len()), (4, 4));
    let who = user("acme", Role::User);
    assert!(!bench.ids(&who, "send a message to a channel").await.contains(&"slack__send_message".to_owned()));
    assert!(!bench.ids(&who, "create an issue in a repository").await.contains(&"github__create_issue".to_owned()));
    assert_eq!(bench.ids(&root(), "create an issue in a repository").await[0], "github__create_issue");
}

async fn a_damaged_snapshot_is_no_error(bench: Bench) {
    bench.import(&some()).await;
    bench.toolbox.keep_snapshots().await;
    // The same bytes, of which the first eight are missing; and those of another table.
    for damage in [
        "UPDATE toolbox_snapshot SET body = substr(body, 9)",
        "UPDATE toolbox_snapshot SET body = (SELECT body FROM retrieval_snapshot)",
    ] {
        execute(&bench, damage).await;
        let (entries, version) = crate::snapshot::all(&bench.store).await.unwrap();
        assert_eq!((entries.len(), version), (5, bench.toolbox.catalog_version()), "{damage}");
    }
    let bench = killed(bench).await;
    assert_eq!(bench.ids(&root(), "list buckets").await[0], "aws__list_buckets");
}

async fn a_change_is_kept_a_moment_later(bench: Bench) {
    bench.import(&some()).await;
    let count = || async {
        let sql = "SELECT COUNT(*) FROM toolbox_snapshot s JOIN toolbox_catalogue c ON c.version = s.version \
             JOIN retrieval_snapshot r ON r.collection = c.name \
             JOIN retrieval_collection v ON v.collection = r.collection AND v.version = r.version";
        let read = bench.store.read(|tx| async move { tx.fetch_one(sql, args![]).await?.get::<i64>(0) }.boxed());
        read.await.map_err(|error: store::StoreError| error).unwrap()
    };
    assert_eq!(count().await, 0);
    let began = std::time::Instant::now();
    while count().await == 0 {
        assert!(began.elapsed() < Duration::from_secs(20), "nothing was kept");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
