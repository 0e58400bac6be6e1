//! What the catalogue costs: importing many tools, searching them, asking again, opening them after a restart.
//!
//! `cargo run --release -p toolbox --example toolbox_cost [TOOLS]`; words alone, a database in a temporary folder.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // A measurement stops where something breaks, and prints.

use caller::{Caller, Guest, Wishes};
use measure::Metrics;
use net::{Guarded, GuardedConfig};
use retrieval::Retrieval;
use search::Embedded;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::{Config, Store};
use toolbox::{Defaults, Find, Setup, Toolbox};

#[tokio::main]
async fn main() {
    let tools: usize = std::env::args().nth(1).map_or(5_000, |text| text.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let mut settings = settings::Settings::default();
    settings.tools.tools_max = tools.max(settings.tools.tools_max);
    let toolbox = open(folder.path(), &settings).await;
    let text = document(tools);
    let began = Instant::now();
    let who = caller::Identity::local();
    let report = toolbox.import(&who, text.as_bytes(), None, Defaults::default()).await.unwrap();
    println!("import of {} tools, {} MB: {:?}", report.added, text.len() / 1_000_000, began.elapsed());
    let began = Instant::now();
    toolbox.import(&who, text.as_bytes(), None, Defaults::default()).await.unwrap();
    println!("the same again: {:?}", began.elapsed());
    let new: Vec<Duration> = queries(&toolbox, |at| format!("invoice {at} of the weather in {}", at * 7)).await;
    println!("search, not asked before: p50 {:?}, p95 {:?}", new[new.len() / 2], new[new.len() * 95 / 100]);
    let again: Vec<Duration> = queries(&toolbox, |_| "invoice of the weather".to_owned()).await;
    println!("search, asked before: p50 {:?}, p95 {:?}", again[again.len() / 2], again[again.len() * 95 / 100]);
    toolbox.close().await;
    drop(toolbox);
    let began = Instant::now();
    let toolbox = open(folder.path(), &settings).await;
    println!("opened again with {} tools: {:?}", toolbox.len(), began.elapsed());
}

async fn queries(toolbox: &Arc<Toolbox>, query: impl Fn(usize) -> String) -> Vec<Duration> {
    let guest = Guest::local();
    let mut took = Vec::new();
    for at in 0..500 {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
        let caller = Caller { request_id: "r".into(), deadline, guest: guest.clone(), wishes: Wishes::default() };
        let find = Find { query: query(at), ..Find::default() };
        let began = Instant::now();
        let answer = toolbox.find(&caller, &find).await.unwrap();
        took.push(began.elapsed());
        assert!(!answer.tools.is_empty());
    }
    took.sort();
    took
}

async fn open(folder: &Path, settings: &settings::Settings) -> Arc<Toolbox> {
    let metrics = Metrics::new("0");
    let store = Store::open(&Config::new(&settings.store, folder).unwrap(), metrics.store()).await.unwrap();
    let setup = retrieval::Setup::new(Arc::new(Embedded::default()), None, settings, Arc::clone(&metrics));
    let retrieval = Retrieval::open(store.clone(), setup).await.unwrap();
    let setup = Setup {
        store,
        retrieval,
        guarded: Guarded::new(GuardedConfig::default()),
        settings: settings.tools.clone(),
        cache: settings.cache.clone(),
        folder: None,
        remote: None,
        metrics,
    };
    Toolbox::open(setup).await.unwrap()
}

fn document(tools: usize) -> String {
    let words = ["invoice", "weather", "music", "flight", "recipe", "stock", "photo", "mail", "issue", "table"];
    let word = |at: usize| words.get(at % words.len()).copied().unwrap_or_default();
    let line = |at: usize| {
        let (one, two) = (word(at), word(at / 7));
        let schema = format!(
            "{{\"type\":\"object\",\"properties\":{{\"{one}_id\":{{\"type\":\"string\",\"description\":\"Which {one}\"}},\
             \"{two}\":{{\"type\":\"integer\",\"description\":\"How many of {two}\"}}}},\"required\":[\"{one}_id\"]}}"
        );
        format!(
            "{{\"name\":\"get_{one}_{at}\",\"server\":\"s{}\",\"description\":\"Tells about {one} and {two}, number {at}.\",\
             \"input_schema\":{schema}}}\n",
            at % 100
        )
    };
    (0..tools).map(line).collect()
}
