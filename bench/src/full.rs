//! Althing with everything on: a key with a rate, budgets, a cache, prices, the ledger, metrics. Knows its settings, and
//! proves that each of them counts; refuses to know what is measured.

use super::Setup;
use super::ask::{metric, send};
use super::load::{Plan, Prompts};
use super::process::{Folder, Server};
use crate::trouble::Trouble;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

/// Requests per minute of the key: far above any load here.
const RPM: u32 = 60_000_000;
/// US dollars per day of each of three budgets: as far.
const USD_PER_DAY: u32 = 1_000_000;
const RESERVATIONS: &str = "althing_budget_reservations_total";
const CHAT: &str = "/v1/chat/completions";

/// A server that runs, and the key it asks for.
pub(super) struct Full {
    pub(super) server: Server,
    pub(super) key: String,
}

impl Full {
    /// In front of this upstream. `provider` are further lines of its table.
    pub(super) fn start(setup: &Setup, upstream: SocketAddr, provider: &str) -> Result<Self, Trouble> {
        let home = Folder::new()?;
        let key = new_key(&setup.binary, &home, RPM)?;
        let server = Server::up_in(&setup.binary, home, &config(upstream, provider))?;
        Ok(Self { server, key })
    }

    /// Chats that a cache is asked for in vain.
    pub(super) fn plan(&self) -> Plan<'_> {
        Plan { model: "sim/m", key: Some(&self.key), prompts: Prompts::Unique, ..Plan::default() }
    }

    /// What is not on, in a few words; none if all of it is.
    pub(super) fn lacks(&self) -> Result<Option<String>, Trouble> {
        let body = json!({"model": "sim/m", "messages": [{"role": "user", "content": "are you all there?"}],
            "max_tokens": 50, "temperature": 0});
        let ask = |key: Option<&str>| send(self.server.address, "POST", CHAT, key, &body.to_string());
        let key = Some(self.key.as_str());
        let (stranger, first, second) = (ask(None)?, ask(key)?, ask(key)?);
        let cost: f64 = first.header("x-althing-cost-usd").parse().unwrap_or_default();
        let reserved = metric(self.server.address, RESERVATIONS)?.unwrap_or_default();
        let lacks = [
            (stranger.status != 401, format!("a key: a request without one is answered with {}", stranger.status)),
            (!first.is_good(), format!("an answer: a request with a key is answered with {}", first.status)),
            (cost <= 0.0, format!("a cost: `x-althing-cost-usd` says `{}`", first.header("x-althing-cost-usd"))),
            (
                first.header("x-althing-cache") != "miss" || second.header("x-althing-cache") != "hit-memory",
                format!(
                    "a cache: `x-althing-cache` says `{}`, then `{}`",
                    first.header("x-althing-cache"),
                    second.header("x-althing-cache")
                ),
            ),
            (reserved <= 0.0, format!("budgets: `{RESERVATIONS}` says {reserved}")),
        ];
        Ok(lacks.into_iter().find(|(lacks, _)| *lacks).map(|(_, what)| format!("Althing lacks {what}")))
    }
}

/// A key of the role `user`, made before the server starts.
fn new_key(binary: &Path, home: &Folder, rpm: u32) -> Result<String, Trouble> {
    let mut command = Command::new(binary);
    command.args(["keys", "create", "--json", "--role", "user", "--rpm", &rpm.to_string()]);
    command.env_clear().env("HOME", home.path()).current_dir(home.path());
    let output = command.output();
    let output = output.map_err(|source| Trouble::Start { command: binary.display().to_string(), source })?;
    let told: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    told["key"].as_str().map(str::to_owned).ok_or_else(|| Trouble::Failed {
        command: "althing keys create".to_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    })
}

fn config(upstream: SocketAddr, provider: &str) -> String {
    format!(
        "[server]\nin_flight_max = 2_000\n\
         [access]\nmetrics_open = true\n\
         [budget]\nkey_usd_per_day = {USD_PER_DAY}\ntenant_usd_per_day = {USD_PER_DAY}\nusd_per_day = {USD_PER_DAY}\n\
         [cache]\nrequests = \"deterministic\"\n\
         [[provider]]\nname = \"sim\"\nbase_url = \"http://{upstream}/v1\"\n{provider}\n\
         models = [{{ name = \"m\", price = {{ input = 2.5, output = 10 }} }}]\n"
    )
}
