//! Benchmarks that measure themselves: examples of rooms, and tests that `make test` runs short. Knows how they are
//! run and what files they leave; refuses to know what they measure.

use super::outcome::{Figure, Measured, Ratio, Verdict};
use super::{Setup, write_failed};
use crate::trouble::Trouble;
use serde::Deserialize;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

/// The variable that asks an example for a short run; those that take little time anyway do not look at it.
const QUICK: &str = "ALTHING_BENCH_QUICK";

/// A test that is run longer than `make test` does.
pub(super) struct Soak {
    pub(super) package: &'static str,
    /// What `cargo test` is told beside the package: which test.
    pub(super) test: &'static [&'static str],
    /// The variable that says how long it is, and its value whole and quick.
    pub(super) variable: &'static str,
    pub(super) count: (u32, u32),
    /// What is counted.
    pub(super) unit: &'static str,
}

/// What an example writes with `--json FOLDER`: one file for each of its benchmarks.
#[derive(Deserialize)]
struct Told {
    #[serde(rename = "benchmark")]
    name: String,
    figures: Vec<Figure>,
    #[serde(default)]
    ratios: Vec<Ratio>,
}

/// Runs an example in the release profile and reads the files that it leaves.
pub(super) fn example(setup: &Setup, package: &str, example: &str) -> Result<Measured, Trouble> {
    let folder = setup.folder.join("parts").join(example);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).map_err(|source| write_failed(&folder, source))?;
    let mut command = Command::new("cargo");
    command.args(["run", "--release", "--locked", "-q", "-p", package, "--example", example, "--", "--json"]);
    if setup.quick {
        command.env(QUICK, "1");
    }
    let output = command.arg(&folder).stdin(Stdio::null()).output();
    let output = output.map_err(|source| Trouble::Start { command: "cargo".to_owned(), source })?;
    let mut measured = read(&folder)?;
    // A target that is missed is an exit code too, but its figure says so itself.
    let missed = measured.figures.iter().any(|figure| matches!(figure.verdict, Verdict::Fail | Verdict::Void));
    let text = String::from_utf8_lossy(&output.stderr);
    if measured.figures.is_empty() || (!output.status.success() && !missed) {
        measured.void = Some(format!("`{example}` stopped: {}", text.trim()));
    } else if !output.status.success() {
        // What failed, and the seed with which it comes back.
        eprintln!("{}", text.trim());
    }
    Ok(measured)
}

/// All files of a folder, by their names.
fn read(folder: &Path) -> Result<Measured, Trouble> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.path()).collect();
    files.sort();
    let (mut measured, many) = (Measured::default(), files.len() > 1);
    for file in &files {
        let text = std::fs::read_to_string(file);
        let text = text.map_err(|source| Trouble::Read { path: file.display().to_string(), source })?;
        let told: Told = serde_json::from_str(&text)
            .map_err(|source| Trouble::Answer { command: file.display().to_string(), source })?;
        let named = |name: &str| if many { format!("{}: {name}", told.name) } else { name.to_owned() };
        let figures = told.figures.iter().map(|figure| Figure { name: named(&figure.name), ..figure.clone() });
        measured.figures.extend(figures);
        measured.ratios.extend(told.ratios.iter().map(|ratio| Ratio { name: named(&ratio.name), ..ratio.clone() }));
    }
    Ok(measured)
}

/// Runs a test in the release profile, long.
pub(super) fn soak(setup: &Setup, soak: &Soak) -> Result<Measured, Trouble> {
    let count = if setup.quick { soak.count.1 } else { soak.count.0 };
    let cargo = |last: &[&str]| {
        let mut command = Command::new("cargo");
        command.args(["test", "--release", "--locked", "-q", "-p", soak.package]).args(soak.test).args(last);
        command.env(soak.variable, count.to_string()).stdin(Stdio::null());
        command.output().map_err(|source| Trouble::Start { command: "cargo".to_owned(), source })
    };
    // Built first, so that the clock sees the test alone.
    let built = cargo(&["--no-run"])?;
    if !built.status.success() {
        let stderr = String::from_utf8_lossy(&built.stderr).trim().to_owned();
        return Err(Trouble::Failed { command: "cargo test --no-run".to_owned(), stderr });
    }
    let began = Instant::now();
    let output = cargo(&[])?;
    let seconds = began.elapsed().as_secs_f64();
    let text = String::from_utf8_lossy(&output.stdout);
    let mut measured = Measured::default();
    measured.figures.push(Figure::new(soak.unit, f64::from(count), ""));
    measured.figures.push(Figure::new("time", seconds, "s"));
    if passed(&text) == 0 && output.status.success() {
        measured.void = Some("there is no such test".to_owned());
    } else if !output.status.success() {
        eprintln!("{}", text.trim());
        measured.failed = Some("the test failed".to_owned());
    }
    // A test that passes has kept its promise for every one of them.
    if let Some(figure) = measured.figures.first_mut() {
        figure.verdict = if output.status.success() { Verdict::Pass } else { Verdict::Fail };
    }
    Ok(measured)
}

/// How many tests passed, in all lines like `test result: ok. 1 passed; 0 failed; …`.
fn passed(text: &str) -> u32 {
    let lines = text.lines().filter_map(|line| line.strip_prefix("test result: "));
    lines.filter_map(|line| line.split_once(" passed")?.0.rsplit(' ').next()?.parse::<u32>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_that_is_not_there_did_not_pass() {
        let line = |count| format!("running\ntest result: ok. {count} passed; 0 failed; 0 ignored; finished in 1s\n");
        assert_eq!(passed(&format!("{}{}", line(0), line(2))), 2);
        assert_eq!(passed(&line(0)), 0);
    }

    #[test]
    fn an_examples_files_are_read() {
        let folder = crate::process::Folder::new().unwrap();
        let figure =
            "{\"name\":\"rate\",\"value\":12.5,\"unit\":\"/s\",\"target\":{\"at_least\":10},\"verdict\":\"pass\"}";
        folder.write("a.json", &format!("{{\"benchmark\":\"one\",\"figures\":[{figure}]}}")).unwrap();
        assert_eq!(read(folder.path()).unwrap().figures[0].name, "rate");
        folder.write("b.json", "{\"benchmark\":\"two\",\"figures\":[],\"extra\":1}").unwrap();
        assert_eq!(read(folder.path()).unwrap().figures[0].name, "one: rate");
        folder.write("c.json", "{}").unwrap();
        assert!(read(folder.path()).is_err());
    }
}
