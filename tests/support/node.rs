//! The official clients, which speak JavaScript.

use super::Ended;
use super::python::{prepared, root};
use std::process::Command;
use tempfile::TempDir;

/// Runs a script of `tests/sdk` with Node.js and gives what it printed; fails with what it raised.
pub(crate) fn node(script: &str, arguments: &[&str]) -> String {
    let (home, packages) = (TempDir::new().unwrap(), prepared("ALTHING_TEST_NODE", "target/node/node_modules"));
    // Modules are looked for beside the script that asks for them.
    let copy = home.path().join(script);
    std::fs::copy(root().join("tests/sdk").join(script), &copy).unwrap();
    std::os::unix::fs::symlink(packages, home.path().join("node_modules")).unwrap();
    let mut command = Command::new("node");
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", home.path());
    command.current_dir(home.path()).arg(copy).args(arguments);
    let ended = Ended::of(command);
    assert_eq!(ended.code, Some(0), "{script} {arguments:?}\n{}{}", ended.stdout, ended.stderr);
    ended.stdout
}
