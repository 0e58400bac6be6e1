//! Settings reloaded while serving: on SIGHUP and when the file changes; a wrong file changes nothing.

use crate::catalogue::Catalogue;
use crate::check;
use crate::exit::{CONFIGURATION, FAILED, Failure};
use crate::house::House;
use crate::wiring::{self, Ready};
use access::Gate;
use decisions::Decisions;
use http_door::App;
use matrix::Matrix;
use measure::{Metrics, Reload};
use settings::{Settings, Source};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How often the file is looked at. A look is one system call, and unlike a watch it also notices files that are
/// replaced, mounted or linked anew.
const LOOK: Duration = Duration::from_secs(1);
/// After so many looks in a row a file that is not there is gone, and not merely being replaced.
const GONE_LOOKS: u32 = 2;

/// What takes over other settings.
pub(crate) struct Running {
    pub(crate) matrix: Arc<Matrix>,
    pub(crate) app: App,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) house: Arc<House>,
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) decisions: Arc<Decisions>,
    /// Whether `/mcp` is served.
    pub(crate) mcp: bool,
}

/// Where settings come from, and the file as it was seen last.
pub(crate) struct Seen {
    source: Source,
    /// Named on the command line: no other file is looked for.
    named: bool,
    stamp: Option<Stamp>,
    /// The data folder, whose list of prices is looked at too.
    data: PathBuf,
    prices: Option<Stamp>,
    /// How many looks in a row have found no file.
    absent: u32,
}

/// What a look has found.
#[derive(Debug, PartialEq)]
enum Look {
    Same,
    Other,
    Gone,
}

/// What tells one version of a file from the next.
type Stamp = (SystemTime, u64);

impl Seen {
    /// The file as it is now: whatever is changed later is noticed.
    pub(crate) fn now(source: Source, named: bool, data: PathBuf) -> Self {
        let (settings, prices) = (source.file.as_deref().and_then(stamp), stamp(&prices::file(&data)));
        Self { source, named, stamp: settings, data, prices, absent: 0 }
    }

    fn look(&mut self) -> Look {
        let prices = stamp(&prices::file(&self.data));
        if std::mem::replace(&mut self.prices, prices) != prices {
            return Look::Other;
        }
        if !self.named && self.source.file.is_none() {
            self.source.file = wiring::usual_file();
        }
        let Some(now) = self.source.file.as_deref().and_then(stamp) else {
            self.absent = self.absent.saturating_add(1);
            return if self.stamp.is_some() && self.absent == GONE_LOOKS { Look::Gone } else { Look::Same };
        };
        self.absent = 0;
        if self.stamp.replace(now) == Some(now) { Look::Same } else { Look::Other }
    }
}

fn stamp(file: &Path) -> Option<Stamp> {
    let meta = std::fs::metadata(file).ok()?;
    Some((meta.modified().ok()?, meta.len()))
}

/// Everything a reload needs.
struct Watcher {
    seen: Seen,
    running: Running,
    /// What the server was started with.
    started: Settings,
    /// What was loaded last.
    settings: Settings,
    /// Whether the models in force are nothing but scripts that stand in for real ones.
    scripted: bool,
}

/// Watches in the background for as long as the process runs.
pub(crate) fn watch(seen: Seen, ready: Ready, running: Running) {
    let scripted = ready.scripted();
    let settings = ready.loaded.settings;
    // A hang-up is heard from here on, and not only once the task runs.
    let Ok(hangup) = signal(SignalKind::hangup()) else { return };
    tokio::spawn(Watcher { seen, running, started: settings.clone(), settings, scripted }.run(hangup));
}

impl Watcher {
    async fn run(mut self, mut hangup: Signal) {
        loop {
            let told = tokio::select! {
                told = hangup.recv() => match told {
                    Some(()) => true,
                    None => return,
                },
                () = tokio::time::sleep(LOOK) => false,
            };
            match (self.seen.look(), told) {
                (_, true) | (Look::Other, _) => self.reload().await,
                (Look::Gone, false) => tracing::warn!("the settings file is gone, the old settings stay in force"),
                (Look::Same, false) => {}
            }
        }
    }

    async fn reload(&mut self) {
        match self.apply().await {
            Ok(()) => {
                self.running.metrics.settings_reloads(Reload::Applied).inc();
                self.running.house.record("settings.reload", self.file()).await;
                tracing::info!("settings reloaded");
            }
            Err(failure) => {
                self.running.metrics.settings_reloads(Reload::Rejected).inc();
                tracing::error!("settings not reloaded, the old ones stay in force\n{}", failure.text());
            }
        }
    }

    /// The file that settings come from, as the audit log names it.
    fn file(&self) -> String {
        self.seen.source.file.as_deref().map(|file| file.display().to_string()).unwrap_or_default()
    }

    /// Checks everything first, then swaps.
    async fn apply(&mut self) -> Result<(), Failure> {
        let (source, matrix, scripted) = (self.seen.source.clone(), Arc::clone(&self.running.matrix), self.scripted);
        let data = self.seen.data.clone();
        // Files are read and an Ollama is looked for: requests must not wait for that.
        let swapped = tokio::task::spawn_blocking(move || swap(source, &data, &matrix, scripted)).await;
        let ready = swapped.map_err(|error| Failure::new(FAILED, format!("cannot load them: {error}")))??;
        self.scripted = ready.scripted();
        let settings = ready.loaded.settings;
        self.running.app.reload(&settings.server);
        self.running.house.reload(&settings).map_err(|error| Failure::of(&error))?;
        self.running.catalogue.reload(&settings);
        self.running.decisions.reload(settings.decisions.clone());
        self.running.app.set_guarded(self.running.house.gate.guarded());
        let waiting = waiting(&self.started, &self.settings, &settings, self.running.mcp);
        if !waiting.is_empty() {
            tracing::warn!("these settings change with the next start: {}", waiting.join(", "));
        }
        self.settings = settings;
        Ok(())
    }
}

/// Loads the settings and gives them to the engine; made-up answers never take the place of real ones by themselves.
fn swap(source: Source, data: &Path, matrix: &Matrix, scripted: bool) -> Result<Ready, Failure> {
    let ready = wiring::load(source)?;
    if ready.scripted() && !scripted {
        let message = "the settings name no provider any more, and no other is found; the old ones stay in force";
        return Err(Failure::new(CONFIGURATION, message)
            .hint("add a [[provider]], or start anew to be answered by scripted models"));
    }
    listener::check_tls(&ready.loaded.settings.server).map_err(|error| Failure::of(&error).code(CONFIGURATION))?;
    Gate::check(&ready.loaded.settings.access).map_err(|error| Failure::of(&error).code(CONFIGURATION))?;
    matrix.set_prices(wiring::prices(data)?);
    matrix.reload(&ready.loaded.settings).map_err(|error| check::refused(&ready, &error))?;
    Ok(ready)
}

/// Which settings were just changed and do not take effect before the next start.
fn waiting(started: &Settings, old: &Settings, new: &Settings, mcp: bool) -> Vec<&'static str> {
    let (started, old, new) = (fixed(started), fixed(old), fixed(new));
    let changed = |at: &usize| new[*at].1 != old[*at].1 && new[*at].1 != started[*at].1;
    let named = (0..new.len()).filter(changed).map(|at| new[at].0);
    named.filter(|name| mcp || !name.ends_with("/mcp`")).collect()
}

/// What is fixed at the start.
fn fixed(settings: &Settings) -> [(&'static str, String); 18] {
    let Settings { server, store, access, cache, replicas, embed, search, tools, .. } = settings;
    [
        ("`bind`", server.bind.clone()),
        ("`connections_max`", server.connections_max.to_string()),
        ("`drain_ms`", server.drain_ms.to_string()),
        ("`header_bytes_max`", server.header_bytes_max.to_string()),
        ("`header_read_ms`", server.header_read_ms.to_string()),
        ("`stream_idle_ms` of connections", server.stream_idle_ms.to_string()),
        ("`[server.tls]`, there or not", server.tls.is_some().to_string()),
        ("`[store]`", format!("{store:?}")),
        ("`access.secret`", format!("{:?}", access.secret)),
        ("`access.checkpoint_s`", access.checkpoint_s.to_string()),
        ("`[replicas]`", format!("{replicas:?}")),
        ("`cache.redis_url`", format!("{:?}", cache.redis_url)),
        ("`cache.redis_…`", format!("{} {}", cache.redis_connections_max, cache.redis_timeout_ms)),
        ("`[embed]`", format!("{:?}", settings::Embed { batch: 0, question_ms: 0, ..embed.clone() })),
        ("`search.backend`", format!("{:?}", search.backend)),
        ("`tools.allowed_networks`", format!("{:?}", tools.allowed_networks)),
        ("`deadline_ms` of `/mcp`", server.deadline_ms.to_string()),
        ("`body_bytes_max` of `/mcp`", server.body_bytes_max.to_string()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_changed_and_is_fixed_is_told() {
        let started = Settings::default();
        let with = |change: &dyn Fn(&mut Settings)| {
            let mut settings = started.clone();
            change(&mut settings);
            settings
        };
        let other = with(&|settings| (settings.server.n_max, settings.server.body_bytes_max) = (3, 7));
        assert_eq!(waiting(&started, &started, &other, true), ["`body_bytes_max` of `/mcp`"]);
        assert!(waiting(&started, &started, &other, false).is_empty());
        let more = with(&|settings| settings.store.pool_max = 3);
        assert_eq!(waiting(&started, &other, &more, true), ["`[store]`"]);
        assert!(waiting(&started, &more, &more, true).is_empty(), "told already");
        assert!(waiting(&started, &more, &started, true).is_empty(), "as it is in force");
    }

    #[test]
    fn a_file_is_seen_anew_and_missed_once() {
        let folder = tempfile::TempDir::new().unwrap();
        let file = folder.path().join("althing.toml");
        let mut seen =
            Seen::now(Source { file: Some(file.clone()), ..Source::default() }, true, folder.path().to_path_buf());
        assert_eq!((seen.look(), seen.look(), seen.look()), (Look::Same, Look::Same, Look::Same));
        std::fs::write(&file, "one").unwrap();
        assert_eq!((seen.look(), seen.look()), (Look::Other, Look::Same));
        std::fs::remove_file(&file).unwrap();
        assert_eq!((seen.look(), seen.look(), seen.look()), (Look::Same, Look::Gone, Look::Same));
        std::fs::write(&file, "longer").unwrap();
        assert_eq!((seen.look(), seen.look()), (Look::Other, Look::Same));
    }
}
