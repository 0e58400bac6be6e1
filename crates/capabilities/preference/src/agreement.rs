//! Whether orders agree: in who is first, and in all places. Knows no method from within.

use crate::{Norm, Order, Table, min_max, promethee, topsis, weighted_sum};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whether two orders put the same options first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FirstPlace {
    /// The same option, or the same ones tied.
    Same,
    /// Some are first in both, but not all: a tie in one of them.
    Overlapping,
    /// Others: the orders disagree on the winner.
    Different,
}

/// How far two orders say the same about the options that both give a place.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Agreement {
    /// How many options both give a place.
    pub compared: usize,
    /// Who is first; `None` with fewer than two compared.
    pub first: Option<FirstPlace>,
    /// Kendall's τ-b, from −1 (reversed) to 1 (the same); `None` where either order ties all that are compared.
    pub kendall_tau: Option<f64>,
}

/// Another method's order, and how far it agrees with the one that counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SecondOpinion {
    /// The other order.
    pub order: Order,
    /// How far it agrees.
    pub agreement: Agreement,
}

impl SecondOpinion {
    /// An order beside the one that counts.
    pub fn beside(counts: &Order, order: Order) -> Self {
        let agreement = agreement(counts, &order);
        Self { order, agreement }
    }
}

/// What [`min_max`], [`topsis()`](crate::topsis()) with the vector norm and [`promethee()`](crate::promethee()) say, in this order, beside [`weighted_sum`].
pub fn second_opinions(table: &Table) -> Vec<SecondOpinion> {
    let counts = weighted_sum(table);
    let others = [min_max(table), topsis(table, Norm::Vector), promethee(table)];
    others.into_iter().map(|order| SecondOpinion::beside(&counts, order)).collect()
}

/// How far two orders of the same table agree. An option that either leaves out is not looked at, also where it is the
/// other's winner.
pub fn agreement(a: &Order, b: &Order) -> Agreement {
    let (in_a, in_b) = (positions(a), positions(b));
    let both = in_a.iter().zip(&in_b).enumerate();
    let shared: Vec<(usize, usize, usize)> = both.filter_map(|(option, (a, b))| Some((option, (*a)?, (*b)?))).collect();
    let compared = shared.len();
    if compared < 2 {
        return Agreement { compared, first: None, kendall_tau: None };
    }
    let (alike, only_a, only_b) = pairs(&shared);
    let counted = (alike.0 + alike.1) as f64;
    let size = ((counted + only_a as f64) * (counted + only_b as f64)).sqrt();
    let kendall_tau = (size > 0.0).then(|| (alike.0 as f64 - alike.1 as f64) / size);
    Agreement { compared, first: Some(first_place(&shared)), kendall_tau }
}

/// The group of each option, from 0; `None` for one without a place.
fn positions(order: &Order) -> Vec<Option<usize>> {
    let mut positions = vec![None; order.totals.len()];
    for (at, group) in order.ranked.iter().enumerate() {
        for option in group {
            positions.get_mut(*option).into_iter().for_each(|position| *position = Some(at));
        }
    }
    positions
}

/// How many pairs the orders put the same way and how many the other way round, and how many only `a` and only `b` puts
/// in an order while the other ties them.
fn pairs(shared: &[(usize, usize, usize)]) -> ((usize, usize), usize, usize) {
    let ((mut same, mut reversed), (mut only_a, mut only_b)) = ((0, 0), (0, 0));
    for (at, (_, one_a, one_b)) in shared.iter().enumerate() {
        for (_, other_a, other_b) in shared.iter().skip(at + 1) {
            match (one_a.cmp(other_a) as i8, one_b.cmp(other_b) as i8) {
                (0, 0) => {}
                (0, _) => only_b += 1,
                (_, 0) => only_a += 1,
                (a, b) if a == b => same += 1,
                _ => reversed += 1,
            }
        }
    }
    ((same, reversed), only_a, only_b)
}

fn first_place(shared: &[(usize, usize, usize)]) -> FirstPlace {
    let best_a = shared.iter().map(|(_, a, _)| *a).min();
    let best_b = shared.iter().map(|(_, _, b)| *b).min();
    let first: Vec<(bool, bool)> = shared.iter().map(|(_, a, b)| (Some(*a) == best_a, Some(*b) == best_b)).collect();
    match (first.iter().all(|(a, b)| a == b), first.contains(&(true, true))) {
        (true, _) => FirstPlace::Same,
        (false, true) => FirstPlace::Overlapping,
        (false, false) => FirstPlace::Different,
    }
}
