//! Tests of the whole room: published tables, properties over made-up tables, limits.

mod closeness;
mod draws;
mod flips;
mod limits;
mod oracles;
mod properties;

use crate::{Direction, Scale, Table};
use proptest::prelude::*;

/// What a table is made of, so that a test can change it.
#[derive(Debug, Clone)]
struct Made {
    directions: Vec<Direction>,
    weights: Vec<f64>,
    rows: Vec<Vec<Option<f64>>>,
    spreads: Vec<Vec<f64>>,
}

impl Made {
    fn table(&self) -> Table {
        let table = Table::on(Scale::default(), &self.directions, &self.weights, &self.rows).unwrap();
        table.with_spread(&self.spreads).unwrap()
    }

    /// With options and criteria in another order: `options[i]` is which option comes at place `i`.
    fn permuted(&self, options: &[usize], criteria: &[usize]) -> Self {
        fn picked<T: Clone>(list: &[T], order: &[usize]) -> Vec<T> {
            order.iter().map(|at| list[*at].clone()).collect()
        }
        Self {
            directions: picked(&self.directions, criteria),
            weights: picked(&self.weights, criteria),
            rows: options.iter().map(|at| picked(&self.rows[*at], criteria)).collect(),
            spreads: options.iter().map(|at| picked(&self.spreads[*at], criteria)).collect(),
        }
    }

    fn without(&self, option: usize) -> Self {
        let options: Vec<usize> = (0..self.rows.len()).filter(|at| *at != option).collect();
        self.permuted(&options, &(0..self.weights.len()).collect::<Vec<_>>())
    }
}

/// Scores as models give them, whole more often than not, `missing` of a hundred absent; weights from 0.1 to 10.
fn made(missing: u32, directions: bool) -> impl Strategy<Value = Made> {
    (2..8_usize, 1..7_usize).prop_flat_map(move |(options, criteria)| {
        let score = prop_oneof![3 => (1..=10_u32).prop_map(f64::from), 1 => 1.0..=10.0_f64];
        let cell = (score, 0..100_u32).prop_map(move |(score, kept)| (kept >= missing).then_some(score));
        let weight = prop_oneof![3 => (1..=100_u32).prop_map(|tenths| f64::from(tenths) / 10.0), 1 => 0.1..=10.0_f64];
        let direction = any::<bool>().prop_map(move |cost| match cost && directions {
            true => Direction::Cost,
            false => Direction::Benefit,
        });
        let rows = prop::collection::vec(prop::collection::vec(cell, criteria), options);
        let spread = prop_oneof![Just(0.0), 0.0..2.0_f64];
        let spreads = prop::collection::vec(prop::collection::vec(spread, criteria), options);
        let per_criterion = (prop::collection::vec(weight, criteria), prop::collection::vec(direction, criteria));
        (per_criterion, rows, spreads).prop_map(|((weights, directions), rows, spreads)| Made {
            directions,
            weights,
            rows,
            spreads,
        })
    })
}

/// A table as it was made, and an order of its options and of its criteria.
fn shuffled(missing: u32) -> impl Strategy<Value = (Made, Vec<usize>, Vec<usize>)> {
    made(missing, true).prop_flat_map(|made| {
        let (options, criteria) = (made.rows.len(), made.weights.len());
        let order = |n: usize| Just((0..n).collect::<Vec<_>>()).prop_shuffle();
        (Just(made), order(options), order(criteria))
    })
}

/// Rows without a missing score.
fn full(rows: &[&[f64]]) -> Vec<Vec<Option<f64>>> {
    rows.iter().map(|row| row.iter().map(|score| Some(*score)).collect()).collect()
}
