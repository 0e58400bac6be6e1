//! Keys are taken back.

use super::*;
use fault::Explain;

#[tokio::test]
async fn a_key_is_revoked_once() {
    on_both(async |bench| {
        let made = bench.key(new_key("acme", Role::User)).await.record;
        let revoked = bench.keys.revoke(&Identity::local(), &made.id).await.unwrap();
        assert!(revoked.revoked_ms.unwrap() >= made.created_ms);
        assert_eq!((revoked.version, &revoked.id), (2, &made.id));
        for _ in 0..3 {
            assert_eq!(bench.keys.revoke(&who("acme", Role::Admin), &made.id).await.unwrap(), revoked);
        }
        let told = bench.told().await;
        let told: Vec<_> = told.iter().map(|(who, what, _)| (who.as_str(), what.as_str())).collect();
        assert_eq!(told, [("local", "key.create"), ("local", "key.revoke")]);
        assert_eq!(bench.metrics.access().audit_rows.value(), 2);
    })
    .await;
}

#[tokio::test]
async fn many_who_revoke_the_same_key_write_one_row() {
    on_both(async |bench| {
        let made = bench.key(new_key("acme", Role::User)).await.record;
        let revoke = |_| async { bench.keys.revoke(&Identity::local(), &made.id).await.unwrap() };
        let revoked = futures_util::future::join_all((0..20).map(revoke)).await;
        assert!(revoked.iter().all(|key| key == &revoked[0]));
        assert_eq!(bench.told().await.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_foreign_key_is_not_there() {
    on_both(async |bench| {
        let made = bench.key(new_key("acme", Role::User)).await;
        let house = bench.key(new_key("default", Role::Viewer)).await;
        let other = who("other", Role::Admin);
        for id in [&*made.record.id, &made.record.prefix, made.key.expose(), &*house.record.id, "key_0123456789abcdef"]
        {
            for refused in [bench.keys.revoke(&other, id).await, bench.keys.get(&other, id).await] {
                assert_eq!(refused.unwrap_err().code(), "not_found");
            }
        }
        assert_eq!(bench.keys.get(&who("acme", Role::Admin), &made.record.id).await.unwrap().revoked_ms, None);
        assert_eq!(bench.told().await.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_key_goes_by_more_than_one_name() {
    on_both(async |bench| {
        let admin = Identity::local();
        let names: [fn(&Created) -> String; 3] = [
            |made| made.record.prefix.clone(),
            |made| made.key.expose().to_owned(),
            |made| made.record.id[..12].to_owned(),
        ];
        for name in names {
            let made = bench.key(new_key("acme", Role::User)).await;
            assert_eq!(bench.keys.get(&admin, &name(&made)).await.unwrap().id, made.record.id);
            let revoked = bench.keys.revoke(&admin, &name(&made)).await.unwrap();
            assert_eq!((&revoked.id, revoked.revoked_ms.is_some()), (&made.record.id, true));
        }
    })
    .await;
}

#[tokio::test]
async fn a_name_that_fits_several_or_none_is_refused() {
    on_both(async |bench| {
        let admin = Identity::local();
        for _ in 0..3 {
            bench.key(new_key("acme", Role::User)).await;
        }
        bench.run("UPDATE access_key SET id = 'key_00000000' || substr(id, 13), prefix = 'alth_AAAAAAA'").await;
        let code = async |id: &str| bench.keys.revoke(&admin, id).await.unwrap_err().code();
        for several in ["key_0000", "key_00000000", "alth_AAAAAAA"] {
            assert_eq!(code(several).await, "invalid_parameter", "{several}");
        }
        for none in [
            "",
            "key_",
            "key_000",
            "key_%%%%%%",
            "key_____",
            "alth_",
            "alth_AAAAAA",
            "ke",
            "key_000000000000000000",
            "é".repeat(9).as_str(),
        ] {
            assert_eq!(code(none).await, "not_found", "{none}");
        }
        assert!(
            bench.keys.list(&admin, None, None, None).await.unwrap().entries.iter().all(|key| key.revoked_ms.is_none())
        );
    })
    .await;
}

#[tokio::test]
async fn messages_repeat_no_key() {
    on_both(async |bench| {
        let foreign = Hasher::new(b"another secret").make().unwrap().0;
        let broken = format!("{}!", foreign.expose());
        for text in [foreign.expose(), &broken] {
            let refused = bench.keys.revoke(&Identity::local(), text).await.unwrap_err();
            let shown = format!("{refused} {refused:?} {:?}", refused.hint());
            assert!(shown.contains(&text[..PREFIX_CHARS]) && !shown.contains(&text[..PREFIX_CHARS + 1]), "{shown}");
        }
        let long = "x".repeat(10_000) + "\u{7}";
        assert!(bench.keys.revoke(&Identity::local(), &long).await.unwrap_err().to_string().len() < 200);
    })
    .await;
}
