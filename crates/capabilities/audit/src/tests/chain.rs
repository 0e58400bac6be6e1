//! The chain as it grows: without a gap, whoever appends at once, and whatever is rolled back.

use super::*;
use std::time::Instant;
use tokio::task::JoinSet;

#[tokio::test]
async fn a_log_is_whole_from_before_its_first_row_on() {
    on_both(async |bench| {
        let verdict = bench.verify().await;
        assert_eq!((verdict.rows, verdict.first, verdict.last), (0, None, None));
        expect(&verdict, &[]);
        bench.rows(3).await;
        let verdict = bench.verify().await;
        assert_eq!((verdict.rows, verdict.first, verdict.last), (3, Some(1), Some(3)));
        expect(&verdict, &[]);
        let shown = bench.metrics.encode();
        let counted = shown.lines().find(|line| line.starts_with("althing_audit_rows_total")).unwrap();
        assert!(counted.ends_with(" 3"), "{counted}");
        // Opening it again changes nothing.
        Audit::open(bench.store.clone(), bench.metrics.access()).await.unwrap();
        assert_eq!(bench.verify().await, verdict);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_two_at_once_leave_no_gap() {
    const EACH: usize = 8;
    on_both(async |bench| {
        let mut appenders = JoinSet::new();
        for appender in 0..32 {
            let audit = Arc::clone(&bench.audit);
            appenders.spawn(async move {
                for at in 0..EACH {
                    audit.record(entry(appender * EACH + at)).await.unwrap();
                }
            });
        }
        appenders.join_all().await;
        let rows = bench.stored().await;
        assert!(rows.iter().map(|row| row.seq).eq(1..=32 * EACH as i64));
        assert!(rows.is_sorted_by_key(|row| row.at_ms));
        expect(&bench.verify().await, &[]);
    })
    .await;
}

#[tokio::test]
async fn an_action_that_is_rolled_back_leaves_no_row_and_no_gap() {
    on_both(async |bench| {
        bench.rows(1).await;
        let write = bench.store.write(Isolation::ReadCommitted, |tx| {
            async {
                append(tx, &entry(1)).await?;
                Err::<(), _>(AuditError::File { path: "x".into(), reason: "changed my mind".to_owned() })
            }
            .boxed()
        });
        assert!(matches!(write.await, Err(AuditError::File { .. })));
        bench.rows(1).await;
        assert!(bench.stored().await.iter().map(|row| row.seq).eq(1..=2));
        expect(&bench.verify().await, &[]);
    })
    .await;
}

#[tokio::test]
async fn an_action_and_its_row_are_there_together() {
    on_both(async |bench| {
        bench.tamper(&["CREATE TABLE thing (id BIGINT)"]).await;
        let write = bench.store.write(Isolation::Serializable, |tx| {
            async {
                tx.execute("INSERT INTO thing (id) VALUES (7)", args![]).await?;
                append(tx, &entry(0)).await?;
                append(tx, &entry(1)).await
            }
            .boxed()
        });
        write.await.unwrap();
        assert_eq!(bench.stored().await.len(), 2);
        expect(&bench.verify().await, &[]);
    })
    .await;
}

#[tokio::test]
async fn time_never_goes_back() {
    on_both(async |bench| {
        const FUTURE: i64 = 4_000_000_000_000;
        bench.rows(1).await;
        let mut rows = bench.stored().await;
        let first = Stored::new(1, FUTURE, &entry(0), rows.remove(0).prev);
        bench.replace(vec![first]).await;
        bench.rows(2).await;
        assert!(bench.stored().await.iter().all(|row| row.at_ms == FUTURE));
        expect(&bench.verify().await, &[]);
    })
    .await;
}

#[tokio::test]
async fn verifying_beside_writers_finds_nothing_wrong() {
    on_both(async |bench| {
        bench.rows(5).await;
        let audit = Arc::clone(&bench.audit);
        let writer = tokio::spawn(async move {
            for at in 0..200 {
                audit.record(entry(at)).await.unwrap();
            }
        });
        while !writer.is_finished() {
            bench.checkpoint().await;
            expect(&bench.verify_all().await, &[]);
        }
        writer.await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_long_log_is_verified_in_seconds() {
    const ROWS: i64 = 100_000;
    on_both(async |bench| {
        bench.rows(1).await;
        let mut rows = bench.stored().await;
        for seq in 2..=ROWS {
            let before = rows.last().unwrap();
            rows.push(Stored::new(seq, before.at_ms + 1, &entry(seq as usize), before.hash.clone()));
        }
        rows[98_765].target.push('x');
        bench.replace(rows).await;
        let began = Instant::now();
        let verdict = bench.verify().await;
        println!("{:?}: {} rows verified in {} ms", bench.store.engine(), verdict.rows, began.elapsed().as_millis());
        assert_eq!((verdict.rows, verdict.last), (ROWS as u64, Some(ROWS)));
        expect(&verdict, &["98766 the row was changed"]);
    })
    .await;
}
