//! Reads whatever a model answered. What it finds depends on the answer alone.
//!
//! The rule, in this order; the first that finds something counts:
//! 1. Thoughts (`<think>…</think>`) are no answer, whatever they hold; neither is what precedes a mark that ends them.
//! 2. The last whole JSON object that fits, wherever it stands. It fits if it has a score that can be read or is null,
//!    or a status that says there is none, and is not the form itself. An object that fits stands for all within it.
//! 3. An object that was cut off or broken behind its score.
//! 4. The last score behind a label that begins its line; else the one score behind labels within lines.
//! 5. Words: an error, a refusal, an outage, an abstention, an answer that is a number, the one `n/10` of an answer.
//!
//! The status goes before the score: who abstains gives none. Nothing is taken from two scores in prose of which none is
//! said to be the answer, nor from one beside words of abstaining, nor from ranges.

mod labels;
mod number;
mod object;
mod prose;
mod scan;
mod strings;
#[cfg(test)]
mod tests;
mod thoughts;
mod verdict;

use crate::pair::OWN_WORDS;
use crate::reading::{Note, Outcome, Reading};
use labels::{Labelled, Value, labelled};
use prose::{Words, cannot_judge, reports_outage, words};
use scan::{Scan, scan};
use strings::bounded;
use verdict::{confidence, names_failure, reading, scored};

const SEVERAL: &str = "answer holds several scores and does not say which one it gives";

const BOTH: &str = "answer says that it cannot judge, and holds a score";

/// What an answer says. It is total: every text has a reading, in time and memory linear in its length.
pub fn read(answer: &str) -> Reading {
    let unwrapped = unwrapped(answer);
    let text = unwrapped.as_deref().unwrap_or(answer);
    if text.trim().is_empty() {
        return nothing("answer is empty");
    }
    let Some(text) = thoughts::behind(text) else { return nothing("answer was cut off within its thoughts") };
    let Scan { finds, prose, .. } = scan(text);
    if let Some((object, said)) = finds.last {
        let several = finds.differ.then_some(Note::Several { found: finds.count });
        return reading(&object, said, several.into_iter().collect());
    }
    if let Some((object, said)) = finds.broken {
        return reading(&object, said, vec![Note::Incomplete]);
    }
    of_labels(&prose).unwrap_or_else(|| of_words(&prose))
}

/// The text within an answer that is one string of JSON, as of a model that writes JSON within JSON.
fn unwrapped(answer: &str) -> Option<String> {
    let text = answer.trim();
    text.starts_with('"').then(|| serde_json::from_str(text).ok()).flatten()
}

fn nothing(why: &'static str) -> Reading {
    let (outcome, justification) = (Outcome::Nothing { why }, String::new());
    Reading { outcome, confidence: None, justification, notes: Vec::new() }
}

/// What labels say, if they say something.
fn of_labels(prose: &str) -> Option<Reading> {
    let said = labelled(prose);
    let word = said.status.unwrap_or_default().trim_matches(['*', '"', '`', '.', ',', ' ']).to_ascii_lowercase();
    let last = *said.scores.last().unwrap_or(&Value::None);
    let abstains = matches!(word.as_str(), "abstain" | "abstained");
    let fails = names_failure(&word);
    if said.scores.is_empty() && !abstains && !fails {
        return None;
    }
    let differ = said.scores.iter().any(|value| *value != last);
    if differ && said.inline {
        return Some(nothing(SEVERAL));
    }
    if said.inline && matches!(last, Value::Number(_)) && cannot_judge(prose) {
        return Some(nothing(BOTH));
    }
    let mut notes = vec![Note::Labelled];
    notes.extend(differ.then_some(Note::Several { found: said.scores.len() }));
    let (justification, cut) = bounded(said.reason.unwrap_or(prose));
    let number = matches!(last, Value::Number(_));
    let outcome = match last {
        _ if abstains => Outcome::Abstained { reason: justification.clone() },
        _ if fails => Outcome::Refused { said: justification.clone() },
        Value::Number(figure) => scored(figure, &mut notes),
        Value::None if said.reason.is_some_and(reports_outage) => Outcome::Refused { said: justification.clone() },
        Value::None => Outcome::Abstained { reason: justification.clone() },
    };
    notes.extend(((abstains || fails) && number).then_some(Note::ScoreLeftOut));
    let confidence = confidence_of(&said, &mut notes);
    notes.extend(cut.then_some(Note::Shortened));
    Some(Reading { outcome, confidence, justification, notes })
}

fn confidence_of(said: &Labelled<'_>, notes: &mut Vec<Note>) -> Option<f64> {
    let share = said.confidence.and_then(confidence);
    notes.extend((share.is_none() && said.confidence.is_some()).then_some(Note::ConfidenceLeftOut));
    share
}

/// What the words say.
fn of_words(prose: &str) -> Reading {
    let repeats = prose.to_ascii_lowercase().contains(OWN_WORDS);
    let (justification, cut) = bounded(prose);
    let mut notes = vec![Note::Worded];
    let outcome = match words(prose, repeats) {
        Words::Score(figure) => scored(figure, &mut notes),
        Words::Abstains => Outcome::Abstained { reason: justification.clone() },
        Words::Fails => Outcome::Refused { said: justification.clone() },
        Words::Both => return nothing(BOTH),
        Words::Several => return nothing(SEVERAL),
        Words::Nothing if prose.trim_matches(['{', '}', ' ', '\n', '\r', '\t']).is_empty() => {
            return nothing("answer holds nothing but thoughts or other JSON");
        }
        Words::Nothing => return nothing("answer holds no score"),
    };
    notes.extend(cut.then_some(Note::Shortened));
    Reading { outcome, confidence: None, justification, notes }
}
