//! Rooms put together: settings read, the engine made, tools listed.

use crate::catalogue::Catalogue;
use crate::check;
use crate::data;
use crate::decisions::TOOLSET;
use crate::exit::Failure;
use crate::house::House;
use crate::sharing::Links;
use ask::AskTool;
use caller::{Guest, Tool};
use decisions::Decisions;
use fault::{Explain, Kind as Trouble};
use found::Found;
use listener::Crew;
use matrix::{Keeper, KeptAnswers, Matrix, PlanError};
use mcp_door::{McpConfig, McpDoor};
use measure::Metrics;
use models::Kind;
use prices::Table;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use settings::{Loaded, Origin, Settings, Source};
use shell::{Global, Where};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};

/// Every protocol a provider can speak. A new native one is one line here; a compatible one is a preset.
pub(crate) const KINDS: [Kind; 5] = [
    models::anthropic::KIND,
    models::bedrock::KIND,
    models::openai::KIND,
    models::ollama::KIND,
    models::scripted::KIND,
];

/// The settings file looked for when none is named.
const CONFIG_FILE: &str = "althing.toml";

/// Settings as they are in force, and what was found to fill them.
pub(crate) struct Ready {
    pub(crate) loaded: Loaded,
    pub(crate) found: Option<Found>,
    /// Variables of others that settings were completed with, a line for each.
    pub(crate) variables: Vec<String>,
}

impl Ready {
    /// Whether nothing but scripted models was found.
    pub(crate) fn scripted(&self) -> bool {
        self.found.as_ref().is_some_and(|found| found.scripted)
    }

    /// How many values somebody has set, in the file, a profile or a variable.
    pub(crate) fn values_set(&self) -> usize {
        self.loaded.origins.values().filter(|origin| !matches!(origin, Origin::Default | Origin::Flag)).count()
    }
}

/// Where settings come from, as the command line says.
pub(crate) fn source(global: &Global, profile: Option<&str>) -> Source {
    // Names and values that are not text cannot be meant for us.
    let env =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    Source {
        file: global.config.clone().or_else(usual_file),
        env: env.collect(),
        profile: profile.map(str::to_owned),
        flags: Vec::new(),
    }
}

/// The settings file in the working folder, if there is one.
pub(crate) fn usual_file() -> Option<PathBuf> {
    let usual = PathBuf::from(CONFIG_FILE);
    usual.is_file().then_some(usual)
}

/// Loads the settings; where they name no provider, what can be found takes that place.
pub(crate) fn load(mut source: Source) -> Result<Ready, Failure> {
    let fail = |error| Failure::of_settings(&error);
    let mut loaded = settings::load(&source).map_err(fail)?;
    if !loaded.settings.provider.is_empty() {
        let variables = variables(&mut loaded, &source.env);
        return Ok(Ready { loaded, found: None, variables });
    }
    let found = found::find(&source.env);
    // A panel in the file speaks for itself; only gaps are filled.
    let gaps = found.flags.iter().filter(|(key, _)| key != "panel" || loaded.settings.panel.is_empty());
    source.flags.extend(gaps.cloned());
    let mut loaded = settings::load(&source).map_err(fail)?;
    let variables = variables(&mut loaded, &source.env);
    Ok(Ready { loaded, found: Some(found), variables })
}

/// Variables of others that fill what settings leave open; a line for each.
fn variables(loaded: &mut Loaded, env: &[(String, String)]) -> Vec<String> {
    let mut taken = found::take_over(loaded, env);
    taken.extend(migration::take_over(loaded, env));
    taken
}

/// The settings and the data folder that a command works on.
pub(crate) fn place(global: &Global, place: &Where) -> Result<(Ready, PathBuf), Failure> {
    let ready = load(source(global, place.profile.as_deref()))?;
    Ok((ready, data::folder(place.data.as_ref())?))
}

/// The store that settings name, opened.
pub(crate) async fn store(settings: &Settings, data: &Path, metrics: &Metrics) -> Result<Store, Failure> {
    let config = store::Config::new(&settings.store, data).map_err(|error| of_store(&error))?;
    Store::open(&config, metrics.store()).await.map_err(|error| of_store(&error))
}

/// Who asks and who pays, on the store that settings name.
pub(crate) async fn house(settings: &Settings, data: &Path, metrics: &Arc<Metrics>) -> Result<Arc<House>, Failure> {
    house_of(settings, data, metrics, &Links::default()).await
}

/// The same, on one of several servers.
pub(crate) async fn house_of(
    settings: &Settings,
    data: &Path,
    metrics: &Arc<Metrics>,
    links: &Links,
) -> Result<Arc<House>, Failure> {
    let store = store(settings, data, metrics).await?;
    House::open(store, settings, metrics, links).await
}

/// What the store refuses is mostly a matter of settings, and else of reaching it.
pub(crate) fn of_store(error: &impl Explain) -> Failure {
    let failure = Failure::of(error);
    if error.kind() == Trouble::BadInput { failure.code(crate::exit::CONFIGURATION) } else { failure }
}

/// The engine that answers.
pub(crate) fn matrix(
    ready: &Ready,
    data: &Path,
    metrics: &Arc<Metrics>,
    links: &Links,
) -> Result<Arc<Matrix>, Failure> {
    made(ready, data, metrics, links).map(Arc::new)
}

/// The engine of a server, which keeps answers; and who writes them down.
pub(crate) fn matrix_that_keeps(
    ready: &Ready,
    data: &Path,
    metrics: &Arc<Metrics>,
    links: &Links,
) -> Result<(Arc<Matrix>, Keeper), Failure> {
    let matrix = made(ready, data, metrics, links)?;
    let remote = links.cache().map(|link| Arc::new(link) as Arc<dyn cache::Remote>);
    let folder = data.join("cache");
    let opened = KeptAnswers::open(&ready.loaded.settings.cache, Some(folder.clone()), remote, metrics);
    let (answers, keeper) = opened.map_err(|error| {
        let message = format!("the cache cannot be opened in `{}`: {error}", folder.display());
        Failure::new(crate::exit::FAILED, message).hint("see who may write there, or set `cache.disk_mb = 0`")
    })?;
    Ok((Arc::new(matrix.with_answers(answers)), keeper))
}

fn made(ready: &Ready, data: &Path, metrics: &Arc<Metrics>, links: &Links) -> Result<Matrix, Failure> {
    let (prices, settings) = (prices(data)?, &ready.loaded.settings);
    let made = Matrix::with_sharing(settings, KINDS.to_vec(), Arc::clone(metrics), prices, links.sharing());
    made.map_err(|error| check::refused(ready, &error))
}

/// What models cost, as far as settings do not say: the list that comes along, and what `prices update` laid over it.
pub(crate) fn prices(data: &Path) -> Result<Table, Failure> {
    let loaded = prices::load(Some(data)).map_err(|error| Failure::of(&error).code(crate::exit::CONFIGURATION));
    loaded.map(|(table, _)| table)
}

/// The engine made once to see whether it can be, and what it would offer; for that no price is needed.
pub(crate) fn plan(settings: &Settings) -> Result<Matrix, PlanError> {
    Matrix::with_prices(settings, KINDS.to_vec(), metrics(), Table::default())
}

/// Figures of this process.
pub(crate) fn metrics() -> Arc<Metrics> {
    Metrics::new(env!("CARGO_PKG_VERSION"))
}

/// Everything that is shown as a tool at `/mcp`.
pub(crate) fn tools(matrix: &Arc<Matrix>, catalogue: &Catalogue, decisions: &Arc<Decisions>) -> Vec<Arc<dyn Tool>> {
    let mut tools = catalogue.core();
    tools.push(Arc::new(AskTool::new(Arc::clone(matrix))));
    tools.extend(decisions.core_tools());
    tools
}

/// The MCP door over those tools. Hosts and origins are judged by the listener that it is nested under.
pub(crate) fn mcp(
    settings: &Settings,
    matrix: &Arc<Matrix>,
    catalogue: &Catalogue,
    decisions: &Arc<Decisions>,
    metrics: &Metrics,
    guest: Guest,
) -> Result<McpDoor, Failure> {
    let mut toolsets = catalogue.toolsets();
    toolsets.push((TOOLSET.to_owned(), decisions.toolset()));
    let config = McpConfig {
        tools: tools(matrix, catalogue, decisions),
        toolsets,
        resources: catalogue.resources(),
        guest,
        allowed_hosts: vec!["*".to_owned()],
        allowed_origins: vec!["*".to_owned()],
        deadline: Duration::from_millis(settings.server.deadline_ms),
        server_version: env!("CARGO_PKG_VERSION").to_owned(),
        body_bytes_max: settings.server.body_bytes_max,
        sessions_level: Some(metrics.sessions_active().clone()),
        ..McpConfig::default()
    };
    let door = McpDoor::new(config).map_err(|error| Failure::of(&error))?;
    metrics.sessions_limit().set(i64::try_from(door.sessions_max()).unwrap_or(i64::MAX));
    Ok(door)
}

/// The signal for a file that has reached the size that it may have here (`ulimit -f`). It ends a process that does not
/// listen for it.
const SIGXFSZ: i32 = 25;

/// Lets this process open as many files as the system allows it at most: shells usually allow 1,024 until asked, and
/// every connection is one.
fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let most = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, most) {
        tracing::debug!(%error, "the limit of open files stays as it is");
    }
}

/// The runtime of a command.
pub(crate) fn runtime() -> Result<Runtime, Failure> {
    prepared(Builder::new_multi_thread())
}

fn prepared(mut builder: Builder) -> Result<Runtime, Failure> {
    let built = builder.enable_all().build();
    let runtime = built.map_err(|error| Failure::new(crate::exit::FAILED, format!("cannot start: {error}")))?;
    raise_open_files();
    // Once somebody has listened, writing fails like on a full disk, and the process lives.
    let entered = runtime.enter();
    if let Err(error) = signal(SignalKind::from_raw(SIGXFSZ)) {
        tracing::debug!(%error, "a file that may not grow will end this process");
    }
    drop(entered);
    Ok(runtime)
}

/// Runs a command to its end; whatever still waits for a name server or standard input is not waited for.
pub(crate) fn run<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    finish(runtime()?, work)
}

/// The same on this thread alone, for a server whose connections have threads of their own.
pub(crate) fn run_alone<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    finish(prepared(Builder::new_current_thread())?, work)
}

/// For how long a thread rests before it gives back memory.
const REST: Duration = Duration::from_secs(1);

/// The threads that serve connections, one per core. Without a number, one: whoever counts cores that it may not use would
/// only make them fight.
pub(crate) fn crew() -> Crew {
    let crew = Crew::start(std::thread::available_parallelism().map_or(1, std::num::NonZero::get));
    crew.at_rest(REST, pages::let_go_of_memory);
    crew
}

fn finish<T>(runtime: Runtime, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let result = runtime.block_on(work);
    runtime.shutdown_background();
    result
}

/// Starts logging to standard error.
pub(crate) fn logs(global: &Global, usual: &str) -> Result<(), Failure> {
    let level = global.log.as_deref().unwrap_or(usual);
    // The MCP library reports every session at `info`.
    let filter = if level.contains("rmcp") { level.to_owned() } else { format!("{level},rmcp=warn") };
    measure::init(&filter, false).map_err(|error| Failure::of(&error).code(crate::exit::USAGE))
}
