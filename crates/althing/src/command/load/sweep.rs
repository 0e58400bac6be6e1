//! `althing load sweep`.

use super::live::watched;
use super::{against, past, reports, scenarios};
use crate::exit::{DONE, FAILED, Failure, INTERRUPTED, USAGE};
use crate::print::{self, print, say};
use crate::wiring;
use load::history::History;
use load::{Options, Scenario};
use shell::{Global, LoadSweep};

/// Numbers of users where neither the command line nor the scenario says any.
const USERS: [u32; 7] = [1, 2, 4, 8, 16, 32, 64];

/// Measures, fits, reports.
pub(super) fn run(global: &Global, args: &LoadSweep) -> Result<u8, Failure> {
    let (set, files) = scenarios(&args.what)?;
    let (Some(mut scenario), 1) = (set.scenarios.first().cloned(), set.scenarios.len()) else {
        let names: Vec<&str> = set.scenarios.iter().map(|one| one.name.as_str()).collect();
        return Err(Failure::new(USAGE, format!("`{}` holds several scenarios", args.what))
            .hint(format!("name one of `{}`", names.join("`, `"))));
    };
    scenario.operations = args.operations.unwrap_or(scenario.operations);
    against::adjust(&mut scenario, &args.against);
    let users = match (args.users.as_slice(), load::levels(&scenario.name)) {
        ([], Some(levels)) => levels,
        ([], None) => &USERS,
        (users, _) => users,
    };
    for level in users {
        against::check(&Scenario { users: *level, ..scenario.clone() })?;
    }
    let options = Options { repeats: args.repeat, ..against::options(&args.against)? };
    let folder = args.against.out.as_deref().map(reports::folder).transpose()?;
    let files = files.into_iter().next().unwrap_or_default();
    let measured =
        watched(async |stop, live| load::sweep(&scenario, &files, users, &options, stop, |step| live.tell(step)).await);
    let (sweep, stopped) = wiring::run(async { Ok(measured.await) })?;
    let sweep = sweep.map_err(|error| Failure::of(&error))?;
    match global.json {
        true => print::json(&sweep)?,
        false => print(&verdict::sweep::text(&sweep))?,
    }
    if let Some(folder) = folder {
        let file = folder.join("sweep.json");
        if let Err(failure) = reports::document(&file, &sweep) {
            // What is on standard output is the one document there is.
            say(&failure.text());
            return Ok(FAILED);
        }
        say(&format!("sweep: {}; `althing plan {}` plans with it\n", file.display(), file.display()));
    }
    if stopped {
        return Ok(INTERRUPTED);
    }
    if !args.against.no_save {
        let kept = past::history(global, &args.against.place, true, async |history: &History| {
            history.keep_sweep(&sweep).await
        });
        if let Err(failure) = kept {
            past::unkept(&failure);
        }
    }
    Ok(if sweep.fit.is_some() { DONE } else { FAILED })
}
