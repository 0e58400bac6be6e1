//! How fast tools are found by words, by vectors and by both, how soon one that was written is found, and what all of
//! them take: `cargo run --release -p search --example speed [tools …]`. Tools and vectors are made up from a seed.
//!
//! With `-- --json FOLDER` it compares instead an index that is kept with one that is made anew for each question, as a
//! pipeline without an index does, and writes `speed.json` there: `cargo xtask bench search` runs that.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used)]

use fastrand::Rng;
use search::{Doc, Embedded, Field, Filter, Index, Query, Vector};
use std::sync::Arc;
use std::time::{Duration, Instant};

const SYLLABLES: [&str; 24] = [
    "ba", "cor", "den", "fil", "ga", "hist", "in", "jo", "ker", "lis", "mo", "nav", "or", "pri", "qua", "res", "sto",
    "tra", "un", "ver", "wi", "xe", "yo", "zon",
];
const DIMENSIONS: usize = 384;
const WORDS: usize = 6_000;
const QUERIES: usize = 2_000;

static EVERYTHING: Filter = Filter { all: Vec::new() };

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--json").skip(1);
    if let Some(folder) = arguments.next() {
        return compare(folder.as_ref()).await;
    }
    let mut sizes: Vec<usize> = std::env::args().skip(1).filter_map(|size| size.parse().ok()).collect();
    if sizes.is_empty() {
        sizes = vec![100, 1_000, 5_000, 15_000, 100_000];
    }
    println!(
        "| tools | words in, ms | vectors in, ms | MB words | MB all | words p50 / p99 ms | vectors | both | one written until found |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for size in sizes {
        measure(size).await;
    }
}

/// Tools that are compared, questions to each way in one round, and rounds.
const COMPARED: usize = 5_000;
const REBUILT: usize = 10;
const ROUNDS: usize = 5;

/// A kept index beside one that is made for each question, by turns. Vectors of tools are there in both: who makes them
/// anew each time takes minutes.
async fn compare(folder: &std::path::Path) {
    let mut rng = Rng::with_seed(7);
    let vocabulary: Vec<String> = (0..WORDS).map(|_| word(&mut rng)).collect();
    let docs: Vec<Doc> =
        (0..COMPARED).map(|n| Doc { vectors: vec![vector(&mut rng)], ..tool(n, &vocabulary, &mut rng) }).collect();
    let kept = Embedded::default();
    kept.upsert("tools", docs.clone()).await.unwrap();
    let (mut keeping, mut rebuilding) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        for _ in 0..REBUILT {
            let (text, vector) = (said(&vocabulary, 8, &mut rng), vector(&mut rng));
            let before = docs.clone();
            let began = Instant::now();
            let anew = Embedded::default();
            anew.upsert("tools", before).await.unwrap();
            let found = ask(&anew, &text, &vector).await;
            rebuilding.push(began.elapsed());
            let began = Instant::now();
            assert_eq!(ask(&kept, &text, &vector).await, found, "both find the same");
            keeping.push(began.elapsed());
        }
    }
    let [kept_ms, anew_ms] = [keeping, rebuilding].map(|mut took| {
        took.sort_unstable();
        took.get(took.len() / 2).map_or(0.0, |took| took.as_secs_f64() * 1e3)
    });
    let figure = |name: &str, value: f64, unit: &str| {
        format!(r#"{{"name": "{name}", "value": {value:.4}, "unit": "{unit}", "verdict": "measured"}}"#)
    };
    let figures = [
        figure("a question to an index that is kept, 5,000 tools", kept_ms, "ms"),
        figure("a question, the index made anew for it", anew_ms, "ms"),
        figure("made anew over kept", anew_ms / kept_ms, "times"),
    ];
    let told = format!("{{\"benchmark\": \"search\", \"figures\": [{}]}}\n", figures.join(", "));
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join("speed.json"), &told).unwrap();
    print!("{told}");
}

/// The ids that are found, best first.
async fn ask(index: &Embedded, text: &str, vector: &[f32]) -> Vec<Arc<str>> {
    let scopes = ["*/user".into(), "*/admin".into(), "t1/user".into()];
    let (text, vector) = (Some(text), Some(vector));
    let query = Query { collection: "tools", scopes: &scopes, text, vector, filter: &EVERYTHING, limit: 100 };
    index.query(query).await.unwrap().candidates.into_iter().map(|found| found.id).collect()
}

async fn measure(size: usize) {
    let mut rng = Rng::with_seed(7);
    let vocabulary: Vec<String> = (0..WORDS).map(|_| word(&mut rng)).collect();
    let docs: Vec<Doc> = (0..size).map(|n| tool(n, &vocabulary, &mut rng)).collect();
    let full: Vec<Doc> = docs.iter().map(|doc| Doc { vectors: vec![vector(&mut rng)], ..doc.clone() }).collect();
    let index = Embedded::default();
    let words_ms = filled(&index, docs).await;
    let words_mb = megabytes(&index).await;
    let vectors_ms = filled(&index, full.clone()).await;
    let all_mb = megabytes(&index).await;
    let asked: Vec<(String, Vector)> =
        (0..QUERIES).map(|_| (said(&vocabulary, 8, &mut rng), vector(&mut rng))).collect();
    let scopes = ["*/user".into(), "*/admin".into(), "t1/user".into()];
    let mut lines = Vec::new();
    for (by_words, by_vectors) in [(true, false), (false, true), (true, true)] {
        let mut took = Vec::new();
        for (text, vector) in &asked {
            let (text, vector) = (by_words.then_some(text.as_str()), by_vectors.then_some(&**vector));
            let query = Query { collection: "tools", scopes: &scopes, text, vector, filter: &EVERYTHING, limit: 100 };
            let began = Instant::now();
            let found = index.query(query).await.unwrap();
            took.push(began.elapsed());
            assert!(by_words || !found.candidates.is_empty());
        }
        lines.push(percentiles(took));
    }
    let written = until_found(&index, &full, &scopes, &mut rng).await;
    println!(
        "| {size} | {words_ms:.1} | {vectors_ms:.1} | {words_mb:.1} | {all_mb:.1} | {} | {written} |",
        lines.join(" | ")
    );
}

/// How long it takes until all of them are in, in milliseconds.
async fn filled(index: &Embedded, docs: Vec<Doc>) -> f64 {
    let began = Instant::now();
    index.upsert("tools", docs).await.unwrap();
    began.elapsed().as_secs_f64() * 1e3
}

async fn megabytes(index: &Embedded) -> f64 {
    index.snapshot("tools").await.unwrap().bytes as f64 / 1e6
}

/// Changes what a tool says, again and again, and looks whether it is found by it.
async fn until_found(index: &Embedded, docs: &[Doc], scopes: &[Arc<str>], rng: &mut Rng) -> String {
    let mut took = Vec::new();
    for time in 0..SYLLABLES.len().pow(2) {
        let mut doc = rng.choice(docs).expect("there are some").clone();
        let of = |digit: usize| SYLLABLES.get(digit).copied().unwrap_or_default();
        let unique = format!("unheard{}{}", of(time / SYLLABLES.len()), of(time % SYLLABLES.len()));
        doc.fields.push(Field { text: unique.clone(), weight: 1.0 });
        let id = Arc::clone(&doc.id);
        let began = Instant::now();
        index.upsert("tools", vec![doc]).await.unwrap();
        took.push(began.elapsed());
        let text = Some(unique.as_str());
        let query = Query { collection: "tools", scopes, text, vector: None, filter: &EVERYTHING, limit: 1 };
        let found = index.query(query).await.unwrap();
        assert_eq!(found.candidates.first().map(|found| &found.id), Some(&id), "the {time}th was not found");
    }
    percentiles(took)
}

fn percentiles(mut took: Vec<Duration>) -> String {
    took.sort_unstable();
    let at = |part: usize| took.get(took.len() * part / 100).map_or(0.0, |took| took.as_secs_f64() * 1e3);
    format!("{:.3} / {:.3}", at(50), at(99))
}

fn word(rng: &mut Rng) -> String {
    (0..rng.usize(2..5)).filter_map(|_| rng.choice(SYLLABLES)).collect()
}

/// Some words are in every second text, most are rare, as in language.
fn said(vocabulary: &[String], words: usize, rng: &mut Rng) -> String {
    let pick = |rng: &mut Rng| {
        let rank = (vocabulary.len() as f64).powf(rng.f64()) as usize;
        vocabulary.get(rank.saturating_sub(1)).map_or("", String::as_str)
    };
    (0..words).map(|_| pick(rng)).collect::<Vec<_>>().join(" ")
}

/// A tool with a name, a description and some parameters, for one of three scopes.
fn tool(n: usize, vocabulary: &[String], rng: &mut Rng) -> Doc {
    let mut field =
        |words, joined: &str, weight| Field { text: said(vocabulary, words, rng).replace(' ', joined), weight };
    let mut fields = vec![field(3, "_", 2.0), field(18, " ", 1.0)];
    for _ in 0..4 {
        fields.extend([field(2, "_", 1.0), field(6, " ", 0.5)]);
    }
    let scope = ["*/user", "*/admin", "t1/user"].get(n % 3).copied().unwrap_or_default();
    let tags = vec![format!("server:{}", n % 40).into()];
    Doc { id: format!("server{}.{n}", n % 40).into(), scope: scope.into(), fields, tags, ..Doc::default() }
}

fn vector(rng: &mut Rng) -> Vector {
    let numbers: Vec<f32> = (0..DIMENSIONS).map(|_| rng.f32() + rng.f32() + rng.f32() - 1.5).collect();
    let length = numbers.iter().map(|x| x * x).sum::<f32>().sqrt();
    numbers.iter().map(|x| x / length).collect()
}
