//! Every text has a reading: a score from 1 to 10 or none, never a panic, in work that grows with the text's length.

use crate::answer::scan::scan;
use crate::{JUSTIFICATION_CHARS_MAX, Note, Outcome, SCORE_MAX, SCORE_MIN, read};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Forms to be mutated.
const FORMS: [&str; 12] = [
    "{\"score\": 7, \"reasoning\": \"Solid \\\"value\\\".\", \"confidence\": 0.8, \"status\": \"success\"}",
    "{\"score\": null, \"reasoning\": \"no data\", \"confidence\": 0.1, \"status\": \"abstain\"}",
    "```json\n{\"score\": \"7/10\", \"reasoning\": \"x\"}\n```",
    "<think>maybe 3/10 {\"score\": 3}</think>\n{\"score\": 8}",
    "**Score:** 8/10\n**Justification:** quiet — and cheap",
    "SCORE: 7,5\nJUSTIFICATION: x\nCONFIDENCE: 80%",
    "I give it 7 out of 10.",
    "SCORE: [NO_RESPONSE]",
    "{'score': 7, 'reasoning': 'it''s', // x\n}",
    "{“score”: 1e3, “status”: “error”}",
    "{\"error\": {\"message\": \"x\"}}",
    "[{\"a\": {\"b\": [{\"score\": 4}]}}, {\"score\": 5}]",
];

/// Forms to be cut: scores of which a piece would be another one.
const CUT: [&str; 8] = [
    FORMS[0],
    FORMS[2],
    "{\"score\": 10}",
    "{\"score\": 10, \"reasoning\": \"x\"}",
    "{\"reasoning\": \"3/10 is too little\", \"score\": 7.5, \"status\": \"success\"}",
    "{\"score\": 7,5, \"reasoning\": \"x\"}",
    "{'score': \"10/10\", 'reasoning': 'SCORE: 3'}",
    "<think>3/10</think>{score: 10 , reasoning: 'x'}",
];

/// What is put into forms, or out of which texts are made.
const PIECES: [&str; 40] = [
    "{",
    "}",
    "[",
    "]",
    "\"",
    "'",
    "“",
    "”",
    "\\",
    ",",
    ":",
    "score",
    "\"score\":",
    "SCORE: ",
    "7",
    "10",
    "-1",
    "1e999",
    "NaN",
    "null",
    "%",
    "/10",
    " out of 10",
    "<think>",
    "</think>",
    "◁",
    "◁/think▷",
    "//",
    "\n",
    " ",
    "status",
    "abstain",
    "[NO_RESPONSE]",
    "n/a",
    "é",
    "\u{202E}",
    "🙂",
    "reasoning",
    "\"status\":\"error\"",
    "0.",
];

/// What holds for every reading.
fn holds(text: &str) -> Result<(), TestCaseError> {
    let reading = read(text);
    if let Outcome::Scored { score } = reading.outcome {
        prop_assert!((SCORE_MIN..=SCORE_MAX).contains(&score), "{score} of {text:?}");
    }
    prop_assert_eq!(reading.score().is_some(), matches!(reading.outcome, Outcome::Scored { .. }));
    prop_assert!(reading.confidence.is_none_or(|share| (0.0..=1.0).contains(&share)), "{text:?}");
    prop_assert!(reading.justification.chars().count() <= JUSTIFICATION_CHARS_MAX);
    prop_assert_eq!(&read(text), &reading);
    let work = scan(text).work;
    prop_assert!(work <= most_work(text.len()), "{work} for {} bytes", text.len());
    Ok(())
}

/// Bytes that may be looked at for so many: each once by the scan, once as an object, and once more for each kind of
/// quote behind a brace that begins none.
fn most_work(len: usize) -> usize {
    5 * len
}

fn pieces() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..60).prop_map(|pieces| pieces.concat())
}

/// A form with some of its characters taken out, doubled, or replaced by pieces.
fn mutated() -> impl Strategy<Value = String> {
    let change = (any::<prop::sample::Index>(), 0..4_u8, prop::sample::select(PIECES.to_vec()));
    (prop::sample::select(FORMS.to_vec()), prop::collection::vec(change, 0..6)).prop_map(|(form, changes)| {
        let mut text: Vec<char> = form.chars().collect();
        for (at, kind, piece) in changes {
            let at = at.index(text.len() + 1);
            match kind {
                0 => text.truncate(at),
                1 => drop(text.splice(at..(at + 1).min(text.len()), [])),
                2 => drop(text.splice(at..at, piece.chars())),
                _ => text = [&text[..at], &text[at / 2..]].concat(),
            }
        }
        text.into_iter().collect()
    })
}

fn value() -> impl Strategy<Value = Value> {
    let key = prop::sample::select(vec!["score", "status", "reasoning", "confidence", "error", "x", "Score"]);
    let text = prop::sample::select(vec!["7", "abstain", "error", "N/A", "85%", "x", "", "7/10", "<x>", "\\", "\"}"]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text.prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, move |inner| {
        let members = prop::collection::vec((key.clone(), inner.clone()), 0..5);
        let object = members.prop_map(|members| {
            Value::Object(members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
        });
        prop_oneof![prop::collection::vec(inner, 0..5).prop_map(Value::from), object]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn any_text_has_a_reading(text in any::<String>()) {
        holds(&text)?;
    }

    #[test]
    fn any_text_of_pieces_has_a_reading(text in pieces()) {
        holds(&text)?;
    }

    #[test]
    fn any_mutation_of_a_form_has_a_reading(text in mutated()) {
        holds(&text)?;
    }

    #[test]
    fn any_value_of_json_has_a_reading(value in value()) {
        holds(&value.to_string())?;
        holds(&serde_json::to_string_pretty(&value).unwrap())?;
    }

    /// Whatever stands in the reasoning: it is data, and the score beside it counts.
    #[test]
    fn no_reasoning_changes_the_score(reasoning in prop_oneof![any::<String>(), pieces()], score in 1.0..=10.0_f64) {
        let hollow = reasoning.trim_start().starts_with('<') && reasoning.trim_end().ends_with('>');
        prop_assume!(!hollow);
        let answer = json!({ "reasoning": reasoning, "score": score, "status": "success", "confidence": 0.5 }).to_string();
        for answer in [answer.clone(), format!("```json\n{answer}\n```"), format!("Sure:\n{answer}\nDone.")] {
            let reading = read(&answer);
            prop_assert_eq!(&reading.outcome, &Outcome::Scored { score }, "{}", answer);
            prop_assert_eq!(&reading.notes, &[]);
            prop_assert_eq!(reading.justification.trim(), reasoning.trim());
        }
    }

    /// Wherever an answer in JSON is cut, it has the score that it would have had, or none.
    #[test]
    fn a_cut_never_makes_another_score(at in any::<prop::sample::Index>(), form in prop::sample::select(CUT.to_vec())) {
        let cut = &form[..form.floor_char_boundary(at.index(form.len() + 1))];
        if let Some(score) = read(cut).score() {
            prop_assert_eq!(Some(score), read(form).score(), "{}", cut);
        }
    }
}

const MEGABYTE: usize = 1_000_000;

fn long(piece: &str, len: usize) -> String {
    piece.repeat(len / piece.len())
}

fn start(text: &str) -> String {
    text.chars().take(24).collect()
}

#[test]
fn a_megabyte_of_anything_is_looked_through_in_linear_work() {
    let mut texts: Vec<String> = [
        "{",
        "[",
        "{\"",
        "{\"a\":",
        "{\"a\":[",
        "{\"a\":{\"score\":7,",
        "{\"x{",
        "{'x{\"y{",
        "{ ",
        "{//",
        "{/*",
        "\"{\\\"",
        "{“",
        "{“{'{\"",
        "<think>",
        "</think>",
        "◁",
        "{\"score\": 7}",
        "{score:7 ",
        "{\"score\":1,\"score\":",
        "{\n//",
        "{a:1,2,",
    ]
    .iter()
    .map(|piece| long(piece, MEGABYTE / 4))
    .collect();
    let long = |piece: &str| long(piece, MEGABYTE);
    texts.push(format!("{{\"score\": 7, \"reasoning\": \"{}", long("{\"")));
    texts.push(format!("{{\"{}", long("{'")));
    texts.push(format!("{{\"{}\": {{\"score\": 7}}", long("{'{“")));
    texts.push(format!("{{\"score\": \"{}\"}}{}", long("7"), long("{\"score\": 1}")));
    texts.push(format!("{}{{\"score\": 7}}{}", long("{\"a\":"), long("}")));
    for text in &texts {
        let work = scan(text).work;
        assert!(work <= most_work(text.len()), "{work} for {} bytes of {}", text.len(), start(text));
    }
}

/// What follows the scan looks at bounded pieces from each place, so that a tenth shows as much.
#[test]
fn long_runs_of_anything_have_a_reading() {
    let mut texts: Vec<String> = [
        "}",
        "\"",
        "'",
        "\\",
        "{'",
        "{\"\\",
        "<",
        "score",
        "score:",
        "SCORE: 7 ",
        "score: x ",
        "\nSCORE: 7",
        "score\n",
        "7/10 ",
        "7",
        "1.",
        "7/",
        "9/10, ",
        "{\"score\": 7} ",
        "n/a",
        "error",
        " ",
        "\n",
        "reason: ",
        "justification:\n",
        "7%",
        "é",
        "score is ",
        "\u{202E}",
        "{\"",
        "{\"a\":{\"score\":7,",
        "{“{'{\"",
        "{score:7 ",
        "[[THINK]",
        "*",
        "| Score ",
    ]
    .iter()
    .map(|piece| long(piece, MEGABYTE / 10))
    .collect();
    texts.push(format!("{{\"score\": {}}}", long("7", MEGABYTE)));
    texts.push(format!("SCORE: {}", long("7", MEGABYTE)));
    texts.push(long("SCORE: 7\n", MEGABYTE));
    texts.push(long("no score here, 7 or 8; ", MEGABYTE));
    for text in &texts {
        holds(text).unwrap_or_else(|error| panic!("{}: {error}", start(text)));
    }
}

#[test]
fn objects_nest_as_deep_as_the_limit_and_no_deeper() {
    let nested = |depth: usize| format!("{}{{\"score\": 7}}{}", "{\"a\":".repeat(depth), "}".repeat(depth));
    assert_eq!(read(&nested(63)).score(), Some(7.0));
    // What is deeper is begun anew within.
    assert_eq!(read(&nested(64)).score(), Some(7.0));
    assert_eq!(read(&nested(1_000)).score(), Some(7.0));
    // An array that is deeper breaks what holds it; the score is found by its label.
    let arrays = |depth: usize| format!("{{\"a\": {}{}, \"score\": 7}}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!((read(&arrays(63)).score(), read(&arrays(63)).notes), (Some(7.0), vec![]));
    assert_eq!((read(&arrays(64)).score(), read(&arrays(64)).notes), (Some(7.0), vec![Note::Labelled]));
}
