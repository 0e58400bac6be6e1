//! What is known of one model. Knows not whose it is.

use crate::price::Price;

/// What a price list knows of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Entry {
    /// What it costs; `None` where that is unknown, which is not the same as free.
    pub price: Option<Price>,
    /// The most tokens that a request and its answer can have together.
    pub context_tokens: Option<u64>,
    /// The most tokens that one answer can have.
    pub output_tokens_max: Option<u64>,
}
