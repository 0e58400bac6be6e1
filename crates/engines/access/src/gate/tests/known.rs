//! Keys that were made, and what becomes of them.

use super::*;
use futures_util::FutureExt;
use futures_util::future::join_all;

#[tokio::test]
async fn a_key_is_looked_up_once_and_then_believed() {
    on_both(async |bench| {
        let created = bench.key(new_key("acme", Role::Operator)).await;
        let key = created.key.expose();
        let mut door = Door::new(bench, &Access::default());
        assert_eq!(door.says_now(key), None);
        assert_eq!(door.says(key).await, shown(&created));
        let reads = bench.reads();
        for _ in 0..100 {
            door.pass_s(0.049);
            assert_eq!(door.says_now(key), Some(shown(&created)));
        }
        assert_eq!(bench.reads(), reads);
        door.pass_s(0.2);
        assert_eq!(door.says_now(key), None);
        assert_eq!(door.says(key).await, shown(&created));
        assert_eq!(bench.reads(), reads + 1);
        assert_eq!(bench.metrics.access().admission(Admission::Key).value(), 102);
    })
    .await;
}

#[tokio::test]
async fn the_purse_stays_the_same_after_another_look() {
    let bench = Bench::sqlite(&Access::default()).await;
    let key = bench.key(new_key("acme", Role::User)).await.key;
    let mut door = Door::new(&bench, &Access::default());
    let first = door.admit(key.expose(), HERE).await.unwrap();
    door.pass_s(60.0);
    let second = door.admit(key.expose(), HERE).await.unwrap();
    assert!(Arc::ptr_eq(&first.spend, &second.spend) && Arc::ptr_eq(&first.identity, &second.identity));
}

#[tokio::test]
async fn a_crowd_with_one_key_asks_the_store_once() {
    on_both(async |bench| {
        let created = bench.key(new_key("acme", Role::User)).await;
        let door = Door::new(bench, &Access::default());
        let reads = bench.reads();
        let all = join_all((0..200).map(|_| door.says(created.key.expose()))).await;
        assert!(all.iter().all(|one| *one == shown(&created)));
        assert_eq!(bench.reads(), reads + 1);
        assert_eq!(bench.keys.cache.in_flight(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_crowd_on_many_threads_is_let_in() {
    let bench = Bench::sqlite(&Access::default()).await;
    let created = bench.key(new_key("acme", Role::User)).await;
    let door = Arc::new(Door::new(&bench, &Access { key_cache_ms: 0, ..Access::default() }));
    let tasks = (0..50).map(|_| {
        let (door, key) = (Arc::clone(&door), created.key.expose().to_owned());
        tokio::spawn(async move { door.says(&key).await })
    });
    for task in join_all(tasks).await {
        assert_eq!(task.unwrap(), shown(&created));
    }
}

#[tokio::test]
async fn who_hangs_up_while_a_key_is_looked_up_takes_nobody_along() {
    on_both(async |bench| {
        let created = bench.key(new_key("acme", Role::User)).await;
        let door = Door::new(bench, &Access::default());
        let (mut leaves, mut stays) =
            (Box::pin(door.says(created.key.expose())), Box::pin(door.says(created.key.expose())));
        // The store may be quick enough to answer at once.
        let (_, early) = (leaves.as_mut().now_or_never(), stays.as_mut().now_or_never());
        drop(leaves);
        if let Some(early) = early {
            return assert_eq!(early, shown(&created));
        }
        assert_eq!(stays.await, shown(&created));
        let mut leaves = Box::pin(door.says(created.key.expose()));
        assert_eq!(leaves.as_mut().now_or_never(), Some(shown(&created)));
    })
    .await;
}

#[tokio::test]
async fn a_look_that_nobody_waits_for_any_more_is_begun_anew() {
    on_both(async |bench| {
        let created = bench.key(new_key("acme", Role::User)).await;
        let door = Door::new(bench, &Access { key_cache_ms: 0, ..Access::default() });
        let _ = Box::pin(door.says(created.key.expose())).as_mut().now_or_never();
        bench.run("UPDATE access_key SET revoked_ms = 1").await;
        assert_eq!(door.says(created.key.expose()).await, "revoked_key");
        assert_eq!(bench.keys.cache.in_flight(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_key_ends_to_the_millisecond() {
    on_both(async |bench| {
        let end_ms = calendar::now_ms() + 3_000;
        let created = bench.key(NewKey { expires_ms: Some(end_ms), ..new_key("acme", Role::User) }).await;
        let key = created.key.expose();
        let mut door = Door::new(bench, &Access::default());
        door.wall_ms = end_ms - 2_000;
        assert_eq!(door.says(key).await, shown(&created));
        door.pass_s(1.999);
        assert_eq!(door.says_now(key), Some(shown(&created)));
        door.pass_s(0.001);
        assert_eq!(door.says_now(key).as_deref(), Some("expired_key"));
        door.pass_s(60.0);
        assert_eq!(door.says(key).await, "expired_key");
        assert_eq!(bench.metrics.access().admission(Admission::Expired).value(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_key_revoked_here_is_refused_at_once() {
    on_both(async |bench| {
        let created = bench.key(new_key("acme", Role::User)).await;
        let key = created.key.expose();
        let door = Door::new(bench, &Access::default());
        assert_eq!(door.says(key).await, shown(&created));
        bench.keys.revoke(&Identity::local(), &created.record.id).await.unwrap();
        assert_eq!(door.says_now(key), None);
        assert_eq!(door.says(key).await, "revoked_key");
        let reads = bench.reads();
        assert_eq!(door.says_now(key).as_deref(), Some("revoked_key"));
        assert_eq!(bench.reads(), reads);
        assert_eq!(bench.metrics.access().admission(Admission::Revoked).value(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_look_that_began_before_a_key_was_revoked_is_not_believed() {
    on_both(async |bench| {
        let created = bench.key(new_key("acme", Role::User)).await;
        let digest = bench.keys.hasher.digest(&crate::keys::Parsed::read(created.key.expose()).unwrap()).unwrap();
        let door = Door::new(bench, &Access::default());
        let found = bench.keys.cache.look(&bench.store, digest, door.at).await;
        bench.keys.revoke(&Identity::local(), &created.record.id).await.unwrap();
        let record = found.record.as_ref().unwrap().as_ref();
        assert_eq!(record.unwrap().revoked_ms, None);
        bench.keys.cache.keep(&digest, &found, |known| door.gate.entry(record, known, found.began));
        assert_eq!(bench.keys.cache.len(), 0);
        assert_eq!(door.says(created.key.expose()).await, "revoked_key");
    })
    .await;
}

#[tokio::test]
async fn a_key_revoked_elsewhere_is_refused_when_it_is_looked_up_again() {
    on_both(async |bench| {
        let created = bench.key(new_key("acme", Role::User)).await;
        let key = created.key.expose();
        let mut door = Door::new(bench, &Access { key_cache_ms: 2_000, ..Access::default() });
        assert_eq!(door.says(key).await, shown(&created));
        let other = bench.beside(&Access::default()).await.unwrap();
        other.keys.revoke(&Identity::local(), &created.record.id).await.unwrap();
        door.pass_s(1.999);
        assert_eq!(door.says(key).await, shown(&created));
        door.pass_s(0.001);
        assert_eq!(door.says(key).await, "revoked_key");
    })
    .await;
}

#[tokio::test]
async fn nothing_is_believed_where_settings_say_so() {
    on_both(async |bench| {
        let created = bench.key(new_key("acme", Role::User)).await;
        let door = Door::new(bench, &Access { key_cache_ms: 0, ..Access::default() });
        let reads = bench.reads();
        for _ in 0..3 {
            assert_eq!(door.says(created.key.expose()).await, shown(&created));
        }
        assert_eq!(bench.reads(), reads + 3);
        bench.run("UPDATE access_key SET revoked_ms = 1").await;
        assert_eq!(door.says(created.key.expose()).await, "revoked_key");
    })
    .await;
}

#[tokio::test]
async fn no_more_keys_are_remembered_than_settings_allow() {
    let few = Access { key_cache_max: 3, ..Access::default() };
    let bench = Bench::sqlite(&few).await;
    let door = Door::new(&bench, &few);
    for _ in 0..20 {
        let created = bench.key(new_key("acme", Role::User)).await;
        assert_eq!(door.says(created.key.expose()).await, shown(&created));
        assert!(bench.keys.cache.len() <= 3);
    }
}

#[tokio::test]
async fn revoking_a_key_leaves_looks_that_are_under_way_to_those_who_wait() {
    let bench = Bench::sqlite(&Access::default()).await;
    let created = bench.key(new_key("acme", Role::User)).await;
    let door = Door::new(&bench, &Access::default());
    let mut waits = Box::pin(door.says(created.key.expose()));
    if waits.as_mut().now_or_never().is_none() {
        assert_eq!(bench.keys.cache.in_flight(), 1);
    }
    bench.keys.revoke(&Identity::local(), &created.record.id).await.unwrap();
    assert_eq!((bench.keys.cache.in_flight(), bench.keys.cache.len()), (0, 0));
    assert_eq!(door.says(created.key.expose()).await, "revoked_key");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_gets_in_with_a_key_once_it_is_revoked() {
    on_both(async |bench| {
        // A short belief makes many looks, of which some are under way whenever the key is revoked.
        let access = Access { key_cache_ms: 1, wrong_keys_per_s: 1_000_000, ..Access::default() };
        let door = Arc::new(Door::new(bench, &access).gate);
        for _ in 0..10 {
            let created = bench.key(new_key("acme", Role::User)).await;
            let presented = Presented::from_text(created.key.expose());
            let over = Arc::new(AtomicBool::new(false));
            let users = (0..6).map(|_| {
                let (door, presented, over) = (Arc::clone(&door), presented.clone(), Arc::clone(&over));
                tokio::spawn(async move {
                    loop {
                        let was_over = over.load(Ordering::SeqCst);
                        let code = door.admit(Some(&presented), HERE).await.map_err(|denial| denial.code());
                        match code {
                            Ok(_) => assert!(!was_over, "let in after the key was revoked"),
                            Err(code) => assert_eq!(code, "revoked_key"),
                        }
                        if was_over {
                            return;
                        }
                    }
                })
            });
            let users: Vec<_> = users.collect();
            tokio::time::sleep(Duration::from_millis(10)).await;
            bench.keys.revoke(&Identity::local(), &created.record.id).await.unwrap();
            over.store(true, Ordering::SeqCst);
            for user in users {
                user.await.unwrap();
            }
        }
    })
    .await;
}
