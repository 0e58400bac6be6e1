//! Identifiers into their parts: `getHTTPServer2` has `get`, `HTTP`, `Server` and `2`.

/// What a character is when words are told apart.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Lower,
    Upper,
    Digit,
    Unspaced,
    /// A letter that is neither small nor large, and marks upon letters.
    Plain,
    Gap,
}

impl Class {
    fn of(c: char) -> Self {
        match c {
            '_' => Self::Gap,
            'a'..='z' => Self::Lower,
            'A'..='Z' => Self::Upper,
            '0'..='9' => Self::Digit,
            _ if is_unspaced(c) => Self::Unspaced,
            _ if c.is_lowercase() => Self::Lower,
            _ if c.is_uppercase() => Self::Upper,
            _ if c.is_numeric() => Self::Digit,
            _ => Self::Plain,
        }
    }
}

/// The parts of an identifier: `get_HTTPServer2` has `get`, `HTTP`, `Server` and `2`.
pub(crate) struct Parts<'a>(pub(crate) &'a str);

impl<'a> Iterator for Parts<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let rest = self.0.trim_start_matches('_');
        let mut chars = rest.char_indices().map(|(at, c)| (at, Class::of(c))).peekable();
        let (_, mut before) = chars.next()?;
        let mut end = rest.len();
        while let Some((at, class)) = chars.next() {
            let after = chars.peek().map(|&(_, class)| class);
            if is_border(before, class, after) {
                end = at;
                break;
            }
            before = class;
        }
        let (part, rest) = rest.split_at(end);
        self.0 = rest;
        Some(part)
    }
}

/// Whether a part ends between two characters, by what comes after them.
fn is_border(before: Class, class: Class, after: Option<Class>) -> bool {
    use Class::{Digit, Gap, Lower, Unspaced, Upper};
    match (before, class) {
        (_, Gap) | (Lower, Upper) => true,
        (Upper, Upper) => after == Some(Lower),
        (before, class) => before != class && [before, class].iter().any(|class| matches!(class, Digit | Unspaced)),
    }
}

/// Letters of scripts that put no space between words.
pub(crate) fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}'
        | '\u{20000}'..='\u{323af}')
}
