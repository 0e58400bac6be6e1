//! `althing agreement`: how far observers agree, from a file of ratings. It asks no server and no model.

use crate::exit::{DONE, FAILED, Failure};
use crate::print::{self, print};
use crate::wiring;
use serde::Deserialize;
use shell::{Agreement, Global, RatingLevel};
use statistics::{Level, RATINGS_MAX, Rating, reliability};
use std::io::Read;
use std::path::Path;

/// Bytes of a file that are read, at most: enough for as many ratings as are compared.
const BYTES_MAX: u64 = 64 * RATINGS_MAX as u64;
/// The same ratings have the same interval.
const SEED: u64 = 1;
/// Columns of a table that number or name the units.
const UNIT_COLUMNS: [&str; 3] = ["", "unit", "id"];
/// How a table spells that there is no rating.
const MISSING: [&str; 6] = ["", "na", "n/a", "null", "*", "."];

/// Ratings as they are written: one list per observer.
type Ratings = Vec<Vec<Option<Rating>>>;

/// What a file of JSON holds.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Document {
    Bare(Ratings),
    Whole(Whole),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Whole {
    #[serde(default)]
    level: Level,
    ratings: Ratings,
}

/// Reads, computes and prints.
pub(crate) fn run(global: &Global, args: &Agreement) -> Result<u8, Failure> {
    wiring::logs(global, "warn")?;
    let (level, ratings) = parse(&read(&args.file)?)?;
    let level = args.level.map_or(level, level_of);
    let found = reliability(&ratings, level, SEED)
        .map_err(|error| Failure::new(FAILED, error.to_string()).named("no_agreement").hint(error.hint()))?;
    match global.json {
        true => print::json(&found)?,
        false => print(&terminal::reliability(&found))?,
    }
    Ok(DONE)
}

fn read(file: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let read = match file.as_os_str() == "-" {
        true => std::io::stdin().lock().take(BYTES_MAX + 1).read_to_string(&mut text),
        false => std::fs::File::open(file).and_then(|file| file.take(BYTES_MAX + 1).read_to_string(&mut text)),
    };
    read.map_err(|error| Failure::new(FAILED, format!("cannot read `{}`: {error}", file.display())))?;
    if text.len() as u64 > BYTES_MAX {
        return Err(Failure::new(FAILED, format!("`{}` is larger than {BYTES_MAX} bytes", file.display()))
            .hint(format!("at most {RATINGS_MAX} ratings are compared at once; take a sample of the units")));
    }
    Ok(text)
}

/// The ratings, and the level that the file asks for.
fn parse(text: &str) -> Result<(Level, Ratings), Failure> {
    // Spreadsheets put a mark in front that is no part of the first name.
    let text = text.trim_start_matches('\u{feff}');
    if !text.trim_start().starts_with(['{', '[']) {
        return Ok((Level::default(), table(text)?));
    }
    let wrong = |error: serde_json::Error| {
        Failure::new(FAILED, format!("the ratings cannot be read as JSON: {error}"))
            .hint("write `[[1, 2, null], [1, 2, 3]]`, one list per observer, or `{\"level\": …, \"ratings\": …}`")
    };
    Ok(match serde_json::from_str(text).map_err(wrong)? {
        Document::Bare(ratings) => (Level::default(), ratings),
        Document::Whole(Whole { level, ratings }) => (level, ratings),
    })
}

/// A table with one line per unit and one column per observer, below the line that names them.
fn table(text: &str) -> Result<Ratings, Failure> {
    let wrong = |error: csv::Error| {
        Failure::new(FAILED, format!("the ratings cannot be read as CSV: {error}"))
            .hint("write one line per unit, with one column per observer below a line with their names")
    };
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let head = reader.headers().map_err(wrong)?.clone();
    if !head.is_empty() && head.iter().all(|name| rating(name).is_none_or(|rating| matches!(rating, Rating::Number(_))))
    {
        return Err(Failure::new(FAILED, "the first line names no observers")
            .hint("put a line such as `anna,ben,carla` above the ratings"));
    }
    let is_observer = |name: &str| !UNIT_COLUMNS.contains(&name.to_lowercase().as_str());
    let columns: Vec<usize> = head.iter().enumerate().filter(|(_, name)| is_observer(name)).map(|(at, _)| at).collect();
    let mut ratings: Ratings = vec![Vec::new(); columns.len()];
    for line in reader.records() {
        let line = line.map_err(wrong)?;
        for (observer, column) in ratings.iter_mut().zip(&columns) {
            observer.push(line.get(*column).and_then(rating));
        }
    }
    Ok(ratings)
}

fn rating(cell: &str) -> Option<Rating> {
    if MISSING.contains(&cell.to_lowercase().as_str()) {
        return None;
    }
    Some(cell.parse().map_or_else(|_| Rating::Text(cell.to_owned()), Rating::Number))
}

fn level_of(level: RatingLevel) -> Level {
    match level {
        RatingLevel::Nominal => Level::Nominal,
        RatingLevel::Ordinal => Level::Ordinal,
        RatingLevel::Interval => Level::Interval,
        RatingLevel::Ratio => Level::Ratio,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLASSIC: &str = "unit,anna,ben,carla,dora\n1,1,1,,1\n2,2,2,3,2\n3,3,3,3,3\n4,3,3,3,3\n5,2,2,2,2\n6,1,2,3,4\n\
        7,4,4,4,4\n8,1,1,2,1\n9,2,2,2,2\n10,NA,5,5,5\n11,*,.,1,1\n12,,3,,\n";

    fn figure(value: f64) -> Option<Rating> {
        Some(Rating::Number(value))
    }

    #[test]
    fn tables_and_documents_are_the_same_ratings() {
        let (level, ratings) = parse(CLASSIC).unwrap();
        assert_eq!(parse(&format!("\u{feff}{CLASSIC}")).unwrap().1, ratings);
        assert_eq!((level, ratings.len(), ratings[0].len()), (Level::Nominal, 4, 12));
        let json = serde_json::to_string(&serde_json::json!({ "level": "interval", "ratings": ratings })).unwrap();
        assert_eq!(parse(&json).unwrap(), (Level::Interval, ratings.clone()));
        let bare = serde_json::to_string(&ratings).unwrap();
        assert_eq!(parse(&bare).unwrap(), (Level::Nominal, ratings.clone()));
        let found = reliability(&ratings, Level::Interval, SEED).unwrap();
        assert!((found.alpha - 0.849).abs() < 5e-4);
        let shown = terminal::reliability(&found);
        assert!(shown.starts_with("alpha") && shown.contains("0.849 (95 % interval ") && shown.contains("55 pairs"));
    }

    #[test]
    fn cells_are_figures_words_or_missing() {
        let ratings = table("a,b\nyes,\"no, never\"\n1.5,n/a\n").unwrap();
        let word = |text: &str| Some(Rating::Text(text.to_owned()));
        assert_eq!(ratings, [vec![word("yes"), figure(1.5)], vec![word("no, never"), None]]);
        assert_eq!(table("").unwrap(), Ratings::new());
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        for (text, expect) in [
            ("1,2\n1,1\n", "the first line names no observers"),
            ("a,b\n1\n", "the ratings cannot be read as CSV"),
            ("[[1, true]]", "the ratings cannot be read as JSON"),
            ("{\"rating\": []}", "the ratings cannot be read as JSON"),
        ] {
            let failure = parse(text).unwrap_err().text();
            assert!(failure.starts_with(&format!("error: {expect}")) && failure.contains("hint: "), "{failure}");
        }
    }
}
