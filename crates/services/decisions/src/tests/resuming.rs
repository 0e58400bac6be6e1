//! Evaluations that hang, are killed, are fought over.

use super::{Bench, caller, code, on_both, root, says, within};
use crate::{DecisionError, Evaluate};
use docket::End;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use testkit::Reply;

on_both!(a_killed_evaluation_goes_on, nobody_writes_without_the_lease, only_one_evaluates_at_a_time);

async fn a_killed_evaluation_goes_on(bench: Bench) {
    let decision = bench.start(&["Ash", "Elm", "Oak"], &["Price", "Looks"]).await;
    // Two pairs are answered, then it hangs.
    bench.script(|asked| match asked.option.as_str() {
        "Ash" => Reply::chat(&says(5.0)),
        _ => Reply::hang(),
    });
    let asks = caller(&root());
    {
        let evaluating = bench.room.evaluate(&asks, &decision.id, Evaluate::default());
        tokio::pin!(evaluating);
        // Until both are written down.
        loop {
            tokio::select! {
                ended = &mut evaluating => panic!("it cannot end: {ended:?}"),
                () = tokio::task::yield_now() => {}
            }
            let kept = async { bench.room.get(&root(), &decision.id).await.unwrap().pairs.len() };
            let kept = tokio::select! {
                ended = &mut evaluating => panic!("it cannot end: {ended:?}"),
                kept = kept => kept,
            };
            if kept == 2 {
                break;
            }
        }
    }
    let bench = bench.killed().await;
    let before = bench.asked().len();
    bench.script(|_| Reply::chat(&says(6.0)));
    assert!(bench.room.get(&root(), &decision.id).await.unwrap().evaluating, "the dead one's lease is still there");
    bench.pass(i64::try_from(bench.settings.decisions.lease_ms).unwrap());
    let done = bench.evaluate(&decision.id).await;
    assert!(done.complete, "{done:?}");
    assert_eq!((done.asked, done.reused), (4, 2));
    assert_eq!(bench.pairs_since(before), ["Elm×Looks", "Elm×Price", "Oak×Looks", "Oak×Price"]);
}

async fn nobody_writes_without_the_lease(bench: Bench) {
    let decision = bench.start(&["Ash", "Elm"], &["Price", "Looks"]).await;
    let open = Arc::new(AtomicBool::new(false));
    let gate = Arc::clone(&open);
    bench.script(move |_| {
        let wait = if gate.load(Ordering::Relaxed) { 0 } else { 400 };
        Reply::chat(&says(5.0)).after(Duration::from_millis(wait))
    });
    let asks = caller(&root());
    let (first, second) = tokio::join!(bench.room.evaluate(&asks, &decision.id, Evaluate::default()), async {
        bench.upstream.wait_seen(1, Duration::from_secs(5)).await;
        // The first one is not heard of for longer than its lease lasts.
        let other = bench.beside().await;
        bench.pass(i64::try_from(bench.settings.decisions.lease_ms).unwrap() + 1);
        open.store(true, Ordering::Relaxed);
        other.evaluate(&caller(&root()), &decision.id, Evaluate::default()).await
    });
    let second = second.unwrap();
    assert!(second.complete && second.asked == 4, "{second:?}");
    let lost = first.unwrap_err();
    assert_eq!(code(&lost), "lease_lost", "{lost:?}");
    let kept = bench.room.get(&root(), &decision.id).await.unwrap();
    assert_eq!((kept.evaluations_run, kept.pairs.len()), (1, 4), "what the first one heard is not written");
}

async fn only_one_evaluates_at_a_time(bench: Bench) {
    let decision = bench.start(&["Ash", "Elm"], &["Price"]).await;
    bench.script(|_| Reply::chat(&says(5.0)).after(Duration::from_millis(1_500)));
    let asks = caller(&root());
    let other = bench.beside().await;
    let (first, ()) = tokio::join!(bench.room.evaluate(&asks, &decision.id, Evaluate::default()), async {
        bench.upstream.wait_seen(1, Duration::from_secs(5)).await;
        let here = bench.room.evaluate(&caller(&root()), &decision.id, Evaluate::default()).await.unwrap_err();
        assert!(matches!(&here, DecisionError::Running { progress: Some(_), .. }), "{here:?}");
        let changed = bench.room.add_option(&root(), &decision.id, super::option("Oak"), None).await.unwrap_err();
        assert!(matches!(&changed, DecisionError::Running { progress: Some(_), .. }), "{changed:?}");
        let short = within(&root(), Duration::from_millis(100));
        let there = other.evaluate(&short, &decision.id, Evaluate::default());
        assert_eq!(code(&there.await.unwrap_err()), "evaluation_running");
        let changed = other.add_option(&root(), &decision.id, super::option("Oak"), None).await.unwrap_err();
        assert_eq!(code(&changed), "evaluation_running");
    });
    assert!(first.unwrap().complete);
    assert_eq!(bench.asked().len(), 2);
}

#[tokio::test]
async fn who_shows_signs_of_life_keeps_the_lease() {
    let bench = Bench::with("lease_ms = 1000").await;
    let decision = bench.start(&["Ash", "Elm"], &["Price"]).await;
    let whole = bench.room.looking(&root(), &decision.id);
    let lease = bench
        .room
        .docket
        .lease(whole, None, Arc::clone(&bench.room.name), 1_000, docket::Whom::default(), false)
        .await
        .unwrap()
        .0;
    let other = bench.beside().await;
    let asks = caller(&root());
    let (waited, ()) = tokio::join!(other.evaluate(&asks, &decision.id, Evaluate::default()), async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        bench.pass(10);
        bench.room.docket.write(&lease, Arc::default(), End::GoesOn).await.unwrap();
    });
    assert_eq!(code(&waited.unwrap_err()), "evaluation_running");
    // And whoever shows none loses it.
    let (waited, ()) = tokio::join!(other.evaluate(&asks, &decision.id, Evaluate::default()), async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        bench.pass(1_001);
    });
    assert!(waited.unwrap().complete);
    let late = bench
        .room
        .docket
        .write(&lease, Arc::default(), End::Ended { wrote: false, refreshed: false })
        .await
        .unwrap_err();
    assert_eq!(code(&late.into()), "lease_lost");
}

#[tokio::test]
async fn a_hanging_pair_leaves_a_partial_matrix_that_can_be_resumed() {
    let bench = Bench::with("pair_deadline_ms = 200").await;
    bench.script(|asked| match (asked.option.as_str(), asked.criterion.as_str()) {
        ("Elm", "Looks") => Reply::hang(),
        _ => Reply::chat(&says(5.0)),
    });
    let id = bench.start(&["Ash", "Elm"], &["Price", "Looks"]).await.id;
    let done = bench.evaluate(&id).await;
    assert_eq!((done.complete, done.summary.successful_scores, done.errors.len()), (false, 3, 1), "{done:?}");
    let hung = &done.errors[0];
    assert_eq!((hung.option.as_str(), hung.criterion.as_str(), hung.retryable), ("Elm", "Looks", true));
    assert_eq!(hung.code, "deadline_exceeded");
    let outlook = bench.result(&id).await;
    assert!(!outlook.complete && outlook.degraded);
    let missing = &outlook.sheet.missing[0];
    assert_eq!((missing.option.as_str(), missing.criterion.as_str()), ("Elm", "Looks"));
    assert!(missing.reason.contains("no answer within"), "{}", missing.reason);
    assert!(outlook.recommendation.contains("1 of 4 pairs have no score"), "{}", outlook.recommendation);
    let since = bench.asked().len();
    bench.script(|_| Reply::chat(&says(9.0)));
    assert!(bench.evaluate(&id).await.complete);
    assert_eq!(bench.pairs_since(since), ["Elm×Looks"]);
}

#[tokio::test]
async fn what_there_is_no_time_for_is_missing_and_asked_the_next_time() {
    let bench = Bench::with("in_flight_max = 1").await;
    bench.script(|_| Reply::chat(&says(5.0)).after(Duration::from_millis(100)));
    let id = bench.start(&["Ash", "Elm", "Oak", "Fir"], &["Price", "Looks"]).await.id;
    let short = within(&root(), Duration::from_millis(350));
    let done = bench.room.evaluate(&short, &id, Evaluate::default()).await.unwrap();
    assert!(!done.complete && done.summary.successful_scores >= 1, "{done:?}");
    assert!(!done.missing.is_empty());
    assert!(done.missing.iter().all(|it| it.code == "deadline" && it.reason.contains("evaluate again")), "{done:?}");
    let rest = bench.evaluate(&id).await;
    assert!(rest.complete, "{rest:?}");
    assert_eq!(rest.reused, done.summary.successful_scores);
}

#[tokio::test]
async fn who_leaves_in_the_middle_can_come_back_at_once() {
    let bench = Bench::sqlite().await;
    bench.script(|_| Reply::hang());
    let id = bench.start(&["Ash", "Elm"], &["Price"]).await.id;
    let asks = caller(&root());
    tokio::select! {
        ended = bench.room.evaluate(&asks, &id, Evaluate::default()) => panic!("{ended:?}"),
        _ = bench.upstream.wait_seen(2, Duration::from_secs(5)) => {}
    }
    bench.script(|_| Reply::chat(&says(5.0)));
    // No time has passed by the tests' clock: the lease is this server's own, and nothing of it runs.
    assert!(bench.evaluate(&id).await.complete);
}

#[tokio::test]
async fn closing_lets_others_evaluate() {
    let bench = Bench::sqlite().await;
    bench.script(|_| Reply::hang());
    let id = bench.start(&["Ash", "Elm"], &["Price"]).await.id;
    bench.room.evaluate_behind(&caller(&root()), &id, Evaluate::default()).await.unwrap();
    bench.upstream.wait_seen(2, Duration::from_secs(5)).await;
    bench.room.close().await;
    bench.script(|_| Reply::chat(&says(5.0)));
    let other = bench.beside().await;
    assert!(other.evaluate(&caller(&root()), &id, Evaluate::default()).await.unwrap().complete);
}
