//! Documents come and go, and are there after a restart.

use super::*;

on_both!(
    found_by_words_at_once_and_by_meaning_soon,
    an_embedder_that_knows_better_says_how_many_it_takes,
    what_is_there_already_costs_nothing,
    a_changed_document_gets_no_old_vector,
    what_is_removed_is_gone,
    a_restart_embeds_nothing,
    thousands_are_put_at_once,
    a_row_that_is_broken_hides_no_other,
    a_scope_is_emptied_of_what_comes_meanwhile,
    servers_that_share_a_store_see_what_they_are_given,
);

mod cases {
    use super::*;

    pub(super) async fn found_by_words_at_once_and_by_meaning_soon(mut bench: Bench) {
        bench.fake = Some(Fake::new("fake/1"));
        let closed = bench.fake().batches.forget_permits(usize::MAX);
        let server = bench.server().await;
        let put = server.put(catalogue()).await;
        assert_eq!(put, crate::Put { added: 4, changed: 0, same: 0 });
        let found = server.find("forecast").await;
        assert_eq!(ids(&found)[0], "weather");
        assert!(found.degraded.unwrap().contains("4 of 4 documents go by words alone"));
        let progress = server.retrieval.progress();
        assert_eq!((progress.documents, progress.embedded, progress.waiting), (4, 0, 4));
        bench.fake().batches.add_permits(closed.min(1_000));
        server.settled().await;
        // No document says `letter`: only its meaning leads there.
        let found = server.find("letter").await;
        assert_eq!((ids(&found)[0], found.weak, &found.degraded), ("mail", false, &None));
        let progress = server.retrieval.progress();
        assert_eq!((progress.documents, progress.embedded, progress.waiting), (4, 4, 0));
        assert_eq!((progress.model.as_deref(), progress.degraded), (Some("fake/1"), None));
        server.close().await;
    }

    pub(super) async fn an_embedder_that_knows_better_says_how_many_it_takes(bench: Bench) {
        let calls = |wanted| {
            let bench = &bench;
            async move {
                bench.fake().wanted.store(wanted, Ordering::SeqCst);
                let before = bench.fake().calls.load(Ordering::SeqCst);
                let named = |at: usize| document(&format!("{wanted}-{at}"), &format!("text {at} of {wanted}"));
                let server = bench.server().await;
                server.put((0..4).map(named).collect()).await;
                server.settled().await;
                assert_eq!(server.retrieval.progress().place.as_deref(), Some("a test"));
                server.close().await;
                bench.fake().calls.load(Ordering::SeqCst) - before
            }
        };
        assert!(calls(1).await >= 4);
        // The rules say 4.
        assert!(calls(0).await < 4);
    }

    pub(super) async fn what_is_there_already_costs_nothing(bench: Bench) {
        let server = bench.server().await;
        server.put(catalogue()).await;
        server.settled().await;
        let texts = bench.fake().texts();
        assert_eq!(server.put(catalogue()).await, crate::Put { added: 0, changed: 0, same: 4 });
        // Other tags, same texts: nothing is embedded anew, nor does it lose its vector for a moment.
        let mut tagged = catalogue();
        tagged[0].tags.push("new".into());
        assert_eq!(server.put(tagged).await, crate::Put { added: 0, changed: 1, same: 3 });
        assert_eq!(server.retrieval.progress().embedded, 4);
        // Two of one name: the last counts.
        let twice = vec![document("clock", "first"), document("clock", "last words")];
        assert_eq!(server.put(twice).await, crate::Put { added: 0, changed: 1, same: 0 });
        server.settled().await;
        assert_eq!(ids(&server.find("last words").await)[0], "clock");
        assert_eq!(bench.fake().texts(), texts + 1 + 1);
        server.close().await;
    }

    pub(super) async fn a_changed_document_gets_no_old_vector(bench: Bench) {
        bench.fake().batches.forget_permits(usize::MAX);
        let server = bench.server().await;
        server.put(vec![document("tool", "weather")]).await;
        while bench.fake().calls.load(Ordering::SeqCst) == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        // While its old text is being embedded.
        server.put(vec![document("tool", "mail")]).await;
        bench.fake().batches.add_permits(100);
        server.settled().await;
        let found = server.find("letter").await;
        assert!(found.hits[0].parts.cosine.unwrap() > 0.9, "{found:?}");
        // Nothing means that any more, and nothing says it.
        let found = server.find("rain").await;
        assert_eq!((found.hits, found.weak), (vec![], true));
        // Its old text's vector is kept, and costs nothing when the text comes back.
        let texts = bench.fake().texts();
        server.put(vec![document("tool", "weather")]).await;
        assert_eq!((server.retrieval.progress().waiting, bench.fake().texts()), (0, texts));
        server.close().await;
    }

    pub(super) async fn what_is_removed_is_gone(bench: Bench) {
        let server = bench.server().await;
        server.put(catalogue()).await;
        let mut other = document("hidden", "weather of others");
        other.scope = "other/user".into();
        server.put(vec![other]).await;
        server.settled().await;
        server.learn("acme", "mail", "post it").await;
        let tools = Collection::Tools;
        assert_eq!(server.retrieval.remove(&tools, &["mail".into(), "nobody".into()]).await.unwrap(), 1);
        assert!(!ids(&server.find("send a message").await).contains(&"mail"));
        assert_eq!(server.retrieval.remove_scope(&tools, "other/user").await.unwrap(), 1);
        let left: Vec<Arc<str>> = ["clock", "issues", "weather"].map(Arc::from).to_vec();
        assert_eq!(server.retrieval.ids(&tools), left);
        let progress = server.retrieval.progress();
        assert_eq!((progress.documents, progress.embedded, progress.learned), (3, 3, 0));
        for (table, rows) in [("retrieval_document", 3), ("retrieval_meaning", 3), ("retrieval_use", 0)] {
            assert_eq!(server.rows(table).await, rows, "{table}");
        }
        server.close().await;
    }

    pub(super) async fn a_restart_embeds_nothing(bench: Bench) {
        let server = bench.server().await;
        server.put(catalogue()).await;
        server.put((0..300).map(|at| document(&format!("more{at}"), &format!("tool number {at}"))).collect()).await;
        server.settled().await;
        server.learn("acme", "clock", "how late is it").await;
        server.settled().await;
        let (before, asked) = (server.find("how late").await, bench.fake().texts());
        server.close().await;
        let server = bench.server().await;
        assert_eq!(ids(&server.find("repository").await)[0], "issues");
        server.settled().await;
        let after = server.find("how late").await;
        assert_eq!((&after.hits, after.degraded), (&before.hits, None));
        let progress = server.retrieval.progress();
        assert_eq!((progress.documents, progress.embedded, progress.learned), (304, 304, 1));
        // Two questions, which no cache outside of the process keeps here.
        assert_eq!(bench.fake().texts(), asked + 2);
        server.close().await;
    }

    pub(super) async fn thousands_are_put_at_once(mut bench: Bench) {
        bench.fake = None;
        let server = bench.server().await;
        let documents = (0..3_000).map(|at| document(&format!("t{at}"), &format!("tool number{at}"))).collect();
        assert_eq!(server.put(documents).await.added, 3_000);
        assert_eq!(ids(&server.find("number2999").await)[0], "t2999");
        assert_eq!(server.rows("retrieval_document").await, 3_000);
        let ids: Vec<Arc<str>> = server.retrieval.ids(&Collection::Tools);
        assert_eq!(server.retrieval.remove(&Collection::Tools, &ids).await.unwrap(), 3_000);
        assert_eq!(server.rows("retrieval_meaning").await, 0);
        server.close().await;
    }

    pub(super) async fn a_row_that_is_broken_hides_no_other(bench: Bench) {
        let server = bench.server().await;
        server.put(catalogue()).await;
        server.settled().await;
        server.learn("acme", "clock", "how late").await;
        server.execute("UPDATE retrieval_document SET fields = 'broken' WHERE id = 'mail'").await;
        server.execute("UPDATE retrieval_document SET tags = 'broken' WHERE id = 'clock'").await;
        server.close().await;
        let server = bench.server().await;
        server.settled().await;
        assert_eq!(ids(&server.find("forecast").await)[0], "weather");
        let left: Vec<Arc<str>> = ["issues", "weather"].map(Arc::from).to_vec();
        assert_eq!(server.retrieval.ids(&Collection::Tools), left);
        server.close().await;
    }

    pub(super) async fn a_scope_is_emptied_of_what_comes_meanwhile(bench: Bench) {
        let server = bench.server().await;
        server.index.slow_ms.store(200, Ordering::SeqCst);
        let mut moved = document("tool", "weather");
        moved.scope = "other/user".into();
        let put = server.put(vec![moved]);
        let removed = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            server.retrieval.remove_scope(&Collection::Tools, "other/user").await.unwrap()
        };
        assert_eq!(futures_util::future::join(put, removed).await.1, 1);
        assert_eq!(server.rows("retrieval_document").await, 0);
        server.close().await;
    }

    pub(super) async fn servers_that_share_a_store_see_what_they_are_given(bench: Bench) {
        let first = bench.server().await;
        let second = bench.server().await;
        first.put(catalogue()).await;
        first.settled().await;
        assert_eq!(ids(&second.find("forecast").await), Vec::<&str>::new());
        let texts = bench.fake().texts();
        assert_eq!(second.put(catalogue()).await.same, 4);
        second.settled().await;
        assert_eq!(second.find("rain").await.hits, first.find("rain").await.hits);
        // Both asked for the vector of `forecast` or `rain` themselves; of the documents nothing was made twice.
        assert_eq!(bench.fake().texts() - texts, 2);
        first.close().await;
        second.close().await;
    }
}
