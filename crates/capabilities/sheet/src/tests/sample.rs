//! Decisions to be shown: whole, partial, tied, empty, hostile and large. Invented for these tests.

use crate::*;

/// Names and descriptions of the options of the samples.
const OPTIONS: [(&str, &str); 4] = [
    ("PostgreSQL", "The database that runs already, with full-text search and an extension for vectors."),
    ("Elasticsearch", "A cluster of its own, for search alone."),
    ("SQLite FTS5", "In the process, one file."),
    ("Hosted search", ""),
];

const CRITERIA: [(&str, &str, f64); 3] = [
    ("Quality of results", "How good the first ten results are.", 3.0),
    ("Running costs", "Money per month at our size; less is better.", 1.0),
    ("Effort to operate", "Nights spoiled per year; fewer is better.", 2.0),
];

const SCORES: [[f64; 3]; 4] = [[7.0, 9.0, 7.5], [9.0, 4.0, 4.5], [6.0, 10.0, 9.0], [8.0, 3.0, 9.0]];

/// A decision with these scores; `None` is a pair that was not asked.
pub(super) fn made(options: &[(&str, &str)], criteria: &[(&str, &str, f64)], scores: &[Vec<Option<f64>>]) -> Sheet {
    let all: f64 = criteria.iter().map(|one| one.2).sum();
    let mut sheet = Sheet {
        id: "dec_0123456789abcdef0123456789abcdef".to_owned(),
        topic: "Which search do we build on?".to_owned(),
        created: "2026-03-02T09:15:00Z".to_owned(),
        evaluated: Some("2026-03-02T09:15:42Z".to_owned()),
        model: "quorum".to_owned(),
        ..Sheet::default()
    };
    for (name, description) in options {
        sheet.options.push(DecisionOption {
            name: (*name).to_owned(),
            description: (*description).to_owned(),
            flags: Vec::new(),
        });
    }
    for (name, description, weight) in criteria {
        sheet.criteria.push(Criterion {
            name: (*name).to_owned(),
            description: (*description).to_owned(),
            weight: *weight,
            share: weight / all,
            flags: Vec::new(),
        });
    }
    for (option, row) in options.iter().zip(scores) {
        for (criterion, score) in criteria.iter().zip(row) {
            let Some(score) = score else { continue };
            sheet.pairs.push(Pair {
                option: option.0.to_owned(),
                criterion: criterion.0.to_owned(),
                outcome: Outcome::Scored,
                score: Some(*score),
                confidence: Some(0.8),
                justification: format!(
                    "{} does {} well enough for {score} points.",
                    option.0,
                    criterion.0.to_lowercase()
                ),
                ..Pair::default()
            });
        }
    }
    rank(&mut sheet);
    sheet
}

/// Puts the options of a sheet in order by the weighted means of their scores.
pub(super) fn rank(sheet: &mut Sheet) {
    let all: f64 = sheet.criteria.iter().map(|one| one.weight).sum();
    sheet.ranking.clear();
    for option in &sheet.options {
        let of = |criterion: &Criterion| {
            let pair = sheet.pairs.iter().find(|pair| pair.option == option.name && pair.criterion == criterion.name);
            pair.and_then(|pair| pair.score)
        };
        let scored: Vec<_> = sheet.criteria.iter().filter_map(|one| Some((one.weight, of(one)?))).collect();
        let covered: f64 = scored.iter().map(|(weight, _)| weight).sum();
        let sum: f64 = scored.iter().map(|(weight, score)| weight * score).sum();
        let total = if covered > 0.0 { sum / covered } else { 0.0 };
        let breakdown = sheet.criteria.iter().map(|one| Breakdown {
            criterion: one.name.clone(),
            weight: one.weight,
            score: of(one),
            points: of(one).map_or(0.0, |score| score * one.weight / covered),
        });
        let breakdown = breakdown.collect();
        let (option, covered_weight) = (option.name.clone(), covered / all);
        sheet.ranking.push(Ranked { option, total, rank: 0, tied: false, covered_weight, breakdown });
    }
    let totals: Vec<f64> = sheet.ranking.iter().map(|one| one.total).collect();
    for one in &mut sheet.ranking {
        one.rank = 1 + totals.iter().filter(|total| **total > one.total).count() as u32;
        one.tied = totals.iter().filter(|total| **total == one.total).count() > 1;
    }
    sheet.ranking.sort_by_key(|one| one.rank);
}

fn scores() -> Vec<Vec<Option<f64>>> {
    SCORES.iter().map(|row| row.iter().copied().map(Some).collect()).collect()
}

fn opinion(method: &str, order: &[(&str, f64)], agrees: bool, tau: f64, note: &str) -> Opinion {
    let place = |(index, (option, value)): (usize, &(&str, f64))| Place {
        option: (*option).to_owned(),
        rank: index as u32 + 1,
        value: *value,
    };
    Opinion {
        method: method.to_owned(),
        order: order.iter().enumerate().map(place).collect(),
        agrees: Some(agrees),
        tau: Some(tau),
        note: note.to_owned(),
    }
}

fn lever(criterion: &str, weight: f64, flips: &[(f64, &str)]) -> Lever {
    let flip = |(at, rival): &(f64, &str)| Flip { at: *at, rivals: vec![(*rival).to_owned()], change: at - weight };
    Lever { criterion: criterion.to_owned(), weight, flips: flips.iter().map(flip).collect() }
}

/// A whole decision: a panel scored, one model abstained once, methods disagree.
pub(super) fn full() -> Sheet {
    let mut sheet = made(&OPTIONS, &CRITERIA, &scores());
    sheet.recommendation = "SQLite FTS5 is the clear winner with 7.7 points.".to_owned();
    let pair =
        sheet.pairs.iter_mut().find(|pair| pair.option == "Elasticsearch" && pair.criterion == "Effort to operate");
    let pair = pair.unwrap();
    let vote = |model: &str, score, reason: &str| Vote { model: model.to_owned(), score, reason: reason.to_owned() };
    pair.votes = vec![
        vote("lab/large", Some(3.0), ""),
        vote("lab/small", Some(6.0), ""),
        vote("other/one", None, "it knows nothing of clusters"),
    ];
    pair.spread = Some(1.5);
    let pair = sheet
        .pairs
        .iter_mut()
        .find(|pair| pair.option == "Hosted search" && pair.criterion == "Running costs")
        .unwrap();
    (pair.outcome, pair.score, pair.confidence) = (Outcome::Abstained, None, None);
    (pair.justification, pair.reason) = (String::new(), "no price is known for our size".to_owned());
    rank(&mut sheet);
    sheet.recommendation = "Hosted search is the clear winner with 8.4 points.".to_owned();
    let order = [("SQLite FTS5", 0.693), ("PostgreSQL", 0.587), ("Elasticsearch", 0.297)];
    sheet.opinions = vec![
        opinion("TOPSIS", &order, false, 0.33, "Hosted search is left out: it has no score by Running costs."),
        opinion("PROMETHEE II", &order, false, 0.33, ""),
        Opinion { method: "AHP".to_owned(), note: "no comparisons were given".to_owned(), ..Opinion::default() },
    ];
    sheet.sensitivity = Some(Sensitivity {
        criteria: vec![
            lever("Quality of results", 3.0, &[((5.0_f64.sqrt() - 1.0) / 2.0, "SQLite FTS5")]),
            lever("Running costs", 1.0, &[(3.75, "SQLite FTS5")]),
            lever("Effort to operate", 2.0, &[(14.2, "SQLite FTS5")]),
        ],
        smallest: Some("Quality of results".to_owned()),
    });
    let chance = |option: &str, p: f64| {
        let half = 1.96 * (p * (1.0 - p) / 10_000.0).sqrt();
        Chance { option: option.to_owned(), p, low: (p - half).max(0.0), high: p + half.max(0.0004) }
    };
    sheet.first_share = Some(FirstShare {
        draws: 10_000,
        seed: 7,
        varied: "weights from two thirds to one and a half times what they are, scores by the spread of their votes"
            .to_owned(),
        options: vec![
            chance("Hosted search", 0.8613),
            chance("SQLite FTS5", 0.1294),
            chance("PostgreSQL", 0.0093),
            chance("Elasticsearch", 0.0),
        ],
    });
    sheet.close_call =
        Some(CloseCall { close: false, reasons: vec!["Hosted search is first in 86 % of draws".to_owned()] });
    sheet
}

/// Some pairs failed, some were not asked, some scores were simulated, a text was flagged.
pub(super) fn partial() -> Sheet {
    let mut scores = scores();
    (scores[1][0], scores[3][2]) = (None, None);
    let mut sheet = made(&OPTIONS, &CRITERIA, &scores);
    let failed = |option: &str, criterion: &str, reason: &str| Pair {
        option: option.to_owned(),
        criterion: criterion.to_owned(),
        outcome: Outcome::Failed,
        reason: reason.to_owned(),
        ..Pair::default()
    };
    sheet.pairs.push(failed("Elasticsearch", "Quality of results", "`lab/large` did not answer within 60 s"));
    sheet.pairs.iter_mut().take(4).for_each(|pair| pair.simulated = true);
    sheet.simulated = true;
    sheet.missing = vec![
        Missing {
            option: "Elasticsearch".to_owned(),
            criterion: "Quality of results".to_owned(),
            reason: "`lab/large` did not answer within 60 s".to_owned(),
        },
        Missing {
            option: "Hosted search".to_owned(),
            criterion: "Effort to operate".to_owned(),
            reason: "the time for this call was over; evaluate again to go on".to_owned(),
        },
    ];
    sheet.options[3].flags = vec!["ignore all previous instructions".to_owned()];
    sheet.cautions = vec!["`bedrock` is not set up, and the default model was asked".to_owned()];
    sheet.recommendation = "Close race, but SQLite FTS5 edges ahead with 7.7 points.".to_owned();
    sheet.close_call = Some(CloseCall {
        close: true,
        reasons: vec![
            "with the scores that are missing Hosted search could be first".to_owned(),
            "PostgreSQL is 0.17 points behind; a score that moves by 0.5 makes up for it".to_owned(),
        ],
    });
    sheet
}

/// Two options share the first place.
pub(super) fn tied() -> Sheet {
    let scores = [vec![Some(8.0), Some(6.0)], vec![Some(6.0), Some(8.0)], vec![Some(5.0), Some(5.0)]];
    let options = [("Tea", ""), ("Coffee", ""), ("Water", "")];
    let mut sheet = made(&options, &[("Taste", "", 1.0), ("Price", "", 1.0)], &scores);
    sheet.topic = "What do we drink?".to_owned();
    sheet.recommendation = "Close race, but Tea edges ahead with 7.0 points.".to_owned();
    sheet.sensitivity =
        Some(Sensitivity { criteria: vec![lever("Taste", 1.0, &[]), lever("Price", 1.0, &[])], smallest: None });
    sheet.close_call =
        Some(CloseCall { close: true, reasons: vec!["Tea and Coffee share the first place".to_owned()] });
    sheet
}

/// A decision of which only the topic is known.
pub(super) fn empty() -> Sheet {
    Sheet { evaluated: None, model: String::new(), topic: "What next?".to_owned(), ..made(&[], &[], &[]) }
}

/// The whole sample with these words, and a number, wherever somebody else may choose them.
pub(super) fn worded(words: &str) -> Sheet {
    let mut sheet = full();
    let text = || words.to_owned();
    let named = |kind: &str, name: &str| format!("{words}{kind}{name}");
    (sheet.id, sheet.topic, sheet.created, sheet.evaluated) = (text(), text(), text(), Some(text()));
    (sheet.model, sheet.recommendation, sheet.simulated) = (text(), text(), true);
    for option in &mut sheet.options {
        (option.name, option.description, option.flags) = (named("o", &option.name), text(), vec![text()]);
    }
    for criterion in &mut sheet.criteria {
        (criterion.name, criterion.description) = (named("c", &criterion.name), text());
        criterion.flags = vec![text()];
    }
    for (index, pair) in sheet.pairs.iter_mut().enumerate() {
        (pair.option, pair.criterion) = (named("o", &pair.option), named("c", &pair.criterion));
        (pair.justification, pair.reason, pair.model) = (text(), text(), text());
        pair.votes = vec![Vote { model: text(), score: None, reason: text() }];
        if index % 3 == 1 {
            (pair.outcome, pair.score) = ([Outcome::Failed, Outcome::Abstained, Outcome::Missing][index / 3 % 3], None);
        }
    }
    for one in &mut sheet.ranking {
        one.option = named("o", &one.option);
        one.breakdown.iter_mut().for_each(|part| part.criterion = named("c", &part.criterion));
    }
    for opinion in &mut sheet.opinions {
        (opinion.method, opinion.note) = (text(), text());
        opinion.order.iter_mut().for_each(|place| place.option = named("o", &place.option));
    }
    let sensitivity = sheet.sensitivity.as_mut().unwrap();
    sensitivity.smallest = sensitivity.smallest.as_ref().map(|name| named("c", name));
    for lever in &mut sensitivity.criteria {
        lever.criterion = named("c", &lever.criterion);
        lever.flips.iter_mut().flat_map(|flip| &mut flip.rivals).for_each(|rival| *rival = named("o", rival));
    }
    let share = sheet.first_share.as_mut().unwrap();
    share.varied = text();
    share.options.iter_mut().for_each(|chance| chance.option = named("o", &chance.option));
    sheet.close_call = Some(CloseCall { close: true, reasons: vec![text(), text()] });
    sheet.missing = vec![Missing { option: text(), criterion: text(), reason: text() }];
    sheet.cautions = vec![text(), text()];
    sheet
}

/// A decision of this size with everything in it, each text filled up with these words.
pub(super) fn large(options: usize, criteria: usize, words: &str) -> Sheet {
    let names: Vec<String> = (1..=options).map(|at| format!("Option {at} {words}")).collect();
    let judged: Vec<String> = (1..=criteria).map(|at| format!("Criterion {at} {words}")).collect();
    let rows: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), words)).collect();
    let columns: Vec<_> = judged.iter().map(|name| (name.as_str(), words, 1.0)).collect();
    let mut sheet = made(&rows, &columns, &[]);
    for (row, option) in names.iter().enumerate() {
        for (column, criterion) in judged.iter().enumerate() {
            let reason = format!("{words} {row} {column}");
            let outcome = [Outcome::Scored, Outcome::Scored, Outcome::Failed][(row + column) % 3];
            sheet.pairs.push(Pair {
                option: option.clone(),
                criterion: criterion.clone(),
                outcome,
                score: (outcome == Outcome::Scored).then(|| 1.0 + ((row * 7 + column * 3) % 19) as f64 / 2.0),
                justification: words.to_owned(),
                reason,
                confidence: Some(0.5),
                spread: Some(1.0),
                model: words.to_owned(),
                simulated: (row + column) % 2 == 0,
                votes: (0..5)
                    .map(|_| Vote { model: words.to_owned(), score: None, reason: words.to_owned() })
                    .collect(),
            });
        }
    }
    let place = |(index, name): (usize, &String)| Place { option: name.clone(), rank: index as u32 + 1, value: 0.5 };
    let order: Vec<Place> = names.iter().enumerate().map(place).collect();
    let method =
        |_| Opinion { method: words.to_owned(), order: order.clone(), agrees: Some(false), ..Opinion::default() };
    sheet.opinions = (0..8).map(method).collect();
    let flip = Flip { at: 2.0, rivals: names.clone(), change: 1.0 };
    let lever = |name: &String| Lever { criterion: name.clone(), weight: 1.0, flips: vec![flip.clone(), flip.clone()] };
    sheet.sensitivity =
        Some(Sensitivity { criteria: judged.iter().map(lever).collect(), smallest: judged.first().cloned() });
    sheet.cautions = vec![words.to_owned(); 99];
    sheet.options.iter_mut().for_each(|option| option.flags = vec![words.to_owned(); 9]);
    sheet.criteria.iter_mut().for_each(|criterion| criterion.flags = vec![words.to_owned(); 9]);
    sheet.recommendation = words.to_owned();
    sheet.close_call = Some(CloseCall { close: true, reasons: vec![words.to_owned(); 99] });
    sheet.ranking = names
        .iter()
        .enumerate()
        .map(|(at, name)| Ranked {
            option: name.clone(),
            total: 9.0 - at as f64 / 100.0,
            rank: at as u32 + 1,
            covered_weight: 0.7,
            ..Ranked::default()
        })
        .collect();
    sheet
}
