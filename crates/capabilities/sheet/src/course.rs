//! What one weight does: each option's total while the weight of a criterion goes over its range and all others stay, and
//! who is first where. In closed form; knows no drawing, no words and no second weight.

use crate::view::View;
use crate::{WEIGHT_MAX, WEIGHT_MIN};

/// Totals that lie no further apart are equal: a billionth of the scale from 1 to 10.
const TIE: f64 = 9e-9;
/// Weights and scores beyond this size, and weights below one divided by it, are no figures of a decision.
const MAGNITUDE_MAX: f64 = 1e6;

/// What an option's total is made of: (`fixed` + x · `own`) / (`others` + x) at the weight x where it has a score by the
/// criterion, else `fixed` / `others`.
#[derive(Clone, Copy, Debug)]
struct Total {
    /// Σ(score · weight) over its scores by other criteria.
    fixed: f64,
    /// Σ(weight) over them.
    others: f64,
    /// Its score by this criterion.
    own: Option<f64>,
}

/// The weights from one change of the first place to the next.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stretch {
    /// Where it begins: [`WEIGHT_MIN`], or where the stretch before it ends.
    pub(crate) from: f64,
    /// Where it ends: [`WEIGHT_MAX`], or where others become first.
    pub(crate) to: f64,
    /// The places of the options that are first on all of it.
    pub(crate) first: Vec<usize>,
}

/// The options' totals by the weight of one criterion.
pub(crate) struct Course {
    /// Each option that has a score, by its place.
    totals: Vec<(usize, Total)>,
}

impl Course {
    /// Over the weights of this criterion; `None` where no two options have a score, or a figure is none of a decision.
    pub(crate) fn of(view: &View<'_>, criterion: usize) -> Option<Self> {
        let weights: Vec<f64> = view.sheet.criteria.iter().map(|criterion| criterion.weight).collect();
        let known = |weight: &f64| (MAGNITUDE_MAX.recip()..=MAGNITUDE_MAX).contains(weight);
        if !weights.iter().all(known) {
            return None;
        }
        let mut totals = Vec::new();
        for option in 0..view.sheet.options.len() {
            let mut total = Total { fixed: 0.0, others: 0.0, own: None };
            for (at, weight) in weights.iter().enumerate() {
                match view.score(option, at) {
                    Some(score) if score.abs() > MAGNITUDE_MAX => return None,
                    Some(score) if at == criterion => total.own = Some(score),
                    Some(score) => (total.fixed, total.others) = (total.fixed + score * weight, total.others + weight),
                    None => {}
                }
            }
            if total.own.is_some() || total.others > 0.0 {
                totals.push((option, total));
            }
        }
        (totals.len() > 1).then_some(Self { totals })
    }

    /// The places of the options that have a total.
    pub(crate) fn options(&self) -> impl Iterator<Item = usize> + '_ {
        self.totals.iter().map(|(option, _)| *option)
    }

    /// An option's total at a weight, in points; `None` where it has no score.
    pub(crate) fn total(&self, option: usize, weight: f64) -> Option<f64> {
        let at = self.totals.binary_search_by_key(&option, |(option, _)| *option).ok()?;
        self.totals.get(at).map(|(_, total)| total.at(weight))
    }

    /// The highest total at a weight.
    pub(crate) fn highest(&self, weight: f64) -> f64 {
        self.totals.iter().map(|(_, total)| total.at(weight)).fold(f64::NEG_INFINITY, f64::max)
    }

    /// Who is first, from [`WEIGHT_MIN`] to [`WEIGHT_MAX`] without a gap; never empty.
    pub(crate) fn stretches(&self) -> Vec<Stretch> {
        let mut stretches: Vec<Stretch> = Vec::new();
        let mut from = WEIGHT_MIN;
        // Two totals change places twice at most, so that nobody becomes first more often than there are others.
        for _ in 0..=self.totals.len() * self.totals.len() {
            let leader = self.leader(from);
            let overtaken = self.totals.iter().filter_map(|(_, rival)| leader.overtaken(*rival, from));
            let to = overtaken.fold(WEIGHT_MAX, f64::min);
            let first = self.first(from, to);
            match stretches.last_mut().filter(|before| before.first == first) {
                Some(before) => before.to = to,
                None => stretches.push(Stretch { from, to, first }),
            }
            if to >= WEIGHT_MAX {
                break;
            }
            from = to;
        }
        stretches
    }

    /// Who is first from a weight on: of those that are level there, whoever gains most.
    fn leader(&self, from: f64) -> Total {
        let highest = self.highest(from);
        let level = self.totals.iter().map(|(_, total)| *total).filter(|total| highest - total.at(from) <= TIE);
        let gains = |one: &Total, other: &Total| {
            one.slope(from).total_cmp(&other.slope(from)).then(one.at(WEIGHT_MAX).total_cmp(&other.at(WEIGHT_MAX)))
        };
        level.max_by(gains).unwrap_or(Total { fixed: 0.0, others: 1.0, own: None })
    }

    /// Whose totals are the highest between two weights: level at one point alone, they are not.
    fn first(&self, from: f64, to: f64) -> Vec<usize> {
        let points = [1.0 / 3.0, 2.0 / 3.0].map(|share| from * (to / from).powf(share));
        let highest = points.map(|point| self.highest(point));
        let leads =
            |total: &Total| points.iter().zip(highest).all(|(point, highest)| highest - total.at(*point) <= TIE);
        self.totals.iter().filter(|(_, total)| leads(total)).map(|(option, _)| *option).collect()
    }
}

impl Total {
    fn at(self, x: f64) -> f64 {
        match self.own {
            Some(own) => (self.fixed + x * own) / (self.others + x),
            None => self.fixed / self.others,
        }
    }

    /// How fast it grows with the weight.
    fn slope(self, x: f64) -> f64 {
        let Some(own) = self.own else { return 0.0 };
        (own * self.others - self.fixed) / ((self.others + x) * (self.others + x))
    }

    /// The nearest weight above `from` and below [`WEIGHT_MAX`] where a rival that is not ahead at `from` overtakes.
    ///
    /// The rival's lead is (Nᵣ + x pᵣ)(D + x q) − (N + x p)(Dᵣ + x qᵣ) over two denominators above 0, with q 1 where there
    /// is a score by the criterion and else 0, and p that score: at most a quadratic in x.
    fn overtaken(self, rival: Self, from: f64) -> Option<f64> {
        let [q, q_rival] = [self, rival].map(|total| f64::from(total.own.is_some()));
        let [p, p_rival] = [self, rival].map(|total| total.own.unwrap_or(0.0));
        let roots = if self.others == rival.others && q == q_rival {
            // Both have the same denominator, which divides the quadratic.
            [(self.fixed - rival.fixed) / (p_rival - p), f64::NAN]
        } else {
            let linear = rival.fixed * q + p_rival * self.others - self.fixed * q_rival - p * rival.others;
            roots(p_rival * q - p * q_rival, linear, rival.fixed * self.others - self.fixed * rival.others)
        };
        let ahead = |root: &f64| {
            let next = roots.into_iter().filter(|other| other > root).fold(WEIGHT_MAX, f64::min);
            // Halfway to where the lead may change its sign again.
            let halfway = (root + next) / 2.0;
            rival.at(halfway) - self.at(halfway) > TIE
        };
        let between = roots.into_iter().filter(|root| from < *root && *root < WEIGHT_MAX);
        between.filter(ahead).min_by(f64::total_cmp)
    }
}

/// The roots of a·x² + b·x + c, without cancellation; NaN in place of each that there is not.
fn roots(a: f64, b: f64, c: f64) -> [f64; 2] {
    if a == 0.0 {
        return [-c / b, f64::NAN];
    }
    let root = (b * b - 4.0 * a * c).sqrt();
    let q = -(b + root.copysign(b)) / 2.0;
    [q / a, c / q]
}
