//! What a question may cost, before anybody is asked.

use crate::context::Context;
use caller::{NanoUsd, Need};
use models::Endpoint;
use std::sync::Arc;
use wire::openai::ChatRequest;

/// For models asked one after the other: as much as the dearest of them.
pub(crate) fn dearest(context: &Context, request: &ChatRequest, candidates: &[Arc<Endpoint>]) -> Need {
    let needs = candidates.iter().map(|endpoint| endpoint.need(request, context.output_tokens));
    needs.fold(NOTHING, |one, other| Need {
        most: one.most.max(other.most),
        likely: one.likely.max(other.likely),
        bounded: one.bounded && other.bounded,
    })
}

/// For models of which two may be asked at the same time: as much as the two dearest together.
pub(crate) fn two_dearest(context: &Context, request: &ChatRequest, candidates: &[Arc<Endpoint>]) -> Need {
    let needs = || candidates.iter().map(|endpoint| endpoint.need(request, context.output_tokens));
    let two = |of: fn(Need) -> NanoUsd| {
        let mut amounts: Vec<NanoUsd> = needs().map(of).collect();
        amounts.sort_unstable_by(|a, b| b.cmp(a));
        amounts.into_iter().take(2).fold(0, NanoUsd::saturating_add)
    };
    Need { most: two(|need| need.most), likely: two(|need| need.likely), bounded: needs().all(|need| need.bounded) }
}

/// For models asked all at once: as much as all of them.
pub(crate) fn together<'a>(
    context: &Context,
    request: &ChatRequest,
    members: impl Iterator<Item = &'a Arc<Endpoint>>,
) -> Need {
    members.map(|endpoint| endpoint.need(request, context.output_tokens)).fold(NOTHING, |one, other| Need {
        most: one.most.saturating_add(other.most),
        likely: one.likely.saturating_add(other.likely),
        bounded: one.bounded && other.bounded,
    })
}

const NOTHING: Need = Need { most: 0, likely: 0, bounded: true };
