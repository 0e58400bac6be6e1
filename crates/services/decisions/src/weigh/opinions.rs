//! What other methods make of the same scores.

use crate::weigh::{Weighed, places};
use docket::Whole;
use preference::{
    Agreement, Ahp, Consistency, FirstPlace, Method, Order, SecondOpinion, Table, agreement, ahp, second_opinions,
};
use sheet::{Opinion, Place};

impl Weighed<'_> {
    /// What other methods say; nothing as long as there are no scores.
    pub(super) fn opinions(&self) -> Vec<Opinion> {
        let (Some(table), Some(order), true) = (&self.table, &self.order, self.is_scored()) else { return Vec::new() };
        let mut opinions: Vec<Opinion> = second_opinions(table).iter().map(|second| self.opinion(second)).collect();
        opinions.extend(self.compared(table, order));
        opinions
    }

    fn opinion(&self, second: &SecondOpinion) -> Opinion {
        let SecondOpinion { order, agreement } = second;
        let mut notes = Vec::new();
        if !order.left_out.is_empty() {
            notes.push(format!(
                "{} left out: scores are missing that it cannot do without",
                self.named(&order.left_out)
            ));
        }
        if agreement.first == Some(FirstPlace::Overlapping) {
            notes.push("the first place is shared in one of the two orders".to_owned());
        }
        Opinion {
            method: name(order.method).to_owned(),
            order: self.order(order),
            agrees: agrees(agreement),
            tau: agreement.kendall_tau,
            note: notes.join("; "),
        }
    }

    fn order(&self, order: &Order) -> Vec<Place> {
        let place = |(at, rank): (usize, usize)| {
            let value = order.totals.get(at).copied().flatten()?;
            Some(Place { option: self.option(at), rank: u32::try_from(rank).unwrap_or(u32::MAX), value })
        };
        places(order).into_iter().filter_map(place).collect()
    }

    /// The weighted sum with weights made of comparisons of criteria, where there are any.
    fn compared(&self, table: &Table, order: &Order) -> Option<Opinion> {
        if self.whole.head.comparisons.is_empty() {
            return None;
        }
        let nothing = |note: String| Opinion { method: name(Method::Ahp).to_owned(), note, ..Opinion::default() };
        let matrix = match comparisons(self.whole) {
            Ok(matrix) => matrix,
            Err(lacking) => return Some(nothing(format!("{lacking} comparisons of criteria are missing"))),
        };
        let weighed = ahp(&matrix).map(|weights| (weights.order(table), weights));
        Some(match weighed {
            Err(error) => nothing(error.to_string()),
            Ok((Err(error), weights)) => nothing(format!("{error}{}", self.odd(&weights))),
            Ok((Ok(other), weights)) => {
                let agreement = agreement(order, &other);
                let opinion = self.opinion(&SecondOpinion { order: other, agreement });
                let notes = [self.weights(&weights), opinion.note].into_iter().filter(|note| !note.is_empty());
                Opinion { note: notes.collect::<Vec<_>>().join("; "), ..opinion }
            }
        })
    }

    fn weights(&self, weights: &Ahp) -> String {
        let each = weights.weights.iter().enumerate();
        let each: Vec<String> = each.map(|(at, weight)| format!("{} {weight:.2}", self.criterion(at))).collect();
        let warned = match weights.consistency {
            Consistency::Warned => format!(", above 0.10: look at the comparisons again{}", self.odd(weights)),
            Consistency::Fine | Consistency::Refused => String::new(),
        };
        format!("weights {}; consistency ratio {:.3}{warned}", each.join(", "), weights.ratio)
    }

    /// The comparison that fits the others least.
    fn odd(&self, weights: &Ahp) -> String {
        let Some(odd) = weights.at_odds else { return String::new() };
        let (one, other) = (self.criterion(odd.criterion), self.criterion(odd.with));
        format!("; {one} was said to be {:.2} times {other}, and the others make it {:.2}", odd.said, odd.implied)
    }
}

/// Whether another method puts the same option first.
fn agrees(agreement: &Agreement) -> Option<bool> {
    match agreement.first? {
        FirstPlace::Same => Some(true),
        FirstPlace::Overlapping => None,
        FirstPlace::Different => Some(false),
    }
}

fn name(method: Method) -> &'static str {
    match method {
        Method::WeightedSum => "Weighted sum",
        Method::MinMax => "Weighted sum, min-max",
        Method::Topsis => "TOPSIS",
        Method::TopsisMinMax => "TOPSIS, min-max",
        Method::Promethee => "PROMETHEE II",
        Method::Ahp => "Weighted sum, AHP weights",
    }
}

/// All comparisons of criteria as a matrix, or how many are missing.
fn comparisons(whole: &Whole) -> Result<Vec<Vec<f64>>, usize> {
    let count = whole.criteria.len();
    let at = |id: i64| whole.criteria.iter().position(|criterion| criterion.id == id);
    let mut matrix: Vec<Vec<f64>> = vec![vec![f64::NAN; count]; count];
    let mut put = |row: usize, column: usize, value: f64| {
        if let Some(cell) = matrix.get_mut(row).and_then(|row| row.get_mut(column)) {
            *cell = value;
        }
    };
    (0..count).for_each(|at| put(at, at, 1.0));
    for it in &whole.head.comparisons {
        if let (Some(row), Some(column)) = (at(it.criterion), at(it.with)) {
            put(row, column, it.times);
            put(column, row, 1.0 / it.times);
        }
    }
    let lacking = matrix.iter().flatten().filter(|cell| cell.is_nan()).count() / 2;
    if lacking == 0 { Ok(matrix) } else { Err(lacking) }
}
