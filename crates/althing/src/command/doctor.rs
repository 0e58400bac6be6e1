//! `althing doctor`: each check with its result and its fix. What is looked at is the room `doctor`'s; here the looks are
//! put in a row, with those at a server that runs.

mod live;

use crate::check;
use crate::exit::{CONFIGURATION, DONE, FAILED, Failure, UNREACHABLE};
use crate::print::{self, print};
use crate::wiring::{self, KINDS, Ready};
use crate::{data, progress, sharing};
use doctor::{Cause, Check, Ground, Status};
use models::Probe;
use serde_json::json;
use settings::Source;
use shell::{Doctor, Global};
use std::path::PathBuf;
use terminal::{count, hang, length};

/// Checks everything and says what to do about whatever is wrong.
pub(crate) fn run(global: &Global, args: &Doctor) -> Result<u8, Failure> {
    wiring::logs(global, "error")?;
    let source = wiring::source(global, args.profile.as_deref());
    let mut checks = Vec::new();
    let ready = config(&source, &mut checks)?;
    checks.push(doctor::data_folder(args.data.clone().or_else(data::usual_folder)));
    let probes = match &ready {
        Some(ready) => wiring::run(look(ready, args.data.clone().or_else(data::usual_folder), &mut checks))?,
        None => Vec::new(),
    };
    checks.push(doctor::clock(&probes));
    let failed = checks.iter().filter(|check| check.status == Status::Fail);
    let codes: Vec<u8> = failed.map(|check| code(check.cause)).collect();
    match global.json {
        true => print::json(&json!({ "ok": codes.is_empty(), "checks": checks }))?,
        false => print(&table(&checks))?,
    }
    let worst = [CONFIGURATION, UNREACHABLE].into_iter().find(|code| codes.contains(code));
    Ok(worst.unwrap_or(if codes.is_empty() { DONE } else { FAILED }))
}

/// With which code the command ends.
fn code(cause: Cause) -> u8 {
    match cause {
        Cause::Settings => CONFIGURATION,
        Cause::Unreachable => UNREACHABLE,
        Cause::Other => FAILED,
    }
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
    let (settings, metrics) = (&ready.loaded.settings, wiring::metrics());
    let models = data::models().or_else(|| folder.as_ref().map(|folder| folder.join("models"))).unwrap_or_default();
    let ground = Ground { folder, models, redis: sharing::config(settings), metrics: &metrics };
    let (found, running) = doctor::ground(settings, &ground).await;
    checks.extend(found);
    let problems = check::problems(ready);
    let broken = |name: &str| problems.iter().any(|problem| problem.name == name);
    let whole: Vec<_> = settings.provider.iter().filter(|one| !broken(&one.name)).cloned().collect();
    let waiting = format!("asking {}", count(whole.len(), "provider"));
    let probes = progress::wait(&waiting, doctor::probe_all(whole, &KINDS)).await?;
    checks.extend(doctor::asked(settings, ready.scripted(), &problems, &probes, &wiring::plan));
    if running {
        checks.extend(live::providers(&super::server::of(settings)).await);
    }
    Ok(probes)
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
