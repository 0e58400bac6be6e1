//! Krippendorff's alpha: how far observers who rated the same units agree beyond chance. Knows no question and no model.
//!
//! It is about a batch of units and the observers' reliability, never about one unit, and says nothing on who is right.

use crate::{Interval, ROUNDS, block_bootstrap};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Observers, at most.
pub const OBSERVERS_MAX: usize = 256;
/// Units, at most.
pub const UNITS_MAX: usize = 10_000;
/// Ratings in all, at most: the interval takes a thousand passes over them.
pub const RATINGS_MAX: usize = 20_000;
/// Different values at the level `ratio`, at most, because every two of them are compared.
pub const RATIO_VALUES_MAX: usize = 200;

/// What may be done with the values, and so how far apart two of them are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Names: two values are the same or not.
    #[default]
    Nominal,
    /// An order: how many ratings lie between two values.
    Ordinal,
    /// Figures whose differences mean something, such as degrees.
    Interval,
    /// Figures from 0 up whose quotients mean something, such as metres.
    Ratio,
}

impl Level {
    /// The level as settings and reports spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Nominal => "nominal",
            Self::Ordinal => "ordinal",
            Self::Interval => "interval",
            Self::Ratio => "ratio",
        }
    }
}

/// One rating.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Rating {
    /// A figure.
    Number(f64),
    /// A word; only names can be words.
    Text(String),
}

/// How far observers agree.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Reliability {
    /// Krippendorff's alpha: 1 for full agreement, 0 for what chance would give, below 0 for less.
    pub alpha: f64,
    /// The 95 % interval of alpha, by resampling units; absent where too few units vary.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
    /// The level that the values were compared at.
    pub level: Level,
    /// Units that two or more observers rated; the others say nothing about agreement.
    pub units: usize,
    /// Observers, those without a rating too.
    pub observers: usize,
    /// Pairs of ratings of one unit that were compared.
    pub pairs: u64,
    /// Fleiss' kappa, at the level `nominal` where nothing is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kappa: Option<f64>,
}

/// Why there is no alpha.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ReliabilityError {
    /// Fewer than two observers.
    #[error("there are {0} observers, agreement takes two or more")]
    FewObservers(usize),
    /// The rows are not equally long.
    #[error("observer {observer} has {found} ratings and the first has {expected}")]
    Ragged {
        /// Which, from 1.
        observer: usize,
        /// Its ratings.
        found: usize,
        /// Those of the first.
        expected: usize,
    },
    /// More than a limit.
    #[error("{found} {what} are more than the {most} that are compared at once")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// The limit.
        most: usize,
    },
    /// A word, or a figure that the level does not know.
    #[error("observer {observer} rates unit {unit} `{value}`, which the level `{}` cannot compare", level.as_str())]
    Value {
        /// Which observer, from 1.
        observer: usize,
        /// Which unit, from 1.
        unit: usize,
        /// What stands there.
        value: String,
        /// The level asked for.
        level: Level,
    },
    /// No unit has two ratings.
    #[error("no unit was rated by two observers, so there is nothing to compare")]
    NoPairs,
    /// All ratings are the same.
    #[error("all ratings that can be compared are the same, so alpha is not defined")]
    NoVariation,
}

impl ReliabilityError {
    /// What to do next.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::FewObservers(_) => "give one list of ratings per observer",
            Self::Ragged { .. } => "give every observer one entry per unit, `null` where a rating is missing",
            Self::TooMany { .. } => "give fewer, such as a random sample of the units",
            Self::Value { level: Level::Ratio, .. } => "ratios take figures from 0 up; use `interval` or `nominal`",
            Self::Value { .. } => "give finite figures, or use the level `nominal`",
            Self::NoPairs => "let at least one unit be rated by two observers",
            Self::NoVariation => "include units on which the ratings differ: without any, chance agreement is total",
        }
    }
}

/// Krippendorff's alpha of `ratings`, one row per observer with one entry per unit, with its interval.
///
/// Missing ratings are `None`. Chance is `seed`: the same call gives the same interval.
///
/// # Errors
///
/// See [`ReliabilityError`]; all of them are the caller's.
///
/// Source: Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011).
pub fn reliability(ratings: &[Vec<Option<Rating>>], level: Level, seed: u64) -> Result<Reliability, ReliabilityError> {
    sized(ratings)?;
    let table = Table::of(ratings, level)?;
    let all: Vec<f64> = (0..table.units.len()).map(|unit| unit as f64).collect();
    if all.is_empty() {
        return Err(ReliabilityError::NoPairs);
    }
    let alpha = table.alpha(&all);
    if alpha.is_nan() {
        return Err(ReliabilityError::NoVariation);
    }
    // Units are what was sampled, so whole units are drawn again: each block is the number of one.
    let blocks: Vec<Vec<f64>> = all.iter().map(|unit| vec![*unit]).collect();
    let interval = block_bootstrap(&blocks, ROUNDS, seed, |drawn| table.alpha(drawn));
    let pairs = table.units.iter().map(|codes| (codes.len() * (codes.len() - 1) / 2) as u64).sum();
    let whole = ratings.iter().flatten().all(Option::is_some);
    let kappa = (level == Level::Nominal && whole).then(|| table.kappa()).filter(|kappa| kappa.is_finite());
    Ok(Reliability { alpha, interval, level, units: table.units.len(), observers: ratings.len(), pairs, kappa })
}

fn sized(ratings: &[Vec<Option<Rating>>]) -> Result<(), ReliabilityError> {
    let observers = ratings.len();
    let units = ratings.first().map_or(0, Vec::len);
    if observers < 2 {
        return Err(ReliabilityError::FewObservers(observers));
    }
    if let Some((at, row)) = ratings.iter().enumerate().find(|(_, row)| row.len() != units) {
        return Err(ReliabilityError::Ragged { observer: at + 1, found: row.len(), expected: units });
    }
    let limits = [
        ("observers", observers, OBSERVERS_MAX),
        ("units", units, UNITS_MAX),
        ("ratings", observers * units, RATINGS_MAX),
    ];
    match limits.into_iter().find(|(_, found, most)| found > most) {
        Some((what, found, most)) => Err(ReliabilityError::TooMany { what, found, most }),
        None => Ok(()),
    }
}

/// Ratings that can be compared, as numbers of values.
struct Table {
    level: Level,
    /// What each number stands for, ascending and brought into range; the numbers themselves where values are names.
    values: Vec<f64>,
    /// The ratings of each unit that has two or more.
    units: Vec<Vec<usize>>,
    /// How far each unit's ratings lie apart; empty where that hangs on which units were drawn.
    apart: Vec<f64>,
}

/// A value that can be looked up: names by their spelling, figures by their size.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Figure(u64),
    Name(String),
}

impl Table {
    fn of(ratings: &[Vec<Option<Rating>>], level: Level) -> Result<Self, ReliabilityError> {
        let mut keyed: Vec<Vec<Key>> = vec![Vec::new(); ratings.first().map_or(0, Vec::len)];
        for (observer, row) in ratings.iter().enumerate() {
            for ((unit, rating), keys) in row.iter().enumerate().zip(&mut keyed) {
                let Some(rating) = rating else { continue };
                let (observer, unit) = (observer + 1, unit + 1);
                let wrong = || ReliabilityError::Value { observer, unit, value: spelt(rating), level };
                keys.push(key(rating, level).ok_or_else(wrong)?);
            }
        }
        keyed.retain(|keys| keys.len() > 1);
        let mut codes: BTreeMap<Key, usize> = keyed.iter().flatten().map(|key| (key.clone(), 0)).collect();
        codes.values_mut().enumerate().for_each(|(at, code)| *code = at);
        if level == Level::Ratio && codes.len() > RATIO_VALUES_MAX {
            let (what, found, most) = ("different values", codes.len(), RATIO_VALUES_MAX);
            return Err(ReliabilityError::TooMany { what, found, most });
        }
        // A name has no figure that could not be another rating's, so at this level all go by their numbers.
        let value = |(key, code): (&Key, &usize)| match key {
            Key::Figure(ordered) if level != Level::Nominal => from_ordered(*ordered),
            _ => *code as f64,
        };
        let values = in_range(codes.iter().map(value).collect(), level);
        let of_unit = |keys: &Vec<Key>| keys.iter().filter_map(|key| codes.get(key).copied()).collect();
        let mut table = Self { level, values, units: keyed.iter().map(of_unit).collect(), apart: Vec::new() };
        if level != Level::Ordinal {
            table.apart = table.units.iter().map(|codes| table.disagreement(codes, &table.values)).collect();
        }
        Ok(table)
    }

    /// Alpha of the units with these numbers, each as often as it is named; no number where nothing varies.
    ///
    /// 1 − (n − 1) · Σ observed / Σ expected, where a unit of m ratings adds each of its pairs with 1 / (m − 1).
    fn alpha(&self, drawn: &[f64]) -> f64 {
        let units = || drawn.iter().filter_map(|unit| self.units.get(*unit as usize));
        let mut counts = vec![0.0; self.values.len()];
        units().flatten().for_each(|code| counts[*code] += 1.0);
        // One value alone varies in nothing but what rounding adds.
        if counts.iter().filter(|count| **count > 0.0).count() < 2 {
            return f64::NAN;
        }
        let n: f64 = counts.iter().sum();
        let places = self.places(&counts);
        let observed: f64 = match self.level {
            Level::Ordinal => units().map(|codes| self.disagreement(codes, &places)).sum(),
            _ => drawn.iter().filter_map(|unit| self.apart.get(*unit as usize)).sum(),
        };
        let expected = self.expected(&counts, &places);
        if expected > 0.0 { 1.0 - (n - 1.0) * observed / expected } else { f64::NAN }
    }

    /// Where each value lies: at its middle rank where only the order counts, else at itself.
    fn places(&self, counts: &[f64]) -> Vec<f64> {
        if self.level != Level::Ordinal {
            return self.values.clone();
        }
        let mut below = 0.0;
        let middle = |count: &f64| {
            let middle = below + count / 2.0;
            below += count;
            middle
        };
        counts.iter().map(middle).collect()
    }

    /// The squared distances of a unit's pairs, over its ratings less one.
    fn disagreement(&self, codes: &[usize], places: &[f64]) -> f64 {
        let m = codes.len() as f64;
        if matches!(self.level, Level::Ordinal | Level::Interval) {
            let mean = codes.iter().map(|code| places[*code]).sum::<f64>() / m;
            let squares = codes.iter().map(|code| (places[*code] - mean) * (places[*code] - mean));
            return m * squares.sum::<f64>() / (m - 1.0);
        }
        let mut sum = 0.0;
        for (at, a) in codes.iter().enumerate() {
            sum += codes.iter().skip(at + 1).map(|b| self.distance(places[*a], places[*b])).sum::<f64>();
        }
        sum / (m - 1.0)
    }

    fn distance(&self, a: f64, b: f64) -> f64 {
        match self.level {
            Level::Nominal => f64::from(u8::from(a != b)),
            Level::Ordinal | Level::Interval => (a - b) * (a - b),
            Level::Ratio if a == b => 0.0,
            Level::Ratio => ((a - b) / (a + b)).powi(2),
        }
    }

    /// The squared distances of all pairs of ratings, whatever their units. In closed form where there is one.
    fn expected(&self, counts: &[f64], places: &[f64]) -> f64 {
        let n: f64 = counts.iter().sum();
        let weighed = || counts.iter().zip(places);
        match self.level {
            Level::Nominal => (n * n - counts.iter().map(|count| count * count).sum::<f64>()) / 2.0,
            Level::Ordinal | Level::Interval => {
                let mean = weighed().map(|(count, place)| count * place).sum::<f64>() / n;
                n * weighed().map(|(count, place)| count * (place - mean) * (place - mean)).sum::<f64>()
            }
            Level::Ratio => {
                let others = |at: usize, a: f64| -> f64 {
                    weighed().skip(at + 1).map(|(count, b)| count * self.distance(a, *b)).sum()
                };
                weighed().enumerate().map(|(at, (count, place))| count * others(at, *place)).sum()
            }
        }
    }

    /// Fleiss' kappa, where every unit has as many ratings.
    fn kappa(&self) -> f64 {
        let units = self.units.len() as f64;
        let raters = self.units.first().map_or(0, Vec::len) as f64;
        let mut counts = vec![0.0; self.values.len()];
        self.units.iter().flatten().for_each(|code| counts[*code] += 1.0);
        let by_chance: f64 = counts.iter().map(|count| count / (units * raters)).map(|share| share * share).sum();
        let differ: f64 = self.units.iter().map(|codes| self.disagreement(codes, &self.values)).sum();
        let agreed = 1.0 - 2.0 * differ / (units * raters);
        (agreed - by_chance) / (1.0 - by_chance)
    }
}

/// Figures from 0 to 1 that lie as these do, so that no square of them overflows or vanishes: alpha changes neither with
/// the unit of figures nor, where only differences count, with where they begin.
fn in_range(values: Vec<f64>, level: Level) -> Vec<f64> {
    let (Some(first), Some(last)) = (values.first().copied(), values.last().copied()) else { return values };
    // Half of each, as the difference of two figures may be larger than any figure is.
    let (largest, span) = (first.abs().max(last.abs()), last / 2.0 - first / 2.0);
    match level {
        Level::Interval if span > 0.0 => values.iter().map(|value| (value / 2.0 - first / 2.0) / span).collect(),
        Level::Ratio if largest > 0.0 => values.iter().map(|value| value / largest).collect(),
        _ => values,
    }
}

fn key(rating: &Rating, level: Level) -> Option<Key> {
    match rating {
        Rating::Text(text) => (level == Level::Nominal).then(|| Key::Name(text.trim().to_owned())),
        Rating::Number(value) => {
            let fits = value.is_finite() && (level != Level::Ratio || *value >= 0.0);
            fits.then(|| Key::Figure(ordered(*value)))
        }
    }
}

/// The bits of a figure such that larger figures have larger ones; both zeros are one.
fn ordered(value: f64) -> u64 {
    let bits = (value + 0.0).to_bits();
    if bits >> 63 == 0 { bits | 1 << 63 } else { !bits }
}

fn from_ordered(bits: u64) -> f64 {
    f64::from_bits(if bits >> 63 == 1 { bits & !(1 << 63) } else { !bits })
}

fn spelt(rating: &Rating) -> String {
    match rating {
        Rating::Number(value) => value.to_string(),
        Rating::Text(text) => text.chars().take(40).collect(),
    }
}

#[cfg(test)]
#[path = "alpha_tests.rs"]
mod tests;
