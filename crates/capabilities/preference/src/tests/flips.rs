//! Flips by closed form against trying out.

use super::{Made, full, made};
use crate::{Table, WEIGHT_RANGE, sensitivity, weighted_sum};
use proptest::prelude::*;

/// How near to a flip is tried, as a share of the change.
const NEAR: f64 = 1e-6;

/// The totals with one weight changed.
fn totals(made: &Made, criterion: usize, weight: f64) -> Vec<f64> {
    let mut changed = made.clone();
    changed.weights[criterion] = weight;
    weighted_sum(&changed.table()).totals.into_iter().map(Option::unwrap).collect()
}

/// Whether an option is ahead of all others or level with them.
fn leads(totals: &[f64], option: usize) -> bool {
    totals.iter().all(|total| *total <= totals[option] + 1e-8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn just_before_no_flip_and_just_after_a_flip(made in prop_oneof![made(0, true), made(25, true)]) {
        let found = sensitivity(&made.table(), WEIGHT_RANGE);
        let Some(winner) = found.winner else { return Ok(()) };
        for (list, lo, hi) in [(&found.within, WEIGHT_RANGE.0, WEIGHT_RANGE.1), (&found.anywhere, 1e-6, 1e6)] {
            for (criterion, flip) in list.iter().enumerate() {
                let weight = made.weights[criterion];
                let reach = flip.as_ref().map_or(f64::INFINITY, |flip| flip.change.abs() * (1.0 - NEAR));
                for step in 1..=40 {
                    // From the weight to its reach on both sides, or to the ends of what is allowed.
                    let share = f64::from(step) / 40.0;
                    let up = if reach.is_finite() { (weight + reach * share).min(hi) } else { weight * (hi / weight).powf(share) };
                    let down = if reach.is_finite() { (weight - reach * share).max(lo) } else { weight * (lo / weight).powf(share) };
                    for tried in [up, down] {
                        prop_assert!(leads(&totals(&made, criterion, tried), winner), "{} {:?} at {}", criterion, flip, tried);
                    }
                }
                let Some(flip) = flip else { continue };
                prop_assert_eq!((flip.criterion, flip.weight), (criterion, weight));
                prop_assert!(lo <= flip.new_weight || lo == 1e-6);
                prop_assert!((flip.weight + flip.change - flip.new_weight).abs() <= 1e-12 * flip.new_weight.max(1.0));
                let beyond = |share: f64| {
                    totals(&made, criterion, flip.new_weight * (1.0 + flip.change.signum() * share))
                };
                let after = beyond(NEAR);
                let best = after.iter().copied().fold(f64::MIN, f64::max);
                prop_assert!(!flip.rivals.is_empty());
                for rival in &flip.rivals {
                    prop_assert!(after[*rival] >= best - 1e-12, "{:?} {:?}", flip, after);
                    // Where the lead grows slowly it takes a little further to be more than a rounding.
                    let ahead = |share: f64| beyond(share)[*rival] > beyond(share)[winner] + 1e-12;
                    prop_assert!([NEAR, 1e-4, 1e-2, 0.5].into_iter().any(ahead), "{:?} {:?}", flip, after);
                }
            }
        }
        let least = found.within.iter().flatten().map(|flip| flip.change.abs()).reduce(f64::min);
        let smallest = found.smallest_within.first().map(|flip| flip.change.abs() <= least.unwrap() * (1.0 + 1e-9));
        prop_assert_eq!(smallest, least.map(|_| true));
    }
}

#[test]
fn the_smallest_change_of_a_full_table() {
    // Totals 7 and 6.5: the first leads by 4 points on one criterion and is behind by 3 on the other.
    let table = Table::new(&[1.0, 1.0], &full(&[&[9.0, 5.0], &[5.0, 8.0]])).unwrap();
    let found = sensitivity(&table, WEIGHT_RANGE);
    assert_eq!(found.winner, Some(0));
    // 9 a + 5 b = 5 a + 8 b where b / a = 4 / 3.
    for (criterion, new_weight) in [(0, 0.75), (1, 4.0 / 3.0)] {
        let flip = found.within[criterion].clone().unwrap();
        assert!((flip.new_weight - new_weight).abs() < 1e-12, "{flip:?}");
        assert_eq!(flip.rivals, [1]);
    }
    assert_eq!(found.smallest_within.iter().map(|flip| flip.criterion).collect::<Vec<_>>(), [0]);
    assert_eq!(found.within, found.anywhere);
}

#[test]
fn flips_beyond_the_range_are_told_apart() {
    let table = Table::new(&[1.0, 9.0], &full(&[&[9.0, 9.0], &[10.0, 8.0]])).unwrap();
    let found = sensitivity(&table, WEIGHT_RANGE);
    // The first weight would have to be 9, which is allowed; the second 1.
    assert_eq!(found.within.iter().map(|flip| flip.clone().unwrap().new_weight).collect::<Vec<_>>(), [9.0, 1.0]);
    let table = Table::new(&[1.0, 10.0], &full(&[&[9.0, 9.0], &[10.0, 8.0]])).unwrap();
    let found = sensitivity(&table, WEIGHT_RANGE);
    assert_eq!(found.within[0], None, "at 10, the end of what is allowed, it is only level");
    assert_eq!(found.anywhere[0].clone().unwrap().new_weight, 10.0);
    let dominated = Table::new(&[1.0, 10.0], &full(&[&[9.0, 9.0], &[9.0, 8.0]])).unwrap();
    let found = sensitivity(&dominated, WEIGHT_RANGE);
    assert_eq!(found.anywhere, [None, None], "level at 0, ahead nowhere");
}

#[test]
fn absent_scores_flip_both_ways() {
    // The second lacks the first criterion, so its total is 7 whatever that weighs; the first one's falls to it.
    let rows = vec![vec![Some(4.0), Some(9.0)], vec![None, Some(7.0)]];
    let table = Table::new(&[0.5, 1.0], &rows).unwrap();
    let found = sensitivity(&table, WEIGHT_RANGE);
    // (4 x + 9) / (x + 1) = 7 where x = 2 / 3.
    let flip = found.within[0].clone().unwrap();
    assert!((flip.new_weight - 2.0 / 3.0).abs() < 1e-12 && flip.rivals == [1], "{flip:?}");
    // (2 + 9 y) / (0.5 + y) = 7 where y = 0.75.
    let flip = found.within[1].clone().unwrap();
    assert!((flip.new_weight - 0.75).abs() < 1e-12 && flip.rivals == [1], "{flip:?}");
}

#[test]
fn two_rivals_at_once() {
    let rows = full(&[&[9.0, 5.0], &[5.0, 8.0], &[5.0, 8.0], &[7.0, 6.5]]);
    let found = sensitivity(&Table::new(&[1.0, 1.0], &rows).unwrap(), WEIGHT_RANGE);
    assert_eq!(found.within[0].clone().unwrap().rivals, [1, 2], "the last is level there too, but gains less");
}

#[test]
fn of_two_flips_as_near_the_lower() {
    // Level with one rival at 1.5 and with another at 0.5.
    let rows = full(&[&[6.0, 6.0], &[8.0, 3.0], &[4.0, 7.0]]);
    let found = sensitivity(&Table::new(&[1.0, 1.0], &rows).unwrap(), WEIGHT_RANGE);
    let flip = found.within[0].clone().unwrap();
    assert_eq!((flip.new_weight, flip.rivals), (0.5, vec![2]));
}

#[test]
fn as_near_but_for_rounding_is_as_near() {
    // At 0.3 and at 0.1, of which the first is nearer to 0.2 in binary.
    let rows = full(&[&[6.0, 8.0], &[8.5, 7.25], &[1.0, 8.5]]);
    let found = sensitivity(&Table::new(&[0.2, 1.0], &rows).unwrap(), (0.01, 10.0));
    let flip = found.within[0].clone().unwrap();
    assert_eq!((flip.new_weight, flip.rivals), (0.1, vec![2]));
}

#[test]
fn a_lead_that_is_but_a_rounding_overtakes_nobody() {
    // Without the last criterion both are at 0.1 · 3 + 0.2 · 6 = 0.1 · 9 + 0.2 · 3, but not in binary; it is the first
    // row that is ahead by a rounding in one of these, and the second in the other.
    for rows in [[[3.0, 6.0, 7.0], [9.0, 3.0, 6.0]], [[9.0, 3.0, 7.0], [3.0, 6.0, 6.0]]] {
        let table = Table::new(&[0.1, 0.2, 1.0], &full(&[&rows[0], &rows[1]])).unwrap();
        assert_eq!(sensitivity(&table, WEIGHT_RANGE).anywhere[2], None, "{rows:?}");
    }
}
