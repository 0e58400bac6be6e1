//! Figures of this process, read from `/proc` when somebody scrapes; absent where there is no `/proc`.
//!
//! The names are the conventional ones without our prefix, because dashboards expect them.

use crate::registrar::MetricKind::{self, Counter, Gauge};
use crate::rows::Row;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use std::fmt;
use std::fs;

/// Clock ticks per second in `/proc`: fixed by the Linux ABI on every architecture that we build for.
const TICKS_PER_S: f64 = 100.0;
const BYTES_PER_KIB: f64 = 1024.0;

type Figure = fn(&Figures) -> Option<f64>;

/// The rows of this room and where each takes its value from.
pub(crate) static PROCESS_ROWS: [(Row<0>, MetricKind, Figure); 7] = [
    (row("process_cpu_seconds_total", "Processor time used, user and system together"), Counter, |f| f.cpu_s),
    (row("process_resident_memory_bytes", "Memory held in RAM"), Gauge, |f| f.resident_bytes),
    (row("process_virtual_memory_bytes", "Address space reserved"), Gauge, |f| f.virtual_bytes),
    (row("process_open_fds", "File descriptors open now"), Gauge, |f| f.open_fds),
    (row("process_max_fds", "File descriptors that may be open at once"), Gauge, |f| f.max_fds),
    (row("process_start_time_seconds", "When the process started, in seconds since 1970 (UTC)"), Gauge, |f| f.start_s),
    (row("process_threads", "Threads of the process"), Gauge, |f| f.threads),
];

const fn row(name: &'static str, help: &'static str) -> Row<0> {
    Row::new(name, [], help)
}

/// Each figure on its own may be missing.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub(crate) struct Figures {
    cpu_s: Option<f64>,
    resident_bytes: Option<f64>,
    virtual_bytes: Option<f64>,
    open_fds: Option<f64>,
    max_fds: Option<f64>,
    start_s: Option<f64>,
    threads: Option<f64>,
}

impl Figures {
    fn read(start_s: Option<f64>) -> Self {
        let text = |path| fs::read_to_string(path).unwrap_or_default();
        let (stat, status, limits) = (text("/proc/self/stat"), text("/proc/self/status"), text("/proc/self/limits"));
        Self {
            // Reading the folder opens a descriptor of its own, which is not counted.
            open_fds: fs::read_dir("/proc/self/fd").ok().map(|entries| entries.count().saturating_sub(1) as f64),
            start_s,
            ..Self::parse(&stat, &status, &limits)
        }
    }

    fn parse(stat: &str, status: &str, limits: &str) -> Self {
        Self {
            cpu_s: stat_field(stat, 14).zip(stat_field(stat, 15)).map(|(user, system)| (user + system) / TICKS_PER_S),
            resident_bytes: status_field(status, "VmRSS:").map(|kib| kib * BYTES_PER_KIB),
            virtual_bytes: status_field(status, "VmSize:").map(|kib| kib * BYTES_PER_KIB),
            threads: status_field(status, "Threads:"),
            max_fds: status_field(limits, "Max open files"),
            ..Self::default()
        }
    }
}

/// Field `number` of `/proc/self/stat` as `man 5 proc` counts them. The second, the name of the program in brackets,
/// may hold spaces and brackets itself, so counting starts behind its last bracket.
fn stat_field(stat: &str, number: usize) -> Option<f64> {
    let (_, behind_name) = stat.rsplit_once(')')?;
    behind_name.split_whitespace().nth(number.checked_sub(3)?)?.parse().ok()
}

/// The first number behind a title at the start of a line.
fn status_field(status: &str, title: &str) -> Option<f64> {
    let behind = status.lines().find_map(|line| line.strip_prefix(title))?;
    behind.split_whitespace().next()?.parse::<u64>().ok().map(|value| value as f64)
}

/// When the process started: the boot time of the machine plus the age that the process had then.
fn start_s(stat: &str, machine: &str) -> Option<f64> {
    Some(status_field(machine, "btime")? + stat_field(stat, 22)? / TICKS_PER_S)
}

/// Reads the figures on every scrape, except the start time, which does not change.
#[derive(Debug)]
pub(crate) struct ProcessCollector {
    start_s: Option<f64>,
}

impl ProcessCollector {
    pub(crate) fn new() -> Self {
        let text = |path| fs::read_to_string(path).unwrap_or_default();
        Self { start_s: start_s(&text("/proc/self/stat"), &text("/proc/stat")) }
    }
}

impl Collector for ProcessCollector {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let figures = Figures::read(self.start_s);
        for (row, kind, figure) in &PROCESS_ROWS {
            if let Some(value) = figure(&figures) {
                expose(&mut encoder, row, *kind, value)?;
            }
        }
        Ok(())
    }
}

fn expose(encoder: &mut DescriptorEncoder, row: &Row<0>, kind: MetricKind, value: f64) -> fmt::Result {
    let metric: Box<dyn EncodeMetric> = match kind {
        Counter => Box::new(ConstCounter::new(value)),
        Gauge | MetricKind::Histogram => Box::new(ConstGauge::new(value)),
    };
    // The registry adds a full stop to the help texts that pass through it; these do not.
    let help = format!("{}.", row.help);
    let name = row.name.trim_end_matches("_total");
    metric.encode(encoder.encode_descriptor(name, &help, None, metric.metric_type())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str =
        "17 (al) thing) S 1 17 17 0 -1 4194560 900 0 1 0 250 50 0 0 20 0 9 0 12345 99 1 18446744073709551615";
    const STATUS: &str = "Name:\talthing\nVmSize:\t  2048 kB\nVmRSS:\t    1024 kB\nThreads:\t9\n";

    #[test]
    fn reads_the_figures_of_linux() {
        let limits = "Limit  Soft Limit  Hard Limit  Units\nMax open files            1024        4096        files\n";
        let expect = Figures {
            cpu_s: Some(3.0),
            resident_bytes: Some(1_048_576.0),
            virtual_bytes: Some(2_097_152.0),
            max_fds: Some(1024.0),
            threads: Some(9.0),
            ..Figures::default()
        };
        assert_eq!(Figures::parse(STAT, STATUS, limits), expect);
        assert_eq!(start_s(STAT, "cpu 1 2 3\nbtime 1700000000\n"), Some(1_700_000_123.45));
    }

    #[test]
    fn leaves_out_what_cannot_be_read() {
        assert_eq!(Figures::parse("", "", ""), Figures::default());
        assert_eq!(Figures::parse("17 (short) S 1", "VmRSS:\n", "Max open files unlimited x"), Figures::default());
        assert_eq!(start_s("", "btime 5"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn finds_all_figures_of_this_very_process() {
        let figures = Figures::read(ProcessCollector::new().start_s);
        for (row, _, figure) in &PROCESS_ROWS {
            assert!(figure(&figures).is_some(), "{} is missing", row.name);
        }
        assert!(figures.resident_bytes > Some(100_000.0) && figures.start_s > Some(1_600_000_000.0));
        assert!(figures.open_fds <= figures.max_fds && figures.threads >= Some(1.0));
    }
}
