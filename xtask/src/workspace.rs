//! The workspace as cargo and git see it, read once and handed to every rule. Judges nothing.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::source::Source;
use bench::{Trouble, output};

/// Everything a rule may look at. Paths are relative to the root, with `/`.
#[derive(Default)]
pub(crate) struct Workspace {
    /// The crates of this repository.
    pub(crate) members: Vec<Member>,
    /// Every package of the resolved graph for this machine, members included.
    pub(crate) packages: Vec<Package>,
    /// Every text file that git tracks or would track.
    pub(crate) files: BTreeMap<String, String>,
    /// What the `.rs` files among them hold.
    pub(crate) sources: Vec<Source>,
}

/// One crate of this repository.
#[derive(Clone, Debug, Default)]
pub(crate) struct Member {
    /// The package's name.
    pub(crate) name: String,
    /// Its folder.
    pub(crate) dir: String,
    /// The members it depends on.
    pub(crate) uses: Vec<Use>,
}

/// A dependency of one member on another.
#[derive(Clone, Debug)]
pub(crate) struct Use {
    /// The package depended on.
    pub(crate) name: String,
    /// Whether only its tests, examples and benchmarks need it.
    pub(crate) dev: bool,
}

/// One package of the resolved graph, as `cargo metadata` words it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Package {
    /// Its name.
    pub(crate) name: String,
    /// Its version.
    pub(crate) version: String,
    /// Its licence expression.
    pub(crate) license: Option<String>,
    #[serde(default)]
    manifest_path: String,
    #[serde(default)]
    source: Option<String>,
    #[serde(default)]
    dependencies: Vec<Dependency>,
}

#[derive(Clone, Debug, Deserialize)]
struct Dependency {
    name: String,
    kind: Option<String>,
    path: Option<String>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_root: String,
}

impl Workspace {
    /// Reads the workspace around the current folder. Asks cargo without the network, for this machine's platform
    /// only, so that whatever has been built can be checked.
    pub(crate) fn load() -> Result<Self, Trouble> {
        let host = host()?;
        let metadata: Metadata =
            answer(&["cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", &host])?;
        let root = Path::new(&metadata.workspace_root);
        let members = metadata.packages.iter().filter(|package| package.source.is_none());
        let members = members.map(|package| package.member(&metadata.workspace_root)).collect();
        let files = tracked(root)?;
        let sources = sources(&files);
        Ok(Self { members, packages: metadata.packages, files, sources })
    }

    /// The text of a file, empty when there is none.
    pub(crate) fn text(&self, path: &str) -> &str {
        self.files.get(path).map_or("", String::as_str)
    }
}

impl Member {
    /// The path of its manifest.
    pub(crate) fn manifest(&self) -> String {
        format!("{}/Cargo.toml", self.dir)
    }
}

impl Package {
    fn member(&self, root: &str) -> Member {
        let manifest = within(&self.manifest_path, root).unwrap_or(&self.manifest_path);
        let dir = manifest.strip_suffix("/Cargo.toml").unwrap_or_default().to_owned();
        let local = self.dependencies.iter().filter(|dependency| dependency.path.is_some());
        let uses = local
            .map(|dependency| Use { name: dependency.name.clone(), dev: dependency.kind.as_deref() == Some("dev") });
        Member { name: self.name.clone(), dir, uses: uses.collect() }
    }
}

/// What follows `dir` and its slash in `path`, when it lies in there.
pub(crate) fn within<'a>(path: &'a str, dir: &str) -> Option<&'a str> {
    path.strip_prefix(dir)?.strip_prefix('/')
}

/// The number, from 1, of the first line that `wanted` accepts; 1 when there is none.
pub(crate) fn line_of(text: &str, wanted: impl Fn(&str) -> bool) -> usize {
    text.lines().position(wanted).map_or(1, |index| index + 1)
}

fn sources(files: &BTreeMap<String, String>) -> Vec<Source> {
    files.iter().filter(|(path, _)| path.ends_with(".rs")).map(|(path, text)| Source::parse(path, text)).collect()
}

fn tracked(root: &Path) -> Result<BTreeMap<String, String>, Trouble> {
    let root_text = root.display().to_string();
    let list = output(&["git", "-C", &root_text, "ls-files", "-z", "--cached", "--others", "--exclude-standard"])?;
    let mut files = BTreeMap::new();
    for path in list.split('\0').filter(|path| !path.is_empty()) {
        let full = root.join(path);
        // A file deleted but not yet committed so is still listed; a link is judged where it leads.
        if !full.symlink_metadata().is_ok_and(|metadata| metadata.is_file()) {
            continue;
        }
        let bytes = std::fs::read(&full).map_err(|source| Trouble::Read { path: path.to_owned(), source })?;
        if !bytes.contains(&0) {
            files.insert(path.to_owned(), String::from_utf8_lossy(&bytes).into_owned());
        }
    }
    Ok(files)
}

/// The platform this machine compiles for.
fn host() -> Result<String, Trouble> {
    let version = output(&["rustc", "-vV"])?;
    Ok(version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default().to_owned())
}

fn answer<T: DeserializeOwned>(command: &[&str]) -> Result<T, Trouble> {
    let text = output(command)?;
    serde_json::from_str(&text).map_err(|source| Trouble::Answer { command: command.join(" "), source })
}

#[cfg(test)]
impl Workspace {
    /// A workspace of these files and members (name, folder), for the tests of a rule.
    pub(crate) fn of(files: &[(&str, &str)], members: &[(&str, &str)]) -> Self {
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        let member = |(name, dir): &(&str, &str)| Member { name: (*name).into(), dir: (*dir).into(), uses: vec![] };
        Self { sources: sources(&files), files, members: members.iter().map(member).collect(), packages: vec![] }
    }

    /// The same with one more package of the resolved graph.
    pub(crate) fn package(mut self, name: &str, version: &str, license: Option<&str>) -> Self {
        let package = serde_json::json!({"name": name, "version": version, "license": license});
        self.packages.push(serde_json::from_value(package).unwrap());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_becomes_a_member_with_its_local_uses() {
        let package: Package = serde_json::from_value(serde_json::json!({
            "name": "b", "version": "0.1.0", "license": null, "manifest_path": "/r/crates/a/b/Cargo.toml",
            "dependencies": [
                {"name": "serde", "kind": null, "path": null},
                {"name": "testkit", "kind": "dev", "path": "/r/crates/testkit"},
                {"name": "fault", "kind": "build", "path": "/r/crates/foundation/fault"},
            ],
        }))
        .unwrap();
        let member = package.member("/r");
        assert_eq!((member.dir.as_str(), member.manifest().as_str()), ("crates/a/b", "crates/a/b/Cargo.toml"));
        let uses: Vec<_> = member.uses.iter().map(|used| (used.name.as_str(), used.dev)).collect();
        assert_eq!(uses, [("testkit", true), ("fault", false)]);
    }

    #[test]
    fn a_folder_does_not_hold_its_neighbours_files() {
        assert_eq!(within("crates/net/src/lib.rs", "crates/net"), Some("src/lib.rs"));
        assert_eq!(within("crates/network/src/lib.rs", "crates/net"), None);
    }
}
