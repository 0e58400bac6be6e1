//! What makes two runs hard to compare, in sentences. Knows both reports; judges nothing.

use super::REPEATS_MIN;
use super::effects::repeats;
use crate::report::{Report, ScenarioReport};

pub(super) fn notes(before: &Report, after: &Report, pairs: &[(&ScenarioReport, ScenarioReport)]) -> Vec<String> {
    let mut notes = facts(before, after);
    if pairs.is_empty() {
        notes.push("no scenario is in both runs: nothing was compared".to_owned());
    }
    for (a, b) in pairs {
        let name = &a.name;
        let least = repeats(a).min(repeats(b));
        if least < REPEATS_MIN {
            notes.push(format!(
                "`{name}`: {least} repeats on one side: intervals rest on slices of one run and do not see how runs \
                 differ; run both with `--repeat {REPEATS_MIN}` or more"
            ));
        }
        if a.pattern != b.pattern || a.users != b.users {
            notes
                .push(format!("`{name}`: {} with {} users against {} with {}", a.pattern, a.users, b.pattern, b.users));
        }
        if a.seed != b.seed {
            notes.push(format!("`{name}`: different seeds, {} and {}", a.seed, b.seed));
        } else if a.schedule_sha256 != b.schedule_sha256 {
            notes.push(format!("`{name}`: different schedules for the same seed: the scenario was changed"));
        }
    }
    notes
}

/// What differs between the runs as a whole.
fn facts(before: &Report, after: &Report) -> Vec<String> {
    let told = |version: &Option<String>| version.clone().unwrap_or_else(|| "none".to_owned());
    let (a, b, one, other) = (&before.target, &after.target, &before.environment, &after.environment);
    let differ = [
        ("targets", a.url.clone(), b.url.clone()),
        ("versions of the target", told(&a.althing), told(&b.althing)),
        ("simulated answers", a.simulated.to_string(), b.simulated.to_string()),
        ("generators", one.version.clone(), other.version.clone()),
        ("systems", one.system.clone(), other.system.clone()),
        ("processors", one.processor.clone(), other.processor.clone()),
        ("numbers of cores", one.cores.to_string(), other.cores.to_string()),
        ("amounts of memory in MB", one.memory_mb.to_string(), other.memory_mb.to_string()),
    ];
    let mut notes: Vec<String> = differ
        .into_iter()
        .filter(|(_, a, b)| a != b)
        .map(|(what, a, b)| format!("different {what}: `{a}` and `{b}`"))
        .collect();
    for (side, report) in [("first", before), ("second", after)] {
        if !report.complete {
            let why = report.incomplete.as_deref().unwrap_or("no reason given");
            notes.push(format!("the {side} run is incomplete: {why}"));
        }
    }
    if before.id == after.id {
        notes.push("both are the same run".to_owned());
    }
    notes
}
