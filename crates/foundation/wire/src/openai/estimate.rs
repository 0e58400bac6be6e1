//! About how many tokens a text or a request has, told without a vocabulary.
//!
//! Tokenizers cut text into words, runs of digits, of marks and of spaces, and then each of these into pieces that
//! they know. The first half is the same everywhere and is done here; the second is reckoned by lengths that fit
//! OpenAI's `o200k_base`. The tests say how far off that is. Nothing is parsed twice and nothing is copied.
//!
//! What is not text (images, sound, files) is counted apart: its bytes say nothing about its tokens.

use super::ChatRequest;
use serde_json::Value;

/// Tokens that a message has besides its words: its role and where it ends.
const PER_MESSAGE: f64 = 4.0;
/// What an image, a recording or a page is reckoned with: about what one of a million pixels has.
const PER_MEDIUM: u64 = 1_000;
/// Characters of one piece where the same character stands over and over.
const SAME: f64 = 48.0;
/// Members whose text no model reads, or that [`PER_MESSAGE`] stands for.
const UNREAD: &[&str] = &["role", "signature", "data", "file_data", "encrypted_content", "cache_control"];
/// Members of a request that a model reads.
const READ: &[&str] = &["messages", "tools", "functions", "response_format"];

/// What a request is reckoned to hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Estimate {
    /// Tokens of text.
    pub text: u64,
    /// Of these, those that have to fit one context: all of a chat, the longest input of a batch.
    pub together: u64,
    /// Images, recordings and files.
    pub media: u64,
}

impl Estimate {
    /// All tokens together, each medium reckoned as an image of middling size.
    pub fn tokens(&self) -> u64 {
        self.text.saturating_add(self.media.saturating_mul(PER_MEDIUM))
    }
}

impl ChatRequest {
    /// About how many tokens a model reads; what cannot be parsed again counts nothing.
    pub fn estimate(&self) -> Estimate {
        let body: Value = serde_json::from_slice(self.bytes()).unwrap_or_default();
        let mut sum = Sum::default();
        for key in READ {
            sum.value(&body[*key]);
        }
        let messages = body["messages"].as_array().map_or(0, Vec::len);
        sum.text += PER_MESSAGE * messages as f64;
        let text = sum.text.ceil() as u64;
        Estimate { text, together: text, media: sum.media }
    }
}

/// About how many tokens a model reads in `request`, as for a door that counts them.
pub fn estimate_tokens(request: &ChatRequest) -> u64 {
    request.estimate().tokens()
}

/// About how many tokens `text` has.
pub fn text_tokens(text: &str) -> u64 {
    tokens(text).ceil() as u64
}

#[derive(Default)]
struct Sum {
    text: f64,
    media: u64,
}

impl Sum {
    fn value(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.text += tokens(text),
            Value::Array(list) => list.iter().for_each(|value| self.value(value)),
            Value::Object(members) => {
                let part = members.get("type").and_then(Value::as_str).unwrap_or_default();
                if matches!(part, "image_url" | "input_audio" | "file") {
                    self.media += 1;
                    return;
                }
                for (key, value) in members.iter().filter(|(key, _)| !UNREAD.contains(&key.as_str())) {
                    // Names of members are words too, with their marks.
                    self.text += if matches!(key.as_str(), "type" | "content") { 0.0 } else { tokens(key) };
                    self.value(value);
                }
            }
            Value::Number(_) | Value::Bool(_) => self.text += 1.0,
            Value::Null => {}
        }
    }
}

/// What a character is to a tokenizer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Lower,
    Upper,
    /// A letter with an accent, as in German or French: longer words, cut more often.
    Accented,
    Digit,
    Space,
    NewLine,
    Mark,
    /// Chinese, Japanese, Korean.
    Ideograph,
    /// Letters of other alphabets.
    Foreign,
    /// Emoji, box drawings, whatever else.
    Symbol,
}

fn class(c: char) -> Class {
    match c {
        'a'..='z' => Class::Lower,
        'A'..='Z' => Class::Upper,
        '0'..='9' => Class::Digit,
        '\n' | '\r' => Class::NewLine,
        _ if c.is_ascii() && !c.is_ascii_whitespace() => Class::Mark,
        _ if c.is_whitespace() => Class::Space,
        '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' => Class::Accented,
        '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}' => {
            Class::Ideograph
        }
        '\u{2010}'..='\u{2027}' | '\u{3000}'..='\u{303f}' | '\u{ff00}'..='\u{ffef}' => Class::Mark,
        _ if c.is_alphabetic() => Class::Foreign,
        _ => Class::Symbol,
    }
}

/// A run of characters that a tokenizer does not cut across.
#[derive(Debug, Clone, Copy, Default)]
struct Run {
    /// Characters.
    chars: u32,
    /// Of a word, those that are capital, and those with an accent.
    upper: u32,
    accented: u32,
    /// Times that a character is another than the one before it.
    turns: u32,
}

fn tokens(text: &str) -> f64 {
    let mut sum = 0.0;
    let mut before = None;
    let mut open: Option<(Class, Run, char)> = None;
    for c in text.chars() {
        let class = class(c);
        open = match open.take() {
            Some((kind, run, last)) if continues(kind, last, class) => Some((kind, run.and(c, last, class), c)),
            ended => {
                if let Some((kind, run, _)) = ended {
                    sum += cost(kind, run, before, Some(class));
                    before = Some(kind);
                }
                Some((start(class), Run::default().and(c, '\0', class), c))
            }
        };
    }
    open.map_or(sum, |(kind, run, _)| sum + cost(kind, run, before, None))
}

/// The kind of a run that begins with a character of this class.
fn start(class: Class) -> Class {
    match class {
        Class::Upper | Class::Accented => Class::Lower,
        other => other,
    }
}

/// Whether a run goes on: a word ends where a capital follows a small letter.
fn continues(kind: Class, last: char, next: Class) -> bool {
    match (kind, next) {
        (Class::Lower, Class::Upper) => last.is_uppercase(),
        (Class::Lower, Class::Lower | Class::Accented) => true,
        (kind, next) => kind == next,
    }
}

impl Run {
    fn and(self, c: char, last: char, class: Class) -> Self {
        Self {
            chars: self.chars.saturating_add(1),
            upper: self.upper + u32::from(class == Class::Upper),
            accented: self.accented + u32::from(class == Class::Accented),
            turns: self.turns + u32::from(c != last),
        }
    }
}

/// The tokens of a run that stands between one of kind `before` and a character of class `next`.
fn cost(kind: Class, run: Run, before: Option<Class>, next: Option<Class>) -> f64 {
    let chars = f64::from(run.chars);
    // The same character over and over makes long pieces.
    if run.chars >= 8 && run.turns <= 1 {
        return (chars / SAME).max(1.0);
    }
    match kind {
        Class::Lower => word(run),
        Class::Digit => (chars / 3.0).ceil(),
        // One space belongs to what follows it.
        Class::Space if run.chars == 1 && next.is_some_and(|next| next != Class::NewLine) => 0.0,
        Class::Space => 1.0,
        // The end of a line belongs to the marks before it.
        Class::NewLine if before == Some(Class::Mark) => 0.2,
        Class::NewLine => 1.0,
        Class::Mark => (chars / 2.3).max(0.88),
        Class::Ideograph => chars * 0.72,
        Class::Foreign => (chars / 3.4).max(1.0),
        Class::Symbol => chars * 1.6,
        Class::Upper | Class::Accented => chars,
    }
}

/// The tokens of a word: short ones are known whole, long ones and those in capitals are put together.
fn word(run: Run) -> f64 {
    let chars = f64::from(run.chars);
    if run.upper > 1 {
        return (chars / 2.6).max(1.0);
    }
    let long = (chars - 6.0).max(0.0) * 0.17;
    1.0 + long + f64::from(run.accented.min(2)) * 0.45
}

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;
