//! What is used for a question is found for it, by those who used it, until that is revoked.

use super::*;

on_both!(
    use_lifts_what_was_used_in_its_tenant_alone,
    the_oldest_go_and_the_same_counts_once,
    what_is_learned_follows_its_document,
    nothing_is_learned_where_that_is_off,
);

const QUESTION: &str = "gizmo grandmother";

mod cases {
    use super::*;

    pub(super) async fn use_lifts_what_was_used_in_its_tenant_alone(bench: Bench) {
        let server = bench.server().await;
        server.put(catalogue()).await;
        server.settled().await;
        let before = server.find(QUESTION).await;
        let others = server.find_as("other", &["*/user"], QUESTION).await;
        server.learn("acme", "clock", "grandmother's gizmo").await;
        server.settled().await;
        let after = server.find(QUESTION).await;
        assert_eq!((ids(&after)[0], after.weak), ("clock", false));
        assert!(after.hits[0].parts.usage > 0.4 && after.hits[0].parts.usage_weight > 0.0, "{after:?}");
        assert_eq!(server.find_as("other", &["*/user"], QUESTION).await.hits, others.hits);
        // Whoever may not see the document is not led to it by its use.
        assert_eq!(server.find_as("acme", &["acme/admin"], QUESTION).await.hits, []);
        let learned = server.retrieval.learned(&Collection::Tools, "acme", None).await.unwrap();
        assert_eq!((&*learned[0].id, &*learned[0].query, learned[0].at_ms), ("clock", "grandmother's gizmo", NOON_MS));
        assert_eq!(server.retrieval.unlearn(&Collection::Tools, "other", None).await.unwrap(), 0);
        assert_eq!(server.retrieval.unlearn(&Collection::Tools, "acme", Some("clock")).await.unwrap(), 1);
        let revoked = server.find(QUESTION).await;
        assert_eq!((&revoked.hits, revoked.weak), (&before.hits, before.weak));
        assert_eq!((server.retrieval.progress().learned, server.rows("retrieval_use").await), (0, 0));
        server.close().await;
    }

    pub(super) async fn the_oldest_go_and_the_same_counts_once(mut bench: Bench) {
        bench.rules.learned_max = 3;
        let server = bench.server().await;
        server.put(catalogue()).await;
        for query in ["one", "two", "three", " One ", "four"] {
            bench.now_ms.fetch_add(1_000, Ordering::SeqCst);
            server.learn("acme", "clock", query).await;
            server.learn("acme", "mail", query).await;
        }
        let learned = server.retrieval.learned(&Collection::Tools, "acme", Some("clock")).await.unwrap();
        let queries: Vec<&str> = learned.iter().map(|one| &*one.query).collect();
        // `one` was asked again before `four`, so that `two` is the oldest.
        assert_eq!(queries, ["three", "one", "four"]);
        assert_eq!((server.retrieval.progress().learned, server.rows("retrieval_use").await), (6, 6));
        assert_eq!(server.retrieval.unlearn(&Collection::Tools, "acme", None).await.unwrap(), 6);
        assert_eq!(server.retrieval.progress().learned, 0);
        server.close().await;
    }

    pub(super) async fn what_is_learned_follows_its_document(bench: Bench) {
        let server = bench.server().await;
        server.put(catalogue()).await;
        server.learn("acme", "clock", QUESTION).await;
        server.learn("acme", "nobody", QUESTION).await;
        assert_eq!(server.retrieval.progress().learned, 1);
        let mut moved = document("clock", "shows the time of day");
        moved.scope = "acme/admin".into();
        server.put(vec![moved]).await;
        server.settled().await;
        assert!(!ids(&server.find(QUESTION).await).contains(&"clock"));
        assert_eq!(ids(&server.find_as("acme", &["*/user", "acme/admin"], QUESTION).await)[0], "clock");
        server.close().await;
    }

    pub(super) async fn nothing_is_learned_where_that_is_off(mut bench: Bench) {
        bench.rules.learned_max = 0;
        let server = bench.server().await;
        server.put(catalogue()).await;
        server.learn("acme", "clock", QUESTION).await;
        assert_eq!((server.retrieval.progress().learned, server.rows("retrieval_use").await), (0, 0));
        server.close().await;
    }
}
