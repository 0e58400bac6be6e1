//! Servers under measurement: started, watched through the kernel's accounting, stopped. Knows no benchmark.

use crate::trouble::Trouble;
use serde_json::Value;
use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How long a server may take until it answers.
const START_MAX: Duration = Duration::from_secs(10);
/// Ticks of `/proc/self/stat` in a second, on every Linux there is.
const TICKS_PER_S: f64 = 100.0;

/// A folder that is removed when its last owner drops it.
#[derive(Clone)]
pub(super) struct Folder(Arc<Made>);

struct Made(PathBuf);

/// A server that is stopped when it is dropped.
pub(super) struct Server {
    child: Child,
    /// How to stop it, where killing the child would leave children of its own.
    stop: Option<Command>,
    _folder: Folder,
    pub(super) address: SocketAddr,
}

/// Nanoseconds of processor time by thread.
pub(super) struct Cpu(HashMap<u32, u64>);

impl Folder {
    pub(super) fn new() -> Result<Self, Trouble> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("althing-bench-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).map_err(failed)?;
        Ok(Self(Arc::new(Made(folder))))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0.0
    }

    /// Where the text now lies.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<PathBuf, Trouble> {
        let path = self.path().join(name);
        fs::write(&path, text).map_err(failed)?;
        Ok(path)
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Server {
    /// `althing up` with these settings.
    pub(super) fn up(binary: &Path, config: &str) -> Result<Self, Trouble> {
        Self::up_in(binary, Folder::new()?, config)
    }

    /// The same, with what this folder holds already as its home.
    pub(super) fn up_in(binary: &Path, folder: Folder, config: &str) -> Result<Self, Trouble> {
        Self::althing(binary, folder, "up", "--config", config)
    }

    /// `althing simulate` with this script.
    pub(super) fn simulate(binary: &Path, script: &str) -> Result<Self, Trouble> {
        Self::althing(binary, Folder::new()?, "simulate", "--script", script)
    }

    fn althing(binary: &Path, folder: Folder, name: &str, option: &str, text: &str) -> Result<Self, Trouble> {
        let file = folder.write("file.toml", text)?;
        let mut command = Command::new(binary);
        command.args([name, "--bind", "127.0.0.1:0", "--json", option]).arg(&file);
        command.env_clear().env("HOME", folder.path()).current_dir(folder.path());
        let spawned = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut child = spawned.map_err(|source| Trouble::Start { command: binary.display().to_string(), source })?;
        let mut line = String::new();
        if let Some(output) = child.stdout.take() {
            BufReader::new(output).read_line(&mut line).map_err(failed)?;
        }
        let greeting: Value = serde_json::from_str(&line).unwrap_or_default();
        let address = greeting["address"].as_str().and_then(|text| text.parse().ok());
        match address {
            Some(address) => Ok(Self { child, stop: None, _folder: folder, address }),
            None => {
                let _ = child.kill();
                let _ = child.wait();
                Err(Trouble::Bench { what: format!("`althing {name}` did not say where it listens") })
            }
        }
    }

    /// nginx in front of this upstream, with kept connections and nothing else to do.
    pub(super) fn nginx(program: &Path, upstream: SocketAddr, buffering: bool) -> Result<Self, Trouble> {
        let (folder, address) = (Folder::new()?, free_address()?);
        let text = include_str!("nginx.conf").replace("LISTEN", &address.to_string());
        let text = text.replace("UPSTREAM", &upstream.to_string());
        let text = text.replace("BUFFERING", if buffering { "on" } else { "off" });
        let file = folder.write("nginx.conf", &text)?;
        let command = || {
            let mut command = Command::new(program);
            command.arg("-p").arg(folder.path()).arg("-c").arg(&file).args(["-e", "stderr"]);
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            command
        };
        let mut stop = command();
        stop.args(["-s", "stop"]);
        let mut server = Self::listening(command(), folder, START_MAX, || Some(address))?;
        server.stop = Some(stop);
        Ok(server)
    }

    /// Any other program. `address` says where it listens, as soon as that is known.
    pub(super) fn listening(
        mut command: Command,
        folder: Folder,
        within: Duration,
        address: impl Fn() -> Option<SocketAddr>,
    ) -> Result<Self, Trouble> {
        let name = command.get_program().to_string_lossy().into_owned();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().map_err(|source| Trouble::Start { command: name.clone(), source })?;
        let mut server = Self { child, stop: None, _folder: folder, address: SocketAddr::from(([127, 0, 0, 1], 0)) };
        let began = Instant::now();
        loop {
            if let Some(found) = address().filter(|found| TcpStream::connect(found).is_ok()) {
                server.address = found;
                return Ok(server);
            }
            if began.elapsed() > within || server.child.try_wait().is_ok_and(|ended| ended.is_some()) {
                return Err(Trouble::Bench { what: format!("`{name}` did not start") });
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The same, asked to end when it is dropped, and waited for.
    pub(super) fn ended_politely(mut self) -> Self {
        let mut ask = Command::new("kill");
        ask.arg(self.child.id().to_string());
        self.stop = Some(ask);
        self
    }

    /// The number of its process.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Processor time of all its threads and those of its children, to the nanosecond.
    pub(super) fn cpu(&self) -> Cpu {
        let of = |folder: &str, task: u32| {
            let text = fs::read_to_string(format!("{folder}/{task}/schedstat")).ok()?;
            Some((task, text.split_whitespace().next()?.parse().ok()?))
        };
        let tasks = tree(self.child.id()).into_iter().flat_map(|pid| {
            let folder = format!("/proc/{pid}/task");
            entries(&folder).into_iter().filter_map(move |task| of(&folder, task))
        });
        Cpu(tasks.collect())
    }

    /// Resident memory of it and its children in MB (1,024 × 1,024 bytes).
    pub(super) fn resident_mb(&self) -> f64 {
        self.memory_mb("VmRSS:")
    }

    /// What of it no file holds as well: all but code.
    pub(super) fn anonymous_mb(&self) -> f64 {
        self.memory_mb("RssAnon:")
    }

    fn memory_mb(&self, what: &str) -> f64 {
        let of = |pid: u32| {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
            let line = status.lines().find_map(|line| line.strip_prefix(what))?;
            line.split_whitespace().next()?.parse::<f64>().ok()
        };
        tree(self.child.id()).into_iter().filter_map(of).sum::<f64>() / 1024.0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let stopped = self.stop.as_mut().is_some_and(|stop| stop.status().is_ok_and(|status| status.success()));
        if !stopped {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

impl Cpu {
    /// Seconds of processor time since then. What a thread did that has ended in between is not in it.
    pub(super) fn since_s(&self, before: &Self) -> f64 {
        let took = |(task, ns): (&u32, &u64)| ns.saturating_sub(before.0.get(task).copied().unwrap_or_default());
        self.0.iter().map(took).sum::<u64>() as f64 / 1e9
    }
}

/// Seconds of processor time of all children of this process that have ended, to a hundredth.
pub(super) fn ended_cpu_s() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks = fields(&stat).skip(13).take(2).filter_map(|field| field.parse::<f64>().ok());
    ticks.sum::<f64>() / TICKS_PER_S
}

/// Seconds of processor time that this machine gave to others than this process and its children that have ended.
pub(super) fn others_cpu_s() -> f64 {
    let all = fs::read_to_string("/proc/stat").unwrap_or_default();
    let all: Vec<f64> = all.lines().next().map(numbers).unwrap_or_default();
    // User, nice, system, idle, waiting for disks, interrupts, soft interrupts, stolen; what follows is in the first.
    let busy: f64 = all.iter().take(8).enumerate().filter(|(at, _)| ![3, 4].contains(at)).map(|(_, ticks)| ticks).sum();
    let own = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let own: f64 = fields(&own).skip(11).take(4).filter_map(|field| field.parse::<f64>().ok()).sum();
    (busy - own) / TICKS_PER_S
}

fn numbers(line: &str) -> Vec<f64> {
    line.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

/// An address that nobody listens on.
pub(super) fn free_address() -> Result<SocketAddr, Trouble> {
    TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).map_err(failed)
}

/// A process and all below it.
fn tree(root: u32) -> Vec<u32> {
    let parent = |pid: u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        Some((pid, fields(&stat).nth(1)?.parse::<u32>().ok()?))
    };
    let parents: Vec<(u32, u32)> = entries("/proc").into_iter().filter_map(parent).collect();
    let mut tree = vec![root];
    let mut at = 0;
    while let Some(&above) = tree.get(at) {
        tree.extend(parents.iter().filter(|(_, parent)| *parent == above).map(|(pid, _)| *pid));
        at += 1;
    }
    tree
}

/// The fields after the name of a program, which is in brackets and may hold anything.
fn fields(stat: &str) -> impl Iterator<Item = &str> {
    stat.rsplit_once(')').map_or("", |(_, fields)| fields).split_whitespace()
}

/// The entries of a folder that are numbers.
fn entries(folder: &str) -> Vec<u32> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

fn failed(error: std::io::Error) -> Trouble {
    Trouble::Bench { what: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_belong_to_the_tree() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        assert!(tree(std::process::id()).contains(&child.id()));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!tree(std::process::id()).contains(&child.id()));
    }

    #[test]
    fn threads_that_end_take_nothing_away() {
        let of = |threads: &[(u32, u64)]| Cpu(threads.iter().copied().collect());
        let (before, after) = (of(&[(1, 5), (2, 9)]), of(&[(1, 6), (3, 2)]));
        assert_eq!(after.since_s(&before), 3e-9);
    }
}
