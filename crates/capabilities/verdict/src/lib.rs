//! What measurements are worth: reports, requirements judged by intervals, grades, comparisons, sweeps and plans.
//!
//! Figures in, words out. This room knows no scenario, no schedule, no socket and no clock; it never guesses what was
//! not measured.

pub mod capacity;
pub mod compare;
mod grade;
mod integrity;
mod judge;
mod page;
mod report;
mod slo;
pub mod sweep;
pub mod trend;

pub use grade::{P95_TARGET_MS, grade, grade_cmo};
pub use integrity::integrity;
pub use judge::{
    CPU_SHARE_MAX, CacheCounts, Facts, LAG_P99_MS_MAX, SUCCESS_MIN_IMPLIED, exit_code, generator_fault, judge, layers,
    overall, verdict_name,
};
pub use page::{page, text};
pub use report::{
    CmoGrade, Curve, Environment, ErrorCount, Generator, Glimpse, Grade, Integrity, Layer, Memory, OperationRow,
    Percentiles, Pooled, Report, Requirement, SCHEMA, ScenarioReport, Share, Slice, TargetFacts, Verdict,
    report_schema,
};
pub use slo::Slo;
