//! Whom a panel asks, in which order, and what that is reckoned to cost. It asks nobody and knows no clock.

use crate::plan::Panel;
use models::Endpoint;
use rust_decimal::Decimal;
use wire::openai::ChatRequest;

/// What one answer to a request is reckoned to cost, in US dollars; `None` without a price.
pub(crate) fn reckoned(endpoint: &Endpoint, request: &ChatRequest) -> Option<Decimal> {
    endpoint.price().map(|price| price.reckoned(request.len_bytes() as u64, request.output_tokens_max()))
}

/// The seats that can be asked within the panel's cost limit, in the order in which they are asked: the panel's, or the
/// cheapest first where only some are asked first. There, whoever usually answers sooner goes before its equals, and
/// whose price nobody knows goes last; within the limit it counts as free.
pub(crate) fn order(panel: &Panel, request: &ChatRequest) -> Vec<usize> {
    let cost = |at: &usize| panel.seats.get(*at).and_then(|seat| reckoned(&seat.endpoint, request));
    let mut order: Vec<usize> = (0..panel.seats.len()).collect();
    if panel.first.is_some() {
        // Looked at once: what is usual may change meanwhile.
        order.sort_by_cached_key(|at| match (cost(at), panel.seats.get(*at)) {
            (Some(cost), Some(seat)) => {
                (false, cost, seat.endpoint.usual_latency_ms().map_or(u64::MAX, |ms| ms as u64))
            }
            _ => (true, Decimal::ZERO, 0),
        });
    }
    let Some(most) = panel.cost_max else { return order };
    let mut spent = Decimal::ZERO;
    order.retain(|at| {
        let cost = cost(at).unwrap_or_default();
        let fits = spent + cost <= most;
        spent += if fits { cost } else { Decimal::ZERO };
        fits
    });
    order
}

#[cfg(test)]
mod tests;
