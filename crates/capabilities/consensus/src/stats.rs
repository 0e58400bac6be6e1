//! How much a count is worth: how many of the voices are independent.

/// The correlation of errors assumed between two models of one family: no independence without evidence for it.
pub const RHO_SAME_FAMILY: f64 = 1.0;

/// The correlation of errors assumed between models of different families, until pairs have been logged.
///
/// Derived from Kim et al., "Correlated Errors in Large Language Models" (ICML 2025): two models that both err give
/// the same wrong answer 60 % of the time, where chance is one third: (0.6 − 1/3) / (1 − 1/3) = 0.4.
pub const RHO_OTHER_FAMILY: f64 = 0.4;

/// As many common questions the assumed correlation of a pair counts beside the measured ones.
pub const PRIOR_COMMON_QUESTIONS: f64 = 30.0;

/// On how many questions two members were right and wrong together. Only questions whose truth is known count: that two
/// say the same is no evidence of a common error, because both may be right.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pair {
    /// Both were right.
    pub both_right: u64,
    /// The first alone was right.
    pub only_first: u64,
    /// The second alone was right.
    pub only_second: u64,
    /// Both were wrong.
    pub both_wrong: u64,
}

impl Pair {
    /// The questions that both answered.
    pub fn questions(&self) -> u64 {
        self.both_right + self.only_first + self.only_second + self.both_wrong
    }

    /// The correlation of the two members' errors (phi), -1 to 1; `None` where one of them was always right or always
    /// wrong, so that nothing can vary together.
    pub fn correlation(&self) -> Option<f64> {
        let [right, first, second, wrong] =
            [self.both_right, self.only_first, self.only_second, self.both_wrong].map(|count| count as f64);
        let spread = (right + first) * (second + wrong) * (right + second) * (first + wrong);
        (spread > 0.0).then(|| (right * wrong - first * second) / spread.sqrt())
    }
}

/// As how many independent voices `n` voices count whose errors correlate with `mean_rho`: n / (1 + (n − 1) ρ).
///
/// Between 1 and `n`; 0 for no voice. A `mean_rho` outside 0 to 1 counts as the nearer end, one that is no number as 1.
pub fn effective_voters(n: usize, mean_rho: f64) -> f64 {
    let rho = if mean_rho.is_nan() { 1.0 } else { mean_rho.clamp(0.0, 1.0) };
    let voices = n as f64;
    if n == 0 { 0.0 } else { voices / (1.0 + (voices - 1.0) * rho) }
}

/// The correlation assumed between the errors of two models, until pairs have been logged.
pub fn assumed_rho(same_family: bool) -> f64 {
    if same_family { RHO_SAME_FAMILY } else { RHO_OTHER_FAMILY }
}

/// The correlation of two members' errors: the measured one, shrunk towards the `assumed` one, which counts as much as
/// [`PRIOR_COMMON_QUESTIONS`]. Without a pair, or where nothing varies in it, the assumed one. 0 to 1: errors that avoid
/// each other are luck as long as they are few, and count as independent.
pub fn pair_rho(assumed: f64, pair: Option<&Pair>) -> f64 {
    let measured = pair.and_then(|pair| Some((pair.correlation()?, pair.questions() as f64)));
    let rho = measured.map_or(assumed, |(found, questions)| {
        (found * questions + assumed * PRIOR_COMMON_QUESTIONS) / (questions + PRIOR_COMMON_QUESTIONS)
    });
    rho.clamp(0.0, 1.0)
}

/// The mean correlation between the errors of each two of `families`' models, with what was counted for each pair, if
/// anything: `counted(a, b)` is asked with places in `families`, `a` before `b`. [`RHO_SAME_FAMILY`] where there is no
/// pair.
pub fn mean_rho(families: &[&str], counted: impl Fn(usize, usize) -> Option<Pair>) -> f64 {
    let mut total = 0.0;
    let mut pairs = 0.0;
    for (at, a) in families.iter().enumerate() {
        for (other, b) in families.iter().enumerate().skip(at + 1) {
            total += pair_rho(assumed_rho(a == b), counted(at, other).as_ref());
            pairs += 1.0;
        }
    }
    if pairs > 0.0 { total / pairs } else { RHO_SAME_FAMILY }
}

#[cfg(test)]
mod tests {
    use super::{Pair, RHO_OTHER_FAMILY, effective_voters, mean_rho, pair_rho};
    use proptest::prelude::*;

    const fn pair(both_right: u64, only_first: u64, only_second: u64, both_wrong: u64) -> Pair {
        Pair { both_right, only_first, only_second, both_wrong }
    }

    #[test]
    fn voters_known_values() {
        for (n, rho, expect) in [
            (0, 0.4, 0.0),
            (1, 0.4, 1.0),
            (5, 0.0, 5.0),
            (5, 1.0, 1.0),
            (5, 0.4, 5.0 / 2.6),
            (5, -3.0, 5.0),
            (5, 7.0, 1.0),
            (5, f64::NAN, 1.0),
        ] {
            assert!((effective_voters(n, rho) - expect).abs() < 1e-12, "{n} {rho}");
        }
    }

    #[test]
    fn families_known_values() {
        for (families, expect) in [
            (&[][..], 1.0),
            (&["a"], 1.0),
            (&["a", "a"], 1.0),
            (&["a", "b"], RHO_OTHER_FAMILY),
            (&["a", "a", "b"], 0.6),
            (&["a", "b", "c"], RHO_OTHER_FAMILY),
        ] {
            assert!((mean_rho(families, |_, _| None) - expect).abs() < 1e-12, "{families:?}");
        }
    }

    #[test]
    fn pairs_known_values() {
        for (counts, correlation, rho) in [
            (pair(0, 0, 0, 0), None, 0.4),
            (pair(30, 0, 0, 0), None, 0.4),
            (pair(20, 5, 0, 0), None, 0.4),
            (pair(15, 0, 0, 15), Some(1.0), 0.7),
            (pair(0, 15, 15, 0), Some(-1.0), 0.0),
            (pair(640, 160, 160, 40), Some(0.0), 12.0 / 1030.0),
            (pair(70, 10, 10, 10), Some(0.375), (37.5 + 12.0) / 130.0),
        ] {
            assert_eq!(counts.correlation(), correlation, "{counts:?}");
            assert!((pair_rho(0.4, Some(&counts)) - rho).abs() < 1e-12, "{counts:?}");
        }
        // Two of one family that turn out to err apart; the third pairs stay assumed.
        let apart = |a: usize, b: usize| ((a, b) == (0, 1)).then(|| pair(640, 160, 160, 40));
        let expect = (30.0 / 1030.0 + 0.4 + 0.4) / 3.0;
        assert!((mean_rho(&["a", "a", "b"], apart) - expect).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn effective_voters_stay_between_one_and_all(n in 1_usize..100, rho in 0.0..=1.0_f64) {
            let found = effective_voters(n, rho);
            prop_assert!(1.0 - 1e-12 <= found && found <= n as f64 + 1e-12);
        }

        #[test]
        fn more_questions_lead_from_what_was_assumed_to_what_was_found(
            counts in prop::array::uniform4(0_u64..50), assumed in 0.0..=1.0_f64
        ) {
            let [a, b, c, d] = counts;
            let found = pair(a, b, c, d).correlation().map_or(assumed, |found| found.clamp(0.0, 1.0));
            let off = |times: u64| (pair_rho(assumed, Some(&pair(a * times, b * times, c * times, d * times))) - found).abs();
            prop_assert!((0.0..=1.0).contains(&pair_rho(assumed, Some(&pair(a, b, c, d)))));
            prop_assert!(off(10) <= off(1) + 1e-12 && off(100) <= off(10) + 1e-12);
        }
    }
}
