//! `althing up`: serve.

use crate::cli::{Global, Room, Up};
use crate::command::reload::{self, Running, Seen};
use crate::data;
use crate::exit::{CONFIGURATION, DONE, FAILED, Failure};
use crate::print::print;
use crate::wiring::{self, Ready};
use fault::{Explain, Kind};
use http_door::{App, Parts, ServeError};
use matrix::Matrix;
use serde_json::json;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Serves until it is told to stop, then lets requests in progress finish.
pub(crate) fn run(global: &Global, args: &Up) -> Result<u8, Failure> {
    wiring::logs(global, "info")?;
    let mut source = wiring::source(global, args.profile.as_deref());
    if let Some(bind) = &args.bind {
        source.flags.push(("server.bind".to_owned(), toml::Value::from(bind.as_str())));
    }
    let seen = Seen::now(source.clone(), global.config.is_some());
    let ready = wiring::load(source)?;
    let data = data::folder(args.data.as_ref())?;
    let metrics = wiring::metrics();
    let settings = ready.loaded.settings.clone();
    wiring::run(async {
        let matrix = wiring::matrix(&ready, &metrics)?;
        let drain = CancellationToken::new();
        let serves = |room| args.only.is_empty() || args.only.contains(&room);
        let (api, mcp) = (serves(Room::Http), serves(Room::Mcp));
        let mut nested = Vec::new();
        if mcp {
            nested.push(("/mcp", wiring::mcp(&settings, &matrix, &metrics)?.routes(drain.clone())));
        }
        let parts = Parts {
            matrix: Arc::clone(&matrix),
            metrics: Arc::clone(&metrics),
            server: settings.server.clone(),
            api,
            nested,
        };
        let app = App::new(parts);
        let listener = http_door::bind(&settings.server.bind).await.map_err(|error| refusal(&error))?;
        let address = listener.local_addr().map_err(|error| Failure::new(FAILED, error.to_string()))?;
        tracing::debug!(data = %data.display(), "data folder");
        // Whoever has read the greeting may send signals.
        let told = told_to_leave();
        let greeting = match global.json {
            true => document(address, &ready, &matrix),
            false => greeting(address, &ready) + &to_try(address, &matrix, api, mcp),
        };
        reload::watch(seen, ready, Running { matrix, app: app.clone(), metrics, mcp });
        print(&greeting)?;
        let stop = async {
            told.await;
            drain.cancel();
        };
        http_door::serve(app, listener, &settings.server, stop).await;
        Ok(DONE)
    })
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

/// The greeting for programs.
fn document(address: SocketAddr, ready: &Ready, matrix: &Matrix) -> String {
    let model = matrix.default_model().unwrap_or_default();
    let document = json!({ "address": address.to_string(), "providers": notes(ready), "default_model": model });
    format!("{document}\n")
}

/// Where the server is and what it found.
fn greeting(address: SocketAddr, ready: &Ready) -> String {
    let mut text = format!("althing {} listens on http://{address}\n\n", env!("CARGO_PKG_VERSION"));
    for note in notes(ready) {
        text.push_str(&format!("  provider  {note}\n"));
    }
    match &ready.loaded.file {
        Some(file) => text.push_str(&format!("  settings  {}\n", file.display())),
        None => text.push_str("  settings  none; althing.example.toml shows all of them\n"),
    }
    if ready.scripted() {
        text.push_str("\n  NO MODEL IS SET UP: answers are scripted and marked `simulated`.\n");
        text.push_str("  Set OPENAI_API_KEY, or add a [[provider]] to althing.toml, to ask real ones.\n");
    }
    text
}

/// What to try, of what is served.
fn to_try(address: SocketAddr, matrix: &Matrix, api: bool, mcp: bool) -> String {
    let mut text = "\ntry:\n".to_owned();
    if api {
        let model = matrix.default_model().unwrap_or_default();
        text.push_str(&format!(
            "  curl http://{address}/v1/chat/completions -H 'content-type: application/json' \\\n    \
               -d '{{\"model\": \"{model}\", \"messages\": [{{\"role\": \"user\", \"content\": \"hello\"}}]}}'\n  \
             curl http://{address}/v1/models\n"
        ));
    }
    if mcp {
        text.push_str(&format!("  claude mcp add --transport http althing http://{address}/mcp\n"));
    }
    text + "\n"
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
