//! How long each format takes, and how large it is, for decisions of several sizes. With a folder as its argument it
//! writes the documents of each size there.
//!
//! `cargo run --release -p sheet --example speed [FOLDER]`

#![allow(clippy::print_stdout, clippy::unwrap_used)]

use sheet::{Criterion, DecisionOption, Outcome, Pair, Ranked, Sheet};
use std::time::Instant;

const WORDS: &str = "It does well by this, since what was asked for is there and has been for years; see the notes of \
    the last review, where two of three teams said so, and the third did not try it at all under the load we have. ";

type Format = (&'static str, &'static str, fn(&Sheet) -> String);

const FORMATS: [Format; 5] = [
    ("markdown", "md", sheet::markdown),
    ("csv", "csv", sheet::csv),
    ("csv_ranking", "ranking.csv", sheet::csv_ranking),
    ("json", "json", sheet::json),
    ("page", "html", sheet::page),
];

/// How often a format is made; the fastest counts.
const REPEATS: usize = 5;

fn main() {
    let folder = std::env::args().nth(1);
    println!("{:>9} {:>12} {:>10} {:>10} {:>12}", "pairs", "format", "ms", "KB", "ns per pair");
    for (options, criteria) in [(5, 4), (20, 15), (50, 25), (100, 100), (300, 100)] {
        let sheet = made(options, criteria);
        for (name, end, format) in FORMATS {
            let mut fastest = f64::INFINITY;
            let mut text = String::new();
            for _ in 0..REPEATS {
                let start = Instant::now();
                text = format(&sheet);
                fastest = fastest.min(start.elapsed().as_secs_f64());
            }
            let pairs = options * criteria;
            let (ms, kb, each) = (fastest * 1e3, text.len() as f64 / 1e3, fastest * 1e9 / pairs as f64);
            println!("{pairs:>9} {name:>12} {ms:>10.3} {kb:>10.1} {each:>12.0}");
            if let Some(folder) = &folder {
                std::fs::write(format!("{folder}/{options}x{criteria}.{end}"), text).unwrap();
            }
        }
    }
}

/// A whole decision of this size, with a justification of two hundred characters for each pair.
fn made(options: usize, criteria: usize) -> Sheet {
    let mut sheet = Sheet { topic: "How fast is this?".to_owned(), model: "none".to_owned(), ..Sheet::default() };
    sheet.options = (1..=options)
        .map(|at| DecisionOption { name: format!("Option {at}"), description: WORDS.to_owned(), ..Default::default() })
        .collect();
    sheet.criteria = (1..=criteria)
        .map(|at| Criterion {
            name: format!("Criterion {at}"),
            weight: 1.0,
            share: 1.0 / criteria as f64,
            ..Default::default()
        })
        .collect();
    for (row, option) in sheet.options.iter().enumerate() {
        for (column, criterion) in sheet.criteria.iter().enumerate() {
            sheet.pairs.push(Pair {
                option: option.name.clone(),
                criterion: criterion.name.clone(),
                outcome: Outcome::Scored,
                score: Some(1.0 + ((row * 7 + column * 3) % 19) as f64 / 2.0),
                confidence: Some(0.8),
                justification: WORDS.to_owned(),
                ..Default::default()
            });
        }
        let total = 9.0 - row as f64 / 100.0;
        let (option, rank) = (option.name.clone(), row as u32 + 1);
        sheet.ranking.push(Ranked { option, total, rank, covered_weight: 1.0, ..Default::default() });
    }
    sheet
}
