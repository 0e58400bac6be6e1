//! From how endpoints stand to the order in which they are tried. Knows no endpoint by name.

use crate::Reading;
use std::cmp::Ordering;
use std::sync::{Mutex, PoisonError};

/// By what the order is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Strategy {
    /// As they are given: whoever cannot answer says so himself.
    Order,
    /// The less loaded of two that chance picks.
    PeakEwma,
    /// Each in turn.
    RoundRobin,
    /// Each in turn, as often as its weight says.
    Weighted,
    /// The fewest calls in progress.
    LeastConnections,
    /// The most left of places, requests and tokens.
    ResourceBased,
    /// The best of 0.4 × health + 0.3 × what is free + 0.3 / (1 + seconds).
    Adaptive,
    /// The lowest cost of this request.
    Cheapest,
    /// The shortest usual time.
    Fastest,
}

/// In which order candidates are tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ordered {
    /// Their places in what was given.
    pub places: Vec<usize>,
    /// How many of the first were compared by the strategy: those behind them failed lately, are full or rest.
    pub peers: usize,
}

/// Whom to ask before whom, whatever the strategy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// Has room and is well.
    Ready,
    /// Failed lately, or has had its small share while it comes back.
    Spared,
    /// Has no place, no requests or no tokens left, so that a call would wait.
    Full,
    /// Would refuse.
    Resting,
}

/// Of those that could answer, one in so many is spared for having failed.
const SPARED_PART: usize = 3;

/// Makes orders, and remembers whose turn it is. One for each group of candidates, which it knows by their places.
#[derive(Debug, Default)]
pub struct Balancer {
    /// What each is owed, in parts of a turn.
    owed: Mutex<Vec<f64>>,
}

impl Balancer {
    /// The order in which candidates that stand like this are tried; each is named once, by its place in `readings`.
    ///
    /// Whatever the strategy (but [`Strategy::Order`]), those that failed lately come behind the others, then those
    /// without room, then those that would refuse. Nobody is left out: the last one may be the only one. Of those that
    /// could answer a third is spared for failing at most, and one at least: the rest would have to bear it all.
    pub fn order(&self, strategy: Strategy, readings: &[Reading], rng: &mut fastrand::Rng) -> Ordered {
        let mut order: Vec<usize> = (0..readings.len()).collect();
        if strategy == Strategy::Order || order.len() < 2 {
            return Ordered { peers: order.len(), places: order };
        }
        let mut ranks: Vec<Rank> = readings.iter().map(|reading| rank(reading, rng)).collect();
        spare_a_third(&mut ranks, readings);
        match strategy {
            Strategy::RoundRobin => self.in_turn(&mut order, &ranks, |_| 1.0),
            Strategy::Weighted => self.in_turn(&mut order, &ranks, |at| part(&readings[at])),
            _ => {
                // Chance decides between equals, and whom the better of two is chosen from.
                rng.shuffle(&mut order);
                if strategy == Strategy::PeakEwma {
                    order.sort_by_key(|at| ranks[*at]);
                    order
                        .chunk_by_mut(|a, b| ranks[*a] == ranks[*b])
                        .for_each(|equals| better_of_two(equals, readings));
                } else {
                    order.sort_by(|a, b| {
                        let by_score = || score(strategy, &readings[*a]).total_cmp(&score(strategy, &readings[*b]));
                        let by_load = || lighter(&readings[*a], &readings[*b]);
                        ranks[*a].cmp(&ranks[*b]).then_with(by_score).then_with(by_load)
                    });
                }
            }
        }
        let best = order.first().map(|first| ranks[*first]);
        Ordered { peers: order.iter().filter(|at| Some(ranks[**at]) == best).count(), places: order }
    }

    /// Smooth weighted turns among those of the best rank, as nginx takes them: each is owed its part of every turn,
    /// and whoever is owed most has it, so that turns of the heavy ones are spread among those of the light.
    fn in_turn(&self, order: &mut [usize], ranks: &[Rank], part: impl Fn(usize) -> f64) {
        let mut owed = self.owed.lock().unwrap_or_else(PoisonError::into_inner);
        if owed.len() != ranks.len() {
            *owed = vec![0.0; ranks.len()];
        }
        let best = ranks.iter().min().copied();
        let mut turn = 0.0;
        for at in (0..ranks.len()).filter(|at| Some(ranks[*at]) == best) {
            owed[at] += part(at);
            turn += part(at);
        }
        order.sort_by(|a, b| ranks[*a].cmp(&ranks[*b]).then_with(|| owed[*b].total_cmp(&owed[*a])));
        if let Some(first) = order.first() {
            owed[*first] -= turn;
        }
    }
}

fn rank(reading: &Reading, rng: &mut fastrand::Rng) -> Rank {
    if !reading.available {
        Rank::Resting
    } else if reading.free <= 0.0 {
        Rank::Full
    } else if reading.penalised || (reading.share < 1.0 && rng.f64() >= reading.share) {
        Rank::Spared
    } else {
        Rank::Ready
    }
}

/// Puts those that failed lately back among the others where they are too many: the least sick ones.
fn spare_a_third(ranks: &mut [Rank], readings: &[Reading]) {
    let spared = |at: &usize| ranks[*at] == Rank::Spared && readings[*at].penalised;
    let mut spared: Vec<usize> = (0..ranks.len()).filter(spared).collect();
    let there = ranks.iter().filter(|rank| **rank != Rank::Resting).count();
    let sicker = |a: &usize, b: &usize| {
        let (a, b) = (&readings[*a], &readings[*b]);
        a.health.total_cmp(&b.health).then_with(|| b.load_s.total_cmp(&a.load_s))
    };
    spared.sort_by(sicker);
    spared.into_iter().skip((there / SPARED_PART).max(1)).for_each(|at| ranks[at] = Rank::Ready);
}

/// Leaves at each place the lighter of the two that chance has put there and behind it.
fn better_of_two(equals: &mut [usize], readings: &[Reading]) {
    for at in 1..equals.len() {
        if lighter(&readings[equals[at]], &readings[equals[at - 1]]).is_lt() {
            equals.swap(at - 1, at);
        }
    }
}

/// Who of two has less to do. One that is being asked for the first time counts as the heaviest: until its first answer
/// nobody knows how long the others would wait.
fn lighter(one: &Reading, other: &Reading) -> Ordering {
    let load = |it: &Reading| if it.unproven { f64::INFINITY } else { it.load_s };
    load(one).total_cmp(&load(other)).then_with(|| one.in_flight.cmp(&other.in_flight))
}

fn part(reading: &Reading) -> f64 {
    if reading.weight.is_finite() { reading.weight.max(f64::MIN_POSITIVE) } else { 1.0 }
}

/// The lower, the sooner it is asked.
fn score(strategy: Strategy, reading: &Reading) -> f64 {
    match strategy {
        Strategy::Order | Strategy::PeakEwma | Strategy::RoundRobin | Strategy::Weighted => 0.0,
        Strategy::LeastConnections => f64::from(reading.in_flight),
        Strategy::ResourceBased => -reading.free,
        Strategy::Adaptive => {
            let prompt = 1.0 / (1.0 + reading.latency_s.unwrap_or_default());
            -(0.4 * reading.health + 0.3 * reading.free + 0.3 * prompt)
        }
        Strategy::Cheapest => reading.cost.unwrap_or(f64::INFINITY),
        // One that nobody knows yet is asked once, to know it.
        Strategy::Fastest if reading.unproven => f64::INFINITY,
        Strategy::Fastest => reading.latency_s.unwrap_or(f64::NEG_INFINITY),
    }
}

#[cfg(test)]
mod tests;
