//! A client and a provider in Python, as most who use a gateway have them: slower than ours, and never idle in between.
//! Knows the two scripts; refuses to know what is measured with them.

use super::installed;
use super::load::{self, Plan};
use super::process::{Folder, Server};
use super::version;
use crate::trouble::Trouble;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

const START_MAX: Duration = Duration::from_secs(10);
const CHAT: &str = "/v1/chat/completions";

/// The program, and its version; none if it is not installed.
pub(super) fn python() -> Option<(PathBuf, Option<String>)> {
    let program = installed("python3")?;
    let version = version(&program, "--version");
    Some((program, version))
}

/// A provider that answers at once, with twenty words.
pub(super) fn provider() -> Result<Server, Trouble> {
    let home = Folder::new()?;
    let script = home.write("upstream.py", include_str!("python/upstream.py"))?;
    let mut command = command()?;
    command.arg(script).current_dir(home.path());
    let told = home.path().join("address");
    Server::listening(command, home, START_MAX, || std::fs::read_to_string(&told).ok()?.parse().ok())
}

/// Sends what is planned over one kept connection; the report has the shape of `althing load`'s.
pub(super) fn send(plan: &Plan<'_>, address: SocketAddr) -> Result<Value, Trouble> {
    let home = Folder::new()?;
    let script = home.write("client.py", include_str!("python/client.py"))?;
    let told = json!({
        "host": address.ip().to_string(), "port": address.port(), "path": plan.path.unwrap_or(CHAT), "key": plan.key,
        "requests": plan.requests, "body": load::body(plan),
    });
    let file = home.write("plan.json", &told.to_string())?;
    let mut command = command()?;
    command.arg(script).arg(file).current_dir(home.path()).stdin(Stdio::null());
    let output = command.output();
    let output = output.map_err(|source| Trouble::Start { command: "python3".to_owned(), source })?;
    serde_json::from_slice(&output.stdout).map_err(|_| Trouble::Failed {
        command: "python3 client.py".to_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    })
}

fn command() -> Result<Command, Trouble> {
    let missing = || Trouble::Bench { what: "`python3` is not installed".to_owned() };
    python().map(|(program, _)| Command::new(program)).ok_or_else(missing)
}
