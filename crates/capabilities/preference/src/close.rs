//! Whether the first place leaves a doubt, by rules with stated numbers. Knows figures alone; words are somebody else's.

use crate::{Chances, Flip, Order, Sensitivity, TIE, Table, Weights};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A winner that comes first in a smaller share of draws than this, at the lower end of its interval, is not firm: one
/// draw of five goes another way.
pub const CHANCE_FIRM: f64 = 0.8;

/// A margin within as many standard deviations of it is one that repeated scoring may turn: 95 % two-sided.
pub const MARGIN_SPREADS: f64 = 1.96;

/// A margin is close that a single score, moved by as many points on the scale of 1 to 10, makes up for: scores are
/// given in whole points, and stand for half a point more or less. Other scales in proportion to their length.
pub const MARGIN_POINTS: f64 = 0.5;

/// A weight that need not change by more than this share of itself for another option to win.
pub const WEIGHT_CHANGE_SHARE: f64 = 0.1;

/// The length of the scale that [`MARGIN_POINTS`] are points of.
const POINTS: f64 = 9.0;

/// Why the first place leaves a doubt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Reason {
    /// Several share the first place.
    Tie {
        /// Who.
        options: Vec<usize>,
    },
    /// A rival is so near that one score, moved by [`MARGIN_POINTS`], makes up for it.
    Margin {
        /// Who.
        rival: usize,
        /// The winner's total less the rival's, in points.
        margin: f64,
        /// How far one moved score may move that at most, in points.
        needed: f64,
    },
    /// A rival is within [`MARGIN_SPREADS`] standard deviations of what the scores' spread does to the margin.
    Spread {
        /// Who.
        rival: usize,
        /// The winner's total less the rival's, in points.
        margin: f64,
        /// How far it must be ahead, in points.
        needed: f64,
    },
    /// A weight that changes by no more than [`WEIGHT_CHANGE_SHARE`] of itself makes another option the winner.
    Weight {
        /// Whose weight.
        criterion: usize,
        /// The weight now.
        weight: f64,
        /// The weight at which the winner is caught up with.
        new_weight: f64,
        /// Who overtakes it.
        rivals: Vec<usize>,
    },
    /// In draws around the weights and within the spread the winner comes first too seldom.
    Chance {
        /// In which share of draws it does.
        first: f64,
        /// The lower end of that share's interval.
        lo: f64,
        /// The share that it should reach: [`CHANCE_FIRM`].
        needed: f64,
        /// Who else comes first most often; several where equally often.
        rivals: Vec<usize>,
        /// In which share of draws each of them does.
        rival_first: f64,
    },
    /// With scores that are missing a rival could win: those that lack one would only have to turn out well for it, or
    /// badly for the winner.
    Missing {
        /// Who could.
        rivals: Vec<usize>,
    },
}

/// Whether the first place leaves a doubt, and why.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CloseCall {
    /// Whether there is any reason.
    pub close: bool,
    /// All reasons that there are.
    pub reasons: Vec<Reason>,
}

/// Whether the winner of the weighted sum is a close call. It is one for any [`Reason`]; without a winner because
/// nothing has a score it is none.
///
/// `order` and `sensitivity` are those of the same table. Chances are looked at where they are for the given weights
/// or around them: what comes first under all weights that there are says nothing about those that were given.
pub fn close_call(table: &Table, order: &Order, sensitivity: &Sensitivity, chances: Option<&Chances>) -> CloseCall {
    let mut reasons = Vec::new();
    if let Some(winner) = order.winner() {
        let rivals: Vec<usize> =
            (0..table.options()).filter(|rival| *rival != winner && table.is_scored(*rival)).collect();
        for rival in &rivals {
            reasons.extend(margin(table, order, winner, *rival));
            reasons.extend(spread(table, order, winner, *rival));
        }
        reasons.extend(sensitivity.within.iter().flatten().filter_map(weight));
        reasons.extend(chances.and_then(|chances| chance(chances, winner)));
        reasons.extend(missing(table, winner));
    } else if order.first().iter().any(|option| table.is_scored(*option)) {
        reasons.push(Reason::Tie { options: order.first().to_vec() });
    }
    CloseCall { close: !reasons.is_empty(), reasons }
}

/// Rule: half a point on one criterion makes up for the margin.
fn margin(table: &Table, order: &Order, winner: usize, rival: usize) -> Option<Reason> {
    let margin = ahead(order, winner, rival)?;
    let most = f64::max(largest_part(table, winner), largest_part(table, rival));
    let needed = MARGIN_POINTS / POINTS * table.scale().length() * most;
    (margin <= needed + tie(table)).then_some(Reason::Margin { rival, margin, needed })
}

/// Rule: the spread of the scores makes up for the margin.
fn spread(table: &Table, order: &Order, winner: usize, rival: usize) -> Option<Reason> {
    let margin = ahead(order, winner, rival)?;
    let needed = MARGIN_SPREADS * (variance(table, winner) + variance(table, rival)).sqrt();
    (needed > 0.0 && margin <= needed).then_some(Reason::Spread { rival, margin, needed })
}

/// Rule: a small change of a weight flips the winner.
fn weight(flip: &Flip) -> Option<Reason> {
    let Flip { criterion, weight, new_weight, change, rivals } = flip.clone();
    let small = change.abs() <= WEIGHT_CHANGE_SHARE * weight * (1.0 + TIE);
    small.then_some(Reason::Weight { criterion, weight, new_weight, rivals })
}

/// Rule: the winner comes first too seldom.
fn chance(chances: &Chances, winner: usize) -> Option<Reason> {
    if chances.draws.weights == Weights::Uniform {
        return None;
    }
    let (first, lo) = chances.options.get(winner).map(|chance| (chance.first, chance.interval.lo))?;
    let others = || chances.options.iter().enumerate().filter(|(option, _)| *option != winner);
    let rival_first = others().map(|(_, chance)| chance.first).fold(0.0, f64::max);
    let rivals = others().filter(|(_, chance)| chance.first == rival_first).map(|(option, _)| option).collect();
    (lo < CHANCE_FIRM).then_some(Reason::Chance { first, lo, needed: CHANCE_FIRM, rivals, rival_first })
}

/// Rule: scores that are missing could turn the winner.
fn missing(table: &Table, winner: usize) -> Option<Reason> {
    let (worst, _) = bounds(table, winner);
    // Where neither lacks a score these are the totals, of which the winner's is larger.
    let could = |rival: &usize| bounds(table, *rival).1 > worst + tie(table);
    let rivals: Vec<usize> = (0..table.options()).filter(|rival| *rival != winner).filter(could).collect();
    (!rivals.is_empty()).then_some(Reason::Missing { rivals })
}

fn tie(table: &Table) -> f64 {
    TIE * table.scale().length()
}

fn ahead(order: &Order, winner: usize, rival: usize) -> Option<f64> {
    let total = |option: usize| order.totals.get(option).copied().flatten();
    Some(total(winner)? - total(rival)?)
}

/// The largest part that one score has in an option's total.
fn largest_part(table: &Table, option: usize) -> f64 {
    let weights = || table.present(option).map(|(_, weight)| weight);
    weights().fold(0.0, f64::max) / weights().sum::<f64>()
}

/// The variance of an option's total that the spread of its scores makes.
fn variance(table: &Table, option: usize) -> f64 {
    let all: f64 = table.present(option).map(|(_, weight)| weight).sum();
    let parts = table.spreads(option).iter().zip(table.weights()).map(|(spread, weight)| spread * weight / all);
    parts.map(|part| part * part).sum()
}

/// The total that an option would have if every score it lacks were the lowest, and if every one were the highest.
fn bounds(table: &Table, option: usize) -> (f64, f64) {
    let all = table.weight_sum();
    let with = |missing: f64| {
        let worth = |worth: &f64| if worth.is_nan() { missing } else { *worth };
        table.worths(option).iter().map(worth).zip(table.weights()).map(|(worth, weight)| worth * weight).sum::<f64>()
            / all
    };
    (with(table.scale().lo), with(table.scale().hi))
}
