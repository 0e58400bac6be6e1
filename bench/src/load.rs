//! One run of `althing load`, which is what measures, or of another client that reports like it. Knows the report, not
//! what it is measured for.

use super::Setup;
use super::process::{Folder, ended_cpu_s};
use super::python;
use crate::trouble::Trouble;
use serde_json::Value;
use std::fmt::Write;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// What is sent.
#[derive(Clone, Copy)]
pub(super) struct Plan<'a> {
    pub(super) model: &'a str,
    /// Where chats go, if not to the usual path.
    pub(super) path: Option<&'a str>,
    /// What is sent as a bearer token.
    pub(super) key: Option<&'a str>,
    pub(super) prompts: Prompts,
    pub(super) stream: bool,
    pub(super) users: u32,
    pub(super) requests: u32,
    /// Seconds over which requests arrive; none if each user sends the next one when it has an answer.
    pub(super) open_s: Option<f64>,
    /// Threads that send, unless `althing load` is to choose.
    pub(super) workers: Option<u32>,
    pub(super) sender: Sender,
}

/// Who sends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sender {
    /// `althing load`.
    Ours,
    /// A client in Python, for one user.
    Python,
}

/// What is asked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Prompts {
    /// The same each time, in words that no cache keeps the answer of.
    Plain,
    /// The same each time, with a temperature of 0: a cache may answer all but the first.
    Same,
    /// With a temperature of 0, and none like another, in this run or any other: a cache looks, and has no answer.
    Unique,
}

impl Default for Plan<'_> {
    fn default() -> Self {
        Self {
            model: "m",
            path: None,
            key: None,
            prompts: Prompts::Plain,
            stream: false,
            users: 1,
            requests: 1,
            open_s: None,
            workers: None,
            sender: Sender::Ours,
        }
    }
}

/// What came of it.
pub(super) struct Report {
    scenario: Value,
    /// Processor time of the whole process of `althing load`, its report included, in seconds, to a hundredth.
    pub(super) process_cpu_s: f64,
}

/// The body of every request has about 200 bytes.
pub(super) fn prompt() -> String {
    "hi ".repeat(20)
}

/// Most tokens of an answer: more than any here has.
pub(super) const TOKENS_MAX: u32 = 50;

/// Sends this to a server.
pub(super) fn run(setup: &Setup, plan: &Plan<'_>, address: SocketAddr) -> Result<Report, Trouble> {
    if plan.sender == Sender::Python {
        return Ok(Report { scenario: python::send(plan, address)?, process_cpu_s: 0.0 });
    }
    let folder = Folder::new()?;
    let file = folder.write("scenario.toml", &scenario(plan))?;
    let mut command = Command::new(&setup.binary);
    command.args(["load", "run"]).arg(&file).args(["--json", "--no-save", "--target", &format!("http://{address}")]);
    if plan.open_s.is_none() {
        command.arg("--closed");
    }
    if let Some(key) = plan.key {
        command.arg("--key").arg(format!("file:{}", folder.write("key", key)?.display()));
    }
    if let Some(workers) = plan.workers {
        command.args(["--workers", &workers.to_string()]);
    }
    command.env_clear().env("HOME", folder.path()).current_dir(folder.path()).stdin(Stdio::null());
    let before = ended_cpu_s();
    let done = command.output();
    let output = done.map_err(|source| Trouble::Start { command: setup.binary.display().to_string(), source })?;
    let process_cpu_s = ended_cpu_s() - before;
    // Its exit code is the verdict on the scenario's own requirements, which are none of ours.
    let mut report: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    match report.pointer_mut("/scenarios/0").map(Value::take) {
        Some(scenario) => Ok(Report { scenario, process_cpu_s }),
        None => {
            let stderr = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            Err(Trouble::Failed { command: "althing load run".to_owned(), stderr })
        }
    }
}

/// Sends this where it is of use only if every request is answered.
pub(super) fn answered(setup: &Setup, plan: &Plan<'_>, address: SocketAddr) -> Result<(), Trouble> {
    match run(setup, plan, address)?.counts()? {
        (_, failed) if failed > 0.0 => Err(Trouble::Bench { what: format!("{failed} requests failed") }),
        _ => Ok(()),
    }
}

fn scenario(plan: &Plan<'_>) -> String {
    let Plan { model, users, requests, .. } = plan;
    let (kind, prompt) = (if plan.stream { "stream" } else { "chat" }, prompt());
    let mut text = format!("name = \"bench\"\nusers = {users}\noperations = {requests}\n");
    if let Some(seconds) = plan.open_s {
        let _ = writeln!(text, "duration_s = {seconds:?}");
    }
    let _ = write!(
        text,
        "[[mix]]\nkind = \"{kind}\"\nmodel = \"{model}\"\nprompt = \"{prompt}\"\nmax_tokens = {TOKENS_MAX}\n"
    );
    if let Some(path) = plan.path {
        let _ = writeln!(text, "path = \"{path}\"");
    }
    if plan.prompts != Prompts::Plain {
        let _ = writeln!(text, "body = '{}'", body(plan));
    }
    if plan.prompts == Prompts::Unique {
        let _ = writeln!(text, "prompts = {requests}");
    }
    text
}

/// A body that a cache may keep the answer of; `{n}` in it is another number in each request.
pub(super) fn body(plan: &Plan<'_>) -> String {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    let (Plan { model, stream, .. }, mut prompt) = (plan, prompt());
    if plan.prompts == Prompts::Unique {
        let run = RUNS.fetch_add(1, Ordering::Relaxed);
        let _ = write!(prompt, "{run}.{{n}}");
    }
    format!(
        "{{\"model\":\"{model}\",\"messages\":[{{\"role\":\"user\",\"content\":\"{prompt}\"}}],\
         \"stream\":{stream},\"max_tokens\":{TOKENS_MAX},\"temperature\":0}}"
    )
}

impl Report {
    /// A number in it, by its path; none if the report does not have it.
    pub(super) fn number(&self, pointer: &str) -> Option<f64> {
        self.scenario.pointer(pointer).and_then(Value::as_f64)
    }

    /// The same, where the benchmark says nothing without it.
    pub(super) fn needed(&self, pointer: &str) -> Result<f64, Trouble> {
        self.number(pointer).ok_or_else(|| Trouble::Bench { what: format!("the report has no number at `{pointer}`") })
    }

    /// How many requests were sent, and how many of them failed.
    pub(super) fn counts(&self) -> Result<(f64, f64), Trouble> {
        let (sent, good) = (self.needed("/success/of")?, self.needed("/success/count")?);
        Ok((sent, sent - good))
    }

    /// Whether `althing load` says that it could not measure this.
    pub(super) fn is_invalid(&self) -> bool {
        self.scenario["verdict"] == "invalid"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_prompt_comes_twice_where_none_may() {
        let unique = Plan { prompts: Prompts::Unique, requests: 7, ..Plan::default() };
        let (one, other) = (scenario(&unique), scenario(&unique));
        assert!(one.contains("{n}") && one.contains("prompts = 7") && one != other, "{one}");
        let same = Plan { prompts: Prompts::Same, ..unique };
        assert_eq!(scenario(&same), scenario(&same));
        assert!(scenario(&same).contains("\"temperature\":0"));
        assert!(!scenario(&Plan::default()).contains("temperature"));
    }
}
