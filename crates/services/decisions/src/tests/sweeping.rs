//! What goes: past its time, for want of room, when memory is full; never what is being evaluated.

use super::{Bench, caller, code, new, on_both, root, user};
use crate::{DecisionError, DocketError, Evaluate};
use std::sync::atomic::Ordering;
use std::time::Duration;
use testkit::Reply;

/// An hour in milliseconds: how long a decision lives unused.
const TTL: i64 = 3_600_000;

on_both!(what_is_not_used_goes, the_oldest_quarter_goes_once_when_memory_fills_up);

async fn alive(bench: &Bench, id: &str) -> bool {
    match bench.room.get(&root(), id).await {
        Ok(_) => true,
        Err(DecisionError::Kept(DocketError::UnknownSession { .. })) => false,
        Err(error) => panic!("{error:?}"),
    }
}

async fn what_is_not_used_goes(bench: Bench) {
    let (old, used) = (bench.start(&["a", "b"], &["c"]).await.id, bench.start(&["a", "b"], &["c"]).await.id);
    bench.pass(TTL - 1);
    assert!(alive(&bench, &used).await);
    bench.pass(1);
    assert!(!alive(&bench, &old).await, "past its time it is gone, swept or not");
    assert_eq!(bench.room.list(&root(), None, None).await.unwrap().entries.len(), 1);
    assert_eq!(bench.room.sweep().await.unwrap(), 1);
    assert_eq!(bench.room.statistics(&root()).await.unwrap().sessions_active, 1);
    assert!(alive(&bench, &used).await, "reading counts as using");
    bench.pass(TTL);
    // What is being evaluated stays, however long that takes.
    let busy = bench.start(&["a", "b"], &["c"]).await.id;
    bench.script(|_| Reply::hang());
    let asks = caller(&root());
    let watch = bench.room.evaluate_behind(&asks, &busy, Evaluate::default()).await.unwrap();
    bench.pass(1_000);
    bench.room.sweep().await.unwrap();
    assert_eq!(bench.room.statistics(&root()).await.unwrap().sessions_active, 1);
    assert!(alive(&bench, &busy).await && !watch.borrow().finished);
}

async fn the_oldest_quarter_goes_once_when_memory_fills_up(bench: Bench) {
    let mut ids = Vec::new();
    for at in 0..8 {
        let who = if at % 2 == 0 { root() } else { user("acme") };
        ids.push((bench.room.start(&who, new(&["a", "b"], &["c"])).await.unwrap().id, who));
        bench.pass(1);
    }
    bench.memory.store(80, Ordering::Relaxed);
    assert_eq!(bench.room.sweep().await.unwrap(), 0, "at the limit is not beyond it");
    bench.memory.store(81, Ordering::Relaxed);
    assert_eq!(bench.room.sweep().await.unwrap(), 2);
    for (at, (id, who)) in ids.iter().enumerate() {
        assert_eq!(bench.room.get(who, id).await.is_ok(), at >= 2, "{at}");
    }
    assert_eq!(bench.room.sweep().await.unwrap(), 0, "once each time it fills up");
    bench.memory.store(50, Ordering::Relaxed);
    bench.room.sweep().await.unwrap();
    bench.memory.store(99, Ordering::Relaxed);
    assert_eq!(bench.room.sweep().await.unwrap(), 2);
}

#[tokio::test]
async fn when_there_are_too_many_those_used_least_recently_go() {
    let bench = Bench::with("sessions_max = 8\nevict_batch = 2\nsession_ttl_s = 36000").await;
    let mut ids = Vec::new();
    for _ in 0..8 {
        ids.push(bench.start(&["a", "b"], &["c"]).await.id);
        bench.pass(60_000);
    }
    // The oldest one is read, which counts as using it.
    assert!(alive(&bench, &ids[0]).await);
    let foreign = bench.room.start(&user("acme"), new(&["a", "b"], &["c"])).await.unwrap();
    for id in &ids {
        assert!(!id.is_empty());
    }
    let newest = bench.start(&["a", "b"], &["c"]).await.id;
    let left: Vec<String> =
        bench.room.list(&root(), None, None).await.unwrap().entries.into_iter().map(|it| it.id).collect();
    assert!(!left.contains(&ids[1]) && !left.contains(&ids[2]), "a batch of those used least recently");
    assert!(left.contains(&ids[0]) && left.contains(&ids[3]) && left.contains(&newest), "{left:?}");
    assert_eq!(left.len(), 7);
    assert!(bench.room.get(&user("acme"), &foreign.id).await.is_ok(), "another tenant's do not go for ours");
}

#[tokio::test]
async fn what_is_being_evaluated_never_goes_for_want_of_room() {
    let bench = Bench::with("sessions_max = 2\nevict_batch = 1").await;
    bench.script(|_| Reply::hang());
    let asks = caller(&root());
    let mut busy = Vec::new();
    for _ in 0..2 {
        let id = bench.start(&["a", "b"], &["c"]).await.id;
        busy.push(bench.room.evaluate_behind(&asks, &id, Evaluate::default()).await.unwrap());
        bench.pass(1);
    }
    let full = bench.room.start(&root(), new(&["a", "b"], &["c"])).await.unwrap_err();
    assert_eq!(
        (code(&full), full.to_string().as_str()),
        ("too_many_sessions", "2 sessions are there, none of which can go")
    );
    assert_eq!(bench.room.statistics(&root()).await.unwrap().sessions_active, 2, "what is refused is not counted");
    bench.room.clear(&root()).await.unwrap();
    assert!(bench.room.start(&root(), new(&["a", "b"], &["c"])).await.is_ok());
    drop(busy);
}

#[tokio::test]
async fn housekeeping_sweeps_by_itself() {
    let bench = Bench::with("sweep_s = 1\nsession_ttl_s = 1").await;
    bench.start(&["a", "b"], &["c"]).await;
    bench.pass(2_000);
    let gone = async {
        while bench.metrics.decisions().sessions.value() != 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone).await.expect("it is swept within a second or two");
}
