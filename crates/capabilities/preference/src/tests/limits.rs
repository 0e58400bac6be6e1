//! What is refused, limit by limit.

use super::full;
use crate::{
    CRITERIA_MAX, Consistency, DRAWS_MAX, Direction, Draws, FACTOR_MAX, JUDGEMENT_MAX, MAGNITUDE_MAX, OPTIONS_MAX,
    PreferenceError, Scale, Table, Weights, ahp, chances,
};
use fault::{Explain, Kind, Origin};

fn refusal<T: std::fmt::Debug>(found: Result<T, PreferenceError>) -> String {
    let error = found.unwrap_err();
    assert_eq!(error.origin(), Origin::Caller);
    assert!(error.hint().is_some_and(|hint| !hint.is_empty()));
    error.to_string()
}

#[test]
fn tables_are_checked() {
    let table = |weights: &[f64], rows: &[&[f64]]| refusal(Table::new(weights, &full(rows)));
    for (found, expect) in [
        (table(&[1.0], &[&[5.0]]), "1 options are not within `2` to `1000`"),
        (table(&[], &[&[], &[]]), "0 criteria are not within `1` to `1000`"),
        (table(&[1.0], &vec![&[5.0][..]; OPTIONS_MAX + 1]), "1001 options are not within `2` to `1000`"),
        (table(&[1.0; CRITERIA_MAX + 1], &[&[], &[]]), "1001 criteria are not within `1` to `1000`"),
        (table(&[1.0, 1.0], &[&[5.0, 5.0], &[5.0]]), "the row of option `1` has length `1` where `2` is needed"),
        (
            table(&[1.0], &[&[5.0], &[10.5]]),
            "the score of option `1` by criterion `0` is `10.5`, which is not within `1` to `10`",
        ),
        (
            table(&[1.0], &[&[f64::NAN], &[5.0]]),
            "the score of option `0` by criterion `0` is `NaN`, which is not within `1` to `10`",
        ),
        (
            table(&[0.0], &[&[5.0], &[5.0]]),
            "the weight of criterion `0` is `0`, which is not within `0.000000000001` to `1000000000000`",
        ),
    ] {
        assert_eq!(found, expect);
    }
    for weight in [-1.0, f64::NAN, f64::INFINITY, MAGNITUDE_MAX * 2.0] {
        assert!(table(&[weight], &[&[5.0], &[5.0]]).starts_with("the weight of criterion `0` is "));
    }
    let rows = full(&[&[5.0], &[5.0]]);
    let on = |lo, hi, directions: &[Direction]| Table::on(Scale { lo, hi }, directions, &[1.0], &rows);
    for (lo, hi) in [(10.0, 1.0), (5.0, 5.0), (f64::NAN, 10.0), (0.0, f64::INFINITY), (-2.0 * MAGNITUDE_MAX, 10.0)] {
        assert!(refusal(on(lo, hi, &[Direction::Benefit])).starts_with("the scale's `"), "{lo} {hi}");
    }
    assert!(refusal(on(1.0, 10.0, &[])).starts_with("the list of directions has length `0`"));
    assert!(on(-5.0, 5.0, &[Direction::Cost]).is_ok());
}

#[test]
fn spreads_and_other_weights_are_checked() {
    let table = Table::new(&[1.0, 1.0], &full(&[&[5.0, 5.0], &[5.0, 6.0]])).unwrap();
    let spread = |rows: &[Vec<f64>]| refusal(table.clone().with_spread(rows));
    assert_eq!(spread(&[vec![0.0; 2]]), "the list of spreads has length `1` where `2` is needed");
    assert_eq!(spread(&[vec![0.0; 2], vec![0.0]]), "the spreads of option `1` has length `1` where `2` is needed");
    for wrong in [-0.1, f64::NAN, f64::INFINITY] {
        assert!(spread(&[vec![0.0; 2], vec![0.0, wrong]]).starts_with("the spread of option `1` by criterion `1` is "));
    }
    assert_eq!(refusal(table.with_weights(&[1.0])), "the list of weights has length `1` where `2` is needed");
    assert_eq!(table.with_weights(&[3.0, 1.0]).unwrap().weights(), [3.0, 1.0]);
}

#[test]
fn draws_are_checked() {
    let table = Table::new(&[1.0], &full(&[&[5.0], &[6.0]])).unwrap();
    let of = |count, weights| refusal(chances(&table, &Draws { count, weights, ..Draws::usual(1) }));
    for count in [0, DRAWS_MAX + 1] {
        assert_eq!(of(count, Weights::Given), format!("{count} draws are not within `1` to `1000000`"));
    }
    for factor in [0.9, f64::NAN, FACTOR_MAX + 1.0] {
        let expect = format!("the factor is `{factor}`, which is not within `1` to `100`");
        assert_eq!(of(1, Weights::Around { factor }), expect);
    }
}

#[test]
fn comparisons_are_checked() {
    let of = |rows: &[&[f64]]| refusal(ahp(&rows.iter().map(|row| row.to_vec()).collect::<Vec<_>>()));
    assert_eq!(of(&[]), "0 criteria are not within `1` to `1000`");
    assert_eq!(of(&[&[1.0, 2.0]]), "the comparisons of criterion `0` has length `2` where `1` is needed");
    assert_eq!(of(&[&[2.0]]), "the comparison `[0][0]` is `2`, which is not within `1` to `1`");
    let contradiction = "`[0][1]` is `3` and `[1][0]` is `3`: they contradict each other";
    assert_eq!(of(&[&[1.0, 3.0], &[3.0, 1.0]]), contradiction);
    for wrong in [0.0, -3.0, f64::NAN, JUDGEMENT_MAX + 1.0] {
        assert!(of(&[&[1.0, wrong], &[1.0, 1.0]]).starts_with("the comparison `[0][1]` is "));
    }
    // Rounded to two digits, as people write them.
    for (given, back) in [(3.0, 0.33), (7.0, 0.14), (6.0, 0.17), (8.0, 0.13), (9.0, 0.11)] {
        let found = ahp(&[vec![1.0, given], vec![back, 1.0]]).unwrap();
        assert!((found.weights[0] / found.weights[1] / given - 1.0).abs() < 0.025, "{found:?}");
    }
}

#[test]
fn the_bounds_of_consistency_are_a_tenth_and_a_fifth() {
    for (ratio, consistency) in [
        (0.0999, Consistency::Fine),
        (0.1001, Consistency::Warned),
        (0.1999, Consistency::Warned),
        (0.2001, Consistency::Refused),
    ] {
        // Of 3 × 3 comparisons of which one is b and two are 1, λmax is 1 + ∛b + 1 / ∛b.
        let sum: f64 = 2.0 + 2.0 * 0.58 * ratio;
        let b = ((sum + (sum * sum - 4.0).sqrt()) / 2.0).powi(3);
        let found = ahp(&[vec![1.0, 1.0, b], vec![1.0, 1.0, 1.0], vec![1.0 / b, 1.0, 1.0]]).unwrap();
        assert!((found.ratio - ratio).abs() < 1e-9, "{found:?}");
        assert_eq!(found.consistency, consistency, "{ratio}");
    }
}

#[test]
fn comparisons_that_contradict_each_other() {
    let three =
        |a: f64, b: f64, c: f64| ahp(&[vec![1.0, a, b], vec![1.0 / a, 1.0, c], vec![1.0 / b, 1.0 / c, 1.0]]).unwrap();
    for (comparisons, ratio, consistency) in [
        (three(2.0, 6.0, 3.0), 0.0, Consistency::Fine),
        (three(2.0, 6.0, 8.0), 0.0930, Consistency::Fine),
        (three(2.0, 5.0, 7.0), 0.1025, Consistency::Warned),
        (three(2.0, 6.0, 9.0), 0.1169, Consistency::Warned),
        (three(2.0, 4.5, 9.0), 0.1874, Consistency::Warned),
        (three(2.0, 3.0, 9.0), 0.3168, Consistency::Refused),
        (three(3.0, 1.0 / 3.0, 3.0), 1.1494, Consistency::Refused),
    ] {
        assert!((comparisons.ratio - ratio).abs() < 1e-4, "{comparisons:?}");
        assert_eq!(comparisons.consistency, consistency, "{comparisons:?}");
    }
    let table = Table::new(&[1.0; 3], &full(&[&[9.0, 5.0, 5.0], &[5.0, 6.0, 9.0]])).unwrap();
    let error = three(2.0, 3.0, 9.0).order(&table).unwrap_err();
    assert_eq!(error.kind(), Kind::Semantics);
    let order = three(2.0, 6.0, 3.0).order(&table).unwrap();
    assert!((order.totals[0].unwrap() - (0.6 * 9.0 + 0.3 * 5.0 + 0.1 * 5.0)).abs() < 1e-9, "{order:?}");
    assert_eq!((order.winner(), weighted_winner(&table)), (Some(0), Some(1)));
    let of_two = ahp(&[vec![1.0, 9.0], vec![1.0 / 9.0, 1.0]]).unwrap();
    assert_eq!(of_two.ratio, 0.0);
    assert!(matches!(of_two.order(&table), Err(PreferenceError::Length { .. })));
    let odd = three(2.0, 3.0, 9.0).at_odds.unwrap();
    assert!(odd.said != odd.implied);
}

fn weighted_winner(table: &Table) -> Option<usize> {
    crate::weighted_sum(table).winner()
}
