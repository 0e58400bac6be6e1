//! PROMETHEE II: options compared in pairs, criterion by criterion. Knows no other method.

use crate::sum::steady;
use crate::{Method, Order, TIE, Table};

/// PROMETHEE II with the usual preference function (Brans & Vincke 1985): per pair of options the weight of the
/// criteria by which one is better, less that of those by which it is worse, as a share; the mean of that over all
/// other options, from −1 to 1. How much better counts for nothing, unless it is a rounding.
///
/// A pair is compared by the criteria that both have a score by, over whose weights the share is taken. A pair with
/// none in common is not compared; an option that is compared with nobody is left out.
pub fn promethee(table: &Table) -> Order {
    let options = table.options();
    let mut flows: Vec<Vec<f64>> = vec![Vec::with_capacity(options); options];
    let mut scratch = Scratch::default();
    for one in 0..options {
        for other in 0..one {
            let Some(net) = scratch.net(table, one, other) else { continue };
            flows.get_mut(one).into_iter().for_each(|flows| flows.push(net));
            flows.get_mut(other).into_iter().for_each(|flows| flows.push(-net));
        }
    }
    let mean = |flows: &mut Vec<f64>| (!flows.is_empty()).then(|| balanced(flows) / flows.len() as f64);
    Order::of(Method::Promethee, flows.iter_mut().map(mean).collect(), TIE, &[])
}

/// A sum of both signs that is the same to the last bit, and exactly the opposite when all signs change.
fn balanced(terms: &mut [f64]) -> f64 {
    terms.sort_unstable_by(f64::total_cmp);
    let below = terms.partition_point(|term| *term < 0.0);
    let (negative, positive) = terms.split_at(below);
    positive.iter().fold(0.0, |sum, term| sum + term) + negative.iter().rev().fold(0.0, |sum, term| sum + term)
}

/// Lists that are used again for each pair.
#[derive(Default)]
struct Scratch {
    shared: Vec<f64>,
    better: Vec<f64>,
    worse: Vec<f64>,
}

impl Scratch {
    /// How much more of the shared weight is for one option than for the other, as a share; `None` where they share
    /// no criterion.
    fn net(&mut self, table: &Table, one: usize, other: usize) -> Option<f64> {
        let tie = TIE * table.scale().length();
        self.shared.clear();
        self.better.clear();
        self.worse.clear();
        for ((one, other), weight) in table.worths(one).iter().zip(table.worths(other)).zip(table.weights()) {
            let ahead = one - other;
            if ahead.is_nan() {
                continue;
            }
            self.shared.push(*weight);
            if ahead > tie {
                self.better.push(*weight);
            } else if ahead < -tie {
                self.worse.push(*weight);
            }
        }
        let net = steady(&mut self.better) - steady(&mut self.worse);
        (!self.shared.is_empty()).then(|| net / steady(&mut self.shared))
    }
}
