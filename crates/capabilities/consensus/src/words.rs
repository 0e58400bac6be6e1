//! What a text says, as a bag of words: content words in a light stem, numbers, negation, a leading yes or no.
//!
//! It is no parser: of word order it sees no more than what stands on either side of a few words.

use crate::number;
use crate::tokens::{Token, operators, tokens};
use crate::vocabulary::{NOT, is_direction, is_limit, is_negation, is_stop, polarity, stem};
use std::collections::BTreeSet;

/// How many content words on either side of a direction word are looked at.
const SIDE_WORDS: usize = 4;

/// Direction words of one text that are looked at, at most: every pair of two texts is compared.
const SIDES_MAX: usize = 32;

/// What a text says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Words {
    /// Content words and numbers, each once; all words of a text that has no content word.
    pub(super) content: BTreeSet<String>,
    /// The numbers among them.
    pub(super) numbers: BTreeSet<String>,
    /// The operators of a formula.
    pub(super) operators: BTreeSet<char>,
    /// It holds a negation.
    pub(super) negated: bool,
    /// It starts with yes (true) or no (false).
    pub(super) opening: Option<bool>,
    /// Behind its first word stands one that limits it: but, unless, if.
    pub(super) limited: bool,
    /// Each direction word with the content words before and behind it.
    sides: Vec<Side>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Side {
    direction: String,
    before: BTreeSet<String>,
    behind: BTreeSet<String>,
}

impl Words {
    /// What a cleaned text says.
    pub(super) fn of(text: &str) -> Self {
        let tokens = tokens(text);
        let opening = tokens.first().and_then(|token| polarity(&token.text));
        let limited = tokens.iter().skip(1).any(|token| is_limit(&token.text));
        let mut words = Self { operators: operators(text), opening, limited, ..Self::default() };
        let mut sequence = Vec::new();
        for (at, token) in tokens.iter().enumerate() {
            let Some((word, numeric)) = content(token, tokens.get(at + 1), (at == 0).then_some(opening).flatten())
            else {
                if is_direction(&token.text) {
                    sequence.push(token.text.clone());
                }
                continue;
            };
            words.negated |= word == NOT;
            if numeric {
                words.numbers.insert(word.clone());
            }
            words.content.insert(word.clone());
            sequence.push(word);
        }
        if words.content.is_empty() {
            words.content = tokens.into_iter().map(|token| token.text).collect();
        }
        words.sides = sides(&sequence);
        words
    }

    /// Whether two words change places around a direction word: `A before B` and `B before A`.
    pub(super) fn is_reverse_of(&self, other: &Self) -> bool {
        let crosses = |a: &Side, b: &Side| {
            a.direction == b.direction && !a.before.is_disjoint(&b.behind) && !a.behind.is_disjoint(&b.before)
        };
        self.sides.iter().any(|a| other.sides.iter().any(|b| crosses(a, b)))
    }
}

/// The content word that a token is, and whether it is a number; `None` for a word that says nothing. The first word
/// of a text that says yes or no counts as `yes` or as a negation.
fn content(token: &Token, next: Option<&Token>, opening: Option<bool>) -> Option<(String, bool)> {
    let word = token.text.as_str();
    if let Some(yes) = opening {
        return Some((if yes { "yes" } else { NOT }.to_owned(), false));
    }
    if token.numeric {
        return Some((word.to_owned(), true));
    }
    if is_negation(word) {
        return Some((NOT.to_owned(), false));
    }
    if is_stop(word) || is_filler_letter(token, next) {
        return None;
    }
    // "one" is a pronoun more often than a number.
    if let Some(value) = number::word(word).filter(|_| word != "one") {
        return Some((value.to_string(), true));
    }
    // A direction word is looked for later as it stands.
    Some((if is_direction(word) { word.to_owned() } else { stem(word) }, false))
}

/// `a` and `i` are filler in front of another word, but a choice (`option A`, `A is right`, `(a)`) elsewhere.
fn is_filler_letter(token: &Token, next: Option<&Token>) -> bool {
    let followed = || next.is_some_and(|next| token.touches_next && !is_stop(&next.text));
    match token.text.as_str() {
        "a" => followed(),
        "i" => token.touches_next && next.is_some(),
        _ => false,
    }
}

/// Each direction word with the words on both sides of it.
fn sides(sequence: &[String]) -> Vec<Side> {
    let nearby = |words: &[String]| words.iter().filter(|word| !is_direction(word)).cloned().collect();
    let mut found = Vec::new();
    for (at, direction) in sequence.iter().enumerate().filter(|(_, word)| is_direction(word)).take(SIDES_MAX) {
        let (before, rest) = sequence.split_at(at);
        let (_, behind) = rest.split_at(rest.len().min(1));
        let before = nearby(before.get(at.saturating_sub(SIDE_WORDS)..).unwrap_or_default());
        let behind = nearby(behind.get(..SIDE_WORDS).unwrap_or(behind));
        found.push(Side { direction: direction.clone(), before, behind });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{SIDES_MAX, Words};
    use crate::normalise::clean;
    use proptest::prelude::*;

    fn read(text: &str) -> Words {
        Words::of(&clean(text))
    }

    #[test]
    fn content_words() {
        for (text, expect) in [
            ("The capital of France is Paris.", "capital franc paris"),
            ("What is the capital of France?", "capital franc"),
            ("Cats and cities", "cat city"),
            ("It costs $1,000", "1000 cost"),
            ("three apples", "3 appl"),
            ("The best one", "best one"),
            ("A", "a"),
            ("(A)", "a"),
            ("Option A", "a option"),
            ("A is right", "a right"),
            ("A cat, I think", "cat think"),
            ("to be", "be to"),
            ("France's U.S. embassy", "embassy franc us"),
            ("It isn't, cannot, will not", "not"),
            ("Only if dry, unless it rains", "dry if only rain unless"),
            ("True, it works", "work yes"),
            ("Nope", "not"),
            ("Das ist nicht sicher", "das ist not sicher"),
            ("", ""),
        ] {
            let found: Vec<String> = read(text).content.into_iter().collect();
            assert_eq!(found.join(" "), expect, "{text:?}");
        }
    }

    #[test]
    fn flags() {
        for (text, negated, opening) in [
            ("It is safe", false, None),
            ("It is not safe", true, None),
            ("It isn\u{2019}t safe", true, None),
            ("Never", true, None),
            ("No, it is safe", true, Some(false)),
            ("Yes, it is not", true, Some(true)),
            ("False", true, Some(false)),
            ("Nothing to add", true, None),
            ("A knot", false, None),
        ] {
            let words = read(text);
            assert_eq!((words.negated, words.opening), (negated, opening), "{text:?}");
        }
    }

    #[test]
    fn reversal_is_seen_around_direction_words() {
        for (a, b, expect) in [
            ("Paris is larger than London", "London is larger than Paris", true),
            ("Paris fell before London", "London fell before Paris", true),
            ("Go from Paris to London", "Go from London to Paris", true),
            ("Paris is larger than London", "Paris is far larger than London", false),
            ("Paris and London", "London and Paris", false),
            ("The capital of France is Paris", "Paris is the capital of France", false),
        ] {
            let (a, b) = (read(a), read(b));
            assert_eq!((a.is_reverse_of(&b), b.is_reverse_of(&a)), (expect, expect), "{a:?} {b:?}");
        }
    }

    #[test]
    fn only_the_first_direction_words_are_looked_at() {
        let text = |count: usize| format!("{} Paris before London", "to ".repeat(count));
        let other = read("London before Paris");
        assert!(read(&text(SIDES_MAX - 1)).is_reverse_of(&other));
        assert!(!read(&text(SIDES_MAX)).is_reverse_of(&other));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_fail(text in "\\PC{0,40}") {
            let words = read(&text);
            prop_assert!(words.numbers.is_subset(&words.content));
        }
    }
}
