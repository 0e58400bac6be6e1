//! How fast the local model is: `cargo run --release -p embed --example embedding -- FOLDER [PATH]`, with a model
//! that is converted, or is now, into FOLDER with `-converted` behind it; PATH is `avx512-vnni`, `avx2` or `portable`.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)] // A program for people.

use embed::{Embedder, Local, Options, Urgency};
use lanes::{Lanes, Path};
use std::time::Instant;

const WORDS: [&str; 48] = [
    "fetch",
    "the",
    "current",
    "weather",
    "for",
    "a",
    "city",
    "and",
    "return",
    "temperature",
    "list",
    "open",
    "issues",
    "of",
    "repository",
    "by",
    "label",
    "create",
    "calendar",
    "event",
    "with",
    "guests",
    "convert",
    "amount",
    "between",
    "currencies",
    "using",
    "today's",
    "rate",
    "search",
    "customer",
    "records",
    "email",
    "address",
    "delete",
    "file",
    "from",
    "storage",
    "bucket",
    "translate",
    "text",
    "into",
    "language",
    "send",
    "message",
    "channel",
    "summarise",
    "report",
];

/// `count` words that differ from text to text.
fn text(seed: usize, count: usize) -> String {
    let mut state = seed as u64 * 2 + 1;
    let word = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        WORDS[(state >> 33) as usize % WORDS.len()]
    };
    (0..count).map(word).collect::<Vec<_>>().join(" ")
}

fn rss_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kb| kb.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
}

/// Seconds that all threads have worked, which is what counts on a machine that others use too.
fn cpu_s() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    ticks.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// Rounds of each figure; the best counts, as others may use the machine meanwhile.
const ROUNDS: usize = 3;

/// With `--json FOLDER`, what `cargo xtask bench embed` shows: the usual model on two threads, on each path there is.
fn compare(folder: &std::path::Path) {
    let model = testkit::model().expect("there is no model: run `make model`");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut figures = Vec::new();
    let mut figure = |name: String, value: f64, unit: &str| {
        figures.push(format!(r#"{{"name": "{name}", "value": {value:.3}, "unit": "{unit}", "verdict": "measured"}}"#));
    };
    for path in Path::available() {
        let options = Options { lanes: Lanes::on(path).unwrap(), ..Options::default() };
        let local = Local::open(&model, &options).unwrap();
        let share = if path == Path::Portable { 20 } else { 1 };
        let rates = (0..ROUNDS).map(|_| runtime.block_on(rate(&local, 4_000 / share)));
        figure(format!("tokens embedded, {}", path.name()), rates.fold(0.0, f64::max), "per second");
        figure(format!("a question, {}", path.name()), runtime.block_on(question(&local, 1_000 / share)), "ms");
    }
    let told = format!("{{\"benchmark\": \"embed\", \"figures\": [{}]}}\n", figures.join(", "));
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join("embedding.json"), &told).unwrap();
    print!("{told}");
}

/// Tokens a second, of texts of 15 to 45 words as tools have them.
async fn rate(local: &Local, count: usize) -> f64 {
    let texts: Vec<String> = (0..count).map(|seed| text(seed, 15 + seed % 31)).collect();
    // Each word is a token, and each text has two more.
    let tokens: usize = texts.iter().map(|text| text.split(' ').count() + 2).sum();
    let views: Vec<&str> = texts.iter().map(String::as_str).collect();
    let start = Instant::now();
    local.embed(&views, Urgency::Background).await.unwrap();
    tokens as f64 / start.elapsed().as_secs_f64()
}

/// The median of questions of 14 words, in milliseconds.
async fn question(local: &Local, count: usize) -> f64 {
    let mut times = Vec::new();
    for seed in 0..count {
        let query = text(seed, 14);
        let start = Instant::now();
        local.embed(&[&query], Urgency::Now).await.unwrap();
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    times[count / 2]
}

fn main() {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--json").skip(1);
    if let Some(folder) = arguments.next() {
        return compare(folder.as_ref());
    }
    let mut arguments = std::env::args().skip(1);
    let mut folder = arguments.next().expect("the folder of a model");
    if !std::path::Path::new(&folder).join("about.json").exists() {
        let to = format!("{}-converted", folder.trim_end_matches('/'));
        embed::convert(folder.as_ref(), to.as_ref()).expect("a model that can be converted");
        folder = to;
    }
    let path =
        arguments.next().map_or(Path::best(), |name| *Path::ALL.iter().find(|path| path.name() == name).unwrap());
    let lanes = Lanes::on(path).expect("this processor lacks that path");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for _ in 0..3 {
        let start = Instant::now();
        let local = Local::open(folder.as_ref(), &Options { lanes, ..Options::default() }).unwrap();
        println!("load {:.1} ms, {:.0} MB, {}", start.elapsed().as_secs_f64() * 1e3, rss_mb(), path.name());
        drop(local);
    }
    for threads in [1, 2] {
        let local = Local::open(folder.as_ref(), &Options { threads, lanes, ..Options::default() }).unwrap();
        runtime.block_on(async {
            let mut times = Vec::new();
            for seed in 0..1_000 {
                let query = text(seed, 8);
                let start = Instant::now();
                local.embed(&[&query], Urgency::Now).await.unwrap();
                times.push(start.elapsed().as_secs_f64() * 1e3);
            }
            times.sort_by(f64::total_cmp);
            println!("{threads} threads: query of 8 words p50 {:.2} ms, p99 {:.2} ms", times[500], times[990]);
            for (count, words) in [(5_000, 31), (500, 240)] {
                let texts: Vec<String> = (0..count).map(|seed| text(seed, words / 2 + seed % words)).collect();
                let tokens: usize = texts.iter().map(|text| (text.split(' ').count() + 2).min(256)).sum();
                let views: Vec<&str> = texts.iter().map(String::as_str).collect();
                let (start, worked) = (Instant::now(), cpu_s());
                local.embed(&views, Urgency::Background).await.unwrap();
                let (s, worked) = (start.elapsed().as_secs_f64(), cpu_s() - worked);
                let (texts, per_s, per_cpu_s) = (count as f64 / s, tokens as f64 / s, tokens as f64 / worked);
                print!("{threads} threads: {texts:.0} texts/s, {per_s:.0} tokens/s ({per_cpu_s:.0} for each second of a core), ");
                println!("{:.0} MB", rss_mb());
            }
        });
    }
}
