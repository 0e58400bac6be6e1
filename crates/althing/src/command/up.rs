//! `althing up`: serve.

use crate::cli::{Global, Room, Up};
use crate::command::reload;
use crate::exit::{CONFIGURATION, DONE, FAILED, Failure};
use crate::print::print;
use crate::wiring::{self, Ready};
use fault::{Explain, Kind};
use http_door::{App, Parts, ServeError};
use matrix::Matrix;
use serde_json::json;
use std::net::SocketAddr;
use std::path::PathBuf;
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
    let ready = wiring::load(source.clone())?;
    let data = data_folder(args.data.as_ref())?;
    let metrics = wiring::metrics();
    let settings = ready.loaded.settings.clone();
    wiring::runtime()?.block_on(async {
        let matrix = wiring::matrix(&ready, &metrics)?;
        let drain = CancellationToken::new();
        let serves = |room| args.only.is_empty() || args.only.contains(&room);
        let mut nested = Vec::new();
        if serves(Room::Mcp) {
            nested.push(("/mcp", wiring::mcp(&settings, &matrix)?.routes(drain.clone())));
        }
        let parts = Parts {
            matrix: Arc::clone(&matrix),
            metrics: Arc::clone(&metrics),
            server: settings.server.clone(),
            api: serves(Room::Http),
            nested,
        };
        let app = App::new(parts);
        let listener = http_door::bind(&settings.server.bind).await.map_err(|error| refusal(&error))?;
        let address = listener.local_addr().map_err(|error| Failure::new(FAILED, error.to_string()))?;
        tracing::debug!(data = %data.display(), "data folder");
        // Whoever has read the greeting may send signals.
        let told = told_to_stop();
        let greeting = greeting(global, address, &ready, &matrix);
        reload::watch(source, ready, Arc::clone(&matrix), app.clone(), Arc::clone(&metrics));
        print(&greeting)?;
        let stop = async {
            told.await;
            drain.cancel();
            // Whoever asks a second time does not want to wait for requests in progress.
            tokio::spawn(async {
                told_to_stop().await;
                std::process::exit(i32::from(FAILED));
            });
        };
        http_door::serve(app, listener, &settings.server, stop).await;
        Ok(DONE)
    })
}

fn refusal(error: &ServeError) -> Failure {
    let failure = Failure::of(error);
    if error.kind() == Kind::BadInput { failure.code(CONFIGURATION) } else { failure }
}

/// The data folder, made if it is not there.
fn data_folder(named: Option<&PathBuf>) -> Result<PathBuf, Failure> {
    let folder = named.cloned().or_else(usual_data_folder).ok_or_else(|| {
        Failure::new(CONFIGURATION, "there is no place to keep data")
            .hint("set HOME, or name a folder with `--data DIR`")
    })?;
    std::fs::create_dir_all(&folder).map_err(|error| {
        let message = format!("cannot use the data folder `{}`: {error}", folder.display());
        Failure::new(CONFIGURATION, message).hint("name another one with `--data DIR`")
    })?;
    Ok(folder)
}

/// `$XDG_DATA_HOME/althing`, or its usual place.
pub(crate) fn usual_data_folder() -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = folder("XDG_DATA_HOME").or_else(|| folder("HOME").map(|home| home.join(".local/share")))?;
    Some(base.join("althing"))
}

/// Where the server is, what it found and what to try.
fn greeting(global: &Global, address: SocketAddr, ready: &Ready, matrix: &Matrix) -> String {
    let notes = match &ready.found {
        Some(found) => found.notes.clone(),
        None => ready.loaded.settings.provider.iter().map(|p| format!("{} ({})", p.name, p.kind)).collect(),
    };
    let model = matrix.default_model().unwrap_or_default();
    if global.json {
        let document = json!({ "address": address.to_string(), "providers": notes, "default_model": model });
        return format!("{document}\n");
    }
    let mut text = format!("althing {} listens on http://{address}\n\n", env!("CARGO_PKG_VERSION"));
    for note in notes {
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
    text.push_str(&format!(
        "\ntry:\n  \
           curl http://{address}/v1/chat/completions -H 'content-type: application/json' \\\n    \
             -d '{{\"model\": \"{model}\", \"messages\": [{{\"role\": \"user\", \"content\": \"hello\"}}]}}'\n  \
           curl http://{address}/v1/models\n  \
           claude mcp add --transport http althing http://{address}/mcp\n\n"
    ));
    text
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
