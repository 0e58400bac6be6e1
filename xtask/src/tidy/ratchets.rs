//! Ratchets: functions, files and crates stay small enough to read, and no crate becomes the house. What is larger
//! stands with its exact size in `xtask/ratchets.toml`, a list that can only shrink.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Violation;
use crate::lines::{shipped, tallies};
use crate::workspace::{Workspace, line_of};

/// The list of exceptions.
const EXCEPTIONS: &str = "xtask/ratchets.toml";
/// The longest a function may be, in lines from its signature to its closing brace.
const FUNCTION_LINES_MAX: usize = 70;
/// The longest a file may be, in lines, tests included.
const FILE_LINES_MAX: usize = 800;
/// The largest a crate may be, in lines outside tests.
const CRATE_LINES_MAX: usize = 5_000;
/// The largest share of the product's lines one crate may have, in percent.
const SHARE_PERCENT_MAX: usize = 20;
/// Shares are judged only above this many lines: the first rooms of a house are large parts of it.
const SHARE_FROM_LINES: usize = 20_000;

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Exceptions {
    functions: BTreeMap<String, usize>,
    files: BTreeMap<String, usize>,
    crates: BTreeMap<String, usize>,
    shares: BTreeMap<String, usize>,
}

/// One kind of size: its limit, and every measure of it by the key an exception would have.
struct Gauge {
    what: &'static str,
    unit: &'static str,
    max: usize,
    advice: &'static str,
    measures: BTreeMap<String, Measure>,
}

struct Measure {
    size: usize,
    path: String,
    line: usize,
}

pub(super) fn check(workspace: &Workspace) -> Vec<Violation> {
    let list = workspace.text(EXCEPTIONS);
    let exceptions: Exceptions = match toml::from_str(list) {
        Ok(exceptions) => exceptions,
        Err(error) => return vec![Violation::new(EXCEPTIONS, 1, format!("cannot be understood: {error}"))],
    };
    let mut found = compare(&functions(workspace), &exceptions.functions, list);
    found.extend(compare(&files(workspace), &exceptions.files, list));
    found.extend(compare(&crates(workspace), &exceptions.crates, list));
    found.extend(compare(&shares(workspace), &exceptions.shares, list));
    found
}

fn functions(workspace: &Workspace) -> Gauge {
    let mut measures: BTreeMap<String, Measure> = BTreeMap::new();
    for source in &workspace.sources {
        for function in &source.functions {
            let key = format!("{}::{}", source.path, function.name);
            // Of functions that share a name the longest counts.
            if measures.get(&key).is_none_or(|known| known.size < function.lines) {
                let measure = Measure { size: function.lines, path: source.path.clone(), line: function.line };
                measures.insert(key, measure);
            }
        }
    }
    let advice = "give its steps names and functions of their own";
    Gauge { what: "function", unit: "lines", max: FUNCTION_LINES_MAX, advice, measures }
}

fn files(workspace: &Workspace) -> Gauge {
    let measure = |path: &String, size| (path.clone(), Measure { size, path: path.clone(), line: 1 });
    let measures = workspace.sources.iter().map(|source| measure(&source.path, source.lines)).collect();
    Gauge { what: "file", unit: "lines", max: FILE_LINES_MAX, advice: "split it by idea, not by length", measures }
}

fn crates(workspace: &Workspace) -> Gauge {
    let tallies = tallies(workspace);
    let measures = tallies.into_iter().map(|tally| (tally.name, measure_crate(&tally.dir, tally.code))).collect();
    let advice = "let an idea in it become a room of its own";
    Gauge { what: "crate", unit: "lines outside tests", max: CRATE_LINES_MAX, advice, measures }
}

fn shares(workspace: &Workspace) -> Gauge {
    let tallies = tallies(workspace);
    let whole = shipped(&tallies);
    let judged = tallies.into_iter().filter(|tally| whole > SHARE_FROM_LINES && tally.ships());
    let share = |code: usize| (code * 100).div_ceil(whole);
    let measures = judged.map(|tally| (tally.name, measure_crate(&tally.dir, share(tally.code)))).collect();
    let advice = "let an idea in it become a room of its own";
    Gauge { what: "crate", unit: "% of the code", max: SHARE_PERCENT_MAX, advice, measures }
}

fn measure_crate(dir: &str, size: usize) -> Measure {
    Measure { size, path: format!("{dir}/Cargo.toml"), line: 1 }
}

/// Everything over the limit needs an exception of exactly its size; every exception needs something over the limit.
fn compare(gauge: &Gauge, exceptions: &BTreeMap<String, usize>, list: &str) -> Vec<Violation> {
    let Gauge { what, unit, max, advice, measures } = gauge;
    let over = |measure: &&Measure| measure.size > *max;
    let mut found = Vec::new();
    for (key, measure) in measures.iter().filter(|(_, measure)| over(measure)) {
        let allowed = *exceptions.get(key).unwrap_or(max);
        if measure.size > allowed {
            let message = format!("{what} `{key}` has {} {unit}, {allowed} are allowed: {advice}", measure.size);
            found.push(Violation::new(&measure.path, measure.line, message));
        }
    }
    for (key, allowed) in exceptions {
        let message = match measures.get(key).filter(over) {
            None => format!("the exception for {what} `{key}` is not needed: remove it"),
            Some(measure) if measure.size < *allowed => {
                format!("the exception for {what} `{key}` is larger than needed: lower it to {}", measure.size)
            }
            Some(_) => continue,
        };
        let line = line_of(list, |line| line.trim_start().starts_with(&format!("\"{key}\"")));
        found.push(Violation::new(EXCEPTIONS, line, message));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::printed;
    use super::*;

    const PATH: &str = "crates/a/b/src/lib.rs";

    fn of(source: &str, list: &str) -> Vec<String> {
        printed(&check(&Workspace::of(&[(PATH, source), (EXCEPTIONS, list)], &[("b", "crates/a/b")])))
    }

    fn function(lines: usize) -> String {
        format!("//! B.\nfn long() {{\n{}}}\n", "\n".repeat(lines - 2))
    }

    #[test]
    fn functions_over_the_limit_are_found() {
        assert_eq!(of(&function(70), ""), [""; 0]);
        assert_eq!(
            of(&function(71), ""),
            ["crates/a/b/src/lib.rs:2: function `crates/a/b/src/lib.rs::long` has 71 lines, 70 are allowed: give its \
              steps names and functions of their own"]
        );
    }

    #[test]
    fn exceptions_may_only_shrink() {
        let list = |size: usize| format!("[functions]\n\"{PATH}::long\" = {size}\n");
        assert_eq!(of(&function(75), &list(75)), [""; 0]);
        assert!(of(&function(76), &list(75))[0].contains("has 76 lines, 75 are allowed"));
        assert_eq!(
            of(&function(74), &list(75)),
            ["xtask/ratchets.toml:2: the exception for function `crates/a/b/src/lib.rs::long` is larger than needed: \
              lower it to 74"]
        );
        assert!(of(&function(70), &list(75))[0].ends_with("is not needed: remove it"));
        assert!(of("//! B.\n", "[files]\n\"gone.rs\" = 900\n")[0].contains("`gone.rs` is not needed"));
        assert!(of("//! B.\n", "[typo]\n")[0].contains("cannot be understood"));
    }

    #[test]
    fn files_and_crates_over_the_limit_are_found() {
        assert_eq!(of(&"\n".repeat(800), ""), [""; 0]);
        assert!(of(&"\n".repeat(801), "")[0].contains("has 801 lines, 800 are allowed: split it by idea"));
        let large = of(&"\n".repeat(5_001), "");
        assert!(large[1].starts_with("crates/a/b/Cargo.toml:1: crate `b` has 5001 lines outside tests"), "{large:?}");
    }

    #[test]
    fn shares_are_judged_once_there_is_a_house() {
        let shares = |lines: usize| {
            let (large, small) = ("\n".repeat(lines * 3 / 10), "\n".repeat(lines - lines * 3 / 10));
            let files = [(PATH, large.as_str()), ("crates/a/c/src/lib.rs", small.as_str())];
            let found = check(&Workspace::of(&files, &[("b", "crates/a/b"), ("c", "crates/a/c")]));
            printed(&found).into_iter().filter(|line| line.contains("% of the code")).collect::<Vec<_>>()
        };
        assert_eq!(shares(20_000), [""; 0]);
        assert!(shares(30_000)[0].contains("crate `b` has 30 % of the code, 20 are allowed"));
    }
}
