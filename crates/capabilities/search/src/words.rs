//! Texts into words: what counts as one, and which are the same. It knows neither documents nor scores.

use crate::parts::{Parts, is_unspaced};
use rust_stemmers::{Algorithm, Stemmer};
use std::borrow::Cow;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Longer words, in bytes, are none: keys, hashes and pictures in base64.
const WORD_BYTES_MAX: usize = 64;

/// What an apostrophe may stand before that tells nothing.
const CONTRACTED: [&str; 7] = ["s", "t", "d", "m", "re", "ve", "ll"];

/// Words that tell no text from another: of grammar, and of those who ask for something. Sorted.
const STOP: [&str; 91] = [
    "a", "about", "also", "am", "an", "and", "any", "are", "as", "at", "be", "been", "but", "by", "can", "could", "d",
    "did", "do", "does", "for", "from", "get", "had", "has", "have", "he", "help", "her", "his", "how", "i", "id",
    "if", "im", "in", "into", "is", "it", "its", "just", "let", "like", "ll", "m", "me", "more", "my", "need", "no",
    "not", "of", "on", "or", "our", "out", "please", "re", "s", "she", "should", "so", "some", "such", "t", "than",
    "that", "the", "their", "then", "there", "these", "they", "this", "to", "up", "us", "ve", "want", "was", "we",
    "what", "when", "where", "which", "who", "will", "with", "would", "you", "your",
];

/// How words are made and weighed. What an index holds was made with one of these; another needs another index.
#[derive(Debug, Clone, PartialEq)]
pub struct Words {
    /// How soon it stops to matter how often a document says a word (BM25).
    pub k1: f32,
    /// How much long documents are held to say more of everything, 0 to 1 (BM25).
    pub b: f32,
    /// Whether `searches`, `searching` and `searched` are `search` (Snowball's English stemmer).
    pub stem: bool,
    /// Whether `listFiles` and `list_files` are also one word, beside `list` and `files`.
    pub whole: bool,
}

impl Default for Words {
    fn default() -> Self {
        Self { k1: 1.2, b: 0.5, stem: true, whole: true }
    }
}

/// Makes words of texts.
pub(crate) struct Reader {
    stemmer: Option<Stemmer>,
    whole: bool,
}

impl Reader {
    pub(crate) fn new(words: &Words) -> Self {
        Self { stemmer: words.stem.then(|| Stemmer::create(Algorithm::English)), whole: words.whole }
    }

    /// Tells every word of a text in the form that all its forms have in common, in order.
    pub(crate) fn each(&self, text: &str, mut tell: impl FnMut(&str)) {
        self.each_as_written(text, &mut String::new(), |word| {
            if let Some(form) = self.form(word) {
                tell(&form);
            }
        });
    }

    /// Tells every word of a text in small letters, in order, stop words too. `room` is for what has to be put
    /// together.
    pub(crate) fn each_as_written(&self, text: &str, room: &mut String, mut tell: impl FnMut(&str)) {
        let text = if text.is_ascii() { Cow::Borrowed(text) } else { Cow::Owned(text.nfkc().collect()) };
        let mut tell = |word: &str| {
            if word.len() <= WORD_BYTES_MAX {
                tell(word);
            }
        };
        let mut rest: &str = &text;
        loop {
            rest = rest.trim_start_matches(|c| !is_word(c));
            let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            let (run, after) = rest.split_at(end);
            if run.is_empty() {
                return;
            }
            self.run(run, room, &mut tell);
            rest = without_contraction(after);
        }
    }

    /// Tells the words of letters and digits without a gap.
    fn run(&self, run: &str, room: &mut String, tell: &mut impl FnMut(&str)) {
        // As most are.
        if run.bytes().all(|byte| byte.is_ascii_lowercase()) {
            return tell(run);
        }
        let (mut parts, mut spaced) = (0, true);
        for part in Parts(run) {
            parts += 1;
            if part.chars().next().is_some_and(is_unspaced) {
                spaced = false;
                pairs(part, tell);
            } else {
                lower(part, room);
                tell(room);
            }
        }
        if self.whole && spaced && parts > 1 {
            // As who writes it without capitals would find it.
            lower(run, room);
            tell(room);
        }
    }

    /// The form that all forms of a word have in common; none of a stop word.
    pub(crate) fn form<'a>(&self, word: &'a str) -> Option<Cow<'a, str>> {
        if STOP.binary_search(&word).is_ok() {
            return None;
        }
        match &self.stemmer {
            // It was made for English: what has other letters stays as it is.
            Some(stemmer) if word.is_ascii() => Some(stemmer.stem(word)),
            _ => Some(Cow::Borrowed(word)),
        }
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || (!c.is_ascii() && is_combining_mark(c))
}

fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '\u{2019}')
}

/// What follows a word, without the end of a contraction, as in `it's`, or of a possessive.
fn without_contraction(rest: &str) -> &str {
    let cut =
        |end: &&str| rest.strip_prefix(is_apostrophe)?.strip_prefix(*end).filter(|rest| !rest.starts_with(is_word));
    CONTRACTED.iter().find_map(cut).unwrap_or(rest)
}

/// In small letters, without underscores.
fn lower(text: &str, into: &mut String) {
    into.clear();
    if text.is_ascii() {
        let kept = text.bytes().filter(|&byte| byte != b'_');
        return into.extend(kept.map(|byte| char::from(byte.to_ascii_lowercase())));
    }
    let kept = text.chars().filter(|&c| c != '_');
    into.extend(kept.flat_map(char::to_lowercase));
}

/// Where nobody knows where words end, every two letters that stand together are one.
fn pairs(part: &str, tell: &mut impl FnMut(&str)) {
    let mut starts = part.char_indices().map(|(at, _)| at).skip(1).peekable();
    if starts.peek().is_none() {
        return tell(part);
    }
    let mut from = 0;
    while let Some(middle) = starts.next() {
        let end = starts.peek().copied().unwrap_or(part.len());
        tell(part.get(from..end).unwrap_or_default());
        from = middle;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(text: &str) -> Vec<String> {
        let mut words = Vec::new();
        Reader::new(&Words::default()).each(text, |word| words.push(word.to_owned()));
        words
    }

    #[track_caller]
    fn check(text: &str, expect: &[&str]) {
        assert_eq!(words(text), expect, "{text}");
    }

    #[test]
    fn identifiers_are_split_and_kept_whole() {
        check("getCurrentWeather", &["current", "weather", "getcurrentweath"]);
        check("get_current_weather", &["current", "weather", "getcurrentweath"]);
        check("HTTPServer2", &["http", "server", "2", "httpserver2"]);
        check("list-s3.Buckets", &["list", "3", "s3", "bucket"]);
        check("__init__", &["init"]);
        check("GitHub GITHUB", &["git", "hub", "github", "github"]);
    }

    #[test]
    fn a_whole_is_the_word_that_it_would_be_in_one_piece() {
        for (one, other) in [("OpenWeather", "openweather"), ("list_files", "LISTFILES"), ("GitHub's", "github")] {
            assert_eq!(words(one).last(), words(other).last(), "{one} {other}");
        }
    }

    #[test]
    fn forms_of_a_word_are_one() {
        check("Searches, searching; searched!", &["search", "search", "search"]);
        check("the user's file and users' files", &["user", "file", "user", "file"]);
        check("Don\u{2019}t tell the dog's it's 'boiling hot'", &["don", "tell", "dog", "boil", "hot"]);
        check(
            "What's the weather? I've asked, you're right, let's go; rock'n'roll's",
            &["weather", "ask", "right", "go", "rock", "n", "roll"],
        );
        check("", &[]);
        check(" \u{7} _ -- ", &[]);
    }

    #[test]
    fn other_scripts_have_words() {
        check("cafe\u{301} Straße ＡＢＣ", &["café", "straße", "abc"]);
        check("東京の天気", &["東京", "京の", "の天", "天気"]);
        check("天 Tokyo天気2", &["天", "tokyo", "天気", "2"]);
        check("погода в Москве", &["погода", "в", "москве"]);
    }

    #[test]
    fn what_is_too_long_is_no_word() {
        let long = "x".repeat(WORD_BYTES_MAX + 1);
        check(&format!("a {long} word"), &["word"]);
        check(&"x".repeat(WORD_BYTES_MAX), &[&"x".repeat(WORD_BYTES_MAX)]);
        // Its parts are words, the whole is not.
        check(&format!("{}_{}", "w".repeat(40), "z".repeat(40)), &[&"w".repeat(40), &"z".repeat(40)]);
    }

    #[test]
    fn stemming_and_wholes_can_be_switched_off() {
        let mut words = Vec::new();
        let plain = Words { stem: false, whole: false, ..Words::default() };
        Reader::new(&plain).each("listFiles", |word| words.push(word.to_owned()));
        assert_eq!(words, ["list", "files"]);
    }

    #[test]
    fn stop_words_are_sorted() {
        assert!(STOP.is_sorted());
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "\\PC{0,64}|[a-zA-Z0-9_'天気é\u{301}]{0,64}|[aeiousngedlyt']{0,24}") {
            for word in words(&text) {
                prop_assert!(!word.is_empty() && word.len() <= WORD_BYTES_MAX + 4, "{word:?}");
            }
        }
    }
}
