//! The mathematics of a decision matrix: from scores of options by criteria, and weights, to orders of the options, and
//! to how firm the first place is.
//!
//! [`weighted_sum`] on the table's fixed scale is the order that counts. [`min_max`], [`topsis()`] and [`promethee()`] are
//! second opinions, [`ahp()`] makes weights of comparisons. [`sensitivity()`] tells which weight would have to change how
//! far, [`chances()`] how often each option comes first when weights and scores are drawn, [`close_call()`] whether all of
//! that leaves a doubt.
//!
//! Cells may be absent. Nothing is ever put in their place; each method says what it does without them.
//!
//! Results do not depend on the order in which options and criteria are handed in. Everything is a pure function of
//! numbers: no I/O, no clock, no names. This room has no idea what a score means or who gave it, and chance is a seed
//! that is handed in: a seed gives the same figures on every machine.

mod agreement;
mod ahp;
mod canon;
mod chances;
mod close;
mod crossing;
mod draw;
mod elementary;
mod error;
mod order;
mod promethee;
mod random;
mod sensitivity;
mod sum;
mod table;
mod topsis;

pub use agreement::{Agreement, FirstPlace, SecondOpinion, agreement, second_opinions};
pub use ahp::{Ahp, AtOdds, CR_REFUSED, CR_WARNED, Consistency, JUDGEMENT_MAX, RECIPROCITY_TOLERANCE, ahp};
pub use chances::{AROUND, Chance, Chances, DRAWS, DRAWS_MAX, Draws, FACTOR_MAX, Weights, chances};
pub use close::{CHANCE_FIRM, CloseCall, MARGIN_POINTS, MARGIN_SPREADS, Reason, WEIGHT_CHANGE_SHARE, close_call};
pub use error::PreferenceError;
pub use order::{Method, Order, TIE};
pub use promethee::promethee;
pub use sensitivity::{Flip, Sensitivity, WEIGHT_RANGE, sensitivity};
pub use sum::{min_max, weighted_sum};
pub use table::{CRITERIA_MAX, Direction, MAGNITUDE_MAX, OPTIONS_MAX, Scale, Table};
pub use topsis::{Norm, topsis};

#[cfg(test)]
mod tests;
