//! What a weight does, against the order that `preference` gives at that weight.

use super::sample::{full, made, partial, tied};
use crate::course::{Course, Stretch};
use crate::told::Piece;
use crate::view::View;
use crate::{Sheet, WEIGHT_MAX, WEIGHT_MIN};
use preference::{Table, WEIGHT_RANGE, sensitivity, weighted_sum};
use proptest::prelude::*;

/// The scores of a sheet as `preference` has them.
fn table(sheet: &Sheet) -> Table {
    let view = View::new(sheet);
    let row = |option| (0..sheet.criteria.len()).map(|criterion| view.score(option, criterion)).collect();
    let rows: Vec<Vec<Option<f64>>> = (0..sheet.options.len()).map(row).collect();
    let weights: Vec<f64> = sheet.criteria.iter().map(|criterion| criterion.weight).collect();
    Table::new(&weights, &rows).unwrap()
}

/// The same with one other weight.
fn weighing(table: &Table, criterion: usize, weight: f64) -> Table {
    let mut weights = table.weights().to_vec();
    weights[criterion] = weight;
    table.with_weights(&weights).unwrap()
}

/// Checks each weight of a sheet over its whole range; how often the first place changes, by criterion.
fn checked(sheet: &Sheet) -> Vec<usize> {
    let (view, table) = (View::new(sheet), table(sheet));
    let flips = sensitivity(&table, WEIGHT_RANGE);
    let mut changes = Vec::new();
    for (criterion, flip) in flips.within.iter().enumerate() {
        let Some(course) = Course::of(&view, criterion) else { continue };
        let stretches = course.stretches();
        let at = |weight: f64| weighted_sum(&weighing(&table, criterion, weight));
        let ends: Vec<f64> = stretches.iter().map(|stretch| stretch.from).chain([WEIGHT_MAX]).collect();
        assert_eq!((ends[0], stretches[stretches.len() - 1].to), (WEIGHT_MIN, WEIGHT_MAX));
        for (stretch, pair) in stretches.iter().zip(ends.windows(2)) {
            assert_eq!([stretch.from, stretch.to], [pair[0], pair[1]], "without a gap");
            assert!(pair[0] < pair[1], "{stretches:?}");
            // Who is first in between is first alone; at either end others may be level.
            let inside = at((pair[0] * pair[1]).sqrt());
            assert_eq!(inside.first(), stretch.first, "{criterion} {stretch:?}");
            for end in [pair[0], pair[1]] {
                let order = at(end);
                assert!(stretch.first.iter().all(|first| order.first().contains(first)), "{criterion} {stretch:?}");
                for option in 0..sheet.options.len() {
                    let total = course.total(option, end);
                    assert!((total.unwrap_or(0.0) - order.totals[option].unwrap()).abs() < 1e-12, "{total:?}");
                }
            }
        }
        assert!(stretches.windows(2).all(|pair| pair[0].first != pair[1].first), "{stretches:?}");
        let Some(winner) = flips.winner else { continue };
        let change = |stretch: &&Stretch| !stretch.first.contains(&winner);
        let distance = |end: f64| (end - table.weights()[criterion]).abs();
        let nearest = stretches.iter().filter(change).map(|one| distance(one.from).min(distance(one.to)));
        let nearest = nearest.min_by(f64::total_cmp);
        match flip {
            Some(flip) => assert!((nearest.unwrap() - flip.change.abs()).abs() < 1e-6, "{flip:?} {stretches:?}"),
            None => assert_eq!(nearest, None, "{criterion}"),
        }
        changes.push(stretches.len() - 1);
    }
    changes
}

/// A sheet of these scores, with names that say nothing.
fn sheet(weights: &[f64], rows: &[Vec<Option<f64>>]) -> Sheet {
    let named = |kind: &str, count: usize| (0..count).map(|at| format!("{kind} {at}")).collect::<Vec<_>>();
    let (options, criteria) = (named("option", rows.len()), named("criterion", weights.len()));
    let options: Vec<_> = options.iter().map(|name| (name.as_str(), "")).collect();
    let criteria: Vec<_> = criteria.iter().zip(weights).map(|(name, weight)| (name.as_str(), "", *weight)).collect();
    made(&options, &criteria, rows)
}

#[test]
fn samples_change_hands_where_their_order_does() {
    assert_eq!(checked(&full()), [1, 1, 0]);
    assert_eq!(checked(&partial()), [2, 1, 1]);
    assert_eq!(checked(&tied()), Vec::<usize>::new(), "nobody is first alone");
}

#[test]
fn every_change_is_found_and_not_the_nearest_alone() {
    // The first weight makes each of three the first, one after the other; the second does so from the other end.
    let rows = [[1.0, 9.0], [7.0, 7.0], [9.0, 1.0]].map(|row| row.map(Some).to_vec());
    let sheet = sheet(&[1.0, 1.0], &rows);
    assert_eq!(checked(&sheet), [2, 2]);
    let (view, first) = (View::new(&sheet), |criterion| {
        let stretches = Course::of(&View::new(&sheet), criterion).unwrap().stretches();
        stretches.into_iter().map(|stretch| (stretch.first, stretch.to)).collect::<Vec<_>>()
    });
    // (1 x + 9) = (7 x + 7) at a third, (7 x + 7) = (9 x + 1) at 3.
    let close = |found: &[(Vec<usize>, f64)], expect: [(usize, f64); 3]| {
        for ((first, to), (option, end)) in found.iter().zip(expect) {
            assert!(first == &[option] && (to - end).abs() < 1e-12, "{found:?}");
        }
    };
    close(&first(0), [(0, 1.0 / 3.0), (1, 3.0), (2, WEIGHT_MAX)]);
    close(&first(1), [(2, 1.0 / 3.0), (1, 3.0), (0, WEIGHT_MAX)]);
    let told = |criterion| {
        let told = crate::told::stretches(&view, 1.0, &Course::of(&view, criterion).unwrap().stretches());
        let piece = |piece: &Piece<'_>| match piece {
            Piece::Ours(words) => words.to_string(),
            Piece::Name(text) | Piece::Text(text) => (*text).to_owned(),
        };
        told.0.iter().map(piece).collect::<String>()
    };
    assert_eq!(told(0), "First: option 0 up to 0.33, then option 1 up to 3, then option 2.");
}

#[test]
fn whoever_lacks_a_score_may_be_overtaken_twice() {
    // The first has no score by the free weight, so that its total is level; the other's goes through it and comes back.
    let rows =
        vec![vec![None, Some(6.0), Some(7.0)], vec![Some(6.6), Some(6.9), None], vec![Some(6.6), None, Some(6.8)]];
    for weights in [[1.0, 1.0, 1.0], [0.3, 2.0, 5.0], [4.0, 0.2, 9.0]] {
        checked(&sheet(&weights, &rows));
    }
}

#[test]
fn where_all_are_level_at_once_there_is_one_change() {
    for weight in [0.3, 0.7, 1.1, 4.9] {
        let rows: Vec<_> =
            (0..8).map(|at| 1.3 + 1.1 * f64::from(at)).map(|own| vec![Some(own), Some(10.1 - own)]).collect();
        let stretches = Course::of(&View::new(&sheet(&[1.0, weight], &rows)), 0).unwrap().stretches();
        let found: Vec<_> = stretches.iter().map(|one| one.first.clone()).collect();
        assert_eq!(found, [vec![0], vec![7]], "{stretches:?}");
        assert!((stretches[0].to - weight).abs() < 1e-12, "{stretches:?}");
    }
}

#[test]
fn who_is_alike_shares_the_place_everywhere() {
    let rows = [[7.0, 3.0], [7.0, 3.0], [3.0, 6.0]].map(|row| row.map(Some).to_vec());
    let sheet = sheet(&[1.0, 1.0], &rows);
    checked(&sheet);
    let stretches = Course::of(&View::new(&sheet), 0).unwrap().stretches();
    assert_eq!(stretches.iter().map(|one| one.first.clone()).collect::<Vec<_>>(), [vec![2], vec![0, 1]]);
}

#[test]
fn nothing_is_drawn_of_what_are_no_figures() {
    let good = || sheet(&[1.0, 1.0], &[vec![Some(5.0), Some(6.0)], vec![Some(6.0), Some(5.0)]]);
    assert!(Course::of(&View::new(&good()), 0).is_some());
    for weight in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e300] {
        let mut sheet = good();
        sheet.criteria[1].weight = weight;
        assert!(Course::of(&View::new(&sheet), 0).is_none(), "{weight}");
    }
    let mut sheet = good();
    sheet.pairs[0].score = Some(1e300);
    assert!(Course::of(&View::new(&sheet), 0).is_none());
    let one = self::sheet(&[1.0], &[vec![Some(5.0)], vec![None]]);
    assert!(Course::of(&View::new(&one), 0).is_none(), "there is nobody to be overtaken by");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn the_course_is_what_the_ranking_would_be(
        (weights, rows) in (2..8_usize, 1..6_usize).prop_flat_map(|(options, criteria)| {
            let score = prop_oneof![3 => (1..=10_u32).prop_map(f64::from), 1 => 1.0..=10.0_f64];
            let cell = (score, 0..100_u32).prop_map(|(score, kept)| (kept >= 15).then_some(score));
            let weight = (1..=100_u32).prop_map(|tenths| f64::from(tenths) / 10.0);
            let rows = prop::collection::vec(prop::collection::vec(cell, criteria), options);
            (prop::collection::vec(weight, criteria), rows)
        }),
    ) {
        checked(&sheet(&weights, &rows));
    }
}
