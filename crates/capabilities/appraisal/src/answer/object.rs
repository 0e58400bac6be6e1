//! Objects of JSON, and of what models take for JSON, read from one place of a text.
//!
//! It takes what is common besides: single and curly quotes, keys and words without quotes, line ends within strings,
//! trailing commas, comments. It nests on a stack of its own with a limit, looks at no byte twice, and copies nothing.

use super::verdict::{Said, said};

/// Objects and arrays within each other, at most.
const DEPTH_MAX: usize = 64;

/// A member's value as it is written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Raw<'a> {
    /// What stands between quotes, escapes and all.
    Text(&'a str),
    /// A number or a word.
    Bare(&'a str),
    /// An object or an array, brackets included.
    Nested(&'a str),
}

/// The members of an object that matter; of several with one name the last.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Object<'a> {
    pub(super) score: Option<Raw<'a>>,
    pub(super) reasoning: Option<Raw<'a>>,
    pub(super) confidence: Option<Raw<'a>>,
    pub(super) status: Option<Raw<'a>>,
    pub(super) error: Option<Raw<'a>>,
}

/// The objects that say something, so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Finds<'a> {
    /// The last whole one, and what it says.
    pub(super) last: Option<(Object<'a>, Said)>,
    /// How many there are.
    pub(super) count: usize,
    /// Whether they do not all say the same.
    pub(super) differ: bool,
    /// The last one that was cut off or broken behind what it says.
    pub(super) broken: Option<(Object<'a>, Said)>,
}

/// How far reading from one place came.
pub(super) struct Attempt {
    /// The byte behind what was read.
    pub(super) end: usize,
    /// The byte behind what is surely part of an object, in which nothing else is to be looked for; `None` where a brace
    /// begins none.
    pub(super) taken: Option<usize>,
}

/// What comes next.
#[derive(Clone, Copy, PartialEq)]
enum Next {
    Key,
    Colon,
    Value,
    Comma,
}

#[derive(Clone, Copy, PartialEq)]
enum Key {
    Score,
    Reasoning,
    Confidence,
    Status,
    Error,
    Other,
}

#[derive(Clone, Copy, PartialEq)]
enum Quote {
    Double,
    Single,
    Curly,
}

impl Quote {
    /// Its bytes.
    fn len(self) -> usize {
        if self == Self::Curly { "“".len() } else { 1 }
    }
}

/// An object or an array that is open.
struct Frame<'a> {
    start: usize,
    array: bool,
    object: Object<'a>,
    /// The key whose value comes, and where it begins.
    key: (Key, usize),
    /// What was found before it began.
    before: Finds<'a>,
}

/// Reads from a `{` on; adds what it finds to `finds`.
pub(super) fn attempt<'a>(text: &'a str, start: usize, finds: &mut Finds<'a>) -> Attempt {
    let mut reader = Reader {
        text,
        at: start,
        shaped: false,
        cut: false,
        stack: Vec::new(),
        next: Next::Value,
        pending: None,
        finds,
    };
    let whole = reader.run();
    let end = reader.at.min(text.len());
    let taken = if whole { Some(end) } else { reader.give_up(end) };
    Attempt { end, taken }
}

struct Reader<'a, 'f> {
    text: &'a str,
    at: usize,
    /// Whether a key with its colon, or a comment, was seen: what begins is an object and no brace in prose.
    shaped: bool,
    /// Whether the text ends within a value.
    cut: bool,
    stack: Vec<Frame<'a>>,
    next: Next,
    /// A value that is not yet known to end where it seems to.
    pending: Option<Raw<'a>>,
    finds: &'f mut Finds<'a>,
}

impl<'a> Reader<'a, '_> {
    /// Reads until the first object closes (`true`) or cannot go on (`false`).
    fn run(&mut self) -> bool {
        loop {
            self.skip();
            let Some(byte) = self.byte() else { return false };
            let step = match self.next {
                Next::Key => self.key(byte),
                Next::Colon => (byte == b':').then(|| self.colon()),
                Next::Value => self.value(byte),
                Next::Comma => self.comma(byte),
            };
            if step.is_none() {
                return false;
            }
            if self.stack.is_empty() {
                return true;
            }
        }
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Passes over blanks and comments. Nobody writes a comment behind a brace in prose.
    fn skip(&mut self) {
        let bytes = self.text.as_bytes();
        loop {
            let blank = bytes[self.at..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            self.at += blank;
            if !bytes[self.at..].starts_with(b"//") {
                return;
            }
            self.shaped = true;
            self.at += bytes[self.at..].iter().take_while(|byte| **byte != b'\n').count();
        }
    }

    fn key(&mut self, byte: u8) -> Option<()> {
        let from = self.at;
        match byte {
            b'}' => return self.close(false),
            b',' if self.shaped => self.at += 1,
            _ => {
                let (Raw::Text(name) | Raw::Bare(name) | Raw::Nested(name)) = self.scalar()?;
                let frame = self.stack.last_mut()?;
                frame.key = (key(name), from);
                self.next = Next::Colon;
            }
        }
        Some(())
    }

    fn colon(&mut self) {
        self.at += 1;
        self.shaped = true;
        self.next = Next::Value;
    }

    fn value(&mut self, byte: u8) -> Option<()> {
        match byte {
            b'{' | b'[' => self.open(byte == b'['),
            b']' => self.close(true),
            _ => {
                self.pending = Some(self.scalar()?);
                self.next = Next::Comma;
                Some(())
            }
        }
    }

    fn comma(&mut self, byte: u8) -> Option<()> {
        let array = self.stack.last()?.array;
        match byte {
            b',' if !array && self.decimal_comma()? => Some(()),
            b',' => {
                self.keep();
                self.at += 1;
                self.next = if array { Next::Value } else { Next::Key };
                Some(())
            }
            b'}' | b']' => {
                self.keep();
                self.close(byte == b']')
            }
            // A comma that was left out.
            _ if !array && quote(&self.text.as_bytes()[self.at..]).is_some() => {
                self.keep();
                self.next = Next::Key;
                Some(())
            }
            _ => None,
        }
    }

    /// Takes `,5` behind a whole number into it: no key begins with a digit. `None` where the text ends in the comma.
    fn decimal_comma(&mut self) -> Option<bool> {
        let Some(Raw::Bare(word)) = self.pending else { return Some(false) };
        let behind = self.text.get(self.at + 1..).unwrap_or_default();
        if behind.is_empty() {
            self.at = self.text.len();
            self.cut = true;
            return None;
        }
        let digits = behind.bytes().take_while(u8::is_ascii_digit).count();
        let whole = word.bytes().all(|byte| byte.is_ascii_digit()) && self.text[..self.at].ends_with(word);
        if digits == 0 || !whole {
            return Some(false);
        }
        let from = self.at - word.len();
        self.at += 1 + digits;
        self.pending = self.text.get(from..self.at).map(Raw::Bare);
        Some(true)
    }

    fn open(&mut self, array: bool) -> Option<()> {
        if self.stack.len() == DEPTH_MAX {
            return None;
        }
        let (start, before) = (self.at, *self.finds);
        self.stack.push(Frame { start, array, object: Object::default(), key: (Key::Other, start), before });
        self.next = if array { Next::Value } else { Next::Key };
        self.at += 1;
        Some(())
    }

    /// Ends the innermost object or array. An object that says something stands for all within it.
    fn close(&mut self, array: bool) -> Option<()> {
        let frame = self.stack.pop_if(|frame| frame.array == array)?;
        self.at += 1;
        if let Some(said) = said(&frame.object) {
            *self.finds = frame.before;
            self.finds.add(frame.object, said);
        }
        self.pending = self.text.get(frame.start..self.at).map(Raw::Nested);
        self.next = Next::Comma;
        Some(())
    }

    /// Keeps the value that has ended.
    fn keep(&mut self) {
        let (Some(value), Some(frame)) = (self.pending.take(), self.stack.last_mut()) else { return };
        let member = match frame.key.0 {
            _ if frame.array => return,
            Key::Score => &mut frame.object.score,
            Key::Reasoning => &mut frame.object.reasoning,
            Key::Confidence => &mut frame.object.confidence,
            Key::Status => &mut frame.object.status,
            Key::Error => &mut frame.object.error,
            Key::Other => return,
        };
        *member = Some(value);
    }

    /// A string or a word.
    fn scalar(&mut self) -> Option<Raw<'a>> {
        let bytes = self.text.as_bytes();
        let from = self.at;
        let Some(open) = quote(&bytes[from..]) else { return self.bare() };
        self.at = from + open.len();
        while let Some(byte) = self.byte() {
            if quote(&bytes[self.at..]) == Some(open) {
                let inner = self.text.get(from + open.len()..self.at)?;
                self.at += open.len();
                return Some(Raw::Text(inner));
            }
            self.at += if byte == b'\\' { 2 } else { 1 };
        }
        self.at = bytes.len();
        self.cut = true;
        None
    }

    fn bare(&mut self) -> Option<Raw<'a>> {
        let ends =
            |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b',' | b':' | b'{' | b'}' | b'[' | b']' | b'"');
        let from = self.at;
        self.at += self.text.as_bytes()[from..].iter().take_while(|byte| !ends(byte)).count();
        self.text.get(from..self.at).filter(|word| !word.is_empty() && !word.contains('\\')).map(Raw::Bare)
    }

    /// Keeps what a broken object says, and tells where the object surely ends; `None` where it was none.
    fn give_up(&mut self, end: usize) -> Option<usize> {
        let at_string = matches!(self.pending, Some(Raw::Text(_)));
        if at_string {
            self.keep();
        }
        let broken = self.stack.iter().find_map(|frame| Some((frame.object, said(&frame.object)?)));
        self.finds.broken = broken.or(self.finds.broken);
        if !self.shaped {
            return None;
        }
        // A word that goes on, like `7 out of 10`, stays with its key where labels are looked for. One that the text
        // ends in may have been cut: `1` of `10`.
        let cut = self.cut || end == self.text.len() && !self.text.ends_with(|c: char| c.is_ascii_whitespace());
        let word = !cut && (matches!(self.pending, Some(Raw::Bare(_))) || self.next == Next::Value);
        let key = self.stack.last().filter(|frame| word && !frame.array).map(|frame| frame.key.1);
        Some(key.unwrap_or(end))
    }
}

impl<'a> Finds<'a> {
    fn add(&mut self, object: Object<'a>, says: Said) {
        self.differ |= self.last.is_some_and(|(_, last)| last != says);
        self.count += 1;
        self.last = Some((object, says));
    }
}

/// The quote that a text begins with. A curly one ends what either of the two began: if it did not, a million that only
/// begin would each be looked behind to the very end.
fn quote(bytes: &[u8]) -> Option<Quote> {
    match bytes {
        [b'"', ..] => Some(Quote::Double),
        [b'\'', ..] => Some(Quote::Single),
        [0xE2, 0x80, 0x9C | 0x9D, ..] => Some(Quote::Curly),
        _ => None,
    }
}

fn key(name: &str) -> Key {
    const KEYS: [(&str, Key); 11] = [
        ("score", Key::Score),
        ("rating", Key::Score),
        ("reasoning", Key::Reasoning),
        ("justification", Key::Reasoning),
        ("reason", Key::Reasoning),
        ("explanation", Key::Reasoning),
        ("rationale", Key::Reasoning),
        ("confidence", Key::Confidence),
        ("status", Key::Status),
        ("error", Key::Error),
        ("errors", Key::Error),
    ];
    let name = name.trim();
    KEYS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map_or(Key::Other, |(_, key)| *key)
}
