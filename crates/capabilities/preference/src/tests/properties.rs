//! What holds for every table.

use super::{Made, full, made, shuffled};
use crate::{
    Direction, Draws, FirstPlace, Method, Norm, Order, Table, WEIGHT_RANGE, Weights, agreement, ahp, chances,
    close_call, min_max, promethee, second_opinions, sensitivity, topsis, weighted_sum,
};
use proptest::prelude::*;

fn all_orders(table: &Table) -> Vec<Order> {
    vec![
        weighted_sum(table),
        min_max(table),
        topsis(table, Norm::Vector),
        topsis(table, Norm::MinMax),
        promethee(table),
    ]
}

/// The groups of an order under the names that options had before they were permuted, sorted within each group.
fn renamed(groups: &[Vec<usize>], options: &[usize]) -> Vec<Vec<usize>> {
    let rename = |group: &Vec<usize>| {
        let mut names: Vec<usize> = group.iter().map(|at| options[*at]).collect();
        names.sort_unstable();
        names
    };
    groups.iter().map(rename).collect()
}

fn bits(total: Option<f64>) -> Option<u64> {
    total.map(f64::to_bits)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn order_does_not_depend_on_insertion((made, options, criteria) in shuffled(15)) {
        let (orders, permuted) = (all_orders(&made.table()), all_orders(&made.permuted(&options, &criteria).table()));
        for (order, other) in orders.iter().zip(&permuted) {
            for (at, option) in options.iter().enumerate() {
                let (found, expect) = (bits(other.totals[at]), bits(order.totals[*option]));
                prop_assert_eq!(found, expect, "{:?}: {:?} {:?}", order.method, order.totals, other.totals);
            }
            prop_assert_eq!(renamed(&other.ranked, &options), order.ranked.clone());
            prop_assert_eq!(renamed(std::slice::from_ref(&other.left_out), &options), std::slice::from_ref(&order.left_out));
        }
    }

    #[test]
    fn chances_do_not_depend_on_insertion((made, options, criteria) in shuffled(15), seed in any::<u64>(), at in 0..3_usize) {
        let weights = [Weights::Given, Weights::Around { factor: 1.5 }, Weights::Uniform][at];
        let draws = Draws { count: 50, seed, weights, spread: true };
        let found = chances(&made.table(), &draws).unwrap();
        let other = chances(&made.permuted(&options, &criteria).table(), &draws).unwrap();
        for (at, option) in options.iter().enumerate() {
            let (found, other) = (&found.options[*option], &other.options[at]);
            prop_assert_eq!(found.first.to_bits(), other.first.to_bits());
            prop_assert_eq!(found.interval, other.interval);
            let expect = found.central_weights.clone().map(|weights| criteria.iter().map(|at| weights[*at]).collect());
            prop_assert_eq!(other.central_weights.clone(), expect);
        }
    }

    #[test]
    fn flips_do_not_depend_on_insertion((made, options, criteria) in shuffled(15)) {
        let (table, permuted) = (made.table(), made.permuted(&options, &criteria).table());
        let (found, other) = (sensitivity(&table, WEIGHT_RANGE), sensitivity(&permuted, WEIGHT_RANGE));
        prop_assert_eq!(other.winner.map(|winner| options[winner]), found.winner);
        for (found, other) in [(&found.within, &other.within), (&found.anywhere, &other.anywhere)] {
            for (at, criterion) in criteria.iter().enumerate() {
                let (found, other) = (&found[*criterion], &other[at]);
                prop_assert_eq!(found.is_some(), other.is_some());
                let (Some(found), Some(other)) = (found, other) else { continue };
                prop_assert!((found.new_weight - other.new_weight).abs() <= 1e-9 * found.new_weight, "{:?} {:?}", found, other);
                prop_assert_eq!(&renamed(std::slice::from_ref(&other.rivals), &options)[0], &found.rivals);
            }
        }
        let (order, permuted_order) = (weighted_sum(&table), weighted_sum(&permuted));
        let close = close_call(&table, &order, &found, None);
        prop_assert_eq!(close_call(&permuted, &permuted_order, &other, None).reasons.len(), close.reasons.len());
    }

    #[test]
    fn whoever_is_dropped_the_winner_of_the_weighted_sum_stays(made in made(20, true)) {
        let order = weighted_sum(&made.table());
        // A table of one option is none.
        let enough = made.rows.len() > 2;
        for dropped in order.ranked.iter().skip(1).flatten().filter(|_| enough) {
            let left = weighted_sum(&made.without(*dropped).table());
            let first: Vec<usize> = left.first().iter().map(|at| at + usize::from(at >= dropped)).collect();
            prop_assert_eq!(&first, order.first());
        }
    }

    #[test]
    fn absent_pairs_count_neither_in_the_sum_nor_in_the_weight(made in made(40, false)) {
        let order = weighted_sum(&made.table());
        for (row, total) in made.rows.iter().zip(&order.totals) {
            let (mut sum, mut weights) = (0.0, 0.0);
            for (score, weight) in row.iter().zip(&made.weights) {
                if let Some(score) = score {
                    sum += score * weight;
                    weights += weight;
                }
            }
            let expect = if weights > 0.0 { sum / weights } else { 0.0 };
            prop_assert!((total.unwrap() - expect).abs() < 1e-12, "{:?} is not {}", total, expect);
            let within = 1.0 - 1e-12..=10.0 + 1e-12;
            prop_assert!(weights == 0.0 || within.contains(&expect));
        }
        prop_assert!(order.left_out.is_empty(), "the weighted sum places everybody");
    }

    #[test]
    fn options_without_a_score_come_last(made in made(70, true)) {
        let unscored: Vec<usize> =
            (0..made.rows.len()).filter(|at| made.rows[*at].iter().all(Option::is_none)).collect();
        for order in [weighted_sum(&made.table()), min_max(&made.table())] {
            if !unscored.is_empty() {
                prop_assert_eq!(order.ranked.last(), Some(&unscored));
            }
            prop_assert!(unscored.iter().all(|option| order.totals[*option] == Some(0.0)));
        }
    }

    #[test]
    fn every_option_has_a_place_or_is_left_out(made in made(30, true)) {
        for order in all_orders(&made.table()) {
            let mut seen: Vec<usize> = order.ranked.iter().flatten().chain(&order.left_out).copied().collect();
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..made.rows.len()).collect::<Vec<_>>());
            let ends = match order.method {
                Method::WeightedSum => (0.0, 10.0),
                Method::Promethee => (-1.0, 1.0),
                _ => (0.0, 1.0),
            };
            let within = |total: f64| ends.0 - 1e-9 <= total && total <= ends.1 + 1e-9;
            prop_assert!(order.totals.iter().flatten().all(|total| within(*total)), "{:?}", order);
        }
    }

    #[test]
    fn dominated_options_come_first_nowhere(made in made(0, true)) {
        let mut better = made.clone();
        let best = made.directions.iter().map(|direction| match direction {
            Direction::Benefit => Some(10.0),
            Direction::Cost => Some(1.0),
        });
        better.rows.push(best.collect());
        better.spreads.push(vec![0.0; made.weights.len()]);
        for order in all_orders(&better.table()) {
            prop_assert!(order.first().contains(&made.rows.len()), "{:?}", order);
        }
    }

    #[test]
    fn kendall_tau_is_symmetric_and_a_correlation(made in made(10, true)) {
        let orders = all_orders(&made.table());
        for a in &orders {
            for b in &orders {
                let found = agreement(a, b);
                prop_assert_eq!(found, agreement(b, a));
                prop_assert!(found.kendall_tau.is_none_or(|tau| (-1.0..=1.0).contains(&tau)));
            }
            let own = agreement(a, a);
            prop_assert!(own.kendall_tau.is_none_or(|tau| tau == 1.0), "{:?}", own);
        }
    }

    #[test]
    fn consistent_comparisons_give_their_weights_back(weights in prop::collection::vec(0.2..2.0_f64, 1..30)) {
        let comparisons: Vec<Vec<f64>> = weights.iter().map(|a| weights.iter().map(|b| a / b).collect()).collect();
        let found = ahp(&comparisons).unwrap();
        let sum: f64 = weights.iter().sum();
        for (found, expect) in found.weights.iter().zip(&weights) {
            prop_assert!((found - expect / sum).abs() < 1e-12);
        }
        prop_assert!(found.ratio < 1e-9 && found.at_odds.is_none(), "{:?}", found);
    }
}

#[test]
fn equal_totals_are_ties_whatever_the_sums_look_like() {
    // 0.1 · 3 + 0.2 · 6 and 0.1 · 9 + 0.2 · 3 are both 1.5, but not in binary.
    let table = Table::new(&[0.1, 0.2, 0.3], &full(&[&[3.0, 6.0, 7.0], &[9.0, 3.0, 7.0], &[3.0, 6.0, 6.0]])).unwrap();
    let order = weighted_sum(&table);
    assert_eq!(order.ranked, [vec![0, 1], vec![2]]);
    assert_eq!((order.winner(), order.margin()), (None, Some(0.0)));
    assert_eq!([0, 1, 2].map(|option| order.place(option)), [Some(1), Some(1), Some(3)]);
}

#[test]
fn methods_without_all_scores() {
    let rows = vec![
        vec![Some(9.0), Some(8.0), None],
        vec![Some(6.0), Some(5.0), None],
        vec![Some(10.0), None, None],
        vec![None, None, None],
    ];
    let table = Table::new(&[1.0, 2.0, 3.0], &rows).unwrap();
    let expect = [
        // The third scored option has only its best criterion, which is what counts.
        (weighted_sum(&table), vec![vec![2], vec![0], vec![1], vec![3]], vec![]),
        // Stretched: 0.75 and 1 with the weights 1 and 2; 0; 1.
        (min_max(&table), vec![vec![2], vec![0], vec![1], vec![3]], vec![]),
        // Nobody has the last criterion: it is not looked at. Two options are complete by the others.
        (topsis(&table, Norm::Vector), vec![vec![0], vec![1]], vec![2, 3]),
        (promethee(&table), vec![vec![2], vec![0], vec![1]], vec![3]),
    ];
    for (order, ranked, left_out) in expect {
        assert_eq!((&order.ranked, &order.left_out), (&ranked, &left_out), "{order:?}");
    }
    let opinions = second_opinions(&table);
    let of_topsis = &opinions[1].agreement;
    assert_eq!((of_topsis.compared, of_topsis.first, of_topsis.kendall_tau), (2, Some(FirstPlace::Same), Some(1.0)));
    let alone = Table::new(&[1.0, 1.0], &[vec![Some(5.0), Some(5.0)], vec![Some(5.0), None]]).unwrap();
    let order = topsis(&alone, Norm::Vector);
    assert_eq!((order.ranked.len(), order.left_out), (0, vec![0, 1]), "one that is complete is compared with nobody");
    let empty = Table::new(&[1.0], &[vec![None], vec![None]]).unwrap();
    assert_eq!(all_orders(&empty).iter().map(Order::winner).collect::<Vec<_>>(), [None; 5]);
    assert_eq!(sensitivity(&empty, WEIGHT_RANGE).winner, None);
}

#[test]
fn methods_without_any_difference() {
    let table = Table::new(&[1.0, 2.0], &full(&[&[5.0, 7.0], &[5.0, 7.0]])).unwrap();
    for (order, expect) in all_orders(&table).iter().zip([19.0 / 3.0, 1.0, 0.5, 0.5, 0.0]) {
        assert_eq!(order.ranked, [[0, 1]], "{order:?}");
        assert!((order.totals[0].unwrap() - expect).abs() < 1e-12, "{order:?}");
    }
}

#[test]
fn first_places_overlap_or_differ() {
    let order = |ranked: &[&[usize]]| {
        let totals: Vec<f64> =
            (0..4).map(|at| -(ranked.iter().position(|g| g.contains(&at)).unwrap() as f64)).collect();
        Order::of(Method::Promethee, totals.into_iter().map(Some).collect(), 1e-9, &[])
    };
    let counts = order(&[&[0], &[1], &[2], &[3]]);
    for (other, first, tau) in [
        (order(&[&[0], &[1], &[2], &[3]]), FirstPlace::Same, Some(1.0)),
        (order(&[&[3], &[2], &[1], &[0]]), FirstPlace::Different, Some(-1.0)),
        (order(&[&[0, 1], &[2], &[3]]), FirstPlace::Overlapping, Some(5.0 / 30.0_f64.sqrt())),
        (order(&[&[1, 2], &[0], &[3]]), FirstPlace::Different, Some(1.0 / 30.0_f64.sqrt())),
        (order(&[&[0, 1, 2, 3]]), FirstPlace::Overlapping, None),
    ] {
        let found = agreement(&counts, &other);
        assert_eq!(found.first, Some(first), "{other:?}");
        let close = |tau: f64| found.kendall_tau.is_some_and(|found| (found - tau).abs() < 1e-12);
        assert!(tau.map_or(found.kendall_tau.is_none(), close), "{found:?}");
    }
}

#[test]
fn kendall_tau_with_ties_in_both() {
    let order = |groups: [f64; 4]| Order::of(Method::Topsis, groups.map(Some).to_vec(), 1e-9, &[]);
    // Four pairs the same way; each ties one that the other does not: 4 / √(5 · 5).
    let found = agreement(&order([3.0, 3.0, 2.0, 1.0]), &order([3.0, 2.0, 2.0, 1.0]));
    assert!((found.kendall_tau.unwrap() - 0.8).abs() < 1e-12, "{found:?}");
    assert_eq!(found.first, Some(FirstPlace::Overlapping));
}

#[test]
fn a_cost_is_mirrored_at_the_middle_of_the_scale() {
    let made = Made {
        directions: vec![Direction::Cost, Direction::Benefit],
        weights: vec![1.0, 3.0],
        rows: full(&[&[1.0, 5.0], &[10.0, 6.0]]),
        spreads: vec![vec![0.0; 2]; 2],
    };
    let order = weighted_sum(&made.table());
    assert_eq!(order.totals, [Some((10.0 + 15.0) / 4.0), Some((1.0 + 18.0) / 4.0)]);
}

#[test]
fn stretching_takes_spreads_along() {
    let rows = vec![vec![Some(2.0), Some(5.0)], vec![Some(4.0), Some(5.0)], vec![Some(6.0), None]];
    let table = Table::new(&[1.0, 1.0], &rows).unwrap().with_spread(&vec![vec![0.5, 0.5]; 3]).unwrap().min_max();
    let spreads = [0, 1, 2].map(|option| table.spreads(option).to_vec());
    assert_eq!(spreads, [[0.125, 0.0], [0.125, 0.0], [0.125, 0.0]], "by the length of 4; what is alike stays alike");
    let scores = [0, 1].map(|option| table.scores(option).to_vec());
    assert_eq!(scores, [[0.0, 1.0], [0.5, 1.0]]);
    assert_eq!((table.scale().lo, table.scale().hi, table.is_scored(2)), (0.0, 1.0, true));
}

#[test]
fn a_rounding_is_no_difference() {
    // A third of 22 comes out in two ways; stretched, or compared in pairs, it would count as much as any difference.
    let rows = full(&[&[7.333_333_333_333_333, 5.0], &[7.333_333_333_333_334, 4.0]]);
    let table = Table::new(&[3.0, 1.0], &rows).unwrap();
    for order in all_orders(&table) {
        assert_eq!(order.winner(), Some(0), "{order:?}");
    }
    let alike = Table::new(&[3.0], &full(&[&[7.333_333_333_333_333], &[7.333_333_333_333_345]])).unwrap();
    for order in all_orders(&alike) {
        assert_eq!(order.ranked, [[0, 1]], "{order:?}");
    }
}
