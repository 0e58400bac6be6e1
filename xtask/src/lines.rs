//! How many lines each crate has, tests apart. Counts; judging is for `tidy::ratchets`.

use std::process::ExitCode;

use crate::workspace::{Member, Workspace, within};
use bench::Trouble;

/// The lines of one crate. Blank lines and comments count.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tally {
    /// The package's name.
    pub(crate) name: String,
    /// Its folder.
    pub(crate) dir: String,
    /// Its `.rs` files.
    pub(crate) files: usize,
    /// Lines that are built into the product.
    pub(crate) code: usize,
    /// Lines that only tests, benchmarks and examples need.
    pub(crate) tests: usize,
}

impl Tally {
    /// Whether the crate is part of what is shipped, and so part of the whole that shares are taken of.
    pub(crate) fn ships(&self) -> bool {
        self.dir != "xtask" && self.dir != "bench" && self.dir != "crates/testkit"
    }
}

/// One tally for each member, in the order of folders.
pub(crate) fn tallies(workspace: &Workspace) -> Vec<Tally> {
    let mut all: Vec<Tally> = workspace.members.iter().map(|member| tally(workspace, member)).collect();
    all.sort_by(|one, other| one.dir.cmp(&other.dir));
    all
}

/// The product's lines: what shares are taken of.
pub(crate) fn shipped(tallies: &[Tally]) -> usize {
    tallies.iter().filter(|tally| tally.ships()).map(|tally| tally.code).sum()
}

fn tally(workspace: &Workspace, member: &Member) -> Tally {
    let mut tally = Tally { name: member.name.clone(), dir: member.dir.clone(), files: 0, code: 0, tests: 0 };
    for source in &workspace.sources {
        let Some(inside) = within(&source.path, &member.dir) else { continue };
        let tests = if is_for_tests(workspace, &source.path, inside) { source.lines } else { source.test_lines };
        tally.files += 1;
        tally.tests += tests;
        tally.code += source.lines - tests;
    }
    tally
}

fn is_for_tests(workspace: &Workspace, path: &str, inside: &str) -> bool {
    let stem = path.strip_suffix(".rs").unwrap_or(path);
    ["tests/", "benches/", "examples/"].iter().any(|dir| inside.starts_with(dir))
        || workspace
            .sources
            .iter()
            .flat_map(|source| &source.test_modules)
            .any(|module| stem == module || within(path, module).is_some())
}

/// Prints the table.
pub(crate) fn run() -> Result<ExitCode, Trouble> {
    let workspace = Workspace::load()?;
    print!("{}", table(&tallies(&workspace)));
    Ok(ExitCode::SUCCESS)
}

fn table(tallies: &[Tally]) -> String {
    let whole = shipped(tallies);
    let row = |name: &str, files: &str, code: &str, tests: &str, share: &str| {
        format!("{name:<14} {files:>6} {code:>8} {tests:>8} {share:>7}\n")
    };
    let mut table = row("crate", "files", "code", "tests", "share");
    for tally in tallies {
        let share = match tally.ships() {
            true => format!("{:.1} %", tally.code as f64 * 100.0 / whole.max(1) as f64),
            false => "-".to_owned(),
        };
        let Tally { name, files, code, tests, .. } = tally;
        table += &row(name, &files.to_string(), &code.to_string(), &tests.to_string(), &share);
    }
    let sum = |of: fn(&Tally) -> usize| tallies.iter().map(of).sum::<usize>().to_string();
    table + &row("all", &sum(|t| t.files), &sum(|t| t.code), &sum(|t| t.tests), "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_and_tests_are_counted_apart() {
        let workspace = Workspace::of(
            &[
                ("crates/a/b/src/lib.rs", "//! B.\nfn b() {}\n#[cfg(test)]\nmod cases;\n"),
                ("crates/a/b/src/cases.rs", "//! C.\n"),
                ("crates/a/b/src/cases/one.rs", "//! C.\n"),
                ("crates/a/b/tests/d.rs", "//! D.\n"),
                ("tests/main.rs", "//! Black box: nobody's.\n"),
            ],
            &[("b", "crates/a/b")],
        );
        let expect = Tally { name: "b".into(), dir: "crates/a/b".into(), files: 4, code: 2, tests: 5 };
        assert_eq!(tallies(&workspace), [expect]);
    }

    #[test]
    fn shares_leave_out_what_is_not_shipped() {
        let one = |name: &str, dir: &str, code| Tally { name: name.into(), dir: dir.into(), files: 1, code, tests: 0 };
        let all = [one("a", "crates/x/a", 30), one("b", "crates/x/b", 10), one("xtask", "xtask", 500)];
        assert_eq!(shipped(&all), 40);
        let table = table(&all);
        assert!(table.contains("75.0 %") && table.contains("25.0 %"), "{table}");
    }
}
