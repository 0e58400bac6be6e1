//! How questions get into the store, and out of it again.

use super::*;
use crate::clerk::QUEUE_MAX;
use crate::log;

on_both!(
    old_rows_go_with_their_counts,
    many_old_days_go_a_little_at_a_time,
    the_same_twice_is_once,
    another_server_learns,
    closing_writes_what_waits
);

async fn old_rows_go_with_their_counts(bench: Bench) {
    for (request, days_ago) in [("old", 91), ("new", 90)] {
        bench.now_ms.store(NOON_MS - days_ago * calendar::DAY_MS, Ordering::Relaxed);
        bench.votes.note(asked(HOUSE, request, &[("a", 0), ("b", 1)]));
        bench.settle(HOUSE, request, &["a"]).await.unwrap();
    }
    assert!(!log::purge(&bench.store, DAYS, NOON_MS).await.unwrap());
    for (table, left) in [
        ("votes_question", 1),
        ("votes_answer", 2),
        ("votes_panel_day", 1),
        ("votes_model_day", 2),
        ("votes_pair_day", 1),
    ] {
        assert_eq!(bench.rows(table).await, left, "{table}");
    }
    assert!(matches!(bench.settle(HOUSE, "old", &[]).await, Err(VotesError::NotFound { .. })));
    assert_eq!(bench.settle(HOUSE, "new", &[]).await.unwrap().version, 2);
}

async fn many_old_days_go_a_little_at_a_time(bench: Bench) {
    let rows: Vec<Vec<Value>> =
        (0..5_003_i64).map(|at| vec![Value::from(at % 7), Value::from(HOUSE), Value::from(format!("p{at}"))]).collect();
    let filled = bench.store.write(store::Isolation::ReadCommitted, move |tx| {
        let rows: Vec<Vec<Value>> =
            rows.iter().map(|row| [row.clone(), vec![Value::from(1_i64), Value::from(0_i64)]].concat()).collect();
        let sql = "INSERT INTO votes_panel_day (day, tenant, panel, reached, not_reached)";
        async move { tx.insert_many(sql, rows, "").await }.boxed()
    });
    filled.await.map_err(|error: StoreError| error).unwrap();
    assert!(log::purge(&bench.store, DAYS, NOON_MS).await.unwrap(), "there is more");
    assert_eq!(bench.rows("votes_panel_day").await, 3);
    assert!(!log::purge(&bench.store, DAYS, NOON_MS).await.unwrap());
    assert_eq!(bench.rows("votes_panel_day").await, 0);
}

async fn the_same_twice_is_once(bench: Bench) {
    bench.votes.note(asked(HOUSE, "r1", &[("a", 0), ("b", 0)]));
    bench.votes.note(asked(HOUSE, "r1", &[("a", 0), ("c", 1), ("d", 2)]));
    bench.votes.flush().await.unwrap();
    assert_eq!((bench.rows("votes_question").await, bench.rows("votes_answer").await), (1, 2));
    let standing = &bench.votes.standings(&user(HOUSE)).await.unwrap()["p"];
    assert_eq!((standing.reached, standing.not_reached), (1, 0));
}

async fn another_server_learns(bench: Bench) {
    bench.votes.note(asked(HOUSE, "r1", &[("a", 0), ("b", 1)]));
    bench.settle(HOUSE, "r1", &["b"]).await.unwrap();
    let beside = Votes::open(bench.store.clone(), DAYS, bench.metrics.clone()).await.unwrap();
    assert_eq!(beside.known("p").unwrap().models["b"], Accuracy { right: 1, asked: 1 });
    // What it has not heard of since, it reads once its own is no longer fresh.
    bench.votes.note(asked(HOUSE, "r2", &[("a", 0), ("b", 1)]));
    bench.settle(HOUSE, "r2", &["b"]).await.unwrap();
    assert_eq!(beside.known("p").unwrap().models["b"].asked, 1);
    beside.desk.fresh_until.store(0, Ordering::Relaxed);
    assert!(beside.desk.is_stale() && !beside.desk.is_stale(), "one reads for all");
    beside.desk.fresh_until.store(0, Ordering::Relaxed);
    beside.known("p");
    beside.flush().await.unwrap();
    assert_eq!(beside.known("p").unwrap().models["b"].asked, 2);
    beside.close().await;
}

#[tokio::test]
async fn what_was_learned_is_not_overwritten_by_an_older_read() {
    let bench = Bench::sqlite().await;
    bench.votes.note(asked(HOUSE, "r1", &[("a", 0), ("b", 1)]));
    bench.votes.flush().await.unwrap();
    let desk = &bench.votes.desk;
    let (epoch, read) = (desk.epoch(), crate::standing::read(&bench.store, None, None).await.unwrap());
    bench.settle(HOUSE, "r1", &["b"]).await.unwrap();
    desk.take_over(read, epoch);
    assert_eq!(bench.votes.known("p").unwrap().models["b"], Accuracy { right: 1, asked: 1 });
    // The reading is made up for by the next who looks: that was `known` just now.
    assert!(!desk.is_stale());
    let (epoch, read) = (desk.epoch(), crate::standing::read(&bench.store, None, None).await.unwrap());
    desk.take_over(read, epoch);
    assert_eq!(bench.votes.known("p").unwrap().models["b"], Accuracy { right: 1, asked: 1 });
}

async fn closing_writes_what_waits(bench: Bench) {
    for at in 0..450 {
        bench.votes.note(asked(HOUSE, &format!("r{at}"), &[("a", 0), ("b", 1)]));
    }
    bench.votes.close().await;
    assert_eq!((bench.rows("votes_question").await, bench.rows("votes_answer").await), (450, 900));
    bench.votes.note(asked(HOUSE, "late", &[]));
    assert!(matches!(bench.votes.flush().await, Err(VotesError::Unwritten)));
    assert_eq!((bench.metrics.logged.value(), bench.metrics.dropped.value()), (450, 1));
    drop(bench.settings);
}

#[tokio::test]
async fn a_line_that_is_full_drops_and_counts() {
    let bench = Bench::sqlite().await;
    // Nothing awaits in between: the clerk has no turn on this thread.
    for at in 0..QUEUE_MAX + 7 {
        bench.votes.note(asked(HOUSE, &format!("r{at}"), &[("a", 0)]));
    }
    assert_eq!(bench.metrics.dropped.value(), 7);
}

#[tokio::test]
async fn what_cannot_be_written_waits_until_it_can() {
    let bench = Bench::sqlite().await;
    let run = async |sql: &'static str| {
        let run = bench.store.write(store::Isolation::ReadCommitted, move |tx| tx.execute(sql, Vec::new()).boxed());
        run.await.map_err(|error: StoreError| error).unwrap();
    };
    run("ALTER TABLE votes_answer RENAME TO votes_away").await;
    bench.votes.note(asked(HOUSE, "r1", &[("a", 0), ("b", 1)]));
    assert!(matches!(bench.votes.flush().await, Err(VotesError::Unwritten)), "whoever waits for it hears of it");
    run("ALTER TABLE votes_away RENAME TO votes_answer").await;
    assert_eq!(bench.settle(HOUSE, "r1", &["a"]).await.unwrap().right, ["a"]);
    assert_eq!((bench.rows("votes_answer").await, bench.metrics.dropped.value()), (2, 0));
}
