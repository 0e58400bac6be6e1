//! A local process as the operating system sees it, for targets that say nothing of themselves. Knows Linux alone.

use crate::environment::kib;

/// Ticks per second in which `/proc` counts processor time towards programs, on every architecture.
const TICKS_PER_S: f64 = 100.0;

/// Resident MB and processor seconds, user and system together; `None` without such a process or without `/proc`.
pub(super) fn figures(pid: u32) -> Option<(f64, f64)> {
    let text = |file| std::fs::read_to_string(format!("/proc/{pid}/{file}")).ok();
    Some((kib(&text("status")?, "VmRSS")? as f64 / 1024.0, cpu_s(&text("stat")?)?))
}

/// Fields 14 and 15 of `stat`. The second, the program's name in brackets, may hold spaces and brackets, so that fields
/// are counted from behind its last bracket.
fn cpu_s(stat: &str) -> Option<f64> {
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11).map(str::parse::<u64>);
    let (user, system) = (fields.next()?.ok()?, fields.next()?.ok()?);
    Some(user.saturating_add(system) as f64 / TICKS_PER_S)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_read_whatever_the_name() {
        for (stat, expect) in [
            ("17 (a) R 9) b) S 1 17 17 0 -1 4194560 900 0 1 0 250 50 0 0 20 0 9 0 12345", Some(3.0)),
            ("17 (a) S 1 17 17 0 -1 4194560 900 0 1 0 250", None),
            ("17 (a) S 1 17 17 0 -1 4194560 900 0 1 0 x 50", None),
            ("", None),
        ] {
            assert_eq!(cpu_s(stat), expect, "{stat}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_very_process_is_seen() {
        let (resident_mb, cpu_s) = figures(std::process::id()).unwrap();
        assert!(resident_mb > 0.5 && cpu_s >= 0.0);
        assert_eq!(figures(u32::MAX), None);
    }
}
