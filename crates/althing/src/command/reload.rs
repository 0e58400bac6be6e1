//! Settings reloaded while serving: on SIGHUP and when the file changes; a wrong file changes nothing.

use crate::check;
use crate::exit::Failure;
use crate::wiring::{self, Ready};
use http_door::App;
use matrix::Matrix;
use measure::{Metrics, Reload};
use settings::{Server, Source};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How often the file is looked at. A look is one system call, and unlike a watch it also notices files that are
/// replaced, mounted or linked anew.
const LOOK: Duration = Duration::from_secs(1);

/// Everything a reload needs.
struct Watcher {
    source: Source,
    server: Server,
    matrix: Arc<Matrix>,
    app: App,
    metrics: Arc<Metrics>,
}

/// Watches in the background for as long as the process runs.
pub(crate) fn watch(source: Source, ready: Ready, matrix: Arc<Matrix>, app: App, metrics: Arc<Metrics>) {
    let server = ready.loaded.settings.server;
    // A hang-up is heard from here on, and not only once the task runs.
    let Ok(hangup) = signal(SignalKind::hangup()) else { return };
    tokio::spawn(Watcher { source, server, matrix, app, metrics }.run(hangup));
}

impl Watcher {
    async fn run(mut self, mut hangup: Signal) {
        let file = self.source.file.clone();
        let mut seen = file.as_deref().and_then(stamp);
        loop {
            tokio::select! {
                told = hangup.recv() => if told.is_none() { return },
                () = tokio::time::sleep(LOOK) => {
                    let now = file.as_deref().and_then(stamp);
                    // A file that is gone for a moment is being replaced.
                    if now.is_none() || now == seen {
                        continue;
                    }
                }
            }
            seen = file.as_deref().and_then(stamp);
            self.reload();
        }
    }

    fn reload(&mut self) {
        match self.apply() {
            Ok(()) => {
                self.metrics.settings_reloads(Reload::Applied).inc();
                tracing::info!("settings reloaded");
            }
            Err(failure) => {
                self.metrics.settings_reloads(Reload::Rejected).inc();
                tracing::error!("settings not reloaded, the old ones stay in force\n{}", failure.text());
            }
        }
    }

    /// Checks everything first, then swaps.
    fn apply(&mut self) -> Result<(), Failure> {
        let ready = wiring::load(self.source.clone())?;
        self.matrix.reload(&ready.loaded.settings).map_err(|error| check::refused(&ready, &error))?;
        let settings = ready.loaded.settings;
        self.app.reload(&settings.server);
        let fixed = |server: &Server| {
            (server.bind.clone(), server.connections_max, server.header_bytes_max, server.header_read_ms)
        };
        if fixed(&settings.server) != fixed(&self.server) {
            tracing::warn!("`bind`, `connections_max` and the header limits change with the next start");
        }
        self.server = settings.server;
        Ok(())
    }
}

/// What tells one version of a file from the next.
fn stamp(file: &Path) -> Option<(SystemTime, u64)> {
    let meta = std::fs::metadata(file).ok()?;
    Some((meta.modified().ok()?, meta.len()))
}
