//! Decisions as tables of eighty columns: what one comes to, from its sheet, and lists of them, from what the API answers.
//!
//! Names are cut where columns need it and wrapped where they do not; nothing is computed here but widths.

mod matrix;

use crate::text::{WIDTH, beginning, clean, count, hang, labelled, length};
use serde_json::Value;
use sheet::{Flip, Opinion, Outcome, Ranked, Sheet, WEIGHT_MAX, WEIGHT_MIN};

/// The widest that the name of an option is shown beside figures.
const NAME_WIDTH: usize = 40;
/// The widest that the name of a method is shown.
const METHOD_WIDTH: usize = 28;
/// The most options that an order names, and the most pairs, reasons or cautions that are listed.
const ORDER_MAX: usize = 6;
const LISTED_MAX: usize = 12;
/// Columns of a bar.
const BAR: usize = 20;

/// What a decision comes to: its ranking, what that rests on, the scores, other methods' opinions, what is missing.
pub fn decision(sheet: &Sheet) -> String {
    let mut told = head(sheet);
    told.push_str(&ranking(sheet));
    told.push_str(&verdict(sheet));
    if !sheet.pairs.is_empty() {
        told.push_str(&format!("\n{}", matrix::matrix(sheet)));
    }
    told.push_str(&opinions(&sheet.opinions));
    let missing: Vec<String> = sheet
        .missing
        .iter()
        .map(|it| format!("{} by {}: {}", name(&it.option), name(&it.criterion), name(&it.reason)))
        .collect();
    told.push_str(&listed("without a score:", &missing));
    let abstained: Vec<String> = sheet
        .pairs
        .iter()
        .filter(|pair| pair.outcome == Outcome::Abstained && !pair.reason.is_empty())
        .map(|pair| format!("{} by {}: {}", name(&pair.option), name(&pair.criterion), name(&pair.reason)))
        .collect();
    told.push_str(&listed("abstained:", &abstained));
    let cautions: Vec<String> = sheet.cautions.iter().map(|caution| name(caution)).collect();
    told.push_str(&listed("to know before believing it:", &cautions));
    told
}

/// A page of decisions.
pub fn decisions(page: &Value) -> String {
    let items = page["items"].as_array().map_or(&[][..], Vec::as_slice);
    if items.is_empty() {
        return "no decisions\n".to_owned();
    }
    let many = |value: &Value| value.as_array().map_or(0, Vec::len);
    let line = |one: &Value| {
        let text = |key: &str| name(one[key].as_str().unwrap_or_default());
        let status = match (one["evaluating"] == true, one["evaluations_run"].as_i64().unwrap_or_default()) {
            (true, _) => "evaluating",
            (false, 0) => "setup",
            _ => "evaluated",
        };
        let pairs = format!("{} × {}", many(&one["options"]), many(&one["criteria"]));
        let begun = one["created_ms"].as_i64().map(calendar::rfc3339).unwrap_or_default();
        let begun = begun.get(..16).unwrap_or_default().replace('T', " ");
        let topic = beginning(&text("topic"), WIDTH - 4, 1);
        format!("{:36}  {status:10}  {pairs:>7}  {begun}\n    {topic}\n", text("id"))
    };
    let more = if page["cursor"].is_null() { "" } else { "; there are more, see `--limit`" };
    format!("{}\n{}{more}\n", items.iter().map(line).collect::<String>(), count(items.len(), "decision"))
}

/// How far an evaluation is, in one line; of no more pairs than `total`.
pub fn decision_line(done: usize, total: usize, failed: usize, bar: bool) -> String {
    let done = done.min(total);
    let full = (done * BAR).checked_div(total).unwrap_or(BAR);
    let bar = if bar { format!("[{}{}] ", "=".repeat(full), " ".repeat(BAR - full)) } else { String::new() };
    let failed = if failed > 0 { format!(", {failed} failed") } else { String::new() };
    format!("scoring {bar}{done}/{} {}{failed}", total, if total == 1 { "pair" } else { "pairs" })
}

fn head(sheet: &Sheet) -> String {
    let scored = sheet.pairs.iter().filter(|pair| pair.score.is_some()).count();
    let pairs = sheet.options.len() * sheet.criteria.len();
    let by = if sheet.model.is_empty() { String::new() } else { format!(", scored by {}", name(&sheet.model)) };
    let mut told = hang("", &name(&sheet.topic));
    told.push_str(&hang("", &format!("{}{by}: {scored} of {}", name(&sheet.id), count(pairs, "pair"))));
    if sheet.simulated || sheet.pairs.iter().any(|pair| pair.simulated) {
        told.push_str(&hang("", "SIMULATED: a script gave these scores, they say nothing about the options"));
    }
    told
}

/// The options from first to last.
fn ranking(sheet: &Sheet) -> String {
    if sheet.ranking.is_empty() {
        return String::new();
    }
    let widest = sheet.ranking.iter().map(|one| length(&name(&one.option))).max().unwrap_or(0);
    let width = widest.clamp("OPTION".len(), NAME_WIDTH);
    let chance = |option: &str| {
        let share = sheet.first_share.as_ref()?;
        share.options.iter().find(|one| one.option == option)
    };
    let first = if sheet.first_share.is_some() { "   FIRST IN" } else { "" };
    let mut told = format!("\nRANK  {:width$}  TOTAL  COVERED{first}\n", "OPTION");
    for one in &sheet.ranking {
        let Ranked { option, total, rank, tied, covered_weight, .. } = one;
        let rank = if *tied { format!("{rank}=") } else { rank.to_string() };
        let share = chance(option).map(|it| format!("    {:>7}", percent(it.p, 1))).unwrap_or_default();
        let covered = percent(*covered_weight, 0);
        let option = beginning(&name(option), width, 1);
        told.push_str(&format!("{rank:>4}  {option:width$}  {total:5.2}  {covered:>7}{share}\n"));
    }
    told
}

/// What follows, how firm it is, and what would change it.
fn verdict(sheet: &Sheet) -> String {
    let mut told = "\n".to_owned();
    if !sheet.recommendation.is_empty() {
        told.push_str(&labelled("result", &name(&sheet.recommendation)));
    }
    if let Some(call) = &sheet.close_call {
        let reasons: Vec<String> = call.reasons.iter().map(|reason| name(reason)).collect();
        let reasons = if reasons.is_empty() { String::new() } else { format!(": {}", reasons.join("; ")) };
        let close = if call.close { "it is a close call" } else { "it is no close call" };
        told.push_str(&labelled("close", &format!("{close}{reasons}")));
    }
    if let Some(smallest) = smallest(sheet) {
        told.push_str(&labelled("weights", &smallest));
    }
    if let Some(share) = sheet.first_share.as_ref().filter(|share| !share.options.is_empty()) {
        let varied = if share.varied.is_empty() { String::new() } else { format!(" of {}", name(&share.varied)) };
        told.push_str(&labelled("first in", &format!("{} draws{varied}, seed {}", share.draws, share.seed)));
    }
    if told.len() > 1 { told } else { String::new() }
}

/// The smallest change of one weight that puts another option first.
fn smallest(sheet: &Sheet) -> Option<String> {
    let sensitivity = sheet.sensitivity.as_ref()?;
    let within = |flip: &&Flip| (WEIGHT_MIN..=WEIGHT_MAX).contains(&flip.at);
    let lever = sensitivity.criteria.iter().find(|lever| Some(&lever.criterion) == sensitivity.smallest.as_ref());
    if let Some((lever, flip)) = lever.and_then(|lever| Some((lever, lever.flips.iter().find(within)?))) {
        let rivals: Vec<String> = flip.rivals.iter().map(|rival| name(rival)).collect();
        let [from, to] = weights(lever.weight, flip.at);
        let (criterion, rivals) = (name(&lever.criterion), rivals.join(" and "));
        return Some(format!("{rivals} would be first if the weight of {criterion} went from {from} past {to}"));
    }
    let shared = sheet.ranking.first().is_some_and(|one| one.tied);
    let none = sensitivity.criteria.iter().all(|lever| !lever.flips.iter().any(|flip| within(&flip)));
    let told = || format!("no weight alone, from {WEIGHT_MIN} to {WEIGHT_MAX}, puts another option first");
    (none && !shared && !sensitivity.criteria.is_empty()).then(told)
}

fn opinions(opinions: &[Opinion]) -> String {
    let mut told = String::new();
    let width = opinions.iter().map(|it| length(&name(&it.method))).max().unwrap_or(0).min(METHOD_WIDTH);
    for one in opinions {
        let agrees = match one.agrees {
            Some(true) => "agrees",
            Some(false) => "DIFFERS",
            None => "-",
        };
        let mut places = one.order.iter().take(ORDER_MAX).peekable();
        let mut order = String::new();
        while let Some(place) = places.next() {
            order.push_str(&name(&place.option));
            if let Some(next) = places.peek() {
                order.push_str(if next.rank == place.rank { " = " } else { " > " });
            }
        }
        let more = one.order.len().saturating_sub(ORDER_MAX);
        let more = if more > 0 { format!(" > {more} more") } else { String::new() };
        let note = match (one.note.is_empty(), order.is_empty()) {
            (true, _) => String::new(),
            (false, true) => name(&one.note),
            (false, false) => format!(" ({})", name(&one.note)),
        };
        let method = beginning(&name(&one.method), width.max(2), 1);
        told.push_str(&hang(&format!("{method:width$}  {agrees:7}  "), &format!("{order}{more}{note}")));
    }
    if told.is_empty() { told } else { format!("\nsecond opinions:\n{told}") }
}

/// A heading and a line for each; beyond a few only how many more.
fn listed(heading: &str, items: &[String]) -> String {
    if items.is_empty() {
        return String::new();
    }
    let lines: String = items.iter().take(LISTED_MAX).map(|item| hang("- ", item)).collect();
    let more = items.len().saturating_sub(LISTED_MAX);
    let more = if more > 0 { format!("and {more} more\n") } else { String::new() };
    format!("\n{heading}\n{lines}{more}")
}

/// A foreign name or text in one line, without what turns the direction of writing.
pub(crate) fn name(text: &str) -> String {
    let turns =
        |letter: char| matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let kept: String = clean(text).chars().filter(|letter| !turns(*letter)).collect();
    kept.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn percent(share: f64, digits: usize) -> String {
    if share.is_finite() { format!("{:.digits$} %", share * 100.0) } else { "-".to_owned() }
}

/// Two weights, with as many digits as it takes to tell them apart.
fn weights(from: f64, to: f64) -> [String; 2] {
    let shown = |digits: usize| [from, to].map(|weight| matrix::trimmed(weight, digits));
    let apart = (2..6).map(shown).find(|[from, to]| from != to);
    apart.unwrap_or_else(|| shown(6))
}

#[cfg(test)]
mod tests;
