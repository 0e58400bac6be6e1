//! Scores behind labels, in answers without JSON: `SCORE: 7`, `**Score:** 8/10`, `| Rating | 6 |`, `my score is 5`.

use super::number::{Figure, leading};
use super::verdict::is_none;

/// Bytes that a label is looked at before and behind, at most: what keeps the time linear.
const REACH: usize = 64;

/// Labels and what they stand before.
const LABELS: [(&str, Kind); 9] = [
    ("score", Kind::Score),
    ("rating", Kind::Score),
    ("justification", Kind::Reason),
    ("reasoning", Kind::Reason),
    ("reason", Kind::Reason),
    ("explanation", Kind::Reason),
    ("rationale", Kind::Reason),
    ("confidence", Kind::Confidence),
    ("status", Kind::Status),
];

/// Words that a label may have before it and still be the model's own: not `safety score`, not `credit score`.
const OWN: [&str; 9] = ["my", "the", "final", "overall", "a", "assigned", "resulting", "numeric", "numerical"];

/// What may stand between a label and its value.
const BETWEEN: [char; 15] = [' ', '\t', '*', '_', '"', '\'', '`', ':', '=', '|', '>', '-', '–', '\n', '\r'];

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Score,
    Reason,
    Confidence,
    Status,
}

/// What the labels of an answer say.
#[derive(Debug, Default)]
pub(super) struct Labelled<'a> {
    /// Scores behind labels that begin their line, else those within lines.
    pub(super) scores: Vec<Value>,
    /// Whether the scores are those within lines.
    pub(super) inline: bool,
    pub(super) reason: Option<&'a str>,
    pub(super) confidence: Option<&'a str>,
    pub(super) status: Option<&'a str>,
}

/// What stands behind the label of a score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value {
    Number(Figure),
    /// `N/A`, `[NO_RESPONSE]`.
    None,
}

/// A label and where its value begins.
struct Label {
    kind: Kind,
    start: usize,
    behind: usize,
    begins_line: bool,
}

/// What the labels of a text say.
pub(super) fn labelled(text: &str) -> Labelled<'_> {
    let labels = labels(text);
    let mut said = Labelled::default();
    let value = |label: &Label| score(&text[label.behind..]);
    let firm: Vec<Value> =
        labels.iter().filter(|label| label.kind == Kind::Score && label.begins_line).filter_map(value).collect();
    let loose = || labels.iter().filter(|label| label.kind == Kind::Score && !label.begins_line).filter_map(value);
    said.inline = firm.is_empty();
    said.scores = if said.inline { loose().collect() } else { firm };
    let stands = |label: &&Label| label.begins_line && separated(&text[label.behind..]).is_some();
    let mut firm = labels.iter().filter(stands).peekable();
    while let Some(label) = firm.next() {
        let end = firm.peek().map_or(text.len(), |next| next.start);
        let slot = match label.kind {
            Kind::Reason => &mut said.reason,
            Kind::Confidence => &mut said.confidence,
            Kind::Status => &mut said.status,
            Kind::Score => continue,
        };
        if let Some(rest) = separated(&text[label.behind..end.max(label.behind)]) {
            *slot = Some(if label.kind == Kind::Reason { rest } else { line(rest) });
        }
    }
    said
}

/// The labels of a text, in order.
fn labels(text: &str) -> Vec<Label> {
    let mut labels = Vec::new();
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let len = bytes[at..].iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        let word = &bytes[at..at + len];
        let kind = LABELS.iter().find(|(label, _)| label.as_bytes().eq_ignore_ascii_case(word));
        if let Some((begins_line, (_, kind))) = kind.and_then(|kind| Some((place(text, at)?, kind))) {
            labels.push(Label { kind: *kind, start: at, behind: at + len, begins_line });
        }
        at += len.max(1);
    }
    labels
}

/// Whether what begins at `at` begins its line, but for signs and a word like `final`; `None` if another word or sign
/// before it makes it something else.
fn place(text: &str, at: usize) -> Option<bool> {
    let from = text.ceil_char_boundary(at.saturating_sub(REACH));
    let near = &text[from..at];
    let (line, whole) = match near.rfind('\n') {
        Some(end) => (&near[end + 1..], true),
        None => (near, from == 0),
    };
    if line.ends_with(|c: char| c.is_alphanumeric() || c == '_') {
        return None;
    }
    let spoken = line.trim_end_matches([' ', '\t']);
    let word = spoken.rsplit(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    let own = word.is_empty() || OWN.iter().any(|own| own.eq_ignore_ascii_case(word));
    let rest =
        spoken[..spoken.len() - word.len()].trim_start_matches(['#', '*', '>', '-', '|', '_', ' ', '\t', '•', '<']);
    own.then_some(whole && rest.is_empty())
}

/// The value of a score behind its label.
fn score(behind: &str) -> Option<Value> {
    let behind = &behind[..behind.floor_char_boundary(4 * REACH)];
    let value = separated(behind)?;
    if let Some((figure, rest)) = leading(value) {
        // In a line of its own, nothing else may follow.
        let crossed = behind[..behind.len() - value.len()].contains('\n');
        return (!crossed || line(rest).trim_matches(['*', ' ', '.', '|', '_']).is_empty())
            .then_some(Value::Number(figure));
    }
    let word = line(value).split(['(', ';', '—', '|', '<']).next().unwrap_or_default();
    is_none(word.trim_matches(['*', '"', '`', ' ', ','])).then_some(Value::None).filter(|_| !word.trim().is_empty())
}

/// What follows a label and what separates it from its value: a colon, a sign, `is` or `of`.
fn separated(behind: &str) -> Option<&str> {
    let behind = behind.strip_prefix(" (1-10)").or_else(|| behind.strip_prefix(" (1–10)")).unwrap_or(behind);
    let reach = behind.ceil_char_boundary(REACH.min(behind.len()));
    let value = behind[..reach].trim_start_matches(BETWEEN);
    let mut len = reach - value.len();
    let mut signs = behind[..len].contains([':', '=', '|', '>', '-', '–', '\n']);
    for word in ["is", "of", "would be"] {
        let rest = behind[len..].strip_prefix(word).filter(|rest| rest.starts_with([' ', ':', '*']));
        if let Some(rest) = rest.filter(|_| len > 0) {
            let clipped = &rest[..rest.ceil_char_boundary(REACH.min(rest.len()))];
            len = behind.len() - rest.len() + clipped.len() - clipped.trim_start_matches(BETWEEN).len();
            signs = true;
            break;
        }
    }
    // A minus is part of the number where nothing else separates.
    let minus = behind[..len].ends_with('-') && behind[..len - 1].contains([':', '=', '|', '>']);
    let boxed = behind[len..].strip_prefix(['[', '(']).filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    if let Some(rest) = boxed.filter(|_| signs) {
        return Some(rest);
    }
    signs.then(|| &behind[len - usize::from(minus)..])
}

fn line(text: &str) -> &str {
    text.split('\n').next().unwrap_or_default().trim()
}
