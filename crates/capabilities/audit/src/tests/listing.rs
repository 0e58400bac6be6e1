//! The log as admins read it.

use super::*;
use caller::{Identity, Role};

fn admin(tenant: &str) -> Identity {
    Identity { subject: "k_0".into(), tenant: tenant.into(), role: Role::Admin }
}

async fn seqs(bench: &Bench, who: &Identity, query: AuditQuery) -> Vec<i64> {
    let page = bench.audit.list(who, &query, None, None).await.unwrap();
    assert_eq!(page.cursor, None);
    page.entries.iter().map(|row| row.seq).collect()
}

#[tokio::test]
async fn pages_lead_from_the_newest_row_to_the_first() {
    on_both(async |bench| {
        bench.rows(7).await;
        let (who, all) = (Identity::local(), AuditQuery::default());
        let (mut cursor, mut seen) = (None, Vec::new());
        loop {
            let page = bench.audit.list(&who, &all, cursor.as_deref(), Some(3)).await.unwrap();
            // Rows that come meanwhile do not move the pages.
            bench.rows(1).await;
            seen.push(page.entries.iter().map(|row| row.seq).collect::<Vec<_>>());
            cursor = page.cursor;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen, [vec![7, 6, 5], vec![4, 3, 2], vec![1]]);
        for wrong in ["x", "WyJ4Il0", "W10"] {
            let page = bench.audit.list(&who, &all, Some(wrong), None).await;
            assert!(matches!(page, Err(AuditError::Cursor(_))), "{wrong}");
        }
    })
    .await;
}

#[tokio::test]
async fn admins_of_a_tenant_see_that_tenant_alone() {
    on_both(async |bench| {
        bench.rows(6).await;
        let tenant = |tenant: &str| AuditQuery { tenant: Some(tenant.into()), ..AuditQuery::default() };
        assert_eq!(seqs(bench, &admin("acme"), AuditQuery::default()).await, [6, 4, 2]);
        assert_eq!(seqs(bench, &admin("acme"), tenant("acme")).await, [6, 4, 2]);
        assert_eq!(seqs(bench, &admin("acme"), tenant("default")).await, [0; 0]);
        assert_eq!(seqs(bench, &admin("other"), AuditQuery::default()).await, [0; 0]);
        assert_eq!(seqs(bench, &admin("default"), AuditQuery::default()).await, [6, 5, 4, 3, 2, 1]);
        assert_eq!(seqs(bench, &admin("default"), tenant("acme")).await, [6, 4, 2]);
    })
    .await;
}

#[tokio::test]
async fn filters_narrow_the_list() {
    on_both(async |bench| {
        bench.rows(6).await;
        let (who, all) = (Identity::local(), AuditQuery::default());
        let action = AuditQuery { action: Some("key.revoked".into()), ..all.clone() };
        assert_eq!(seqs(bench, &who, action).await, [5, 2]);
        let actor = AuditQuery { actor: Some("k_0".into()), tenant: Some("acme".into()), ..all.clone() };
        assert_eq!(seqs(bench, &who, actor).await, [4]);
        let at = bench.stored().await[5].at_ms;
        assert_eq!(seqs(bench, &who, AuditQuery { since_ms: Some(at + 1), ..all.clone() }).await, [0; 0]);
        assert!(seqs(bench, &who, AuditQuery { since_ms: Some(at), ..all.clone() }).await.contains(&6));
        assert!(!seqs(bench, &who, AuditQuery { until_ms: Some(at), ..all }).await.contains(&6));
    })
    .await;
}

#[tokio::test]
async fn a_row_is_shown_with_its_hashes() {
    on_both(async |bench| {
        bench.rows(2).await;
        let page = bench.audit.list(&Identity::local(), &AuditQuery::default(), None, None).await.unwrap();
        let [second, first] = page.entries.as_slice() else { panic!("{page:?}") };
        assert_eq!(second.prev, first.hash);
        assert_eq!(first.prev, hex::encode(row::GENESIS));
        assert!(first.at.starts_with("20") && first.at.ends_with('Z'), "{}", first.at);
        let shown = serde_json::to_value(first).unwrap();
        assert_eq!(shown["detail"], json!({"name": "ä \"0\" \u{0}", "usd": 0.0}));
        assert_eq!((&shown["actor"], &shown["action"]), (&json!("k_0"), &json!("key.created")));
        let schema = serde_json::to_value(schemars::schema_for!(AuditRow)).unwrap();
        assert_eq!(schema["properties"].as_object().unwrap().len(), shown.as_object().unwrap().len());
    })
    .await;
}
