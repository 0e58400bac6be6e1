//! How far several answers agree: what they say, who says the same, whether the rest can still change that.
//!
//! Everything here is a pure function of texts and weights; long texts may be compared on a thread of their own. It
//! knows no models, no clock and no wire, takes the prompt only to weigh words, and judges nothing: that
//! all voices say the same is never called correct.

mod answer;
mod aside;
mod ballot;
mod caution;
mod chosen;
mod clusters;
mod decisive;
mod escalation;
mod fields;
mod figure;
mod findings;
mod judge;
mod likeness;
mod markdown;
mod method;
mod normalise;
mod number;
mod numbers;
mod opposites;
mod order;
mod ranking;
mod recent;
mod report;
mod sequence;
mod stated;
mod stats;
mod structure;
mod tables;
mod tokens;
mod vocabulary;
mod weights;
mod words;

pub use answer::{Answer, Prompt};
pub use aside::count;
pub use ballot::{Ballot, Cluster, Verdict};
pub use chosen::Chosen;
pub use clusters::{AGREE_MIN, Clusters, Likenesses};
pub use escalation::{Escalation, Step};
pub use findings::{Evidence, Seat, Vote};
pub use judge::{Said, Settler, document};
pub use likeness::likeness;
pub use method::{Method, method};
pub use normalise::normalise;
pub use number::{Quantity, TOLERANCE, number};
pub use numbers::Numbers;
pub use order::{Place, Ranking};
pub use recent::{Question, RECENT_QUESTIONS_MAX, Recent};
pub use report::{
    Agreement, ClusterReport, FieldReport, MemberOutcome, MemberReport, NumbersReport, PlaceReport, RankingReport,
    ResolutionReport, as_number,
};
pub use statistics::wilson;
pub use stats::{
    PRIOR_COMMON_QUESTIONS, Pair, RHO_OTHER_FAMILY, RHO_SAME_FAMILY, assumed_rho, effective_voters, mean_rho, pair_rho,
};
pub use tables::FieldVote;
pub use weights::weights;
