//! Against a real Redis: answers and drops that two servers share.

use super::*;
use crate::cache::{Cache, Life, Setup};
use crate::drops::Table;
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

/// What the table says after `ours` have been put in.
async fn restored(link: &Link, ours: &Drops, now_ms: u64) -> Drops {
    Remote::restore(link, ours, now_ms).await.unwrap()
}

fn scope(tag: &str) -> Scope {
    Scope { tenant: None, tag: Some(tag.into()) }
}

#[tokio::test]
async fn drops_are_numbered_for_all_and_never_start_anew() {
    let redis = Redis::start();
    let (one, two) = (link(&redis), link(&redis));
    let nothing = Drops::default();
    assert_eq!(one.dropped(&nothing).await, Ok(Some(Drops::default())), "there is no table");
    assert_eq!(one.drop_scope(&scope("a"), &nothing).await, Ok(None));
    let made = restored(&one, &nothing, 100).await;
    assert_eq!((made.era(), made.made(), made.seen()), (100, 100, 101));
    assert_eq!(restored(&two, &nothing, 200).await, made, "it is there already");
    assert_eq!(one.dropped(&made).await, Ok(None));
    assert_eq!(one.drop_scope(&scope("a"), &made).await, Ok(Some(102)));
    assert_eq!(two.drop_scope(&scope("b"), &made).await, Ok(Some(103)));
    let known = two.dropped(&made).await.unwrap().unwrap();
    let table = Table { seen: 103, era: 100, made: 100 };
    assert_eq!(known, Drops::of(table, vec![(102, scope("a")), (103, scope("b"))]));
    assert_eq!(one.dropped(&known).await, Ok(None));
}

#[tokio::test]
async fn what_redis_forgets_is_put_back_by_all_who_know_something() {
    let redis = Redis::start();
    let (one, two) = (link(&redis), link(&redis));
    let made = restored(&one, &Drops::default(), 100).await;
    one.drop_scope(&scope("a"), &made).await.unwrap();
    let of_one = one.dropped(&made).await.unwrap().unwrap();
    // Two alone knows of the last one.
    one.drop_scope(&scope("b"), &of_one).await.unwrap();
    let of_two = two.dropped(&made).await.unwrap().unwrap();
    redis.cli(&["DEL", "althing:cache:drops"]);
    assert_eq!(one.drop_scope(&scope("c"), &of_one).await, Ok(None));
    let again = restored(&one, &of_one, 500).await;
    assert_eq!((again.era(), again.made(), again.seen()), (100, 500, 501), "the same era, another table");
    assert!(!again.follow(&of_two));
    let whole = restored(&two, &of_two, 600).await;
    let tags: Vec<_> = whole.all().map(|(number, scope)| (number, scope.tag.clone().unwrap())).collect();
    assert_eq!(tags, [(102, "a".into()), (103, "b".into())]);
    assert_eq!(one.dropped(&again).await, Ok(Some(whole.clone())), "one learns of it");
    // A table from an old copy has lost some, though it is there.
    redis.cli(&["HSET", "althing:cache:drops", "#", "102"]);
    redis.cli(&["HDEL", "althing:cache:drops", &scope("b").text()]);
    assert_eq!(one.drop_scope(&scope("c"), &whole).await, Ok(None));
    let after = restored(&one, &whole, 700).await;
    assert_eq!((after.era(), after.made(), after.seen(), after.all().count()), (100, 700, 701, 2));
    // Nobody is left: another era.
    redis.cli(&["FLUSHALL"]);
    let cold: Drops = serde_json::from_str(&serde_json::to_string(&after).unwrap()).unwrap();
    let other = restored(&two, &cold, 800).await;
    assert!(other.era() == 800 && other.have_a_gap_after(&cold) && !other.have_a_gap_after(&after));
}

#[tokio::test]
async fn too_many_drops_become_one_of_everything_in_the_same_table() {
    let redis = Redis::start();
    let link = link(&redis);
    let made = restored(&link, &Drops::default(), 100).await;
    for at in 0..1_010 {
        assert_eq!(link.drop_scope(&scope(&at.to_string()), &made).await, Ok(Some(102 + at)));
    }
    let all = link.dropped(&made).await.unwrap().unwrap();
    assert!(all.follow(&made) && all.era() == 100);
    assert!(all.all().any(|(_, scope)| *scope == Scope::default()) && all.all().count() < 100);
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
