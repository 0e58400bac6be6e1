//! From scores to what follows: order, second opinions, how firm it is. Pure: reads rows and asks nobody.

mod firmness;
mod opinions;
mod words;

use crate::evaluate::missing;
use crate::outlook::{Cell, Named, Outlook, Ranking, RankingPart, SessionInfo};
use crate::{Message, PairOutcome};
use docket::{CriterionRow, History, OptionRow, ScoreRow, Whole};
use preference::{Order, Table, weighted_sum};

/// The digits of an id that seed chance, so that the same decision always gives the same figures.
const SEED_DIGITS: usize = 16;
/// The largest seed that a decision has by itself: clients in JavaScript know no larger whole number, and could not
/// send it back.
const SEED_MAX: u64 = (1 << 53) - 1;

/// A decision as a table of scores, and the order that follows.
pub(crate) struct Weighed<'a> {
    pub(crate) whole: &'a Whole,
    /// `None` where there is nothing to weigh: no criterion.
    pub(crate) table: Option<Table>,
    pub(crate) order: Option<Order>,
}

/// What a decision comes to.
pub(crate) fn outlook(whole: &Whole, history: Option<History>, seed: Option<u64>, draws: u32) -> Outlook {
    let weighed = Weighed::of(whole);
    let seed = seed.unwrap_or_else(|| own_seed(&whole.head.id));
    let sheet = weighed.sheet(seed, draws);
    // The sheet tells the flags of options and criteria beside them; whoever reads reasons alone finds them here.
    let reasons = sheet.cautions.iter().cloned().chain(words::flagged(whole)).collect();
    let head = &whole.head;
    Outlook {
        session_id: head.id.to_string(),
        version: head.version,
        complete: !whole.criteria.is_empty() && sheet.missing.is_empty(),
        matrix: weighed.matrix(),
        rankings: weighed.rankings(),
        recommendation: sheet.recommendation.clone(),
        criteria_weights: Named(whole.criteria.iter().map(|it| (it.name.clone(), it.weight)).collect()),
        evaluation_timestamp: head.evaluated_ms.map(calendar::rfc3339),
        session_info: SessionInfo {
            topic: head.topic.clone(),
            created_at: calendar::rfc3339(head.created_ms),
            evaluations_run: head.evaluations,
            model: head.model.clone(),
            model_backend: head.backend.clone(),
        },
        simulated: sheet.simulated,
        degraded: head.degraded || !sheet.missing.is_empty(),
        reasons,
        history: history.map(|history| messages(whole, &history)),
        sheet,
    }
}

fn own_seed(id: &str) -> u64 {
    let from = id.len().saturating_sub(SEED_DIGITS);
    id.get(from..).and_then(|digits| u64::from_str_radix(digits, 16).ok()).unwrap_or(0) & SEED_MAX
}

fn messages(whole: &Whole, history: &History) -> Vec<Message> {
    let mut messages = Vec::new();
    for option in &whole.options {
        for criterion in &whole.criteria {
            for said in history.get(&(option.id, criterion.id)).into_iter().flatten() {
                messages.push(Message {
                    option: option.name.clone(),
                    criterion: criterion.name.clone(),
                    model: said.model.clone(),
                    role: said.role.clone(),
                    content: said.content.clone(),
                    at_ms: said.at_ms,
                });
            }
        }
    }
    messages
}

impl<'a> Weighed<'a> {
    fn of(whole: &'a Whole) -> Self {
        let weights: Vec<f64> = whole.criteria.iter().map(|criterion| criterion.weight).collect();
        let scores = each(whole, |row| row.and_then(|row| row.score));
        let spreads = each(whole, |row| row.and_then(|row| row.spread).unwrap_or(0.0));
        let table = Table::new(&weights, &scores).and_then(|table| table.with_spread(&spreads));
        let table = table.inspect_err(|error| tracing::debug!(%error, "nothing to weigh")).ok();
        let order = table.as_ref().map(weighted_sum);
        Self { whole, table, order }
    }

    /// Whether there is any score.
    pub(crate) fn is_scored(&self) -> bool {
        self.whole.current().any(|(_, _, row)| row.and_then(|row| row.score).is_some())
    }

    fn matrix(&self) -> Named<Named<Cell>> {
        let row = |option: &OptionRow| {
            let cell = |criterion: &CriterionRow| (criterion.name.clone(), self.cell(option, criterion));
            (option.name.clone(), Named(self.whole.criteria.iter().map(cell).collect()))
        };
        Named(self.whole.options.iter().map(row).collect())
    }

    fn cell(&self, option: &OptionRow, criterion: &CriterionRow) -> Cell {
        let Some(row) = self.whole.current_row(option, criterion) else {
            let reason = missing(self.whole, option, criterion).reason;
            let (raw_score, weighted_score, confidence) = (None, None, None);
            return Cell {
                raw_score,
                weighted_score,
                justification: reason,
                outcome: "missing".to_owned(),
                confidence,
            };
        };
        Cell {
            raw_score: row.score,
            weighted_score: row.score.map(|score| score * criterion.weight),
            justification: said(row).to_owned(),
            outcome: row.outcome.name().to_owned(),
            confidence: row.confidence,
        }
    }

    fn rankings(&self) -> Vec<Ranking> {
        let ranking = |(at, rank): (usize, usize)| {
            let option = self.whole.options.get(at)?;
            let part = |criterion: &CriterionRow| {
                let row = self.whole.current_row(option, criterion);
                let score = row.and_then(|row| row.score);
                RankingPart {
                    criterion: criterion.name.clone(),
                    weight: criterion.weight,
                    score,
                    weighted_score: score.map(|score| score * criterion.weight),
                    justification: row.map_or("", said).to_owned(),
                }
            };
            let breakdown = self.whole.criteria.iter().map(part).collect();
            Some(Ranking { option: option.name.clone(), weighted_total: self.total(at), breakdown, rank })
        };
        self.places().into_iter().filter_map(ranking).collect()
    }

    /// The options in order, each with its place; those that share one in the order in which they were added.
    pub(crate) fn places(&self) -> Vec<(usize, usize)> {
        let Some(order) = &self.order else {
            return (0..self.whole.options.len()).map(|at| (at, 1)).collect();
        };
        places(order)
    }

    pub(crate) fn total(&self, option: usize) -> f64 {
        self.order.as_ref().and_then(|order| order.totals.get(option).copied().flatten()).unwrap_or(0.0)
    }

    pub(crate) fn option(&self, at: usize) -> String {
        self.whole.options.get(at).map_or_else(String::new, |option| option.name.clone())
    }

    pub(crate) fn criterion(&self, at: usize) -> String {
        self.whole.criteria.get(at).map_or_else(String::new, |criterion| criterion.name.clone())
    }

    /// Names of options, in words.
    pub(crate) fn named(&self, options: &[usize]) -> String {
        let names: Vec<String> = options.iter().map(|at| self.option(*at)).collect();
        match names.split_last() {
            Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
            _ => names.join(""),
        }
    }
}

/// The options of an order, each with its place.
pub(crate) fn places(order: &Order) -> Vec<(usize, usize)> {
    let mut places = Vec::with_capacity(order.totals.len());
    for group in &order.ranked {
        let rank = places.len() + 1;
        places.extend(group.iter().map(|option| (*option, rank)));
    }
    places
}

/// Why a score, or why none.
fn said(row: &ScoreRow) -> &str {
    if row.outcome == PairOutcome::Scored { &row.justification } else { &row.reason }
}

/// Something of each pair, a list per option.
fn each<T>(whole: &Whole, of: impl Fn(Option<&ScoreRow>) -> T) -> Vec<Vec<T>> {
    let row = |option: &OptionRow| whole.criteria.iter().map(|it| of(whole.current_row(option, it))).collect();
    whole.options.iter().map(row).collect()
}
