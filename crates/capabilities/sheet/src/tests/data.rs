//! CSV and JSON.

use super::sample::{empty, full, large, partial, tied, worded};
use crate::{FORMAT, Sheet, csv, csv_ranking, json};
use proptest::prelude::*;

/// One field, as RFC 4180 says, and what follows it; panics where there is none.
fn field(text: &str) -> (String, &str) {
    let Some(mut rest) = text.strip_prefix('"') else {
        let (field, rest) = text.split_at(text.find([',', '\r', '\n', '"']).expect("a field has no end"));
        return (field.to_owned(), rest);
    };
    let mut field = String::new();
    loop {
        let (part, after) = rest.split_once('"').expect("a quoted field has no end");
        field += part;
        match after.strip_prefix('"') {
            Some(after) => {
                field.push('"');
                rest = after;
            }
            None => return (field, after),
        }
    }
}

/// The records of a CSV text; panics where it is none.
fn records(mut text: &str) -> Vec<Vec<String>> {
    let (mut records, mut record) = (Vec::new(), Vec::new());
    while !text.is_empty() {
        let (found, rest) = field(text);
        record.push(found);
        text = match (rest.strip_prefix(','), rest.strip_prefix("\r\n")) {
            (Some(rest), _) => rest,
            (_, Some(rest)) => {
                records.push(std::mem::take(&mut record));
                rest
            }
            _ => panic!("a field is followed by {:?}", rest.chars().next()),
        };
    }
    assert!(record.is_empty(), "the last record has no end");
    records
}

/// Both tables, having checked what holds for each: they are well-formed, and a spreadsheet computes nothing of them.
fn checked(sheet: &Sheet) -> [Vec<Vec<String>>; 2] {
    let tables = [csv(sheet), csv_ranking(sheet)].map(|text| records(&text));
    for table in &tables {
        for field in table.iter().flatten() {
            assert_eq!(table[0].len(), table.iter().map(Vec::len).max().unwrap());
            let parts = field.split(';').map(|part| part.trim_start_matches([' ', '"']));
            for part in parts {
                assert!(!part.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠', '\t', '\r']), "{field}");
            }
            assert!(!field.chars().any(char::is_control), "{field:?}");
        }
        assert!(table.iter().all(|record| record.len() == table[0].len()));
    }
    assert_eq!(tables[0].len(), 1 + sheet.options.len() * sheet.criteria.len());
    assert_eq!(tables[1].len(), 1 + sheet.options.len());
    tables
}

#[test]
fn tables_of_decisions() {
    for (name, sheet) in [("full", full()), ("partial", partial()), ("tied", tied()), ("empty", empty())] {
        checked(&sheet);
        insta::assert_snapshot!(format!("csv_{name}"), csv(&sheet).replace("\r\n", "\n"));
        insta::assert_snapshot!(format!("csv_ranking_{name}"), csv_ranking(&sheet).replace("\r\n", "\n"));
    }
    checked(&Sheet::default());
}

#[test]
fn no_formula_is_left() {
    for words in ["=1+1", "@SUM(A1)", "+1", "-1", " =1", "\t=1", "\r\n=1", "a;=1", "\";=1", "=x\"\r\n=1,\"=2", "＝1"] {
        let [pairs, ranking] = checked(&worded(words));
        assert!(pairs[1].iter().chain(&ranking[1]).any(|field| field.contains('\'')), "{words}");
    }
}

#[test]
fn text_in_tables_is_whole() {
    let words = "A \"quote\", a comma and ünïcode; ".repeat(400);
    let [pairs, _] = checked(&worded(&words));
    assert!(pairs.iter().any(|record| record[10] == words.trim_end()));
}

#[test]
fn documents_of_decisions() {
    for (name, sheet) in [("full", full()), ("partial", partial()), ("tied", tied()), ("empty", empty())] {
        let text = json(&sheet);
        assert!(text.starts_with(&format!("{{\"format\":\"{FORMAT}\",\"id\":")), "{text}");
        let read: Sheet = serde_json::from_str(&text).unwrap();
        assert_eq!(read, sheet);
        assert_eq!(json(&read), text);
        insta::assert_snapshot!(format!("json_{name}"), text.replace("},", "},\n").replace("],", "],\n"));
    }
    let bare: Sheet = serde_json::from_str("{}").unwrap();
    assert_eq!(bare, Sheet::default());
}

#[test]
fn figures_that_are_none_are_null() {
    let mut sheet = full();
    sheet.ranking[0].total = f64::NAN;
    assert!(json(&sheet).contains("\"total\":null"));
    checked(&sheet);
    assert!(!csv_ranking(&sheet).contains("NaN"));
}

#[test]
fn large_documents_stay_small() {
    let sheet = large(50, 25, &"words ".repeat(8));
    for text in [json(&sheet), csv(&sheet), csv_ranking(&sheet)] {
        assert!(text.len() < 2_000_000, "{}", text.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_text_stays_in_its_field(words in ".{0,200}") {
        checked(&worded(&words));
    }

    #[test]
    fn any_signs_stay_in_their_field(words in "[=+@\"',;| \r\n\ta-]{0,40}") {
        checked(&worded(&words));
    }
}
