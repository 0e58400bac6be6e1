//! How demanding a question is, as a score from 0 to 1 that gives its reasons.
//!
//! | what the last message of the user has | score |
//! |---|---|
//! | up to 20 words | 0 to 0.29, with its length |
//! | 21 to 50 words | 0.3 to 0.59, with its length |
//! | more than 50 words | 0.6 to 0.8, with its length, up to 500 words |
//! | constraints: what the answer must have or must not, a form, a list of demands | at least 0.6 |
//! | context: code, a quotation, more than a short message after earlier turns | at least 0.6 |
//! | each further one of more than 50 words, constraints, context | 0.1 more |
//! | words of reasoning (why, compare, prove), a calculation, several questions | 0.2, 0.2, 0.1 more |
//! | words of recency (latest, today) | 0.05 more |
//! | a plain look-up (what is, who was, define) in up to 20 words and with nothing of the above | 0.15 less |
//!
//! Below 0.3 is low, from 0.6 on high. Length, lists, code, figures and question marks are the same in every language;
//! words are looked for in English, German, French and Spanish. Nobody is asked, nothing is learnt: the same message
//! always has the same score. Of long messages the first 16 KiB of text are read; pictures, sounds and files beside it
//! count for nothing, as nobody here can tell what is in them.

mod words;

use serde::Deserialize;
use serde_json::value::RawValue;
use std::fmt;
use wire::openai::ChatRequest;
use words::{CONSTRAINTS, LOOK_UPS, REASONING, RECENCY};

/// Up to so many words a question is short, and up to so many it is of medium length.
const SHORT_WORDS: usize = 20;
const MEDIUM_WORDS: usize = 50;
/// From so many words on, length alone adds nothing.
const LONG_WORDS: usize = 500;
/// A message of at most so many words after earlier turns (`thanks`, `go on`) does not stand on them.
const REMARK_WORDS: usize = 3;
/// From here on a question is of medium, and of high complexity.
const MEDIUM: f64 = 0.3;
const HIGH: f64 = 0.6;
/// Bytes of a message that are read.
const TEXT_BYTES_MAX: usize = 16 * 1024;

/// How demanding a question is; shown with its reasons, such as `complexity 0.71: 64 words, constraints`.
#[derive(Debug, Clone, PartialEq)]
pub struct Complexity {
    /// From 0 to 1, in hundredths.
    pub score: f64,
    words: usize,
    /// Whether there are more words than were read.
    cut: bool,
    reasons: Vec<&'static str>,
}

impl fmt::Display for Complexity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let more = if self.cut { "more than " } else { "" };
        let words = if self.words == 1 { "word" } else { "words" };
        write!(out, "complexity {:.2}: {more}{} {words}", self.score, self.words)?;
        self.reasons.iter().try_for_each(|reason| write!(out, ", {reason}"))
    }
}

impl Complexity {
    /// Of what a request asks last. Parses its body: ask once.
    pub fn of(request: &ChatRequest) -> Self {
        let asked = Asked::read(request.bytes());
        Self::of_text(&asked.text, asked.cut, asked.turns)
    }

    fn of_text(text: &str, cut: bool, turns: bool) -> Self {
        let seen = Seen::new(text);
        let words = seen.words;
        let length = length(words);
        let constraints = seen.has(&CONSTRAINTS) || seen.listed >= 2;
        let history = turns && words > REMARK_WORDS;
        let context = history || seen.code || seen.quoted;
        let floors = [words > MEDIUM_WORDS, constraints, context].into_iter().filter(|floor| *floor).count();
        let reasoning = seen.has(&REASONING);
        let look_up = floors == 0 && words <= SHORT_WORDS && !reasoning && !seen.sums && seen.begins(&LOOK_UPS);
        let questions = seen.questions > 1;
        let recency = seen.has(&RECENCY);
        let mut score = if floors == 0 { length } else { length.max(HIGH) };
        score += 0.1 * floors.saturating_sub(1) as f64;
        let named = [
            (constraints, 0.0, "constraints"),
            (history, 0.0, "earlier turns"),
            (seen.code, 0.0, "code"),
            (seen.quoted, 0.0, "a quotation"),
            (reasoning, 0.2, "reasoning"),
            (seen.sums, 0.2, "a calculation"),
            (questions, 0.1, "several questions"),
            (recency, 0.05, "recency"),
            (look_up, -0.15, "a look-up"),
        ];
        let found = || named.iter().filter(|(is, _, _)| *is);
        score += found().map(|(_, points, _)| points).sum::<f64>();
        let score = (score.clamp(0.0, 1.0) * 100.0).round() / 100.0;
        Self { score, words, cut, reasons: found().map(|(_, _, name)| *name).collect() }
    }
}

/// What length alone is worth.
fn length(words: usize) -> f64 {
    let part = |from: usize, to: usize| words.saturating_sub(from).min(to - from) as f64 / (to - from) as f64;
    if words <= SHORT_WORDS {
        (MEDIUM - 0.01) * part(0, SHORT_WORDS)
    } else if words <= MEDIUM_WORDS {
        MEDIUM + (HIGH - MEDIUM - 0.01) * part(SHORT_WORDS, MEDIUM_WORDS)
    } else {
        HIGH + 0.2 * part(MEDIUM_WORDS, LONG_WORDS)
    }
}

/// What a text shows.
struct Seen {
    words: usize,
    /// Its words in small letters, each between spaces.
    plain: String,
    code: bool,
    quoted: bool,
    /// Lines that begin like those of a list.
    listed: usize,
    questions: usize,
    /// Whether figures are reckoned with.
    sums: bool,
}

impl Seen {
    fn new(text: &str) -> Self {
        let mut plain = String::with_capacity(text.len() + 2);
        let (mut words, mut dense) = (0, 0);
        let parted = text.split(|letter: char| !(letter.is_alphanumeric() || matches!(letter, '\'' | '’')));
        for word in parted.map(|word| word.trim_matches(['\'', '’'])).filter(|word| !word.is_empty()) {
            // Scripts without spaces: two letters make about one word.
            let run = word.chars().filter(|letter| is_dense(*letter)).count();
            dense += run;
            words += usize::from(run < word.chars().count());
            plain.push(' ');
            let straight = |letter: char| if letter == '’' { '\'' } else { letter };
            plain.extend(word.chars().map(straight).flat_map(char::to_lowercase));
        }
        plain.push(' ');
        let lines = || text.lines().map(str::trim_start);
        Self {
            words: words + dense.div_ceil(2),
            plain,
            code: text.contains("```") || lines().filter(|line| line.ends_with([';', '{', '}'])).count() >= 2,
            quoted: lines().any(|line| line.starts_with("> ") || line.starts_with("\"\"\"")),
            listed: lines().filter(|line| is_listed(line)).count(),
            questions: text.matches(['?', '？', '؟']).count(),
            sums: has_sums(text),
        }
    }

    fn has(&self, phrases: &[&str]) -> bool {
        phrases.iter().any(|phrase| self.plain.contains(phrase))
    }

    fn begins(&self, phrases: &[&str]) -> bool {
        phrases.iter().any(|phrase| self.plain.starts_with(phrase))
    }
}

/// Letters of scripts that put no spaces between words: Thai, Lao, Khmer, kana, Han.
fn is_dense(letter: char) -> bool {
    matches!(letter, '\u{e00}'..='\u{eff}' | '\u{1780}'..='\u{17ff}' | '\u{3040}'..='\u{30ff}'
        | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// `- this`, `* this`, `• this`, `1. this` or `2) this`.
fn is_listed(line: &str) -> bool {
    let numbered = line.trim_start_matches(|letter: char| letter.is_ascii_digit());
    let marked = ["- ", "* ", "• "].iter().any(|mark| line.starts_with(mark));
    marked || (numbered.len() < line.len() && (numbered.starts_with(". ") || numbered.starts_with(") ")))
}

/// A sign of reckoning beside a figure, or one that stands for nothing else.
fn has_sums(text: &str) -> bool {
    if text.contains(['∑', '∫', '√', '≤', '≥', '≠', '∂', '×', '÷']) || text.contains("\\frac") || text.contains("\\sum")
    {
        return true;
    }
    // What comes before and after a sign, spaces aside: a figure, a letter or a bracket each, and a figure at least once.
    let letters: Vec<char> = text.chars().filter(|letter| *letter != ' ').collect();
    letters.windows(3).any(|near| {
        let [before, sign, after] = near else { return false };
        let is_term = |letter: &char| letter.is_ascii_digit() || matches!(letter, '(' | ')' | 'x' | 'y' | 'n');
        let some_figure = before.is_ascii_digit() || after.is_ascii_digit();
        matches!(sign, '+' | '*' | '/' | '^' | '=') && is_term(before) && is_term(after) && some_figure
    })
}

/// What is asked last, and whether something was said before.
struct Asked {
    text: String,
    cut: bool,
    turns: bool,
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow, default)]
    messages: Vec<Message<'a>>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    role: Option<&'a RawValue>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
}

/// A part of a message; of one that is a picture, a sound or a file nothing is read.
#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow)]
    text: Option<&'a RawValue>,
}

impl Asked {
    /// From the body of a chat that has been checked.
    fn read(body: &[u8]) -> Self {
        let messages = serde_json::from_slice::<Body<'_>>(body).map(|body| body.messages).unwrap_or_default();
        let is_by =
            |message: &&Message<'_>, who: &str| message.role.is_some_and(|role| role.get().trim_matches('"') == who);
        let last = messages.iter().rev().find(|message| is_by(message, "user"));
        let raw = last.and_then(|message| message.content).map(RawValue::get).unwrap_or_default();
        let turns = messages.iter().any(|message| is_by(&message, "assistant"));
        let mut asked = Self { text: String::new(), cut: false, turns };
        if raw.starts_with('[') {
            let parts = serde_json::from_str::<Vec<Part<'_>>>(raw).unwrap_or_default();
            parts.iter().filter_map(|part| part.text).for_each(|text| asked.add(text.get()));
        } else {
            asked.add(raw);
        }
        asked
    }

    /// Adds a text as JSON writes it, as far as there is room.
    fn add(&mut self, raw: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        let room = TEXT_BYTES_MAX.saturating_sub(self.text.len());
        if raw.len() > room {
            // Long is long, however it is escaped; what would be escaped is a small part of it.
            let text = raw[..raw.floor_char_boundary(room)].replace("\\n", "\n").replace("\\\"", "\"");
            self.text.push_str(&text);
            self.cut = true;
        } else {
            self.text.push_str(&serde_json::from_str::<String>(raw).unwrap_or_default());
        }
    }
}

#[cfg(test)]
mod tests;
