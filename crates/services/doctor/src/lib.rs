//! What a server stands on, looked at: settings beyond what they tell by themselves, the data folder, the store, the
//! embedder, certificates, Redis, the address, providers and the panels made of them, the clock.
//!
//! Every look is a [`Check`] with its result and its fix. This room changes nothing, serves nothing and keeps nothing: a
//! database that is not there is not made. It knows no command line, no exit code and no running server.

mod check;
mod embedder;
mod machine;
mod names;
mod problems;
mod providers;
mod redis;

pub use check::{Cause, Check, Status};
pub use machine::{clock, data_folder, write_once};
pub use problems::{Plan, Problem, problems};
pub use providers::probe_all;

use fault::Explain;
use measure::Metrics;
use models::Probe;
use settings::Settings;
use std::path::PathBuf;

/// Where a server would stand, apart from its settings.
pub struct Ground<'a> {
    /// The data folder, if there is a place for one.
    pub folder: Option<PathBuf>,
    /// Where converted models are.
    pub models: PathBuf,
    /// How links to Redis work.
    pub redis: redis_link::Config,
    /// Where figures go.
    pub metrics: &'a Metrics,
}

/// Looks at everything but providers, and whether one of us listens on the address already.
pub async fn ground(settings: &Settings, ground: &Ground<'_>) -> (Vec<Check>, bool) {
    let mut checks = machine::prices(settings, ground.folder.as_deref());
    let (store, made) = machine::store(&settings.store, ground.folder.clone(), ground.metrics).await;
    checks.push(store);
    checks.push(embedder::check(&settings.embed, ground.models.clone()).await);
    match listener::check_tls(&settings.server) {
        Err(error) => checks.push(Check::fail("tls", error.to_string(), error.hint(), Cause::Settings)),
        Ok(()) if settings.server.tls.is_some() => checks.push(Check::ok("tls", "the certificate can be served")),
        Ok(()) => {}
    }
    checks.extend(redis::checks(settings, ground).await);
    let (address, running) = machine::address(&settings.server.bind, made || settings.access.oidc.is_some()).await;
    checks.push(address);
    (checks, running)
}

/// What looks at providers mean, and what is made of their models: panels, routes, aliases. `scripted` says that nobody
/// has set up any of them.
pub fn asked(
    settings: &Settings,
    scripted: bool,
    problems: &[Problem],
    probes: &[(String, Probe)],
    plan: Plan<'_>,
) -> Vec<Check> {
    let mut checks = Vec::new();
    let broken = |name: &str| problems.iter().find(|problem| problem.name == name);
    for provider in &settings.provider {
        let name = format!("provider {}", provider.name);
        match (broken(&provider.name), probes.iter().find(|(probed, _)| *probed == provider.name)) {
            (Some(problem), _) => checks.push(Check::of_settings(name, &problem.error)),
            (None, Some((_, probe))) => checks.extend(providers::judge(scripted, provider, probe)),
            (None, None) => {}
        }
    }
    names::names(settings, problems, plan, &mut checks);
    checks
}

/// `1 member`, `2 members`.
fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
