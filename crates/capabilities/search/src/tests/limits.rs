//! Each limit, tripped.

use super::{EVERYTHING, said, words};
use crate::{Doc, Embedded, Filter, Index, Limits, Query, SearchError, Vector};
use fault::{Explain, Kind};
use std::sync::Arc;

fn index(limits: Limits) -> Embedded {
    Embedded::new(limits)
}

fn too_large(what: &str, unit: &'static str, given: usize, max: usize) -> Option<SearchError> {
    Some(SearchError::TooLarge { what: what.to_owned(), unit, given, max })
}

async fn put(limits: Limits, docs: Vec<Doc>) -> Option<SearchError> {
    index(limits).upsert("c", docs).await.err()
}

#[tokio::test]
async fn documents_are_bounded() {
    let doc = said("a", "all", "sun moon");
    let what = "document `a`";
    let limits = Limits { document_bytes_max: 12, ..Limits::default() };
    assert_eq!(put(limits.clone(), vec![doc.clone()]).await, None);
    let longer = Doc { group: Some("g".into()), ..doc.clone() };
    assert_eq!(put(limits, vec![longer]).await, too_large(what, "bytes", 13, 12));
    let fields = Doc { fields: vec![doc.fields[0].clone(); 3], ..doc.clone() };
    let limits = Limits { fields_max: 2, ..Limits::default() };
    assert_eq!(put(limits, vec![fields]).await, too_large(what, "fields", 3, 2));
    let vectors = Doc { vectors: vec![Vector::from([1.0]); 3], ..doc.clone() };
    let limits = Limits { vectors_max: 2, ..Limits::default() };
    assert_eq!(put(limits, vec![vectors]).await, too_large(what, "vectors", 3, 2));
    let wide = Doc { vectors: vec![Vector::from([0.5; 5])], ..doc.clone() };
    let limits = Limits { dimensions_max: 4, ..Limits::default() };
    assert_eq!(put(limits, vec![wide]).await, too_large(what, "dimensions", 5, 4));
    let tags = Doc { tags: vec!["t".into(); 3], ..doc.clone() };
    let limits = Limits { tags_max: 2, ..Limits::default() };
    assert_eq!(put(limits, vec![tags]).await, too_large(what, "tags", 3, 2));
    for weight in [-0.1, 100.1, f32::NAN] {
        let mut weighed = doc.clone();
        weighed.fields[0].weight = weight;
        let error = put(Limits::default(), vec![weighed]).await;
        assert!(matches!(error, Some(SearchError::Weight { .. })), "{weight}");
    }
}

#[tokio::test]
async fn every_length_of_vector_can_be_searched() {
    for dimensions in [1_u16, 2, 3, 31, 384, 3_072, 4_096] {
        let vector: Vector = vec![1.0 / f32::from(dimensions).sqrt(); usize::from(dimensions)].into();
        let index = Embedded::default();
        index.upsert("c", vec![Doc { vectors: vec![vector.clone()], ..said("a", "all", "") }]).await.unwrap();
        let scopes = ["all".into()];
        let query = Query {
            collection: "c",
            scopes: &scopes,
            text: None,
            vector: Some(&vector),
            filter: &EVERYTHING,
            limit: 1,
        };
        let cosine = index.query(query).await.unwrap().candidates[0].cosine.unwrap();
        assert!((cosine - 1.0).abs() < 1e-4, "{dimensions}: {cosine}");
    }
}

#[tokio::test]
async fn collections_are_bounded() {
    let index = index(Limits { collections_max: 2, documents_max: 2, ..Limits::default() });
    for name in ["c", "d"] {
        index.upsert(name, vec![said("a", "all", "sun")]).await.unwrap();
    }
    let third = index.upsert("e", vec![said("a", "all", "sun")]).await;
    assert_eq!(third.err(), too_large("the index", "collections", 3, 2));
    // One without documents makes room.
    index.delete("d", &["a".into()]).await.unwrap();
    index.upsert("e", vec![said("a", "all", "sun")]).await.unwrap();
    index.upsert("c", vec![said("a", "all", "rain"), said("b", "all", "rain")]).await.unwrap();
    let third = index.upsert("c", vec![said("d", "all", "sun")]).await;
    assert_eq!(third.err(), too_large("the collection", "documents", 3, 2));
    assert_eq!(words(&index, "rain").await.candidates.len(), 2);
}

#[tokio::test]
async fn long_documents_are_read_to_a_point() {
    let index = index(Limits { terms_max: 3, ..Limits::default() });
    index.upsert("c", vec![said("a", "all", "one two three four one five")]).await.unwrap();
    for (word, found) in [("one", 1), ("three", 1), ("four", 0), ("five", 0)] {
        assert_eq!(words(&index, word).await.candidates.len(), found, "{word}");
    }
}

#[tokio::test]
async fn queries_are_bounded() {
    let index = index(Limits { scopes_max: 2, filter_tags_max: 2, dimensions_max: 4, ..Limits::default() });
    let scopes: Vec<Arc<str>> = vec!["all".into(); 3];
    let query =
        Query { collection: "c", scopes: &scopes, text: Some("sun"), vector: None, filter: &EVERYTHING, limit: 1 };
    let error = index.query(query).await.unwrap_err();
    assert_eq!(Some(&error), too_large("the query", "scopes", 3, 2).as_ref());
    assert_eq!((error.kind(), error.code()), (Kind::TooLarge, "search_too_large"));
    assert_eq!(error.to_string(), "the query has 3 scopes, 2 are allowed");
    assert_eq!(error.hint().as_deref(), Some("send at most 2 scopes"));
    let query = Query { scopes: &scopes[..1], ..query };
    for all in [vec![vec!["x".into(); 2], vec!["y".into()]], vec![vec![]; 3]] {
        let filter = Filter { all };
        let error = index.query(Query { filter: &filter, ..query }).await.err();
        assert_eq!(error, too_large("the query", "tags in its filter", 3, 2));
    }
    let error = index.query(Query { vector: Some(&[0.1; 5]), ..query }).await.err();
    assert_eq!(error, too_large("the query", "dimensions", 5, 4));
}

#[tokio::test]
async fn of_long_queries_the_rarest_words_are_looked_for() {
    let index = index(Limits { query_terms_max: 2, query_bytes_max: 40, candidates_max: 3, ..Limits::default() });
    let docs = [("a", "sun moon star"), ("b", "sun moon"), ("c", "sun"), ("d", "sun rain")];
    index.upsert("c", docs.iter().map(|(id, text)| said(id, "all", text)).collect()).await.unwrap();
    let found = words(&index, "sun moon star").await;
    let ids: Vec<_> = found.candidates.iter().map(|found| (&*found.id, found.matched)).collect();
    assert_eq!(ids, [("a", 2), ("b", 1)]);
    assert_eq!(found.words_asked, 3);
    assert_eq!(words(&index, "sun").await.candidates.len(), 3, "more are not told at once");
    let far = format!("{} star", "é".repeat(20));
    assert_eq!(words(&index, &far).await.candidates, [], "what comes later is not read");
}

#[tokio::test]
async fn ten_thousand_words_are_answered_soon() {
    let index = Embedded::default();
    let docs = (0..2_000).map(|n| said(&n.to_string(), "all", &format!("word{} item{n}", n % 50)));
    index.upsert("c", docs.collect()).await.unwrap();
    let query: Vec<String> = (0..10_000).map(|n| format!("item{n}")).collect();
    let began = std::time::Instant::now();
    let found = words(&index, &query.join(" ")).await;
    assert!(found.candidates.len() >= 32);
    // It takes some milliseconds; this is for machines that are busy with others.
    assert!(began.elapsed().as_secs() < 2, "{:?}", began.elapsed());
}
