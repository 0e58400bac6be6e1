//! The open server, and how it closes.

use super::*;
use futures_util::future::join_all;
use http::{HeaderMap, HeaderValue};
use settings::Oidc;

#[tokio::test]
async fn an_open_server_lets_everybody_in_whatever_they_send() {
    on_both(async |bench| {
        let mut door = Door::new(bench, &Access::default());
        assert!(!door.gate.guarded());
        let mut twice = HeaderMap::new();
        for value in ["Basic YTpi", "Bearer x", "\u{fc}"] {
            twice.append("authorization", HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        for _ in 0..3 {
            for text in ["", "sk-1234", "a.b.c", forged().expose()] {
                assert_eq!(door.says(text).await, "open default admin", "{text}");
            }
            for credential in [None, Presented::from_headers(&twice)] {
                let admitted = door.gate.admit_at(credential.as_ref(), HERE, door.now()).await;
                assert_eq!(told(admitted), "open default admin");
            }
            door.pass_s(1.5);
        }
        assert_eq!(bench.metrics.access().admission(Admission::Open).value(), 18);
    })
    .await;
}

#[tokio::test]
async fn an_open_server_asks_once_a_second_and_only_when_asked() {
    on_both(async |bench| {
        let mut door = Door::new(bench, &Access::default());
        let reads = bench.reads();
        for second in 1..=5 {
            assert!(door.says_now("x").is_some());
            door.pass_s(1.0);
            assert_eq!(door.says_now("x"), None);
            let all = join_all((0..50).map(|_| door.says("x"))).await;
            assert!(all.iter().all(|one| one == "open default admin"));
            assert_eq!(bench.reads(), reads + second);
        }
        door.pass_s(3_600.0);
        assert_eq!(bench.reads(), reads + 5);
    })
    .await;
}

#[tokio::test]
async fn the_first_key_closes_the_server_at_once_here_and_within_a_second_elsewhere() {
    on_both(async |bench| {
        let other = bench.beside(&Access::default()).await.unwrap();
        let (door, mut far) = (Door::new(bench, &Access::default()), Door::new(&other, &Access::default()));
        far.pass_s(0.5);
        assert_eq!(
            (door.says("").await, far.says("").await),
            ("open default admin".into(), "open default admin".into())
        );
        let created = bench.key(new_key("acme", Role::User)).await;
        assert!(door.gate.guarded());
        assert_eq!(door.says("x").await, "malformed_key");
        assert_eq!(door.says(created.key.expose()).await, shown(&created));
        far.pass_s(0.5);
        assert_eq!(far.says("x").await, "malformed_key");
        assert!(far.gate.guarded());
        assert_eq!(far.says(created.key.expose()).await, shown(&created));
    })
    .await;
}

#[tokio::test]
async fn a_closed_server_never_opens_again() {
    on_both(async |bench| {
        let created = bench.key(new_key("acme", Role::User)).await;
        bench.keys.revoke(&Identity::local(), &created.record.id).await.unwrap();
        let mut door = Door::new(bench, &Access::default());
        assert!(door.gate.guarded());
        bench.run("DELETE FROM access_key").await;
        for _ in 0..3 {
            door.pass_s(100.0);
            assert_eq!(told(door.gate.admit_at(None, HERE, door.now()).await), "missing_key");
        }
    })
    .await;
}

#[tokio::test]
async fn a_server_that_accepts_tokens_is_closed_for_good() {
    let bench = Bench::sqlite(&Access::default()).await;
    let door = Door::new(&bench, &Access::default());
    assert_eq!(door.says("x").await, "open default admin");
    let oidc = Oidc { issuer: "http://127.0.0.1:9".into(), audience: "a".into(), ..Oidc::default() };
    door.gate.reload(&Access { oidc: Some(oidc.clone()), ..Access::default() }).unwrap();
    assert!(door.gate.guarded());
    assert_eq!(door.says("x").await, "malformed_key");
    door.gate.reload(&Access::default()).unwrap();
    assert_eq!(door.says("x").await, "malformed_key");
    let wrong = Oidc { issuer: "nowhere".into(), ..oidc };
    let refused = door.gate.reload(&Access { oidc: Some(wrong), rpm: Some(1), ..Access::default() });
    assert_eq!(refused.unwrap_err().code(), "access_settings");
    assert_eq!(door.gate.limits.load().rpm, None);
}

#[tokio::test]
async fn an_open_server_without_its_store_closes_after_a_while() {
    on_both(async |bench| {
        let mut door = Door::new(bench, &Access::default());
        assert_eq!(door.says("x").await, "open default admin");
        bench.store.close().await;
        for _ in 0..9 {
            door.pass_s(1.0);
            assert_eq!(door.says("x").await, "open default admin");
        }
        door.pass_s(1.0);
        assert_eq!(door.says("x").await, "access_unavailable");
        assert_eq!(door.says_now("x").as_deref(), Some("access_unavailable"));
        assert_eq!(bench.metrics.access().admission(Admission::Open).value(), 10);
    })
    .await;
}
