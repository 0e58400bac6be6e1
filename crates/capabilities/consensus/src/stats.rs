//! How much a count is worth: how many of the voices are independent.

/// The correlation of errors assumed between two models of one family: no independence without evidence for it.
pub const RHO_SAME_FAMILY: f64 = 1.0;

/// The correlation of errors assumed between models of different families, until pairs have been logged.
///
/// Derived from Kim et al., "Correlated Errors in Large Language Models" (ICML 2025): two models that both err give
/// the same wrong answer 60 % of the time, where chance is one third: (0.6 − 1/3) / (1 − 1/3) = 0.4.
pub const RHO_OTHER_FAMILY: f64 = 0.4;

/// As how many independent voices `n` voices count whose errors correlate with `mean_rho`: n / (1 + (n − 1) ρ).
///
/// Between 1 and `n`; 0 for no voice. A `mean_rho` outside 0 to 1 counts as the nearer end, one that is no number as 1.
pub fn effective_voters(n: usize, mean_rho: f64) -> f64 {
    let rho = if mean_rho.is_nan() { 1.0 } else { mean_rho.clamp(0.0, 1.0) };
    let voices = n as f64;
    if n == 0 { 0.0 } else { voices / (1.0 + (voices - 1.0) * rho) }
}

/// The mean correlation assumed between the errors of each two models, given the family of each; [`RHO_SAME_FAMILY`]
/// when there is no pair. A prior, to be replaced by logged pairs.
pub fn prior_rho(families: &[&str]) -> f64 {
    let mut total = 0.0;
    let mut pairs = 0.0;
    for (at, a) in families.iter().enumerate() {
        for b in families.iter().skip(at + 1) {
            total += if a == b { RHO_SAME_FAMILY } else { RHO_OTHER_FAMILY };
            pairs += 1.0;
        }
    }
    if pairs > 0.0 { total / pairs } else { RHO_SAME_FAMILY }
}

#[cfg(test)]
mod tests {
    use super::{RHO_OTHER_FAMILY, effective_voters, prior_rho};
    use proptest::prelude::*;

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
            assert!((prior_rho(families) - expect).abs() < 1e-12, "{families:?}");
        }
    }

    proptest! {
        #[test]
        fn effective_voters_stay_between_one_and_all(n in 1_usize..100, rho in 0.0..=1.0_f64) {
            let found = effective_voters(n, rho);
            prop_assert!(1.0 - 1e-12 <= found && found <= n as f64 + 1e-12);
        }
    }
}
