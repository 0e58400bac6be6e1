//! Whether one run is worse than another, scenario by scenario: a regression is an effect that is large and shown.
//!
//! Knows two reports and nothing else: not how they were made, nor which exit code a regression is.

pub(crate) mod effects;
mod notes;
pub(crate) mod words;

use crate::report::{Report, ScenarioReport};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use statistics::Interval;
use words::{figure, fitted, percent, wrapped};

/// The version of the shape of [`Comparison`].
pub const COMPARISON_SCHEMA: u32 = 1;
/// No smaller effect is called a regression or an improvement, however sure it is.
pub const EFFECT_MIN: f64 = 0.05;
/// With fewer repeats on either side, intervals rest on the seconds of a run instead of on repeats.
pub const REPEATS_MIN: usize = 5;

/// What became of one figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Worse by more than 5 %, and the interval leaves out 0.
    Regression,
    /// Better by more than 5 %, and the interval leaves out 0.
    Improvement,
    /// Whatever changed, it is no more than 5 %.
    Unchanged,
    /// A change of more than 5 % is neither shown nor ruled out.
    Unclear,
}

impl Change {
    /// As it is written in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Regression => "regression",
            Self::Improvement => "improvement",
            Self::Unchanged => "unchanged",
            Self::Unclear => "unclear",
        }
    }

    /// `worse` is 1 where more is worse, -1 where less is.
    fn of(effect: Option<f64>, interval: Option<Interval>, worse: f64) -> Self {
        let Some(effect) = effect.filter(|effect| !effect.is_nan()) else { return Self::Unclear };
        let shown = interval.is_some_and(|interval| interval.lo > 0.0 || interval.hi < 0.0);
        // Without an interval nothing is shown; a small effect is still a small one.
        let reach = interval.map_or(effect.abs(), |interval| interval.hi.max(-interval.lo));
        match effect.abs() > EFFECT_MIN {
            true if shown && effect * worse > 0.0 => Self::Regression,
            true if shown => Self::Improvement,
            _ if reach <= EFFECT_MIN => Self::Unchanged,
            _ => Self::Unclear,
        }
    }
}

/// Two runs side by side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// The version of this shape.
    pub schema: u32,
    /// The run that is the measure.
    pub before: Side,
    /// The run that is judged.
    pub after: Side,
    /// Scenarios that both ran, by name, in the order of the first.
    pub scenarios: Vec<Compared>,
    /// Scenarios that only the first ran.
    pub only_before: Vec<String>,
    /// Scenarios that only the second ran.
    pub only_after: Vec<String>,
    /// What a reader should know before believing the figures.
    pub notes: Vec<String>,
}

/// Which run it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Side {
    /// Its id.
    pub id: String,
    /// What was run.
    pub name: String,
    /// When it began.
    pub started: String,
}

/// One scenario of both runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Compared {
    /// Its name.
    pub name: String,
    /// Each figure.
    pub rows: Vec<Row>,
}

/// One figure of both runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Row {
    /// What it is: `p50_ms`, `p95_ms`, `p99_ms`, `rate_per_s`, `success`, `cpu_s_per_operation`, `memory_growth_mb`.
    pub name: String,
    /// In the first run; none where it was not measured.
    pub before: Option<f64>,
    /// In the second run.
    pub after: Option<f64>,
    /// How much more it is, as a share of the first; of `success` the difference of the shares, of
    /// `memory_growth_mb` a share of the memory held at most.
    pub effect: Option<f64>,
    /// Where the true effect lies; none where it cannot be told.
    pub interval: Option<Interval>,
    /// What became of it.
    pub verdict: Change,
    /// What the figures and the interval rest on.
    pub basis: String,
}

impl Comparison {
    /// Whether any figure of any scenario is a regression.
    pub fn regressed(&self) -> bool {
        self.scenarios.iter().flat_map(|scenario| &scenario.rows).any(|row| row.verdict == Change::Regression)
    }
}

/// Compares two runs. Scenarios are matched by name.
pub fn compare(before: &Report, after: &Report) -> Comparison {
    let named = |report: &Report, name: &str| -> Option<ScenarioReport> {
        report.scenarios.iter().find(|scenario| scenario.name == name).cloned()
    };
    let alone = |one: &Report, other: &Report| -> Vec<String> {
        let names = one.scenarios.iter().map(|scenario| scenario.name.clone());
        names.filter(|name| named(other, name).is_none()).collect()
    };
    let side =
        |report: &Report| Side { id: report.id.clone(), name: report.name.clone(), started: report.started.clone() };
    let pairs: Vec<_> = before.scenarios.iter().filter_map(|a| Some((a, named(after, &a.name)?))).collect();
    Comparison {
        schema: COMPARISON_SCHEMA,
        before: side(before),
        after: side(after),
        scenarios: pairs.iter().map(|(a, b)| Compared { name: a.name.clone(), rows: effects::rows(a, b) }).collect(),
        only_before: alone(before, after),
        only_after: alone(after, before),
        notes: notes::notes(before, after, &pairs),
    }
}

/// The comparison for a terminal, in lines of at most 80 columns.
pub fn text(comparison: &Comparison) -> String {
    let mut text = String::new();
    for (word, side) in [("before  ", &comparison.before), ("after   ", &comparison.after)] {
        text += &wrapped(word, &format!("{} ({}, {})", side.name, side.id, side.started));
    }
    let mut bases: Vec<&str> = Vec::new();
    for scenario in &comparison.scenarios {
        text += &format!("\n{}\n", fitted(&scenario.name, words::COLUMNS));
        let [before, after, effect, interval] = ["before", "after", "effect", "interval, %"];
        text += &format!("{:<20}{before:>10}{after:>10}{effect:>9}  {interval:<18}verdict\n", "");
        for row in &scenario.rows {
            text += &line(row);
            if !bases.contains(&row.basis.as_str()) {
                bases.push(&row.basis);
            }
        }
    }
    text.push('\n');
    for (words, names) in [("only before: ", &comparison.only_before), ("only after: ", &comparison.only_after)] {
        if !names.is_empty() {
            text += &wrapped(words, &names.join(", "));
        }
    }
    for (word, lines) in [("rests on: ", bases), ("note: ", comparison.notes.iter().map(String::as_str).collect())] {
        for line in lines {
            text += &wrapped(word, line);
        }
    }
    text
}

fn line(row: &Row) -> String {
    let number = |value: Option<f64>| value.map_or("-".to_owned(), |value| fitted(&figure(value), 9));
    let effect = row.effect.map_or("-".to_owned(), percent);
    let interval = row.interval.map_or("-".to_owned(), |interval| {
        let ends = statistics::Interval { lo: interval.lo * 100.0, hi: interval.hi * 100.0 };
        words::range(ends)
    });
    let (before, after, name) = (number(row.before), number(row.after), fitted(&row.name, 20));
    let (effect, interval) = (fitted(&effect, 8), fitted(&interval, 17));
    format!("{name:<20}{before:>10}{after:>10}{effect:>9}  {interval:<18}{}\n", row.verdict.name())
}

#[cfg(test)]
mod tests;
