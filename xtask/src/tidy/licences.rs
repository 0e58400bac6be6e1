//! Licences: every package of the resolved graph may be shipped with ours.

use super::Violation;
use super::banned::lock_line;
use crate::workspace::Workspace;

/// What may be shipped. `WITH` belongs to its licence.
const ALLOWED: [&str; 14] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

pub(super) fn check(workspace: &Workspace) -> Vec<Violation> {
    let mut found = Vec::new();
    for package in &workspace.packages {
        let message = match package.license.as_deref() {
            None => format!("package `{}` names no licence: use another", package.name),
            Some(licence) if allowed(licence) => continue,
            Some(licence) => format!(
                "package `{}` is under `{licence}`, which the list in xtask/src/tidy/licences.rs does not allow: use \
                 another",
                package.name
            ),
        };
        found.push(Violation::new("Cargo.lock", lock_line(workspace, &package.name, &package.version), message));
    }
    found
}

/// Whether an expression can be met with allowed licences alone. What cannot be understood is not allowed.
fn allowed(expression: &str) -> bool {
    // Before expressions were standard, `/` meant `OR`.
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut words = words.as_slice();
    any(&mut words) == Some(true) && words.is_empty()
}

/// `ALL (OR ALL)*`
fn any(words: &mut &[&str]) -> Option<bool> {
    let mut met = all(words)?;
    while eat(words, "OR") {
        met |= all(words)?;
    }
    Some(met)
}

/// `ONE (AND ONE)*`
fn all(words: &mut &[&str]) -> Option<bool> {
    let mut met = one(words)?;
    while eat(words, "AND") {
        met &= one(words)?;
    }
    Some(met)
}

/// `( ANY )` or `LICENCE` or `LICENCE WITH EXCEPTION`
fn one(words: &mut &[&str]) -> Option<bool> {
    if eat(words, "(") {
        let met = any(words)?;
        return eat(words, ")").then_some(met);
    }
    let mut licence = next(words)?.to_owned();
    if eat(words, "WITH") {
        licence = format!("{licence} WITH {}", next(words)?);
    }
    Some(ALLOWED.contains(&licence.as_str()))
}

fn next<'a>(words: &mut &[&'a str]) -> Option<&'a str> {
    let (first, rest) = words.split_first()?;
    *words = rest;
    Some(first)
}

fn eat(words: &mut &[&str], word: &str) -> bool {
    let found = words.first() == Some(&word);
    if found {
        *words = &words[1..];
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::printed;
    use super::*;

    #[test]
    fn expressions_are_met_or_not() {
        for good in [
            "MIT",
            "MIT/Apache-2.0",
            "GPL-3.0 OR MIT",
            "Apache-2.0 AND ISC",
            "(MIT OR GPL-3.0) AND Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception OR GPL-3.0",
            "MIT OR (GPL-3.0 AND ISC)",
        ] {
            assert!(allowed(good), "{good}");
        }
        for bad in [
            "",
            "GPL-3.0",
            "MIT AND GPL-3.0",
            "MIT AND (GPL-3.0 OR LGPL-3.0)",
            "ISC WITH LLVM-exception",
            "MIT OR",
            "(MIT",
            "MIT)",
            "MIT ISC",
        ] {
            assert!(!allowed(bad), "{bad}");
        }
    }

    #[test]
    fn the_package_is_named_with_its_line() {
        let lock = "[[package]]\nname = \"a\"\nversion = \"1.0.0\"\n\n[[package]]\nname = \"b\"\nversion = \"2.0.0\"\n";
        let workspace = Workspace::of(&[("Cargo.lock", lock)], &[])
            .package("a", "1.0.0", Some("GPL-3.0"))
            .package("b", "2.0.0", None)
            .package("c", "1.0.0", Some("MIT"));
        let found = printed(&check(&workspace));
        assert!(found[0].starts_with("Cargo.lock:2: package `a` is under `GPL-3.0`"), "{found:?}");
        assert_eq!(found[1], "Cargo.lock:6: package `b` names no licence: use another");
        assert_eq!(found.len(), 2);
    }
}
