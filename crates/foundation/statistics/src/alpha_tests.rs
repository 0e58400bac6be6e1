//! The published example, limits, and what must hold whatever the ratings are.

use super::*;
use proptest::prelude::*;

/// Reliability data C: four observers, twelve units, missing values. Source: Krippendorff, "Computing Krippendorff's
/// Alpha-Reliability" (2011), section C.
const CLASSIC: [&str; 4] = ["123321412...", "1233224125.3", ".3332342251.", "12332441251."];

fn row(text: &str) -> Vec<Option<Rating>> {
    text.chars().map(|c| c.to_digit(10).map(|digit| Rating::Number(f64::from(digit)))).collect()
}

fn found(rows: &[&str], level: Level) -> Result<Reliability, ReliabilityError> {
    reliability(&rows.iter().map(|text| row(text)).collect::<Vec<_>>(), level, 1)
}

const LEVELS: [Level; 4] = [Level::Nominal, Level::Ordinal, Level::Interval, Level::Ratio];

#[test]
fn the_published_example() {
    for (level, expect) in LEVELS.into_iter().zip([0.743, 0.815, 0.849, 0.797]) {
        let found = found(&CLASSIC, level).unwrap();
        assert!((found.alpha - expect).abs() < 5e-4, "{level:?}: {}", found.alpha);
        // The twelfth unit has one rating; of the others eight have four, two have three, one has two.
        assert_eq!((found.units, found.observers, found.pairs), (11, 4, 55));
        let interval = found.interval.unwrap();
        assert!(interval.holds(found.alpha) && interval.hi <= 1.0 && interval.lo > -1.0, "{interval:?}");
        assert_eq!(found.kappa, None);
    }
}

#[test]
fn two_observers_and_two_values_by_hand() {
    // Krippendorff (2011), section A: ten units, alpha 0.095.
    let found = found(&["0100000000", "1110010010"], Level::Nominal).unwrap();
    assert!((found.alpha - 0.095).abs() < 5e-4, "{}", found.alpha);
    // Fleiss: 6 of 10 units agree; 6 of the 20 ratings are ones.
    let ones = 6.0 / 20.0;
    let chance: f64 = ones * ones + (1.0 - ones) * (1.0 - ones);
    assert!((found.kappa.unwrap() - (0.6 - chance) / (1.0 - chance)).abs() < 1e-12);
}

#[test]
fn names_may_be_words() {
    let words = |text: &str| -> Vec<Option<Rating>> {
        text.chars().map(|c| (c != '.').then(|| Rating::Text(c.to_string()))).collect()
    };
    let spelt: Vec<_> = CLASSIC.iter().map(|text| words(text)).collect();
    let found = reliability(&spelt, Level::Nominal, 1).unwrap();
    assert!((found.alpha - 0.743).abs() < 5e-4);
    let refused = reliability(&spelt, Level::Ordinal, 1).unwrap_err();
    assert_eq!(refused.to_string(), "observer 1 rates unit 1 `1`, which the level `ordinal` cannot compare");
}

#[test]
fn what_cannot_be_told_is_refused() {
    let check = |rows: &[&str], level, expect: &str| {
        let refused = found(rows, level).unwrap_err();
        assert_eq!(refused.to_string(), expect);
        assert!(!refused.hint().is_empty());
    };
    check(&[], Level::Nominal, "there are 0 observers, agreement takes two or more");
    check(&["12"], Level::Nominal, "there are 1 observers, agreement takes two or more");
    check(&["12", "1"], Level::Nominal, "observer 2 has 1 ratings and the first has 2");
    check(&["1.", ".2"], Level::Nominal, "no unit was rated by two observers, so there is nothing to compare");
    check(&["", ""], Level::Nominal, "no unit was rated by two observers, so there is nothing to compare");
    check(&["11", "11"], Level::Interval, "all ratings that can be compared are the same, so alpha is not defined");
    let many = "1".repeat(UNITS_MAX + 1);
    check(&[&many, &many], Level::Nominal, "10001 units are more than the 10000 that are compared at once");
    let rows = vec!["1"; OBSERVERS_MAX + 1];
    check(&rows, Level::Nominal, "257 observers are more than the 256 that are compared at once");
    let wide = vec!["1".repeat(RATINGS_MAX / 4 + 1); 4];
    let wide: Vec<&str> = wide.iter().map(String::as_str).collect();
    check(&wide, Level::Nominal, "20004 ratings are more than the 20000 that are compared at once");
    let figures = |values: &[f64]| values.iter().map(|value| Some(Rating::Number(*value))).collect::<Vec<_>>();
    for value in [f64::NAN, f64::INFINITY, -1.0] {
        let rows = [figures(&[value, 1.0]), figures(&[2.0, 1.0])];
        assert!(matches!(reliability(&rows, Level::Ratio, 1), Err(ReliabilityError::Value { unit: 1, .. })));
    }
    let different: Vec<f64> = (0..=RATIO_VALUES_MAX).map(|value| value as f64).collect();
    let refused = reliability(&[figures(&different), figures(&different)], Level::Ratio, 1).unwrap_err();
    assert_eq!(refused.to_string(), "201 different values are more than the 200 that are compared at once");
    assert_eq!(reliability(&[figures(&different), figures(&different)], Level::Interval, 1).unwrap().alpha, 1.0);
}

#[test]
fn the_same_everywhere_is_no_agreement_whatever_rounding_makes_of_it() {
    for value in [0.1, 0.7, 1e-3, 123_456.789, 1e300, 5e-324, 0.0] {
        let rows = vec![vec![Some(Rating::Number(value)); 3]; 7];
        for level in LEVELS {
            assert_eq!(reliability(&rows, level, 1), Err(ReliabilityError::NoVariation), "{value} {level:?}");
        }
    }
    let words = vec![vec![Some(Rating::Text("yes".to_owned())); 3]; 2];
    assert_eq!(reliability(&words, Level::Nominal, 1), Err(ReliabilityError::NoVariation));
}

#[test]
fn the_size_of_figures_changes_nothing() {
    let scaled = |by: f64, zero: f64| -> Vec<Vec<Option<Rating>>> {
        let figure = |c: char| c.to_digit(10).map(|digit| Rating::Number((f64::from(digit) - zero) * by));
        CLASSIC.iter().map(|text| text.chars().map(figure).collect()).collect()
    };
    for (by, zero) in
        [(1e307, 0.0), (3e307, 0.0), (1e200, 0.0), (1e-200, 0.0), (1e-310, 0.0), (1.0, -1e9), (8e307, 3.0)]
    {
        for (level, expect) in LEVELS.into_iter().zip([0.743, 0.815, 0.849, 0.797]) {
            if level == Level::Ratio && zero != 0.0 {
                continue;
            }
            let found = reliability(&scaled(by, zero), level, 1).unwrap();
            assert!((found.alpha - expect).abs() < 5e-4, "{by} {zero} {level:?}: {}", found.alpha);
            assert!(found.interval.is_some_and(|interval| interval.holds(found.alpha)), "{by} {zero} {level:?}");
        }
    }
}

#[test]
fn a_figure_and_a_word_are_never_the_same() {
    let read = |rows: &str| serde_json::from_str::<Vec<Vec<Option<Rating>>>>(rows).unwrap();
    for (rows, expect) in [
        (r#"[[1, "x", 1, "x"], ["x", 1, "x", 1]]"#, -0.75),
        (r#"[[1, 2, "n/a", 2, 1, 2], [1, "n/a", 2, "n/a", 1, 2]]"#, 0.298),
        (r#"[["1", 1], [1, "1"]]"#, -0.5),
    ] {
        let found = reliability(&read(rows), Level::Nominal, 1).unwrap();
        assert!((found.alpha - expect).abs() < 5e-4, "{rows}: {}", found.alpha);
    }
}

/// Alpha as its definition says, pair by pair over a matrix of coincidences.
fn by_definition(rows: &[Vec<Option<u8>>], level: Level) -> Option<f64> {
    let mut o = [[0.0; 6]; 6];
    for unit in 0..rows[0].len() {
        let values: Vec<usize> = rows.iter().filter_map(|row| row[unit]).map(usize::from).collect();
        for (i, a) in values.iter().enumerate() {
            for (j, b) in values.iter().enumerate() {
                if i != j {
                    o[*a][*b] += 1.0 / (values.len() as f64 - 1.0);
                }
            }
        }
    }
    let n: Vec<f64> = o.iter().map(|row| row.iter().sum()).collect();
    let apart = |c: usize, k: usize| match level {
        Level::Nominal => 1.0,
        Level::Ordinal => (n[c..=k].iter().sum::<f64>() - (n[c] + n[k]) / 2.0).powi(2),
        Level::Interval => (c as f64 - k as f64).powi(2),
        Level::Ratio => ((c as f64 - k as f64) / (c as f64 + k as f64)).powi(2),
    };
    let pairs = || (0..6).flat_map(|c| (c + 1..6).map(move |k| (c, k)));
    let observed: f64 = pairs().map(|(c, k)| o[c][k] * apart(c, k)).sum();
    let expected: f64 = pairs().map(|(c, k)| n[c] * n[k] * apart(c, k)).sum();
    (expected > 0.0).then(|| 1.0 - (n.iter().sum::<f64>() - 1.0) * observed / expected)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn closed_forms_are_the_definition(
        rows in prop::collection::vec(prop::collection::vec(prop::option::weighted(0.8, 0_u8..6), 8), 2..5)
    ) {
        let given = |row: &Vec<Option<u8>>| row.iter().map(|v| v.map(|v| Rating::Number(f64::from(v)))).collect();
        let ratings: Vec<Vec<Option<Rating>>> = rows.iter().map(given).collect();
        for level in LEVELS {
            match (reliability(&ratings, level, 1), by_definition(&rows, level)) {
                (Ok(found), Some(expect)) => {
                    prop_assert!((found.alpha - expect).abs() < 1e-9, "{level:?} {} {expect}", found.alpha);
                    prop_assert!(found.interval.is_none_or(|interval| interval.holds(found.alpha)));
                }
                (found, expect) => prop_assert!(found.is_err() && expect.is_none(), "{found:?} {expect:?}"),
            }
        }
    }

    #[test]
    fn figures_keep_their_order_as_bits(a in -1e300..1e300_f64, b in -1e300..1e300_f64) {
        prop_assert_eq!(a.total_cmp(&b), ordered(a).cmp(&ordered(b)));
        prop_assert_eq!(from_ordered(ordered(a)), a);
    }
}
