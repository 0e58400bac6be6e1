//! What two questions must have in common beside their vectors.
//!
//! Vectors of two questions that differ in one decisive word lie close together: `Austria` and `Australia`, `safe` and
//! `not safe`, 10 % and 15 %. So a kept answer is refused where the questions differ in one of a few things that can be
//! read off their words. The rules are simple and rather refuse too often: a refusal costs a call, a wrong hit an
//! answer.

use crate::tokens::{Word, quotations, words};
use crate::vocabulary::{has_opposite, is_number, is_plain, turn};
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
    /// The same, each once and sorted.
    distinct: Box<[String]>,
    /// At which places words stand that say something.
    telling: Box<[usize]>,
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
        let mut distinct = words.clone();
        distinct.sort_unstable();
        distinct.dedup();
        let telling = words.iter().enumerate().filter(|(_, word)| !is_plain(word)).map(|(at, _)| at);
        Self {
            distinct: distinct.into_boxed_slice(),
            telling: telling.collect(),
            numbers: words.iter().filter(|word| is_number(word)).cloned().collect(),
            turns: words.iter().filter_map(|word| turn(word)).map(str::to_owned).collect(),
            quotations: quotations(text),
            words,
            signs,
            names,
        }
    }

    /// In what they differ so that one's answer is none to the other; the first of [`Difference`] that is found:
    /// what takes longest is looked for last. Takes time about in proportion to their words.
    pub fn differs(&self, other: &Self) -> Option<Difference> {
        if self.numbers != other.numbers || self.signs != other.signs {
            return Some(Difference::Number);
        }
        if self.quotations != other.quotations {
            return Some(Difference::Quotation);
        }
        if self.turns != other.turns {
            return Some(Difference::Turn);
        }
        // A name in one is looked for in the other however it is written there, and in its order.
        let is_named = |word: &str| self.names.contains(word) || other.names.contains(word);
        if !self.words.iter().filter(|word| is_named(word)).eq(other.words.iter().filter(|word| is_named(word))) {
            return Some(Difference::Name);
        }
        if self.is_opposed_to(other) {
            return Some(Difference::Turn);
        }
        // Names had their turn: a genitive moves them.
        let mut ours: Vec<&str> = self.telling().filter(|word| !is_named(word)).collect();
        let mut theirs: Vec<&str> = other.telling().filter(|word| !is_named(word)).collect();
        if ours == theirs || ours.len() != theirs.len() {
            return None;
        }
        ours.sort_unstable();
        theirs.sort_unstable();
        (ours == theirs).then_some(Difference::Order)
    }

    fn telling(&self) -> impl Iterator<Item = &str> {
        self.telling.iter().filter_map(|at| self.words.get(*at)).map(String::as_str)
    }

    /// About how many bytes it takes.
    pub(crate) fn bytes(&self) -> usize {
        let of = |words: &[String]| words.iter().map(|word| word.len() + size_of::<String>()).sum::<usize>();
        let names = self.names.iter().map(|name| name.len() + size_of::<String>()).sum::<usize>();
        let places = self.telling.len() * size_of::<usize>();
        size_of::<Self>()
            + of(&self.words)
            + of(&self.distinct)
            + places
            + of(&self.numbers)
            + of(&self.quotations)
            + of(&self.turns)
            + names
    }

    /// Whether each has a word that the other lacks, and those are opposites.
    fn is_opposed_to(&self, other: &Self) -> bool {
        let (ours, theirs) = (self.lacking_in(other), other.lacking_in(self));
        let among = |words: &[&str], opposite: &str| words.binary_search(&opposite).is_ok();
        ours.iter().any(|word| has_opposite(word, |opposite| among(&theirs, opposite)))
            || theirs.iter().any(|word| has_opposite(word, |opposite| among(&ours, opposite)))
    }

    /// The words that the other lacks, sorted.
    fn lacking_in<'a>(&'a self, other: &Self) -> Vec<&'a str> {
        let mut theirs = other.distinct.iter().peekable();
        let lacks = |word: &&String| {
            while theirs.next_if(|other| other < word).is_some() {}
            theirs.peek() != Some(word)
        };
        self.distinct.iter().filter(lacks).map(String::as_str).collect()
    }
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
