//! What it takes to put documents, to start with them, and to look through them: `cargo run --release -p retrieval
//! --example retrieval_start [documents]`. Vectors are made up, so that no model is measured.
#![allow(clippy::print_stdout, clippy::unwrap_used)] // A program for whoever reads its figures.

use embed::{EmbedFuture, Embedder, Urgency};
use measure::Metrics;
use retrieval::{Asked, Collection, Document, Retrieval, Setup};
use search::{Embedded, Field, Filter, Vector};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::{Config, Store};

const WORDS: [&str; 24] = [
    "create", "list", "issue", "mail", "file", "weather", "city", "calendar", "event", "user", "table", "query",
    "image", "convert", "currency", "search", "page", "delete", "server", "message", "channel", "price", "track",
    "order",
];

/// Vectors of 384 numbers that depend on the text alone.
struct MadeUp;

impl Embedder for MadeUp {
    fn model(&self) -> &str {
        "made-up"
    }

    fn dimensions(&self) -> usize {
        384
    }

    fn embed<'a>(&'a self, texts: &'a [&'a str], _: Urgency) -> EmbedFuture<'a> {
        Box::pin(async move { Ok(texts.iter().map(|text| vector(text)).collect()) })
    }
}

fn vector(text: &str) -> Vector {
    let mut state = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    let numbers: Vec<f32> = (0..384)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / 16_777_216.0 - 0.5
        })
        .collect();
    let length = numbers.iter().map(|one| one * one).sum::<f32>().sqrt();
    numbers.iter().map(|one| one / length).collect()
}

fn document(at: usize) -> Document {
    let word = |step: usize| WORDS[(at * 7 + step * (at / 24 + 5)) % WORDS.len()];
    let name = format!("{}_{}_{at}", word(0), word(1));
    let text: String = (0..18).map(|step| format!("{} ", word(step))).collect();
    let field = |text: &str, weight| Field { text: text.to_owned(), weight };
    let meanings = vec![text.clone(), format!("{name}: {text}"), format!("{name}: {text} {} {}", word(3), word(4))];
    let fields = vec![field(&name, 2.0), field(&text, 1.0)];
    Document { id: name.into(), scope: "*/user".into(), fields, meanings, tags: vec!["server:made-up".into()] }
}

async fn open(folder: &Path) -> (Store, Arc<Retrieval>, Duration) {
    let began = Instant::now();
    let metrics = Metrics::new("example");
    let config = Config::new(&settings::Store::default(), folder).unwrap();
    let store = Store::open(&config, metrics.store()).await.unwrap();
    let until_store = began.elapsed();
    let index = Arc::new(Embedded::new(search::Limits::default()));
    let setup = Setup::new(index, Some(Arc::new(MadeUp)), &settings::Settings::default(), metrics);
    (store.clone(), Retrieval::open(store, setup).await.unwrap(), until_store)
}

async fn find(retrieval: &Retrieval, text: &str) -> retrieval::Found {
    let (scopes, filter) = (["*/user".into()], Filter::default());
    let collection = &Collection::Tools;
    retrieval.search(Asked { collection, scopes: &scopes, tenant: "t", text, filter: &filter, limit: 5 }).await.unwrap()
}

fn ms(took: Duration) -> f64 {
    took.as_secs_f64() * 1_000.0
}

/// How long this thread has worked, in milliseconds: what counts on a machine that others use too. 0 where nobody knows.
fn worked() -> f64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    told.split(' ').next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or(0.0) / 1e6
}

async fn times(retrieval: &Retrieval, what: &str, text: impl Fn(usize) -> String) {
    let (mut took, before) = (Vec::new(), worked());
    for at in 0..1_000 {
        let text = text(at);
        let began = Instant::now();
        find(retrieval, &text).await;
        took.push(ms(began.elapsed()));
    }
    took.sort_unstable_by(f64::total_cmp);
    let each = (worked() - before) / took.len() as f64;
    println!("{what}: p50 {:.3} ms, p99 {:.3} ms, {each:.3} ms of a core", took[500], took[990]);
}

#[tokio::main]
async fn main() {
    let count: usize = std::env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(5_000);
    let folder = tempfile::tempdir().unwrap();
    let (store, retrieval, _) = open(folder.path()).await;
    let began = Instant::now();
    let put = retrieval.put(&Collection::Tools, (0..count).map(document).collect()).await.unwrap();
    println!("{count} documents put: {:.0} ms ({} added)", ms(began.elapsed()), put.added);
    retrieval.settled().await;
    println!("and {} vectors kept: {:.0} ms", 3 * count, ms(began.elapsed()));
    let began = Instant::now();
    let put = retrieval.put(&Collection::Tools, (0..count).map(document).collect()).await.unwrap();
    println!("put again: {:.0} ms ({} the same)", ms(began.elapsed()), put.same);
    retrieval.close().await;
    store.close().await;
    let began = Instant::now();
    let (store, retrieval, until_store) = open(folder.path()).await;
    let opened = began.elapsed();
    find(&retrieval, "list issues").await;
    println!(
        "started: {:.0} ms (the store {:.0}), first answer: {:.0} ms",
        ms(opened),
        ms(until_store),
        ms(began.elapsed())
    );
    retrieval.settled().await;
    println!("all vectors from the store: {:.0} ms", ms(began.elapsed()));
    times(&retrieval, "a new question", |at| format!("create an issue for user {at} in the city")).await;
    times(&retrieval, "the same question", |_| "create an issue for user".to_owned()).await;
    retrieval.close().await;
    store.close().await;
}
