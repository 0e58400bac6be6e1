//! Servers under measurement: started, watched through the kernel's accounting, stopped.

use crate::trouble::Trouble;
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A server that is stopped when it is dropped.
pub(super) struct Server {
    child: Child,
    folder: PathBuf,
    pub(super) address: SocketAddr,
}

impl Server {
    /// `althing up` with these settings.
    pub(super) fn up(binary: &Path, config: &str) -> Result<Self, Trouble> {
        Self::start(binary, &["up", "--bind", "127.0.0.1:0", "--json"], "--config", config)
    }

    /// `althing simulate` with this script.
    pub(super) fn simulate(binary: &Path, script: &str) -> Result<Self, Trouble> {
        Self::start(binary, &["simulate", "--bind", "127.0.0.1:0", "--json"], "--script", script)
    }

    fn start(binary: &Path, arguments: &[&str], option: &str, text: &str) -> Result<Self, Trouble> {
        static STARTED: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = STARTED.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("althing-bench-{}-{number}", std::process::id()));
        let failed = |what: String| Trouble::Bench { what };
        fs::create_dir_all(&folder).map_err(|error| failed(error.to_string()))?;
        let file = folder.join("file.toml");
        fs::write(&file, text).map_err(|error| failed(error.to_string()))?;
        let mut command = Command::new(binary);
        command.args(arguments).arg(option).arg(&file).env_clear().env("HOME", &folder);
        let spawned = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut child = spawned.map_err(|error| failed(format!("cannot start `{}`: {error}", binary.display())))?;
        let mut line = String::new();
        if let Some(output) = child.stdout.take() {
            BufReader::new(output).read_line(&mut line).map_err(|error| failed(error.to_string()))?;
        }
        let greeting: Value = serde_json::from_str(&line).unwrap_or_default();
        let address = greeting["address"].as_str().and_then(|text| text.parse().ok());
        let address = address.ok_or_else(|| failed(format!("`{}` did not say where it listens", arguments[0])))?;
        Ok(Self { child, folder, address })
    }

    /// Processor time of all its threads in seconds, to the nanosecond.
    pub(super) fn cpu_s(&self) -> f64 {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id()));
        let threads = tasks.into_iter().flatten().flatten().filter_map(|task| {
            let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
            text.split_whitespace().next()?.parse::<u64>().ok()
        });
        threads.sum::<u64>() as f64 / 1e9
    }

    /// Resident memory in MB (1,024 × 1,024 bytes).
    pub(super) fn resident_mb(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kb = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
        kb.unwrap_or_default() / 1024.0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}
