//! The scores: an option in each line, a criterion in each column, in blocks where there are more than fit.

use super::name;
use crate::text::{WIDTH, beginning, length};
use sheet::{Criterion, Outcome, Pair, Sheet};
use std::collections::HashMap;

/// The widest that names of options are shown.
const OPTION_WIDTH: usize = 26;
/// The narrowest and the widest that a criterion's column is.
const COLUMN_WIDTHS: (usize, usize) = (9, 20);

/// All scores, the options in the order of the ranking.
pub(super) fn matrix(sheet: &Sheet) -> String {
    let mut options: Vec<&str> = sheet.ranking.iter().map(|one| one.option.as_str()).collect();
    options.extend(sheet.options.iter().map(|one| one.name.as_str()));
    let mut seen = std::collections::HashSet::new();
    options.retain(|option| seen.insert(*option));
    let pairs = sheet.pairs.iter().map(|pair| ((pair.option.as_str(), pair.criterion.as_str()), pair));
    let pairs: HashMap<(&str, &str), &Pair> = pairs.collect();
    let names = options.iter().map(|option| length(&name(option)));
    let left = names.max().unwrap_or(0).clamp("WEIGHT".len(), OPTION_WIDTH);
    let column = column(sheet, WIDTH - left);
    let blocks = sheet.criteria.chunks(((WIDTH - left) / (column + 2)).max(1));
    let blocks = blocks.map(|criteria| block(criteria, &options, &pairs, left, column));
    blocks.collect::<Vec<_>>().join("\n") + &legend(sheet, &options, &pairs)
}

/// How wide a criterion's column is: as its name where there is room, and never so that few fit beside each other.
fn column(sheet: &Sheet, room: usize) -> usize {
    let (least, most) = COLUMN_WIDTHS;
    let widest = sheet.criteria.iter().map(|one| length(&name(&one.name))).max().unwrap_or(0);
    let even = (room / sheet.criteria.len().max(1)).saturating_sub(2);
    widest.min(even.clamp(least, most)).max(least)
}

fn block(
    criteria: &[Criterion],
    options: &[&str],
    pairs: &HashMap<(&str, &str), &Pair>,
    left: usize,
    column: usize,
) -> String {
    let line = |label: &str, cells: Vec<String>| {
        let cells: String = cells.iter().map(|cell| format!("  {cell:>column$}")).collect();
        format!("{:left$}{cells}\n", beginning(label, left, 1))
    };
    let mut told = line("SCORE", criteria.iter().map(|one| beginning(&name(&one.name), column, 1)).collect());
    told.push_str(&line("WEIGHT", criteria.iter().map(|one| trimmed(one.weight, 2)).collect()));
    for option in options {
        let cell = |one: &Criterion| cell(pairs.get(&(*option, one.name.as_str())).copied());
        told.push_str(&line(&name(option), criteria.iter().map(cell).collect()));
    }
    told
}

fn cell(pair: Option<&Pair>) -> String {
    match pair {
        Some(Pair { outcome: Outcome::Scored, score: Some(score), .. }) => format!("{score:.1}"),
        Some(Pair { outcome: Outcome::Abstained, .. }) => "abstained".to_owned(),
        Some(Pair { outcome: Outcome::Failed, .. }) => "failed".to_owned(),
        _ => "-".to_owned(),
    }
}

/// What words in the place of scores mean, of those that are there.
fn legend(sheet: &Sheet, options: &[&str], pairs: &HashMap<(&str, &str), &Pair>) -> String {
    let cells = options.iter().flat_map(|option| {
        sheet.criteria.iter().map(|one| cell(pairs.get(&(*option, one.name.as_str())).copied())).collect::<Vec<_>>()
    });
    let cells: std::collections::HashSet<String> = cells.collect();
    let words = [("abstained", "could not judge"), ("failed", "no usable answer"), ("-", "not asked")];
    let told: Vec<String> = words
        .iter()
        .filter(|(word, _)| cells.contains(*word))
        .map(|(word, means)| format!("{word}: {means}"))
        .collect();
    let rest = if told.is_empty() { String::new() } else { format!("; {}", told.join("; ")) };
    crate::text::hang("", &format!("from 1, worst, to 10, best{rest}"))
}

/// A figure with so many digits behind the point at most, and none that says nothing.
pub(super) fn trimmed(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}
