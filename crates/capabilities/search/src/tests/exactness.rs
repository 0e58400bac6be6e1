//! Integers find the same best as the numbers that they stand for.

use super::EVERYTHING;
use crate::{Doc, Embedded, Index, Query, Vector};
use fastrand::Rng;
use std::collections::BTreeSet;
use std::sync::Arc;

const DIMENSIONS: usize = 96;

/// A vector near another, as texts about one thing are.
fn near(middle: &[f32], apart: f32, rng: &mut Rng) -> Vector {
    let moved: Vec<f32> = middle.iter().map(|x| x + apart * (rng.f32() - 0.5)).collect();
    let length = moved.iter().map(|x| x * x).sum::<f32>().sqrt();
    moved.iter().map(|x| x / length).collect()
}

#[tokio::test]
async fn integers_lose_none_of_the_best() {
    let mut rng = Rng::with_seed(11);
    let middles: Vec<Vector> = (0..8).map(|_| near(&[0.0; DIMENSIONS], 1.0, &mut rng)).collect();
    let vectors: Vec<Vector> = (0..3_000).map(|n| near(&middles[n % 8], 0.1, &mut rng)).collect();
    let docs = vectors.iter().enumerate().map(|(n, vector)| Doc {
        id: n.to_string().into(),
        scope: "all".into(),
        vectors: vec![Arc::clone(vector)],
        ..Doc::default()
    });
    let index = Embedded::default();
    index.upsert("c", docs.collect()).await.unwrap();
    let scopes = ["all".into()];
    for n in 0..40 {
        let asked = near(&middles[n % 8], 0.1, &mut rng);
        let query = Query {
            collection: "c",
            scopes: &scopes,
            text: None,
            vector: Some(&asked),
            filter: &EVERYTHING,
            limit: 10,
        };
        let found = index.query(query).await.unwrap().candidates;
        let mut exact: Vec<(f32, usize)> =
            vectors.iter().map(|vector| vector.iter().zip(&*asked).map(|(a, b)| a * b).sum()).zip(0..).collect();
        exact.sort_by(|a, b| b.0.total_cmp(&a.0));
        let best: BTreeSet<Arc<str>> = exact[..10].iter().map(|(_, n)| n.to_string().into()).collect();
        assert_eq!(found.into_iter().map(|candidate| candidate.id).collect::<BTreeSet<_>>(), best, "question {n}");
    }
}
