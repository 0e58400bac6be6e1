//! Decisions, put together: on the store and the engine of this process, with an eye on its memory.

use crate::exit::Failure;
use crate::wiring::of_store;
use decisions::{Clock, Decisions, Setup};
use matrix::Matrix;
use measure::Metrics;
use settings::Settings;
use std::path::Path;
use std::sync::Arc;
use store::Store;

/// The name under which the tools of decisions are shown.
pub(crate) const TOOLSET: &str = "decisions";

/// Opens what was decided before, and makes the tables where they are not there yet.
pub(crate) async fn open(
    store: &Store,
    matrix: &Arc<Matrix>,
    settings: &Settings,
    metrics: &Arc<Metrics>,
) -> Result<Arc<Decisions>, Failure> {
    let setup = Setup {
        store: store.clone(),
        matrix: Arc::clone(matrix),
        settings: settings.decisions.clone(),
        metrics: Arc::clone(metrics),
        clock: Clock::Store,
        memory: Arc::new(|| memory_share(&|path| std::fs::read_to_string(path).ok())),
        seed: fastrand::u64(..),
    };
    Decisions::open(setup).await.map_err(|error| of_store(&error))
}

/// What part of the memory that this process may use it takes, 0 to 1: of the machine's or, where that is less, of what
/// its control group and those around it allow. `None` where the system does not tell.
fn memory_share(read: &dyn Fn(&Path) -> Option<String>) -> Option<f64> {
    let kib = |file: &str, key: &str| {
        let text = read(Path::new(file))?;
        let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
        line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()
    };
    let taken = kib("/proc/self/status", "VmRSS")?.saturating_mul(1024);
    let machine = kib("/proc/meminfo", "MemTotal").map(|kib| kib.saturating_mul(1024));
    let most = machine.into_iter().chain(allowed(read)).min().filter(|most| *most > 0)?;
    Some(taken as f64 / most as f64)
}

/// What control groups allow, in bytes: both versions, each group from the process's own up to the root.
fn allowed(read: &dyn Fn(&Path) -> Option<String>) -> Option<u64> {
    let groups = read(Path::new("/proc/self/cgroup"))?;
    let group = |line: &str| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (kinds, path) = (parts.next()?, parts.next()?.trim_start_matches('/').to_owned());
        match kinds {
            "" => Some(("/sys/fs/cgroup", "memory.max", path)),
            _ if kinds.split(',').any(|kind| kind == "memory") => {
                Some(("/sys/fs/cgroup/memory", "memory.limit_in_bytes", path))
            }
            _ => None,
        }
    };
    let limits = groups.lines().filter_map(group).flat_map(|(root, file, path)| {
        let own = Path::new(root).join(path);
        let around = own.ancestors().take_while(|folder| folder.starts_with(root));
        around.filter_map(|folder| read(&folder.join(file))?.trim().parse().ok()).collect::<Vec<u64>>()
    });
    limits.min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    fn share(files: &[(&str, &str)]) -> Option<f64> {
        let files: HashMap<&str, &str> = files.iter().copied().collect();
        memory_share(&|path| files.get(path.to_str()?).map(|text| (*text).to_owned()))
    }

    const TAKEN: (&str, &str) = ("/proc/self/status", "Name:\talthing\nVmRSS:\t    1024 kB\nVmData:\t 9 kB\n");
    const MACHINE: (&str, &str) = ("/proc/meminfo", "MemTotal:        4096 kB\nMemFree: 1 kB\n");

    #[test]
    fn the_tightest_limit_counts() {
        let v2 = ("/proc/self/cgroup", "0::/a/b\n");
        let v1 = ("/proc/self/cgroup", "5:cpu,cpuacct:/x\n4:memory:/x\n0::/\n");
        for (files, expect) in [
            (&[TAKEN, MACHINE][..], Some(0.25)),
            (&[TAKEN, MACHINE, v2, ("/sys/fs/cgroup/a/b/memory.max", "max\n")], Some(0.25)),
            (&[TAKEN, MACHINE, v2, ("/sys/fs/cgroup/a/b/memory.max", "2097152\n")], Some(0.5)),
            (
                &[
                    TAKEN,
                    MACHINE,
                    v2,
                    ("/sys/fs/cgroup/a/b/memory.max", "2097152\n"),
                    ("/sys/fs/cgroup/a/memory.max", "1310720\n"),
                ],
                Some(0.8),
            ),
            (&[TAKEN, v2, ("/sys/fs/cgroup/memory.max", "2097152")], Some(0.5)),
            (&[TAKEN, MACHINE, v1, ("/sys/fs/cgroup/memory/x/memory.limit_in_bytes", "1310720\n")], Some(0.8)),
            (
                &[TAKEN, MACHINE, v1, ("/sys/fs/cgroup/memory/x/memory.limit_in_bytes", "9223372036854771712")],
                Some(0.25),
            ),
            (&[TAKEN], None),
            (&[MACHINE], None),
            (&[TAKEN, ("/proc/meminfo", "MemTotal: 0 kB")], None),
        ] {
            assert_eq!(share(files), expect, "{files:?}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_takes_a_part() {
        let share = memory_share(&|path| std::fs::read_to_string(path).ok()).unwrap();
        assert!(share > 0.0 && share < 1.0, "{share}");
    }
}
