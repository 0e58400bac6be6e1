//! How things look on a terminal: text laid out for eighty columns, an answer with its report, tables.
//!
//! Everything here is text in and text out. It writes nowhere, knows no command and asks nobody.

mod answer;
mod cache;
mod reliability;
mod text;
mod usage;

pub use answer::{agreement, folded, text as answer};
pub use cache::{cache, dropped, warmed};
pub use reliability::reliability;
pub use text::{WIDTH, beginning, clean, count, hang, labelled, length, wrap};
pub use usage::usage;
