//! Other gateways in front of the same upstream, each as fast as its settings let it be. Knows where `make bench` puts
//! them and how they are started; refuses to know what is measured.

use super::outcome::Measured;
use super::process::{Folder, Server, free_address};
use super::target;
use crate::trouble::Trouble;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// How long one may take until it listens: LiteLLM takes a quarter of a minute on an idle machine.
const START_MAX: Duration = Duration::from_secs(120);
/// What LiteLLM starts with is its administrator's key, and it wants one that could be a real one.
const LITELLM_KEY: &str = "sk-0123456789abcdef0123456789abcdef";

pub(super) const CRABLLM: &str = "crabllm";
pub(super) const TENSORZERO: &str = "TensorZero";
pub(super) const LITELLM: &str = "LiteLLM";

/// A gateway that runs.
pub(super) struct Peer {
    pub(super) name: &'static str,
    pub(super) version: Option<String>,
    pub(super) server: Server,
    /// What its model is called.
    pub(super) model: &'static str,
    /// Where it takes chats, if not at the usual path.
    pub(super) path: Option<&'static str>,
    pub(super) key: Option<&'static str>,
}

/// One that may be there: its name, how to get it, and how it is started if it is there.
type Known = (&'static str, &'static str, fn(SocketAddr) -> Result<Option<Peer>, Trouble>);

const KNOWN: [Known; 3] = [
    (CRABLLM, "cargo install crabllm --locked --root target/peers", crabllm),
    (TENSORZERO, "python3 -m venv target/peers/python && target/peers/python/bin/pip install tensorzero", tensorzero),
    (
        LITELLM,
        "python3 -m venv target/python-litellm && target/python-litellm/bin/pip install 'litellm[proxy]'",
        litellm,
    ),
];

/// All that are there. Of the others it is noted how to get them.
pub(super) fn start(upstream: SocketAddr, measured: &mut Measured) -> Result<Vec<Peer>, Trouble> {
    let mut there = Vec::new();
    for (name, hint, start) in KNOWN {
        match start(upstream)? {
            Some(peer) => there.push(peer),
            None => {
                measured.lacks(name, format!("{name} is not there and was left out: `make bench` gets it, or `{hint}`"))
            }
        }
    }
    Ok(there)
}

/// Where `make bench` puts them.
pub(super) fn folder() -> PathBuf {
    absolute(&target().join("peers"))
}

fn crabllm(upstream: SocketAddr) -> Result<Option<Peer>, Trouble> {
    let program = folder().join("bin/crabllm");
    if !program.is_file() {
        return Ok(None);
    }
    let (home, address) = (Folder::new()?, free_address()?);
    let text = include_str!("peers/crabllm.toml").replace("LISTEN", &address.to_string());
    let config = home.write("crabllm.toml", &text.replace("UPSTREAM", &upstream.to_string()))?;
    let mut command = Command::new(&program);
    command.args(["serve", "--config"]).arg(config).env("RUST_LOG", "error").current_dir(home.path());
    let server = Server::listening(command, home, START_MAX, || Some(address))?;
    let version = installed_version(&std::fs::read_to_string(folder().join(".crates.toml")).unwrap_or_default());
    Ok(Some(Peer { name: CRABLLM, version, server, model: "m", path: None, key: None }))
}

/// From a line like `"crabllm 0.0.25 (registry+…)" = ["crabllm"]`.
fn installed_version(crates: &str) -> Option<String> {
    let line = crates.lines().find_map(|line| line.strip_prefix("\"crabllm "))?;
    line.split(' ').next().map(str::to_owned)
}

fn tensorzero(upstream: SocketAddr) -> Result<Option<Peer>, Trouble> {
    let python = folder().join("python");
    let Some(version) = package_version(&python, "tensorzero") else { return Ok(None) };
    let home = Folder::new()?;
    home.write("tensorzero.toml", &include_str!("peers/tensorzero.toml").replace("UPSTREAM", &upstream.to_string()))?;
    let script = home.write("gateway.py", include_str!("peers/gateway.py"))?;
    let mut command = Command::new(python.join("bin/python"));
    command.arg(script).env("RUST_LOG", "error").current_dir(home.path());
    let told = home.path().join("address");
    let address = || authority(&std::fs::read_to_string(&told).ok()?);
    let server = Server::listening(command, home, START_MAX, address)?;
    let (model, path) = ("tensorzero::model_name::m", Some("/openai/v1/chat/completions"));
    Ok(Some(Peer { name: TENSORZERO, version: Some(version), server, model, path, key: None }))
}

/// The address in a URL.
fn authority(url: &str) -> Option<SocketAddr> {
    url.strip_prefix("http://")?.split('/').next()?.parse().ok()
}

fn litellm(upstream: SocketAddr) -> Result<Option<Peer>, Trouble> {
    let named = std::env::var_os("ALTHING_TEST_LITELLM").map(PathBuf::from);
    let python = named.as_deref().and_then(Path::parent).and_then(Path::parent).map(Path::to_owned);
    let python = absolute(&python.unwrap_or_else(|| target().join("python-litellm")));
    let Some(version) = package_version(&python, "litellm") else { return Ok(None) };
    let (home, address) = (Folder::new()?, free_address()?);
    let text = include_str!("peers/litellm.yaml").replace("UPSTREAM", &upstream.to_string());
    let config = home.write("litellm.yaml", &text)?;
    let mut command = Command::new(python.join("bin/litellm"));
    command.arg("--config").arg(config).args(["--host", "127.0.0.1", "--port", &address.port().to_string()]);
    command.args(["--num_workers", "1"]).env("LITELLM_MASTER_KEY", LITELLM_KEY).env("LITELLM_LOG", "ERROR");
    command.env("LITELLM_LOCAL_MODEL_COST_MAP", "True").current_dir(home.path());
    let server = Server::listening(command, home, START_MAX, || Some(address))?;
    Ok(Some(Peer { name: LITELLM, version: Some(version), server, model: "m", path: None, key: Some(LITELLM_KEY) }))
}

/// The version of a package in a Python of its own; none if it is not there.
fn package_version(python: &Path, package: &str) -> Option<String> {
    let entries = |folder: PathBuf| std::fs::read_dir(folder).into_iter().flatten().flatten();
    let packages = entries(python.join("lib")).flat_map(|version| entries(version.path().join("site-packages")));
    packages.into_iter().find_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        Some(name.strip_prefix(package)?.strip_prefix('-')?.strip_suffix(".dist-info")?.to_owned())
    })
}

/// They are started in other folders.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_those_that_were_installed() {
        let crates = "[v1]\n\"crabllm 0.0.25 (registry+https://example.com)\" = [\"crabllm\"]\n";
        assert_eq!(installed_version(crates).as_deref(), Some("0.0.25"));
        assert_eq!(installed_version("[v1]\n"), None);
        let home = Folder::new().unwrap();
        let packages = home.path().join("lib/python3.11/site-packages");
        std::fs::create_dir_all(packages.join("litellm_proxy_extras-0.4.dist-info")).unwrap();
        assert_eq!(package_version(home.path(), "litellm"), None);
        std::fs::create_dir_all(packages.join("litellm-1.106.2.dist-info")).unwrap();
        assert_eq!(package_version(home.path(), "litellm").as_deref(), Some("1.106.2"));
    }

    #[test]
    fn a_url_says_where_somebody_listens() {
        assert_eq!(authority("http://127.0.0.1:36079/openai/v1"), Some(SocketAddr::from(([127, 0, 0, 1], 36079))));
        assert_eq!(authority("http://127.0"), None);
    }
}
