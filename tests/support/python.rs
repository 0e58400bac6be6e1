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

/// LiteLLM's proxy, in a folder of its own.
pub(crate) fn litellm() -> PathBuf {
    prepared("ALTHING_TEST_LITELLM", "target/python-litellm/bin/litellm")
}

fn interpreter() -> PathBuf {
    prepared("ALTHING_TEST_PYTHON", "target/python/bin/python")
}

/// What `make test` prepares, where a variable says or where it usually is.
pub(super) fn prepared(variable: &str, usual: &str) -> PathBuf {
    let usual = root().join(usual);
    let named = std::env::var_os(variable).map(PathBuf::from);
    named.or_else(|| usual.exists().then_some(usual)).expect("run `make test`, which prepares what clients need")
}

pub(super) fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}
