//! The link against a real Redis that is lost in every way.

use super::{Config, Link};
use crate::Away;
use crate::script::Script;
use measure::{Metrics, RedisMetrics};
use std::time::{Duration, Instant};
use testkit::{Redis, RedisOptions};
use tokio::time::sleep;

const PATIENCE: Duration = Duration::from_secs(15);
const TTL: Duration = Duration::from_secs(60);

pub(crate) fn config(namespace: &str) -> Config {
    Config { connections_max: 4, timeout: Duration::from_millis(100), namespace: namespace.to_owned() }
}

pub(crate) fn linked(url: &str) -> (Link, RedisMetrics) {
    let metrics = Metrics::new("0").redis("replicas");
    (Link::open(url, config("t"), metrics.clone()).unwrap(), metrics)
}

pub(crate) async fn until(what: &str, mut reached: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !reached().await {
        assert!(started.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        sleep(Duration::from_millis(10)).await;
    }
}

async fn lost(link: &Link) {
    until("lost", async || {
        let _ = link.get("a").await;
        !link.is_up()
    })
    .await;
}

async fn back(link: &Link, metrics: &RedisMetrics) {
    until("back", async || link.is_up() && metrics.up.value() == 1 && link.get("a").await.is_ok()).await;
}

/// The slowest of some calls.
async fn slowest(link: &Link) -> Duration {
    let mut slowest = Duration::ZERO;
    for _ in 0..100 {
        let started = Instant::now();
        assert_eq!(link.get("a").await, Err(Away));
        slowest = slowest.max(started.elapsed());
    }
    slowest
}

#[tokio::test]
async fn values_come_back_as_bytes_until_their_end() {
    let redis = Redis::start();
    let (link, metrics) = linked(&redis.url());
    let value = b"\0\r\n\xff".as_slice();
    link.set("a", value, TTL).await.unwrap();
    link.set("b", b"", TTL).await.unwrap();
    assert_eq!(link.get("a").await.unwrap().unwrap(), value);
    let got = link.mget(&["b", "none", "a"]).await.unwrap();
    assert_eq!(got, [Some(b"".as_slice().into()), None, Some(value.into())]);
    assert_eq!((link.delete(&["a", "b", "none"]).await, link.get("a").await), (Ok(2), Ok(None)));
    assert_eq!((link.mget(&[]).await, link.delete(&[]).await), (Ok(Vec::new()), Ok(0)));
    link.set("short", b"x", Duration::from_millis(30)).await.unwrap();
    until("expired", async || link.get("short").await == Ok(None)).await;
    link.set("a", b"x", TTL).await.unwrap();
    assert_eq!(redis.cli(&["EXISTS", "t:a"]), "1");
    assert!((1..=4).contains(&metrics.connections.value()));
    drop(link);
    until("closed", async || metrics.connections.value() == 0).await;
}

#[tokio::test]
async fn tags_name_their_members_and_live_as_long_as_the_longest() {
    let redis = Redis::start();
    let (link, _) = linked(&redis.url());
    for (member, seconds) in [("one", 10), ("two", 100), ("one", 20)] {
        link.tag("tag:x", member, Duration::from_secs(seconds)).await.unwrap();
    }
    let mut members = link.tagged("tag:x").await.unwrap();
    members.sort();
    assert_eq!(members, ["one", "two"]);
    let left: u64 = redis.cli(&["PTTL", "t:tag:x"]).parse().unwrap();
    assert!((95_000..=100_000).contains(&left), "{left}");
    assert_eq!(link.tagged("tag:none").await, Ok(Vec::new()));
}

#[tokio::test]
async fn a_script_is_sent_where_it_is_not_known() {
    let redis = Redis::start();
    let (link, metrics) = linked(&redis.url());
    let script = Script::new("return {ARGV[1] + 1, KEYS[1]}");
    for _ in 0..2 {
        let answer: (u64, String) = link.eval(&script, &["k"], &[b"41"]).await.unwrap();
        assert_eq!(answer, (42, "t:k".to_owned()));
        redis.cli(&["SCRIPT", "FLUSH"]);
    }
    assert_eq!(metrics.failed.value(), 0);
    // A script that fails is nobody's loss but its own.
    assert_eq!(link.eval::<u64>(&Script::new("return redis.error_reply('X y')"), &[], &[]).await, Err(Away));
    assert!(link.is_up());
}

#[tokio::test]
async fn one_who_cannot_be_reached_delays_nothing() {
    let started = Instant::now();
    let (link, metrics) = linked("redis://:s3cret@127.0.0.1:1");
    lost(&link).await;
    assert!(started.elapsed() < Duration::from_secs(1));
    let slowest = slowest(&link).await;
    assert!(slowest < Duration::from_millis(20), "{slowest:?}");
    assert!(metrics.away.value() >= 100 && metrics.up.value() == 0);
    assert!(!format!("{link:?} {:?}", link.check().await).contains("s3cret"));
}

#[tokio::test]
async fn a_kill_and_a_restart_are_noticed() {
    let redis = Redis::start();
    let (link, metrics) = linked(&redis.url());
    back(&link, &metrics).await;
    assert!(link.whole_for().is_some());
    redis.kill();
    lost(&link).await;
    assert_eq!((metrics.up.value(), link.check().await.is_ok()), (0, false));
    redis.start_again();
    back(&link, &metrics).await;
    assert!(link.whole_for().unwrap() < PATIENCE);
    assert_eq!((link.set("a", b"x", TTL).await, link.check().await), (Ok(()), Ok(())));
}

#[tokio::test]
async fn a_restart_too_quick_to_be_a_loss_fails_no_call_and_is_known_to_have_lost_its_memory() {
    let redis = Redis::start();
    let (link, metrics) = linked(&redis.url());
    back(&link, &metrics).await;
    sleep(Duration::from_secs(1)).await;
    let before = link.whole_for().unwrap();
    let failed = metrics.failed.value();
    redis.kill();
    redis.start_again();
    assert_eq!(link.get("a").await, Ok(None));
    assert_eq!(metrics.failed.value(), failed);
    assert!(link.whole_for().unwrap() < before);
}

#[tokio::test]
async fn one_that_stands_still_is_left_alone_until_it_goes_on() {
    let redis = Redis::start();
    let (link, metrics) = linked(&redis.url());
    back(&link, &metrics).await;
    redis.freeze();
    let started = Instant::now();
    lost(&link).await;
    assert!(started.elapsed() < Duration::from_secs(1));
    let slowest = slowest(&link).await;
    assert!(slowest < Duration::from_millis(20), "{slowest:?}");
    assert!(metrics.timed_out.value() >= 3);
    sleep(Duration::from_millis(1500)).await;
    assert!(!link.is_up());
    redis.thaw();
    back(&link, &metrics).await;
}

#[tokio::test]
async fn one_without_room_or_without_leave_to_write_is_as_good_as_none() {
    let redis = Redis::start();
    let (link, metrics) = linked(&redis.url());
    back(&link, &metrics).await;
    redis.limit_memory(1);
    until("lost", async || !link.is_up()).await;
    assert_eq!(link.set("a", b"x", TTL).await, Err(Away));
    redis.limit_memory(0);
    back(&link, &metrics).await;
    redis.cli(&["REPLICAOF", "127.0.0.1", "1"]);
    until("lost", async || !link.is_up()).await;
    redis.cli(&["REPLICAOF", "NO", "ONE"]);
    back(&link, &metrics).await;
}

#[tokio::test]
async fn a_wrong_password_is_told_without_repeating_it() {
    let settings = vec![("requirepass".to_owned(), "right".to_owned())];
    let redis = Redis::start_with(&RedisOptions { settings, ..RedisOptions::default() });
    let (wrong, _) = linked(&redis.url().replace("//", "//:s3cret@"));
    let problem = wrong.check().await.unwrap_err();
    assert!(!problem.is_empty() && !problem.contains("s3cret"), "{problem}");
    let (right, _) = linked(&redis.url().replace("//", "//:right@"));
    assert_eq!(right.check().await, Ok(()));
}

#[tokio::test]
async fn a_cluster_answers_whatever_node_a_key_lies_on() {
    let settings = vec![("cluster-enabled".to_owned(), "yes".to_owned())];
    let node = || Redis::start_with(&RedisOptions { settings: settings.clone(), ..RedisOptions::default() });
    let (one, two) = (node(), node());
    one.cli(&["CLUSTER", "ADDSLOTSRANGE", "0", "8000"]);
    two.cli(&["CLUSTER", "ADDSLOTSRANGE", "8001", "16383"]);
    one.cli(&["CLUSTER", "MEET", "127.0.0.1", &two.port().to_string()]);
    let whole = |node: &Redis| node.cli(&["CLUSTER", "INFO"]).contains("cluster_state:ok");
    until("a cluster", async || whole(&one) && whole(&two)).await;

    let url = format!("redis+cluster://127.0.0.1:{},127.0.0.1:{}", one.port(), two.port());
    let (link, metrics) = linked(&url);
    back(&link, &metrics).await;
    let keys: Vec<String> = (0..20).map(|nth| format!("k{nth}")).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    for key in &keys {
        link.set(key, key.as_bytes(), TTL).await.unwrap();
        link.tag("tag:x", key, TTL).await.unwrap();
    }
    let on = |node: &Redis| node.cli(&["DBSIZE"]).parse::<usize>().unwrap();
    assert!(on(&one) > 3 && on(&two) > 3, "{} {}", on(&one), on(&two));
    let got = link.mget(&keys).await.unwrap();
    assert!(got.iter().zip(&keys).all(|(got, key)| got.as_deref() == Some(key.as_bytes())));
    assert_eq!(link.tagged("tag:x").await.unwrap().len(), 20);
    let script = Script::new("return redis.call('GET', KEYS[1])");
    for key in &keys {
        assert_eq!(link.eval::<String>(&script, &[key], &[]).await.unwrap(), *key);
    }
    assert_eq!(link.delete(&keys).await, Ok(20));
}
