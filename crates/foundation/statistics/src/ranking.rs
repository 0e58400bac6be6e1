//! How good a ranking is, by what people said is relevant: recall, nDCG, completeness. Knows no document by name.

use std::collections::HashSet;
use std::hash::Hash;

/// The share of the relevant items that are among the first `k` of a ranking, 0 to 1.
///
/// `relevant` holds every relevant item with its grade; a grade of 0 or less says that it is not relevant. An item that
/// is ranked twice counts once, where it comes first. `None` where nothing is relevant: then nothing can be missed.
pub fn recall_at<T: Eq + Hash>(ranking: &[T], relevant: &[(T, f64)], k: usize) -> Option<f64> {
    let wanted: HashSet<&T> = wanted(relevant).map(|(item, _)| item).collect();
    let found = ranking.iter().take(k).filter(|item| wanted.contains(item)).collect::<HashSet<_>>().len();
    (!wanted.is_empty()).then(|| found as f64 / wanted.len() as f64)
}

/// Whether every relevant item is among the first `k` of a ranking: what a caller needs who must have all of them.
///
/// Never true where more than `k` are relevant. `None` where nothing is relevant.
pub fn complete_at<T: Eq + Hash>(ranking: &[T], relevant: &[(T, f64)], k: usize) -> Option<bool> {
    recall_at(ranking, relevant, k).map(|recall| recall >= 1.0)
}

/// The normalised discounted cumulative gain of the first `k` of a ranking, 0 to 1: an item's grade counts the less, the
/// later it comes (grade / log₂(place + 1)), against the best order of all that is relevant.
///
/// An item that is ranked twice counts once, where it comes first; it keeps its place. `None` where nothing is relevant
/// or `k` is 0.
///
/// Source: Järvelin and Kekäläinen, "Cumulated Gain-Based Evaluation of IR Techniques", ACM TOIS 20 (2002), with the
/// discount of trec_eval.
pub fn ndcg_at<T: Eq + Hash>(ranking: &[T], relevant: &[(T, f64)], k: usize) -> Option<f64> {
    let mut seen = HashSet::new();
    let grade = |item| wanted(relevant).find(|(other, _)| *other == item).map_or(0.0, |(_, grade)| grade);
    let grades = ranking.iter().take(k).map(|item| if seen.insert(item) { grade(item) } else { 0.0 });
    let gain = discounted(grades);
    let mut best: Vec<f64> = wanted(relevant).map(|(_, grade)| grade).collect();
    best.sort_unstable_by(|one, other| other.total_cmp(one));
    let best = discounted(best.into_iter().take(k));
    (best > 0.0).then(|| gain / best)
}

/// What is relevant at all.
fn wanted<T>(relevant: &[(T, f64)]) -> impl Iterator<Item = (&T, f64)> {
    relevant.iter().filter(|(_, grade)| *grade > 0.0).map(|(item, grade)| (item, *grade))
}

fn discounted(grades: impl Iterator<Item = f64>) -> f64 {
    grades.enumerate().map(|(at, grade)| grade / (at as f64 + 2.0).log2()).sum()
}

#[cfg(test)]
mod tests {
    use super::{complete_at, ndcg_at, recall_at};
    use proptest::prelude::*;

    fn close(value: Option<f64>, expect: f64) {
        assert!(value.is_some_and(|value| (value - expect).abs() < 1e-9), "{value:?} is not {expect}");
    }

    #[test]
    fn by_hand() {
        let ranking = ["a", "b", "c", "d"];
        let one = [("b", 1.0)];
        close(ndcg_at(&ranking, &one, 10), 1.0 / 3_f64.log2());
        close(ndcg_at(&ranking, &one, 1), 0.0);
        close(recall_at(&ranking, &one, 1), 0.0);
        close(recall_at(&ranking, &one, 2), 1.0);

        // Three relevant ones, one of them not found: gains 1/log₂3 + 1/log₂5 against 1 + 1/log₂3 + 1/2.
        let three = [("b", 1.0), ("d", 1.0), ("x", 1.0)];
        let best = 1.0 + 1.0 / 3_f64.log2() + 0.5;
        close(ndcg_at(&ranking, &three, 10), (1.0 / 3_f64.log2() + 1.0 / 5_f64.log2()) / best);
        close(recall_at(&ranking, &three, 10), 2.0 / 3.0);
        assert_eq!(complete_at(&ranking, &three, 10), Some(false));
        assert_eq!(complete_at(&ranking, &one, 10), Some(true));

        // Grades: the better one second.
        let graded = [("a", 1.0), ("b", 3.0)];
        let best = 3.0 + 1.0 / 3_f64.log2();
        close(ndcg_at(&ranking, &graded, 10), (1.0 + 3.0 / 3_f64.log2()) / best);
        assert_eq!(complete_at(&ranking, &graded, 1), Some(false));
    }

    #[test]
    fn the_ideal_goes_no_further_than_k() {
        let all = [("a", 1.0), ("b", 1.0), ("c", 1.0)];
        close(ndcg_at(&["a", "b"], &all, 2), 1.0);
        assert_eq!(complete_at(&["a", "b"], &all, 2), Some(false));
    }

    #[test]
    fn what_is_ranked_twice_counts_once() {
        let two = [("a", 1.0), ("b", 1.0)];
        close(recall_at(&["a", "a"], &two, 10), 0.5);
        close(ndcg_at(&["a", "a"], &two, 10), 1.0 / (1.0 + 1.0 / 3_f64.log2()));
    }

    #[test]
    fn without_anything_relevant_nothing_can_be_told() {
        for relevant in [&[][..], &[("a", 0.0)]] {
            assert_eq!(ndcg_at(&["a"], relevant, 10), None);
            assert_eq!(recall_at(&["a"], relevant, 10), None);
            assert_eq!(complete_at(&["a"], relevant, 10), None);
        }
        assert_eq!(ndcg_at(&["a"], &[("a", 1.0)], 0), None);
        close(ndcg_at(&[], &[("a", 1.0)], 10), 0.0);
    }

    proptest! {
        #[test]
        fn all_are_shares_and_the_best_order_has_everything(
            grades in prop::collection::vec(1_u8..5, 1..8), ranking in prop::collection::vec(0_usize..12, 0..15), k in 1_usize..12,
        ) {
            let mut relevant: Vec<(usize, f64)> = grades.iter().map(|grade| f64::from(*grade)).enumerate().collect();
            let ndcg = ndcg_at(&ranking, &relevant, k).unwrap();
            let recall = recall_at(&ranking, &relevant, k).unwrap();
            prop_assert!((0.0..=1.0 + 1e-9).contains(&ndcg) && (0.0..=1.0).contains(&recall));
            prop_assert!(ndcg_at(&ranking, &relevant, k) >= Some(0.0));
            prop_assert!(recall_at(&ranking, &relevant, k + 1) >= Some(recall));
            relevant.sort_by(|one, other| other.1.total_cmp(&one.1));
            let best: Vec<usize> = relevant.iter().map(|(item, _)| *item).collect();
            prop_assert!((ndcg_at(&best, &relevant, k).unwrap() - 1.0).abs() < 1e-9);
        }
    }
}
