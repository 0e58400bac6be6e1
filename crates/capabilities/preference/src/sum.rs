//! Weighted sums, on the fixed scale and stretched. Knows neither other methods nor how firm a sum is.

use crate::{Method, Order, TIE, Table};

/// The weighted sum on the table's fixed scale: per option Σ(score · weight) / Σ(weight) over the cells that have a
/// score, in points; 0.0 for an option without any, which comes behind all others. The score of a cost is mirrored at
/// the middle of the scale first.
///
/// Nothing in an option's total depends on other options, so that dropping one never changes who wins among the rest.
pub fn weighted_sum(table: &Table) -> Order {
    sum(Method::WeightedSum, table)
}

/// The weighted sum of scores stretched so that each criterion's worst is 0 and best is 1 ([`Table::min_max`]), over
/// the cells that have a score; 0.0 for an option without any.
///
/// An option that goes may take a criterion's best or worst with it, and change who wins among the rest.
pub fn min_max(table: &Table) -> Order {
    sum(Method::MinMax, &table.min_max())
}

/// The weighted sum under the name of the method that it is for.
pub(crate) fn sum(method: Method, table: &Table) -> Order {
    let totals = totals(table);
    let unscored: Vec<usize> = (0..table.options()).filter(|option| !table.is_scored(*option)).collect();
    Order::of(method, totals.into_iter().map(Some).collect(), TIE * table.scale().length(), &unscored)
}

/// The totals of all options.
pub(crate) fn totals(table: &Table) -> Vec<f64> {
    let (mut terms, mut weights) = (Vec::with_capacity(table.criteria()), Vec::with_capacity(table.criteria()));
    let mut total = |option| {
        terms.clear();
        weights.clear();
        for (worth, weight) in table.present(option) {
            terms.push(worth * weight);
            weights.push(weight);
        }
        if weights.is_empty() { 0.0 } else { steady(&mut terms) / steady(&mut weights) }
    };
    (0..table.options()).map(&mut total).collect()
}

/// A sum that is the same to the last bit however its terms are ordered: from the smallest to the largest.
pub(crate) fn steady(terms: &mut [f64]) -> f64 {
    terms.sort_unstable_by(f64::total_cmp);
    terms.iter().fold(0.0, |sum, term| sum + term)
}
