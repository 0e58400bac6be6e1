//! `althing up`: serve.

mod upkeep;

use crate::catalogue::{Catalogue, Embedding};
use crate::command::reload::{self, Running, Seen};
use crate::data;
use crate::decisions;
use crate::exit::{CONFIGURATION, DONE, FAILED, Failure};
use crate::house::House;
use crate::print::print;
use crate::sharing::Links;
use crate::wiring::{self, Ready};
use ::decisions::Decisions;
use caller::Role;
use fault::{Explain, Kind};
use http_door::{App, Parts};
use listener::ServeError;
use matrix::{Keeper, Matrix};
use measure::Metrics;
use routes::{Need, Row};
use serde_json::json;
use shell::{Global, Room, Up};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use terminal::hang;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Serves until it is told to stop, then lets requests in progress finish.
pub(crate) fn run(global: &Global, args: &Up) -> Result<u8, Failure> {
    wiring::logs(global, "info")?;
    let mut source = wiring::source(global, args.profile.as_deref());
    if let Some(bind) = &args.bind {
        source.flags.push(("server.bind".to_owned(), toml::Value::from(bind.as_str())));
    }
    let place = args.data.clone().or_else(data::usual_folder).unwrap_or_default();
    let seen = Seen::now(source.clone(), global.config.is_some(), place);
    let ready = wiring::load(source)?;
    let data = data::folder(args.data.as_ref())?;
    let metrics = wiring::metrics();
    let settings = ready.loaded.settings.clone();
    let lock = store::lock_shared(&data).map_err(|error| wiring::of_store(&error))?;
    let done = wiring::run_alone(async {
        listener::check_tls(&settings.server).map_err(|error| refusal(&error))?;
        let links = Links::open(&settings, &metrics)?;
        let embedding = Embedding::begin(&settings, &data);
        let (matrix, keeper) = wiring::matrix_that_keeps(&ready, &data, &metrics, &links)?;
        let house = wiring::house_of(&settings, &data, &metrics, &links).await?;
        matrix.keep_votes(&house.votes);
        let catalogue = Catalogue::open(&house.store, &settings, &data, &metrics, &links, embedding).await?;
        let catalogue = Arc::new(catalogue);
        let decisions = decisions::open(&house.store, &matrix, &settings, &metrics).await?;
        let (owned, shown, made) = (Arc::clone(&house), Arc::clone(&catalogue), Arc::clone(&decisions));
        let serving = Serving { ready, seen, data, metrics, matrix, house: owned, catalogue: shown, decisions: made };
        let served = kept(keeper, serve(global, args, serving)).await;
        decisions.close().await;
        catalogue.close().await;
        house.close().await;
        served
    });
    drop(lock);
    done
}

/// Serves while answers are written down beside it; those that still wait at the end are written then.
async fn kept<T>(mut keeper: Keeper, served: impl Future<Output = T>) -> T {
    let done = {
        let writing = keeper.run();
        tokio::pin!(served, writing);
        tokio::select! {
            done = &mut served => done,
            () = &mut writing => served.await,
        }
    };
    keeper.settle().await;
    done
}

/// What is there before anybody is served.
struct Serving {
    ready: Ready,
    seen: Seen,
    data: PathBuf,
    metrics: Arc<Metrics>,
    matrix: Arc<Matrix>,
    house: Arc<House>,
    catalogue: Arc<Catalogue>,
    decisions: Arc<Decisions>,
}

async fn serve(global: &Global, args: &Up, serving: Serving) -> Result<u8, Failure> {
    let Serving { ready, seen, data, metrics, matrix, house, catalogue, decisions } = serving;
    let settings = ready.loaded.settings.clone();
    let drain = CancellationToken::new();
    let serves = |room| args.only.is_empty() || args.only.contains(&room);
    let (api, mcp) = (serves(Room::Http), serves(Room::Mcp));
    let mut rows = rest_door::rows(&house.services(&matrix));
    rows.extend(rest_door::tools::rows(&catalogue.toolbox, &house.audit));
    rows.extend(rest_door::decisions::rows(&decisions));
    if mcp {
        let door = wiring::mcp(&settings, &matrix, &catalogue, &decisions, &metrics, house.local())?;
        rows.push(Row::nested("/mcp", Need::Role(Role::Viewer), door.routes(drain.clone())));
    }
    let app = App::new(Parts {
        matrix: Arc::clone(&matrix),
        metrics: Arc::clone(&metrics),
        server: settings.server.clone(),
        api,
        admits: house.desk(),
        rows,
    });
    let guarded = house.gate.guarded();
    app.set_guarded(guarded);
    let listener = listener::bind(&settings.server.bind, guarded).await.map_err(|error| refusal(&error))?;
    app.encrypt(&settings.server).map_err(|error| refusal(&error))?;
    let address = listener.local_addr().map_err(|error| Failure::new(FAILED, error.to_string()))?;
    // Whoever has read the greeting may send signals.
    let told = told_to_leave();
    let (store, notes) = (house.store.shown(), catalogue.notes());
    let greeting = Greeting { address, ready: &ready, matrix: &matrix, store, notes, guarded };
    let greeting = match global.json {
        true => greeting.document(),
        false => greeting.text() + &greeting.to_try(api, mcp),
    };
    let upkeep = tokio::spawn(upkeep::run(Arc::clone(&house), settings.clone(), data.clone()));
    let running = Running { matrix, app: app.clone(), metrics, house: Arc::clone(&house), catalogue, decisions, mcp };
    reload::watch(seen, ready, running);
    print(&greeting)?;
    let stop = async {
        told.await;
        drain.cancel();
    };
    let served = http_door::serve(app, listener, &settings.server, wiring::crew(), stop).await;
    let served = served.map_err(|error| refusal(&error));
    upkeep.abort();
    upkeep::last(&house, &data).await;
    served.map(|()| DONE)
}

fn refusal(error: &ServeError) -> Failure {
    let failure = Failure::of(error);
    if error.kind() == Kind::BadInput { failure.code(CONFIGURATION) } else { failure }
}

/// What was found to ask, a line for each.
fn notes(ready: &Ready) -> Vec<String> {
    match &ready.found {
        Some(found) => found.notes.clone(),
        None => ready.loaded.settings.provider.iter().map(|p| format!("{} ({})", p.name, p.kind)).collect(),
    }
}

/// What is said once the server listens.
struct Greeting<'a> {
    address: SocketAddr,
    ready: &'a Ready,
    matrix: &'a Matrix,
    store: &'a str,
    /// What is there besides models.
    notes: [(&'static str, String); 2],
    guarded: bool,
}

impl Greeting<'_> {
    fn url(&self) -> String {
        let scheme = if self.ready.loaded.settings.server.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// For programs.
    fn document(&self) -> String {
        let model = self.matrix.default_model().unwrap_or_default();
        let document = json!({
            "address": self.address.to_string(), "url": self.url(), "providers": notes(self.ready),
            "default_model": model, "store": self.store, "open": !self.guarded,
            "variables": self.ready.variables, "found": std::collections::BTreeMap::from(self.notes.clone()),
        });
        format!("{document}\n")
    }

    /// Where the server is and what it found.
    fn text(&self) -> String {
        let mut text = format!("althing {} listens on {}\n\n", env!("CARGO_PKG_VERSION"), self.url());
        let mut line = |label: &str, words: &str| text.push_str(&hang(&format!("  {label:8}  "), words));
        for note in notes(self.ready) {
            line("provider", &note);
        }
        match &self.ready.loaded.file {
            Some(file) => line("settings", &file.display().to_string()),
            None => line("settings", "none; althing.example.toml shows all of them"),
        }
        if !self.ready.variables.is_empty() {
            line("found", &self.ready.variables.join(", "));
        }
        for (label, words) in &self.notes {
            line(label, words);
        }
        line("store", self.store);
        match self.guarded {
            true => line("access", "every request needs a key"),
            false => line("access", "open to this machine; `althing keys create --role admin` closes it"),
        }
        if self.ready.scripted() {
            text.push_str("\n  NO MODEL IS SET UP: answers are scripted and marked `simulated`.\n");
            text.push_str("  Set OPENAI_API_KEY, or add a [[provider]] to althing.toml, to ask real ones.\n");
        }
        text
    }

    /// What to try, of what is served.
    fn to_try(&self, api: bool, mcp: bool) -> String {
        let (mut text, url) = ("\ntry:\n".to_owned(), self.url());
        let key = if self.guarded { " -H \"x-api-key: $KEY\"" } else { "" };
        if api {
            // Of providers without a list of models any can be asked, and none is known.
            let any = || self.ready.loaded.settings.provider.first().map(|first| format!("{}/MODEL", first.name));
            let model = self.matrix.default_model().or_else(any).unwrap_or_default();
            text.push_str(&format!(
                "  curl {url}/v1/chat/completions -H 'content-type: application/json'{key} \\\n    \
                   -d '{{\"model\": \"{model}\", \"messages\": [{{\"role\": \"user\", \"content\": \"hello\"}}]}}'\n  \
                 curl {url}/v1/models{key}\n"
            ));
        }
        if mcp {
            let key = if self.guarded { " --header \"x-api-key: $KEY\"" } else { "" };
            text.push_str(&format!("  claude mcp add --transport http althing {url}/mcp{key}\n"));
        }
        text + "\n"
    }
}

/// Done when the process is told to stop; told again, it ends at once, for whoever asks a second time does not want
/// to wait for requests in progress.
pub(crate) fn told_to_leave() -> impl Future<Output = ()> {
    let told = told_to_stop();
    async {
        told.await;
        let again = told_to_stop();
        tokio::spawn(async {
            again.await;
            std::process::exit(i32::from(FAILED));
        });
    }
}

/// Done when the process is told to stop; from now on it is no longer killed by that.
pub(crate) fn told_to_stop() -> impl Future<Output = ()> {
    let (terminate, interrupt) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    async {
        match (terminate, interrupt) {
            (Ok(mut terminate), Ok(mut interrupt)) => {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
            }
            // Without signals the process can only be killed.
            _ => std::future::pending().await,
        }
    }
}
