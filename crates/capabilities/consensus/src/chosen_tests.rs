//! What a panel answers for each kind of answer, and that stopping early never changes it.

use crate::{Answer, Ballot, Chosen, Prompt, Verdict};
use proptest::prelude::*;
use serde_json::{Value, json};
use settings::Answers;

/// All of these have answered; an empty text has failed.
fn ballot(kind: Answers, agreement: f64, texts: &[&str]) -> Ballot {
    weighed(kind, agreement, &texts.iter().map(|text| (*text, 1.0)).collect::<Vec<_>>())
}

fn weighed(kind: Answers, agreement: f64, texts: &[(&str, f64)]) -> Ballot {
    let weights: Vec<f64> = texts.iter().map(|(_, weight)| *weight).collect();
    let mut ballot = Ballot::new(&weights, agreement);
    let prompt = Prompt::asking("", kind);
    for (member, (text, _)) in texts.iter().enumerate() {
        match *text {
            "" => ballot.failed(member),
            "…" => {}
            text => ballot.answered(member, Answer::new(text, &prompt)),
        }
    }
    ballot
}

#[test]
fn of_figures_the_one_closest_to_the_median_answers() {
    let found = ballot(Answers::Number, 0.6, &["about 90", "It is 100.", "104", "1e6", "who knows"]);
    assert_eq!((found.verdict(), found.chosen()), (Verdict::Unreachable, Some(Chosen::Member(1))));
    let numbers = found.numbers().unwrap();
    assert_eq!((numbers.median, numbers.mad, numbers.trimmed_mean), (102.0, 7.0, None));
    assert_eq!(numbers.members, [0, 1, 2, 3]);
    let found = ballot(Answers::Number, 0.6, &["1 km", "2 km", "3 km", "4 km", "90 km", "7"]);
    let numbers = found.numbers().unwrap();
    assert_eq!((numbers.median, numbers.mad, numbers.trimmed_mean), (3.0, 1.0, Some(3.0)));
    assert_eq!(numbers.unit, "km");
    assert_eq!(weighed(Answers::Number, 0.6, &[("1", 5.0), ("2", 1.0), ("3", 1.0)]).numbers().unwrap().median, 1.0);
}

#[test]
fn a_reached_vote_stays_with_those_who_reached_it() {
    let found = ballot(Answers::Number, 0.3, &["5", "5.0", "6", "7", "8"]);
    assert_eq!(found.verdict(), Verdict::Reached);
    assert_eq!((found.numbers().unwrap().median, found.chosen()), (6.0, Some(Chosen::Member(0))));
    assert_eq!(found.share(), 0.4);
}

#[test]
fn figures_are_told_unasked_only_where_all_are_figures() {
    for (kind, texts, told) in [
        (Answers::Auto, &["5", "7"][..], true),
        (Answers::Auto, &["5"], false),
        (Answers::Auto, &["5", "seven or so"], false),
        (Answers::Auto, &["5 km", "7"], false),
        (Answers::Text, &["5", "7"], false),
        (Answers::Number, &["5"], true),
        (Answers::Number, &["none"], false),
    ] {
        let found = ballot(kind, 0.6, texts);
        assert_eq!(found.numbers().is_some(), told, "{texts:?}");
    }
    assert_eq!(ballot(Answers::Auto, 0.6, &["9", "5", "7"]).chosen(), Some(Chosen::Member(0)));
}

#[test]
fn a_shorter_array_moves_nothing_up() {
    let texts = [
        r#"{"a": [1, 2, 9], "b": 5}"#,
        r#"{"a": [1, 3, 9], "b": 6}"#,
        r#"{"a": [1], "b": 5}"#,
        r#"{"a": [1], "b": 6}"#,
    ];
    // The second item is left out, and the third is not the second.
    let found = ballot(Answers::Json, 0.5, &texts);
    assert_eq!(found.chosen(), Some(Chosen::Composed(r#"{"a":[1],"b":5}"#.to_owned())));
}

#[test]
fn fields_may_hold_where_no_whole_answer_does() {
    let texts = [r#"{"a": 1, "b": 1, "c": 9}"#, r#"{"a": 1, "b": 9, "c": 1}"#, r#"{"a": 9, "b": 1, "c": 1}"#];
    let found = ballot(Answers::Json, 0.6, &texts);
    assert_eq!(found.verdict(), Verdict::Reached);
    assert_eq!(found.chosen(), Some(Chosen::Composed(r#"{"a":1,"b":1,"c":1}"#.to_owned())));
    assert!((found.share() - 2.0 / 3.0).abs() < 1e-12 && found.clusters().len() == 3);
    let votes: Vec<(String, Option<Value>, Vec<usize>)> = found
        .fields()
        .into_iter()
        .filter(|vote| !vote.holds)
        .map(|vote| (vote.path, vote.value, vote.members))
        .collect();
    let one = Some(json!(1));
    assert_eq!(
        votes,
        [
            ("/a".to_owned(), one.clone(), vec![0, 1]),
            ("/b".to_owned(), one.clone(), vec![0, 2]),
            ("/c".to_owned(), one, vec![1, 2])
        ]
    );
    // The same texts without being asked for are compared as wholes.
    assert_eq!(ballot(Answers::Auto, 0.6, &texts).verdict(), Verdict::Unreachable);
}

#[test]
fn whoever_sides_with_every_majority_speaks_for_all() {
    let found =
        ballot(Answers::Json, 0.6, &[r#"{"a": 2, "b": 1}"#, r#"So: {"a": 1, "b": 1}"#, r#"{"a": 1, "b": 3, "c": 4}"#]);
    assert_eq!((found.verdict(), found.chosen()), (Verdict::Reached, Some(Chosen::Member(1))));
    // Two of three leave out `c`.
    let left_out = found.fields().into_iter().find(|vote| vote.path == "/c").unwrap();
    assert_eq!((left_out.value, left_out.members), (None, vec![0, 1]));
}

#[test]
fn what_is_no_json_is_dissent_and_agrees_with_its_like() {
    let one = r#"{"a": 1}"#;
    assert_eq!(ballot(Answers::Json, 0.6, &[one, "no", "why?"]).verdict(), Verdict::Unreachable);
    assert_eq!(ballot(Answers::Json, 0.6, &[one, one, "why?"]).verdict(), Verdict::Reached);
    let sorry = ballot(Answers::Json, 0.6, &["sorry", "Sorry.", one]);
    assert_eq!((sorry.verdict(), sorry.chosen()), (Verdict::Reached, Some(Chosen::Member(0))));
    let huge = json!(vec![1; 500]).to_string();
    let found = ballot(Answers::Json, 0.6, &[&huge, &huge, one]);
    assert_eq!((found.verdict(), found.chosen()), (Verdict::Reached, Some(Chosen::Member(0))));
    assert!(ballot(Answers::Json, 0.6, &["", ""]).chosen().is_none());
}

#[test]
fn more_fields_than_are_counted_are_dissent() {
    let wide = |from: usize| {
        let fields: serde_json::Map<String, Value> =
            (from..from + 120).map(|at| (format!("k{at}"), json!(1))).collect();
        Value::Object(fields).to_string()
    };
    let found = ballot(Answers::Json, 0.6, &[&wide(0), &wide(200), &wide(400)]);
    assert!(found.fields().iter().all(|vote| !vote.members.contains(&2)));
    assert_eq!(found.verdict(), Verdict::Unreachable);
}

#[test]
fn orders_are_answered_by_who_comes_closest_to_all() {
    let found = ballot(Answers::Ranking, 0.6, &["A > B > C", "B > A > C", "B > C > A", "no idea"]);
    assert_eq!((found.verdict(), found.chosen()), (Verdict::Unreachable, Some(Chosen::Member(1))));
    let ranking = found.ranking().unwrap();
    assert_eq!(ranking.members, [0, 1, 2]);
    assert_eq!(ranking.order.iter().map(|place| place.item.as_str()).collect::<Vec<_>>(), ["B", "A", "C"]);
    assert_eq!(ranking.condorcet.as_deref(), Some("B"));
    let same = ballot(Answers::Ranking, 0.6, &["A > B > C", "1. A\n2. B\n3. C", "C > B > A"]);
    assert_eq!((same.verdict(), same.chosen()), (Verdict::Reached, Some(Chosen::Member(0))));
}

#[test]
fn a_list_is_an_order_only_where_one_is_asked_for() {
    let lists = ["1. Red\n2. Blue", "1. Blue\n2. Red"];
    for (question, reached) in [("Name two colours", true), ("Rank the two colours by wavelength", false)] {
        let mut ballot = Ballot::new(&[1.0; 2], 1.0);
        let prompt = Prompt::new(question);
        lists.iter().enumerate().for_each(|(at, text)| ballot.answered(at, Answer::new(text, &prompt)));
        assert_eq!(ballot.verdict() == Verdict::Reached, reached, "{question}");
        assert_eq!(ballot.ranking().is_some(), !reached);
    }
}

#[test]
fn texts_are_answered_by_their_medoid() {
    let found = ballot(Answers::Text, 0.6, &["no", "**Paris**", "Paris."]);
    assert_eq!((found.verdict(), found.chosen()), (Verdict::Reached, Some(Chosen::Member(1))));
    assert_eq!(ballot(Answers::Text, 0.6, &["", ""]).chosen(), None);
}

/// Answers that differ in single fields, an answer of another shape, one that is no JSON, a failure.
const ENDINGS: [&str; 6] =
    [r#"{"a":1,"b":1}"#, r#"{"a":1,"b":2}"#, r#"{"a":2,"b":1}"#, r#"{"a":1,"b":1,"c":[0]}"#, "none", ""];

fn endings(texts: &[&'static str]) -> Vec<Vec<&'static str>> {
    let Some(at) = texts.iter().position(|text| *text == "…") else { return vec![texts.to_vec()] };
    let with = |ending: &&'static str| {
        let mut next = texts.to_vec();
        next[at] = *ending;
        endings(&next)
    };
    ENDINGS.iter().flat_map(with).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn stopping_early_is_sound_for_fields_too(
        seats in prop::collection::vec(0_usize..8, 1..6), weights in prop::collection::vec(1_u8..4, 5), tenths in 6_u8..=10
    ) {
        // At most three are still to come, so that all ways to end can be tried.
        let mut to_come = 0;
        let text = |seat: &usize| {
            to_come += usize::from(*seat >= ENDINGS.len());
            if *seat >= ENDINGS.len() && to_come <= 3 { "…" } else { ENDINGS[seat % ENDINGS.len()] }
        };
        let texts: Vec<&'static str> = seats.iter().map(text).collect();
        let agreement = f64::from(tenths) / 10.0;
        let cast = |texts: &[&'static str]| {
            let given: Vec<(&str, f64)> = texts.iter().zip(&weights).map(|(text, w)| (*text, f64::from(*w))).collect();
            weighed(Answers::Json, agreement, &given)
        };
        let now = cast(&texts);
        for end in endings(&texts) {
            let then = cast(&end);
            prop_assert!(then.verdict() != Verdict::Pending);
            match now.verdict() {
                Verdict::Reached => {
                    prop_assert_eq!(then.verdict(), Verdict::Reached, "{:?}", end);
                    prop_assert_eq!(value(&now), value(&then), "{:?}", end);
                }
                Verdict::Unreachable => prop_assert_eq!(then.verdict(), Verdict::Unreachable, "{:?}", end),
                Verdict::Pending => {}
            }
        }
    }
}

/// What is answered, by value.
fn value(ballot: &Ballot) -> Value {
    let text = match ballot.chosen() {
        Some(Chosen::Member(member)) => ballot.answer(member).unwrap().text().to_owned(),
        Some(Chosen::Composed(text)) => text,
        None => String::new(),
    };
    serde_json::from_str(&text).unwrap_or(json!(text))
}
