//! How densely arrivals lie at each share of a run, and where a draw falls. Knows no duration and no count: time runs
//! from 0 to 1, and only how rates compare matters.

use fastrand::Rng;

use super::exponential;
use crate::scenario::Pattern;

/// `burst`: the share of time that is busy.
const BUSY_SHARE: f64 = 0.2;
/// `burst`: how many times the quiet rate the busy one is.
const BUSY_RATE: f64 = 5.0;
/// `burst`: how long a busy period lasts on average, as a share of the run.
const BUSY_LENGTH: f64 = 0.05;
/// `spike`: from when to when it lasts.
const SPIKE: (f64, f64) = (0.5, 2.0 / 3.0);
/// `spike`: how many times the quiet rate it is.
const SPIKE_RATE: f64 = 8.0;
/// `realistic`: its corners, as moment and rate.
const REALISTIC: [(f64, f64); 6] = [(0.0, 0.0), (0.2, 1.0), (0.5, 1.0), (0.6, 0.4), (0.8, 1.6), (1.0, 0.6)];

/// A rate over the time from 0 to 1, made of straight lines; it may jump between two of them.
pub(super) struct Intensity {
    /// In the order of time, without a gap.
    lines: Vec<Line>,
}

/// A stretch of time over which the rate goes straight from one value to another.
struct Line {
    from: f64,
    until: f64,
    /// The rate at either end.
    rates: (f64, f64),
    /// The integral of the rate from 0 to this line's end.
    total: f64,
}

impl Intensity {
    /// That of a pattern. Only `burst` draws anything.
    pub(super) fn of(pattern: Pattern, rng: &mut Rng) -> Self {
        let (from, until) = SPIKE;
        match pattern {
            Pattern::Sustained => Self::new(&[(0.0, 1.0), (1.0, 1.0)]),
            Pattern::Ramp => Self::new(&[(0.0, 0.0), (1.0, 1.0)]),
            Pattern::Realistic => Self::new(&REALISTIC),
            Pattern::Spike => Self::steps([(from, 1.0), (until - from, SPIKE_RATE), (1.0 - until, 1.0)]),
            Pattern::Burst => Self::steps(periods(rng).into_iter().map(|(length, busy)| {
                let rate = if busy { BUSY_RATE } else { 1.0 };
                (length, rate)
            })),
        }
    }

    /// Straight lines from corner to corner (moment and rate).
    fn new(corners: &[(f64, f64)]) -> Self {
        let mut intensity = Self { lines: Vec::new() };
        for (&(from, rate), &(until, next)) in corners.iter().zip(corners.iter().skip(1)) {
            intensity.push(from, until, (rate, next));
        }
        intensity
    }

    /// Constant rates one after the other (length and rate).
    fn steps(steps: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let mut intensity = Self { lines: Vec::new() };
        let mut from = 0.0;
        for (length, rate) in steps {
            intensity.push(from, from + length, (rate, rate));
            from += length;
        }
        intensity
    }

    fn push(&mut self, from: f64, until: f64, rates: (f64, f64)) {
        let total = self.total() + (until - from) * (rates.0 + rates.1) / 2.0;
        self.lines.push(Line { from, until, rates, total });
    }

    fn total(&self) -> f64 {
        self.lines.last().map_or(0.0, |line| line.total)
    }

    /// The moment before which the share `draw` (0 to 1) of all arrivals is expected: the inverse of the integral of the
    /// rate, so that even draws become moments of this density. Never before one of a smaller draw.
    pub(super) fn moment(&self, draw: f64) -> f64 {
        let area = draw * self.total();
        let at = self.lines.partition_point(|line| line.total <= area);
        let before = at.checked_sub(1).and_then(|at| self.lines.get(at)).map_or(0.0, |line| line.total);
        self.lines.get(at).map_or(1.0, |line| line.moment(area - before))
    }
}

#[cfg(test)]
impl Intensity {
    /// The share of all arrivals expected before a moment.
    pub(super) fn share(&self, at: f64) -> f64 {
        let area = |line: &Line| {
            let passed = at.clamp(line.from, line.until) - line.from;
            let slope = (line.rates.1 - line.rates.0) / (line.until - line.from);
            line.rates.0 * passed + slope * passed * passed / 2.0
        };
        self.lines.iter().map(area).sum::<f64>() / self.total()
    }
}

impl Line {
    /// The moment by which the integral of the rate, from this line's start, is `area`: the root of
    /// `rate·x + slope/2·x² = area` in the form that neither cancels nor needs a slope.
    fn moment(&self, area: f64) -> f64 {
        let length = self.until - self.from;
        let (rate, next) = self.rates;
        let slope = (next - rate) / length;
        let root = (rate * rate + 2.0 * slope * area).max(0.0).sqrt();
        let passed = if area > 0.0 { 2.0 * area / (rate + root) } else { 0.0 };
        self.from + passed.min(length)
    }
}

/// Quiet and busy periods in turn, as length and whether busy. Lengths are exponential, as of a process that forgets how
/// long it has been in its state, then stretched alike so that together the busy ones are exactly their share of the time:
/// short runs would otherwise be mostly busy or never.
pub(super) fn periods(rng: &mut Rng) -> Vec<(f64, bool)> {
    let quiet_length = BUSY_LENGTH * (1.0 - BUSY_SHARE) / BUSY_SHARE;
    let mut busy = rng.f64() < BUSY_SHARE;
    let (mut periods, mut busy_s, mut quiet_s) = (Vec::new(), 0.0, 0.0);
    while busy_s + quiet_s < 1.0 || busy_s == 0.0 || quiet_s == 0.0 {
        let length = exponential(rng) * if busy { BUSY_LENGTH } else { quiet_length };
        *(if busy { &mut busy_s } else { &mut quiet_s }) += length;
        periods.push((length, busy));
        busy = !busy;
    }
    for (length, busy) in &mut periods {
        *length *= if *busy { BUSY_SHARE / busy_s } else { (1.0 - BUSY_SHARE) / quiet_s };
    }
    periods
}
