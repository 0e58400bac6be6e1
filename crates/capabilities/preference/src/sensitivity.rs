//! Which weight would have to change how far for another option to win the weighted sum: in closed form, one weight at
//! a time. Knows no other method and no chance.

use crate::crossing::{Crossing, Share, crossings};
use crate::{Order, TIE, Table, weighted_sum};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The weights that may be given: a flip beyond them cannot be reached by changing that weight.
pub const WEIGHT_RANGE: (f64, f64) = (0.1, 10.0);

/// Changes, and gains, that differ by no more than this share are the same.
const SAME: f64 = 1e-9;

/// A change of one weight that makes another option the winner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Flip {
    /// Whose weight.
    pub criterion: usize,
    /// The weight now.
    pub weight: f64,
    /// The weight at which the winner is caught up with; a little further, and it is overtaken.
    pub new_weight: f64,
    /// The new weight less the one now.
    pub change: f64,
    /// Who overtakes: several where they do so together.
    pub rivals: Vec<usize>,
}

/// The smallest changes of weights that make another option the winner of the weighted sum.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sensitivity {
    /// Who wins now. `None` where several share the first place, so that the smallest change decides, and where no
    /// option has a score: then there are no flips.
    pub winner: Option<usize>,
    /// Per criterion, its smallest change to a weight within the range, its ends not included; `None` where no weight
    /// within makes another option the winner.
    pub within: Vec<Option<Flip>>,
    /// Per criterion, its smallest change to any weight above 0.
    pub anywhere: Vec<Option<Flip>>,
    /// The smallest changes of all within the range: more than one where they are equally small.
    pub smallest_within: Vec<Flip>,
}

/// The smallest change of each weight alone that makes another option the winner, within `range` (see
/// [`WEIGHT_RANGE`]) and without it. Changes are measured by their size, upwards and downwards alike.
///
/// Where cells are absent a total is a ratio of two linear functions of the weight, and may be overtaken, and overtake
/// again, at other weights: the nearest is given.
pub fn sensitivity(table: &Table, range: (f64, f64)) -> Sensitivity {
    sensitivity_of(table, &weighted_sum(table), range)
}

fn sensitivity_of(table: &Table, order: &Order, range: (f64, f64)) -> Sensitivity {
    let winner = order.winner();
    let flips = |(lo, hi): (f64, f64)| -> Vec<Option<Flip>> {
        let Some(winner) = winner else { return vec![None; table.criteria()] };
        (0..table.criteria()).map(|criterion| flip(table, winner, criterion, (lo, hi))).collect()
    };
    let (within, anywhere) = (flips(range), flips((0.0, f64::INFINITY)));
    let smallest_within = smallest(&within);
    Sensitivity { winner, within, anywhere, smallest_within }
}

/// The smallest change of one weight.
fn flip(table: &Table, winner: usize, criterion: usize, (lo, hi): (f64, f64)) -> Option<Flip> {
    let weight = *table.weights().get(criterion)?;
    let tie = TIE * table.scale().length();
    let share = |option| share(table, option, criterion);
    let of_winner = share(winner);
    let mut found: Vec<(usize, Crossing)> = Vec::new();
    for rival in (0..table.options()).filter(|rival| *rival != winner && table.is_scored(*rival)) {
        let crossings = crossings(of_winner, share(rival), weight, tie).into_iter().flatten();
        found.extend(
            crossings.filter(|crossing| lo < crossing.at && crossing.at < hi).map(|crossing| (rival, crossing)),
        );
    }
    let distance = |crossing: &Crossing| (crossing.at - weight).abs();
    let least = found.iter().map(|(_, at)| distance(at)).min_by(f64::total_cmp)?;
    // Of two that are as near, one below and one above, the one below.
    let near = found.iter().filter(|(_, crossing)| distance(crossing) <= least * (1.0 + SAME));
    let nearest = near.map(|(_, crossing)| crossing.at).min_by(f64::total_cmp)?;
    let together = |crossing: &Crossing| (crossing.at - nearest).abs() <= SAME * weight.max(nearest);
    let best = found.iter().filter(|(_, at)| together(at)).map(|(_, at)| at.gain).fold(f64::NEG_INFINITY, f64::max);
    let leads = |crossing: &Crossing| together(crossing) && crossing.gain >= best - SAME * best.abs();
    let rivals = found.iter().filter(|(_, crossing)| leads(crossing)).map(|(rival, _)| *rival).collect();
    Some(Flip { criterion, weight, new_weight: nearest, change: nearest - weight, rivals })
}

/// What an option's total is made of when one weight is free.
fn share(table: &Table, option: usize, criterion: usize) -> Share {
    let mut share = Share { fixed: 0.0, weight: 0.0, own: None };
    for (at, (worth, weight)) in table.worths(option).iter().zip(table.weights()).enumerate() {
        if worth.is_nan() {
            continue;
        }
        if at == criterion {
            share.own = Some(*worth);
        } else {
            share.fixed += worth * weight;
            share.weight += weight;
        }
    }
    share
}

fn smallest(flips: &[Option<Flip>]) -> Vec<Flip> {
    let least = flips.iter().flatten().map(|flip| flip.change.abs()).fold(f64::INFINITY, f64::min);
    flips.iter().flatten().filter(|flip| flip.change.abs() <= least * (1.0 + SAME)).cloned().collect()
}
