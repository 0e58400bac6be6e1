//! Members: every crate inherits the workspace's lints and licence, and is never published by mistake.

use toml::Table;

use super::Violation;
use crate::workspace::{Member, Workspace, line_of};

/// The table and key of what a crate inherits.
const INHERITED: [(&str, &str); 2] = [("package", "license"), ("package", "publish")];

pub(super) fn check(workspace: &Workspace) -> Vec<Violation> {
    workspace.members.iter().flat_map(|member| check_member(workspace, member)).collect()
}

fn check_member(workspace: &Workspace, member: &Member) -> Vec<Violation> {
    let (path, text) = (member.manifest(), workspace.text(&member.manifest()));
    let manifest: Table = match text.parse() {
        Ok(manifest) => manifest,
        Err(error) => return vec![Violation::new(path, 1, format!("cannot be understood: {error}"))],
    };
    let mut found = Vec::new();
    if !inherits(manifest.get("lints")) {
        found.push(Violation::new(&path, 1, "does not inherit lints: add `[lints]` with `workspace = true`"));
    }
    for (table, key) in INHERITED {
        if !inherits(manifest.get(table).and_then(|table| table.get(key))) {
            let line = line_of(text, |line| line.starts_with(key));
            let message = format!("does not inherit `{key}`: write `{key}.workspace = true` under `[{table}]`");
            found.push(Violation::new(&path, line, message));
        }
    }
    found
}

fn inherits(value: Option<&toml::Value>) -> bool {
    value.and_then(|value| value.get("workspace")).and_then(toml::Value::as_bool) == Some(true)
}

#[cfg(test)]
mod tests {
    use super::super::printed;
    use super::*;

    fn of(manifest: &str) -> Vec<String> {
        printed(&check(&Workspace::of(&[("crates/a/b/Cargo.toml", manifest)], &[("b", "crates/a/b")])))
    }

    #[test]
    fn what_is_not_inherited_is_found() {
        let good = "[package]\nlicense.workspace = true\npublish = { workspace = true }\n[lints]\nworkspace = true\n";
        assert_eq!(of(good), [""; 0]);
        assert_eq!(
            of("[package]\nlicense = \"MIT\"\npublish.workspace = true\n"),
            [
                "crates/a/b/Cargo.toml:1: does not inherit lints: add `[lints]` with `workspace = true`",
                "crates/a/b/Cargo.toml:2: does not inherit `license`: write `license.workspace = true` under `[package]`",
            ]
        );
        assert!(of(&good.replace("{ workspace = true }", "true"))[0].contains("does not inherit `publish`"));
        assert!(of("[package")[0].contains("cannot be understood"));
    }
}
