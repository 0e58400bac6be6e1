//! `althing doctor`: each check with its result and its fix.

mod embedder;
mod live;
mod machine;
mod providers;
mod redis;

use crate::check::{self, Problem};
use crate::exit::{CONFIGURATION, DONE, FAILED, Failure, UNREACHABLE};
use crate::print::{self, print};
use crate::wiring::{self, Ready};
use crate::{data, progress};
use fault::Explain;
use models::Probe;
use serde::Serialize;
use serde_json::json;
use settings::{Settings, SettingsError, Source};
use shell::{Doctor, Global};
use std::path::PathBuf;
use terminal::{count, hang, length};

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Ok,
    Warn,
    Fail,
}

/// One check and its result.
#[derive(Debug, Serialize)]
struct Check {
    name: String,
    status: Status,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
    /// With which code the command ends should this have failed.
    #[serde(skip)]
    code: u8,
}

impl Check {
    fn ok(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { name: name.into(), status: Status::Ok, detail: detail.into(), fix: None, code: DONE }
    }

    fn warn(name: impl Into<String>, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { status: Status::Warn, fix: Some(fix.into()), ..Self::ok(name, detail) }
    }

    fn fail(name: impl Into<String>, detail: impl Into<String>, fix: Option<String>, code: u8) -> Self {
        Self { status: Status::Fail, fix, code, ..Self::ok(name, detail) }
    }

    fn of_settings(name: impl Into<String>, error: &SettingsError) -> Self {
        let fix = error.hint().filter(|hint| !hint.is_empty());
        Self::fail(name, error.to_string(), fix, CONFIGURATION)
    }
}

/// Checks everything and says what to do about whatever is wrong.
pub(crate) fn run(global: &Global, args: &Doctor) -> Result<u8, Failure> {
    wiring::logs(global, "error")?;
    let source = wiring::source(global, args.profile.as_deref());
    let mut checks = Vec::new();
    let ready = config(&source, &mut checks)?;
    checks.push(machine::data_folder(args.data.clone().or_else(data::usual_folder)));
    let probes = match &ready {
        Some(ready) => wiring::run(look(ready, args.data.clone().or_else(data::usual_folder), &mut checks))?,
        None => Vec::new(),
    };
    checks.push(machine::clock(&probes));
    let failed = checks.iter().filter(|check| check.status == Status::Fail);
    let codes: Vec<u8> = failed.map(|check| check.code).collect();
    match global.json {
        true => print::json(&json!({ "ok": codes.is_empty(), "checks": checks }))?,
        false => print(&table(&checks))?,
    }
    let worst = [CONFIGURATION, UNREACHABLE].into_iter().find(|code| codes.contains(code));
    Ok(worst.unwrap_or(if codes.is_empty() { DONE } else { FAILED }))
}

/// The settings, if they can be read.
fn config(source: &Source, checks: &mut Vec<Check>) -> Result<Option<Ready>, Failure> {
    let wrong = settings::problems(source);
    if !wrong.is_empty() {
        checks.extend(wrong.iter().map(|error| Check::of_settings("config", error)));
        return Ok(None);
    }
    let ready = wiring::load(source.clone())?;
    let set = ready.values_set();
    let detail = match &source.file {
        Some(file) => format!("{}, {} set", file.display(), count(set, "value")),
        None => "no settings file; every setting has a default".to_owned(),
    };
    checks.push(Check::ok("config", detail));
    Ok(Some(ready))
}

/// Everything that settings describe.
async fn look(
    ready: &Ready,
    folder: Option<PathBuf>,
    checks: &mut Vec<Check>,
) -> Result<Vec<(String, Probe)>, Failure> {
    let settings = &ready.loaded.settings;
    checks.extend(machine::prices(settings, folder.as_deref()));
    let (store, made) = machine::store(&settings.store, folder.clone()).await;
    checks.push(store);
    checks.push(embedder::check(&settings.embed, folder.as_deref()).await);
    match listener::check_tls(&settings.server) {
        Err(error) => checks.push(Check::fail("tls", error.to_string(), error.hint(), CONFIGURATION)),
        Ok(()) if settings.server.tls.is_some() => checks.push(Check::ok("tls", "the certificate can be served")),
        Ok(()) => {}
    }
    checks.extend(redis::checks(settings).await);
    let (address, running) = machine::address(&settings.server.bind, made || settings.access.oidc.is_some()).await;
    checks.push(address);
    let problems = check::problems(ready);
    let broken = |name: &str| problems.iter().find(|problem| problem.name == name);
    let whole: Vec<_> = settings.provider.iter().filter(|one| broken(&one.name).is_none()).cloned().collect();
    let waiting = format!("asking {}", count(whole.len(), "provider"));
    let probes = progress::wait(&waiting, providers::probe_all(whole)).await?;
    for provider in &settings.provider {
        let name = format!("provider {}", provider.name);
        match (broken(&provider.name), probes.iter().find(|(probed, _)| *probed == provider.name)) {
            (Some(problem), _) => checks.push(Check::of_settings(name, &problem.error)),
            (None, Some((_, probe))) => checks.extend(providers::judge(ready, provider, probe)),
            (None, None) => {}
        }
    }
    names(settings, &problems, checks);
    if running {
        checks.extend(live::providers(&super::server::of(settings)).await);
    }
    Ok(probes)
}

/// Panels, routes, and whether there is anything to ask at all.
fn names(settings: &Settings, problems: &[Problem], checks: &mut Vec<Check>) {
    let plan = wiring::plan(settings).ok();
    let wrong = |name: &str, label: &str| -> Vec<Check> {
        let about = problems.iter().filter(|problem| problem.name == name);
        about.map(|problem| Check::of_settings(label, &problem.error)).collect()
    };
    for panel in &settings.panel {
        let label = format!("panel {}", panel.name);
        let found = wrong(&panel.name, &label);
        match &plan {
            Some(plan) if found.is_empty() => checks.push(providers::panel(label, panel, plan)),
            _ => checks.extend(found),
        }
    }
    for route in &settings.route {
        let label = format!("route {}", route.name);
        let found = wrong(&route.name, &label);
        let fine = found.is_empty().then(|| Check::ok(label, count(route.rules.len(), "rule")));
        checks.extend(found.into_iter().chain(fine));
    }
    for alias in settings.alias.keys() {
        let label = format!("alias {alias}");
        checks.extend(wrong(&label, &label));
    }
    let Some(plan) = plan else { return };
    checks.push(match plan.default_model() {
        Some(model) => {
            Check::ok("models", format!("{} to ask, `{model}` by default", count(plan.models().len(), "name")))
        }
        None => Check::warn(
            "models",
            "no model is listed, so every request must name one",
            "list `models` in a `[[provider]]`",
        ),
    });
}

fn table(checks: &[Check]) -> String {
    let name = checks.iter().map(|check| length(&check.name)).max().unwrap_or(0).min(24);
    let mut text = String::new();
    for check in checks {
        let status = match check.status {
            Status::Ok => "ok",
            Status::Warn => "warn",
            Status::Fail => "FAIL",
        };
        text.push_str(&hang(&format!("{status:4}  {:name$}  ", check.name), &check.detail));
        if let Some(fix) = &check.fix {
            text.push_str(&hang("      fix: ", fix));
        }
    }
    let number = |status| checks.iter().filter(|check| check.status == status).count();
    let sum = match (number(Status::Fail), number(Status::Warn)) {
        (0, 0) => "everything is fine".to_owned(),
        (0, warned) => count(warned, "warning"),
        (failed, 0) => format!("{failed} failed"),
        (failed, warned) => format!("{failed} failed, {}", count(warned, "warning")),
    };
    format!("{text}\n{sum}\n")
}
