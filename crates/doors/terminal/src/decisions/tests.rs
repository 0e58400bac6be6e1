//! Decisions as people see them: whole, partial, tied, large, hostile.

use super::{decision, decision_line, decisions};
use crate::text::{WIDTH, length};
use serde_json::json;
use sheet::{
    Chance, CloseCall, Criterion, DecisionOption, FirstShare, Flip, Lever, Missing, Opinion, Outcome, Pair, Place,
    Ranked, Sensitivity, Sheet,
};

/// A decision of these scores; nought stands for a pair that was not asked. Totals come in the order of the options.
fn made(options: &[&str], criteria: &[(&str, f64)], scores: &[&[f64]], totals: &[(f64, u32, bool)]) -> Sheet {
    let mut sheet = Sheet {
        id: "dec_0123456789abcdef0123456789abcdef".to_owned(),
        topic: "Where do we keep our records?".to_owned(),
        model: "quorum".to_owned(),
        options: options.iter().map(|name| DecisionOption { name: (*name).into(), ..Default::default() }).collect(),
        criteria: criteria
            .iter()
            .map(|(name, weight)| Criterion { name: (*name).into(), weight: *weight, ..Criterion::default() })
            .collect(),
        ..Sheet::default()
    };
    for (option, row) in options.iter().zip(scores) {
        for ((criterion, _), score) in criteria.iter().zip(row.iter()).filter(|(_, score)| **score > 0.0) {
            sheet.pairs.push(Pair {
                option: (*option).into(),
                criterion: (*criterion).into(),
                outcome: Outcome::Scored,
                score: Some(*score),
                ..Pair::default()
            });
        }
    }
    for (option, (total, rank, tied)) in options.iter().zip(totals) {
        sheet.ranking.push(Ranked {
            option: (*option).into(),
            total: *total,
            rank: *rank,
            tied: *tied,
            covered_weight: 1.0,
            breakdown: Vec::new(),
        });
    }
    sheet.ranking.sort_by_key(|one| one.rank);
    sheet
}

fn whole() -> Sheet {
    let criteria = [("running costs", 2.0), ("ease", 1.0)];
    let mut sheet = made(
        &["a file", "a server of our own", "a hosted one"],
        &criteria,
        &[&[9.0, 8.0], &[6.0, 4.0], &[3.0, 9.5]],
        &[(8.67, 1, false), (5.33, 2, false), (5.17, 3, false)],
    );
    sheet.recommendation = "a file is the clear winner with 8.7 points".to_owned();
    let place = |(rank, option): (u32, &str)| Place { option: option.into(), rank, value: 0.5 };
    let order = |order: [(u32, &str); 3]| order.into_iter().map(place).collect();
    sheet.opinions = vec![
        Opinion {
            method: "TOPSIS".into(),
            order: order([(1, "a file"), (2, "a server of our own"), (3, "a hosted one")]),
            agrees: Some(true),
            ..Opinion::default()
        },
        Opinion {
            method: "PROMETHEE II".into(),
            order: order([(1, "a hosted one"), (1, "a file"), (3, "a server of our own")]),
            agrees: Some(false),
            note: "the first place is shared".into(),
            ..Opinion::default()
        },
        Opinion {
            method: "AHP".into(),
            note: "it gives no order: nobody compared criteria".into(),
            ..Opinion::default()
        },
    ];
    let flip = Flip { at: 0.3, rivals: vec!["a hosted one".into()], change: -1.7 };
    sheet.sensitivity = Some(Sensitivity {
        criteria: vec![Lever { criterion: "running costs".into(), weight: 2.0, flips: vec![flip] }],
        smallest: Some("running costs".into()),
    });
    let chance = |option: &str, p: f64| Chance { option: option.into(), p, low: p - 0.01, high: p + 0.01 };
    sheet.first_share = Some(FirstShare {
        draws: 10_000,
        seed: 7,
        varied: "all weights and the scores".into(),
        options: vec![chance("a file", 0.93), chance("a hosted one", 0.07)],
    });
    sheet.close_call = Some(CloseCall { close: false, reasons: vec!["it is first in 93 % of all draws".into()] });
    sheet
}

fn partial() -> Sheet {
    let criteria = [("running costs", 2.0), ("ease", 1.5)];
    let totals = [(8.67, 1, true), (8.67, 1, true)];
    let mut sheet = made(&["a file", "a server"], &criteria, &[&[9.0, 8.0], &[0.0, 0.0]], &totals);
    let pair = |criterion: &str, outcome: Outcome| Pair {
        option: "a server".into(),
        criterion: criterion.into(),
        outcome,
        reason: if outcome == Outcome::Abstained { "nothing is said of its costs".into() } else { String::new() },
        ..Pair::default()
    };
    sheet.pairs.extend([pair("running costs", Outcome::Abstained), pair("ease", Outcome::Failed)]);
    sheet.missing = vec![Missing {
        option: "a server".into(),
        criterion: "ease".into(),
        reason: "`lab/one` did not answer within 60 s, and whoever was asked in its place did not answer either".into(),
    }];
    sheet.simulated = true;
    sheet.close_call = Some(CloseCall { close: true, reasons: vec!["the first place is shared".into()] });
    sheet.cautions = vec!["`bedrock` is not set up: the default model was asked".into()];
    sheet
}

#[test]
fn a_whole_decision() {
    insta::assert_snapshot!("whole", decision(&whole()));
}

#[test]
fn a_partial_decision() {
    insta::assert_snapshot!("partial", decision(&partial()));
}

#[test]
fn a_decision_that_nobody_has_scored() {
    let sheet = made(&["a", "b"], &[("c", 1.0)], &[&[0.0], &[0.0]], &[]);
    insta::assert_snapshot!("unscored", decision(&sheet));
    let _ = decision(&Sheet::default());
}

#[test]
fn however_much_there_is_lines_fit_a_terminal() {
    let long = |what: &str, at: usize| format!("{what} {at} with a name of very many words that fits nowhere as it is");
    for (options, criteria) in [(2, 1), (3, 4), (20, 15), (50, 25)] {
        let names: Vec<String> = (0..options).map(|at| long("option", at)).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let columns: Vec<String> = (0..criteria).map(|at| long("criterion", at)).collect();
        let columns: Vec<(&str, f64)> = columns.iter().map(|name| (name.as_str(), 9.99)).collect();
        let row = vec![10.0; criteria];
        let totals: Vec<(f64, u32, bool)> = (0..options).map(|at| (10.0, at as u32 + 1, true)).collect();
        let mut sheet = made(&names, &columns, &vec![row.as_slice(); options], &totals);
        sheet.missing = (0..200).map(|at| Missing { option: long("o", at), ..Missing::default() }).collect();
        sheet.cautions = vec!["x".repeat(500)];
        let order = names.iter().map(|name| Place { option: (*name).into(), ..Place::default() }).collect();
        sheet.opinions = vec![Opinion { method: long("method", 1), order, ..Opinion::default() }];
        let text = decision(&sheet);
        let wide: Vec<&str> = text.lines().filter(|line| length(line) > WIDTH).collect();
        assert!(wide.is_empty(), "{options} × {criteria}: {wide:#?}");
        let cells = text.lines().map(|line| line.matches("10.0").count()).sum::<usize>();
        assert!(cells >= options * criteria, "each score stands somewhere: {cells}\n{text}");
        assert!(text.contains("and 188 more\n"), "{text}");
    }
}

#[test]
fn names_say_nothing_that_a_terminal_obeys() {
    let name = "a\u{1b}[2J\r\nb\u{202e}c";
    let mut sheet = made(&[name, "d"], &[(name, 1.0)], &[&[1.0], &[2.0]], &[(1.0, 2, false), (2.0, 1, false)]);
    (sheet.topic, sheet.recommendation, sheet.cautions) = (name.into(), name.into(), vec![name.into()]);
    let text = decision(&sheet);
    assert!(!text.contains(['\u{1b}', '\r', '\u{202e}']) && text.contains("a[2J bc"), "{text}");
    let page = json!({ "items": [{ "id": name, "topic": name }] });
    assert!(!decisions(&page).contains(['\u{1b}', '\r', '\u{202e}']));
}

#[test]
fn a_list_of_decisions() {
    let one = |topic: &str, run: i64, evaluating: bool| {
        json!({ "id": "dec_0123456789abcdef0123456789abcdef", "topic": topic, "created_ms": 1_763_768_700_000_i64,
            "options": ["a", "b"], "criteria": ["c"], "evaluations_run": run, "evaluating": evaluating })
    };
    let long = "which of the many, many things that there are to be had should we have after all, if any";
    let page = json!({ "items": [one("which?", 1, false), one(long, 0, false), one("this?", 3, true)], "cursor": "x" });
    let text = decisions(&page);
    insta::assert_snapshot!("list", text);
    assert!(text.lines().all(|line| length(line) <= WIDTH), "{text}");
    assert_eq!(decisions(&json!({ "items": [], "cursor": null })), "no decisions\n");
}

#[test]
fn progress_in_a_line() {
    assert_eq!(decision_line(7, 12, 1, true), "scoring [===========         ] 7/12 pairs, 1 failed");
    assert_eq!(decision_line(1, 1, 0, false), "scoring 1/1 pair");
    assert_eq!(decision_line(9, 0, 0, true), "scoring [====================] 0/0 pairs");
}
