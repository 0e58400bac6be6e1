//! Draws against probabilities that can be worked out, and the same figures from the same seed.

use super::full;
use crate::{Chances, Draws, Table, Weights, chances};

const MANY: usize = 100_000;

fn first(table: &Table, weights: Weights) -> Vec<f64> {
    let found = chances(table, &Draws { count: MANY, seed: 5, weights, spread: true }).unwrap();
    found.options.iter().map(|chance| chance.first).collect()
}

#[test]
fn shares_as_they_can_be_worked_out() {
    let one = |scores: &[f64], spreads: &[f64]| {
        let rows: Vec<Vec<Option<f64>>> = scores.iter().map(|score| vec![Some(*score)]).collect();
        let spreads: Vec<Vec<f64>> = spreads.iter().map(|spread| vec![*spread]).collect();
        Table::new(&[1.0], &rows).unwrap().with_spread(&spreads).unwrap()
    };
    let two = |weights: [f64; 2], rows: &[&[f64]]| Table::new(&weights, &full(rows)).unwrap();
    for (what, table, weights, expect) in [
        ("one standard deviation of the difference is √2", one(&[6.0, 5.0], &[1.0, 1.0]), Weights::Given, 0.760_25),
        ("half of the noise is put back to 10: a tie", one(&[10.0, 10.0], &[0.0, 1.0]), Weights::Given, 0.75),
        ("without spread the better one", one(&[6.0, 5.0], &[0.0, 0.0]), Weights::Given, 1.0),
        (
            "the first where its weight is above 0.6",
            two([1.0, 1.0], &[&[5.0, 1.0], &[3.0, 4.0]]),
            Weights::Uniform,
            0.4,
        ),
        // The quotient of the factors must be above 1.5; the difference of their logarithms, uniform within ± ln 2, has
        // a triangle as its density: (2 ln 2 − ln 1.5)² / (8 ln² 2).
        (
            "a quotient of weights above 1.5",
            two([1.0, 1.0], &[&[10.0, 1.0], &[4.0, 10.0]]),
            Weights::Around { factor: 2.0 },
            0.250_3,
        ),
        (
            "out of reach of the factor",
            two([1.0, 1.0], &[&[10.0, 1.0], &[8.0, 10.0]]),
            Weights::Around { factor: 1.5 },
            0.0,
        ),
    ] {
        let found = first(&table, weights);
        assert!((found[0] - expect).abs() < 0.005, "{what}: {found:?}");
        assert!((found.iter().sum::<f64>() - 1.0).abs() < 1e-9);
    }
}

#[test]
fn an_interval_covers_the_truth_as_often_as_it_says() {
    let table = Table::new(&[1.0, 1.0], &full(&[&[5.0, 1.0], &[3.0, 4.0]])).unwrap();
    let covers = |seed: u64| {
        let draws = Draws { count: 500, seed, weights: Weights::Uniform, spread: false };
        chances(&table, &draws).unwrap().options[0].interval.holds(0.4)
    };
    let covered = (0..400).filter(|seed| covers(*seed)).count();
    assert!((366..=394).contains(&covered), "{covered} of 400");
}

#[test]
fn options_and_criteria_that_are_alike_get_the_same() {
    let rows = full(&[&[7.0, 7.0, 2.0], &[7.0, 7.0, 2.0], &[6.0, 6.0, 3.0], &[7.0, 7.0, 2.0]]);
    let spread = vec![vec![0.7; 3]; 4];
    let table = Table::new(&[1.0, 1.0, 2.0], &rows).unwrap().with_spread(&spread).unwrap();
    let found = chances(&table, &Draws { count: 100, ..Draws::usual(9) }).unwrap();
    assert_eq!(found.options[0], found.options[1]);
    assert_eq!(found.options[0], found.options[3]);
    let central = found.options[2].central_weights.clone().unwrap();
    assert_eq!(central[0], central[1]);
    assert!((central.iter().sum::<f64>() - 1.0).abs() < 1e-12);
}

#[test]
fn who_has_no_score_is_never_first() {
    let rows = vec![vec![None, None], vec![Some(1.0), None], vec![None, None]];
    let found = chances(&Table::new(&[1.0, 1.0], &rows).unwrap(), &Draws::usual(1)).unwrap();
    let shares: Vec<f64> = found.options.iter().map(|chance| chance.first).collect();
    assert_eq!(shares, [0.0, 1.0, 0.0]);
    assert_eq!(found.options[0].central_weights, None);
    let empty = Table::new(&[1.0], &[vec![None], vec![None]]).unwrap();
    let found = chances(&empty, &Draws::usual(1)).unwrap();
    assert!(found.options.iter().all(|chance| chance.first == 0.0 && chance.central_weights.is_none()));
}

#[test]
fn scores_without_spread_are_not_drawn() {
    let rows = full(&[&[7.0, 3.0, 8.0], &[6.0, 6.0, 6.0], &[4.0, 9.0, 5.0]]);
    let table = Table::new(&[2.0, 1.0, 1.0], &rows).unwrap().with_spread(&vec![vec![0.0; 3]; 3]).unwrap();
    let of = |table: &Table, weights: Weights, spread: bool| {
        chances(table, &Draws { count: 1_000, seed: 7, weights, spread }).unwrap().options
    };
    for weights in [Weights::Given, Weights::Around { factor: 2.0 }, Weights::Uniform] {
        assert_eq!(of(&table, weights, true), of(&table, weights, false), "no chance is used up either");
    }
    // With nothing left to chance it is the ranking, draw by draw.
    let shares = |table: &Table| of(table, Weights::Given, true).iter().map(|it| it.first).collect::<Vec<_>>();
    assert_eq!(shares(&table), [1.0, 0.0, 0.0]);
    assert_eq!(shares(&Table::new(&[1.0; 2], &full(&[&[7.0, 5.0], &[5.0, 7.0]])).unwrap()), [0.5, 0.5]);
    // And what is said not to be drawn is not, whatever its spread.
    let noisy = table.clone().with_spread(&vec![vec![2.0; 3]; 3]).unwrap();
    assert_eq!(of(&noisy, Weights::Given, false), of(&table, Weights::Given, false));
    assert_ne!(of(&noisy, Weights::Given, true), of(&table, Weights::Given, true));
}

#[test]
fn absent_scores_count_neither_in_the_sum_nor_in_the_weight() {
    // 8 without a second score, against (9 a + 5 b): first where the weight of the first criterion is below 0.75.
    let rows = vec![vec![Some(8.0), None], vec![Some(9.0), Some(5.0)]];
    let table = Table::new(&[1.0, 1.0], &rows).unwrap();
    let found = first(&table, Weights::Uniform);
    assert!((found[0] - 0.75).abs() < 0.005, "{found:?}");
}

#[test]
fn a_seed_says_the_same_everywhere() {
    let rows = full(&[&[7.0, 3.0, 8.0], &[6.0, 6.0, 6.0], &[4.0, 9.0, 5.0]]);
    let table = Table::new(&[2.0, 1.0, 0.5], &rows).unwrap().with_spread(&vec![vec![0.8; 3]; 3]).unwrap();
    let of = |seed: u64, weights: Weights| -> Chances {
        chances(&table, &Draws { count: 1_000, seed, weights, spread: true }).unwrap()
    };
    let around = Weights::Around { factor: 2.0 };
    assert_eq!(of(7, around), of(7, around));
    assert_ne!(of(7, around), of(8, around));
    // Counted once on x86-64; another machine must count the same.
    for (weights, expect) in [(around, [0.416, 0.372, 0.212]), (Weights::Uniform, [0.453, 0.174, 0.373])] {
        let found = of(7, weights);
        assert_eq!(found.options.iter().map(|chance| chance.first).collect::<Vec<_>>(), expect);
    }
}
