//! Tests of the whole room: each case runs on both databases.

mod crash;
mod degraded;
mod failing;
mod hidden;
mod keeping;
mod learning;
mod limits;
mod snapshots;
mod vectors;

use crate::{Asked, Collection, Document, Found, Limits, Retrieval, RetrievalError, Rules, Setup, Used};
use embed::{EmbedError, EmbedFuture, Embedder, Urgency};
use futures_util::FutureExt;
use measure::Metrics;
use search::{Embedded, Field, Filter, Index, SearchError};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use store::{Config, Store, StoreError, Value};
use tempfile::TempDir;
use testkit::Postgres;
use tokio::sync::Semaphore;

/// Noon of 2026-11-21.
const NOON_MS: i64 = 20_778 * 86_400_000 + 43_200_000;
const DIMENSIONS: usize = 64;

/// Each word is a direction, a text the sum of its words; words of one line mean the same.
const SYNONYMS: [&[&str]; 3] =
    [&["weather", "forecast", "rain"], &["mail", "letter", "send"], &["repository", "github"]];

fn direction(word: &str) -> usize {
    let same = SYNONYMS.iter().find(|line| line.contains(&word));
    let word = same.and_then(|line| line.first()).unwrap_or(&word);
    word.bytes().fold(7_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte))) % DIMENSIONS
}

fn vector_of(text: &str) -> search::Vector {
    let mut vector = vec![0.01; DIMENSIONS];
    for word in text.to_lowercase().split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()) {
        vector[direction(word)] += 1.0;
    }
    let length = vector.iter().map(|one| one * one).sum::<f32>().sqrt();
    vector.iter().map(|one| one / length).collect()
}

/// A deterministic embedder that can be slow, failing or picky, and remembers what it was asked.
struct Fake {
    model: String,
    dimensions: AtomicUsize,
    /// Whether questions get vectors of half the length.
    short: AtomicBool,
    /// How often it was asked for each text.
    asked: Mutex<HashMap<String, usize>>,
    calls: AtomicUsize,
    failing: AtomicBool,
    /// The status with which it refuses texts that hold `refuse me`.
    refusing: AtomicU16,
    /// Each background batch takes one.
    batches: Semaphore,
    /// How long a question takes.
    slow_ms: AtomicUsize,
    /// How many texts it would like at a time; zero for as many as the rules say.
    wanted: AtomicUsize,
}

impl Fake {
    fn new(model: &str) -> Arc<Self> {
        Arc::new(Self {
            model: model.to_owned(),
            dimensions: AtomicUsize::new(DIMENSIONS),
            short: AtomicBool::new(false),
            asked: Mutex::default(),
            calls: AtomicUsize::new(0),
            failing: AtomicBool::new(false),
            refusing: AtomicU16::new(400),
            batches: Semaphore::new(Semaphore::MAX_PERMITS),
            slow_ms: AtomicUsize::new(0),
            wanted: AtomicUsize::new(0),
        })
    }

    /// How many texts it embedded.
    fn texts(&self) -> usize {
        self.asked.lock().unwrap().values().sum()
    }

    async fn make(&self, texts: &[&str], urgency: Urgency) -> Result<Vec<search::Vector>, EmbedError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        match urgency {
            Urgency::Background => self.batches.acquire().await.unwrap().forget(),
            Urgency::Now => {
                let ms = self.slow_ms.load(Ordering::SeqCst);
                if ms > 0 {
                    tokio::time::sleep(Duration::from_millis(ms as u64)).await;
                }
            }
        }
        if self.failing.load(Ordering::SeqCst) {
            return Err(EmbedError::Unreached { host: "fake".to_owned(), problem: "told to fail".to_owned() });
        }
        if texts.iter().any(|text| text.contains("refuse me")) {
            return Err(EmbedError::Refused { host: "fake".to_owned(), status: self.refusing.load(Ordering::SeqCst) });
        }
        let mut asked = self.asked.lock().unwrap();
        texts.iter().for_each(|text| *asked.entry((*text).to_owned()).or_default() += 1);
        if urgency == Urgency::Now && self.short.load(Ordering::SeqCst) {
            return Ok(texts.iter().map(|text| vector_of(text)[..DIMENSIONS / 2].into()).collect());
        }
        Ok(texts.iter().map(|text| vector_of(text)).collect())
    }
}

impl Embedder for Fake {
    fn model(&self) -> &str {
        &self.model
    }

    fn dimensions(&self) -> usize {
        self.dimensions.load(Ordering::SeqCst)
    }

    fn place(&self) -> Option<&str> {
        Some("a test")
    }

    fn batch(&self) -> Option<usize> {
        Some(self.wanted.load(Ordering::SeqCst)).filter(|wanted| *wanted > 0)
    }

    fn embed<'a>(&'a self, texts: &'a [&'a str], urgency: Urgency) -> EmbedFuture<'a> {
        Box::pin(self.make(texts, urgency))
    }
}

/// An index that can fail and be slow when it is written to.
struct Flaky {
    index: Embedded,
    failing: AtomicBool,
    slow_ms: AtomicUsize,
}

impl Flaky {
    async fn written<T>(&self, write: search::IndexFuture<'_, T>) -> Result<T, SearchError> {
        let ms = self.slow_ms.load(Ordering::SeqCst);
        if ms > 0 {
            tokio::time::sleep(Duration::from_millis(ms as u64)).await;
        }
        if self.failing.load(Ordering::SeqCst) {
            return Err(SearchError::Vector { what: "told to fail".to_owned() });
        }
        write.await
    }
}

impl Index for Flaky {
    fn upsert<'a>(&'a self, collection: &'a str, docs: Vec<search::Doc>) -> search::IndexFuture<'a, ()> {
        Box::pin(self.written(self.index.upsert(collection, docs)))
    }

    fn delete<'a>(&'a self, collection: &'a str, ids: &'a [Arc<str>]) -> search::IndexFuture<'a, usize> {
        Box::pin(self.written(self.index.delete(collection, ids)))
    }

    fn query<'a>(&'a self, query: search::Query<'a>) -> search::IndexFuture<'a, search::Found> {
        self.index.query(query)
    }

    fn snapshot<'a>(&'a self, collection: &'a str) -> search::IndexFuture<'a, search::Snapshot> {
        self.index.snapshot(collection)
    }
}

/// Where a database is.
enum Place {
    Sqlite(TempDir),
    Postgres(Postgres),
}

/// A database, and what servers on it are made of.
struct Bench {
    place: Place,
    fake: Option<Arc<Fake>>,
    rules: Rules,
    limits: Limits,
    now_ms: Arc<AtomicI64>,
}

/// One process, as far as this room knows.
struct Server {
    retrieval: Arc<Retrieval>,
    store: Store,
    metrics: Arc<Metrics>,
    index: Arc<Flaky>,
}

impl Bench {
    fn new(place: Place) -> Self {
        let rules = Rules { batch: 4, ..Rules::new(&settings::Settings::default()) };
        let now_ms = Arc::new(AtomicI64::new(NOON_MS));
        Self { place, fake: Some(Fake::new("fake/1")), rules, limits: Limits::default(), now_ms }
    }

    fn sqlite() -> Self {
        Self::new(Place::Sqlite(tempfile::tempdir().unwrap()))
    }

    fn postgres() -> Self {
        Self::new(Place::Postgres(Postgres::start()))
    }

    fn fake(&self) -> &Fake {
        self.fake.as_deref().unwrap()
    }

    fn url(&self) -> String {
        match &self.place {
            Place::Sqlite(folder) => format!("sqlite:{}", folder.path().join("althing.db").display()),
            Place::Postgres(postgres) => postgres.url(),
        }
    }

    async fn server(&self) -> Server {
        let embedder = self.fake.clone().map(|fake| fake as Arc<dyn Embedder>);
        serve(&self.url(), embedder, self.rules.clone(), self.limits, Arc::clone(&self.now_ms)).await
    }
}

async fn serve(
    url: &str,
    embedder: Option<Arc<dyn Embedder>>,
    rules: Rules,
    limits: Limits,
    now_ms: Arc<AtomicI64>,
) -> Server {
    let metrics = Metrics::new("test");
    let settings = settings::Store { url: Some(url.parse().unwrap()), ..settings::Store::default() };
    let store = Store::open(&Config::new(&settings, "/".as_ref()).unwrap(), metrics.store()).await.unwrap();
    let index = Embedded::new(search::Limits::default());
    let index = Arc::new(Flaky { index, failing: AtomicBool::new(false), slow_ms: AtomicUsize::new(0) });
    let setup = Setup::new(
        Arc::clone(&index) as Arc<dyn Index>,
        embedder,
        &settings::Settings::default(),
        Arc::clone(&metrics),
    );
    let clock: crate::Clock = Arc::new(move || now_ms.load(Ordering::SeqCst));
    let setup = Setup { rules, limits, clock, ..setup };
    let retrieval = Retrieval::open(store.clone(), setup).await.unwrap();
    Server { retrieval, store, metrics, index }
}

impl Server {
    async fn put(&self, documents: Vec<Document>) -> crate::Put {
        self.retrieval.put(&Collection::Tools, documents).await.unwrap()
    }

    async fn settled(&self) {
        tokio::time::timeout(Duration::from_secs(20), self.retrieval.settled()).await.expect("vectors in time");
    }

    async fn execute(&self, sql: &'static str) {
        let written = self.store.write(store::Isolation::Serializable, move |tx| {
            async move { tx.execute(sql, Vec::<Value>::new()).await.map(drop) }.boxed()
        });
        written.await.map_err(|error: StoreError| error).unwrap();
    }

    async fn find(&self, text: &str) -> Found {
        self.find_as("acme", &["*/user"], text).await
    }

    async fn find_as(&self, tenant: &str, scopes: &[&str], text: &str) -> Found {
        let scopes: Vec<Arc<str>> = scopes.iter().map(|scope| Arc::from(*scope)).collect();
        let filter = Filter::default();
        let asked = Asked { collection: &Collection::Tools, scopes: &scopes, tenant, text, filter: &filter, limit: 10 };
        self.retrieval.search(asked).await.unwrap()
    }

    async fn learn(&self, tenant: &str, id: &str, query: &str) {
        self.retrieval.learn(Used { collection: &Collection::Tools, tenant, id, query }).await.unwrap();
    }

    async fn rows(&self, table: &str) -> i64 {
        let sql = format!("SELECT COUNT(*) FROM {table}");
        let read = self.store.read(|tx| {
            let sql = sql.clone();
            async move { tx.fetch_one(sql, Vec::<Value>::new()).await?.get(0) }.boxed()
        });
        read.await.map_err(|error: StoreError| error).unwrap()
    }

    /// Ends in order, so that another server may follow.
    async fn close(self) {
        self.retrieval.close().await;
        self.store.close().await;
    }
}

/// A document that everybody may see, whose meaning is its text.
fn document(id: &str, text: &str) -> Document {
    Document {
        id: id.into(),
        scope: "*/user".into(),
        fields: vec![Field { text: text.to_owned(), weight: 1.0 }],
        meanings: vec![text.to_owned()],
        tags: vec!["all".into()],
    }
}

fn catalogue() -> Vec<Document> {
    vec![
        document("weather", "tells the forecast for a city"),
        document("mail", "send a message to somebody"),
        document("issues", "list open issues of a repository"),
        document("clock", "shows the time of day"),
    ]
}

fn ids(found: &Found) -> Vec<&str> {
    found.hits.iter().map(|hit| &*hit.id).collect()
}

/// Runs a case on both databases.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {$(
        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                super::cases::$name(crate::tests::Bench::sqlite()).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                super::cases::$name(crate::tests::Bench::postgres()).await;
            }
        }
    )*};
}
use on_both;
