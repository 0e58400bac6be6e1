//! What a request may be before anybody is asked: its bytes, its tokens, its pace. Whatever is refused here costs
//! nothing, says nothing about the upstream, and may suit another model.

use crate::ModelError;
use settings::ModelEntry;
use std::sync::Arc;
use turnstile::Pace;
use wire::openai::Estimate;

/// An estimate is trusted this far: a request is refused as too long if even this share of it does not fit. The
/// estimate is a few percent off for ordinary text (see `wire::openai::text_tokens`), and the vocabularies of some
/// models make fewer pieces of the same words.
const CERTAIN: f64 = 0.5;

/// The limits of one model.
pub(crate) struct Limits {
    pub(crate) prompt_bytes_max: Option<usize>,
    pub(crate) context_tokens: Option<u64>,
    pub(crate) pace: Option<Arc<Pace>>,
}

impl Limits {
    pub(crate) fn new(entry: &ModelEntry, context_tokens: Option<u64>, pace: Option<Arc<Pace>>) -> Self {
        Self { prompt_bytes_max: entry.prompt_bytes_max, context_tokens, pace }
    }

    /// Requests and tokens a minute, where limited.
    pub(crate) fn rates(&self) -> (Option<u32>, Option<u32>) {
        self.pace.as_ref().map_or((None, None), |pace| pace.rates())
    }

    /// Lets a request of so many bytes pass. `estimate` is asked only where it matters; `output` is how many tokens the
    /// answer is reckoned with. Tells what the request takes of a minute's tokens, where anybody counts them: the model's
    /// pace or its `provider`'s.
    ///
    /// # Errors
    /// [`ModelError::TooLarge`], [`ModelError::TooLong`].
    pub(crate) fn check(
        &self,
        bytes: usize,
        estimate: impl Fn() -> Estimate,
        output: u64,
        provider: Option<&Pace>,
    ) -> Result<u64, ModelError> {
        if let Some(most) = self.prompt_bytes_max.filter(|most| bytes > *most) {
            return Err(ModelError::TooLarge { bytes, most });
        }
        // A token is at least one byte, so that what is no longer in bytes need not be looked at.
        if let Some(most) = self.context_tokens.filter(|most| bytes as u64 > *most) {
            let tokens = estimate().together;
            if tokens as f64 * CERTAIN > most as f64 {
                return Err(ModelError::TooLong { tokens, most });
            }
        }
        let counts = self.pace.as_deref().into_iter().chain(provider).any(Pace::counts_tokens);
        Ok(if counts { estimate().tokens().saturating_add(output) } else { 0 })
    }
}

#[cfg(test)]
mod tests;
