//! What an answer without JSON and without labels says in words: that it cannot judge, that something failed, or `7/10`.

use super::number::{Figure, begins_range, leading, whole};

/// Bytes of an answer that is wholly a number, at most.
const BARE_MAX: usize = 40;

/// What an answer begins with that reports an error.
const ERRORS: [&str; 6] = ["error:", "error -", "[error]", "error (", "fatal error", "internal server error"];

/// What says that nothing can be judged, unless it is said of something else behind a score.
const APPLIES_NOT: [&str; 4] = ["not applicable", "n/a", "does not apply", "doesn't apply"];

/// What says that nothing can be judged.
const ABSTAINS: [&str; 29] = [
    "[no_response]",
    "no_response",
    "cannot judge",
    "can't judge",
    "cannot score",
    "can't score",
    "cannot rate",
    "can't rate",
    "cannot evaluate",
    "can't evaluate",
    "cannot assess",
    "can't assess",
    "cannot determine",
    "can't determine",
    "cannot provide a score",
    "can't provide a score",
    "cannot give a score",
    "can't give a score",
    "unable to judge",
    "unable to score",
    "unable to rate",
    "unable to evaluate",
    "unable to assess",
    "unable to determine",
    "unable to provide a score",
    "insufficient information",
    "not enough information",
    "i abstain",
    "abstaining",
];

/// What declines the task itself.
const DECLINES: [&str; 9] = [
    "can't assist",
    "cannot assist",
    "can't help with",
    "cannot help with",
    "can't comply",
    "cannot comply",
    "cannot fulfill",
    "can't fulfill",
    "unable to comply",
];

/// What an answer begins with that somebody gave in the model's place.
const OUTAGES: [&str; 18] = [
    "rate limit",
    "rate limited",
    "too many requests",
    "timeout",
    "timed out",
    "overloaded",
    "temporarily unavailable",
    "bad gateway",
    "gateway timeout",
    "connection refused",
    "connection reset",
    "connection error",
    "network error",
    "429 too many requests",
    "500 internal server error",
    "502 bad gateway",
    "503 service unavailable",
    "504 gateway timeout",
];

/// What may be out of order, and words before it that say nothing.
const PARTS: [&str; 14] = [
    "service",
    "server",
    "servers",
    "model",
    "upstream",
    "backend",
    "api",
    "provider",
    "system",
    "request",
    "connection",
    "gateway",
    "engine",
    "endpoint",
];
const BEFORE: [&str; 7] = ["the", "our", "this", "ai", "language", "inference", "sorry"];

/// The state that it is in then, at the end of the clause.
const STATES: [&str; 15] = [
    "overloaded",
    "unavailable",
    "timeout",
    "timed out",
    "error",
    "exception",
    "failed",
    "busy",
    "refused",
    "down",
    "at capacity",
    "over capacity",
    "throttled",
    "rate limited",
    "rate limit exceeded",
];

/// Bytes of a clause that reports an outage, at most.
const CLAUSE_MAX: usize = 80;

/// What the words come to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Words {
    /// A score.
    Score(Figure),
    /// That it cannot judge.
    Abstains,
    /// That it cannot judge, and a score: another's perhaps.
    Both,
    /// That something failed, or that it will not.
    Fails,
    /// Several scores, of which none is said to be the answer.
    Several,
    /// None of that.
    Nothing,
}

/// What the words of an answer come to. `repeats` is whether it repeats the prompt, which speaks of abstaining.
pub(super) fn words(text: &str, repeats: bool) -> Words {
    let small = small(text);
    let start = small.trim_start_matches(['*', '#', ' ', '`']);
    if ERRORS.iter().any(|error| start.starts_with(error)) || start == "error" {
        return Words::Fails;
    }
    if DECLINES.iter().any(|phrase| says(&small, phrase)) {
        return Words::Fails;
    }
    let found = fractions(&small);
    if found == Words::Nothing && is_outage(start) {
        return Words::Fails;
    }
    if let Some(at) = applies_not(&small).filter(|_| !repeats && !abstains(&small)) {
        // A score goes first, and what does not apply is something else.
        let before = fractions(&small[..at]);
        return match (before, found) {
            (Words::Score(_), _) if before == found => before,
            (_, Words::Nothing) if !start.starts_with(|c: char| c.is_ascii_digit()) => Words::Abstains,
            _ => Words::Both,
        };
    }
    if !repeats && abstains(&small) {
        return if found == Words::Nothing { Words::Abstains } else { Words::Both };
    }
    if let Some(figure) = Some(&small).filter(|small| small.len() <= BARE_MAX).and_then(|small| whole(small)) {
        let bare = small.starts_with(|c: char| !c.is_alphabetic()) || small.len() <= "seven.".len();
        return if bare && in_range(figure) { Words::Score(figure) } else { Words::Nothing };
    }
    found
}

/// Whether the words of an answer say that it cannot judge.
pub(super) fn cannot_judge(text: &str) -> bool {
    let small = small(text);
    abstains(&small) || applies_not(&small).is_some_and(|at| !small[..at].contains(|c: char| c.is_ascii_digit()))
}

/// Whether a text reports that whoever was asked could not be reached or could not answer.
pub(super) fn reports_outage(text: &str) -> bool {
    let small = small(text);
    is_outage(small.trim_start_matches(['*', '#', ' ', '`']))
}

/// Whether a text begins as reports of outages do. It is in small letters.
fn is_outage(start: &str) -> bool {
    let begins = |phrase: &&str| start.starts_with(phrase) && !start[phrase.len()..].starts_with(char::is_alphanumeric);
    if ERRORS.iter().any(|error| start.starts_with(error)) || OUTAGES.iter().any(begins) {
        return true;
    }
    let near = &start[..start.floor_char_boundary(CLAUSE_MAX)];
    let end = near.find([',', '.', ';', ':', '!', '(', '\n', '–', '—']);
    let whole = end.is_some() || near.len() == start.len();
    let clause = near[..end.unwrap_or(near.len())].trim();
    let subject = clause.split(' ').find(|word| !BEFORE.contains(word)).unwrap_or_default();
    let ends = |state: &str| clause.ends_with(state) && says(clause, state);
    whole && PARTS.contains(&subject) && STATES.iter().any(|state| ends(state))
}

/// Where a text first says that something does not apply.
fn applies_not(small: &str) -> Option<usize> {
    APPLIES_NOT.iter().filter_map(|phrase| said_at(small, phrase)).min()
}

fn small(text: &str) -> String {
    text.trim().to_ascii_lowercase().replace('’', "'")
}

/// Whether a text says that nothing can be judged. It is in small letters, with straight apostrophes.
fn abstains(small: &str) -> bool {
    ABSTAINS.iter().any(|phrase| says(small, phrase)) || small.trim_matches(['.', '*']) == "abstain"
}

/// Whether a text says a phrase in whole words.
fn says(text: &str, phrase: &str) -> bool {
    said_at(text, phrase).is_some()
}

/// Where it does first.
fn said_at(text: &str, phrase: &str) -> Option<usize> {
    let letter = |c: char| c.is_alphanumeric();
    let apart = |at: usize| !text[..at].ends_with(letter) && !text[at + phrase.len()..].starts_with(letter);
    text.match_indices(phrase).map(|(at, _)| at).find(|at| apart(*at))
}

fn in_range(figure: Figure) -> bool {
    (0.0..=10.0).contains(&figure.value)
}

/// The one score out of 10 that a text names, however often.
fn fractions(text: &str) -> Words {
    let (mut found, mut at) = (None::<Figure>, 0);
    while at < text.len() {
        let Some(start) = text[at..].find(|c: char| c.is_ascii_digit()).map(|start| start + at) else { break };
        let token =
            text[start..].bytes().take_while(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b',')).count();
        let joined = |c: char| c.is_alphanumeric() || matches!(c, '-' | '/' | '.' | ',' | '_' | '$');
        let apart = !text[..start].ends_with(joined) && !begins_range(&text[..start]);
        let figure = leading(&text[start..]).filter(|(figure, _)| figure.scaled && !figure.converted);
        if let Some((figure, _)) = figure.filter(|(figure, _)| apart && in_range(*figure)) {
            match found {
                Some(known) if known.value != figure.value => return Words::Several,
                _ => found = Some(figure),
            }
        }
        at = start + token;
    }
    found.map_or(Words::Nothing, Words::Score)
}
