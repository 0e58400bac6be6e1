//! A run as a row: what of a report or a sweep becomes columns, and how they are read. Knows no statement.

use super::HistoryError;
use schemars::JsonSchema;
use serde::de::IntoDeserializer;
use serde::de::value::{Error as Unknown, StrDeserializer};
use serde::{Deserialize, Serialize};
use store::{Row, StoreError, Value, args};
use verdict::sweep::{LevelReport, Sweep};
use verdict::trend::Past;
use verdict::{CmoGrade, Grade, Percentiles, Report, Verdict};

/// The most characters of a name or a target in a column: what indexes hold has a limit of its own.
const TEXT_CHARS_MAX: usize = 256;

/// The columns that [`read`] reads, in this order.
pub(super) const COLUMNS: &str = "id, name, kind, started_ms, target, verdict, grade, grade_cmo, operations, success, \
                                  p50_ms, p95_ms, p99_ms, rate_per_s";

/// What was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunKind {
    /// A run with a verdict.
    Run,
    /// Throughput over numbers of users.
    Sweep,
}

impl RunKind {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Sweep => "sweep",
        }
    }
}

/// Which runs to list; all of them by default.
#[derive(Debug, Clone, Default)]
pub struct RunQuery {
    /// Only those of this scenario or set.
    pub name: Option<String>,
    /// Only these.
    pub kind: Option<RunKind>,
    /// How many: 1 to 1,000, and 100 where nobody says.
    pub limit: Option<usize>,
    /// The cursor of the page before.
    pub cursor: Option<String>,
}

/// A run or a sweep without its document.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct RunRow {
    /// Its id.
    pub id: String,
    /// The scenario or set.
    pub name: String,
    /// Whether it is a run or a sweep.
    pub kind: RunKind,
    /// When it began, as `2026-11-21T03:26:06Z`.
    pub started: String,
    /// The same in milliseconds since 1970.
    #[serde(skip)]
    pub started_ms: i64,
    /// The root of who was measured.
    pub target: String,
    /// What it came to; a sweep has no verdict.
    pub verdict: Option<Verdict>,
    /// By the house's table; a sweep has no grade.
    pub grade: Option<Grade>,
    /// By the table of Clinical Metabolomics Oracle.
    pub grade_cmo: Option<CmoGrade>,
    /// Requests finished, over all scenarios and repeats, one way or the other; not told of a sweep.
    pub operations: Option<u64>,
    /// The share of them that got the answer they asked for, 0 to 1.
    pub success: Option<f64>,
    /// Median latency in milliseconds of successes: the slowest scenario's.
    pub p50_ms: Option<f64>,
    /// Their 95th percentile: the slowest scenario's.
    pub p95_ms: Option<f64>,
    /// Their 99th percentile: the slowest scenario's.
    pub p99_ms: Option<f64>,
    /// Requests finished per second; of a sweep the most answers per second of any level.
    pub rate_per_s: Option<f64>,
}

impl From<RunRow> for Past {
    fn from(row: RunRow) -> Self {
        let figure = |value: Option<f64>| value.unwrap_or(f64::NAN);
        Self {
            started_s: row.started_ms as f64 / 1e3,
            p50_ms: figure(row.p50_ms),
            p95_ms: figure(row.p95_ms),
            success: figure(row.success),
            rate_per_s: figure(row.rate_per_s),
            verdict: row.verdict.unwrap_or(Verdict::NotMeasured),
            id: row.id,
            started: row.started,
        }
    }
}

/// What becomes a row.
pub(super) struct Entry {
    id: String,
    pub(super) name: String,
    pub(super) kind: RunKind,
    started_ms: i64,
    target: String,
    /// Verdict and both grades.
    judged: [Option<String>; 3],
    operations: Option<i64>,
    /// `success`, `p50_ms`, `p95_ms`, `p99_ms`, `rate_per_s`.
    figures: [Option<f64>; 5],
    document: String,
}

impl Entry {
    pub(super) fn of_run(report: &Report, document: String) -> Result<Self, HistoryError> {
        let scenarios = &report.scenarios;
        let operations: u64 = scenarios.iter().map(|scenario| scenario.operations).sum();
        let wall_s: f64 = scenarios.iter().map(|scenario| scenario.wall_s).sum();
        let slowest = |of: fn(&Percentiles) -> f64| {
            let told = scenarios.iter().map(|scenario| &scenario.latency_ms).filter(|found| found.count > 0);
            told.map(of).reduce(f64::max)
        };
        let success = report.pooled.success;
        Ok(Self {
            id: text(&report.id),
            name: text(&report.name),
            kind: RunKind::Run,
            started_ms: started_ms(&report.id, &report.started)?,
            target: text(&report.target.url),
            judged: [word(report.verdict), word(report.grade), word(report.grade_cmo)],
            operations: i64::try_from(operations).ok(),
            figures: [
                (success.of > 0).then_some(success.share),
                slowest(|found| found.p50),
                slowest(|found| found.p95),
                slowest(|found| found.p99),
                (wall_s > 0.0).then(|| operations as f64 / wall_s),
            ],
            document,
        })
    }

    pub(super) fn of_sweep(sweep: &Sweep, document: String) -> Result<Self, HistoryError> {
        let most = sweep.levels.iter().filter_map(LevelReport::answered_per_s).reduce(f64::max);
        Ok(Self {
            id: text(&sweep.id),
            name: text(&sweep.scenario),
            kind: RunKind::Sweep,
            started_ms: started_ms(&sweep.id, &sweep.started)?,
            target: text(&sweep.target.url),
            judged: [const { None }; 3],
            operations: None,
            figures: [None, None, None, None, most],
            document,
        })
    }

    pub(super) fn into_args(self) -> Vec<Value> {
        let [verdict, grade, grade_cmo] = self.judged;
        // What is no number cannot be kept: it counts as not told.
        let [success, p50, p95, p99, rate] = self.figures.map(|figure| figure.filter(|figure| figure.is_finite()));
        let Self { id, name, kind, started_ms, target, operations, document, .. } = self;
        let kind = kind.name();
        args![
            id, name, kind, started_ms, target, verdict, grade, grade_cmo, operations, success, p50, p95, p99, rate,
            document
        ]
    }
}

pub(super) fn read(row: &Row) -> Result<RunRow, StoreError> {
    let (kind, started_ms): (String, i64) = (row.get(2)?, row.get(3)?);
    Ok(RunRow {
        id: row.get(0)?,
        name: row.get(1)?,
        kind: of_word(&kind)?,
        started: moment(started_ms),
        started_ms,
        target: row.get(4)?,
        verdict: row.get::<Option<String>>(5)?.as_deref().map(of_word).transpose()?,
        grade: row.get::<Option<String>>(6)?.as_deref().map(of_word).transpose()?,
        grade_cmo: row.get::<Option<String>>(7)?.as_deref().map(of_word).transpose()?,
        operations: row.get::<Option<i64>>(8)?.and_then(|count| count.try_into().ok()),
        success: row.get(9)?,
        p50_ms: row.get(10)?,
        p95_ms: row.get(11)?,
        p99_ms: row.get(12)?,
        rate_per_s: row.get(13)?,
    })
}

/// Text that both databases can keep and find again: PostgreSQL has no room for the character 0.
pub(super) fn text(text: &str) -> String {
    text.chars().take(TEXT_CHARS_MAX).map(|c| if c == '\0' { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// A verdict or a grade as documents have it.
fn word(value: impl Serialize) -> Option<String> {
    serde_json::to_value(value).ok()?.as_str().map(str::to_owned)
}

fn of_word<'t, T: Deserialize<'t>>(word: &'t str) -> Result<T, StoreError> {
    let word: StrDeserializer<'t, Unknown> = word.into_deserializer();
    T::deserialize(word).map_err(|error| StoreError::Shape { reason: error.to_string() })
}

fn started_ms(id: &str, started: &str) -> Result<i64, HistoryError> {
    let wrong = || HistoryError::Started { id: id.to_owned(), started: started.to_owned() };
    calendar::parse_moment(started).ok_or_else(wrong)
}

/// As reports write it: without a fraction where there is none.
fn moment(ms: i64) -> String {
    let shown = calendar::rfc3339(ms);
    shown.strip_suffix(".000Z").map(|seconds| format!("{seconds}Z")).unwrap_or(shown)
}
