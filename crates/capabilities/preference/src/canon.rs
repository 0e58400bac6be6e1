//! The order in which draws see options and criteria: one that follows from the table's content, so that a seed says the
//! same however they were handed in. Knows no draws.

use crate::Table;
use crate::random::mixed;

/// Rounds of refining: after the first, keys tell rows and columns apart by their content, after the others by where
/// that stands too.
const ROUNDS: usize = 3;

/// What stands for a cell without a score.
const ABSENT: u64 = 0x005e_ed0f_ab5e_ed00;

/// A table's options and criteria in the order of their content.
pub(crate) struct Canon {
    /// Options, by index.
    pub(crate) options: Vec<usize>,
    /// Criteria, by index.
    pub(crate) criteria: Vec<usize>,
    /// Options that are alike in every cell: two or more each.
    pub(crate) like_options: Vec<Vec<usize>>,
    /// Criteria that are alike in weight and every cell: two or more each.
    pub(crate) like_criteria: Vec<Vec<usize>>,
}

impl Canon {
    /// Keys of rows are made of those of columns and the other way round, as colours of a graph are refined. Two rows
    /// with the same key that are not alike are as rare as a collision; then the order in which they were handed in
    /// decides, and figures move within the error of the draws.
    pub(crate) fn of(table: &Table) -> Self {
        let cells: Vec<u64> = (0..table.options()).flat_map(|option| cells(table, option)).collect();
        let width = table.criteria();
        let mut of_criteria: Vec<u64> = table.weights().iter().map(|weight| mixed(weight.to_bits())).collect();
        let mut of_options = vec![1_u64; table.options()];
        for _ in 0..ROUNDS {
            for (key, row) in of_options.iter_mut().zip(cells.chunks_exact(width)) {
                *key = refined(*key, row.iter().zip(&of_criteria));
            }
            for (at, key) in of_criteria.iter_mut().enumerate() {
                *key = refined(*key, cells.iter().skip(at).step_by(width).zip(&of_options));
            }
        }
        let row = |option: usize| cells.get(option * width..(option + 1) * width);
        let column = |at: usize| cells.iter().skip(at).step_by(width);
        let same_weight = |a: usize, b: usize| table.weights().get(a) == table.weights().get(b);
        let (options, criteria) = (sorted(&of_options), sorted(&of_criteria));
        let like_options = groups(&options, |a, b| row(a) == row(b));
        let like_criteria = groups(&criteria, |a, b| same_weight(a, b) && column(a).eq(column(b)));
        Self { options, criteria, like_options, like_criteria }
    }
}

/// A key per cell of an option: its score and spread.
fn cells(table: &Table, option: usize) -> impl Iterator<Item = u64> {
    let cell = |(worth, spread): (&f64, &f64)| {
        if worth.is_nan() { ABSENT } else { mixed(worth.to_bits()).wrapping_add(mixed(!spread.to_bits())) }
    };
    table.worths(option).iter().zip(table.spreads(option)).map(cell)
}

/// A key with what stands beside it, in whatever order.
fn refined<'a>(key: u64, beside: impl Iterator<Item = (&'a u64, &'a u64)>) -> u64 {
    let sum = beside.fold(0_u64, |sum, (cell, other)| sum.wrapping_add(mixed(cell.rotate_left(17) ^ mixed(*other))));
    mixed(key.wrapping_add(mixed(sum)))
}

fn sorted(keys: &[u64]) -> Vec<usize> {
    let mut indices: Vec<usize> = (0..keys.len()).collect();
    indices.sort_by_key(|at| keys.get(*at));
    indices
}

/// Neighbours that are alike, where there are two or more.
fn groups(sorted: &[usize], alike: impl Fn(usize, usize) -> bool) -> Vec<Vec<usize>> {
    sorted.chunk_by(|a, b| alike(*a, *b)).filter(|group| group.len() > 1).map(<[usize]>::to_vec).collect()
}
