//! `althing load run`.

use super::live::watched;
use super::{FAILS, against, past, read, reports, scenarios, worse};
use crate::exit::{DONE, FAILED, Failure, USAGE};
use crate::print::{self, print, say};
use crate::wiring;
use load::{Files, Options, Set};
use shell::{Global, LoadRun};
use verdict::{Verdict, exit_code};

/// Runs, judges, reports.
pub(super) fn run(global: &Global, args: &LoadRun) -> Result<u8, Failure> {
    let (mut set, mut files) = scenarios(&args.what)?;
    select(&mut set, &mut files, args)?;
    for scenario in &mut set.scenarios {
        scenario.duration_s = args.duration.unwrap_or(scenario.duration_s);
        scenario.users = args.users.unwrap_or(scenario.users);
        scenario.operations = args.operations.unwrap_or(scenario.operations);
        scenario.closed |= args.closed;
        against::adjust(scenario, &args.against);
        against::check(scenario)?;
    }
    let options = Options {
        repeats: args.repeat,
        integrity: args.integrity,
        inject: args.inject.as_deref().map(against::root).transpose()?,
        ..against::options(&args.against)?
    };
    // What can fail without a single request is tried before the first one.
    let baseline = args.baseline.as_deref().map(read).transpose()?;
    let folder = args.against.out.as_deref().map(reports::folder).transpose()?;
    let measured = watched(async |stop, live| load::run(&set, &files, &options, stop, |step| live.tell(step)).await);
    let (report, _) = wiring::run(async { Ok(measured.await) })?;
    let report = report.map_err(|error| Failure::of(&error))?;
    let comparison = baseline.as_ref().map(|before| verdict::compare::compare(before, &report));
    let compared = baseline.as_ref().zip(comparison.as_ref()).map(|(before, found)| worse(found, [before, &report]));
    match global.json {
        true => print::json(&report)?,
        false => {
            print(&verdict::text(&report))?;
            if let Some(comparison) = &comparison {
                print(&format!("\n{}", verdict::compare::text(comparison)))?;
            }
        }
    }
    let written = folder.map(|folder| reports::write(&folder, &report));
    if !args.against.no_save && report.complete {
        past::keep(global, &args.against.place, &report);
    }
    match written {
        // The figures are out already, and with `--json` they are the one document there is.
        Some(Err(failure)) => {
            say(&failure.text());
            return Ok(FAILED);
        }
        Some(Ok(page)) => say(&format!("report: {}\n", page.display())),
        None => {}
    }
    let unsettled = exit_code(Verdict::Inconclusive);
    Ok(match (report.exit_code(), compared) {
        (DONE, Some(code)) => code,
        // That something got worse is known, whatever else is not.
        (code, Some(FAILS)) if code == unsettled => FAILS,
        (code, _) => code,
    })
}

/// Keeps what `--scenario` names.
fn select(set: &mut Set, files: &mut Vec<Files>, args: &LoadRun) -> Result<(), Failure> {
    if args.scenario.is_empty() {
        return Ok(());
    }
    if let Some(unknown) = args.scenario.iter().find(|name| set.scenarios.iter().all(|one| &one.name != *name)) {
        let known: Vec<&str> = set.scenarios.iter().map(|one| one.name.as_str()).collect();
        return Err(Failure::new(USAGE, format!("`{}` has no scenario `{unknown}`", args.what))
            .hint(format!("it has `{}`", known.join("`, `"))));
    }
    let kept: Vec<bool> = set.scenarios.iter().map(|one| args.scenario.contains(&one.name)).collect();
    let mut keep = kept.iter();
    set.scenarios.retain(|_| keep.next().copied().unwrap_or(false));
    let mut keep = kept.iter();
    files.retain(|_| keep.next().copied().unwrap_or(false));
    Ok(())
}
