//! A sheet that can be looked up: which pair stands where, what has no score and why, who is first. Made once, in one
//! pass over each list. Computes no total and no order.

use crate::{Chance, Missing, Outcome, Pair, Ranked, Sheet};
use std::collections::HashMap;

/// What stands where nobody said why a pair has no score.
const UNSAID: &str = "no reason was given";

/// A sheet with its lists by place. Places are those in the sheet's `options` and `criteria`.
pub(crate) struct View<'a> {
    /// What is looked at.
    pub(crate) sheet: &'a Sheet,
    options: HashMap<&'a str, usize>,
    criteria: HashMap<&'a str, usize>,
    cells: Vec<Option<&'a Pair>>,
    unasked: HashMap<(usize, usize), &'a str>,
    ranked: Vec<Option<&'a Ranked>>,
    chances: Vec<Option<&'a Chance>>,
    order: Vec<usize>,
}

/// Pairs that have no score for the same reason.
pub(crate) struct Gap<'a> {
    /// What became of them.
    pub(crate) outcome: Outcome,
    /// Why.
    pub(crate) reason: &'a str,
    /// Which, each with the places of its option and its criterion.
    pub(crate) pairs: Vec<(usize, usize)>,
}

/// How many pairs there are of each outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// All.
    pub(crate) pairs: u64,
    /// With a score.
    pub(crate) scored: u64,
    /// With a score that a script gave.
    pub(crate) simulated: u64,
    /// Without one because nobody could judge.
    pub(crate) abstained: u64,
    /// Without one because nobody could be asked.
    pub(crate) failed: u64,
    /// Not asked yet.
    pub(crate) missing: u64,
}

impl<'a> View<'a> {
    pub(crate) fn new(sheet: &'a Sheet) -> Self {
        let options = places(sheet.options.iter().map(|option| option.name.as_str()));
        let criteria = places(sheet.criteria.iter().map(|criterion| criterion.name.as_str()));
        let mut cells = vec![None; sheet.options.len() * sheet.criteria.len()];
        let place = |option: &str, criterion: &str| Some((*options.get(option)?, *criteria.get(criterion)?));
        for pair in &sheet.pairs {
            let at = place(&pair.option, &pair.criterion).map(|(row, column)| row * sheet.criteria.len() + column);
            if let Some(cell) = at.and_then(|at| cells.get_mut(at)) {
                *cell = Some(pair);
            }
        }
        let reason = |one: &'a Missing| Some((place(&one.option, &one.criterion)?, one.reason.as_str()));
        let unasked = sheet.missing.iter().filter_map(reason).collect();
        let mut ranked = vec![None; sheet.options.len()];
        let mut order = Vec::with_capacity(sheet.options.len());
        for one in &sheet.ranking {
            let place = options.get(one.option.as_str()).and_then(|&at| Some((at, ranked.get_mut(at)?)));
            if let Some((at, free @ None)) = place {
                *free = Some(one);
                order.push(at);
            }
        }
        order.extend((0..ranked.len()).filter(|&at| ranked.get(at).is_some_and(Option::is_none)));
        let mut chances = vec![None; sheet.options.len()];
        for chance in sheet.first_share.iter().flat_map(|share| &share.options) {
            if let Some(place) = options.get(chance.option.as_str()).and_then(|&at| chances.get_mut(at)) {
                *place = Some(chance);
            }
        }
        Self { sheet, options, criteria, cells, unasked, ranked, chances, order }
    }

    /// The places of the options from first to last; those without a place come last, as they were added.
    pub(crate) fn order(&self) -> &[usize] {
        &self.order
    }

    /// Where an option of this name is.
    pub(crate) fn option(&self, name: &str) -> Option<usize> {
        self.options.get(name).copied()
    }

    /// Where a criterion of this name is.
    pub(crate) fn criterion(&self, name: &str) -> Option<usize> {
        self.criteria.get(name).copied()
    }

    /// Its place in the ranking.
    pub(crate) fn ranked(&self, option: usize) -> Option<&'a Ranked> {
        self.ranked.get(option).copied().flatten()
    }

    /// How often it is first.
    pub(crate) fn chance(&self, option: usize) -> Option<&'a Chance> {
        self.chances.get(option).copied().flatten()
    }

    /// What a pair was given.
    pub(crate) fn pair(&self, option: usize, criterion: usize) -> Option<&'a Pair> {
        let width = self.sheet.criteria.len();
        self.cells.get(option * width + criterion).copied().flatten().filter(|_| criterion < width)
    }

    /// What became of a pair. One that is said to be scored and has no figure counts as not asked.
    pub(crate) fn outcome(&self, option: usize, criterion: usize) -> Outcome {
        match self.pair(option, criterion) {
            Some(pair) if pair.outcome == Outcome::Scored && self.score(option, criterion).is_none() => {
                Outcome::Missing
            }
            Some(pair) => pair.outcome,
            None => Outcome::Missing,
        }
    }

    /// A pair's score.
    pub(crate) fn score(&self, option: usize, criterion: usize) -> Option<f64> {
        let pair = self.pair(option, criterion).filter(|pair| pair.outcome == Outcome::Scored)?;
        pair.score.filter(|score| score.is_finite())
    }

    /// Why a pair has no score.
    pub(crate) fn reason(&self, option: usize, criterion: usize) -> &'a str {
        let said = self.pair(option, criterion).map_or("", |pair| pair.reason.as_str());
        let listed = || self.unasked.get(&(option, criterion)).copied().unwrap_or_default();
        match (said, listed(), self.outcome(option, criterion)) {
            ("", "", Outcome::Missing) => "not asked yet",
            ("", "", _) => UNSAID,
            ("", listed, _) => listed,
            (said, ..) => said,
        }
    }

    /// Why a pair has its score, or why it has none.
    pub(crate) fn said(&self, option: usize, criterion: usize) -> &'a str {
        match (self.pair(option, criterion), self.score(option, criterion)) {
            (Some(pair), Some(_)) => &pair.justification,
            _ => self.reason(option, criterion),
        }
    }

    /// All pairs, by option in the order of the ranking and then by criterion.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        let width = self.sheet.criteria.len();
        self.order.iter().flat_map(move |&option| (0..width).map(move |criterion| (option, criterion)))
    }

    /// How many pairs there are of each outcome.
    pub(crate) fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for (option, criterion) in self.pairs() {
            counts.pairs += 1;
            match self.outcome(option, criterion) {
                Outcome::Scored => counts.scored += 1,
                Outcome::Abstained => counts.abstained += 1,
                Outcome::Failed => counts.failed += 1,
                Outcome::Missing => counts.missing += 1,
            }
            let simulated = self.pair(option, criterion).is_some_and(|pair| pair.simulated);
            counts.simulated += u64::from(simulated && self.score(option, criterion).is_some());
        }
        counts
    }

    /// The pairs without a score, those with the same reason together: first what failed, then what was not asked, then
    /// abstentions; each kind in the order in which it is met.
    pub(crate) fn gaps(&self) -> Vec<Gap<'a>> {
        let mut gaps: Vec<Gap<'a>> = Vec::new();
        let mut known: HashMap<(u8, &'a str), usize> = HashMap::new();
        for (option, criterion) in self.pairs() {
            let outcome = self.outcome(option, criterion);
            if outcome == Outcome::Scored {
                continue;
            }
            let reason = self.reason(option, criterion);
            let at = *known.entry((kind(outcome), reason)).or_insert(gaps.len());
            if at == gaps.len() {
                gaps.push(Gap { outcome, reason, pairs: Vec::new() });
            }
            if let Some(gap) = gaps.get_mut(at) {
                gap.pairs.push((option, criterion));
            }
        }
        gaps.sort_by_key(|gap| kind(gap.outcome));
        gaps
    }

    /// The options in the first place: none before anything was scored, several where they share it.
    pub(crate) fn first(&self) -> Vec<usize> {
        let leads = |&&option: &&usize| self.ranked(option).is_some_and(|one| one.rank == 1 && one.total > 0.0);
        self.order.iter().filter(leads).copied().collect()
    }

    /// Whether some option's scores do not cover all of the weight.
    pub(crate) fn uncovered(&self) -> bool {
        self.sheet.ranking.iter().any(|one| one.covered_weight < 0.9995)
    }
}

fn places<'a>(names: impl Iterator<Item = &'a str>) -> HashMap<&'a str, usize> {
    let mut places = HashMap::new();
    for (at, name) in names.enumerate() {
        places.entry(name).or_insert(at);
    }
    places
}

fn kind(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Failed => 0,
        Outcome::Missing => 1,
        Outcome::Abstained => 2,
        Outcome::Scored => 3,
    }
}
