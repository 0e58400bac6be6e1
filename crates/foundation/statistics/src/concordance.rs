//! Kendall's W: how far several rankings of the same items run alike. Knows no item by name.

/// Kendall's coefficient of concordance, corrected for ties: 0 where the rankings have nothing in common, 1 where all
/// are the same.
///
/// One row per ranking with the rank of each item, tied items with the mean of their ranks. `None` with fewer than two
/// rankings or items, rows of unlike lengths, or where every ranking ties everything.
///
/// Source: Kendall and Babington Smith, "The Problem of m Rankings", Annals of Mathematical Statistics 10 (1939).
pub fn kendall_w(ranks: &[Vec<f64>]) -> Option<f64> {
    let items = ranks.first()?.len();
    if ranks.len() < 2 || items < 2 || ranks.iter().any(|row| row.len() != items) {
        return None;
    }
    let (m, n) = (ranks.len() as f64, items as f64);
    let sums = (0..items).map(|item| ranks.iter().filter_map(|row| row.get(item)).sum::<f64>());
    let mean = m * (n + 1.0) / 2.0;
    let spread: f64 = sums.map(|sum| (sum - mean) * (sum - mean)).sum();
    let tied: f64 = ranks.iter().map(|row| ties(row)).sum();
    let most = m * m * (n * n * n - n) - m * tied;
    (most > 0.0).then(|| (12.0 * spread / most).clamp(0.0, 1.0))
}

/// The sum of t³ − t over each group of t tied ranks.
fn ties(row: &[f64]) -> f64 {
    let mut sorted = row.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.chunk_by(|a, b| a == b).map(|group| group.len() as f64).map(|t| t * t * t - t).sum()
}

#[cfg(test)]
mod tests {
    use super::kendall_w;
    use proptest::prelude::*;

    #[test]
    fn known_values() {
        let same = vec![vec![1.0, 2.0, 3.0]; 4];
        assert_eq!(kendall_w(&same), Some(1.0));
        assert_eq!(kendall_w(&[vec![1.0, 2.0, 3.0], vec![3.0, 2.0, 1.0]]), Some(0.0));
        // Three rankings of six items with the sums 8, 14, 11, 11, 11, 8: S = 25.5, W = 12 · 25.5 / (9 · 210).
        let three = [
            vec![1.0, 6.0, 3.0, 2.0, 5.0, 4.0],
            vec![1.0, 5.0, 6.0, 4.0, 2.0, 3.0],
            vec![6.0, 3.0, 2.0, 5.0, 4.0, 1.0],
        ];
        assert!((kendall_w(&three).unwrap() - 12.0 * 25.5 / 1890.0).abs() < 1e-12);
        // Everybody ties the last two alike: still the same ranking.
        assert_eq!(kendall_w(&vec![vec![1.0, 2.5, 2.5]; 3]), Some(1.0));
    }

    #[test]
    fn what_cannot_be_told_is_not() {
        for ranks in [
            &[][..],
            &[vec![1.0, 2.0]],
            &[vec![1.0], vec![1.0]],
            &[vec![1.0, 2.0], vec![1.0]],
            &[vec![1.5, 1.5], vec![1.5, 1.5]],
        ] {
            assert_eq!(kendall_w(ranks), None, "{ranks:?}");
        }
    }

    proptest! {
        #[test]
        fn it_stays_a_share(seeds in prop::collection::vec(prop::collection::vec(any::<u32>(), 5), 2..8)) {
            let rank = |row: &Vec<u32>| -> Vec<f64> {
                row.iter().map(|a| {
                    let below = row.iter().filter(|b| *b < a).count() as f64;
                    let same = row.iter().filter(|b| *b == a).count() as f64;
                    below + (same + 1.0) / 2.0
                }).collect()
            };
            let ranks: Vec<Vec<f64>> = seeds.iter().map(rank).collect();
            prop_assert!((0.0..=1.0).contains(&kendall_w(&ranks).unwrap()));
        }
    }
}
