//! Words: no unfinished or debugging code, no test switched off, no path of one machine, no address of a package
//! registry. The words stand here in pieces so that this file passes its own rule.

use super::Violation;
use crate::workspace::Workspace;

/// What may not stand in Rust code, in pieces, and what to do instead. A word that continues another is not meant.
const CODE: [(&[&str], &str); 4] = [
    (&["to", "do!"], "finish it or leave it out"),
    (&["un", "implemented!"], "finish it or leave it out"),
    (&["db", "g!"], "remove it, or use a tracing event"),
    (&["#[", "ignore"], "let the test start what it needs, or remove it"),
];

/// Beginnings of paths, after the slash, that only one machine has.
const MACHINE: [&[&str]; 4] = [&["wo", "rk"], &["fa", "rm"], &["tmp/bash", "_jobs"], &["root", "/."]];

/// First labels of the hosts of package registries.
const REGISTRY: [&str; 6] = ["index", "static", "registry", "files", "deb", "security"];

pub(super) fn check(workspace: &Workspace) -> Vec<Violation> {
    let mut found = Vec::new();
    for (path, text) in &workspace.files {
        for (index, line) in text.lines().enumerate() {
            let message = if path.ends_with(".rs") { code(line) } else { None };
            let message = message.or_else(|| if is_lock(path) { None } else { place(line) });
            found.extend(message.map(|message| Violation::new(path, index + 1, message)));
        }
    }
    found
}

/// Lock files name the registries their packages came from.
fn is_lock(path: &str) -> bool {
    path == "Cargo.lock" || path.ends_with("package-lock.json")
}

fn code(line: &str) -> Option<String> {
    CODE.iter().find_map(|(pieces, instead)| {
        let word = pieces.concat();
        let starts = |(index, _): (usize, &str)| !line[..index].ends_with(|c: char| c.is_alphanumeric() || c == '_');
        line.match_indices(&word).any(starts).then(|| format!("`{word}` may not stay: {instead}"))
    })
}

fn place(line: &str) -> Option<String> {
    if line.match_indices('/').any(|(index, _)| is_machine_path(&line[..index], &line[index + 1..])) {
        return Some("a path of one machine: use one that every machine has, or a setting".to_owned());
    }
    let mut addresses = ["http://", "https://"].iter().flat_map(|scheme| line.split(scheme).skip(1));
    let registry = addresses.any(is_registry);
    registry.then(|| "an address of a package registry: name the package, its client knows the place".to_owned())
}

/// Whether a path that begins one machine's begins here: after nothing that would make it part of a longer path.
fn is_machine_path(before: &str, after: &str) -> bool {
    let inside = before.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.');
    !inside && MACHINE.iter().any(|pieces| after.starts_with(&pieces.concat()))
}

fn is_registry(address: &str) -> bool {
    address
        .split_once('.')
        .is_some_and(|(label, rest)| REGISTRY.contains(&label) && rest.starts_with(|c: char| c.is_ascii_alphabetic()))
}

#[cfg(test)]
mod tests {
    use super::super::printed;
    use super::*;

    fn of(path: &str, line: &str) -> Vec<String> {
        printed(&check(&Workspace::of(&[(path, line)], &[])))
    }

    #[test]
    fn unfinished_code_is_found() {
        for (pieces, instead) in CODE {
            let word = pieces.concat();
            assert_eq!(of("a.rs", &format!("    {word}")), [format!("a.rs:1: `{word}` may not stay: {instead}")]);
            assert_eq!(of("a.md", &word), [""; 0], "prose may speak of it");
        }
        assert_eq!(of("a.rs", &["my_to", "do!()"].concat()), [""; 0]);
    }

    #[test]
    fn machine_paths_are_found() {
        for path in [["/wo", "rk/x"], ["\"/fa", "rm"], ["=/tmp/bash", "_jobs.0"], ["cd /root", "/.cache"]] {
            assert!(of("a.md", &path.concat())[0].starts_with("a.md:1: a path of one machine"), "{path:?}");
        }
        for fine in ["net/work", "../work", "/tmp/x", "/root", "https://a.example/work"] {
            assert_eq!(of("a.md", fine), [""; 0], "{fine}");
        }
    }

    #[test]
    fn registry_addresses_are_found() {
        for label in REGISTRY {
            let address = ["see htt", "ps://", label, ".example/x"].concat();
            assert!(of("a.toml", &address)[0].contains("address of a package registry"), "{address}");
            assert_eq!(of("Cargo.lock", &address), [""; 0]);
            assert_eq!(of("console/package-lock.json", &address), [""; 0]);
        }
        assert_eq!(of("a.md", "https://docs.example and files.example"), [""; 0]);
    }
}
