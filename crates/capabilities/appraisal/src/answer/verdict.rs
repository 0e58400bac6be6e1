//! What the members of an object come to.

use super::number::{Figure, whole};
use super::object::{Object, Raw};
use super::prose::reports_outage;
use super::strings::{bounded, decoded};
use crate::reading::{Note, Outcome, Reading};
use crate::{SCORE_MAX, SCORE_MIN};

/// Bytes of a score or a status that are read; a longer one is none.
const BYTES_MAX: usize = 200;

/// What stands for a score where there is none.
const NONE: [&str; 16] = [
    "",
    "null",
    "none",
    "nil",
    "undefined",
    "n/a",
    "na",
    "-",
    "abstain",
    "abstained",
    "not applicable",
    "no_response",
    "[no_response]",
    "no response",
    "unknown",
    "cannot judge",
];

/// Statuses of an answer that was given in the model's place.
const OUTAGES: [&str; 9] = [
    "unavailable",
    "timeout",
    "timed out",
    "overload",
    "rate limit",
    "too many requests",
    "throttl",
    "quota",
    "exception",
];

/// What an object says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Said {
    /// A score, not yet moved into its range.
    Score(Figure),
    /// That there is none. Whether a number stands beside it all the same.
    Abstains(bool),
    /// That something failed. Whether a number stands beside it all the same.
    Fails(bool),
}

/// A member that should be a score.
#[derive(Clone, Copy, PartialEq)]
enum Score {
    Number(Figure),
    Null,
    Missing,
    Unreadable,
}

/// What an object says; `None` if it is no answer: it has neither a readable score nor a status without one, or it is
/// the form of an answer that was not filled in.
pub(super) fn said(object: &Object<'_>) -> Option<Said> {
    let status = object.status.and_then(short).unwrap_or_default().to_ascii_lowercase();
    if is_form(object, &status) {
        return None;
    }
    let score = score(object.score);
    let beside = matches!(score, Score::Number(_));
    if status.starts_with("abstain") || matches!(status.as_str(), "n/a" | "not applicable" | "not_applicable") {
        return Some(Said::Abstains(beside));
    }
    if names_failure(&status) {
        return Some(Said::Fails(beside));
    }
    match score {
        Score::Number(figure) => Some(Said::Score(figure)),
        Score::Null | Score::Missing if fails(object) => Some(Said::Fails(false)),
        Score::Null if object.reasoning.is_some_and(|raw| reports_outage(&text(raw).0)) => Some(Said::Fails(false)),
        Score::Null => Some(Said::Abstains(false)),
        Score::Missing | Score::Unreadable => None,
    }
}

/// Whether a status says that something failed: an error, a refusal, or that nobody could be reached. It is in small
/// letters.
pub(super) fn names_failure(status: &str) -> bool {
    let words = status.replace(['_', '-'], " ");
    // That data are unavailable is a reason to abstain.
    let about_data = ["data", "info"].iter().any(|what| words.contains(what));
    let failed = ["err", "fail", "refus"].iter().any(|start| words.starts_with(start));
    let error = words.ends_with(" error") && !words.starts_with("no ") && !words.starts_with("without ");
    failed || error || !about_data && OUTAGES.iter().any(|outage| words.contains(outage))
}

/// Whether it is the form itself, repeated: `"status": "success|abstain|error"`, `"reasoning": "<…>"`.
fn is_form(object: &Object<'_>, status: &str) -> bool {
    let hollow = |raw: Option<Raw<'_>>| match raw {
        Some(Raw::Text(text) | Raw::Bare(text)) => text.trim_start().starts_with('<') && text.trim_end().ends_with('>'),
        _ => false,
    };
    let several = status.contains("abstain") && (status.contains("success") || status.contains("error"));
    several || hollow(object.reasoning) || hollow(object.status) || hollow(object.score)
}

fn score(raw: Option<Raw<'_>>) -> Score {
    let Some(raw) = raw else { return Score::Missing };
    let Some(text) = short(raw) else { return Score::Unreadable };
    if is_none(text) {
        return Score::Null;
    }
    whole(text).map_or(Score::Unreadable, Score::Number)
}

/// Whether a text says that there is no score.
pub(super) fn is_none(text: &str) -> bool {
    let text = text.trim().trim_end_matches('.');
    NONE.iter().any(|none| none.eq_ignore_ascii_case(text))
}

/// Whether there is an error that is not empty.
fn fails(object: &Object<'_>) -> bool {
    match object.error {
        None => false,
        Some(Raw::Text(text)) => !text.trim().is_empty(),
        Some(Raw::Bare(word)) => !["null", "none", "false", "0"].iter().any(|none| none.eq_ignore_ascii_case(word)),
        Some(Raw::Nested(text)) => text.len() > 2,
    }
}

/// A scalar's text, if it is short.
fn short(raw: Raw<'_>) -> Option<&str> {
    match raw {
        Raw::Text(text) | Raw::Bare(text) => Some(text.trim()).filter(|text| text.len() <= BYTES_MAX),
        Raw::Nested(_) => None,
    }
}

/// The reading of an object that says something.
pub(super) fn reading(object: &Object<'_>, said: Said, mut notes: Vec<Note>) -> Reading {
    let (mut justification, cut) = object.reasoning.map_or_else(Default::default, text);
    let outcome = match said {
        Said::Score(figure) => scored(figure, &mut notes),
        Said::Abstains(beside) => {
            notes.extend(beside.then_some(Note::ScoreLeftOut));
            Outcome::Abstained { reason: justification.clone() }
        }
        Said::Fails(beside) => {
            notes.extend(beside.then_some(Note::ScoreLeftOut));
            if justification.is_empty() {
                justification = object.error.map_or_else(Default::default, text).0;
            }
            Outcome::Refused { said: justification.clone() }
        }
    };
    let confidence = object.confidence.and_then(short).and_then(confidence);
    if confidence.is_none() && object.confidence.is_some_and(|raw| !short(raw).is_some_and(is_none)) {
        notes.push(Note::ConfidenceLeftOut);
    }
    notes.extend(cut.then_some(Note::Shortened));
    Reading { outcome, confidence, justification, notes }
}

/// The score that a number is: converted, and moved into the range.
pub(super) fn scored(figure: Figure, notes: &mut Vec<Note>) -> Outcome {
    notes.extend(figure.converted.then_some(Note::Converted));
    let score = figure.value.clamp(SCORE_MIN, SCORE_MAX);
    if score != figure.value {
        notes.push(Note::Clamped { said: figure.value });
    }
    Outcome::Scored { score }
}

/// A share of 1: `0.8`, `80%`, `80`, `8/10`. Between 1 and 10 nobody knows which scale is meant.
pub(super) fn confidence(text: &str) -> Option<f64> {
    let figure = whole(text)?;
    let share = if figure.scaled { figure.value / 10.0 } else { figure.value };
    let share = if !figure.scaled && share > 10.0 { share / 100.0 } else { share };
    (0.0..=1.0).contains(&share).then_some(share)
}

/// A member as text, and whether it was cut.
fn text(raw: Raw<'_>) -> (String, bool) {
    match raw {
        Raw::Text(text) => decoded(text),
        Raw::Bare(text) | Raw::Nested(text) => bounded(text),
    }
}
