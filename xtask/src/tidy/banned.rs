//! Banned crates: what the house has decided against, and names that would say nothing.

use super::Violation;
use crate::workspace::{Package, Workspace};

/// Packages that may not be in the resolved graph, and what to use instead.
const PACKAGES: [(&str, &str); 8] = [
    ("apalis", "our own leased queue: it has no fencing"),
    ("aws-lc-rs", "rustls with ring"),
    ("aws-lc-sys", "rustls with ring"),
    ("foyer", "one file per entry, or an SQLite file"),
    ("native-tls", "rustls with ring"),
    ("openssl", "rustls with ring"),
    ("openssl-sys", "rustls with ring"),
    ("tantivy", "our own lexical index"),
];

/// Names that tell nothing about a room.
const NAMES: [&str; 4] = ["common", "core", "util", "utils"];

pub(super) fn check(workspace: &Workspace) -> Vec<Violation> {
    let mut found: Vec<Violation> = workspace
        .packages
        .iter()
        .filter_map(|package| {
            let message = refusal(package)?;
            Some(Violation::new("Cargo.lock", lock_line(workspace, &package.name, &package.version), message))
        })
        .collect();
    found.extend(second_sqlite(workspace));
    found.extend(workspace.members.iter().filter(|member| NAMES.contains(&member.name.as_str())).map(|member| {
        let message = format!("a crate named `{}` says nothing: name it for what it is about", member.name);
        Violation::new(member.manifest(), 1, message)
    }));
    found
}

fn refusal(package: &Package) -> Option<String> {
    let name = &package.name;
    if let Some((_, instead)) = PACKAGES.iter().find(|(banned, _)| banned == name) {
        return Some(format!(
            "package `{name}` is banned: use {instead} (`cargo tree -i {name}` tells who asks for it)"
        ));
    }
    let old = name == "sqlx" && release(&package.version) < (0, 9);
    old.then(|| format!("package `sqlx` {} is too old: use 0.9 or later", package.version))
}

/// Two copies of SQLite in one process break its locks.
fn second_sqlite(workspace: &Workspace) -> Option<Violation> {
    let second = workspace.packages.iter().filter(|package| package.name == "libsqlite3-sys").nth(1)?;
    let line = lock_line(workspace, &second.name, &second.version);
    let message = "package `libsqlite3-sys` is there twice: align the versions of those who ask for it";
    Some(Violation::new("Cargo.lock", line, message))
}

fn release(version: &str) -> (u64, u64) {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}

/// The line of `Cargo.lock` that names this version of a package; 1 when there is none.
pub(super) fn lock_line(workspace: &Workspace, name: &str, version: &str) -> usize {
    let lines: Vec<&str> = workspace.text("Cargo.lock").lines().collect();
    let (name, version) = (format!("name = \"{name}\""), format!("version = \"{version}\""));
    lines.windows(2).position(|pair| pair == [&name, &version]).map_or(1, |index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::super::printed;
    use super::*;

    fn of(packages: &[(&str, &str)]) -> Vec<String> {
        let empty = Workspace::of(&[], &[]);
        let workspace = packages.iter().fold(empty, |all, (name, version)| all.package(name, version, None));
        printed(&check(&workspace))
    }

    #[test]
    fn banned_packages_are_found() {
        for (name, _) in PACKAGES {
            assert!(of(&[(name, "1.0.0")])[0].starts_with(&format!("Cargo.lock:1: package `{name}` is banned: use ")));
        }
        assert_eq!(of(&[("rustls", "0.23.0"), ("sqlx", "0.9.0"), ("libsqlite3-sys", "0.30.0")]), [""; 0]);
        assert!(of(&[("sqlx", "0.8.6")])[0].contains("too old"));
        assert!(of(&[("libsqlite3-sys", "0.30.0"), ("libsqlite3-sys", "0.31.0")])[0].contains("twice"));
    }

    #[test]
    fn names_that_say_nothing_are_found() {
        let found = check(&Workspace::of(&[], &[("util", "crates/foundation/util"), ("net", "crates/resources/net")]));
        assert_eq!(
            printed(&found),
            ["crates/foundation/util/Cargo.toml:1: a crate named `util` says nothing: name it for what it is about"]
        );
    }
}
