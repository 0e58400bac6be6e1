//! How a load test goes, in one line.

use crate::text::WIDTH;
use load::Progress;

/// Columns of the bar.
const BAR: usize = 8;

/// One line of at most 79 columns, the least of it last; `planned` is how many requests there will be.
pub fn run_line(name: &str, planned: u64, live: &Progress, bar: bool) -> String {
    let share = if planned == 0 { 1.0 } else { live.finished as f64 / planned as f64 };
    let full = (share * BAR as f64) as usize;
    let bar = if bar {
        format!(" [{}{}]", "=".repeat(full.min(BAR)), " ".repeat(BAR.saturating_sub(full)))
    } else {
        String::new()
    };
    let seconds = live.elapsed.as_secs_f64();
    let rate = if seconds > 0.0 { live.finished as f64 / seconds } else { 0.0 };
    let time = |us: Option<u64>| us.map_or("-".to_owned(), |us| short(us as f64 / 1e3));
    let mut text = format!("{name}{bar} {}/{planned} {rate:.0}/s", live.finished);
    let rest = [
        format!("errors {}", live.failed),
        format!("p95 {}", time(live.p95_us)),
        format!("p50 {}", time(live.p50_us)),
        format!("in flight {}", live.in_flight),
        format!("waiting {}", live.waiting),
    ];
    for part in rest {
        if text.chars().count() + part.len() + 2 >= WIDTH {
            break;
        }
        text.push_str("  ");
        text.push_str(&part);
    }
    text.chars().take(WIDTH - 1).collect()
}

/// Milliseconds in few characters.
fn short(ms: f64) -> String {
    match ms {
        ms if ms < 10.0 => format!("{ms:.1} ms"),
        ms if ms < 1_000.0 => format!("{ms:.0} ms"),
        ms => format!("{:.1} s", ms / 1e3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_line_fits_a_terminal() {
        let live = Progress {
            elapsed: Duration::from_secs(32),
            finished: 212,
            failed: 3,
            in_flight: 7,
            waiting: 0,
            p50_us: Some(902_000),
            p95_us: Some(1_310_000),
        };
        let text = run_line("academic", 400, &live, true);
        assert_eq!(text, "academic [====    ] 212/400 7/s  errors 3  p95 1.3 s  p50 902 ms  in flight 7");
        let long = run_line(&"long ".repeat(30), 10_000_000, &live, true);
        assert_eq!(long.chars().count(), WIDTH - 1);
        let none = Progress { finished: 0, elapsed: Duration::ZERO, p50_us: None, p95_us: None, ..live };
        assert!(run_line("a", 0, &none, false).starts_with("a 0/0 0/s  errors 3  p95 -"));
    }
}
