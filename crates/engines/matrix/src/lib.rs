//! Ask models: one, one after the other, or all at once, and say how far they agree.
//!
//! [`Matrix`] resolves a name to a model, a route or a panel, retries and falls back within one deadline, fans out
//! to panels and reports what happened. This room knows nothing about sockets, doors or provider protocols.

mod cached;
mod chain;
mod context;
mod embed;
mod error;
mod escalate;
mod fanout;
#[cfg(test)]
mod fixtures;
mod flags;
mod matrix;
mod minutes;
mod need;
mod panel;
mod panels;
mod plan;
mod providers;
mod report;
mod resolution;
mod routing;
mod verdict;

pub use cached::{Events, Keeper, KeptAnswers};
pub use consensus::{
    Agreement, ClusterReport, FieldReport, MemberOutcome, MemberReport, NumbersReport, PlaceReport, RankingReport,
    ResolutionReport,
};
pub use embed::Vectors;
pub use error::AskError;
pub use matrix::{Counted, Matrix, ModelInfo, Outcome};
pub use panels::{ANSWER_BYTES_MAX, AccuracyState, MemberState, PairState, PanelState, SettleError, Truth};
pub use plan::PlanError;
pub use providers::{Looked, ModelState, ProviderState};
pub use report::{AskAnswer, Report};
pub use semantic::SemanticState;
