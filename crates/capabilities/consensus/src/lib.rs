//! How far several answers agree: what they say, who says the same, whether the rest can still change that.
//!
//! Everything here is a pure function of texts and weights. It knows no models, no clock and no wire, takes the
//! prompt only to weigh words, and judges nothing: that all voices say the same is never called correct.

mod answer;
mod ballot;
mod clusters;
mod likeness;
mod markdown;
mod method;
mod normalise;
mod number;
mod stated;
mod stats;
mod structure;
mod tokens;
mod vocabulary;
mod words;

pub use answer::{Answer, Prompt};
pub use ballot::{Ballot, Cluster, Verdict};
pub use clusters::{AGREE_MIN, Clusters, Likenesses};
pub use likeness::likeness;
pub use method::{Method, method};
pub use normalise::normalise;
pub use number::{Quantity, TOLERANCE, number};
pub use statistics::wilson;
pub use stats::{RHO_OTHER_FAMILY, RHO_SAME_FAMILY, effective_voters, prior_rho};
