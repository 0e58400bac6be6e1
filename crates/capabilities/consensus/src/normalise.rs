//! One spelling for one answer: what is left once decoration, prefaces and quotes are gone. It never reorders words.

use crate::markdown::{without_emphasis, without_fences};
use unicode_normalization::UnicodeNormalization;

/// How often one layer (a full stop, a pair of quotes, a preface) is taken off, at most.
const PEELS_MAX: usize = 16;

/// Prefaces that end with a verb: a space or a colon follows.
const PREFACES: [&str; 10] = [
    "the final answer is",
    "the correct answer is",
    "the answer is",
    "my final answer is",
    "my answer is",
    "the result is",
    "it would be",
    "it is",
    "it's",
    "that is",
];

/// Prefaces that are headings: only a colon makes them one.
const HEADINGS: [&str; 5] = ["final answer", "the answer", "answer", "the result", "result"];

/// What may enclose a whole answer without changing it.
const WRAPPERS: [(&str, &str); 9] = [
    ("$$", "$$"),
    ("$", "$"),
    ("\\(", "\\)"),
    ("\\[", "\\]"),
    ("\\boxed{", "}"),
    ("\\text{", "}"),
    ("\\mathrm{", "}"),
    ("\"", "\""),
    ("'", "'"),
];

/// One spelling of an answer: Unicode compatibility forms folded (NFKC), lowercase, without markdown decoration, a
/// leading preface such as `the answer is`, enclosing quotes or `\boxed{}`, or punctuation at its end; white space is
/// one blank.
///
/// A raised number keeps its meaning: `10²` becomes `10^2`, not `102`.
pub fn normalise(text: &str) -> String {
    peel(&clean(text)).to_owned()
}

/// The text in one spelling, but whole: nothing is taken off its ends except white space.
pub(super) fn clean(text: &str) -> String {
    let lower: String = folded(text).to_lowercase().nfkc().collect();
    let lower = lower.replace("\\%", "%").replace("\\$", "$");
    lower.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The text without decoration and with one character for those that look alike; capitals and white space stay.
pub(super) fn folded(text: &str) -> String {
    let folded: String = raise(&without_fences(text)).nfkc().filter_map(plain).collect();
    without_emphasis(&folded)
}

/// Takes off what surrounds an answer, layer by layer.
pub(super) fn peel(text: &str) -> &str {
    let mut text = text.trim();
    for _ in 0..PEELS_MAX {
        let next = without_preface(without_wrapper(without_stop(text)));
        if next == text {
            break;
        }
        text = next;
    }
    text
}

/// Marks raised digits with `^`, and sets a blank between a number and a fraction sign, before NFKC flattens them.
fn raise(text: &str) -> String {
    let mut raised = String::with_capacity(text.len());
    let mut before: Option<char> = None;
    for c in text.chars() {
        if is_raised(c) && before.is_some_and(|b| !is_raised(b) && !b.is_whitespace()) {
            raised.push('^');
        } else if is_fraction(c) && before.is_some_and(char::is_numeric) {
            raised.push(' ');
        }
        raised.push(c);
        before = Some(c);
    }
    raised
}

fn is_raised(c: char) -> bool {
    matches!(c, '¹' | '²' | '³' | '⁰' | '⁴'..='⁹' | '⁺' | '⁻')
}

fn is_fraction(c: char) -> bool {
    matches!(c, '¼'..='¾' | '⅐'..='⅞')
}

/// One character for those that only look different; `None` for those that cannot be seen.
fn plain(c: char) -> Option<char> {
    match c {
        '\u{2018}' | '\u{2019}' | '\u{201b}' | '\u{02bc}' => Some('\''),
        '\u{201c}' | '\u{201d}' | '\u{201e}' | '«' | '»' => Some('"'),
        '\u{2010}'..='\u{2013}' | '\u{2212}' => Some('-'),
        '\u{2044}' => Some('/'),
        '\u{00ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}' => None,
        _ => Some(c),
    }
}

fn without_stop(text: &str) -> &str {
    text.trim_end_matches(|c: char| c.is_whitespace() || matches!(c, '.' | ',' | ';' | ':' | '!' | '?' | '。'))
}

fn without_wrapper(text: &str) -> &str {
    let inner = WRAPPERS.iter().find_map(|(open, close)| {
        let inner = text.strip_prefix(open)?.strip_suffix(close)?;
        let whole = if *close == "}" { is_balanced(inner) } else { !inner.contains(close) };
        (whole && !inner.trim().is_empty()).then(|| inner.trim())
    });
    inner.unwrap_or(text)
}

/// Whether every `}` closes a `{` of the same text.
fn is_balanced(text: &str) -> bool {
    let mut depth = 0_usize;
    for c in text.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => return false,
            '}' => depth -= 1,
            _ => {}
        }
    }
    depth == 0
}

fn without_preface(text: &str) -> &str {
    let verb =
        PREFACES.iter().find_map(|preface| text.strip_prefix(preface)).filter(|rest| rest.starts_with([' ', ':']));
    let heading =
        || HEADINGS.iter().find_map(|heading| text.strip_prefix(heading)).filter(|rest| rest.starts_with(':'));
    let Some(rest) = verb.or_else(heading) else { return text };
    let rest = rest.trim_start_matches([' ', ':']);
    if without_stop(rest).is_empty() { text } else { rest }
}

#[cfg(test)]
mod tests {
    use super::normalise;
    use proptest::prelude::*;

    #[test]
    fn one_spelling_for_one_answer() {
        for (text, expect) in [
            ("Paris", "paris"),
            ("  Paris.\n", "paris"),
            ("**Yes**", "yes"),
            ("__YES!__", "yes"),
            ("`Yes`.", "yes"),
            ("```\nyes\n```", "yes"),
            ("\u{201c}Paris.\u{201d}", "paris"),
            ("'Paris'", "paris"),
            ("\"a\" or \"b\"", "\"a\" or \"b\""),
            ("The answer is Paris.", "paris"),
            ("The answer is: **Paris**", "paris"),
            ("**Final answer:** 42", "42"),
            ("Answer: The final answer is \"42\".", "42"),
            ("It's 42", "42"),
            ("It is not safe.", "not safe"),
            ("Its colour", "its colour"),
            ("It is", "it is"),
            ("answer key", "answer key"),
            ("$\\boxed{42}$", "42"),
            ("\\(\\boxed{\\text{Paris}}\\)", "paris"),
            ("\\boxed{a} and \\text{b}", "\\boxed{a} and \\text{b}"),
            ("$$7$$", "7"),
            ("$5", "$5"),
            ("50\\%", "50%"),
            ("ﬁne\u{00a0}\t day", "fine day"),
            ("１２", "12"),
            ("\u{2212}5", "-5"),
            ("10²", "10^2"),
            ("10⁻³", "10^-3"),
            ("1¾", "1 3/4"),
            ("don\u{2019}t", "don't"),
            ("so\u{200b}ft", "soft"),
            ("...", ""),
            ("", ""),
        ] {
            assert_eq!(normalise(text), expect, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_has_a_normal_form_without_outer_space(text in "\\PC{0,60}") {
            let normal = normalise(&text);
            prop_assert_eq!(normal.trim(), normal.as_str());
            prop_assert!(!normal.contains("  "));
        }

        #[test]
        fn decoration_never_matters(word in "[a-z]{1,8}( [a-z]{1,8}){0,3}") {
            let plain = normalise(&word);
            for text in [format!("**{word}**"), format!("\"{word}.\""), format!("```\n{word}\n```"), word.to_uppercase()] {
                prop_assert_eq!(normalise(&text), plain.clone());
            }
        }

        #[test]
        fn normal_text_stays(word in "[a-zA-Z0-9 .,'\"*_$-]{0,30}") {
            let once = normalise(&word);
            prop_assert_eq!(super::peel(&once), once.as_str());
        }
    }
}
