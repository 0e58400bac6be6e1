//! The mathematics of measuring: how sure a share, a quantile, a difference, a slope or a capacity is, what the middle
//! of a handful of figures is, how far observers and rankings agree.
//!
//! What is estimated comes with an interval of 95 %, and with how much more has to be measured where that can be told.
//! This room knows no clock, no file and no unit: numbers go in, numbers come out. Chance is a seed that is handed in,
//! so the same call gives the same answer.

mod alpha;
mod bootstrap;
mod concordance;
mod interval;
mod quantile;
mod ranking;
mod robust;
mod share;
mod slope;
pub mod usl;

pub use alpha::{
    Level, OBSERVERS_MAX, RATINGS_MAX, RATIO_VALUES_MAX, Rating, Reliability, ReliabilityError, UNITS_MAX, reliability,
};
pub use bootstrap::{Difference, ROUNDS, block_bootstrap, difference};
pub use concordance::kendall_w;
pub use interval::Interval;
pub use quantile::{quantile, quantile_interval, quantile_operations_to_settle};
pub use ranking::{complete_at, ndcg_at, recall_at};
pub use robust::{deviation, trimmed_mean, weighted_median};
pub use share::{OPERATIONS_MAX, operations_to_settle, wilson};
pub use slope::{Slope, slope};

/// The normal quantile of a two-sided 95 % interval.
const Z_95: f64 = 1.959964;

/// What a two-sided 95 % interval leaves out on each side.
const TAIL: f64 = 0.025;
