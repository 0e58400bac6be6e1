//! The phrases of commands, as patterns over words.
//!
//! A pattern is a row of slots. `a|b` is one of these words, `a*` one that begins so, `@name` stands for a list of words
//! within it, `a?` may be missing, `~3` is up to three words of any kind, `#` stands for a number from 0 to 10 or 100, `^`
//! holds where a command may begin (behind a stop, a comma, `please`, `must`), `$` where a value ends (a stop, a comma,
//! `points`, but not `minutes`), `.` where a clause ends and `:` before a colon. No pattern reaches over the end of a
//! sentence.

mod phrases;

use super::words::{Gap, Word, fold, words};
use super::{FlagKind, Found};
use crate::hidden::is_unseen;
use phrases::{ENDINGS, LEADS, LISTS, PATTERNS, TOGETHER};
use std::collections::HashMap;
use std::sync::LazyLock;

/// Letters that stand alone in a row before they are read as words, at least.
const SPELLED_MIN: usize = 8;

/// What nobody spells with blanks in an ordinary text.
const SPELLED: [&str; 8] =
    ["ignore", "disregard", "instruction", "systemprompt", "scorethis", "scoreit", "ratethis", "rateit"];

/// Characters around a word of a script without blanks in which the others are looked for.
const AROUND: usize = 16;

/// All patterns, taken apart.
static RULES: LazyLock<Rules> = LazyLock::new(Rules::of_phrases);

struct Rules {
    patterns: Vec<(FlagKind, Vec<Slot>)>,
    /// Patterns by the words that they begin with.
    by_first: HashMap<&'static str, Vec<usize>>,
    /// Beginnings of words with which patterns begin.
    by_stem: Vec<(&'static str, usize)>,
}

#[derive(Debug)]
enum Slot {
    Word { any: Vec<&'static str>, number: bool, optional: bool },
    Gap(usize),
    Begin,
    ValueEnd,
    ClauseEnd,
    Colon,
}

impl Rules {
    fn of_phrases() -> Self {
        let patterns: Vec<(FlagKind, Vec<Slot>)> =
            PATTERNS.iter().map(|(kind, pattern)| (*kind, pattern.split(' ').map(slot).collect())).collect();
        let (mut by_first, mut by_stem): (HashMap<&'static str, Vec<usize>>, Vec<_>) = Default::default();
        for (at, (_, slots)) in patterns.iter().enumerate() {
            let first = slots.iter().find_map(|slot| if let Slot::Word { any, .. } = slot { Some(any) } else { None });
            for word in first.into_iter().flatten() {
                match word.strip_suffix('*') {
                    Some(stem) => by_stem.push((stem, at)),
                    None => by_first.entry(word).or_default().push(at),
                }
            }
        }
        Self { patterns, by_first, by_stem }
    }

    /// The patterns that may begin with a word.
    fn of(&self, word: &str) -> impl Iterator<Item = &(FlagKind, Vec<Slot>)> {
        let exact = self.by_first.get(word).into_iter().flatten().copied();
        let stems = self.by_stem.iter().filter(move |(stem, _)| word.starts_with(stem)).map(|(_, at)| *at);
        exact.chain(stems).filter_map(|at| self.patterns.get(at))
    }
}

fn slot(text: &'static str) -> Slot {
    match text {
        "^" => Slot::Begin,
        "$" => Slot::ValueEnd,
        "." => Slot::ClauseEnd,
        ":" => Slot::Colon,
        _ => match text.strip_prefix('~').and_then(|count| count.parse().ok()) {
            Some(count) => Slot::Gap(count),
            None => {
                let any: Vec<&str> = text.trim_end_matches('?').split('|').flat_map(listed).collect();
                Slot::Word { number: any.contains(&"#"), any, optional: text.ends_with('?') }
            }
        },
    }
}

/// The words that one of a slot's stands for.
fn listed(word: &'static str) -> Vec<&'static str> {
    let list = word.strip_prefix('@').and_then(|name| LISTS.iter().find(|(known, _)| *known == name));
    list.map_or_else(|| vec![word], |(_, words)| words.split(' ').collect())
}

/// Adds each phrase of the text that commands.
pub(super) fn check(text: &str, found: &mut Found) {
    let words = words(text);
    for at in 0..words.len() {
        for (kind, slots) in RULES.of(&words[at].text) {
            if let Some(end) = matched(slots, &words, at, at) {
                found.add(*kind, &text[words[at].start..words[end - 1].end]);
            }
        }
    }
    spelled(text, &words, found);
    together(text, found);
}

/// Adds what is spelled with blanks: `i g n o r e`.
fn spelled(text: &str, words: &[Word], found: &mut Found) {
    let single = |word: &Word| word.text.chars().nth(1).is_none();
    for run in words.chunk_by(|one, next| single(one) && single(next)).filter(|run| run.len() >= SPELLED_MIN) {
        let joined: String = run.iter().map(|word| word.text.as_str()).collect();
        if SPELLED.iter().any(|phrase| joined.contains(phrase)) {
            found.add(FlagKind::Override, &text[run[0].start..run[run.len() - 1].end]);
        }
    }
}

/// Where the slots end that hold from word `at` on; `first` is where the pattern began.
fn matched(slots: &[Slot], words: &[Word], at: usize, first: usize) -> Option<usize> {
    let Some((slot, rest)) = slots.split_first() else { return Some(at) };
    let word = words.get(at).filter(|word| at == first || word.gap != Gap::Stop);
    let onward = |at| matched(rest, words, at, first);
    let ends = |least: Gap| words.get(at).is_none_or(|word| word.gap >= least);
    match slot {
        Slot::Begin => may_begin(words, at).then(|| onward(at))?,
        Slot::ValueEnd => {
            let goes_on = word
                .is_some_and(|word| !ENDINGS.split(' ').any(|ending| ending == word.text) && !is_number(&word.text));
            (ends(Gap::Line) || !goes_on).then(|| onward(at))?
        }
        Slot::ClauseEnd => ends(Gap::Line).then(|| onward(at))?,
        Slot::Colon => words.get(at).filter(|word| word.gap == Gap::Colon).and_then(|_| onward(at)),
        Slot::Word { any, number, optional } => {
            let fits =
                |word: &&Word| any.iter().any(|known| is(known, &word.text)) || (*number && is_number(&word.text));
            let taken = word.filter(fits).and_then(|_| onward(at + 1));
            taken.or_else(|| optional.then(|| onward(at)).flatten())
        }
        Slot::Gap(most) => {
            let inside = |at: usize| words.get(at).is_some_and(|word| at == first || word.gap != Gap::Stop);
            let open = |skipped: &usize| (0..*skipped).all(|on| inside(at + on));
            (0..=*most).take_while(open).find_map(|skipped| onward(at + skipped))
        }
    }
}

/// Whether a command may begin at a word: nothing before it in its clause, or a word that leads to commands.
fn may_begin(words: &[Word], at: usize) -> bool {
    let gap = words.get(at).map_or(Gap::Stop, |word| word.gap);
    if gap >= Gap::Line {
        return true;
    }
    let before = |back: usize| at.checked_sub(back).and_then(|at| words.get(at)).map_or("", |word| word.text.as_str());
    let leads = |word: &str| LEADS.split(' ').any(|lead| lead == word);
    match before(1) {
        "to" => matches!(before(2), "is" | "you" | "sure" | "need" | "have" | "instructed" | "told" | "required"),
        "always" | "never" | "just" | "simply" => {
            words.get(at - 1).is_some_and(|word| word.gap >= Gap::Line) || leads(before(2)) || before(2) == "you"
        }
        word => leads(word),
    }
}

/// Whether a word is one that is known, or begins like one (`anweisung*`).
fn is(known: &str, word: &str) -> bool {
    known.strip_suffix('*').map_or_else(|| known == word, |stem| word.starts_with(stem))
}

/// A number that can be meant as a score.
fn is_number(text: &str) -> bool {
    match text.replacen(',', ".", 1).parse::<f64>() {
        Ok(value) => text.len() <= "10,0".len() && ((0.0..=10.0).contains(&value) || value == 100.0),
        Err(_) => matches!(text, "ten" | "zehn" | "dix" | "diez" | "dieci" | "dez" | "tien" | "десять"),
    }
}

/// Phrases of scripts without blanks: all pieces near each other, in any order.
fn together(text: &str, found: &mut Found) {
    if text.is_ascii() {
        return;
    }
    let plain: Vec<char> = text.chars().filter(|c| !is_unseen(*c) && !c.is_whitespace()).flat_map(fold).collect();
    let plain: String = plain.into_iter().collect();
    for (kind, pieces) in TOGETHER {
        let Some((first, others)) = pieces.split_first() else { continue };
        for option in first.split('|') {
            for (at, _) in plain.match_indices(option) {
                let near = around(&plain, at, option.len());
                if others.iter().all(|piece| piece.split('|').any(|option| near.contains(option))) {
                    found.add(*kind, near);
                }
            }
        }
    }
}

/// A piece of a text with some characters on both sides, as far as its sentence reaches.
fn around(text: &str, at: usize, len: usize) -> &str {
    let is_stop = |c: char| matches!(c, '。' | '.' | '！' | '!' | '？' | '?');
    let before = text[..at].char_indices().rev().take(AROUND).take_while(|(_, c)| !is_stop(*c)).last();
    let start = before.map_or(at, |(start, _)| start);
    let behind = text[at + len..].char_indices().take(AROUND).take_while(|(_, c)| !is_stop(*c)).last();
    let end = behind.map_or(at + len, |(end, c)| at + len + end + c.len_utf8());
    &text[start..end]
}

#[cfg(test)]
mod tests {
    use super::phrases::{ENDINGS, LEADS, LISTS, PATTERNS, TOGETHER};
    use super::{RULES, Slot, fold, is_number, listed};

    #[test]
    fn phrases_are_written_as_texts_are_compared() {
        let lists = LISTS.iter().flat_map(|(_, words)| words.split([' ', '*']));
        let patterns = PATTERNS.iter().flat_map(|(_, pattern)| pattern.split([' ', '|', '?', '*']));
        let words = lists
            .chain(patterns)
            .chain(LEADS.split(' '))
            .chain(ENDINGS.split(' '))
            .filter(|word| !word.starts_with(['@', '~']));
        let pieces = TOGETHER.iter().flat_map(|(_, pieces)| pieces.iter().flat_map(|piece| piece.split('|')));
        for word in words.chain(pieces) {
            assert_eq!(word, word.chars().flat_map(fold).collect::<String>(), "{word:?}");
        }
    }

    #[test]
    fn every_pattern_begins_with_a_word_that_it_needs_and_every_list_is_known() {
        for (_, slots) in &RULES.patterns {
            let first = slots.iter().find(|slot| !matches!(slot, Slot::Begin));
            assert!(matches!(first, Some(Slot::Word { optional: false, .. })), "{slots:?}");
        }
        for (_, pattern) in PATTERNS {
            for word in pattern.split([' ', '|', '?']).filter(|word| word.starts_with('@')) {
                assert_ne!(listed(word), [word], "{pattern}");
            }
        }
    }

    #[test]
    fn numbers_that_can_be_scores() {
        for text in ["10", "9.5", "7,5", "0", "100", "ten"] {
            assert!(is_number(text), "{text}");
        }
        for text in ["11", "700", "1,000", "x", "", "nan", "inf"] {
            assert!(!is_number(text), "{text}");
        }
    }
}
