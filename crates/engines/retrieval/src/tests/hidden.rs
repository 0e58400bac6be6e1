//! What a caller may not see moves nothing of what it sees.

use super::*;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn hidden_documents_and_their_uses_shift_nothing(
        hidden in prop::collection::vec("[a-e]{1,2}( [a-e]{1,2}){0,4}", 1..12),
        shown in prop::collection::vec("[a-e]{1,2}( [a-e]{1,2}){0,4}", 1..8),
        query in "[a-e]{1,2}( [a-e]{1,2}){0,3}",
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (without, with) = runtime.block_on(async {
            let bench = Bench::sqlite();
            let server = bench.server().await;
            let named = |name: &str, texts: &[String]| -> Vec<Document> {
                texts.iter().enumerate().map(|(at, text)| document(&format!("{name}{at}"), text)).collect()
            };
            // Enough of them that what all have in common counts.
            let common: Vec<String> = (0..25).map(|at| format!("common {at}")).collect();
            server.put(named("common", &common)).await;
            server.put(named("shown", &shown)).await;
            server.learn("acme", "shown0", &query).await;
            server.settled().await;
            let without = server.find(&query).await;
            let mut others = named("hidden", &hidden);
            others.iter_mut().for_each(|one| one.scope = "other/user".into());
            server.put(others).await;
            server.learn("acme", "hidden0", &query).await;
            server.learn("other", "shown0", "b a d").await;
            server.settled().await;
            let with = server.find(&query).await;
            server.close().await;
            (without, with)
        });
        prop_assert_eq!(without.hits, with.hits);
        prop_assert_eq!(without.weak, with.weak);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_hidden_documents_lack_is_nobody_elses_matter() {
    let bench = Bench::sqlite();
    let server = bench.server().await;
    server.put(catalogue()).await;
    server.settled().await;
    bench.fake().batches.forget_permits(usize::MAX);
    let mut hidden = document("hidden", "weather of others");
    hidden.scope = "other/user".into();
    server.put(vec![hidden]).await;
    assert_eq!(server.find("forecast").await.degraded, None);
    let theirs = server.find_as("other", &["*/user", "other/user", "*/user"], "forecast").await;
    assert_eq!(theirs.degraded.as_deref(), Some("1 of 5 documents go by words alone"));
    bench.fake().batches.add_permits(100);
    server.settled().await;
    server.close().await;
}
