//! A decision as Markdown, CSV, JSON and one self-contained HTML page.
//!
//! [`Sheet`] is everything that is known of a decision, finished or partial: options, criteria, what each pair was
//! given, the order that follows, and how firm it is. [`markdown()`], [`csv()`], [`csv_ranking`], [`json()`] and [`page()`] put
//! it into words. Names and texts of a sheet are foreign: whatever they hold stays text in every format.
//!
//! This room puts nothing in order and computes no total but those that a drawing of what a weight does is made of; it
//! knows no store, no model, no clock, no file and no browser. It refuses nothing: a name that no list holds, a figure
//! that is no number and a text without end are shown as what they are.

mod course;
mod csv;
mod decision;
mod json;
mod markdown;
mod page;
mod text;
mod told;
mod view;
mod words;

#[cfg(test)]
mod tests;

pub use csv::{csv, csv_ranking};
pub use decision::{
    Breakdown, Chance, CloseCall, Criterion, DecisionOption, FirstShare, Flip, Lever, Missing, Opinion, Outcome, Pair,
    Place, Ranked, Sensitivity, Sheet, Vote, WEIGHT_MAX, WEIGHT_MIN,
};
pub use json::{FORMAT, json};
pub use markdown::{escaped, markdown};
pub use page::page;
