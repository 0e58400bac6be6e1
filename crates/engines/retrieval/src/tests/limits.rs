//! Each limit, tripped.

use super::*;
use fault::Explain;

#[tokio::test]
async fn documents_above_a_limit_are_refused_as_a_whole() {
    let mut bench = Bench::sqlite();
    bench.limits =
        Limits { documents_max: 5, document_bytes_max: 100, meanings_max: 2, name_bytes_max: 20, ..bench.limits };
    let server = bench.server().await;
    server.put(catalogue()).await;
    let with = |change: &dyn Fn(&mut Document)| {
        let mut document = document("new", "text");
        change(&mut document);
        document
    };
    for (code, documents) in [
        ("document_too_large", vec![with(&|one| one.meanings = vec!["long ".repeat(20)])]),
        ("document_too_large", vec![with(&|one| one.meanings = vec![String::new(); 3])]),
        ("document_too_large", vec![with(&|one| one.id = "x".repeat(21).into())]),
        ("document_unfit", vec![with(&|one| one.id = "".into())]),
        ("document_unfit", vec![with(&|one| one.scope = "a\0b".into())]),
        ("document_unfit", vec![with(&|one| one.fields[0].weight = f32::NAN)]),
        ("document_unfit", vec![with(&|one| one.fields[0].weight = 100.5)]),
        ("document_too_large", vec![with(&|one| one.fields = vec![Field::default(); 65])]),
        ("document_too_large", vec![with(&|one| one.tags = vec!["".into(); 257])]),
        ("documents_full", vec![document("a", "a"), document("b", "b")]),
        ("document_too_large", vec![document("a", "a"), with(&|one| one.tags = vec!["x".repeat(101).into()])]),
    ] {
        let error: RetrievalError = server.retrieval.put(&Collection::Tools, documents).await.unwrap_err();
        assert!(error.code() == code && error.hint().is_some(), "{error}");
    }
    assert_eq!(server.rows("retrieval_document").await, 4);
    assert_eq!(server.put(vec![document("fifth", "fits"), document("mail", "changed")]).await.added, 1);
    server.close().await;
}

#[tokio::test]
async fn questions_are_cut_and_lessons_let_go() {
    let mut bench = Bench::sqlite();
    bench.limits =
        Limits { query_bytes_max: 1_000, learned_bytes_max: 20, learned_total_max: 2, hits_max: 3, ..bench.limits };
    let server = bench.server().await;
    server.put(catalogue()).await;
    server.settled().await;
    for text in ["", "  \n", "\0"] {
        let found = server.find(text).await;
        assert!(found.weak, "{text:?} {found:?}");
    }
    let long = "ü forecast ".repeat(10_000);
    let found = server.find(&long).await;
    assert_eq!((ids(&found)[0], found.hits.len()), ("weather", 3));
    assert!(bench.fake().asked.lock().unwrap().keys().all(|text| text.len() <= 1_000));
    for query in ["too long a question for this", "  ", "one", "two", "three"] {
        server.learn("acme", "clock", query).await;
    }
    let learned = server.retrieval.learned(&Collection::Tools, "acme", None).await.unwrap();
    let mut queries: Vec<&str> = learned.iter().map(|one| &*one.query).collect();
    queries.sort_unstable();
    assert_eq!(queries, ["one", "two"]);
    server.close().await;
}
