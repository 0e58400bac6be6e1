//! Whether tools are still found as well as they were: 40 questions to 30 tools, few enough to be read by people. The
//! floors lie a little below what was measured: a text that is no longer indexed or a weight that is lost falls below
//! one of them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use embed::{Embedder, Local, Options};
use measure::Metrics;
use retrieval::{Retrieval, Rules, Setup};
use search::Embedded;
use settings::Settings;
use std::path::Path;
use std::sync::Arc;
use store::{Config, Store};
use toolbox::{Evaluation, Labelled};

/// The model, where there is one: `make test` sees to that.
fn model() -> Option<Arc<dyn Embedder>> {
    let folder = testkit::model()?;
    Some(Arc::new(Local::open(&folder, &Options::default()).unwrap()))
}

async fn evaluated(embedder: Option<Arc<dyn Embedder>>) -> Evaluation {
    let labelled = Labelled::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/labelled"), None).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (settings, metrics) = (Settings::default(), Metrics::new("test"));
    let config = Config::new(&settings::Store::default(), folder.path()).unwrap();
    let store = Store::open(&config, metrics.store()).await.unwrap();
    let setup = Setup::new(Arc::new(Embedded::default()), embedder, &settings, metrics);
    let retrieval = Retrieval::open(store.clone(), setup).await.unwrap();
    labelled.fill(&retrieval).await.unwrap();
    let told = labelled.evaluate(&retrieval, &Rules::new(&settings)).await.unwrap();
    retrieval.close().await;
    store.close().await;
    assert_eq!((told.documents, told.queries), (30, 40));
    told
}

#[track_caller]
fn check(told: &Evaluation, way: &str, least: f64) {
    let found = told.by.get(way).map_or(0.0, |quality| quality.ndcg_10);
    assert!(found >= least, "by {way}: nDCG@10 {found:.4}, {least} at least; {:?}", told.by);
}

#[tokio::test]
async fn words_alone_find_what_they_found() {
    let told = evaluated(None).await;
    check(&told, "words", WORDS);
    check(&told, "fused", WORDS);
}

#[tokio::test]
async fn together_words_and_vectors_find_more_than_either() {
    let Some(model) = model() else { return };
    let told = evaluated(Some(model)).await;
    let ndcg = |way: &str| told.by.get(way).map_or(0.0, |quality| quality.ndcg_10);
    check(&told, "fused", FUSED);
    check(&told, "vectors", VECTORS);
    check(&told, "fused", ndcg("words"));
    check(&told, "fused", ndcg("vectors"));
}

/// Least nDCG@10 by words, by vectors, and by both.
const WORDS: f64 = 0.575;
const VECTORS: f64 = 0.88;
const FUSED: f64 = 0.885;
