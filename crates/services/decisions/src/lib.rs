//! Decisions: options judged by criteria, one isolated conversation with a model for each pair, and what follows.
//!
//! [`Decisions`] keeps them in the `docket`, where they survive restarts and are shared by servers; memory holds only
//! evaluations that are running. A score belongs to the texts that it was asked with: what has not changed is never
//! asked again. All of it is a tenant's own: another tenant's decision does not exist.
//!
//! This room knows no door. It computes no order itself (`preference` does), words no question and reads no answer
//! (`appraisal`), draws no page (`sheet`), and reaches models through `matrix` alone.

mod backend;
mod error;
mod evaluate;
mod evaluation;
mod new;
mod outlook;
mod places;
mod room;
mod running;
mod sessions;
mod statistics;
#[cfg(test)]
mod tests;
mod tools;
mod weigh;

pub use docket::{
    CALLER, Clock, Comparison, Criterion, CriterionChange, Decision, DecisionOption, DocketError, GivenScore, Listed,
    Message, OptionChange, Pair, PairOutcome, SCORES, Vote, WEIGHTS,
};
pub use error::DecisionError;
pub use evaluation::{Evaluate, Evaluation, LastPair, PairFault, Progress, Summary};
pub use new::{NewCriterion, NewDecision, NewOption};
pub use outlook::{Cell, Look, Named, Outlook, Ranking, RankingPart, SessionInfo};
pub use room::{Decisions, Memory, Setup};
pub use statistics::{OperationFigures, Statistics};
