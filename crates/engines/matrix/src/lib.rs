//! Ask models: one, one after the other, or all at once, and say how far they agree.
//!
//! [`Matrix`] resolves a name to a model, a route or a panel, retries and falls back within one deadline, fans out
//! to panels and reports what happened. This room knows nothing about sockets, doors or provider protocols.

mod chain;
pub mod consensus;
mod context;
mod error;
mod fanout;
#[cfg(test)]
mod fixtures;
mod flags;
mod matrix;
mod need;
mod panel;
mod plan;
mod report;
mod tool;
mod verdict;

pub use error::AskError;
pub use matrix::{Matrix, ModelInfo, Outcome};
pub use plan::PlanError;
pub use report::{Agreement, ClusterReport, MemberOutcome, MemberReport, Report};
pub use tool::{AskAnswer, AskTool};
