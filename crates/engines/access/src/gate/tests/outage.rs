//! The store cannot be asked.

use super::*;
use testkit::Postgres;

#[tokio::test]
async fn keys_that_are_known_stay_known_for_a_while() {
    on_both(async |bench| {
        let (known, other) =
            (bench.key(new_key("acme", Role::User)).await, bench.key(new_key("acme", Role::User)).await);
        let revoked = bench.key(new_key("acme", Role::User)).await;
        bench.keys.revoke(&Identity::local(), &revoked.record.id).await.unwrap();
        let mut door = Door::new(bench, &Access { key_cache_ms: 2_000, ..Access::default() });
        assert_eq!(door.says(known.key.expose()).await, shown(&known));
        assert_eq!(door.says(revoked.key.expose()).await, "revoked_key");
        bench.store.close().await;
        for _ in 0..9 {
            door.pass_s(2.0);
            assert_eq!(door.says(known.key.expose()).await, shown(&known));
            assert_eq!(door.says(revoked.key.expose()).await, "revoked_key");
            assert_eq!(door.says(other.key.expose()).await, "access_unavailable");
            assert_eq!(door.says(forged().expose()).await, "unknown_key");
        }
        door.pass_s(2.0);
        for key in [&known, &revoked, &other] {
            let refused = door.admit(key.key.expose(), HERE).await.unwrap_err();
            assert_eq!((refused.code(), refused.kind()), ("access_unavailable", fault::Kind::Unavailable));
            assert!(!refused.to_string().contains("127.0.0.1"), "{refused}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_key_still_ends_while_the_store_is_away() {
    let bench = Bench::sqlite(&Access::default()).await;
    let expires_ms = Some(calendar::now_ms() + 20_000);
    let created = bench.key(NewKey { expires_ms, ..new_key("acme", Role::User) }).await;
    let mut door = Door::new(&bench, &Access::default());
    assert_eq!(door.says(created.key.expose()).await, shown(&created));
    bench.store.close().await;
    door.pass_s(10.0);
    assert_eq!(door.says(created.key.expose()).await, shown(&created));
    door.pass_s(11.0);
    assert_eq!(door.says(created.key.expose()).await, "expired_key");
}

#[tokio::test]
async fn a_store_that_comes_back_is_asked_again() {
    let postgres = Postgres::start();
    let bench = Bench::postgres(&postgres, &Access::default()).await;
    let created = bench.key(new_key("acme", Role::User)).await;
    let key = created.key.expose();
    let mut door = Door::new(&bench, &Access::default());
    assert_eq!(door.says(key).await, shown(&created));
    postgres.stop_immediate();
    door.pass_s(6.0);
    let began = std::time::Instant::now();
    assert_eq!(door.says(key).await, shown(&created));
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    door.pass_s(4.9);
    assert_eq!(door.says_now(key), Some(shown(&created)));
    postgres.start_again();
    postgres.psql("UPDATE access_key SET revoked_ms = 1");
    door.pass_s(0.2);
    // The store does not ask a server that was down again at once.
    let again = async {
        while bench.store.ping().await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await
        }
    };
    tokio::time::timeout(Duration::from_secs(20), again).await.unwrap();
    assert_eq!(door.says(key).await, "revoked_key");
    assert!(!door.gate.blind.load(Ordering::Relaxed));
}
