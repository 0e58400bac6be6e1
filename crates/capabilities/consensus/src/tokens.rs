//! Splits cleaned text into words, numbers and operators. It knows no meaning.

use std::collections::BTreeSet;

/// Digits of a number that is spelled by value, at most; a longer one stays as it was written.
const DIGITS_MAX: usize = 15;

/// A word or a number in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    /// The word in lowercase, a number in its shortest spelling.
    pub(super) text: String,
    /// It starts with a digit or a minus in front of one.
    pub(super) numeric: bool,
    /// Nothing but blanks stands between it and the next token.
    pub(super) touches_next: bool,
}

/// The words and numbers of a cleaned text, in order.
///
/// `1,000.50` is one number, `3.0` is `3`, `u.s.` is `us`, `5km` is `5` and `km`, and an apostrophe belongs to its
/// word.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let mut found: Vec<Token> = Vec::new();
    let mut at = 0;
    let mut blank = true;
    while let Some(&c) = chars.get(at) {
        let negative = is_minus(&chars, at);
        if !negative && !c.is_alphanumeric() {
            blank = blank && c.is_whitespace();
            at += 1;
            continue;
        }
        if let Some(last) = found.last_mut() {
            last.touches_next = blank;
        }
        let numeric = negative || c.is_ascii_digit();
        let end = if numeric { number_end(&chars, at + 1) } else { word_end(&chars, at) };
        let raw: String = chars.iter().skip(at).take(end - at).collect();
        let text = if numeric { shortest(&raw) } else { joined(raw) };
        found.push(Token { text, numeric, touches_next: false });
        at = end;
        blank = true;
    }
    found
}

/// Initials without their points; a word with a number in it (`v1.2`) keeps them.
fn joined(raw: String) -> String {
    if raw.contains(|c: char| c.is_ascii_digit()) { raw } else { raw.replace('.', "") }
}

/// A minus that belongs to the number behind it: it follows a blank, a bracket or nothing.
fn is_minus(chars: &[char], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|at| chars.get(at));
    chars.get(at) == Some(&'-')
        && chars.get(at + 1).is_some_and(char::is_ascii_digit)
        && before.is_none_or(|c| c.is_whitespace() || matches!(c, '(' | '[' | '='))
}

/// Where a number ends: at the first character that is neither a digit nor a `.` or `,` between digits.
fn number_end(chars: &[char], mut at: usize) -> usize {
    while let Some(c) = chars.get(at) {
        let joins = matches!(c, '.' | ',') && chars.get(at + 1).is_some_and(char::is_ascii_digit);
        if !c.is_ascii_digit() && !joins {
            break;
        }
        at += 1;
    }
    at
}

/// Where a word ends: an apostrophe between letters, a point between digits and the points of `u.s.a` do not end it.
fn word_end(chars: &[char], start: usize) -> usize {
    let at_letter = |at: usize| chars.get(at).is_some_and(|c| c.is_alphabetic());
    let mut at = start;
    while let Some(&c) = chars.get(at) {
        let before = at.checked_sub(1).and_then(|at| chars.get(at));
        let initial = at == start + 1 || at >= 2 && chars.get(at - 2) == Some(&'.');
        let joins = match c {
            '\'' => at > start && at_letter(at + 1),
            '.' if before.is_some_and(char::is_ascii_digit) => chars.get(at + 1).is_some_and(char::is_ascii_digit),
            '.' => at > start && initial && at_letter(at + 1) && !at_letter(at + 2),
            _ => c.is_alphanumeric(),
        };
        if !joins {
            break;
        }
        at += 1;
    }
    at
}

/// The shortest spelling of a number; what is none (a version, a decimal comma) stays as it is.
fn shortest(raw: &str) -> String {
    let mut groups = raw.split('.').next().unwrap_or(raw).trim_start_matches('-').split(',');
    let first = groups.next().is_some_and(|group| (1..=3).contains(&group.len()));
    let grouped = !raw.contains(',') || first && groups.all(|group| group.len() == 3);
    let plain = raw.replace(',', "");
    let short = plain.chars().filter(char::is_ascii_digit).count() <= DIGITS_MAX;
    match plain.parse::<f64>() {
        Ok(value) if grouped && short => (value + 0.0).to_string(),
        _ => raw.to_owned(),
    }
}

/// The operators of a formula in a cleaned text. A `-`, `/` or `*` is one between blanks, or between single letters
/// or numbers (`n-1`); in a word (`and/or`) it is not.
pub(super) fn operators(text: &str) -> BTreeSet<char> {
    let chars: Vec<char> = text.chars().collect();
    let mut found = BTreeSet::new();
    for (at, &c) in chars.iter().enumerate() {
        let sure = matches!(c, '+' | '<' | '>' | '=' | '≤' | '≥' | '≠' | '^' | '×' | '÷');
        if sure || matches!(c, '-' | '/' | '*') && is_operator(&chars, at) {
            found.insert(c);
        }
    }
    found
}

fn is_operator(chars: &[char], at: usize) -> bool {
    let before = || chars.iter().take(at).rev();
    let after = || chars.iter().skip(at + 1);
    let spaced = before().next() == Some(&' ') && after().next() == Some(&' ');
    spaced || is_operand(before()) && is_operand(after())
}

/// Whether the characters next to an operator are a number or a single letter.
fn is_operand<'a>(chars: impl Iterator<Item = &'a char>) -> bool {
    let run: Vec<&char> = chars.take_while(|c| c.is_alphanumeric()).collect();
    run.len() == 1 || !run.is_empty() && run.iter().all(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::{operators, tokens};
    use proptest::prelude::*;

    #[test]
    fn words_and_numbers() {
        for (text, expect) in [
            ("the capital, paris", "the|capital|paris"),
            ("it costs $1,000.50 now", "it|costs|1000.5|now"),
            ("3.0 and 5km", "3|and|5|km"),
            ("-5 degrees", "-5|degrees"),
            ("2-5 days", "2|5|days"),
            ("1,5 or 1.2.3 or v1.2.3", "1,5|or|1.2.3|or|v1.2.3"),
            ("u.s. and u.s.a. at 5 p.m", "us|and|usa|at|5|pm"),
            ("end.next a.b c.dog", "end|next|ab|c|dog"),
            ("don't 'quote' france's", "don't|quote|france's"),
            ("well-known and/or", "well|known|and|or"),
            ("12345678901234567890", "12345678901234567890"),
            ("-0 0", "0|0"),
            ("", ""),
        ] {
            let found: Vec<String> = tokens(text).into_iter().map(|token| token.text).collect();
            assert_eq!(found.join("|"), expect, "{text:?}");
        }
    }

    #[test]
    fn operators_are_told_from_hyphens() {
        for (text, expect) in [
            ("n-1", "-"),
            ("n+1", "+"),
            ("x <= 5", "<="),
            ("revenue - cost", "-"),
            ("well-known and/or", ""),
            ("covid-19", ""),
            ("3/4", "/"),
            ("paris", ""),
        ] {
            assert_eq!(operators(text).into_iter().collect::<String>(), expect, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_fail(text in "\\PC{0,40}") {
            prop_assert!(tokens(&text).iter().all(|token| !token.text.is_empty()));
            operators(&text);
        }

        #[test]
        fn odd_joins_do_not_make_it_fail(text in "[a1.,'’ -]{0,12}") {
            prop_assert!(tokens(&text).iter().all(|token| !token.text.is_empty()));
        }
    }
}
