//! The draws themselves: flat lists, no allocation per draw, one pass over the cells. Sees options and criteria in the
//! order of their content.

use crate::canon::Canon;
use crate::elementary::{exp, ln};
use crate::random::{Normal, Random};
use crate::{Draws, Scale, TIE, Table, Weights};

/// What was counted, options and criteria in the order of their content.
pub(crate) struct Tally {
    /// Per option: in how many draws it came first; where several did, each gets its part.
    pub(crate) first: Vec<f64>,
    /// Flat, option by option: the weights that it came first with, added up.
    pub(crate) weights: Vec<f64>,
}

/// A score with noise.
struct Noisy {
    /// Where it stands.
    at: usize,
    score: f64,
    spread: f64,
}

/// The cells as the draws read them: flat, criterion by criterion.
struct Cells {
    options: usize,
    scale: Scale,
    /// What each cell is worth; 0 where there is none.
    worths: Vec<f64>,
    /// 1 where there is a score, else 0; `None` where none is missing.
    present: Option<Vec<f64>>,
    noisy: Vec<Noisy>,
}

/// What one draw needs, and the next uses again.
struct Drawn {
    weights: Vec<f64>,
    worths: Vec<f64>,
    totals: Vec<f64>,
    /// The weight of the cells that each option has.
    of_cells: Vec<f64>,
}

/// Draws and counts.
pub(crate) fn tally(table: &Table, canon: &Canon, draws: &Draws) -> Tally {
    let criteria = table.criteria();
    let cells = Cells::of(table, canon, draws.spread);
    let given: Vec<f64> = canon.criteria.iter().filter_map(|at| table.weights().get(*at).copied()).collect();
    let (mut random, normal) = (Random::new(draws.seed), Normal::new());
    let mut tally = Tally { first: vec![0.0; cells.options], weights: vec![0.0; cells.options * criteria] };
    let mut drawn = Drawn {
        weights: vec![0.0; criteria],
        worths: cells.worths.clone(),
        totals: vec![0.0; cells.options],
        of_cells: vec![0.0; cells.options],
    };
    for _ in 0..draws.count {
        weigh(&mut drawn.weights, &given, draws.weights, &mut random);
        cells.shake(&mut drawn.worths, &normal, &mut random);
        cells.add(&mut drawn);
        tally.count(&drawn, TIE * cells.scale.length());
    }
    tally
}

/// Draws weights whose sum is 1.
fn weigh(weights: &mut [f64], given: &[f64], how: Weights, random: &mut Random) {
    match how {
        Weights::Given => weights.copy_from_slice(given),
        Weights::Around { factor } => {
            let reach = ln(factor);
            let drawn = |given: &f64| given * exp(reach * (2.0 * random.uniform() - 1.0));
            weights.iter_mut().zip(given.iter().map(drawn)).for_each(|(weight, drawn)| *weight = drawn);
        }
        Weights::Uniform => weights.iter_mut().for_each(|weight| *weight = random.exponential()),
    }
    let sum: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|weight| *weight /= sum);
}

impl Cells {
    fn of(table: &Table, canon: &Canon, with_spread: bool) -> Self {
        let (mut worths, mut present, mut noisy) = (Vec::new(), Vec::new(), Vec::new());
        for criterion in &canon.criteria {
            for option in &canon.options {
                let cell = |cells: &[f64]| cells.get(*criterion).copied().unwrap_or(f64::NAN);
                let (score, spread) = (cell(table.worths(*option)), cell(table.spreads(*option)));
                if with_spread && spread > 0.0 && !score.is_nan() {
                    noisy.push(Noisy { at: worths.len(), score, spread });
                }
                worths.push(if score.is_nan() { 0.0 } else { score });
                present.push(if score.is_nan() { 0.0 } else { 1.0 });
            }
        }
        let present = present.contains(&0.0).then_some(present);
        Self { options: table.options(), scale: table.scale(), worths, present, noisy }
    }

    /// Gives each noisy score its noise.
    fn shake(&self, worths: &mut [f64], normal: &Normal, random: &mut Random) {
        let Scale { lo, hi } = self.scale;
        for Noisy { at, score, spread } in &self.noisy {
            let shaken = (score + spread * normal.draw(random)).clamp(lo, hi);
            worths.get_mut(*at).into_iter().for_each(|worth| *worth = shaken);
        }
    }

    /// The weighted sum of each option.
    fn add(&self, drawn: &mut Drawn) {
        add_up(&mut drawn.totals, &drawn.worths, &drawn.weights);
        let Some(present) = &self.present else { return };
        add_up(&mut drawn.of_cells, present, &drawn.weights);
        for (total, weight) in drawn.totals.iter_mut().zip(&drawn.of_cells) {
            *total = if *weight > 0.0 { *total / weight } else { f64::NEG_INFINITY };
        }
    }
}

/// Per option the sum over criteria of cell times weight. Options stand side by side, so that several are added at once.
fn add_up(sums: &mut [f64], cells: &[f64], weights: &[f64]) {
    sums.fill(0.0);
    for (column, weight) in cells.chunks_exact(sums.len()).zip(weights) {
        sums.iter_mut().zip(column).for_each(|(sum, cell)| *sum += weight * cell);
    }
}

impl Tally {
    /// Counts who came first in a draw.
    fn count(&mut self, drawn: &Drawn, tie: f64) {
        let best = drawn.totals.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if best == f64::NEG_INFINITY {
            return;
        }
        let is_first = |total: f64| total >= best - tie;
        let sharing = drawn.totals.iter().filter(|total| is_first(**total)).count();
        let part = 1.0 / sharing as f64;
        let rows = self.weights.chunks_exact_mut(drawn.weights.len());
        for ((first, row), _) in
            self.first.iter_mut().zip(rows).zip(&drawn.totals).filter(|(_, total)| is_first(**total))
        {
            *first += part;
            row.iter_mut().zip(&drawn.weights).for_each(|(sum, weight)| *sum += part * weight);
        }
    }
}
