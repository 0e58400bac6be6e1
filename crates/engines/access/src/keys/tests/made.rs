//! Keys are made and listed.

use super::*;
use calendar::now_ms;
use fault::Explain;

#[tokio::test]
async fn a_key_is_kept_as_a_digest_alone() {
    on_both(async |bench| {
        let new = NewKey { name: Some("Ada's laptop".to_owned()), rpm: Some(60), ..new_key("acme", Role::User) };
        let Created { key, record } = bench.key(new).await;
        assert!(record.id.starts_with("key_") && record.id.len() == ID_MARK.len() + ID_DIGITS);
        assert!(key.expose().starts_with(&record.prefix) && record.prefix.len() == PREFIX_CHARS);
        assert!((now_ms() - record.created_ms).abs() < 60_000);
        assert_eq!((record.created_by.as_str(), record.version, record.rpm), ("local", 1, Some(60)));
        assert_eq!(bench.keys.get(&Identity::local(), &record.id).await.unwrap(), record);
        let digest = bench.keys.hasher.digest(&Parsed::read(key.expose()).unwrap()).unwrap();
        assert_eq!(Keys::by_digest(&bench.store, digest).await.unwrap().as_ref(), Some(&record));
        assert_eq!(Keys::by_digest(&bench.store, [7; 32]).await.unwrap(), None);
        assert_eq!(record.identity(), Identity { subject: record.id, tenant: "acme".into(), role: Role::User });
        let secret = &key.expose()[PREFIX_CHARS..];
        for row in bench.rows("SELECT id || prefix || name, digest FROM access_key").await {
            let (text, digest): (String, Vec<u8>) = (row.get(0).unwrap(), row.get(1).unwrap());
            assert!(!text.contains(secret) && !digest.starts_with(secret.as_bytes()), "{text}");
        }
        let log = bench.rows("SELECT actor || action || target || detail FROM access_audit").await;
        let log: String = log[0].get(0).unwrap();
        assert!(log.contains("key.create") && !log.contains(secret) && !log.contains("Ada"), "{log}");
    })
    .await;
}

#[tokio::test]
async fn only_admins_make_keys_and_give_no_more_than_they_have() {
    on_both(async |bench| {
        let make = async |actor: &Identity, tenant: &str, role| {
            bench.keys.create(actor, new_key(tenant, role)).await.map(drop).map_err(|error| error.code())
        };
        for role in [Role::Viewer, Role::User, Role::Operator] {
            assert_eq!(make(&who("default", role), "default", Role::Viewer).await, Err("beyond_your_role"), "{role}");
            assert!(bench.keys.list(&who("default", role), None, None, None).await.is_err());
            assert!(bench.keys.get(&who("default", role), "key_1234").await.is_err());
            assert!(bench.keys.revoke(&who("default", role), "key_1234").await.is_err());
        }
        let acme = who("acme", Role::Admin);
        for tenant in ["default", "other"] {
            assert_eq!(make(&acme, tenant, Role::Viewer).await, Err("beyond_your_role"), "{tenant}");
        }
        assert_eq!(bench.told().await, []);
        assert!(!bench.keys.any_key_ever().await.unwrap());
        assert_eq!(make(&acme, "acme", Role::Admin).await, Ok(()));
        assert_eq!(make(&who("default", Role::Admin), "other", Role::Admin).await, Ok(()));
        assert!(bench.keys.is_made());
    })
    .await;
}

#[tokio::test]
async fn what_no_key_can_be_is_refused() {
    on_both(async |bench| {
        let plain = || new_key("acme", Role::User);
        let wrong = [
            (new_key("", Role::User), "tenant"),
            (new_key("Acme", Role::User), "tenant"),
            (new_key(&"a".repeat(65), Role::User), "tenant"),
            (NewKey { name: Some("n".repeat(101)), ..plain() }, "name"),
            (NewKey { name: Some("a\u{1b}[31m".to_owned()), ..plain() }, "name"),
            (NewKey { rpm: Some(0), ..plain() }, "rpm"),
            (NewKey { rpm: Some(u32::MAX), ..plain() }, "rpm"),
            (NewKey { expires_ms: Some(now_ms() - 1_000), ..plain() }, "expires_ms"),
            (NewKey { expires_ms: Some(i64::MIN), ..plain() }, "expires_ms"),
        ];
        for (new, param) in wrong {
            let refused = bench.keys.create(&Identity::local(), new).await.unwrap_err();
            assert_eq!(refused.param().as_deref(), Some(param), "{refused}");
            assert!(refused.to_string().len() < 200);
        }
        assert_eq!(bench.told().await, []);
        bench.key(NewKey { name: Some("ä".repeat(100)), expires_ms: Some(i64::MAX), ..plain() }).await;
    })
    .await;
}

#[tokio::test]
async fn without_a_row_in_the_log_there_is_no_key() {
    on_both(async |bench| {
        let made = bench.key(new_key("acme", Role::User)).await;
        bench.run("DELETE FROM access_audit_head").await;
        assert!(bench.keys.create(&Identity::local(), new_key("acme", Role::User)).await.is_err());
        assert!(bench.keys.revoke(&Identity::local(), &made.record.id).await.is_err());
        let keys = bench.keys.list(&Identity::local(), None, None, None).await.unwrap().entries;
        assert_eq!(keys, [made.record]);
    })
    .await;
}

#[tokio::test]
async fn lists_come_in_pages_and_show_no_other_tenant() {
    on_both(async |bench| {
        let mut made = Vec::new();
        for at in 0..23 {
            made.push(bench.key(new_key(["acme", "other", "default"][at % 3], Role::User)).await.record);
        }
        made.sort_by(|one, two| (one.created_ms, &one.id).cmp(&(two.created_ms, &two.id)));
        for (actor, tenant) in [
            (Identity::local(), None),
            (Identity::local(), Some("other")),
            (who("acme", Role::Admin), None),
            (who("acme", Role::Admin), Some("acme")),
        ] {
            let (mut seen, mut cursor) = (Vec::new(), None);
            loop {
                let page = bench.keys.list(&actor, tenant, cursor.as_deref(), Some(3)).await.unwrap();
                assert!(page.entries.len() <= 3);
                seen.extend(page.entries);
                cursor = page.cursor;
                if cursor.is_none() {
                    break;
                }
            }
            let whose = tenant.or(actor.confined_to());
            let expected = made.iter().filter(|key| whose.is_none_or(|tenant| tenant == &*key.tenant));
            assert_eq!(seen, expected.cloned().collect::<Vec<_>>());
        }
        let foreign = bench.keys.list(&who("acme", Role::Admin), Some("other"), None, None).await;
        assert_eq!(foreign.unwrap_err().code(), "beyond_your_role");
        assert!(bench.keys.list(&Identity::local(), Some("nobody"), None, None).await.unwrap().entries.is_empty());
        for cursor in ["", "x", "WyJhIiwiYiJd", "WzEsMl0"] {
            let refused = bench.keys.list(&Identity::local(), None, Some(cursor), None).await.unwrap_err();
            assert_eq!(refused.code(), "invalid_cursor", "{cursor}");
        }
    })
    .await;
}

#[tokio::test]
async fn many_are_made_at_once() {
    on_both(async |bench| {
        let make = |_| async { bench.key(new_key("acme", Role::User)).await.record.id };
        let ids = futures_util::future::join_all((0..40).map(make)).await;
        assert_eq!(ids.iter().collect::<std::collections::HashSet<_>>().len(), 40);
        assert_eq!(bench.told().await.len(), 40);
        assert_eq!(bench.metrics.access().audit_rows.value(), 40);
    })
    .await;
}
