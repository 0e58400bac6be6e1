//! What was bought stays, whatever fails later; and what a refresh did not reach is told.

use super::{Bench, caller, code, on_both, option, root, says, user, within};
use crate::{DecisionError, DocketError, Evaluate, Look, PairOutcome};
use docket::{End, Which, Whom};
use futures_util::FutureExt;
use std::sync::Arc;
use std::time::Duration;
use store::{Isolation, StoreError};
use testkit::Reply;

const REFRESH: Evaluate = Evaluate { refresh: true, version: None };

on_both!(
    a_refresh_in_an_outage_keeps_what_was_bought,
    a_change_ends_an_expired_lease,
    conversations_are_kept_in_bounds,
    a_refresh_that_was_killed_goes_on,
    a_refresh_goes_on_with_what_failed_and_may_pass,
    a_refresh_that_broke_off_long_ago_begins_anew,
);

async fn a_refresh_in_an_outage_keeps_what_was_bought(bench: Bench) {
    let id = bench.start(&["Ash", "Elm"], &["Price", "Looks"]).await.id;
    bench.evaluate(&id).await;
    bench.script(|_| Reply::error(401, "invalid_request_error", "wrong key"));
    let done = bench.room.evaluate(&caller(&root()), &id, REFRESH).await.unwrap();
    assert_eq!((done.complete, done.errors.len(), done.missing.len()), (false, 4, 0), "{done:?}");
    assert!(done.errors.iter().all(|it| it.reason.ends_with("the score from before stays")), "{done:?}");
    let kept = bench.room.get(&root(), &id).await.unwrap();
    assert!(kept.pairs.iter().all(|it| it.outcome == PairOutcome::Scored && !it.outdated), "{:?}", kept.pairs);
    assert!(bench.result(&id).await.complete);
    assert_eq!(bench.evaluate(&id).await.reused, 4, "nothing is bought again");
    // Of other texts, a failure takes the place of what was there.
    let text = crate::OptionChange { description: Some("A tree".to_owned()), ..crate::OptionChange::default() };
    bench.room.change_option(&root(), &id, "Ash", text, None).await.unwrap();
    assert_eq!(bench.evaluate(&id).await.errors.len(), 2);
    assert_eq!(bench.room.get(&root(), &id).await.unwrap().pairs[0].outcome, PairOutcome::Failed);
}

async fn a_change_ends_an_expired_lease(bench: Bench) {
    let id = bench.start(&["Ash", "Elm"], &["Price"]).await.id;
    let other: Arc<str> = "another server".into();
    let looking = bench.room.looking(&root(), &id);
    let lease = bench.room.docket.lease(looking, None, other, 1_000, Whom::default(), false).await.unwrap().0;
    assert_eq!(
        code(&bench.room.add_option(&root(), &id, option("Oak"), None).await.unwrap_err()),
        "evaluation_running"
    );
    bench.pass(1_001);
    bench.room.add_option(&root(), &id, option("Oak"), None).await.unwrap();
    let late = bench.room.docket.write(&lease, Arc::default(), End::GoesOn).await.unwrap_err();
    assert_eq!(code(&late.into()), "lease_lost", "what was asked before the change is not written after it");
}

async fn conversations_are_kept_in_bounds(bench: Bench) {
    let mut rules = bench.settings.decisions.clone();
    rules.message_chars_max = 100;
    bench.room.reload(rules);
    bench.script(|_| Reply::chat(&says(5.0).replace("Because.", &"words ".repeat(1_000))));
    let id = bench.start(&["Ash", "Elm"], &["Price"]).await.id;
    bench.evaluate(&id).await;
    bench.room.add_option(&root(), &id, option("Oak"), None).await.unwrap();
    bench.evaluate(&id).await;
    bench.room.evaluate(&caller(&root()), &id, REFRESH).await.unwrap();
    let look = Look { include_history: true, seed: None };
    let history = bench.room.result(&root(), &id, look).await.unwrap().history.unwrap();
    assert_eq!(history.len(), 12, "two messages of each pair each time");
    assert!(history.iter().all(|it| it.content.chars().count() <= 100), "{history:?}");
}

#[tokio::test]
async fn a_refresh_that_was_not_finished_is_told_as_such() {
    let bench = Bench::with("in_flight_max = 1").await;
    let id = bench.start(&["Ash", "Elm", "Oak", "Fir"], &["Price", "Looks"]).await.id;
    bench.evaluate(&id).await;
    bench.script(|_| Reply::chat(&says(5.0)).after(Duration::from_millis(150)));
    let short = within(&root(), Duration::from_millis(500));
    let done = bench.room.evaluate(&short, &id, REFRESH).await.unwrap();
    assert!(!done.complete && !done.missing.is_empty(), "{done:?}");
    assert!(
        done.missing.iter().all(|it| it.code == "deadline" && it.reason.ends_with("from before stays")),
        "{done:?}"
    );
    let summary = done.summary;
    assert_eq!(summary.successful_scores + summary.abstentions + summary.errors, 8);
    let left_over = done.missing.len() + done.errors.len();
    let left = format!("the refresh has {left_over} pair");
    assert!(done.reasons.iter().any(|reason| reason.starts_with(&left)), "{:?}", done.reasons);
    assert!(bench.evaluate(&id).await.complete, "every pair has a score all the while");
    let rest = bench.room.evaluate(&caller(&root()), &id, REFRESH).await.unwrap();
    assert_eq!((rest.complete, rest.asked), (true, left_over), "{rest:?}");
}

#[tokio::test]
async fn a_foreign_tenant_learns_nothing_of_what_runs() {
    let bench = Bench::sqlite().await;
    bench.script(|_| Reply::hang());
    let id = bench.start(&["Ash", "Elm"], &["Price"]).await.id;
    let _watch = bench.room.evaluate_behind(&caller(&root()), &id, Evaluate::default()).await.unwrap();
    let foreign = bench.room.evaluate(&caller(&user("acme")), &id, Evaluate::default()).await.unwrap_err();
    assert!(matches!(foreign, DecisionError::Kept(DocketError::UnknownSession { .. })), "{foreign:?}");
    let foreign = bench.room.add_option(&user("acme"), &id, option("Oak"), None).await.unwrap_err();
    assert!(matches!(foreign, DecisionError::Kept(DocketError::UnknownSession { .. })), "{foreign:?}");
}

/// Keeps the writer busy for so long.
async fn occupy(bench: &Bench, time: Duration) {
    let busy = bench.store.write(Isolation::ReadCommitted, move |_| {
        async move {
            tokio::time::sleep(time).await;
            Ok::<_, StoreError>(())
        }
        .boxed()
    });
    busy.await.unwrap();
}

#[tokio::test]
async fn a_change_does_not_slip_into_an_evaluation_that_begins_meanwhile() {
    let bench = Bench::sqlite().await;
    let decision = bench.start(&["Ash", "Elm"], &["Price"]).await;
    // What is left of an evaluation that was dropped: this server's lease.
    let looking = bench.room.looking(&root(), &decision.id);
    let own = Arc::clone(&bench.room.name);
    let lease = bench.room.docket.lease(looking, None, own, 60_000, Whom::default(), false).await.unwrap().0;
    let who = root();
    let ((), changed, _seat) = tokio::join!(
        occupy(&bench, Duration::from_millis(300)),
        async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            bench.room.add_option(&who, &decision.id, option("Oak"), None).await
        },
        async {
            tokio::time::sleep(Duration::from_millis(150)).await;
            let seat = bench.room.running.sit(&lease.session, 10, &bench.room.watchman.metrics);
            tokio::time::sleep(Duration::from_millis(300)).await;
            seat.map(drop)
        }
    );
    assert_eq!(code(&changed.unwrap_err()), "evaluation_running");
}

#[tokio::test]
async fn a_database_that_is_busy_for_a_while_loses_nothing_that_was_bought() {
    let mut bench = Bench::sqlite().await;
    bench.settings.store.acquire_ms = 50;
    let bench = bench.killed().await;
    bench.script(|_| Reply::chat(&says(5.0)).after(Duration::from_millis(100)));
    let id = bench.start(&["Ash", "Elm"], &["Price"]).await.id;
    let asks = caller(&root());
    let (done, ()) = tokio::join!(bench.room.evaluate(&asks, &id, Evaluate::default()), async {
        bench.upstream.wait_seen(2, Duration::from_secs(5)).await;
        occupy(&bench, Duration::from_secs(2)).await;
    });
    let done = done.unwrap();
    assert!(done.complete && done.asked == 2, "{done:?}");
}

/// PostgreSQL lets readers see what is about to change.
#[tokio::test]
async fn what_is_used_or_changed_while_it_is_to_be_removed_stays() {
    let postgres = testkit::Postgres::start();
    let bench = Bench::postgres(&postgres).await;
    let decision = bench.start(&["Ash", "Elm"], &["Price"]).await;
    bench.pass(10_000);
    let used = bench.store.write(Isolation::ReadCommitted, |tx| {
        async move {
            let sql = "UPDATE decision_sessions SET touched_ms = touched_ms + 10000, version = version + 1";
            tx.execute(sql, Vec::new()).await?;
            tokio::time::sleep(Duration::from_millis(500)).await;
            Ok::<_, StoreError>(())
        }
        .boxed()
    });
    let past = Which::UnusedSince(super::BEGINNING + 5_000);
    let oldest = Which::LeastRecent(Arc::clone(&root().tenant), 1);
    let who = root();
    let soon = || tokio::time::sleep(Duration::from_millis(150));
    let (used, swept, stale) = tokio::join!(
        used,
        async {
            soon().await;
            bench.room.docket.remove_some(past).await
        },
        async {
            soon().await;
            bench.room.remove(&who, &decision.id, Some(decision.version)).await
        }
    );
    used.unwrap();
    assert_eq!((swept.unwrap(), code(&stale.unwrap_err())), (0, "version_conflict"));
    bench.room.get(&root(), &decision.id).await.unwrap();
    assert_eq!(bench.room.docket.remove_some(oldest).await.unwrap(), 1, "who looks anew finds it");
}

/// Begins a refresh in which nobody answers about `Elm` and `Oak`, and drops it once both scores of `Ash` are written.
async fn break_off(bench: &Bench, id: &str) {
    bench.script(|asked| match asked.option.as_str() {
        "Ash" => Reply::chat(&says(1.0)),
        _ => Reply::hang(),
    });
    let asks = caller(&root());
    let mut refresh = Box::pin(bench.room.evaluate(&asks, id, REFRESH));
    loop {
        let written = async {
            tokio::time::sleep(Duration::from_millis(5)).await;
            bench.room.get(&root(), id).await.unwrap().pairs.iter().filter(|it| it.score == Some(1.0)).count()
        };
        tokio::select! {
            ended = &mut refresh => panic!("it cannot end: {ended:?}"),
            written = written => if written == 2 { break },
        }
    }
    drop(refresh);
    bench.script(|_| Reply::chat(&says(2.0)));
}

async fn a_refresh_that_was_killed_goes_on(bench: Bench) {
    let id = bench.start(&["Ash", "Elm", "Oak"], &["Price", "Looks"]).await.id;
    bench.evaluate(&id).await;
    break_off(&bench, &id).await;
    let bench = bench.killed().await;
    bench.pass(i64::try_from(bench.settings.decisions.lease_ms).unwrap());
    // Who wishes for no refresh asks nothing, and does not end it.
    assert_eq!(bench.evaluate(&id).await.asked, 0);
    let since = bench.asked().len();
    let done = bench.room.evaluate(&caller(&root()), &id, REFRESH).await.unwrap();
    assert_eq!((done.complete, done.asked, done.reused), (true, 4, 2), "{done:?}");
    assert_eq!(bench.pairs_since(since), ["Elm×Looks", "Elm×Price", "Oak×Looks", "Oak×Price"]);
    assert!(done.reasons.iter().any(|it| it.contains("2 pairs had been asked anew before")), "{:?}", done.reasons);
    let anew = bench.room.evaluate(&caller(&root()), &id, REFRESH).await.unwrap();
    assert_eq!((anew.asked, anew.reasons.len()), (6, 0), "one that has ended is not gone on with");
}

async fn a_refresh_goes_on_with_what_failed_and_may_pass(bench: Bench) {
    let mut rules = bench.settings.decisions.clone();
    rules.retries_max = 0;
    bench.room.reload(rules);
    let id = bench.start(&["Ash", "Elm"], &["Price", "Looks"]).await.id;
    bench.evaluate(&id).await;
    bench.script(|asked| match (asked.option.as_str(), asked.criterion.as_str()) {
        ("Ash", "Price") => Reply::error(503, "server_error", "down"),
        _ => Reply::chat(&says(2.0)),
    });
    let done = bench.room.evaluate(&caller(&root()), &id, REFRESH).await.unwrap();
    assert_eq!((done.asked, done.errors.len()), (4, 1), "{done:?}");
    assert!(done.reasons.iter().any(|it| it.starts_with("the refresh has 1 pair left")), "{:?}", done.reasons);
    // Another text is another question, whatever was refreshed before.
    let text = crate::OptionChange { description: Some("A tree".to_owned()), ..crate::OptionChange::default() };
    bench.room.change_option(&root(), &id, "Elm", text, None).await.unwrap();
    bench.script(|_| Reply::chat(&says(2.0)));
    let since = bench.asked().len();
    bench.room.evaluate(&caller(&root()), &id, REFRESH).await.unwrap();
    assert_eq!(bench.pairs_since(since), ["Ash×Price", "Elm×Looks", "Elm×Price"]);
}

async fn a_refresh_that_broke_off_long_ago_begins_anew(bench: Bench) {
    let id = bench.start(&["Ash", "Elm", "Oak"], &["Price", "Looks"]).await.id;
    bench.evaluate(&id).await;
    break_off(&bench, &id).await;
    // It is read in between, and so is there all the while.
    for _ in 0..2 {
        bench.pass(i64::try_from(bench.settings.decisions.session_ttl_s).unwrap() * 500);
        bench.room.get(&root(), &id).await.unwrap();
    }
    assert_eq!(bench.room.evaluate(&caller(&root()), &id, REFRESH).await.unwrap().asked, 6);
}
