//! Rates over a real Redis.

use super::share::Want;
use super::{Rates, SharedRate, Take};
use crate::link::Link;
use crate::link::tests::{linked, until};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use testkit::Redis;
use tokio::time::sleep;

const SERVERS: u32 = 3;
const PER_MINUTE: u32 = 1_200;
const BURST: u32 = 200;
const SLICE: f64 = 0.05;

fn servers(redis: &Redis) -> Vec<(Link, Rates)> {
    let server = |_| {
        let link = linked(&redis.url()).0;
        (link.clone(), Rates::new(link, SERVERS, SLICE))
    };
    (0..SERVERS).map(server).collect()
}

/// Asks as fast as it is let until told to stop; counts what passed.
async fn hammer(rate: Arc<SharedRate>, passed: Arc<AtomicU64>, stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::Relaxed) {
        match rate.take(1).await {
            Ok(()) => drop(passed.fetch_add(1, Ordering::Relaxed)),
            Err(wait) => sleep(wait.min(Duration::from_millis(5))).await,
        }
    }
}

/// The most that may pass in so long, with so many losses of Redis meanwhile.
fn most(span: Duration, losses: u32) -> f64 {
    let slices = (f64::from(PER_MINUTE) * SLICE).floor() * f64::from(SERVERS * (1 + losses));
    f64::from(BURST) + f64::from(PER_MINUTE) / 60.0 * span.as_secs_f64() + slices
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_servers_keep_one_rate_while_redis_is_up_killed_and_restarted() {
    let redis = Redis::start();
    let servers = servers(&redis);
    // What Redis is trusted with begins with its own start.
    sleep(Duration::from_millis(1_100)).await;
    let (passed, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let started = Instant::now();
    let hammers: Vec<_> = servers
        .iter()
        .flat_map(|(_, rates)| (0..4).map(|_| rates.rate("k", PER_MINUTE, BURST)))
        .map(|rate| tokio::spawn(hammer(rate, Arc::clone(&passed), Arc::clone(&stop))))
        .collect();
    let count = || (passed.load(Ordering::Relaxed) as f64, started.elapsed());
    sleep(Duration::from_millis(1_500)).await;
    let (up, at) = count();
    assert!(up <= most(at, 0), "{up} in {at:?}");
    redis.kill();
    sleep(Duration::from_secs(1)).await;
    assert!(servers.iter().all(|(link, _)| !link.is_up()));
    sleep(Duration::from_millis(500)).await;
    let (alone, at) = count();
    assert!(alone <= most(at, 1), "{alone} in {at:?}");
    assert!(alone - up > 10.0, "{up} and {alone}: each has its part");
    redis.start_again();
    until("back", async || servers.iter().all(|(link, _)| link.is_up())).await;
    let (before, since) = count();
    sleep(Duration::from_millis(1_500)).await;
    let (after, at) = count();
    assert!(after <= most(at, 1), "{after} in {at:?}");
    let earned = (at - since).as_secs_f64() * f64::from(PER_MINUTE) / 60.0;
    assert!(after - before > earned / 2.0, "{} where {earned} came in", after - before);
    stop.store(true, Ordering::Relaxed);
    for hammer in hammers {
        hammer.await.unwrap();
    }
}

#[tokio::test]
async fn a_slice_is_used_without_asking() {
    let redis = Redis::start();
    sleep(Duration::from_secs(2)).await;
    let rates = Rates::new(linked(&redis.url()).0, 1, 0.05);
    let rate = rates.rate("k", 1_200, 60);
    assert_eq!(rate.try_take(1), Take::Ask);
    rate.ask(1).await.unwrap();
    // Half of what was there at most: 29 more without asking.
    let free = (0..100).take_while(|_| rate.try_take(1) == Take::Yes).count();
    assert!((10..30).contains(&free), "{free}");
    while rate.take(1).await.is_ok() {}
    assert!(matches!(rate.try_take(1), Take::No(wait) if wait <= Duration::from_millis(50)));
    assert!(Arc::ptr_eq(&rate, &rates.rate("k", 1_200, 60)));
    assert!(!Arc::ptr_eq(&rate, &rates.rate("k", 1_201, 60)));
    assert_eq!(redis.cli(&["EXISTS", "t:rate:k"]), "1");
}

#[tokio::test]
async fn a_question_that_comes_twice_counts_once() {
    let redis = Redis::start();
    sleep(Duration::from_secs(2)).await;
    let (link, _) = linked(&redis.url());
    let [one, two] = [0, 1].map(|_| Rates::new(link.clone(), 2, 0.05).rate("k", 600, 60));
    let pace = one.share.lock().unwrap().pace();
    let want = |least, back, owed| Want { least, most: least, back, owed };
    let left = || redis.cli(&["GET", "t:rate:k"]);
    let first = one.send_as(0, want(40, 0, 5), pace).await.unwrap();
    assert_eq!((first.0, first.2), (40, 5));
    let before = left();
    assert_eq!(one.send_as(0, want(40, 0, 5), pace).await.unwrap(), first, "the same answer");
    assert_eq!(left(), before);
    // Of another server, with the same number.
    assert_eq!(two.send_as(0, want(5, 0, 0), pace).await.unwrap().0, 5);
    let back = one.send_as(1, want(1, 30, 0), pace).await.unwrap();
    let before = left();
    assert_eq!(one.send_as(1, want(1, 30, 0), pace).await.unwrap(), back, "given back once");
    assert_eq!(one.send_as(0, want(40, 30, 0), pace).await.unwrap().0, 0, "and too late is too late");
    assert_eq!(left(), before);
}

#[tokio::test]
async fn a_question_that_comes_again_late_counts_once() {
    let redis = Redis::start();
    sleep(Duration::from_secs(2)).await;
    let (link, _) = linked(&redis.url());
    let rate = Rates::new(link, 2, 0.05).rate("k", 6_000, 60);
    let pace = rate.share.lock().unwrap().pace();
    let want = Want { least: 5, most: 5, back: 0, owed: 0 };
    let first = rate.send_as(0, want, pace).await.unwrap();
    let left = || redis.cli(&["GET", "t:rate:k"]);
    let before = left();
    // What was taken, of a hundred a second, is long there again.
    sleep(Duration::from_millis(300)).await;
    assert_eq!(rate.send_as(0, want, pace).await.unwrap(), first);
    assert_eq!((left(), first.0), (before, 5));
}

#[tokio::test]
async fn what_was_granted_to_somebody_who_is_gone_is_there_for_others() {
    let redis = Redis::start();
    sleep(Duration::from_secs(2)).await;
    let rates = Rates::new(linked(&redis.url()).0, 1, 0.05);
    for (name, waited_ms) in [("before", 0), ("after", 50)] {
        let rate = rates.rate(name, 1_200, 60);
        let mut gone = Box::pin(rate.ask(40));
        assert!(futures_util::poll!(&mut gone).is_pending());
        sleep(Duration::from_millis(waited_ms)).await;
        drop(gone);
        drop(rate.asking.lock().await);
        assert_eq!(rate.try_take(40), Take::Yes, "{name} it was answered");
    }
}

#[tokio::test]
async fn what_one_used_beyond_all_wait_for() {
    let redis = Redis::start();
    sleep(Duration::from_secs(2)).await;
    let servers = servers(&redis);
    let [one, two] = [0, 1].map(|at| servers[at].1.rate("k", 1_200, 20));
    one.take(10).await.unwrap();
    one.owe(40);
    assert!(one.take(1).await.is_err());
    assert!(two.take(10).await.is_err(), "what was left has paid");
}

#[tokio::test]
async fn rates_that_nobody_uses_are_forgotten() {
    let redis = Redis::start();
    let rates = Rates::new(linked(&redis.url()).0, 1, 0.05);
    for nth in 0..5_000 {
        rates.rate(&format!("k{nth}"), 60, 10);
    }
    assert!(super::lock(&rates.known).rates.len() <= super::KNOWN);
}

#[tokio::test]
async fn whoever_is_cut_off_goes_on_alone_without_waiting_for_each_request() {
    let redis = Redis::start();
    let (link, _) = linked(&redis.url());
    let rate = Rates::new(link, 2, 0.05).rate("k", 6_000, 1_000);
    until("first", async || rate.take(1).await.is_ok()).await;
    redis.freeze();
    let started = Instant::now();
    for _ in 0..200 {
        rate.take(1).await.unwrap();
    }
    assert!(started.elapsed() < Duration::from_millis(500), "{:?}", started.elapsed());
}
