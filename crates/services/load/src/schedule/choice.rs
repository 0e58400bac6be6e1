//! Which request comes next: an entry of the mix by its weight, then one of its prompts in turn or by popularity. Knows
//! no request but its number.

use fastrand::Rng;

use crate::scenario::{Pattern, Scenario};

/// Draws requests.
pub(super) struct Choice {
    entries: Vec<Entry>,
    /// The weights of the entries so far, one sum for each.
    weights: Vec<f64>,
}

/// The requests of one entry of the mix.
struct Entry {
    /// Their numbers, shuffled: the order in which they come in turn, or that of their popularity.
    order: Vec<u32>,
    /// Whose turn it is.
    turn: usize,
    /// Sums of the shares of the first, the second and so on by popularity; empty if they come in turn.
    popularity: Vec<f64>,
}

impl Choice {
    /// Over a scenario's mix, where `prompts` says how many requests each entry has. Entries without any are left out.
    pub(super) fn new(scenario: &Scenario, prompts: &[u32], rng: &mut Rng) -> Self {
        let popular = scenario.pattern == Pattern::Realistic;
        let (mut choice, mut first) = (Self { entries: Vec::new(), weights: Vec::new() }, 0_u32);
        for (mix, count) in scenario.mix.iter().zip(prompts) {
            let end = first.saturating_add(*count);
            if first < end {
                let mut order: Vec<u32> = (first..end).collect();
                rng.shuffle(&mut order);
                // Zipf's law with exponent 1: the k-th is asked for in proportion to 1/k.
                let popularity =
                    if popular { sums((1..=*count).map(|rank| 1.0 / f64::from(rank))) } else { Vec::new() };
                choice.entries.push(Entry { order, turn: 0, popularity });
                // A weight below 0 or of no number reads as 0.
                choice.weights.push(choice.weights.last().unwrap_or(&0.0) + mix.weight.max(0.0));
            }
            first = end;
        }
        choice
    }

    /// The next request; 0 if there is none at all.
    pub(super) fn next(&mut self, rng: &mut Rng) -> u32 {
        let entry = draw(&self.weights, rng);
        self.entries.get_mut(entry).map_or(0, |entry| entry.next(rng))
    }
}

impl Entry {
    fn next(&mut self, rng: &mut Rng) -> u32 {
        let at = if self.popularity.is_empty() { self.turn } else { draw(&self.popularity, rng) };
        self.turn = (self.turn + 1) % self.order.len().max(1);
        self.order.get(at).copied().unwrap_or_default()
    }
}

/// The sums of the first, of the first two, and so on.
fn sums(weights: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut sum = 0.0;
    let add = |weight| {
        sum += weight;
        sum
    };
    weights.map(add).collect()
}

/// An index by weight, from the sums of the weights.
fn draw(sums: &[f64], rng: &mut Rng) -> usize {
    let at = rng.f64() * sums.last().copied().unwrap_or_default();
    // With weights of 0 alone it is the last.
    sums.partition_point(|sum| *sum <= at).min(sums.len().saturating_sub(1))
}
