//! Where runs are heading: latency and rate over the days, by a slope that single bad runs do not turn.
//!
//! Knows runs as rows of figures; not where they are kept, and no clock.

use crate::compare::words::{COLUMNS, figure, fitted, range, wrapped};
use crate::judge::verdict_name;
use crate::report::Verdict;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use statistics::{Interval, slope};

/// With fewer runs no direction is told.
pub const TREND_RUNS_MIN: usize = 5;
/// The most runs that a line of bars shows: the latest.
const SPARK: usize = 60;
const DAY_S: f64 = 86_400.0;

/// One run that was kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Past {
    /// Its id.
    pub id: String,
    /// When it began, as `2026-11-21T03:26:06Z`.
    pub started: String,
    /// The same in seconds since 1970.
    pub started_s: f64,
    /// Median latency in milliseconds.
    pub p50_ms: f64,
    /// Its 95th percentile.
    pub p95_ms: f64,
    /// Share of requests that got the answer they asked for, 0 to 1.
    pub success: f64,
    /// Requests finished per second.
    pub rate_per_s: f64,
    /// What it came to.
    pub verdict: Verdict,
}

/// Which way a figure is heading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The slope's interval lies above 0.
    Rising,
    /// It lies below 0.
    Falling,
    /// It holds 0.
    Steady,
    /// There are fewer than five runs, or all began at once.
    Unknown,
}

/// A figure over time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Heading {
    /// Which way.
    pub direction: Direction,
    /// How much it rises per day, in its unit.
    pub per_day: Option<f64>,
    /// Where the true slope lies.
    pub interval: Option<Interval>,
}

/// Runs in the order of time, and where they are heading.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Trend {
    /// Each run, the oldest first.
    pub runs: Vec<Past>,
    /// Of the 95th percentile, in milliseconds per day.
    pub p95_ms: Heading,
    /// Of the rate, in requests per second per day.
    pub rate_per_s: Heading,
}

/// Tells where runs are heading, by Theil and Sen's slope. A figure that is no number is left out.
pub fn trend(runs: &[Past]) -> Trend {
    let mut runs = runs.to_vec();
    runs.sort_by(|one, other| one.started_s.total_cmp(&other.started_s));
    let heading = |of: fn(&Past) -> f64| heading(&runs, of);
    let (p95_ms, rate_per_s) = (heading(|run| run.p95_ms), heading(|run| run.rate_per_s));
    Trend { runs, p95_ms, rate_per_s }
}

fn heading(runs: &[Past], of: fn(&Past) -> f64) -> Heading {
    // Days from the first run: seconds since 1970 would cost digits.
    let first = runs.first().map_or(0.0, |run| run.started_s);
    let points: Vec<_> = runs
        .iter()
        .map(|run| ((run.started_s - first) / DAY_S, of(run)))
        .filter(|(day, value)| day.is_finite() && value.is_finite())
        .collect();
    let found = slope(&points).filter(|_| points.len() >= TREND_RUNS_MIN);
    let direction = match found.map(|found| found.interval) {
        None => Direction::Unknown,
        Some(interval) if interval.lo > 0.0 => Direction::Rising,
        Some(interval) if interval.hi < 0.0 => Direction::Falling,
        Some(_) => Direction::Steady,
    };
    Heading { direction, per_day: found.map(|found| found.per_x), interval: found.map(|found| found.interval) }
}

/// The trend for a terminal, a line for each run, in lines of at most 80 columns.
pub fn text(trend: &Trend) -> String {
    let mut text = "started               verdict          p50 ms    p95 ms  success     rate/s\n".to_owned();
    for run in &trend.runs {
        let (started, verdict) = (fitted(&run.started, 20), verdict_name(run.verdict));
        let [p50, p95, rate] = [run.p50_ms, run.p95_ms, run.rate_per_s].map(figure);
        let success = figure(run.success * 100.0);
        let line = format!("{started:<20}  {verdict:<13} {p50:>9} {p95:>9} {success:>6} % {rate:>10}");
        text += &(fitted(&line, COLUMNS) + "\n");
    }
    text.push('\n');
    for (name, unit, heading, of) in [
        ("p95   ", "ms", trend.p95_ms, (|run| run.p95_ms) as fn(&Past) -> f64),
        ("rate  ", "per s", trend.rate_per_s, |run| run.rate_per_s),
    ] {
        text += &wrapped(name, &spark(trend.runs.iter().map(of)));
        text += &wrapped(name, &words(heading, unit));
    }
    text
}

fn words(heading: Heading, unit: &str) -> String {
    let word = match heading.direction {
        Direction::Rising => "rising",
        Direction::Falling => "falling",
        Direction::Steady => "steady",
        Direction::Unknown => return format!("unknown: it takes {TREND_RUNS_MIN} runs at different times"),
    };
    let [by, within] = [heading.per_day.map(figure), heading.interval.map(range)].map(Option::unwrap_or_default);
    format!("{word}: {by} {unit} per day ({within})")
}

/// A bar for each value, from the least to the largest; a dot for what is no number.
fn spark(values: impl DoubleEndedIterator<Item = f64>) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let mut latest: Vec<f64> = values.rev().take(SPARK).collect();
    latest.reverse();
    let finite = || latest.iter().copied().filter(|value| value.is_finite());
    let (least, most) = (finite().fold(f64::INFINITY, f64::min), finite().fold(f64::NEG_INFINITY, f64::max));
    let bar = |value: &f64| {
        let part = if most > least { (value - least) / (most - least) } else { 0.5 };
        // The last bar is for the largest alone.
        let at = (part * (BARS.len() - 1) as f64).round() as usize;
        BARS.get(at).copied().filter(|_| value.is_finite()).unwrap_or('·')
    };
    latest.iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn run(day: f64, p95_ms: f64, rate_per_s: f64) -> Past {
        Past {
            id: format!("load_{day}"),
            started: "2026-11-21T03:26:06Z".into(),
            started_s: 1.8e9 + day * DAY_S,
            p50_ms: p95_ms / 2.0,
            p95_ms,
            success: 0.987,
            rate_per_s,
            verdict: Verdict::Inconclusive,
        }
    }

    fn directions(runs: &[Past]) -> (Direction, Direction) {
        let trend = trend(runs);
        (trend.p95_ms.direction, trend.rate_per_s.direction)
    }

    #[test]
    fn directions_in_words() {
        use Direction::{Falling, Rising, Steady, Unknown};
        let line = |days: u32, p95: f64, rate: f64| -> Vec<Past> {
            (0..days).map(f64::from).map(|day| run(day, 500.0 + p95 * day, 100.0 + rate * day)).collect()
        };
        let zigzag: Vec<_> = (0..12).map(|day| run(f64::from(day), 500.0 + f64::from(day % 2), 100.0)).collect();
        let at_once: Vec<_> = (0..9).map(|day| run(1.0, f64::from(day), 1.0)).collect();
        for (runs, expect) in [
            (vec![], (Unknown, Unknown)),
            (line(4, 1.0, 1.0), (Unknown, Unknown)),
            (line(10, 3.0, -2.0), (Rising, Falling)),
            (line(10, 0.0, 0.0), (Steady, Steady)),
            (zigzag, (Steady, Steady)),
            (at_once, (Unknown, Unknown)),
        ] {
            assert_eq!(directions(&runs), expect, "{runs:?}");
        }
    }

    #[test]
    fn a_slope_per_day_that_one_bad_run_does_not_turn() {
        let mut runs: Vec<_> = (0..11).map(|day| run(f64::from(day), 500.0 + 4.0 * f64::from(day), 100.0)).collect();
        runs[5].p95_ms = 9_000.0;
        runs[8].p95_ms = f64::NAN;
        runs.reverse();
        let found = trend(&runs);
        assert!((found.p95_ms.per_day.unwrap() - 4.0).abs() < 0.1 && found.p95_ms.direction == Direction::Rising);
        assert!(found.runs.is_sorted_by(|one, next| one.started_s <= next.started_s));
    }

    #[test]
    fn as_text() {
        let runs: Vec<_> = (0..6).map(|day| run(f64::from(day), 500.0 + 100.0 * f64::from(day), 1_000.0)).collect();
        insta::assert_snapshot!(text(&trend(&runs)));
        assert_eq!(spark([1.0, f64::NAN, 2.0].into_iter()), "▁·█");
        assert_eq!(spark([2.0, 2.0].into_iter()), "▅▅");
        assert!(text(&trend(&[])).contains("unknown"));
    }

    proptest! {
        #[test]
        fn no_line_is_too_wide(
            values in prop::collection::vec((0.0..1e5f64, prop::num::f64::ANY, prop::num::f64::ANY), 0..80),
        ) {
            let runs: Vec<_> = values.iter().map(|(day, p95, rate)| run(*day, *p95, *rate)).collect();
            for line in text(&trend(&runs)).lines() {
                prop_assert!(line.chars().count() <= COLUMNS, "{line}");
            }
        }
    }
}
