//! `althing load`: send load to a server and judge what comes of it.

mod against;
mod live;
mod past;
mod reports;
mod run;
mod sweep;

pub(crate) use past::history;
pub(crate) use reports::{read, whole};

use crate::exit::{DONE, Failure, USAGE};
use crate::print::{self, print};
use crate::wiring;
use load::{Files, Set};
use shell::{Global, Load};
use std::path::Path;
use terminal::hang;
use verdict::compare::Comparison;
use verdict::{Report, Verdict, exit_code};

/// The exit code of a regression, and of a verdict that fails.
const FAILS: u8 = 99;

/// Runs one of them.
pub(crate) fn run(global: &Global, asked: Load) -> Result<u8, Failure> {
    wiring::logs(global, "warn")?;
    match asked {
        Load::Run(args) => run::run(global, &args),
        Load::List => list(global),
        Load::Show { name } => show(&name),
        Load::Schema { report } => {
            print::json(&if report { verdict::report_schema() } else { load::schema() })?;
            Ok(DONE)
        }
        Load::Compare { before, after } => compare(global, &before, &after),
        Load::Report { report, out, place } => reports::again(global, &report, out, &place),
        Load::Sweep(args) => sweep::run(global, &args),
        Load::Trend { name, target, limit, place } => past::trend(global, &name, target.as_deref(), limit, &place),
    }
}

/// A file where there is one of that name or something that looks like one, else what is built in; with the prompt
/// files of each scenario.
fn scenarios(what: &str) -> Result<(Set, Vec<Files>), Failure> {
    let path = Path::new(what);
    let is_file = path.is_file() || path.extension().is_some_and(|ending| ending == "toml") || what.contains('/');
    let failed = |error: load::ScenarioError| Failure::of(&error).code(USAGE);
    let set = match (is_file, load::builtin(what)) {
        (true, _) => load::read_file(path).map_err(failed)?,
        (false, Some(set)) => set,
        (false, None) => return Err(failed(load::unknown(what))),
    };
    let files = set.scenarios.iter().map(|scenario| load::prompts(scenario, what).map_err(failed));
    let files = files.collect::<Result<_, _>>()?;
    Ok((set, files))
}

fn list(global: &Global) -> Result<u8, Failure> {
    let names = load::names();
    if global.json {
        let entry =
            |(name, description): &(&str, String)| serde_json::json!({ "name": name, "description": description });
        print::json(&serde_json::json!({ "scenarios": names.iter().map(entry).collect::<Vec<_>>() }))?;
        return Ok(DONE);
    }
    let widest = names.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let line = |(name, description): &(&str, String)| hang(&format!("{name:widest$}  "), description);
    print(&names.iter().map(line).collect::<String>())?;
    Ok(DONE)
}

fn show(name: &str) -> Result<u8, Failure> {
    let text = load::show(name).ok_or_else(|| Failure::of(&load::unknown(name)).code(USAGE))?;
    print(&text)?;
    Ok(DONE)
}

fn compare(global: &Global, before: &Path, after: &Path) -> Result<u8, Failure> {
    let (before, after) = (read(before)?, read(after)?);
    let comparison = verdict::compare::compare(&before, &after);
    match global.json {
        true => print::json(&comparison)?,
        false => print(&verdict::compare::text(&comparison))?,
    }
    Ok(worse(&comparison, [&before, &after]))
}

/// The exit code of a comparison. That nothing got worse cannot be said of runs that are not to be believed.
fn worse(comparison: &Comparison, runs: [&Report; 2]) -> u8 {
    if comparison.regressed() {
        FAILS
    } else if runs.iter().any(|run| run.verdict == Verdict::Invalid) {
        exit_code(Verdict::Invalid)
    } else {
        DONE
    }
}
