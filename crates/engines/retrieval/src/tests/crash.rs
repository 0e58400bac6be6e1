//! Processes that end without a word while they embed.

use super::*;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Instant;

/// Where the child finds the database; it is a child if this is set.
const CHILD: &str = "ALTHING_TEST_RETRIEVAL_CHILD";
const DOCUMENTS: usize = 400;
const BATCH: usize = 8;

fn texts() -> Vec<Document> {
    (0..DOCUMENTS).map(|at| document(&format!("t{at}"), &format!("tool number {at}"))).collect()
}

/// Says each text that it embeds, after a moment in which it may be killed.
struct Telling;

impl Embedder for Telling {
    fn model(&self) -> &str {
        "telling"
    }

    fn dimensions(&self) -> usize {
        DIMENSIONS
    }

    fn embed<'a>(&'a self, texts: &'a [&'a str], _: Urgency) -> EmbedFuture<'a> {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(2)).await;
            texts.iter().for_each(|text| println!("embedded {text}"));
            Ok(texts.iter().map(|text| vector_of(text)).collect())
        })
    }
}

async fn telling(url: &str) -> Server {
    let rules = Rules { batch: BATCH, ..Rules::new(&settings::Settings::default()) };
    let now_ms = Arc::new(AtomicI64::new(NOON_MS));
    serve(url, Some(Arc::new(Telling)), rules, Limits::default(), now_ms).await
}

/// Runs in a process of its own, until it is killed or done.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let Ok(url) = std::env::var(CHILD) else { return };
    let server = telling(&url).await;
    server.put(texts()).await;
    server.settled().await;
    println!("settled");
    server.close().await;
}

/// What a child said until it was killed, which it is after so many texts.
fn run(url: &str, kill_after: usize) -> Vec<String> {
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "tests::crash::child", "--nocapture"])
        .env(CHILD, url)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (mut said, began) = (Vec::new(), Instant::now());
    for line in BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok) {
        if let Some(text) = line.strip_prefix("embedded ") {
            said.push(text.to_owned());
        }
        if said.len() == kill_after {
            process.kill().unwrap();
        }
        assert!(began.elapsed() < Duration::from_secs(60), "the child takes too long");
    }
    process.wait().unwrap();
    said
}

on_both!(a_kill_costs_one_batch_at_most);

mod cases {
    use super::*;

    pub(super) async fn a_kill_costs_one_batch_at_most(bench: Bench) {
        let mut counts: HashMap<String, usize> = HashMap::new();
        let mut kills = 0;
        for kill_after in [90, 100, 75, usize::MAX] {
            let url = bench.url();
            let said = tokio::task::spawn_blocking(move || run(&url, kill_after)).await.unwrap();
            kills += usize::from(kill_after != usize::MAX);
            said.into_iter().for_each(|text| *counts.entry(text).or_default() += 1);
            // The last child must have done the rest.
            assert_eq!(counts.len() == DOCUMENTS, kill_after == usize::MAX, "{}", counts.len());
        }
        let twice: usize = counts.values().map(|count| count - 1).sum();
        assert!(twice <= kills * BATCH, "{twice} texts were embedded again after {kills} kills");
        let server = telling(&bench.url()).await;
        server.settled().await;
        let progress = server.retrieval.progress();
        assert_eq!((progress.documents, progress.embedded), (DOCUMENTS, DOCUMENTS));
        server.close().await;
    }
}
