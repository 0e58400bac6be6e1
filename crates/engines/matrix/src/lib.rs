//! Ask models: one, one after the other, or all at once, and say how far they agree.
//!
//! [`Matrix`] resolves a name to a model, a route or a panel, retries and falls back within one deadline, fans out
//! to panels and reports what happened. This room knows nothing about sockets, doors or provider protocols.

mod chain;
mod context;
mod embed;
mod error;
mod fanout;
#[cfg(test)]
mod fixtures;
mod flags;
mod matrix;
mod need;
mod panel;
mod plan;
mod providers;
mod report;
mod tool;
mod verdict;

pub use embed::Vectors;
pub use error::AskError;
pub use matrix::{Counted, Matrix, ModelInfo, Outcome};
pub use plan::PlanError;
pub use providers::{Looked, ModelState, ProviderState};
pub use report::{Agreement, ClusterReport, MemberOutcome, MemberReport, Report};
pub use tool::{AskAnswer, AskTool};
