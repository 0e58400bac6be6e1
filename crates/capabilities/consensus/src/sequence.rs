//! The words of a text that say something, in their order: what texts that are nearly equal are compared by. It knows
//! which words are names by how they are written, and no grammar.

use crate::normalise::folded;
use crate::number;
use crate::tokens::{Token, tokens};
use crate::vocabulary::{NOT, is_negation, is_stop, stem};
use std::collections::BTreeSet;

/// What a word is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// A word like any other.
    Plain,
    /// A word with a capital where no sentence begins, or with capitals or digits inside.
    Name,
    /// A number.
    Number,
    /// A negation.
    Not,
    /// What joins two words: `and`.
    And,
}

/// One word.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Word {
    /// Its light stem, in one spelling; a number by its value.
    pub(super) stem: String,
    /// The word in lowercase.
    pub(super) text: String,
    pub(super) kind: Kind,
}

/// What parts a list.
const COMMA: &str = ",";

/// A text's words, without those that say nothing.
pub(super) type Sequence = Vec<Word>;

/// The words of a text. Names and numbers that `and` joins stand in one order, whichever the text has.
pub(super) fn sequence(text: &str) -> Sequence {
    let text = folded(text);
    let (mut words, mut capitals, mut openings) = (Vec::<Word>::new(), BTreeSet::new(), Vec::new());
    let (mut begins, mut comma) = (true, false);
    for chunk in text.split_whitespace() {
        for token in tokens(chunk) {
            let capital = token.text.starts_with(char::is_uppercase);
            if !begins && capital {
                capitals.insert(token.text.to_lowercase());
            }
            if let Some(word) = word(&token, begins) {
                // Between names or between numbers a comma parts what is listed, as `and` does before the last.
                if comma && words.last().is_some_and(|last| last.kind == word.kind && word.kind != Kind::Plain) {
                    words.push(Word { stem: COMMA.to_owned(), text: COMMA.to_owned(), kind: Kind::And });
                }
                if begins && capital {
                    openings.push(words.len());
                }
                words.push(word);
            }
            (begins, comma) = (false, false);
        }
        comma |= chunk.ends_with(',');
        begins |= chunk.trim_end_matches(['"', '\'', ')', ']']).ends_with(['.', '!', '?', ':', ';']);
    }
    // What has a capital elsewhere too is a name where a sentence begins.
    for word in &mut words {
        if word.kind == Kind::Plain && capitals.contains(&word.text) {
            word.kind = Kind::Name;
        }
    }
    name_openings(&mut words, &openings);
    in_order(&mut words);
    words.retain(|word| word.kind != Kind::And);
    words
}

/// The word that a token is; `None` for one that says nothing.
fn word(token: &Token, begins: bool) -> Option<Word> {
    let (raw, text) = (&token.text, token.text.to_lowercase());
    let of = |stem: String, kind: Kind| Some(Word { stem, text: text.clone(), kind });
    if token.numeric {
        return of(text.clone(), Kind::Number);
    }
    if text == "and" || text == "&" {
        return of(text.clone(), Kind::And);
    }
    if is_negation(&text) {
        return of(NOT.to_owned(), Kind::Not);
    }
    let inside = raw.chars().skip(1).any(|c| c.is_uppercase() || c.is_ascii_digit());
    let name = inside || !begins && raw.starts_with(char::is_uppercase);
    if is_stop(&text) && !inside || matches!(raw.as_str(), "a" | "i" | "I") || begins && raw == "A" {
        return None;
    }
    if let Some(value) = number::word(&text).filter(|_| text != "one") {
        return of(value.to_string(), Kind::Number);
    }
    of(spelt(&stem(&text)), if name { Kind::Name } else { Kind::Plain })
}

/// One spelling of what is spelt in two ways on the two sides of an ocean: `color`, `organize`.
fn spelt(stem: &str) -> String {
    stem.replace("our", "or").replace("isation", "ization").replace("yse", "yze").replace("yze", "yz")
}

/// Takes the word that a sentence begins with for a name where `and` joins it to one: `Ann and Ben`.
fn name_openings(words: &mut [Word], openings: &[usize]) {
    for at in openings {
        if let Some([word, and, name]) = words.get_mut(*at..at + 3)
            && (word.kind, and.kind, name.kind) == (Kind::Plain, Kind::And, Kind::Name)
        {
            word.kind = Kind::Name;
        }
    }
}

/// Puts names that `and` joins in order, and numbers: `Redis and Kafka` is `Kafka and Redis`. Not where the order says
/// which belongs to which: in a text that says `respectively`, and where one side is more than a word, as in `John Smith
/// and Mary Jones`.
fn in_order(words: &mut [Word]) {
    if words.iter().any(|word| word.text == "respectively") {
        return;
    }
    let joins = |a: &Word, b: &Word| a.kind == b.kind || a.kind == Kind::And || b.kind == Kind::And;
    for run in words.chunk_by_mut(joins) {
        let all = |kind: Kind| run.iter().all(|word| word.kind == kind || word.kind == Kind::And);
        let joined = run.iter().any(|word| word.kind == Kind::And && word.text != COMMA);
        let single = run.split(|word| word.kind == Kind::And).all(|side| side.len() <= 1);
        if joined && single && (all(Kind::Name) || all(Kind::Number)) {
            run.sort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, sequence};

    #[test]
    fn words_are_told_by_how_they_are_written() {
        let mark = |kind: Kind| match kind {
            Kind::Plain => "",
            Kind::Name => "^",
            Kind::Number => "#",
            Kind::Not => "!",
            Kind::And => "&",
        };
        for (text, expect) in [
            ("The capital of **France** is Paris.", "capital franc^ paris^"),
            ("Large dogs eat. Dogs sleep.", "larg dog eat dog sleep"),
            ("Rome fell. Nobody left Rome", "rome^ fell not! left rome^"),
            ("It costs $1,000 and isn't HTTP2", "cost 1000# not! http2^"),
            ("A cat, I think, or option A", "cat think or option a^"),
            ("We use Redis and Kafka with five brokers", "use kafka^ redis^ 5# broker"),
            ("Ann pays 5 and Ben 7", "ann pay 5# ben^ 7#"),
            ("ports 443 and 80", "port 443# 80#"),
            ("ports 443, 80, and 22, Ben", "port 22# 443# 80# ben^"),
            ("Redis and Kafka, Nats or Pulsar", "kafka^ nat^ redis^ or pulsar^"),
            ("Redis and Kafka are fast", "kafka^ redis^ fast"),
            ("we met John Smith and Mary Jones", "met john^ smith^ mary^ jone^"),
            ("we gave Redis and Kafka 5 and 3 respectively", "gave redis^ kafka^ 5# 3# respectively"),
            ("Colours are analysed", "color analys"),
            ("", ""),
        ] {
            let found: Vec<String> =
                sequence(text).iter().map(|word| format!("{}{}", word.stem, mark(word.kind))).collect();
            assert_eq!(found.join(" "), expect, "{text:?}");
        }
    }
}
