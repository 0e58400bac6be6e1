//! What two questions must have in common beside their vectors.
//!
//! Vectors of two questions that differ in one decisive word lie close together: `Austria` and `Australia`, `safe` and
//! `not safe`, 10 % and 15 %. So a kept answer is refused where the questions differ in one of a few things that can be
//! read off their words. The rules are simple and rather refuse too often: a refusal costs a call, a wrong hit an
//! answer.

use crate::tokens::{Word, quotations, words};
use crate::vocabulary::{are_opposites, is_number, is_plain, turn};
use std::collections::BTreeSet;

/// In what two questions differ so that the answer to one is none to the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference {
    /// A number, in digits or in words, or a sign such as `+`, `%` or `€`.
    Number,
    /// Something within quotation marks.
    Quotation,
    /// A word that denies, limits, or names one of two opposites.
    Turn,
    /// A name: a word with a capital letter that does not merely begin a sentence, a single letter, or any word in a
    /// script without capitals.
    Name,
    /// The same words in another order, but for names and words that say little.
    Order,
}

/// A question, read once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    words: Vec<String>,
    numbers: Vec<String>,
    signs: String,
    quotations: Vec<String>,
    turns: Vec<String>,
    names: BTreeSet<String>,
}

impl Question {
    /// Reads a question.
    pub fn new(text: &str) -> Self {
        let (words, signs) = words(text);
        let mut names = BTreeSet::new();
        let mut after_name = false;
        for word in &words {
            after_name = is_name(word, after_name);
            if after_name {
                names.insert(word.text.clone());
            }
        }
        let words: Vec<String> = words.into_iter().map(|word| word.text).collect();
        Self {
            numbers: words.iter().filter(|word| is_number(word)).cloned().collect(),
            turns: words.iter().filter_map(|word| turn(word)).map(str::to_owned).collect(),
            quotations: quotations(text),
            words,
            signs,
            names,
        }
    }

    /// In what they differ so that one's answer is none to the other; the first of [`Difference`] that applies.
    pub fn differs(&self, other: &Self) -> Option<Difference> {
        if self.numbers != other.numbers || self.signs != other.signs {
            return Some(Difference::Number);
        }
        if self.quotations != other.quotations {
            return Some(Difference::Quotation);
        }
        if self.turns != other.turns || self.is_opposed_to(other) {
            return Some(Difference::Turn);
        }
        // A name in one is looked for in the other however it is written there, and in its order.
        let names: BTreeSet<&String> = self.names.union(&other.names).collect();
        let in_order = |of: &Self| of.words.iter().filter(|word| names.contains(word)).cloned().collect::<Vec<_>>();
        if in_order(self) != in_order(other) {
            return Some(Difference::Name);
        }
        // Names had their turn: a genitive moves them.
        let content = |of: &'_ Self| -> Vec<String> {
            of.words.iter().filter(|word| !is_plain(word) && !names.contains(word)).cloned().collect()
        };
        let (ours, theirs) = (content(self), content(other));
        (ours != theirs && sorted(&ours) == sorted(&theirs)).then_some(Difference::Order)
    }

    /// About how many bytes it takes.
    pub(crate) fn bytes(&self) -> usize {
        let of = |words: &[String]| words.iter().map(|word| word.len() + size_of::<String>()).sum::<usize>();
        let names = self.names.iter().map(|name| name.len() + size_of::<String>()).sum::<usize>();
        size_of::<Self>() + of(&self.words) + of(&self.numbers) + of(&self.quotations) + of(&self.turns) + names
    }

    /// Whether each has a word that the other lacks, and those are opposites.
    fn is_opposed_to(&self, other: &Self) -> bool {
        let lacking = |of: &'_ Self, than: &Self| -> Vec<String> {
            of.words.iter().filter(|word| !than.words.contains(word)).cloned().collect()
        };
        let (ours, theirs) = (lacking(self, other), lacking(other, self));
        ours.iter().any(|ours| theirs.iter().any(|theirs| are_opposites(ours, theirs)))
    }
}

fn sorted(words: &[String]) -> Vec<String> {
    let mut words = words.to_vec();
    words.sort_unstable();
    words
}

/// Whether a word names something. `I` does only behind a name, as in `World War I`.
fn is_name(word: &Word, after_name: bool) -> bool {
    let mut letters = word.written.chars();
    let initial = letters.next().unwrap_or(' ');
    let capital_within = letters.any(char::is_uppercase);
    let has_no_case = |letter: char| letter.is_alphabetic() && !letter.is_uppercase() && !letter.is_lowercase();
    if word.written.chars().any(has_no_case) || capital_within {
        return true;
    }
    match word.written.as_str() {
        "I" => after_name,
        "a" | "i" => false,
        written if written.chars().count() == 1 => initial.is_alphabetic() && !(word.first && initial == 'A'),
        _ if !initial.is_uppercase() => false,
        _ => !is_plain(&word.text) || !word.first && !word.text.starts_with("i'"),
    }
}

#[cfg(test)]
mod tests;
