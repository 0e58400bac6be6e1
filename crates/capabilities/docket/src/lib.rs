//! Decisions as they are kept: options, criteria, what each pair was given and what was said about it, and who may write
//! scores.
//!
//! [`Docket`] holds all of it in the store, where it survives restarts and is shared by servers. A score belongs to the
//! texts that it was asked with ([`asked()`]); one evaluation at a time writes scores, under a [`Lease`] with a fence.
//! Every change raises a decision's version. All of it is a tenant's own: another tenant's decision does not exist.
//!
//! This room asks nobody, and knows no model, no prompt and no order of options. What in a text looks like an order to a
//! model, it is told.

mod asked;
mod change;
pub mod check;
mod clock;
mod decision;
mod docket;
mod error;
mod evaluation;
mod rows;
mod tables;
#[cfg(test)]
mod tests;
mod view;

pub use asked::{asked, model_of};
pub use change::{Change, Flagged, Whom};
pub use clock::Clock;
pub use decision::{
    CALLER, Comparison, Criterion, CriterionChange, Decision, DecisionOption, GivenScore, Listed, Message,
    OptionChange, Pair, PairOutcome, SCORES, Vote, WEIGHTS,
};
pub use docket::{Docket, Free};
pub use error::DocketError;
pub use evaluation::{End, Work};
pub use rows::{Compared, CriterionRow, Head, History, OptionRow, Place, Said, ScoreRow, Whole};
pub use tables::Looking;
pub use tables::remove::{REMOVED_MAX, Which};
pub use tables::write::{Begun, Lease, Room, folded};
