//! Tables with published results. Where nothing else is named, figures were reproduced with pymcdm 1.4.0.

use super::full;
use crate::{
    Consistency, Direction, Draws, FirstPlace, Norm, Order, Scale, Table, Weights, agreement, ahp, chances, min_max,
    promethee, second_opinions, topsis,
};

/// Four options by three criteria, of Tzeng & Huang (2011), with scikit-criteria's figures for it.
fn tzeng_and_huang() -> Table {
    let rows = full(&[&[5.0, 8.0, 4.0], &[7.0, 6.0, 8.0], &[8.0, 8.0, 6.0], &[7.0, 4.0, 6.0]]);
    Table::new(&[0.3, 0.4, 0.3], &rows).unwrap()
}

/// Five phones by price, memory, camera and looks, of the repository mycr0ft/MultiComponentDecisionTheory.
fn phones() -> Table {
    let directions = [Direction::Cost, Direction::Benefit, Direction::Benefit, Direction::Benefit];
    let rows = full(&[
        &[250.0, 16.0, 12.0, 5.0],
        &[200.0, 16.0, 8.0, 3.0],
        &[300.0, 32.0, 16.0, 4.0],
        &[275.0, 32.0, 8.0, 4.0],
        &[225.0, 16.0, 16.0, 2.0],
    ]);
    Table::on(Scale { lo: 0.0, hi: 300.0 }, &directions, &[1.0; 4], &rows).unwrap()
}

/// Six options by five criteria of unlike weights, two of them costs.
fn mixed() -> Table {
    let (cost, benefit) = (Direction::Cost, Direction::Benefit);
    let rows = full(&[
        &[7.0, 3.0, 9.0, 4.0, 6.0],
        &[8.0, 5.0, 6.0, 4.0, 7.0],
        &[6.0, 2.0, 8.0, 9.0, 7.0],
        &[9.0, 6.0, 5.0, 7.0, 3.0],
        &[7.0, 4.0, 7.0, 7.0, 8.0],
        &[5.0, 1.0, 10.0, 6.0, 6.0],
    ]);
    let directions = [benefit, cost, benefit, benefit, cost];
    Table::on(Scale::default(), &directions, &[2.0, 1.5, 1.0, 0.5, 3.0], &rows).unwrap()
}

fn near(found: &Order, expect: &[f64]) {
    let totals: Vec<f64> = found.totals.iter().map(|total| total.unwrap()).collect();
    assert_eq!(totals.len(), expect.len());
    for (total, expect) in totals.iter().zip(expect) {
        assert!((total - expect).abs() < 1e-4 / 2.0, "{:?}: {totals:?} is not {expect:?}", found.method);
    }
}

#[test]
fn topsis_as_published() {
    near(&topsis(&tzeng_and_huang(), Norm::Vector), &[0.5037, 0.6581, 0.7482, 0.3340]);
    near(&topsis(&phones(), Norm::Vector), &[0.534277, 0.308368, 0.691632, 0.534737, 0.401046]);
    near(&topsis(&phones(), Norm::MinMax), &[0.5000, 0.4027, 0.5973, 0.4869, 0.4654]);
    near(&topsis(&mixed(), Norm::Vector), &[0.488630, 0.292397, 0.449104, 0.562569, 0.272079, 0.552184]);
    near(&topsis(&mixed(), Norm::MinMax), &[0.471433, 0.364345, 0.362033, 0.666074, 0.274823, 0.445462]);
}

#[test]
fn two_norms_swap_the_second_place_and_the_third() {
    let (vector, stretched) = (topsis(&phones(), Norm::Vector), topsis(&phones(), Norm::MinMax));
    assert_eq!(vector.ranked[..3], [vec![2], vec![3], vec![0]]);
    assert_eq!(stretched.ranked[..3], [vec![2], vec![0], vec![3]]);
    let found = agreement(&vector, &stretched);
    assert_eq!(found.first, Some(FirstPlace::Same));
    assert!((found.kendall_tau.unwrap() - 0.8).abs() < 1e-12, "9 pairs of 10 are put the same way");
}

#[test]
fn min_max_sum_as_published() {
    near(&min_max(&phones()), &[0.5000, 0.3333, 0.6667, 0.4792, 0.4375]);
    near(&min_max(&tzeng_and_huang()), &[0.4, 0.7, 0.85, 0.35]);
    near(&min_max(&mixed()), &[0.4875, 0.325, 0.425, 0.6625, 0.2875, 0.4875]);
    assert_eq!(min_max(&mixed()).ranked[1], [0, 5], "0.4875 twice is a tie");
}

#[test]
fn promethee_as_published() {
    near(&promethee(&phones()), &[0.125, -0.1875, 0.1875, -0.0625, -0.0625]);
    near(&promethee(&tzeng_and_huang()), &[-0.33333, 0.16667, 0.56667, -0.4]);
    near(&promethee(&mixed()), &[0.2125, -0.2375, -0.1, 0.3375, -0.4125, 0.2]);
    assert_eq!(promethee(&phones()).ranked[2], [3, 4]);
}

#[test]
fn ahp_as_published() {
    let third = 1.0 / 3.0;
    let found = ahp(&[vec![1.0, 3.0, 5.0], vec![third, 1.0, 3.0], vec![0.2, third, 1.0]]).unwrap();
    for (weight, expect) in found.weights.iter().zip([0.6370, 0.2583, 0.1047]) {
        assert!((weight - expect).abs() < 1e-4, "{weight}");
    }
    assert!((found.lambda_max - 3.0385).abs() < 1e-4, "{}", found.lambda_max);
    assert!((found.ratio - 0.0332).abs() < 1e-4, "{}", found.ratio);
    assert_eq!(found.consistency, Consistency::Fine);
    // Checked against the eigenvectors that numpy finds.
    let four =
        [[1.0, 3.0, 7.0, 9.0], [third, 1.0, 5.0, 7.0], [1.0 / 7.0, 0.2, 1.0, 3.0], [1.0 / 9.0, 1.0 / 7.0, third, 1.0]];
    let found = ahp(&four.map(|row| row.to_vec())).unwrap();
    for (weight, expect) in found.weights.iter().zip([0.583089, 0.289530, 0.084896, 0.042485]) {
        assert!((weight - expect).abs() < 1e-5, "{weight}");
    }
    assert!((found.lambda_max - 4.164577).abs() < 1e-5 && (found.ratio - 0.060954).abs() < 1e-5, "{found:?}");
}

#[test]
fn acceptability_as_published() {
    let draws = Draws { count: 100_000, seed: 1, weights: Weights::Uniform, spread: false };
    let found = chances(&phones().min_max(), &draws).unwrap();
    for (chance, expect) in found.options.iter().zip([0.170, 0.096, 0.547, 0.073, 0.115]) {
        assert!((chance.first - expect).abs() < 0.01, "{chance:?}");
        assert!(chance.interval.holds(chance.first));
    }
    let central = found.options[2].central_weights.clone().unwrap();
    for (weight, expect) in central.iter().zip([0.142, 0.324, 0.312, 0.223]) {
        assert!((weight - expect).abs() < 0.01, "{central:?}");
    }
}

#[test]
fn second_opinions_of_the_phones() {
    let found = second_opinions(&phones());
    let first: Vec<_> = found.iter().map(|opinion| opinion.order.winner()).collect();
    assert_eq!(first, [Some(2), Some(2), Some(2)]);
    // On the scale of all figures together the price decides alone: the cheapest wins the sum.
    assert!(found.iter().all(|opinion| opinion.agreement.first == Some(FirstPlace::Different)));
}
