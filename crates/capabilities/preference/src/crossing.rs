//! Where one option's total overtakes another's while one weight changes. Knows no third option and no allowed range.

/// What an option's total is made of when one weight, `x`, is free: (`fixed` + x · `own`) / (`weight` + x) with a score
/// of its own by that criterion, else `fixed` / `weight`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Share {
    /// Σ(score · weight) over its other cells.
    pub(crate) fixed: f64,
    /// Σ(weight) over its other cells.
    pub(crate) weight: f64,
    /// Its score by the criterion whose weight is free; `None` where it has none.
    pub(crate) own: Option<f64>,
}

impl Share {
    fn at(self, x: f64) -> f64 {
        match self.own {
            Some(own) => (self.fixed + x * own) / (self.weight + x),
            None => self.fixed / self.weight,
        }
    }

    /// How fast the total grows with `x`.
    fn slope(self, x: f64) -> f64 {
        let Some(own) = self.own else { return 0.0 };
        (own * self.weight - self.fixed) / ((self.weight + x) * (self.weight + x))
    }
}

/// A weight at which a rival is level with the winner, and ahead beyond it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Crossing {
    /// The weight.
    pub(crate) at: f64,
    /// How fast the rival gains on the winner there, per unit of weight in the direction of the change.
    pub(crate) gain: f64,
}

/// The nearest weights above 0 below and above `now` at which the rival overtakes the winner, which is ahead at `now`.
///
/// The rival's lead is (Nᵣ + x pᵣ)(D_w + x q_w) − (N_w + x p_w)(Dᵣ + x qᵣ) over two denominators above 0, with q 1
/// where an option has the score and else 0, and p that score: at most a quadratic in x. Where neither lacks a score it
/// is linear, with the root (N_w − Nᵣ) / (sᵣ − s_w). A lead that never exceeds `tie` is a tie, and overtakes nobody.
pub(crate) fn crossings(winner: Share, rival: Share, now: f64, tie: f64) -> [Option<Crossing>; 2] {
    let (q_w, q_r) = (f64::from(winner.own.is_some()), f64::from(rival.own.is_some()));
    let (p_w, p_r) = (winner.own.unwrap_or(0.0), rival.own.unwrap_or(0.0));
    let quadratic = p_r * q_w - p_w * q_r;
    let linear = rival.fixed * q_w + p_r * winner.weight - winner.fixed * q_r - p_w * rival.weight;
    let constant = rival.fixed * winner.weight - winner.fixed * rival.weight;
    let roots = if winner.weight == rival.weight && q_w == q_r {
        // Both have the same denominator, which divides the quadratic.
        [Some((winner.fixed - rival.fixed) / (p_r - p_w)), None]
    } else {
        roots(quadratic, linear, constant)
    };
    let roots = roots.map(|root| root.filter(|root| root.is_finite() && *root > 0.0));
    let below = roots.into_iter().flatten().filter(|root| *root < now).max_by(f64::total_cmp);
    let above = roots.into_iter().flatten().filter(|root| *root > now).min_by(f64::total_cmp);
    let overtakes = |root: f64, direction: f64| {
        // The lead grows beyond the root, up to somewhere before the next one.
        let next = roots.into_iter().flatten().find(|other| (other - root) * direction > 0.0);
        let probe = match next {
            Some(next) => (root + next) / 2.0,
            None if direction > 0.0 => root * 2.0,
            None => root / 2.0,
        };
        let gain = direction * (rival.slope(root) - winner.slope(root));
        (rival.at(probe) - winner.at(probe) > tie).then_some(Crossing { at: root, gain })
    };
    [below.and_then(|root| overtakes(root, -1.0)), above.and_then(|root| overtakes(root, 1.0))]
}

/// The real roots of a·x² + b·x + c, without cancellation; none where all are 0, or where it only touches 0.
fn roots(a: f64, b: f64, c: f64) -> [Option<f64>; 2] {
    if a == 0.0 {
        return [(b != 0.0).then(|| -c / b), None];
    }
    let discriminant = b * b - 4.0 * a * c;
    if discriminant <= 0.0 {
        return [None, None];
    }
    let q = -(b + discriminant.sqrt().copysign(b)) / 2.0;
    [Some(q / a), (q != 0.0).then(|| c / q)]
}
