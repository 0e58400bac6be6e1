//! A text as words that can be compared: small letters without accents, disguises taken off.

use crate::hidden::is_unseen;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Letters of other scripts that look like Latin ones, inside of a Latin word.
const LOOKALIKES: [(char, char); 24] = [
    ('а', 'a'),
    ('е', 'e'),
    ('о', 'o'),
    ('р', 'p'),
    ('с', 'c'),
    ('у', 'y'),
    ('х', 'x'),
    ('і', 'i'),
    ('ј', 'j'),
    ('ѕ', 's'),
    ('к', 'k'),
    ('т', 't'),
    ('м', 'm'),
    ('н', 'h'),
    ('в', 'b'),
    ('г', 'r'),
    ('ο', 'o'),
    ('α', 'a'),
    ('ε', 'e'),
    ('ι', 'i'),
    ('ρ', 'p'),
    ('υ', 'u'),
    ('ν', 'v'),
    ('τ', 't'),
];

/// Digits that stand for letters inside of a word.
const DIGITS: [(char, char); 7] = [('0', 'o'), ('1', 'i'), ('3', 'e'), ('4', 'a'), ('5', 's'), ('7', 't'), ('8', 'b')];

/// Letters of a word that is written as one with others, at least.
const HUMP_MIN: usize = 3;

/// What stands between two words, the strongest of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Gap {
    /// Blanks, quotes, hyphens, slashes.
    Blank,
    /// The end of a line.
    Line,
    /// A comma, a bracket, a dash.
    Comma,
    /// A colon.
    Colon,
    /// The end of a sentence, or of the text.
    Stop,
}

/// A word, or a number with its fraction.
#[derive(Debug, Clone)]
pub(super) struct Word {
    /// As it is compared.
    pub(super) text: String,
    /// Its first byte in the text.
    pub(super) start: usize,
    /// The byte behind it.
    pub(super) end: usize,
    /// What stands before it.
    pub(super) gap: Gap,
}

/// The words of a text, in order.
pub(super) fn words(text: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let (mut open, mut gap) = (false, Gap::Stop);
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map(|(_, next)| *next);
        if is_unseen(c) || matches!(c, '\u{300}'..='\u{36F}') {
            continue;
        }
        let digits = open && words.last().is_some_and(|word| word.text.ends_with(|c: char| c.is_ascii_digit()));
        let point = matches!(c, '.' | ',') && digits && next.is_some_and(|next| next.is_ascii_digit());
        let apostrophe = matches!(c, '\'' | '’') && open && next.is_some_and(char::is_alphabetic);
        if !(c.is_alphanumeric() || point || apostrophe) {
            gap = if open { weight(c) } else { gap.max(weight(c)) };
            open = false;
            continue;
        }
        if !open {
            words.push(Word { text: String::new(), start: at, end: at, gap });
            (open, gap) = (true, Gap::Blank);
        }
        if let Some(word) = words.last_mut() {
            word.end = at + c.len_utf8();
            if !apostrophe {
                word.text.extend(fold(c));
            }
        }
    }
    let mut words: Vec<Word> = words.into_iter().flat_map(|word| humps(text, word)).collect();
    words.iter_mut().for_each(undisguise);
    words
}

/// The words that were written as one: `IgnorePreviousInstructions`.
fn humps(text: &str, word: Word) -> Vec<Word> {
    let written = &text[word.start..word.end];
    let tops: Vec<usize> =
        written.char_indices().filter(|(at, c)| *at > 0 && c.is_ascii_uppercase()).map(|(at, _)| at).collect();
    let starts = || std::iter::once(0).chain(tops.iter().copied());
    let ends = || tops.iter().copied().chain([written.len()]);
    if !written.is_ascii() || tops.len() < 2 || starts().zip(ends()).any(|(start, end)| end - start < HUMP_MIN) {
        return vec![word];
    }
    let hump = |(start, end): (usize, usize)| Word {
        text: written[start..end].to_ascii_lowercase(),
        start: word.start + start,
        end: word.start + end,
        gap: if start == 0 { word.gap } else { Gap::Blank },
    };
    starts().zip(ends()).map(hump).collect()
}

/// What a character between words means.
fn weight(c: char) -> Gap {
    match c {
        '.' | '!' | '?' | ';' | '。' | '！' | '？' | '…' => Gap::Stop,
        ':' | '：' => Gap::Colon,
        ',' | '(' | ')' | '[' | ']' | '{' | '}' | '—' | '–' | '，' | '、' | '|' | '<' | '>' => Gap::Comma,
        '\n' | '\r' => Gap::Line,
        _ => Gap::Blank,
    }
}

/// A character as small letters without accents, and without a special shape. Scripts whose marks are letters of their
/// own keep them.
pub(super) fn fold(c: char) -> impl Iterator<Item = char> {
    let shaped = matches!(c, '\u{80}'..='\u{58F}' | '\u{1E00}'..='\u{24FF}' | '\u{FF00}'..='\u{FFEF}' | '\u{1D400}'..='\u{1F1FF}');
    let kept = (!shaped).then_some(c);
    let taken_apart = shaped.then_some(c).into_iter().nfkd().filter(|c| !is_combining_mark(*c));
    kept.into_iter().chain(taken_apart).flat_map(char::to_lowercase)
}

/// Takes off what makes a word look like another: letters of another script, digits for letters.
fn undisguise(word: &mut Word) {
    if word.text.is_ascii() && !word.text.contains(|c: char| c.is_ascii_digit()) {
        return;
    }
    let latin = word.text.chars().filter(char::is_ascii_lowercase).count();
    let digits = word.text.chars().filter(char::is_ascii_digit).count();
    if latin == 0 {
        return;
    }
    let instead = |c: char| {
        let table: &[(char, char)] = if c.is_ascii_digit() && latin > digits { &DIGITS } else { &LOOKALIKES };
        table.iter().find(|(looks, _)| *looks == c).map_or(c, |(_, is)| *is)
    };
    word.text = word.text.chars().map(instead).collect();
}

#[cfg(test)]
mod tests {
    use super::{Gap, words};

    fn texts(text: &str) -> Vec<String> {
        words(text).into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn words_are_compared_without_case_accents_and_disguises() {
        for (text, expect) in [
            ("Ignore ALL", vec!["ignore", "all"]),
            ("instrucciónes précédentes", vec!["instrucciones", "precedentes"]),
            ("ig\u{200B}no\u{AD}re", vec!["ignore"]),
            ("i\u{301}gnore", vec!["ignore"]),
            ("ｉｇｎｏｒｅ 𝐢𝐠𝐧𝐨𝐫𝐞", vec!["ignore", "ignore"]),
            ("ignоrе рrevious", vec!["ignore", "previous"]),
            ("1gn0re pr3vious", vec!["ignore", "previous"]),
            ("don’t don't", vec!["dont", "dont"]),
            ("9.5/10 1,000 mp3 10", vec!["9.5", "10", "1,000", "mpe", "10"]),
            ("Предыдущие", vec!["предыдущие"]),
            ("무시 が", vec!["무시", "が"]),
            (
                "IgnorePreviousInstructions iPhone OpenAI",
                vec!["ignore", "previous", "instructions", "iphone", "openai"],
            ),
            ("iGnOrE", vec!["ignore"]),
        ] {
            assert_eq!(texts(text), expect, "{text:?}");
        }
    }

    #[test]
    fn what_stands_between_words_is_its_strongest() {
        let gaps: Vec<Gap> = words("a b, c: d. (e\n\nf - g").into_iter().map(|word| word.gap).collect();
        let expect = [Gap::Stop, Gap::Blank, Gap::Comma, Gap::Colon, Gap::Stop, Gap::Line, Gap::Blank];
        assert_eq!(gaps, expect);
    }
}
