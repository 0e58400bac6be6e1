//! What each voice weighs, by how often it was right before. It knows counts, not questions.

/// As many questions the panel's mean counts in each member's accuracy, so that a lucky few do not make a weight.
const PRIOR_QUESTIONS: f64 = 20.0;

/// What a voice weighs at least, before it is compared with the others'; who is no better than chance has it.
const WORTH_MIN: f64 = 0.1;

/// What a voice weighs at most, before it is compared with the others': that of an accuracy of 98 %.
const WORTH_MAX: f64 = 4.0;

/// The weights in force: each given one times what the member's measured accuracy is worth.
///
/// `measured` holds, per member, how many of how many questions it got right, where any were measured; a missing entry
/// is none. The accuracy is shrunk towards the mean of all that was measured on the panel: the mean of a beta
/// distribution whose prior is worth 20 questions. Its worth is its log-odds, which is what the weights of independent
/// voters between two answers should be (Nitzan and Paroush, "Optimal Decision Rules in Uncertain Dichotomous Choice
/// Situations", 1982), between 0.1 and 4: nobody is silenced and nobody rules alone. Where there are more than two
/// answers to choose from, one half is more than chance, so this leans towards equal weights for weak members.
///
/// Worths are divided by their mean, so what stays is how members compare; where nothing was measured the given weights
/// come back as they are. Counts that cannot be (more right than asked) count as all right.
pub fn weights(given: &[f64], measured: &[Option<(u64, u64)>]) -> Vec<f64> {
    let counts = |at: usize| measured.get(at).copied().flatten().unwrap_or_default();
    let counts: Vec<(f64, f64)> =
        (0..given.len()).map(counts).map(|(right, asked)| (right.min(asked) as f64, asked as f64)).collect();
    let (right, asked) = counts.iter().fold((0.0, 0.0), |(r, n), (right, asked)| (r + right, n + asked));
    if asked == 0.0 {
        return given.to_vec();
    }
    // Laplace's rule keeps the panel's own mean off 0 and 1.
    let mean = (right + 1.0) / (asked + 2.0);
    let worth = |(right, asked): &(f64, f64)| worth((right + PRIOR_QUESTIONS * mean) / (asked + PRIOR_QUESTIONS));
    let worths: Vec<f64> = counts.iter().map(worth).collect();
    let usual = worths.iter().sum::<f64>() / worths.len() as f64;
    given.iter().zip(worths).map(|(given, worth)| given * worth / usual).collect()
}

/// The log-odds of an accuracy between 0 and 1, within bounds.
fn worth(accuracy: f64) -> f64 {
    (accuracy / (1.0 - accuracy)).ln().clamp(WORTH_MIN, WORTH_MAX)
}

#[cfg(test)]
mod tests {
    use super::weights;
    use proptest::prelude::*;

    #[test]
    fn known_values() {
        for (given, measured, expect) in [
            (&[1.0, 2.0][..], &[][..], &[1.0, 2.0][..]),
            (&[1.0, 2.0], &[None, Some((0, 0))], &[1.0, 2.0]),
            (&[1.0, 1.0], &[Some((50, 100)), Some((50, 100))], &[1.0, 1.0]),
            (&[1.0, 3.0], &[Some((80, 100)), Some((80, 100))], &[1.0, 3.0]),
            // Mean 151/202, shrunk to .7913 and .7079, worth 1.3327 and 0.8855.
            (&[1.0, 1.0], &[Some((80, 100)), Some((70, 100))], &[1.2016, 0.7984]),
            // Worse than chance: the floor, not silence.
            (&[1.0, 1.0], &[Some((900, 1000)), Some((100, 1000))], &[1.9096, 0.0904]),
            (&[1.0, 1.0], &[Some((9, 5)), Some((5, 5))], &[1.0, 1.0]),
            (&[], &[Some((1, 2))], &[]),
        ] {
            let found = weights(given, measured);
            assert_eq!(found.len(), expect.len());
            for (found, expect) in found.iter().zip(expect) {
                assert!((found - expect).abs() < 1e-4, "{given:?} {measured:?}: {found} {expect}");
            }
        }
    }

    #[test]
    fn a_lucky_few_hardly_count_and_many_do() {
        let ratio = |right: u64, asked: u64| {
            let found = weights(&[1.0, 1.0], &[Some((right, asked)), Some((700, 1_000))]);
            found[0] / found[1]
        };
        let ratios: Vec<f64> = [1, 3, 10, 30, 100, 1_000].map(|asked| ratio(asked * 9 / 10 + 1, asked + 1)).to_vec();
        assert!(ratios.windows(2).all(|pair| pair[0] < pair[1]), "{ratios:?}");
        assert!(ratios[0] < 1.15 && ratios[5] > 2.0, "{ratios:?}");
    }

    proptest! {
        #[test]
        fn without_figures_the_given_weights_stay(given in prop::collection::vec(0.1..9.0_f64, 0..8)) {
            prop_assert_eq!(weights(&given, &vec![None; given.len()]), given.clone());
            prop_assert_eq!(weights(&given, &[]), given);
        }

        #[test]
        fn every_voice_counts_and_the_better_counts_no_less(
            counts in prop::collection::vec((0_u64..500, 0_u64..500), 2..8)
        ) {
            let measured: Vec<_> = counts.iter().map(|(a, b)| Some((*a.min(b), *a.max(b)))).collect();
            let found = weights(&vec![1.0; measured.len()], &measured);
            prop_assert!(found.iter().all(|weight| weight.is_finite() && *weight > 0.0));
            for (a, weight_a) in measured.iter().flatten().zip(&found) {
                for (b, weight_b) in measured.iter().flatten().zip(&found) {
                    if a.1 == b.1 && a.0 >= b.0 {
                        prop_assert!(weight_a >= weight_b);
                    }
                }
            }
        }

        #[test]
        fn more_of_the_same_moves_away_from_the_mean(right in 1_u64..10, times in 1_u64..50) {
            // The rest of the panel is so large that it alone makes the mean.
            let ratio = |times: u64| {
                let found = weights(&[1.0, 1.0], &[Some((right * times, 10 * times)), Some((7_000_000, 10_000_000))]);
                found[0] / found[1]
            };
            let (less, more) = (ratio(times), ratio(times + 1));
            prop_assert!(if right >= 7 { more >= less - 1e-5 } else { more <= less + 1e-5 }, "{less} {more}");
        }
    }
}
