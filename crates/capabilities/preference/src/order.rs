//! The order that a method puts options in, with ties. Knows no method from within.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Totals that lie no further apart than this share of their scale are equal, and their options tied: sums of the same
/// amount by other ways differ by about 1e-15, and no difference that anybody means is as small as this.
pub const TIE: f64 = 1e-9;

/// How options are put in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// The weighted mean of the scores on their fixed scale: the method that counts.
    WeightedSum,
    /// The weighted mean of scores stretched between the worst and the best of each criterion.
    MinMax,
    /// Distance to the best and the worst point, vector norm (Hwang & Yoon 1981).
    Topsis,
    /// The same with scores stretched between the worst and the best of each criterion.
    TopsisMinMax,
    /// Net flow of comparisons in pairs, usual preference function (Brans & Vincke 1985).
    Promethee,
    /// The weighted sum with weights made of comparisons in pairs (Saaty 1977).
    Ahp,
}

/// Options in order, best first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Order {
    /// Who says so.
    pub method: Method,
    /// The method's figure for each option, in the table's order; `None` where it has none. More is better.
    pub totals: Vec<Option<f64>>,
    /// The options that have a place, best first; those that share one are together, by index.
    pub ranked: Vec<Vec<usize>>,
    /// The options that the method can give no place, because scores are missing that it cannot do without.
    pub left_out: Vec<usize>,
}

impl Order {
    /// The order of totals: equal ones share a place, as do all options of `last`, which come behind the others.
    pub(crate) fn of(method: Method, totals: Vec<Option<f64>>, tie: f64, last: &[usize]) -> Self {
        let mut placed: Vec<(usize, f64)> = Vec::with_capacity(totals.len());
        let found = totals.iter().enumerate().filter(|(option, _)| !last.contains(option));
        placed.extend(found.filter_map(|(option, total)| Some((option, (*total)?))));
        placed.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let mut ranked: Vec<Vec<usize>> = Vec::new();
        let mut leader = f64::INFINITY;
        for (option, total) in placed {
            match ranked.last_mut() {
                Some(group) if leader - total <= tie => group.push(option),
                _ => {
                    leader = total;
                    ranked.push(vec![option]);
                }
            }
        }
        ranked.iter_mut().for_each(|group| group.sort_unstable());
        ranked.extend((!last.is_empty()).then(|| last.to_vec()));
        let left_out = (0..totals.len()).filter(|option| totals.get(*option).is_some_and(Option::is_none)).collect();
        Self { method, totals, ranked, left_out }
    }

    /// The options in the first place; empty where no option has a place.
    pub fn first(&self) -> &[usize] {
        self.ranked.first().map_or(&[], Vec::as_slice)
    }

    /// The option that is alone in the first place.
    pub fn winner(&self) -> Option<usize> {
        match self.first() {
            [winner] => Some(*winner),
            _ => None,
        }
    }

    /// The place of an option, from 1; options behind a shared place are counted on as if each had its own (1, 1, 3).
    pub fn place(&self, option: usize) -> Option<usize> {
        let at = self.ranked.iter().position(|group| group.contains(&option))?;
        Some(1 + self.ranked.iter().take(at).map(Vec::len).sum::<usize>())
    }

    /// How far the first place lies ahead of the second, in the method's figure; 0 where several share the first.
    pub fn margin(&self) -> Option<f64> {
        let total = |group: &Vec<usize>| group.first().and_then(|option| *self.totals.get(*option)?);
        match self.ranked.as_slice() {
            [first, ..] if first.len() > 1 => Some(0.0),
            [first, second, ..] => Some(total(first)? - total(second)?),
            _ => None,
        }
    }
}
