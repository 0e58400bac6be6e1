//! One answer, read once, so that comparing it with many others is cheap. It knows neither its model nor its weight.

use crate::fields::Fields;
use crate::figure::figure;
use crate::normalise::{clean, normalise};
use crate::number::{Quantity, number};
use crate::ranking::{Item, ranking, whole_ranking};
use crate::sequence::{Sequence, sequence};
use crate::stated::stated;
use crate::structure::structure;
use crate::words::Words;
use settings::Answers;
use std::collections::BTreeSet;

/// Words in a short answer, at most.
const SHORT_WORDS: usize = 4;

/// The word of a question that asks for an order, in its stem: `rank`, `ranked`, `ranking`.
const RANK: &str = "rank";

/// What the question says, so that an answer is not taken for new where it only repeats the question, and what kind of
/// answer is asked for.
#[derive(Debug, Clone, Default)]
pub struct Prompt {
    words: Words,
    answers: Answers,
}

impl Prompt {
    /// Reads a question to which any kind of answer may come.
    pub fn new(text: &str) -> Self {
        Self::asking(text, Answers::Auto)
    }

    /// Reads a question to which answers of one kind are compared.
    pub fn asking(text: &str, answers: Answers) -> Self {
        Self { words: Words::of(&clean(text)), answers }
    }

    /// Whether the question itself asks for an order.
    fn asks_to_rank(&self) -> bool {
        self.words.content.contains(RANK)
    }
}

/// An answer, ready to be compared.
#[derive(Debug, Clone)]
pub struct Answer {
    text: String,
    normal: String,
    structure: Option<String>,
    quantity: Option<Quantity>,
    stated: Option<String>,
    fields: Option<Fields>,
    ranking: Option<Vec<Item>>,
    /// What kind of answer was asked for.
    pub(super) kind: Answers,
    short: bool,
    pub(super) words: Words,
    /// Its words in their order.
    pub(super) sequence: Sequence,
    /// Content words that the question does not hold.
    pub(super) own: BTreeSet<String>,
    /// Content words that the question holds too.
    pub(super) echoed: BTreeSet<String>,
    /// Numbers that the question holds too.
    pub(super) echoed_numbers: BTreeSet<String>,
}

impl Answer {
    /// Reads an answer to `prompt`. Answers are only comparable when they were read against the same prompt.
    pub fn new(text: &str, prompt: &Prompt) -> Self {
        let normal = normalise(text);
        let words = Words::of(&normal);
        let (echoed, own) = words.content.iter().cloned().partition(|word| prompt.words.content.contains(word));
        let echoed_numbers = words.numbers.intersection(&prompt.words.numbers).cloned().collect();
        let kind = prompt.answers;
        let stated = stated(&normal, &prompt.words);
        let found = || (kind == Answers::Number).then(|| figure(text, stated.as_deref(), &prompt.words)).flatten();
        Self {
            text: text.to_owned(),
            structure: structure(text),
            quantity: number(&normal).or_else(found),
            fields: (kind == Answers::Json).then(|| Fields::read(text)).flatten(),
            ranking: match kind {
                Answers::Ranking => ranking(text),
                // A list may be in any order unless somebody asked for one.
                Answers::Auto if prompt.asks_to_rank() => whole_ranking(text),
                _ => None,
            },
            kind,
            stated,
            short: normal.split(' ').count() <= SHORT_WORDS,
            normal,
            words,
            sequence: sequence(text),
            own,
            echoed,
            echoed_numbers,
        }
    }

    /// The answer as it was given.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The answer in its one spelling.
    pub fn normal(&self) -> &str {
        &self.normal
    }

    /// The number that the answer is, wholly; where a figure was asked for, the one that it comes down to.
    pub fn quantity(&self) -> Option<&Quantity> {
        self.quantity.as_ref()
    }

    /// It has four words or fewer.
    pub fn is_short(&self) -> bool {
        self.short
    }

    /// Whether either is a sentence that repeats the question around the very answer that the other gives or states.
    pub(super) fn states_the_same(&self, other: &Self) -> bool {
        let is = |gist: &str, answer: &Self| {
            let given = answer.stated.as_deref().unwrap_or(&answer.normal);
            given == gist || number(given).zip(number(gist)).is_some_and(|(a, b)| a.same(&b))
        };
        self.stated.as_deref().is_some_and(|gist| is(gist, other))
            || other.stated.as_deref().is_some_and(|gist| is(gist, self))
    }

    /// Whether one is a bare yes or no, and the other explains the same yes or no without limiting it.
    pub(super) fn explains_the_same(&self, other: &Self) -> bool {
        let same = self.words.opening.is_some() && self.words.opening == other.words.opening;
        let bare = |answer: &Self| answer.words.content.len() == 1;
        same && (bare(self) || bare(other)) && !self.words.limited && !other.words.limited
    }

    /// Its fields, where JSON was asked for and it is JSON.
    pub(super) fn fields(&self) -> Option<&Fields> {
        self.fields.as_ref()
    }

    /// The order that it gives, where one was asked for.
    pub(super) fn ranking(&self) -> Option<&[Item]> {
        self.ranking.as_deref()
    }

    /// Whether it is of the kind that was asked for; any answer is where none was.
    pub fn is_of_kind(&self) -> bool {
        match self.kind {
            Answers::Auto | Answers::Text => true,
            Answers::Number => self.quantity.is_some(),
            Answers::Json => self.fields.is_some(),
            Answers::Ranking => self.ranking.is_some(),
        }
    }

    /// Its one spelling when it is a JSON object or list; such answers are compared by value.
    pub(super) fn structure(&self) -> Option<&str> {
        self.structure.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, Prompt};

    #[test]
    fn an_answer_is_read_once_and_whole() {
        let prompt = Prompt::new("What is the capital of France?");
        let answer = Answer::new("The answer is: **Paris**, the capital, since 508.", &prompt);
        assert_eq!(answer.text(), "The answer is: **Paris**, the capital, since 508.");
        assert_eq!(answer.normal(), "paris, the capital, since 508");
        assert!(!answer.is_short());
        assert_eq!(answer.own.iter().map(String::as_str).collect::<Vec<_>>(), ["508", "paris"]);
        assert_eq!(answer.echoed.iter().map(String::as_str).collect::<Vec<_>>(), ["capital"]);
        assert_eq!(answer.quantity(), None);
    }

    #[test]
    fn four_words_are_short_and_five_are_not() {
        let prompt = Prompt::default();
        for (text, expect) in [("", true), ("a b c d", true), ("**a b c d**.", true), ("a b c d e", false)] {
            assert_eq!(Answer::new(text, &prompt).is_short(), expect, "{text:?}");
        }
    }
}
