//! The official clients, which speak Python.

use super::Ended;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs a script of `tests/sdk` and gives what it printed; fails with what it raised.
pub(crate) fn python(script: &str, arguments: &[&str]) -> String {
    let home = tempfile::TempDir::new().unwrap();
    let mut command = Command::new(interpreter());
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", home.path());
    command.env("PYTHONDONTWRITEBYTECODE", "1").arg(root().join("tests/sdk").join(script)).args(arguments);
    let ended = Ended::of(command);
    assert_eq!(ended.code, Some(0), "{script} {arguments:?}\n{}{}", ended.stdout, ended.stderr);
    ended.stdout
}

fn interpreter() -> PathBuf {
    let prepared = root().join("target/python/bin/python");
    let named = std::env::var_os("ALTHING_TEST_PYTHON").map(PathBuf::from);
    named
        .or_else(|| prepared.exists().then_some(prepared))
        .expect("run `make test`, which prepares the Python packages")
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}
