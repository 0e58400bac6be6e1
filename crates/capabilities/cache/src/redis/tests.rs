//! Against a real Redis: answers and drops that two servers share.

use super::*;
use crate::cache::{Cache, Life, Setup};
use crate::fixtures::{Hands, Text};
use crate::key::KeyMaker;
use crate::{Label, Tier};
use measure::Metrics;
use redis_link::Config;
use std::sync::Arc;
use testkit::Redis;

fn link(redis: &Redis) -> Link {
    let config = Config { connections_max: 2, timeout: Duration::from_secs(2), namespace: "althing".to_owned() };
    Link::open(&redis.url(), config, Metrics::new("0").redis("cache")).unwrap()
}

#[tokio::test]
async fn drops_are_numbered_for_all_and_never_start_anew() {
    let redis = Redis::start();
    let (one, two) = (link(&redis), link(&redis));
    let scope = |tag: &str| Scope { tenant: None, tag: Some(tag.into()) };
    assert_eq!(one.dropped(0).await, Ok(None));
    assert_eq!(one.drop_scope(&scope("a").text(), 0).await, Ok(1));
    assert_eq!(two.drop_scope(&scope("b").text(), 0).await, Ok(2));
    let known = two.dropped(0).await.unwrap().unwrap();
    assert_eq!(known, Drops::from_parts(2, vec![(1, scope("a")), (2, scope("b"))]));
    assert_eq!(one.dropped(2).await, Ok(None));
    // A Redis that has forgotten everything learns how many there were.
    redis.cli(&["FLUSHALL"]);
    assert_eq!(one.dropped(7).await, Ok(None));
    assert_eq!(two.drop_scope(&scope("c").text(), 2).await, Ok(8));
}

#[tokio::test]
async fn two_servers_share_answers_and_drops() {
    let redis = Redis::start();
    let hands = Hands::new();
    let open = || {
        Cache::<Text, ()>::open(Setup {
            name: "answers",
            settings: settings::Cache::default(),
            folder: None,
            remote: Some(Arc::new(link(&redis))),
            metrics: Metrics::new("0"),
            clock: hands.clock(),
            seed: 1,
        })
        .unwrap()
    };
    let ((one, mut writer), (two, mut reader)) = (open(), open());
    writer.settle().await;
    reader.settle().await;
    let key = KeyMaker::default().with(b"k").key();
    let text = "words ".repeat(1_000);
    let label = Label { tenant: "t".into(), tags: Box::new(["red".into()]) };
    one.keep(key, Text::from(text.as_str()), label, one.seen(), (Life::Usual, None));
    writer.settle().await;
    let found = two.look(&key).await.unwrap();
    assert_eq!((found.tier, &found.entry.value), (Tier::Redis, &Text::from(text.as_str())));
    let dropped = one.forget(Scope { tenant: None, tag: Some("red".into()) }).await;
    assert!(dropped.told);
    reader.settle().await;
    assert!(two.peek(&key).is_none() && two.look(&key).await.is_none());
}

#[tokio::test]
async fn a_redis_that_is_gone_costs_no_answer() {
    let redis = Redis::start();
    let link = link(&redis);
    Remote::set(&link, "k", Bytes::from_static(b"v"), Duration::from_secs(9)).await.unwrap();
    assert_eq!(Remote::get(&link, "k").await, Ok(Some(Bytes::from_static(b"v"))));
    drop(redis);
    let started = std::time::Instant::now();
    for _ in 0..100 {
        assert_eq!(Remote::get(&link, "k").await, Err(Away));
    }
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
}
