//! What fails or is given up halfway leaves nothing behind.

use super::*;

on_both!(
    what_the_index_refused_is_done_again,
    what_the_index_refused_is_mended_by_whatever_comes_next,
    what_was_learned_and_not_indexed_is_mended,
    who_leaves_changes_nothing,
);

const OTHER: &str = "other/user";

/// A document that was `weather` for everybody, now for others and about mail.
fn moved() -> Document {
    Document { scope: OTHER.into(), ..document("weather", "send a message") }
}

impl Server {
    fn failing(&self, failing: bool) {
        self.index.failing.store(failing, Ordering::SeqCst);
    }

    /// Begins something, and drops it as soon as the index is being written to.
    async fn leave<T>(&self, work: impl Future<Output = T>) {
        self.index.slow_ms.store(100, Ordering::SeqCst);
        assert!(tokio::time::timeout(Duration::from_millis(50), work).await.is_err());
        self.index.slow_ms.store(0, Ordering::SeqCst);
    }

    /// Returns once something is so.
    async fn comes(&self, mut what: impl AsyncFnMut() -> bool) {
        let until = tokio::time::Instant::now() + Duration::from_secs(5);
        while !what().await {
            assert!(tokio::time::Instant::now() < until, "it never comes");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

mod cases {
    use super::*;

    pub(super) async fn what_the_index_refused_is_done_again(bench: Bench) {
        let server = bench.server().await;
        server.put(catalogue()).await;
        server.settled().await;
        server.failing(true);
        let tools = Collection::Tools;
        assert!(matches!(server.retrieval.put(&tools, vec![moved()]).await, Err(RetrievalError::Index(_))));
        server.failing(false);
        assert_eq!(server.put(vec![moved()]).await, crate::Put { same: 1, ..crate::Put::default() });
        server.settled().await;
        assert!(!ids(&server.find("forecast city").await).contains(&"weather"));
        let found = server.find_as("other", &[OTHER], "letter").await;
        assert_eq!(ids(&found), ["weather"]);
        assert!(found.hits[0].parts.cosine.unwrap() > 0.5, "{found:?}");
        server.failing(true);
        server.retrieval.remove(&tools, &["weather".into()]).await.unwrap_err();
        server.failing(false);
        server.retrieval.remove(&tools, &["weather".into()]).await.unwrap();
        assert_eq!(
            (server.find_as("other", &[OTHER], "send").await.hits, server.retrieval.ids(&tools).len()),
            (vec![], 3)
        );
        server.close().await;
    }

    pub(super) async fn what_the_index_refused_is_mended_by_whatever_comes_next(bench: Bench) {
        let server = bench.server().await;
        server.put(catalogue()).await;
        server.learn("acme", "mail", "gizmo grandmother").await;
        server.learn("acme", "weather", "umbrella needed").await;
        server.settled().await;
        server.failing(true);
        let tools = Collection::Tools;
        server.retrieval.put(&tools, vec![moved(), document("new", "something else")]).await.unwrap_err();
        server.retrieval.remove(&tools, &["mail".into()]).await.unwrap_err();
        server.failing(false);
        server.put(vec![document("clock", "another text")]).await;
        server.settled().await;
        let left: Vec<Arc<str>> = ["clock", "issues", "new", "weather"].map(Arc::from).to_vec();
        assert_eq!(server.retrieval.ids(&tools), left);
        assert_eq!(ids(&server.find("something else").await)[0], "new");
        // What is learned about a document is where the document is.
        for question in ["forecast city", "umbrella needed", "gizmo grandmother", "send a message"] {
            let found = server.find(question).await;
            assert!(!ids(&found).iter().any(|id| ["mail", "weather"].contains(id)), "{question} {found:?}");
        }
        assert!(server.find_as("acme", &[OTHER], "umbrella needed").await.hits[0].parts.usage > 0.9);
        let progress = server.retrieval.progress();
        assert_eq!((progress.documents, progress.embedded, progress.learned, progress.waiting), (4, 4, 1, 0));
        assert_eq!(server.retrieval.remove_scope(&tools, OTHER).await.unwrap(), 1);
        server.close().await;
    }

    pub(super) async fn what_was_learned_and_not_indexed_is_mended(mut bench: Bench) {
        bench.rules.learned_max = 1;
        let server = bench.server().await;
        server.put(catalogue()).await;
        server.learn("acme", "clock", "umbrella needed").await;
        server.settled().await;
        let tools = Collection::Tools;
        let used = |query| Used { collection: &tools, tenant: "acme", id: "clock", query };
        server.failing(true);
        server.retrieval.learn(used("gizmo grandmother")).await.unwrap_err();
        server.failing(false);
        server.learn("acme", "clock", "gizmo grandmother").await;
        server.settled().await;
        assert_eq!(server.find("gizmo grandmother").await.hits[0].parts.usage, 1.0);
        // It had to go for the other one.
        assert!(server.find("umbrella needed").await.hits.iter().all(|hit| hit.parts.usage < 0.5));
        assert_eq!(server.retrieval.progress().learned, 1);
        server.failing(true);
        server.retrieval.unlearn(&tools, "acme", None).await.unwrap_err();
        server.failing(false);
        server.retrieval.unlearn(&tools, "acme", None).await.unwrap();
        assert!(server.find("gizmo grandmother").await.hits.iter().all(|hit| hit.parts.usage == 0.0));
        assert_eq!(server.retrieval.progress().learned, 0);
        server.close().await;
    }

    pub(super) async fn who_leaves_changes_nothing(bench: Bench) {
        let server = bench.server().await;
        server.put(catalogue()).await;
        server.settled().await;
        let (tools, retrieval) = (Collection::Tools, &server.retrieval);
        server.leave(retrieval.put(&tools, vec![moved()])).await;
        server.comes(async || !server.find_as("other", &[OTHER], "message").await.hits.is_empty()).await;
        let used = Used { collection: &tools, tenant: "acme", id: "clock", query: "gizmo grandmother" };
        server.leave(retrieval.learn(used)).await;
        server.comes(async || !server.find("gizmo grandmother").await.hits.is_empty()).await;
        server.leave(retrieval.unlearn(&tools, "acme", None)).await;
        server.comes(async || server.find("gizmo grandmother").await.hits.is_empty()).await;
        server.leave(retrieval.remove(&tools, &["mail".into()])).await;
        server.comes(async || retrieval.ids(&tools).len() == 3).await;
        server.leave(retrieval.remove_scope(&tools, OTHER)).await;
        server.comes(async || retrieval.ids(&tools).len() == 2).await;
        assert_eq!(server.rows("retrieval_document").await, 2);
        server.close().await;
    }
}
