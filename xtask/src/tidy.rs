//! `cargo xtask tidy`: the laws of the house as checks. Each rule is a file beside its tests; a rule sees the whole
//! workspace and knows no other rule.

mod banned;
mod floors;
mod licences;
mod members;
mod openings;
mod ratchets;
mod words;

use std::fmt;
use std::process::ExitCode;

use crate::workspace::Workspace;
use bench::Trouble;

/// A rule: everything in the workspace that breaks it.
type Rule = fn(&Workspace) -> Vec<Violation>;

/// Every rule. A new one is a module above and a line here.
const RULES: [Rule; 7] =
    [floors::check, ratchets::check, openings::check, licences::check, banned::check, words::check, members::check];

/// One place that breaks a rule, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Violation {
    path: String,
    line: usize,
    message: String,
}

impl Violation {
    fn new(path: impl Into<String>, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.into(), line, message: message.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}: {}", self.path, self.line, self.message)
    }
}

/// Checks every rule and prints what breaks them.
pub(crate) fn run() -> Result<ExitCode, Trouble> {
    let workspace = Workspace::load()?;
    let mut found: Vec<Violation> = RULES.iter().flat_map(|rule| rule(&workspace)).collect();
    found.sort();
    for violation in &found {
        println!("{violation}");
    }
    if !found.is_empty() {
        eprintln!("tidy: {} to put right", found.len());
        return Ok(ExitCode::FAILURE);
    }
    let (files, crates, packages) = (workspace.files.len(), workspace.members.len(), workspace.packages.len());
    println!("tidy: {} rules hold over {files} files, {crates} crates and {packages} packages", RULES.len());
    Ok(ExitCode::SUCCESS)
}

/// What a rule's test compares: each violation as it would be printed.
#[cfg(test)]
fn printed(found: &[Violation]) -> Vec<String> {
    found.iter().map(ToString::to_string).collect()
}
