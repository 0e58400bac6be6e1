//! Tests of the whole room: a store of either kind, an upstream that a test scripts, a clock that it moves.

mod caps;
mod evaluating;
mod limits;
mod outages;
mod panels;
mod reading;
mod resuming;
mod sessions;
mod surface;
mod sweeping;
mod whom;

use crate::{
    Clock, Decision, Decisions, Evaluate, Evaluation, Look, NewCriterion, NewDecision, NewOption, Outlook, Setup,
};
use caller::{Caller, Guest, Identity, Role, Unmetered, Wishes};
use matrix::Matrix;
use measure::Metrics;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use store::{Config, Store};
use tempfile::TempDir;
use testkit::{Postgres, Reply, Seen, Upstream, on_both};
use tokio::time::Instant;

/// Moments of the tests' clock begin here, in milliseconds since 1970.
const BEGINNING: i64 = 1_700_000_000_000;

/// A question as the upstream sees it.
#[derive(Debug, Clone)]
struct Asked {
    option: String,
    criterion: String,
    model: String,
    /// All messages, as JSON text.
    messages: String,
    at: std::time::Instant,
}

impl Asked {
    fn of(seen: &Seen) -> Self {
        let body = seen.json();
        let user = body["messages"][1]["content"].as_str().unwrap();
        let data: Value = serde_json::from_str(user.lines().nth(1).unwrap()).unwrap();
        let name = |what: &str| data[what]["name"].as_str().unwrap().to_owned();
        Self {
            option: name("option"),
            criterion: name("criterion"),
            model: body["model"].as_str().unwrap().to_owned(),
            messages: body["messages"].to_string(),
            at: seen.at,
        }
    }
}

type Script = Box<dyn Fn(&Asked) -> Reply + Send + Sync>;

/// The room on a store of its own, and what it is made of.
struct Bench {
    room: Arc<Decisions>,
    store: Store,
    upstream: Arc<Upstream>,
    script: Arc<Mutex<Script>>,
    clock: Arc<AtomicI64>,
    /// How full memory is, in percent.
    memory: Arc<AtomicU64>,
    settings: settings::Settings,
    metrics: Arc<Metrics>,
    data: Arc<TempDir>,
}

fn says(score: f64) -> String {
    json!({ "score": score, "reasoning": "Because.", "confidence": 0.8, "status": "success" }).to_string()
}

fn abstains(why: &str) -> String {
    json!({ "score": null, "reasoning": why, "confidence": 0.2, "status": "abstain" }).to_string()
}

/// A score that follows from names alone.
fn usual(asked: &Asked) -> f64 {
    let sum: u32 = asked.option.bytes().chain(asked.criterion.bytes()).map(u32::from).sum();
    f64::from(1 + sum % 10)
}

/// The upstream with models `m`, `n` and `o`, and a panel over all of them.
fn house(url: &str, decisions: &str) -> settings::Settings {
    let text = format!(
        "[[provider]]\nname = \"up\"\nkind = \"openai\"\nbase_url = \"{url}\"\n\
         models = [\"m\", \"n\", \"o\"]\n\
         [[panel]]\nname = \"jury\"\nmembers = [\"up/m\", \"up/n\", \"up/o\"]\n\
         [guard]\nattempts_max = 1\nbackoff_base_ms = 1\nbackoff_max_ms = 2\nbreaker_failures = 1000000\n\
         [decisions]\nretry_base_ms = 1\n{decisions}\n"
    );
    toml::from_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

impl Bench {
    async fn sqlite() -> Self {
        Self::with("").await
    }

    /// With further keys of `[decisions]`.
    async fn with(decisions: &str) -> Self {
        Self::at(decisions, None).await
    }

    async fn postgres(postgres: &Postgres) -> Self {
        Self::at("", Some(postgres.url())).await
    }

    async fn at(decisions: &str, url: Option<String>) -> Self {
        let script: Arc<Mutex<Script>> =
            Arc::new(Mutex::new(Box::new(|asked: &Asked| Reply::chat(&says(usual(asked))))));
        let current = Arc::clone(&script);
        let upstream = Upstream::start(move |seen| (current.lock().unwrap())(&Asked::of(seen))).await;
        let mut settings = house(&upstream.url(), decisions);
        settings.store.url = url.map(|url| url.parse().unwrap());
        let data = Arc::new(tempfile::tempdir().unwrap());
        let metrics = Metrics::new("test");
        let store = Store::open(&Config::new(&settings.store, data.path()).unwrap(), metrics.store()).await.unwrap();
        let clock = Arc::new(AtomicI64::new(BEGINNING));
        let memory = Arc::new(AtomicU64::new(0));
        let room = open(&store, &settings, &metrics, (&clock, &memory)).await;
        Self { room, store, upstream: Arc::new(upstream), script, clock, memory, settings, metrics, data }
    }

    /// Another server on the same store.
    async fn beside(&self) -> Arc<Decisions> {
        open(&self.store, &self.settings, &self.metrics, (&self.clock, &self.memory)).await
    }

    /// As after a kill: what was in memory is gone, and nothing was said goodbye to.
    async fn killed(self) -> Self {
        drop(self.room);
        self.store.close().await;
        let config = Config::new(&self.settings.store, self.data.path()).unwrap();
        let store = Store::open(&config, self.metrics.store()).await.unwrap();
        let room = open(&store, &self.settings, &self.metrics, (&self.clock, &self.memory)).await;
        Self { room, store, ..self }
    }

    fn script(&self, script: impl Fn(&Asked) -> Reply + Send + Sync + 'static) {
        *self.script.lock().unwrap() = Box::new(script);
    }

    fn pass(&self, ms: i64) {
        self.clock.fetch_add(ms, Ordering::Relaxed);
    }

    /// What the upstream was asked, in order.
    fn asked(&self) -> Vec<Asked> {
        self.upstream.seen().iter().map(Asked::of).collect()
    }

    /// Pairs that the upstream was asked about since so many questions.
    fn pairs_since(&self, since: usize) -> Vec<String> {
        let mut pairs: Vec<String> =
            self.asked().iter().skip(since).map(|it| format!("{}×{}", it.option, it.criterion)).collect();
        pairs.sort();
        pairs
    }

    async fn start(&self, options: &[&str], criteria: &[&str]) -> Decision {
        self.room.start(&root(), new(options, criteria)).await.unwrap()
    }

    async fn evaluate(&self, id: &str) -> Evaluation {
        self.room.evaluate(&caller(&root()), id, Evaluate::default()).await.unwrap()
    }

    async fn result(&self, id: &str) -> Outlook {
        self.room.result(&root(), id, Look::default()).await.unwrap()
    }

    /// Calls a tool of either set.
    async fn call(&self, tool: &str, arguments: Value) -> Result<Value, caller::ToolFault> {
        self.call_as(&root(), tool, arguments).await
    }

    async fn call_as(&self, who: &Identity, tool: &str, arguments: Value) -> Result<Value, caller::ToolFault> {
        let all = self.room.toolset().into_iter().chain(self.room.core_tools());
        let tool = all.into_iter().find(|it| it.spec().name == tool).unwrap();
        tool.call(&caller(who), arguments).await
    }
}

async fn open(
    store: &Store,
    settings: &settings::Settings,
    metrics: &Arc<Metrics>,
    (clock, memory): (&Arc<AtomicI64>, &Arc<AtomicU64>),
) -> Arc<Decisions> {
    let kinds = vec![models::openai::KIND, models::scripted::KIND];
    let (clock, memory) = (Arc::clone(clock), Arc::clone(memory));
    let setup = Setup {
        store: store.clone(),
        matrix: Arc::new(Matrix::new(settings, kinds, Arc::clone(metrics)).unwrap()),
        settings: settings.decisions.clone(),
        metrics: Arc::clone(metrics),
        clock: Clock::Given(Arc::new(move || clock.load(Ordering::Relaxed))),
        memory: Arc::new(move || Some(memory.load(Ordering::Relaxed) as f64 / 100.0)),
        seed: 7,
    };
    Decisions::open(setup).await.unwrap()
}

fn new(options: &[&str], criteria: &[&str]) -> NewDecision {
    NewDecision {
        topic: "Which one?".to_owned(),
        options: options.iter().map(|name| option(name)).collect(),
        criteria: criteria.iter().map(|name| criterion(name)).collect(),
        model_name: Some("up/m".to_owned()),
        ..NewDecision::default()
    }
}

fn option(name: &str) -> NewOption {
    NewOption { name: name.to_owned(), description: String::new() }
}

fn criterion(name: &str) -> NewCriterion {
    NewCriterion { name: name.to_owned(), ..NewCriterion::default() }
}

fn root() -> Identity {
    Identity::local()
}

fn user(tenant: &str) -> Identity {
    Identity { subject: format!("{tenant}-user").into(), tenant: tenant.into(), role: Role::User }
}

fn caller(who: &Identity) -> Caller {
    within(who, Duration::from_secs(30))
}

fn within(who: &Identity, time: Duration) -> Caller {
    Caller {
        request_id: "req-1".into(),
        deadline: Instant::now() + time,
        guest: Guest { identity: Arc::new(who.clone()), spend: Arc::new(Unmetered) },
        wishes: Wishes::default(),
    }
}

fn code(error: &crate::DecisionError) -> &'static str {
    fault::Explain::code(error)
}
