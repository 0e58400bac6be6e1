//! What came of a benchmark: one shape for all, in `target/bench/*.json` and in `docs/performance.json`. Knows what a
//! target is; refuses to know how anything is measured.

use super::registry::Benchmark;
use super::{sample, write_failed};
use crate::trouble::Trouble;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// What a benchmark found, before it is judged.
#[derive(Default)]
pub(super) struct Measured {
    pub(super) subjects: Vec<Subject>,
    pub(super) figures: Vec<Figure>,
    pub(super) ratios: Vec<Ratio>,
    /// By which share the baseline changed between the halves of the rounds.
    pub(super) drift: Option<f64>,
    /// What the reader should know.
    pub(super) notes: Vec<String>,
    /// Why it says nothing.
    pub(super) void: Option<String>,
    /// Why it was not run.
    pub(super) skipped: Option<String>,
    /// Why it failed, whatever its figures.
    pub(super) failed: Option<String>,
    /// Who was to be measured beside it and is not there: no target counts whose figure ends in such a name.
    pub(super) absent: Vec<&'static str>,
}

impl Measured {
    /// Somebody to be measured beside it is not there; the reader is told how to get it.
    pub(super) fn lacks(&mut self, name: &'static str, hint: String) {
        self.absent.push(name);
        self.notes.push(hint);
    }
}

/// What came of a benchmark.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Outcome {
    pub(super) benchmark: String,
    pub(super) what: String,
    pub(super) command: String,
    #[serde(default)]
    pub(super) subjects: Vec<Subject>,
    #[serde(default)]
    pub(super) figures: Vec<Figure>,
    #[serde(default)]
    pub(super) ratios: Vec<Ratio>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) drift: Option<f64>,
    pub(super) verdict: Verdict,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) notes: Vec<String>,
    pub(super) environment: Environment,
}

/// One of those that were measured in turn, and its medians over the rounds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Subject {
    pub(super) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<String>,
    /// What was measured, by name with its unit last.
    #[serde(flatten)]
    pub(super) measured: BTreeMap<String, f64>,
}

/// What is told.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Figure {
    pub(super) name: String,
    pub(super) value: f64,
    pub(super) unit: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) target: Option<Bound>,
    pub(super) verdict: Verdict,
}

/// What a figure must keep.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

/// One subject over another, round by round: the median of the rounds, the least and the largest.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Ratio {
    pub(super) name: String,
    pub(super) of: String,
    pub(super) to: String,
    pub(super) value: f64,
    pub(super) low: f64,
    pub(super) high: f64,
}

/// How it came out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    /// Every target was met.
    Pass,
    /// A target was missed.
    Fail,
    /// It says nothing.
    Void,
    /// There is no target.
    #[default]
    Measured,
    /// It was not run.
    Skipped,
}

/// Where and when.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Environment {
    /// Year, month and day, in UTC.
    pub(super) date: String,
    pub(super) cores: usize,
    /// How many threads wanted a core before the first benchmark began, averaged over a minute; all cores together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) load_average: Option<f64>,
    /// How many cores others kept busy while it ran, on average.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) others_cores: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) processor: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) quick: bool,
}

impl Verdict {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Void => "void",
            Self::Measured => "measured",
            Self::Skipped => "skipped",
        }
    }

    /// Whether it says anything of the thing measured.
    pub(super) fn counts(self) -> bool {
        matches!(self, Self::Pass | Self::Fail | Self::Measured)
    }
}

impl Bound {
    fn judge(self, value: f64) -> Verdict {
        let good = match self {
            Self::AtMost(most) => value <= most,
            Self::AtLeast(least) => value >= least,
        };
        if good { Verdict::Pass } else { Verdict::Fail }
    }
}

impl Figure {
    /// A figure that has no target of its own; the registry may give it one.
    pub(super) fn new(name: impl Into<String>, value: f64, unit: &str) -> Self {
        Self { name: name.into(), value: sample::round(value), unit: unit.to_owned(), ..Self::default() }
    }

    /// The same, with what it must keep.
    pub(super) fn bound(mut self, bound: Bound) -> Self {
        self.verdict = bound.judge(self.value);
        self.target = Some(bound);
        self
    }
}

impl Ratio {
    /// None where a denominator is not above 0 in any round.
    pub(super) fn new(name: impl Into<String>, (of, ofs): (&str, &[f64]), (to, tos): (&str, &[f64])) -> Option<Self> {
        let pairs = ofs.iter().zip(tos).filter(|(_, to)| **to > 0.0);
        let ratios: Vec<f64> = pairs.map(|(of, to)| of / to).collect();
        let low = ratios.iter().copied().min_by(f64::total_cmp)?;
        let high = ratios.iter().copied().max_by(f64::total_cmp)?;
        let [value, low, high] = [sample::median(&ratios), low, high].map(sample::round);
        Some(Self { name: name.into(), of: of.to_owned(), to: to.to_owned(), value, low, high })
    }
}

impl Outcome {
    /// Holds what was measured against the benchmark's targets.
    pub(super) fn judged(benchmark: &Benchmark, mut found: Measured, environment: Environment) -> Self {
        for (name, bound) in benchmark.targets {
            match found.figures.iter_mut().find(|figure| figure.name == *name) {
                Some(figure) => *figure = figure.clone().bound(*bound),
                None if found.absent.iter().any(|absent| name.ends_with(absent)) => {}
                None => {
                    found.void.get_or_insert_with(|| format!("`{name}` was not measured"));
                }
            }
        }
        if let Some(drift) = found.drift.filter(|drift| *drift > benchmark.drift_max) {
            let what = format!(
                "the baseline drifted by {:.0} %, which is more than {:.0} %",
                drift * 1e2,
                1e2 * benchmark.drift_max
            );
            found.void.get_or_insert(what);
        }
        if benchmark.needs_quiet && environment.is_busy() && verdict(&found) == Verdict::Fail && found.failed.is_none()
        {
            found.void = Some("a target was missed while others were using the machine".to_owned());
        }
        let verdict = verdict(&found);
        let reasons = found.skipped.into_iter().chain(found.void).chain(found.failed);
        Self {
            benchmark: benchmark.name.to_owned(),
            what: benchmark.what.to_owned(),
            command: format!("cargo xtask bench {}", benchmark.name),
            subjects: found.subjects,
            figures: found.figures,
            ratios: found.ratios,
            drift: found.drift.map(sample::round),
            verdict,
            notes: reasons.chain(found.notes).collect(),
            environment,
        }
    }

    pub(super) fn write(&self, path: &Path) -> Result<(), Trouble> {
        let text = json(self)?;
        std::fs::write(path, text).map_err(|source| write_failed(path, source))
    }
}

/// Pretty, with an end of line.
pub(super) fn json<T: Serialize>(value: &T) -> Result<String, Trouble> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Trouble::Bench { what: error.to_string() })?;
    Ok(format!("{text}\n"))
}

fn verdict(found: &Measured) -> Verdict {
    let any = |verdict| found.figures.iter().any(|figure| figure.verdict == verdict);
    match found {
        Measured { skipped: Some(_), .. } => Verdict::Skipped,
        Measured { void: Some(_), .. } => Verdict::Void,
        Measured { failed: Some(_), .. } => Verdict::Fail,
        _ if any(Verdict::Fail) => Verdict::Fail,
        _ if any(Verdict::Void) => Verdict::Void,
        _ if any(Verdict::Pass) => Verdict::Pass,
        _ => Verdict::Measured,
    }
}

impl Environment {
    /// Whether others took a quarter of the cores or more; where that is not known, whether half as many threads
    /// wanted a core as there are.
    pub(super) fn is_busy(&self) -> bool {
        let cores = self.cores as f64;
        let wanted = self.load_average.is_some_and(|load| load > cores / 2.0);
        self.others_cores.map_or(wanted, |others| others > cores / 4.0)
    }

    /// Here and now.
    pub(super) fn now(quick: bool) -> Self {
        let read = |path| std::fs::read_to_string(path).unwrap_or_default();
        let load = read("/proc/loadavg").split(' ').next().and_then(|load| load.parse().ok());
        let cpuinfo = read("/proc/cpuinfo");
        let processor = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let date = Command::new("date").args(["-u", "+%Y-%m-%d"]).output().map(|output| output.stdout);
        Self {
            date: String::from_utf8_lossy(&date.unwrap_or_default()).trim().to_owned(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            load_average: load,
            others_cores: None,
            processor: processor.map(|(_, name)| name.trim().to_owned()),
            quick,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Measure;

    const BENCHMARK: Benchmark = Benchmark {
        name: "one",
        title: "one",
        what: "what it does",
        ratio: "",
        target: "",
        void: "",
        targets: &[("time", Bound::AtMost(2.0)), ("rate", Bound::AtLeast(10.0))],
        needs_quiet: false,
        drift_max: 0.2,
        measure: Measure::Idle,
    };

    fn found(time: f64, rate: f64) -> Measured {
        Measured {
            figures: vec![Figure::new("time", time, "ms"), Figure::new("rate", rate, "/s")],
            ..Measured::default()
        }
    }

    fn verdict_of(found: Measured) -> Verdict {
        Outcome::judged(&BENCHMARK, found, Environment::default()).verdict
    }

    #[test]
    fn targets_hold_up_to_their_bound() {
        let check = |time, rate, expect| assert_eq!(verdict_of(found(time, rate)), expect, "{time} {rate}");
        check(2.0, 10.0, Verdict::Pass);
        check(2.001, 10.0, Verdict::Fail);
        check(2.0, 9.99, Verdict::Fail);
    }

    #[test]
    fn what_drifts_or_lacks_a_figure_says_nothing() {
        let drifting = |drift| verdict_of(Measured { drift: Some(drift), ..found(9.0, 0.0) });
        assert_eq!((drifting(0.21), drifting(0.2)), (Verdict::Void, Verdict::Fail));
        let mut short = found(1.0, 10.0);
        short.figures.pop();
        assert_eq!(verdict_of(short), Verdict::Void);
        assert_eq!(verdict_of(Measured { failed: Some("no".to_owned()), ..found(1.0, 10.0) }), Verdict::Fail);
        assert_eq!(verdict_of(Measured { skipped: Some("no".to_owned()), ..Measured::default() }), Verdict::Skipped);
    }

    #[test]
    fn targets_beside_somebody_who_is_not_there_do_not_count() {
        let benchmark = Benchmark { targets: &[("time over nginx", Bound::AtMost(2.0))], ..BENCHMARK };
        let verdict = |found| Outcome::judged(&benchmark, found, Environment::default()).verdict;
        let mut alone = Measured::default();
        assert_eq!(verdict(Measured::default()), Verdict::Void);
        alone.lacks("nginx", "get it".to_owned());
        assert_eq!(verdict(alone), Verdict::Measured);
    }

    #[test]
    fn a_target_of_time_is_missed_on_a_quiet_machine_alone() {
        let check = |needs_quiet, others, expect| {
            let environment = Environment { cores: 2, others_cores: Some(others), ..Environment::default() };
            let benchmark = Benchmark { needs_quiet, ..BENCHMARK };
            let outcome = Outcome::judged(&benchmark, found(9.0, 0.0), environment);
            assert_eq!(outcome.verdict, expect, "{needs_quiet} {others}");
        };
        check(true, 0.5, Verdict::Fail);
        check(true, 0.51, Verdict::Void);
        check(false, 2.0, Verdict::Fail);
    }

    #[test]
    fn ratios_are_taken_round_by_round() {
        let ratio = Ratio::new("time", ("a", &[2.0, 6.0, 9.0]), ("b", &[1.0, 2.0, 0.0])).unwrap();
        assert_eq!((ratio.value, ratio.low, ratio.high), (2.5, 2.0, 3.0));
        assert_eq!(Ratio::new("time", ("a", &[1.0]), ("b", &[0.0])), None);
    }

    #[test]
    fn it_is_read_as_it_was_written() {
        let outcome = Outcome::judged(&BENCHMARK, found(1.5, 12.0), Environment::now(false));
        let again: Outcome = serde_json::from_str(&json(&outcome).unwrap()).unwrap();
        assert_eq!(again, outcome);
    }
}
