//! Where the generator runs, as a reader of its figures needs to know it. Knows no host name and no user.

use std::thread::available_parallelism;
use verdict::Environment;

/// This machine now, and the generator's version. What cannot be found out is empty, 0 or none: a report without its
/// processor's name is still a report.
pub(crate) fn environment(version: &str) -> Environment {
    let text = |path| std::fs::read_to_string(path).unwrap_or_default();
    Environment {
        version: version.to_owned(),
        system: system(&text("/proc/sys/kernel/ostype"), &text("/proc/sys/kernel/osrelease")),
        processor: behind(&text("/proc/cpuinfo"), "model name").unwrap_or_default().to_owned(),
        cores: available_parallelism().map_or(0, |cores| u32::try_from(cores.get()).unwrap_or(u32::MAX)),
        memory_mb: kib(&text("/proc/meminfo"), "MemTotal").unwrap_or_default() / 1024,
        load_average: load_average(&text("/proc/loadavg")),
    }
}

/// Operating system and kernel, such as `Linux 6.1.0-18-amd64`.
fn system(kind: &str, release: &str) -> String {
    match kind.trim() {
        "" => std::env::consts::OS.to_owned(),
        kind => format!("{kind} {}", release.trim()).trim_end().to_owned(),
    }
}

/// What stands behind a title and its colon in the tables of `/proc`, the first time.
fn behind<'a>(table: &'a str, title: &str) -> Option<&'a str> {
    let mut rows = table.lines().filter_map(|line| line.split_once(':'));
    rows.find_map(|(name, value)| (name.trim() == title).then(|| value.trim()))
}

/// A number of KiB behind a title.
pub(crate) fn kib(table: &str, title: &str) -> Option<u64> {
    behind(table, title)?.strip_suffix("kB")?.trim().parse().ok()
}

fn load_average(text: &str) -> Option<f64> {
    let load: f64 = text.split_ascii_whitespace().next()?.parse().ok()?;
    load.is_finite().then_some(load)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_has_a_name_in_any_case() {
        for (kind, release, expect) in [
            ("Linux\n", "6.1.0-18-amd64\n", "Linux 6.1.0-18-amd64"),
            ("Linux\n", "", "Linux"),
            ("", "", std::env::consts::OS),
            ("", "6.1.0", std::env::consts::OS),
        ] {
            assert_eq!(system(kind, release), expect);
        }
    }

    #[test]
    fn tables_of_proc_are_read_or_left() {
        let cpu = "processor\t: 0\nmodel\t\t: 143\nmodel name\t: Xeon: the first\n\nmodel name\t: Xeon: the second\n";
        assert_eq!(behind(cpu, "model name"), Some("Xeon: the first"));
        assert_eq!(behind("CPU implementer\t: 0x41\nrubbish", "model name"), None);
        for (table, expect) in [
            ("MemFree:  1 kB\nMemTotal:       16384256 kB\n", Some(16_384_256)),
            ("MemTotal: 12", None),
            ("MemTotal: many kB", None),
            ("MemTotal: -4 kB", None),
            ("", None),
        ] {
            assert_eq!(kib(table, "MemTotal"), expect, "{table}");
        }
        for (text, expect) in [("0.52 0.58 0.59 1/467 12\n", Some(0.52)), ("", None), ("nan", None), ("x 1", None)] {
            assert_eq!(load_average(text), expect, "{text}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_machine_is_known() {
        let here = environment("1.2.3");
        assert_eq!(here.version, "1.2.3");
        assert!(here.system.starts_with("Linux ") && here.cores > 0 && here.memory_mb > 64, "{here:?}");
        assert!(here.load_average.is_some(), "{here:?}");
    }
}
