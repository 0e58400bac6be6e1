//! Small charts as inline SVG: numbers in, a string out.
//!
//! [`Lines`] draws series over an axis, [`Bars`] draws one bar per row, [`spark()`] draws a line as small as a word. The
//! drawings name no colour: a page that shows them holds [`STYLE`] once. They need no script, no font and no other
//! file, are drawn alike for the same numbers, and grow no larger however many numbers there are.
//!
//! This room knows no page, no file and no time, and nothing of what the numbers mean.

mod bars;
mod label;
mod lines;
mod scale;
mod spark;
mod style;
mod svg;
#[cfg(test)]
mod tests;
mod thin;
mod ticks;
mod trace;
mod unit;

pub use bars::{Bar, Bars, Verdict};
pub use lines::{Axis, Kind, Lines, Rule, Series, Span};
pub use scale::Scale;
pub use spark::spark;
pub use style::STYLE;
pub use unit::Unit;
