//! Whom a panel asks, in which order, and when the few that were asked suffice. It asks nobody and knows no clock.
//!
//! A panel with `first` asks its cheapest members first, and goes on with the next one as long as those in progress could
//! not settle the question, even if all of them agreed with the leader. There are two ways to settle it:
//!
//! * The first ones are of one mind: at least `first` of them (at least two) have answered, all in one group, that weighs
//!   at least what `first` members of this panel weigh on average. With half of the panel's weight among them nobody else
//!   could have changed the winner.
//! * Somebody dissents: then nothing but the vote of the whole panel counts, with everybody who was not asked as dissent.
//!   Members are asked, the cheapest first, until it is decided; so what wins is what a fan-out to all would have let win.

use crate::plan::Panel;
use consensus::Ballot;
use models::Endpoint;
use rust_decimal::Decimal;
use std::collections::VecDeque;
use wire::openai::ChatRequest;

/// Output tokens reckoned with when a request sets no limit.
const OUTPUT_TOKENS_GUESS: u64 = 1_024;
/// Bytes of a request per input token, a common rule of thumb for English text.
const BYTES_PER_TOKEN: u64 = 4;
/// Sums of weights are compared up to this share.
const EPSILON: f64 = 1e-9;
/// Nobody is of one mind alone.
const ANSWERS_MIN: usize = 2;

/// What one answer to a request is reckoned to cost, in US dollars; `None` without a price.
pub(crate) fn reckoned(endpoint: &Endpoint, request: &ChatRequest) -> Option<Decimal> {
    let input = request.len_bytes() as u64 / BYTES_PER_TOKEN;
    let output = request.output_tokens_max().unwrap_or(OUTPUT_TOKENS_GUESS);
    endpoint.price().map(|price| price.of_tokens(input, output))
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

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Ask one more.
    Ask,
    /// See what those in progress say.
    Wait,
    /// Stop: the first ones are of one mind.
    Enough,
}

/// Asks no more than it takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Escalation {
    pub(crate) first: Option<usize>,
    pub(crate) agreement: f64,
    /// All seats of the panel.
    pub(crate) seats: usize,
}

impl Escalation {
    /// What to do next in a vote that is not decided, in which `unasked` were not asked yet.
    pub(crate) fn step(self, ballot: &Ballot, unasked: &VecDeque<usize>) -> Step {
        let Some(first) = self.first.filter(|_| !unasked.is_empty()) else {
            return if unasked.is_empty() { Step::Wait } else { Step::Ask };
        };
        let unasked_weight: f64 = unasked.iter().map(|at| ballot.weight(*at)).sum();
        let counted = ballot.counted_weight();
        let (hair, asked_weight) = (EPSILON * counted, counted - unasked_weight);
        let (groups, answers) = (ballot.clusters(), ballot.answers());
        let leading = groups.first().map_or(0.0, |group| group.weight);
        let in_progress = asked_weight - answers.iter().map(|at| ballot.weight(*at)).sum::<f64>();
        if groups.len() > 1 {
            let lacking = self.agreement * counted - leading - in_progress;
            return if lacking > hair { Step::Ask } else { Step::Wait };
        }
        let pending = (0..self.seats).filter(|at| ballot.is_pending(*at)).count().saturating_sub(unasked.len());
        let first = first.max(ANSWERS_MIN);
        let mean = counted / (answers.len() + pending + unasked.len()).max(1) as f64;
        let wanted = mean * first as f64;
        let of_one_mind = answers.len() >= first && leading >= wanted - hair;
        // Whoever does not answer counts as dissent here as well.
        if of_one_mind && leading >= self.agreement * asked_weight - hair {
            return Step::Enough;
        }
        let could_be = answers.len() + pending >= first && leading + in_progress >= wanted - hair;
        if could_be { Step::Wait } else { Step::Ask }
    }
}

#[cfg(test)]
mod tests;
