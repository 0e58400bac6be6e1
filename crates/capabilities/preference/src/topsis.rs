//! TOPSIS: how near an option is to the best point that there could be, and how far from the worst. Knows no other
//! method.

use crate::sum::steady;
use crate::{Direction, Method, Order, TIE, Table};

/// How criteria are made comparable.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Norm {
    /// Each score divided by the root of the sum of squares of its criterion (Hwang & Yoon 1981). Costs stay costs:
    /// their best is their smallest.
    #[default]
    Vector,
    /// Each criterion stretched so that its worst score is 0 and its best 1.
    MinMax,
}

/// TOPSIS (Hwang & Yoon 1981): d⁻ / (d⁺ + d⁻), with the Euclidean distances d⁺ to the best of all weighted, normalised
/// scores and d⁻ to the worst; from 0 to 1. Where all options are alike each gets 0.5.
///
/// A distance needs every coordinate. A criterion by which no option has a score is not looked at; of the rest, an
/// option that lacks a score is left out, and the others are compared without it. With fewer than two left nobody has
/// a place.
pub fn topsis(table: &Table, norm: Norm) -> Order {
    let method = match norm {
        Norm::Vector => Method::Topsis,
        Norm::MinMax => Method::TopsisMinMax,
    };
    let known: Vec<usize> = (0..table.criteria()).filter(|at| column(table, *at).any(|s| !s.is_nan())).collect();
    let complete = |option: &usize| {
        let scores = table.scores(*option);
        !known.is_empty() && known.iter().all(|at| scores.get(*at).is_some_and(|score| !score.is_nan()))
    };
    let options: Vec<usize> = (0..table.options()).filter(complete).collect();
    let mut totals = vec![None; table.options()];
    if options.len() > 1 {
        let points: Vec<Vec<f64>> = known.iter().map(|at| weighted(table, *at, &options, norm)).collect();
        for (at, option) in options.iter().enumerate() {
            if let Some(total) = totals.get_mut(*option) {
                *total = Some(closeness(table, &known, &points, at));
            }
        }
    }
    Order::of(method, totals, TIE, &[])
}

fn column(table: &Table, criterion: usize) -> impl Iterator<Item = f64> {
    (0..table.options()).filter_map(move |option| table.scores(option).get(criterion).copied())
}

/// The normalised, weighted scores of some options by one criterion.
fn weighted(table: &Table, criterion: usize, options: &[usize], norm: Norm) -> Vec<f64> {
    let scores: Vec<f64> = options.iter().filter_map(|at| table.scores(*at).get(criterion).copied()).collect();
    let weight = table.weights().get(criterion).map_or(0.0, |weight| weight / table.weight_sum());
    let (from, length) = match norm {
        Norm::Vector => (0.0, steady(&mut scores.iter().map(|score| score * score).collect::<Vec<_>>()).sqrt()),
        Norm::MinMax => {
            let (worst, best) = ends(&scores);
            (worst, if best - worst > TIE * table.scale().length() { best - worst } else { 0.0 })
        }
    };
    // Where all are alike there is no distance, whatever stands for them.
    scores.iter().map(|score| if length > 0.0 { weight * (score - from) / length } else { 0.0 }).collect()
}

/// How near the option at `at` is to the best point.
fn closeness(table: &Table, known: &[usize], points: &[Vec<f64>], at: usize) -> f64 {
    let (mut to_best, mut to_worst) = (Vec::with_capacity(points.len()), Vec::with_capacity(points.len()));
    for (criterion, column) in known.iter().zip(points) {
        let (low, high) = ends(column);
        let (best, worst) = match table.directions().get(*criterion) {
            Some(Direction::Cost) => (low, high),
            _ => (high, low),
        };
        let Some(own) = column.get(at) else { continue };
        to_best.push((own - best) * (own - best));
        to_worst.push((own - worst) * (own - worst));
    }
    let (to_best, to_worst) = (steady(&mut to_best).sqrt(), steady(&mut to_worst).sqrt());
    if to_best + to_worst > TIE { to_worst / (to_best + to_worst) } else { 0.5 }
}

fn ends(values: &[f64]) -> (f64, f64) {
    (values.iter().copied().fold(f64::INFINITY, f64::min), values.iter().copied().fold(f64::NEG_INFINITY, f64::max))
}
