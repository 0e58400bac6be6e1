//! The decision as tables for spreadsheets and programs, as RFC 4180 has them. Computes nothing.
//!
//! Every record is one line that ends with CR LF, and has as many fields as the header. Figures are written in full,
//! with a point; where there is none the field is empty. The text is UTF-8 without a byte order mark.

use crate::text::line;
use crate::view::View;
use crate::{Outcome, Pair, Sheet, Vote};

const PAIRS: [&str; 12] = [
    "option",
    "criterion",
    "weight",
    "outcome",
    "score",
    "confidence",
    "spread",
    "votes",
    "model",
    "simulated",
    "justification",
    "reason",
];

const RANKING: [&str; 8] =
    ["rank", "tied", "option", "total", "covered_weight", "first_share", "first_low", "first_high"];

/// One row per pair, with a header: every option by every criterion in the order in which they were added, also where
/// nothing was asked yet.
///
/// A spreadsheet computes nothing of it: text that begins like a formula (`=`, `+`, `-`, `@`) gets a `'` before it, also
/// behind a `;`, at which some spreadsheets begin a new field. Texts are whole, but on one line: line breaks become
/// blanks, and what cannot be seen `�`.
pub fn csv(sheet: &Sheet) -> String {
    let view = View::new(sheet);
    let mut table = Table::new(PAIRS.into_iter());
    for (option, entry) in sheet.options.iter().enumerate() {
        for (criterion, judged_by) in sheet.criteria.iter().enumerate() {
            table.text(&entry.name).text(&judged_by.name).figure(Some(judged_by.weight));
            let outcome = view.outcome(option, criterion);
            let reason = if outcome == Outcome::Scored { "" } else { view.reason(option, criterion) };
            table.pair(view.pair(option, criterion), outcome, view.score(option, criterion), reason, sheet).end();
        }
    }
    table.text
}

/// One row per option, from first to last, with a header: its place, its total, how often it is first, and behind these
/// one column per criterion, headed by its name, with the scores.
///
/// Options that have no place come last. Texts are made harmless as in [`csv`].
pub fn csv_ranking(sheet: &Sheet) -> String {
    let view = View::new(sheet);
    let names = sheet.criteria.iter().map(|criterion| criterion.name.as_str());
    let mut table = Table::new(RANKING.into_iter().chain(names));
    for &option in view.order() {
        let (one, chance) = (view.ranked(option), view.chance(option));
        table.own(&one.map_or(String::new(), |one| one.rank.to_string()));
        table.own(&one.map_or(String::new(), |one| one.tied.to_string()));
        table.text(sheet.options.get(option).map_or("", |option| &option.name));
        table.figure(one.map(|one| one.total)).figure(one.map(|one| one.covered_weight));
        table.figure(chance.map(|chance| chance.p));
        table.figure(chance.map(|chance| chance.low)).figure(chance.map(|chance| chance.high));
        for criterion in 0..sheet.criteria.len() {
            table.figure(view.score(option, criterion));
        }
        table.end();
    }
    table.text
}

/// Records that are being written, field by field.
struct Table {
    text: String,
    started: bool,
}

impl Table {
    fn new<'a>(head: impl Iterator<Item = &'a str>) -> Self {
        let mut table = Self { text: String::new(), started: false };
        for name in head {
            table.text(name);
        }
        table.end();
        table
    }

    /// The fields of a pair behind its names and its weight.
    fn pair(
        &mut self,
        pair: Option<&Pair>,
        outcome: Outcome,
        score: Option<f64>,
        reason: &str,
        sheet: &Sheet,
    ) -> &mut Self {
        let word = match outcome {
            Outcome::Scored => "scored",
            Outcome::Abstained => "abstained",
            Outcome::Failed => "failed",
            Outcome::Missing => "missing",
        };
        let asked = pair.map(|pair| if pair.model.is_empty() { sheet.model.as_str() } else { pair.model.as_str() });
        self.own(word).figure(score);
        self.figure(pair.and_then(|pair| pair.confidence)).figure(pair.and_then(|pair| pair.spread));
        self.text(&pair.map_or(String::new(), |pair| votes(&pair.votes))).text(asked.unwrap_or_default());
        self.own(&pair.map_or(String::new(), |pair| pair.simulated.to_string()));
        self.text(pair.map_or("", |pair| &pair.justification)).text(reason)
    }

    /// A field of foreign text.
    fn text(&mut self, text: &str) -> &mut Self {
        let text = harmless(&line(text, usize::MAX));
        if text.contains([',', '"', ';', '\'']) {
            self.own(&format!("\"{}\"", text.replace('"', "\"\"")))
        } else {
            self.own(&text)
        }
    }

    fn figure(&mut self, value: Option<f64>) -> &mut Self {
        self.own(&value.filter(|value| value.is_finite()).map_or(String::new(), |value| value.to_string()))
    }

    fn own(&mut self, field: &str) -> &mut Self {
        if std::mem::replace(&mut self.started, true) {
            self.text.push(',');
        }
        self.text.push_str(field);
        self
    }

    fn end(&mut self) {
        self.text.push_str("\r\n");
        self.started = false;
    }
}

/// `model 8, other 7.5, third none (reason)`.
fn votes(votes: &[Vote]) -> String {
    let vote = |vote: &Vote| match vote.score {
        Some(score) => format!("{} {score}", vote.model),
        None if vote.reason.is_empty() => format!("{} none", vote.model),
        None => format!("{} none ({})", vote.model, vote.reason),
    };
    votes.iter().map(vote).collect::<Vec<_>>().join(", ")
}

/// The text with a `'` before whatever a spreadsheet would compute.
fn harmless(text: &str) -> String {
    let mut harmless = String::with_capacity(text.len());
    let mut start = true;
    for letter in text.chars() {
        if start && matches!(letter, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠') {
            harmless.push('\'');
        }
        start = letter == ';' || (start && matches!(letter, ' ' | '"'));
        harmless.push(letter);
    }
    harmless
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_computed() {
        let check = |text: &str, expect: &str| assert_eq!(harmless(text), expect);
        check("=1+1", "'=1+1");
        check(" @x", " '@x");
        check("a;=1", "a;'=1");
        check("a; \"-1", "a; \"'-1");
        for sign in ["=", "+", "-", "@", "＝", "＋", "－", "＠"] {
            check(&format!("{sign}1"), &format!("'{sign}1"));
        }
        check("a=b, -5", "a=b, -5");
        check("", "");
    }
}
