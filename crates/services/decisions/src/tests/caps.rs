//! How many questions are with models at once, counted at the upstream.

use super::{Asked, Bench, caller, says, user};
use crate::{Evaluate, NewDecision};
use caller::Identity;
use futures_util::future::join_all;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use testkit::Reply;

/// How long the upstream thinks.
const THINKS: Duration = Duration::from_millis(60);

/// The most questions that were there at once: each stays for as long as the upstream thinks.
fn most<'a>(asked: impl Iterator<Item = &'a Asked>) -> usize {
    let moments: Vec<Instant> = asked.map(|it| it.at).collect();
    let within = |end: &Instant| moments.iter().filter(|at| *at <= end && end.duration_since(**at) < THINKS).count();
    moments.iter().map(within).max().unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn caps_hold_over_all_evaluations_and_within_each_criterion() {
    let bench = Bench::with("in_flight_max = 6\ncriterion_in_flight_max = 2\nbreaker_failures = 0").await;
    let count = AtomicU64::new(0);
    bench.script(move |_| match count.fetch_add(1, Ordering::Relaxed) % 20 {
        7 => Reply::error(500, "server_error", "a fault").after(THINKS),
        _ => Reply::chat(&says(5.0)).after(THINKS),
    });
    let who: Vec<_> = (0..8).map(|at| user(&format!("t{at}"))).collect();
    let all = join_all(who.iter().enumerate().map(async |(at, who)| {
        let options: Vec<String> = (0..3).map(|option| format!("o{at}-{option}")).collect();
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        let criteria = [format!("c{at}-a"), format!("c{at}-b")];
        let new = super::new(&options, &criteria.each_ref().map(String::as_str));
        let id = bench.room.start(who, new).await.unwrap().id;
        bench.room.evaluate(&caller(who), &id, Evaluate::default()).await.unwrap()
    }));
    let all = all.await;
    assert!(all.iter().all(|done| done.complete), "a fault of five in a hundred is made good: {all:?}");
    let asked = bench.asked();
    assert!(most(asked.iter()) <= 6, "{}", most(asked.iter()));
    assert!(most(asked.iter()) >= 5, "places are used: {}", most(asked.iter()));
    let mut columns: HashMap<&str, Vec<&Asked>> = HashMap::new();
    asked.iter().for_each(|it| columns.entry(&it.criterion).or_default().push(it));
    for (criterion, asked) in columns {
        assert!(most(asked.iter().copied()) <= 2, "{criterion}: {}", most(asked.iter().copied()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wide_matrix_uses_all_its_places() {
    let bench = Bench::with("in_flight_max = 10\ncriterion_in_flight_max = 3").await;
    bench.script(|_| Reply::chat(&says(5.0)).after(THINKS));
    let options: Vec<String> = (0..8).map(|at| format!("o{at}")).collect();
    let criteria: Vec<String> = (0..5).map(|at| format!("c{at}")).collect();
    let id = bench
        .start(
            &options.iter().map(String::as_str).collect::<Vec<_>>(),
            &criteria.iter().map(String::as_str).collect::<Vec<_>>(),
        )
        .await
        .id;
    bench.evaluate(&id).await;
    let asked = bench.asked();
    assert_eq!(most(asked.iter()), 10);
    for criterion in &criteria {
        assert!(most(asked.iter().filter(|it| it.criterion == *criterion)) <= 3, "{criterion}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_member_of_a_panel_is_a_question_of_its_own() {
    let bench = Bench::with("in_flight_max = 5\ncriterion_in_flight_max = 2").await;
    bench.script(|_| Reply::chat(&says(5.0)).after(THINKS));
    let new = super::new(&["Ash", "Elm", "Oak"], &["Price", "Looks", "Age"]);
    let new = NewDecision { model_name: Some("jury".to_owned()), ..new };
    let id = bench.room.start(&super::root(), new).await.unwrap().id;
    assert!(bench.evaluate(&id).await.complete);
    let asked = bench.asked();
    assert_eq!((asked.len(), most(asked.iter())), (27, 5), "three members about nine pairs");
    for criterion in ["Price", "Looks", "Age"] {
        assert_eq!(most(asked.iter().filter(|it| it.criterion == criterion)), 2, "{criterion}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_adds_no_places_to_those_that_are_taken() {
    let bench = Bench::with("in_flight_max = 4").await;
    bench.script(|_| Reply::chat(&says(5.0)).after(THINKS));
    let (one, other) = (bench.start(&["a", "b"], &["c", "d"]).await.id, bench.start(&["e", "f"], &["g", "h"]).await.id);
    let (first, second) = (caller(&super::root()), caller(&super::root()));
    let (first, second) = tokio::join!(bench.room.evaluate(&first, &one, Evaluate::default()), async {
        bench.upstream.wait_seen(4, Duration::from_secs(5)).await;
        for most in [2, 5, 2] {
            let mut rules = bench.settings.decisions.clone();
            rules.in_flight_max = most;
            bench.room.reload(rules);
        }
        bench.room.evaluate(&second, &other, Evaluate::default()).await
    });
    assert!(first.unwrap().complete && second.unwrap().complete);
    assert_eq!(bench.room.places().free(), 2);
    let asked = bench.asked();
    assert!(most(asked.iter()) <= 4, "{}", most(asked.iter()));
    assert!(most(asked.iter().skip(4)) <= 2, "{}", most(asked.iter().skip(4)));
}

#[tokio::test]
async fn no_more_evaluations_run_than_may() {
    let bench = Bench::with("evaluations_max = 1").await;
    bench.script(|_| Reply::hang());
    let (one, other) = (bench.start(&["a", "b"], &["c"]).await.id, bench.start(&["d", "e"], &["f"]).await.id);
    let asks = caller(&super::root());
    let _watch = bench.room.evaluate_behind(&asks, &one, Evaluate::default()).await.unwrap();
    let refused = bench.room.evaluate(&asks, &other, Evaluate::default()).await.unwrap_err();
    assert_eq!(super::code(&refused), "too_many_evaluations");
}

/// Begins an evaluation whose every question hangs, and waits until as many are out as may be.
async fn hang(bench: &Bench, who: &Identity, most: usize) {
    let options: Vec<String> = (0..most).map(|at| format!("o{at}")).collect();
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let new = NewDecision { model_name: Some("up/n".to_owned()), ..super::new(&options, &["Price", "Looks"]) };
    let id = bench.room.start(who, new).await.unwrap().id;
    let before = bench.asked().len();
    bench.room.evaluate_behind(&caller(who), &id, Evaluate::default()).await.unwrap();
    bench.upstream.wait_seen(before + most, Duration::from_secs(5)).await;
    tokio::time::sleep(THINKS).await;
    assert_eq!(bench.asked().len() - before, most, "as many as it may have, and no more");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tenants_whose_model_hangs_leave_places_to_whoever_comes() {
    let bench = Bench::with("in_flight_max = 8").await;
    bench.script(|asked| match asked.model.as_str() {
        "n" => Reply::hang(),
        _ => Reply::chat(&says(5.0)).after(THINKS),
    });
    hang(&bench, &user("acme"), 4).await;
    hang(&bench, &user("bolt"), 2).await;
    let new = super::new(&["Ash", "Elm"], &["Price", "Looks"]);
    let id = bench.room.start(&user("core"), new).await.unwrap().id;
    let (asks, began) = (caller(&user("core")), Instant::now());
    let done = bench.room.evaluate(&asks, &id, Evaluate::default()).await.unwrap();
    assert!(done.complete, "{done:?}");
    assert!(began.elapsed() < 4 * THINKS + Duration::from_secs(2), "one place is enough: {:?}", began.elapsed());
}

/// That another tenant has decided something is known after a restart too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_house_leaves_places_once_another_tenant_has_come() {
    let bench = Bench::with("in_flight_max = 8").await;
    bench.script(|_| Reply::hang());
    hang(&bench, &super::root(), 8).await;
    bench.room.start(&user("acme"), super::new(&["Ash", "Elm"], &["Price"])).await.unwrap();
    let bench = bench.killed().await;
    hang(&bench, &super::root(), 4).await;
}
