//! Ports, signals and waiting: what starting and stopping any server needs. Refuses to know which server it is.

use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::{BuildHasher, Hasher};
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Below the ports that systems give to outgoing connections (32,768 and up on Linux): a client of some other test
/// cannot take the port of a server that is down for a moment.
const PORTS: std::ops::Range<u16> = 12_000..32_000;

/// How often a start is tried because somebody else has the port.
pub(crate) const STARTS: usize = 20;

/// Between two looks at something that is waited for.
pub(crate) const LOOK: Duration = Duration::from_millis(5);

/// A port of 127.0.0.1 that nobody listens on now. Somebody may before the server does: be ready to try another.
pub(crate) fn free_port() -> u16 {
    let chance = RandomState::new().build_hasher().finish();
    let width = u64::from(PORTS.end - PORTS.start);
    let mut ports = (0..width).map(|step| PORTS.start + ((chance % width + step) % width) as u16);
    let free = ports.find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok());
    free.unwrap_or_else(|| panic!("every port of {PORTS:?} is taken"))
}

/// Sends a signal, by its name without `SIG`. Processes that are gone already are passed over.
pub(crate) fn signal(name: &str, processes: &[u32]) {
    let ids = processes.iter().map(u32::to_string);
    let mut kill = Command::new("sh");
    kill.args(["-c", r#"name=$1; shift; for id; do kill -s "$name" "$id"; done"#, "sh", name]).args(ids);
    // Nothing to do about a failure: whoever sends a signal then waits for its effect.
    let _ = kill.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
}

/// Waits until a process ends; `None` when it has not within `timeout`.
pub(crate) fn wait(child: &mut Child, timeout: Duration) -> Option<ExitStatus> {
    let started = Instant::now();
    loop {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        if started.elapsed() > timeout {
            return None;
        }
        sleep(LOOK);
    }
}

/// Whether a process runs. One that has ended and only waits to be asked how does not.
pub(crate) fn runs(process: u32) -> bool {
    stat(process).is_some_and(|(state, _)| state != "Z" && state != "X")
}

/// The processes that `parent` started and that still run. Empty where there is no `/proc`.
pub(crate) fn children(parent: u32) -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let processes = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    processes.filter(|process| stat(*process).is_some_and(|(_, above)| above == parent)).collect()
}

/// State and parent of a process. The name before them may hold anything, a closing parenthesis too.
fn stat(process: u32) -> Option<(String, u32)> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let mut fields = text.rsplit_once(')')?.1.split_whitespace();
    Some((fields.next()?.to_owned(), fields.next()?.parse().ok()?))
}
