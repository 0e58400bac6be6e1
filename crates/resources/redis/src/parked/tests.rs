//! Two servers and what they tell each other.

use super::{Parked, Shared};
use crate::link::tests::{linked, until};
use std::time::Duration;
use testkit::Redis;
use tokio::time::sleep;

#[tokio::test]
async fn what_one_is_told_all_know_soon() {
    let redis = Redis::start();
    let [one, two] = [linked(&redis.url()).0, linked(&redis.url()).0].map(Parked::new);
    one.park("a/m", Duration::from_secs(30));
    assert!(one.parked("a/m").is_some(), "at once here");
    until("told", async || two.parked("a/m").is_some()).await;
    let left = two.parked("a/m").unwrap();
    assert!((20..=30).contains(&left.as_secs()), "{left:?}");
    assert_eq!((one.parked("b/m"), two.parked("b/m")), (None, None));

    // The longer one holds, whoever says so.
    two.park("a/m", Duration::from_secs(60));
    two.park("a/m", Duration::from_secs(1));
    until("longer", async || one.parked("a/m").is_some_and(|left| left.as_secs() > 30)).await;
    two.park("c/m", Duration::from_millis(700));
    until("told", async || one.parked("c/m").is_some()).await;
    until("over", async || one.parked("c/m").is_none() && two.parked("c/m").is_none()).await;
}

#[tokio::test]
async fn what_was_said_while_redis_was_away_is_told_afterwards() {
    let redis = Redis::start();
    let (link, metrics) = linked(&redis.url());
    let [one, two] = [link.clone(), linked(&redis.url()).0].map(Parked::new);
    until("up", async || metrics.up.value() == 1).await;
    redis.kill();
    until("lost", async || !link.is_up()).await;
    one.park("a/m", Duration::from_secs(30));
    assert!(one.parked("a/m").is_some());
    sleep(Duration::from_millis(600)).await;
    assert!(two.parked("a/m").is_none());
    redis.start_again();
    until("told", async || two.parked("a/m").is_some()).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_lengthened_while_it_is_told_is_told_again() {
    let shared = Shared::default();
    shared.note("a/m", Duration::from_secs(5), false);
    shared.note("b/m", Duration::from_secs(5), false);
    let telling = shared.untold();
    shared.note("a/m", Duration::from_secs(60), false);
    shared.told(&telling);
    let untold: Vec<_> = shared.untold().into_iter().map(|(name, _)| name).collect();
    assert_eq!(untold, ["a/m"]);
}
