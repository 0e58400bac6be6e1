//! Tests of the whole room: an index by words, a store of either kind, an API that a test scripts.

mod calling;
mod finding;
mod importing;
mod permission;
mod snapshots;
mod surface;

use crate::{Defaults, Format, Report, Setup, Toolbox, ToolboxError};
use caller::{Caller, Guest, Identity, Role, Unmetered, Wishes};
use measure::Metrics;
use net::{Guarded, GuardedConfig};
use retrieval::Retrieval;
use search::Embedded;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use store::{Config, Store};
use tempfile::TempDir;
use testkit::{Postgres, on_both};
use tokio::time::Instant;

/// A toolbox on a store of its own.
struct Bench {
    toolbox: Arc<Toolbox>,
    retrieval: Arc<Retrieval>,
    store: Store,
    metrics: Arc<Metrics>,
    settings: settings::Settings,
    data: Arc<TempDir>,
    shared: Arc<Shared>,
}

/// A tier that replicas would share, empty, there or away as a test says.
#[derive(Default)]
struct Shared {
    away: AtomicBool,
}

impl Shared {
    fn answer<T: Send + 'static>(&self, answer: T) -> cache::RemoteFuture<'_, T> {
        let away = self.away.load(Ordering::Relaxed);
        Box::pin(async move { if away { Err(cache::Away) } else { Ok(answer) } })
    }
}

impl cache::Remote for Shared {
    fn reachable(&self) -> bool {
        !self.away.load(Ordering::Relaxed)
    }

    fn get<'a>(&'a self, _: &'a str) -> cache::RemoteFuture<'a, Option<bytes::Bytes>> {
        self.answer(None)
    }

    fn set<'a>(&'a self, _: &'a str, _: bytes::Bytes, _: Duration) -> cache::RemoteFuture<'a, ()> {
        self.answer(())
    }

    fn dropped<'a>(&'a self, _: &'a cache::Drops) -> cache::RemoteFuture<'a, Option<cache::Drops>> {
        self.answer(None)
    }

    fn restore<'a>(&'a self, ours: &'a cache::Drops, _: u64) -> cache::RemoteFuture<'a, cache::Drops> {
        self.answer(ours.clone())
    }

    fn drop_scope<'a>(&'a self, _: &'a cache::Scope, _: &'a cache::Drops) -> cache::RemoteFuture<'a, Option<u64>> {
        self.answer(None)
    }
}

impl Bench {
    async fn open(settings: settings::Settings) -> Self {
        Self::at(settings, Arc::new(tempfile::tempdir().unwrap())).await
    }

    async fn at(settings: settings::Settings, data: Arc<TempDir>) -> Self {
        let metrics = Metrics::new("test");
        let config = Config::new(&settings.store, data.path()).unwrap();
        let store = Store::open(&config, metrics.store()).await.unwrap();
        let index = Arc::new(Embedded::default());
        let setup = retrieval::Setup::new(index, None, &settings, Arc::clone(&metrics));
        let retrieval = Retrieval::open(store.clone(), setup).await.unwrap();
        let shared = Arc::new(Shared::default());
        let toolbox = Toolbox::open(Setup {
            store: store.clone(),
            retrieval: Arc::clone(&retrieval),
            guarded: Guarded::new(GuardedConfig {
                allowed: settings.tools.allowed_networks.iter().map(|it| it.parse().unwrap()).collect(),
                ..GuardedConfig::default()
            }),
            settings: settings.tools.clone(),
            cache: settings.cache.clone(),
            folder: None,
            remote: Some(Arc::clone(&shared) as Arc<dyn cache::Remote>),
            metrics: Arc::clone(&metrics),
        });
        let toolbox = toolbox.await.unwrap();
        Self { toolbox, retrieval, store, metrics, settings, data, shared }
    }

    async fn sqlite() -> Self {
        Self::open(settings_of("")).await
    }

    async fn with(tools: &str) -> Self {
        Self::open(settings_of(tools)).await
    }

    async fn postgres(postgres: &Postgres) -> Self {
        let mut settings = settings_of("");
        settings.store.url = Some(postgres.url().parse().unwrap());
        Self::open(settings).await
    }

    /// As after a restart of the server.
    async fn again(self) -> Self {
        self.toolbox.close().await;
        self.retrieval.close().await;
        self.store.close().await;
        Self::at(self.settings, self.data).await
    }

    async fn import(&self, lines: &[Value]) -> Report {
        self.import_as(&root(), lines, Defaults::default()).await.unwrap()
    }

    async fn import_as(&self, who: &Identity, lines: &[Value], defaults: Defaults) -> Result<Report, ToolboxError> {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        self.toolbox.import(who, text.as_bytes(), Some(Format::JsonLines), defaults).await
    }

    /// Calls a tool of `/mcp` or of `/mcp/s/tools`.
    async fn ask(&self, who: &Identity, tool: &str, arguments: Value) -> Result<Value, caller::ToolFault> {
        let all = self.toolbox.core_tools().into_iter().chain(self.toolbox.toolset());
        let tool = all.into_iter().find(|it| it.spec().name == tool).unwrap();
        tool.call(&caller(who), arguments).await
    }

    /// The ids that a search shows.
    async fn ids(&self, who: &Identity, query: &str) -> Vec<String> {
        let found = self.ask(who, "find_tools", json!({ "query": query })).await.unwrap();
        found["tools"].as_array().unwrap().iter().map(|tool| tool["id"].as_str().unwrap().to_owned()).collect()
    }
}

fn settings_of(tools: &str) -> settings::Settings {
    toml_of(&format!("[tools]\n{tools}"))
}

fn toml_of(text: &str) -> settings::Settings {
    toml::from_str(text).unwrap()
}

fn root() -> Identity {
    Identity::local()
}

fn user(tenant: &str, role: Role) -> Identity {
    Identity { subject: format!("{tenant}-{role}").into(), tenant: tenant.into(), role }
}

fn caller(who: &Identity) -> Caller {
    Caller {
        request_id: "req-1".into(),
        deadline: Instant::now() + Duration::from_secs(20),
        guest: Guest { identity: Arc::new(who.clone()), spend: Arc::new(Unmetered) },
        wishes: Wishes::default(),
    }
}

/// A tool as a line.
fn line(server: &str, name: &str, description: &str) -> Value {
    json!({
        "name": name, "server": server, "description": description,
        "input_schema": { "type": "object", "properties": { "title": { "type": "string" } }, "required": ["title"] },
    })
}

fn some() -> Vec<Value> {
    vec![
        line("github", "create_issue", "Create an issue in a repository"),
        line("github", "merge_pull_request", "Merge a pull request into its base branch"),
        line("slack", "send_message", "Send a message to a channel"),
        line("aws", "list_buckets", "List the S3 buckets of an account"),
        line("maths", "add_numbers", "Add two numbers"),
    ]
}
