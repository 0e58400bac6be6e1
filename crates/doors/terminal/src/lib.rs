//! How things look on a terminal: text laid out for eighty columns, an answer with its report, tables.
//!
//! Everything here is text in and text out. It writes nowhere, knows no command and asks nobody.

mod answer;
mod cache;
mod clients;
mod decisions;
mod prices;
mod reliability;
mod run;
mod text;
mod tools;
mod usage;

pub use answer::{agreement, folded, text as answer};
pub use cache::{cache, dropped, warmed};
pub use clients::{Client, Connection};
pub use decisions::{decision, decision_line, decisions};
pub use prices::{Listed, amount, prices};
pub use reliability::reliability;
pub use run::run_line;
pub use text::{WIDTH, beginning, clean, count, hang, labelled, length, wrap};
pub use tools::{called, domains, evaluation, forgotten, found_tools, imported, tool, tool_statistics, tools, tuned};
pub use usage::usage;
