//! Close calls, rule by rule, and results as JSON.

use super::full;
use crate::{
    CloseCall, Draws, Norm, Reason, Scale, SecondOpinion, Sensitivity, Table, WEIGHT_RANGE, Weights, chances,
    close_call, second_opinions, sensitivity, topsis, weighted_sum,
};

fn judged(table: &Table, weights: Option<Weights>) -> CloseCall {
    let drawn = weights.map(|weights| chances(table, &Draws { weights, ..Draws::usual(3) }).unwrap());
    close_call(table, &weighted_sum(table), &sensitivity(table, WEIGHT_RANGE), drawn.as_ref())
}

fn kinds(found: &CloseCall) -> Vec<String> {
    assert_eq!(found.close, !found.reasons.is_empty());
    let kind = |reason: &Reason| serde_json::to_value(reason).unwrap()["kind"].as_str().unwrap().to_owned();
    found.reasons.iter().map(kind).collect()
}

#[test]
fn a_clear_winner_is_no_close_call() {
    let table = Table::new(&[1.0, 2.0, 1.0], &full(&[&[9.0, 9.0, 8.0], &[5.0, 6.0, 7.0], &[4.0, 6.0, 5.0]])).unwrap();
    assert_eq!(judged(&table, Some(Weights::Around { factor: 1.5 })), CloseCall::default());
}

#[test]
fn a_tie_is_one() {
    let table = Table::new(&[1.0, 1.0], &full(&[&[6.0, 8.0], &[8.0, 6.0], &[2.0, 2.0]])).unwrap();
    assert_eq!(judged(&table, None).reasons, [Reason::Tie { options: vec![0, 1] }]);
    let empty = Table::new(&[1.0], &[vec![None], vec![None]]).unwrap();
    assert_eq!(judged(&empty, None), CloseCall::default(), "nothing is known: no winner, and no doubt about one");
}

#[test]
fn half_a_point_makes_up_for_a_margin() {
    // Four criteria of one weight: half a point is an eighth of a point in the total.
    for (last, expect) in [(6.5, vec!["margin"]), (6.4, vec![])] {
        let table = Table::new(&[1.0; 4], &full(&[&[7.0; 4], &[7.0, 7.0, 7.0, last]])).unwrap();
        assert_eq!(kinds(&judged(&table, None)), expect, "{last}");
    }
    let longer = Scale { lo: 0.0, hi: 90.0 };
    for (last, expect) in [(65.0, vec!["margin"]), (64.0, vec![])] {
        let rows = full(&[&[70.0; 4], &[70.0, 70.0, 70.0, last]]);
        let table = Table::on(longer, &[crate::Direction::Benefit; 4], &[1.0; 4], &rows).unwrap();
        assert_eq!(kinds(&judged(&table, None)), expect, "{last}");
    }
}

#[test]
fn the_spread_of_the_scores_makes_up_for_a_margin() {
    // One deviation of the margin is √(4 · (σ / 2)²) = σ; the margin is 1.
    for (spread, expect) in [(0.52, vec!["spread"]), (0.5, vec![])] {
        let table = Table::new(&[1.0, 1.0], &full(&[&[7.0, 7.0], &[6.0, 6.0]])).unwrap();
        let table = table.with_spread(&vec![vec![spread; 2]; 2]).unwrap();
        let found = judged(&table, None);
        assert_eq!(kinds(&found), expect, "{spread}");
        if let [Reason::Spread { rival, margin, needed }] = found.reasons[..] {
            assert_eq!((rival, margin), (1, 1.0));
            assert!((needed - 1.96 * spread).abs() < 1e-12);
        }
    }
}

#[test]
fn a_small_change_of_a_weight() {
    // Level where both weights are the same: 9 % less of one, 10 % more of the other.
    for (weight, expect) in [(1.1, vec!["weight"; 2]), (1.105, vec!["weight"]), (1.12, vec![])] {
        let table = Table::new(&[weight, 1.0], &full(&[&[10.0, 1.0], &[1.0, 10.0]])).unwrap();
        let found = judged(&table, None);
        assert_eq!(kinds(&found), expect, "{weight}");
        for reason in &found.reasons {
            let Reason::Weight { criterion, new_weight, rivals, .. } = reason else { panic!("{reason:?}") };
            let level = if *criterion == 0 { 1.0 } else { weight };
            assert!((new_weight - level).abs() < 1e-12 && rivals == &[1], "{reason:?}");
        }
    }
}

#[test]
fn too_few_first_places_in_draws() {
    let table = Table::new(&[1.0, 1.0], &full(&[&[9.0, 5.0], &[5.0, 8.0]])).unwrap();
    let found = judged(&table, Some(Weights::Around { factor: 1.5 }));
    assert_eq!(kinds(&found), ["chance"]);
    assert_eq!(kinds(&judged(&table, Some(Weights::Uniform))), [""; 0], "all weights say nothing about the given ones");
    let [Reason::Chance { first, lo, needed, rivals, rival_first }] = &found.reasons[..] else { panic!("{found:?}") };
    assert!(lo < first && first < needed && rivals == &[1] && (first + rival_first - 1.0).abs() < 1e-9);
}

#[test]
fn what_is_missing_could_turn_the_winner() {
    for (missing_of, expect) in [(0, vec!["missing"]), (1, vec!["missing"]), (2, vec![])] {
        let mut rows = full(&[&[8.0, 8.0, 8.0], &[7.4, 7.4, 7.4], &[2.0, 2.0, 2.0]]);
        rows[missing_of][1] = None;
        let found = judged(&Table::new(&[1.0; 3], &rows).unwrap(), None);
        assert_eq!(kinds(&found), expect, "{missing_of}");
        assert!(found.reasons.iter().all(|reason| reason == &Reason::Missing { rivals: vec![1] }));
    }
}

#[test]
fn results_are_json_and_back() {
    let table = Table::new(&[1.0, 1.0], &[vec![Some(9.0), Some(5.0)], vec![Some(5.0), None]]).unwrap();
    let close = judged(&table, Some(Weights::Around { factor: 1.5 }));
    let read: CloseCall = serde_json::from_str(&serde_json::to_string(&close).unwrap()).unwrap();
    assert_eq!(read, close);
    let flips = sensitivity(&table, WEIGHT_RANGE);
    let read: Sensitivity = serde_json::from_str(&serde_json::to_string(&flips).unwrap()).unwrap();
    assert_eq!(read, flips);
    let opinions = second_opinions(&table);
    let read: Vec<SecondOpinion> = serde_json::from_str(&serde_json::to_string(&opinions).unwrap()).unwrap();
    assert_eq!(read, opinions);
    let order = serde_json::to_string(&topsis(&table, Norm::Vector)).unwrap();
    assert_eq!(order, r#"{"method":"topsis","totals":[null,null],"ranked":[],"left_out":[0,1]}"#);
    let drawn = serde_json::to_value(chances(&table, &Draws::usual(1)).unwrap()).unwrap();
    assert_eq!(drawn["draws"]["weights"], serde_json::json!({ "kind": "around", "factor": 1.5 }));
    assert_eq!(drawn["options"][0]["interval"].as_array().map(Vec::len), Some(2));
}
