//! Words, numbers and units of a report, the same for the page and the terminal.
//!
//! It knows no HTML and no terminal, and judges nothing.

use crate::report::{Percentiles, Report, Requirement, ScenarioReport, Verdict};
use statistics::Interval;

/// What stands where there is no figure.
pub(super) const NONE: &str = "–";

/// Keys of requirements, what they ask about, and how their figures are shown.
const KEYS: [(&str, &str, Quantity); 17] = [
    ("success_min", "success", Quantity::Share),
    ("p50_ms_max", "median latency", Quantity::Milliseconds),
    ("p95_ms_max", "95th percentile of latency", Quantity::Milliseconds),
    ("p99_ms_max", "99th percentile of latency", Quantity::Milliseconds),
    ("ttft_ms_max", "95th percentile of the time to the first token", Quantity::Milliseconds),
    ("goodput_min", "good answers", Quantity::Share),
    ("memory_growth_mb_max", "growth of the target’s memory", Quantity::Megabytes),
    ("cache_hit_min", "answers from any cache tier", Quantity::Share),
    ("cache_l1_min", "lookups answered by the first cache tier", Quantity::Share),
    ("cache_l2_min", "remaining lookups answered by the second cache tier", Quantity::Share),
    ("users_min", "users that got an answer", Quantity::Count),
    ("cost_usd_max", "mean cost of a request", Quantity::Dollars),
    ("recovery_min", "success after the last breaker closed", Quantity::Share),
    ("fallback_min", "success of requests that fell back", Quantity::Share),
    ("chain_ms_max", "95th percentile of degraded answers", Quantity::Milliseconds),
    ("rate_min", "requests finished per second", Quantity::PerSecond),
    ("grade_cmo_min", "original’s grade", Quantity::Grade),
];

/// What a figure is a figure of, by which its unit and its digits are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quantity {
    Share,
    Milliseconds,
    Megabytes,
    Dollars,
    PerSecond,
    Count,
    /// The original's grade as a number, A+ as 5 to F as 0.
    Grade,
    /// Of a key that is not known here.
    Plain,
}

impl Quantity {
    /// By the name of a requirement: its key, and after a blank perhaps a scenario's name.
    pub(super) fn of(name: &str) -> Self {
        row(name).map_or(Self::Plain, |row| row.2)
    }

    fn unit(self) -> &'static str {
        match self {
            Self::Share => "\u{a0}%",
            Self::Milliseconds => "\u{a0}ms",
            Self::Megabytes => "\u{a0}MB",
            Self::Dollars => "\u{a0}USD",
            Self::PerSecond => "/s",
            Self::Count | Self::Grade | Self::Plain => "",
        }
    }

    fn bare(self, value: f64) -> String {
        match self {
            _ if !value.is_finite() => NONE.to_owned(),
            Self::Share => percent(value),
            Self::Count => thousands(&format!("{value:.0}")),
            Self::Grade => letter(value).to_owned(),
            _ => number(value),
        }
    }

    /// A figure that was found, with its unit; a dash where there is none.
    pub(super) fn show(self, value: f64) -> String {
        if value.is_finite() { self.bare(value) + self.unit() } else { NONE.to_owned() }
    }

    /// A figure that was asked for: as it was written, without zeros that promise digits.
    pub(super) fn asked(self, value: f64) -> String {
        if self == Self::Grade {
            return letter(value).to_owned();
        }
        let value = if self == Self::Share { value * 100.0 } else { value };
        let digits = format!("{value:.4}");
        thousands(digits.trim_end_matches('0').trim_end_matches('.')) + self.unit()
    }

    /// Both ends with one unit; one end where the sample bounds only one.
    pub(super) fn range(self, interval: Interval) -> String {
        let (lo, hi, unit) = (self.bare(interval.lo), self.bare(interval.hi), self.unit());
        match (interval.lo.is_finite(), interval.hi.is_finite()) {
            (true, true) if lo == hi => lo + unit,
            // The negative end of a slope would read as a dash too many.
            (true, true) if interval.lo < 0.0 => format!("{lo} to {hi}{unit}"),
            (true, true) => format!("{lo}–{hi}{unit}"),
            (true, false) => format!("from {lo}{unit}"),
            (false, true) => format!("up to {hi}{unit}"),
            (false, false) => "not bounded".to_owned(),
        }
    }
}

fn row(name: &str) -> Option<&'static (&'static str, &'static str, Quantity)> {
    let key = name.split(' ').next().unwrap_or(name);
    KEYS.iter().find(|row| row.0 == key)
}

fn letter(points: f64) -> &'static str {
    match points {
        points if points >= 5.0 => "A+",
        points if points >= 4.0 => "A",
        points if points >= 3.0 => "B",
        points if points >= 2.0 => "C",
        points if points >= 1.0 => "D",
        _ => "F",
    }
}

/// Three significant digits, but no digit before the point is rounded away: 2,004 ms must not read like 2,000 ms.
pub(super) fn number(value: f64) -> String {
    if !value.is_finite() {
        return NONE.to_owned();
    }
    let rounded = format!("{value:.2e}").parse::<f64>().unwrap_or(value).abs();
    let decimals = match rounded {
        size if !(1e-9..100.0).contains(&size) => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        size if size >= 0.1 => 3,
        size if size >= 0.01 => 4,
        _ => 5,
    };
    thousands(&format!("{value:.decimals$}"))
}

/// A share in per cent without its sign, with as many digits as it takes not to call 99.97 % all, or 0.02 % none.
fn percent(share: f64) -> String {
    // The upper end of an interval is computed, and misses 1 by what computing loses.
    let share = if share > 1.0 - 1e-12 { share.max(1.0) } else { share };
    let value = share * 100.0;
    let decimals = (1..4).find(|&decimals| {
        let shown = format!("{value:.decimals$}").parse::<f64>().unwrap_or(value);
        (shown < 100.0 || share >= 1.0) && (shown > 0.0 || share <= 0.0)
    });
    format!("{value:.*}", decimals.unwrap_or(4))
}

/// A count with separators.
pub(super) fn count(value: u64) -> String {
    thousands(&value.to_string())
}

fn thousands(digits: &str) -> String {
    let (whole, rest) = digits.split_at(digits.find('.').unwrap_or(digits.len()));
    let (sign, whole) = whole.strip_prefix('-').map_or(("", whole), |whole| ("-", whole));
    let mut text = sign.to_owned();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text + rest
}

/// `1 repeat`, `2 repeats`.
pub(super) fn several(value: u64, noun: &str) -> String {
    format!("{}\u{a0}{noun}{}", count(value), if value == 1 { "" } else { "s" })
}

/// A percentile in milliseconds; a dash where nothing was measured.
pub(super) fn latency(sample: &Percentiles, value: f64) -> String {
    Quantity::Milliseconds.show(if sample.count == 0 { f64::NAN } else { value })
}

/// What a requirement asks about, in words; after a comma of which scenario, where its name says so.
pub(super) fn requirement(name: &str) -> String {
    let (key, scenario) = name.split_once(' ').map_or((name, None), |(key, scenario)| (key, Some(scenario)));
    let words = row(key).map_or(key.replace('_', " "), |row| row.1.to_owned());
    scenario.map_or(words.clone(), |scenario| format!("{words}, {scenario}"))
}

/// What a requirement asks for, as `at least 95 %`. The original's layers ask for more than a share and less than a
/// time, where `[slo]` asks for at least and at most.
pub(super) fn target(requirement: &Requirement, layer: bool) -> String {
    let key = requirement.name.split(' ').next().unwrap_or_default();
    let quantity = Quantity::of(key);
    let strict = layer && matches!(quantity, Quantity::Share | Quantity::Milliseconds);
    let words = match (key.ends_with("_max"), strict) {
        (true, true) => "under",
        (true, false) => "at most",
        (false, true) => "over",
        (false, false) => "at least",
    };
    format!("{words}\u{a0}{}", quantity.asked(requirement.target))
}

/// A requirement with what was found, in one line.
pub(super) fn finding(requirement: &Requirement) -> String {
    let quantity = Quantity::of(&requirement.name);
    let mut facts = format!("{}: {}", self::requirement(&requirement.name), target(requirement, false));
    if let Some(measured) = requirement.measured {
        facts += &format!(", measured {}", quantity.show(measured));
    }
    if let Some(interval) = requirement.interval {
        facts += &format!(" ({})", quantity.range(interval));
    }
    facts
}

/// A verdict's word.
pub(super) fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Fail => "fail",
        Verdict::Inconclusive => "inconclusive",
        Verdict::Invalid => "invalid",
        Verdict::NotMeasured => "not measured",
    }
}

/// A report's verdict in a sentence, which does not pass over what could not be measured.
pub(super) fn verdict_sentence(report: &Report) -> String {
    let all = report.scenarios.iter().flat_map(|scenario| &scenario.requirements);
    let unmeasured = all.filter(|one| one.verdict == Verdict::NotMeasured).count() as u64;
    let words = match report.verdict {
        Verdict::Pass if unmeasured > 0 => {
            let noun = if unmeasured == 1 { "requirement" } else { "requirements" };
            return format!("Everything that was judged holds; {} {noun} could not be measured.", count(unmeasured));
        }
        Verdict::Pass => "Everything that was judged holds.",
        Verdict::Fail => "At least one requirement does not hold, and its interval says so.",
        Verdict::Inconclusive => "Nothing is known to fail, but at least one interval crosses its target.",
        Verdict::Invalid => {
            "The figures cannot be believed: the generator was the bottleneck, or the run was cut short."
        }
        Verdict::NotMeasured => "Nothing that was asked for could be measured.",
    };
    words.to_owned()
}

/// Both grades of a report; dashes where its figures are not to be believed or not all there.
pub(super) fn grades(report: &Report) -> [&'static str; 2] {
    let believed = report.complete && report.verdict != Verdict::Invalid;
    if believed { [report.grade.name(), report.grade_cmo.name()] } else { [NONE; 2] }
}

/// Both grades of a scenario; dashes where its figures are not to be believed or not all there.
pub(super) fn scenario_grades(scenario: &ScenarioReport) -> [&'static str; 2] {
    let believed = scenario.operations >= scenario.planned && scenario.verdict != Verdict::Invalid;
    if believed { [scenario.grade.name(), scenario.grade_cmo.name()] } else { [NONE; 2] }
}

/// The command that runs the same again.
pub(super) fn command(name: &str, url: &str, repeats: u32, seed: Option<u64>) -> String {
    let mut words = vec!["althing load run".to_owned(), quoted(name)];
    words.extend((!url.is_empty()).then(|| format!("--target {}", quoted(url))));
    words.extend((repeats > 1).then(|| format!("--repeat {repeats}")));
    words.extend(seed.map(|seed| format!("--seed {seed}")));
    words.join(" ")
}

fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:".contains(letter);
    let safe = !word.is_empty() && !word.starts_with('-') && word.chars().all(plain);
    if safe { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}
