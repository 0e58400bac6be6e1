//! Openings: every Rust file can be parsed and opens with `//!`, and a `mod.rs` only lists what is beside it.

use super::Violation;
use crate::source::Source;
use crate::workspace::Workspace;

pub(super) fn check(workspace: &Workspace) -> Vec<Violation> {
    workspace.sources.iter().flat_map(|source| check_source(source, workspace.text(&source.path))).collect()
}

fn check_source(source: &Source, text: &str) -> Vec<Violation> {
    let mut found = Vec::new();
    if !text.trim_start().starts_with("//!") {
        let message = "does not open with `//!`: say what the file is for and what it refuses to know";
        found.push(Violation::new(&source.path, 1, message));
    }
    if let Some((line, reason)) = &source.unparsed {
        found.push(Violation::new(&source.path, *line, format!("cannot be parsed ({reason}): put it right")));
    }
    if source.path.ends_with("/mod.rs") {
        found.extend(source.functions.iter().map(|function| {
            let message = format!("`{}` has a body in a `mod.rs`: move it to a file named for it", function.name);
            Violation::new(&source.path, function.line, message)
        }));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::printed;
    use super::*;

    fn of(path: &str, text: &str) -> Vec<String> {
        printed(&check(&Workspace::of(&[(path, text)], &[])))
    }

    #[test]
    fn a_file_opens_with_its_purpose() {
        assert_eq!(of("xtask/src/a.rs", "//! A.\nfn a() {}\n"), [""; 0]);
        let missing =
            "xtask/src/a.rs:1: does not open with `//!`: say what the file is for and what it refuses to know";
        for text in ["fn a() {}\n", "", "// A.\n", "/// A.\nfn a() {}\n"] {
            assert_eq!(of("xtask/src/a.rs", text), [missing]);
        }
        assert!(of("a.rs", "//! A.\nfn {\n")[0].starts_with("a.rs:2: cannot be parsed"));
    }

    #[test]
    fn a_mod_file_holds_no_bodies() {
        assert_eq!(of("a/mod.rs", "//! A.\nmod b;\npub trait T { fn t(); }\n"), [""; 0]);
        assert_eq!(
            of("a/mod.rs", "//! A.\nfn b() {}\n"),
            ["a/mod.rs:2: `b` has a body in a `mod.rs`: move it to a file named for it"]
        );
    }
}
