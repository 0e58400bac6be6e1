//! Vectors of questions and of several models.

use super::*;

on_both!(
    a_question_is_embedded_once,
    another_model_keeps_the_vectors_of_the_first,
    what_nobody_needs_goes,
    what_was_needed_stays
);

mod cases {
    use super::*;

    pub(super) async fn a_question_is_embedded_once(bench: Bench) {
        let server = bench.server().await;
        server.put(catalogue()).await;
        server.settled().await;
        let texts = bench.fake().texts();
        bench.fake().slow_ms.store(30, Ordering::SeqCst);
        let at_once = futures_util::future::join_all((0..8).map(|_| server.find("send a letter"))).await;
        assert_eq!(at_once.iter().filter(|found| found.from.embedded).count(), 1);
        assert!(at_once.iter().all(|found| found.hits == at_once[0].hits));
        assert!(!server.find(" send a letter ").await.from.embedded);
        assert_eq!(bench.fake().texts(), texts + 1);
        // Learning a question that was asked embeds nothing either.
        server.learn("acme", "mail", "send a letter").await;
        server.settled().await;
        assert_eq!(bench.fake().texts(), texts + 1);
        server.close().await;
    }

    pub(super) async fn another_model_keeps_the_vectors_of_the_first(mut bench: Bench) {
        let server = bench.server().await;
        server.put(catalogue()).await;
        server.settled().await;
        server.close().await;
        let first = bench.fake.replace(Fake::new("fake/2"));
        let server = bench.server().await;
        server.settled().await;
        assert_eq!((bench.fake().texts(), server.retrieval.progress().embedded), (4, 4));
        server.close().await;
        bench.fake = first;
        let server = bench.server().await;
        server.settled().await;
        assert_eq!((bench.fake().texts(), server.retrieval.progress().embedded), (4, 4));
        assert_eq!(server.rows("retrieval_vector").await, 8);
        server.close().await;
    }

    pub(super) async fn what_was_needed_stays(bench: Bench) {
        const DAY_MS: i64 = 86_400_000;
        let server = bench.server().await;
        server.put(catalogue()).await;
        server.learn("acme", "mail", "post it").await;
        server.settled().await;
        // Needed for a month, and then no more: from then on it counts.
        bench.now_ms.store(NOON_MS + 30 * DAY_MS, Ordering::SeqCst);
        server.retrieval.remove(&Collection::Tools, &["mail".into()]).await.unwrap();
        server.put(vec![document("clock", "another text")]).await;
        server.settled().await;
        assert_eq!(server.rows("retrieval_vector").await, 6);
        crate::archive::purge(&server.store, NOON_MS + 23 * DAY_MS, 3).await.unwrap();
        assert_eq!(server.rows("retrieval_vector").await, 6);
        crate::archive::purge(&server.store, NOON_MS + 30 * DAY_MS + 1, 3).await.unwrap();
        assert_eq!(server.rows("retrieval_vector").await, 3);
        server.close().await;
    }

    pub(super) async fn what_nobody_needs_goes(bench: Bench) {
        let server = bench.server().await;
        server.put(catalogue()).await;
        server.learn("acme", "clock", "how late is it").await;
        server.settled().await;
        assert_eq!(server.rows("retrieval_vector").await, 5);
        server.retrieval.remove(&Collection::Tools, &["mail".into()]).await.unwrap();
        // Not yet: it may come back.
        crate::archive::purge(&server.store, NOON_MS, 3).await.unwrap();
        assert_eq!(server.rows("retrieval_vector").await, 5);
        crate::archive::purge(&server.store, NOON_MS + 1, 3).await.unwrap();
        assert_eq!(server.rows("retrieval_vector").await, 4);
        for model in 0..3_i64 {
            crate::archive::note_model(&server.store, &format!("newer/{model}"), NOON_MS + 1 + model).await.unwrap();
        }
        crate::archive::purge(&server.store, NOON_MS, 4).await.unwrap();
        assert_eq!(server.rows("retrieval_vector").await, 4);
        crate::archive::note_model(&server.store, "newest", NOON_MS + 9).await.unwrap();
        crate::archive::purge(&server.store, NOON_MS, 4).await.unwrap();
        assert_eq!(server.rows("retrieval_vector").await, 0);
        server.close().await;
    }
}
