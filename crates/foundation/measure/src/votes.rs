//! Figures of the log of votes.

use crate::handles::Count;

/// Figures of the log of votes.
#[derive(Debug, Clone)]
pub struct VotesMetrics {
    /// Questions that were written down.
    pub logged: Count,
    /// Questions that were not, because too many waited.
    pub dropped: Count,
    /// Truths that were told.
    pub settled: Count,
}
