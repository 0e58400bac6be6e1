//! What is missing is said, and whatever else there is answers.

use super::*;

on_both!(
    without_anybody_words_answer,
    late_and_failing_questions_go_by_words,
    documents_wait_out_a_failure,
    a_text_that_is_refused_stands_alone,
    a_question_that_is_refused_blames_nobody,
    a_document_without_a_vector_yet_is_not_ruled_out,
    a_vector_of_another_length_is_left_out,
    who_waits_is_told_of_the_end,
);

mod cases {
    use super::*;

    pub(super) async fn without_anybody_words_answer(mut bench: Bench) {
        bench.fake = None;
        let server = bench.server().await;
        server.put(catalogue()).await;
        server.settled().await;
        let found = server.find("forecast for a city").await;
        assert_eq!((ids(&found)[0], found.weak), ("weather", false));
        assert_eq!(found.degraded.as_deref(), Some("words alone: there is no embedding model"));
        assert_eq!((found.hits[0].score, found.hits[0].parts.words_weight), (1.0, 1.0));
        assert_eq!(server.retrieval.progress().degraded, found.degraded.map(String::from));
        assert!(server.metrics.encode().contains(r#"althing_search_degraded_total{index="tools"} 1"#));
        server.close().await;
    }

    pub(super) async fn late_and_failing_questions_go_by_words(mut bench: Bench) {
        bench.rules.question_wait = Duration::from_millis(30);
        let server = bench.server().await;
        server.put(catalogue()).await;
        server.settled().await;
        bench.fake().slow_ms.store(10_000, Ordering::SeqCst);
        let found = server.find("forecast").await;
        assert_eq!(ids(&found)[0], "weather");
        assert!(found.degraded.unwrap().contains("could not be embedded"));
        bench.fake().slow_ms.store(0, Ordering::SeqCst);
        bench.fake().failing.store(true, Ordering::SeqCst);
        let before = bench.fake().calls.load(Ordering::SeqCst);
        for at in 0..20 {
            assert!(server.find(&format!("forecast {at}")).await.degraded.is_some());
        }
        // After five failures in a row nobody is kept waiting.
        assert_eq!(bench.fake().calls.load(Ordering::SeqCst) - before, 4);
        assert!(server.find("forecast").await.degraded.unwrap().contains("left alone"));
        server.close().await;
    }

    pub(super) async fn documents_wait_out_a_failure(bench: Bench) {
        bench.fake().failing.store(true, Ordering::SeqCst);
        let server = bench.server().await;
        server.put(catalogue()).await;
        while server.retrieval.progress().degraded.is_none_or(|said| !said.contains("told to fail")) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(server.retrieval.progress().waiting, 4);
        // Nobody is kept waiting for what does not come.
        assert!(!tokio::time::timeout(Duration::from_secs(5), server.retrieval.settled()).await.unwrap());
        bench.fake().failing.store(false, Ordering::SeqCst);
        while server.retrieval.progress().waiting > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(server.retrieval.settled().await);
        assert_eq!((server.retrieval.progress().embedded, server.retrieval.progress().degraded), (4, None));
        server.close().await;
    }

    pub(super) async fn a_text_that_is_refused_stands_alone(bench: Bench) {
        let server = bench.server().await;
        let mut documents = catalogue();
        documents.push(document("picky", "refuse me gently"));
        server.put(documents).await;
        server.settled().await;
        let progress = server.retrieval.progress();
        assert_eq!((progress.documents, progress.embedded, progress.refused), (5, 5, 1));
        assert_eq!(progress.degraded.as_deref(), Some("the model refused 1 texts"));
        assert_eq!(ids(&server.find("refuse gently").await)[0], "picky");
        assert_eq!(ids(&server.find("letter").await)[0], "mail");
        server.close().await;
    }

    pub(super) async fn a_question_that_is_refused_blames_nobody(bench: Bench) {
        let server = bench.server().await;
        server.put(catalogue()).await;
        server.settled().await;
        for at in 0..10 {
            let found = server.find(&format!("refuse me {at}")).await;
            assert!(found.degraded.unwrap().contains("could not be embedded"));
        }
        assert_eq!(server.find("letter").await.degraded, None);
        server.close().await;
    }

    pub(super) async fn a_document_without_a_vector_yet_is_not_ruled_out(bench: Bench) {
        let server = bench.server().await;
        server.put(catalogue()).await;
        server.settled().await;
        let question = "gizmo gamma epsilon zeta eta kappa lambda quilt marble pepper";
        assert_eq!(server.find(question).await.hits, []);
        bench.fake().batches.forget_permits(usize::MAX);
        server.put(vec![document("late", "gizmo of a grandmother, of an uncle, of a friend")]).await;
        let found = server.find(question).await;
        assert!(ids(&found).contains(&"late") && found.weak, "{found:?}");
        assert!(found.degraded.unwrap().contains("1 of 5 documents go by words alone"));
        bench.fake().batches.add_permits(100);
        server.settled().await;
        server.close().await;
    }

    pub(super) async fn a_vector_of_another_length_is_left_out(bench: Bench) {
        // As with a server that was not asked yet: nobody knows how long its vectors are.
        bench.fake().dimensions.store(0, Ordering::SeqCst);
        let server = bench.server().await;
        server.put(catalogue()).await;
        server.settled().await;
        bench.fake().short.store(true, Ordering::SeqCst);
        let found = server.find("forecast").await;
        assert_eq!(ids(&found)[0], "weather");
        assert!(found.degraded.unwrap().contains("cannot be compared"));
        // What was kept then counts no more once that is known, and what is made then is judged.
        bench.fake().dimensions.store(DIMENSIONS, Ordering::SeqCst);
        assert!(server.find("forecast").await.degraded.unwrap().contains("could not be embedded"));
        bench.fake().short.store(false, Ordering::SeqCst);
        assert_eq!(server.find("forecast").await.degraded, None);
        server.close().await;
    }

    pub(super) async fn who_waits_is_told_of_the_end(bench: Bench) {
        bench.fake().batches.forget_permits(usize::MAX);
        let server = bench.server().await;
        server.put(catalogue()).await;
        let retrieval = Arc::clone(&server.retrieval);
        let waits = tokio::spawn(async move { retrieval.settled().await });
        tokio::time::sleep(Duration::from_millis(20)).await;
        server.retrieval.desk.stop();
        assert!(!tokio::time::timeout(Duration::from_secs(5), waits).await.unwrap().unwrap());
        server.store.close().await;
    }
}
