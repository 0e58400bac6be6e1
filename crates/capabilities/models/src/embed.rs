//! Vectors by one model of one provider, guarded and settled as chats are.

use crate::endpoint::lock;
use crate::ticket::Ticket;
use crate::{Asker, Cost, EmbedCall, Endpoint, ModelError};
use caller::{Need, Tab};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use wire::openai::{EmbeddingReply, EmbeddingRequest, Estimate, text_tokens};

/// Vectors, and what they took.
pub struct Embedded {
    /// The vectors.
    pub reply: EmbeddingReply,
    /// What they cost.
    pub cost: Cost,
    /// How long the request waited for a place before anybody was asked.
    pub in_line: Duration,
}

impl Endpoint {
    /// What the vectors for `request` may cost: a token is at least one byte of text, and nothing is written.
    pub fn need_to_embed(&self, request: &EmbeddingRequest) -> Need {
        let Some(price) = self.tariff() else { return Need { bounded: true, ..Need::default() } };
        let bytes = request.bytes().len();
        let most = prices::nano(price.most_of(bytes as u64, 0));
        let likely = prices::nano(price.of_tokens(lock(&self.usual).input(bytes), 0)).min(most);
        Need { most, likely, bounded: true }
    }

    /// Asks for vectors once. `within` bounds it; many inputs may take longer than one (see
    /// [`Endpoint::batch_timeout`]).
    ///
    /// # Errors
    /// [`ModelError`]; the breaker has taken note.
    pub async fn embed(
        self: &Arc<Self>,
        request: &EmbeddingRequest,
        asker: Asker<'_>,
        tab: &Arc<dyn Tab>,
        within: Duration,
    ) -> Result<Embedded, ModelError> {
        let asked = Instant::now();
        let inside = self.enter(asker, request.bytes().len(), || estimate(request), 0, within).await?;
        let mut ticket = Ticket::embedding(Arc::clone(self), request.bytes(), request.inputs(), inside, tab);
        let in_line = asked.elapsed();
        let left = within.saturating_sub(in_line);
        let ear = ticket.ear();
        let call = EmbedCall { request, model: &self.upstream_name, request_id: asker.request_id, ear: &ear };
        let answered = tokio::time::timeout(left, self.provider.embed(call)).await;
        let reply = ticket.landed(&ear, answered, (in_line, within))?;
        ticket.simulated |= reply.simulated();
        ticket.seen.usage = reply.usage();
        let cost = ticket.answered();
        let reply = if self.simulated() { reply.marked_simulated() } else { reply };
        Ok(Embedded { reply: reply.in_figures(request.figures()), cost, in_line })
    }
}

/// Tokens of a request: of its texts, or as many as it lists.
fn estimate(request: &EmbeddingRequest) -> Estimate {
    let (text, together) = match request.texts() {
        Some(texts) => {
            texts.iter().map(|text| text_tokens(text)).fold((0, 0), |(sum, most), one| (sum + one, most.max(one)))
        }
        // A number and a comma for each; which of them belong together matters to the provider.
        None => (request.bytes().len() as u64 / 2, 0),
    };
    Estimate { text, together, media: 0 }
}

#[cfg(test)]
mod tests;
