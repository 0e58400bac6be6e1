//! How well tools are found on labelled sets, and how long a search takes: `cargo run --release -p toolbox --example
//! toolbox_quality -- MODEL SET…`, with a model, which is converted beside itself where it is not yet, and folders of
//! `tools.jsonl`, `queries.jsonl` and `qrels.tsv`. `WAY` is `f32`, or the path of integers: `avx512-vnni`, `avx2`, `portable`.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used)] // A program for whoever reads its figures.

use embed::{Embedder, Local, Options, Precision};
use lanes::{Lanes, Path};
use measure::Metrics;
use retrieval::{Retrieval, Rules, Setup};
use search::Embedded;
use settings::Settings;
use std::path::PathBuf;
use std::sync::Arc;
use store::{Config, Store};
use toolbox::Labelled;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let way = std::env::var("WAY").unwrap_or_default();
    let precision = if way == "f32" { Precision::F32 } else { Precision::Int8 };
    let path = Path::ALL.into_iter().find(|path| path.name() == way).unwrap_or_else(Path::best);
    let lanes = Lanes::on(path).expect("this processor lacks that path");
    let options = Options { precision, lanes, ..Options::default() };
    let mut model = PathBuf::from(arguments.next().expect("the folder of a model"));
    if !model.join("about.json").exists() {
        let to = model.with_extension("converted");
        embed::convert(&model, &to).expect("a model that can be converted");
        model = to;
    }
    let local: Arc<dyn Embedder> = Arc::new(Local::open(&model, &options).expect("a converted model"));
    for set in arguments {
        let labelled = Labelled::read(set.as_ref(), None).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (settings, metrics) = (Settings::default(), Metrics::new("example"));
        let config = Config::new(&settings::Store::default(), folder.path()).unwrap();
        let store = Store::open(&config, metrics.store()).await.unwrap();
        let setup = Setup::new(Arc::new(Embedded::default()), Some(Arc::clone(&local)), &settings, metrics);
        let retrieval = Retrieval::open(store.clone(), setup).await.unwrap();
        labelled.fill(&retrieval).await.unwrap();
        let told = labelled.evaluate(&retrieval, &Rules::new(&settings)).await.unwrap();
        println!("{} by {}: {} tools, {} questions", told.set, local.model(), told.documents, told.queries);
        for (way, quality) in &told.by {
            let toolbox::Quality { recall_5, recall_10, ndcg_10, complete_10 } = quality;
            println!(
                "{way:8} recall@5 {recall_5:.4}, @10 {recall_10:.4}, nDCG@10 {ndcg_10:.4}, complete {complete_10:.4}"
            );
        }
        println!("p50 {:.3} ms, p95 {:.3} ms", told.latency_ms.p50, told.latency_ms.p95);
        retrieval.close().await;
        store.close().await;
    }
}
