//! Texts of bounded length, with escapes resolved.

use crate::reading::JUSTIFICATION_CHARS_MAX;
use std::iter::Peekable;
use std::str::Chars;

/// A text without the blanks around it, and whether it was cut at [`JUSTIFICATION_CHARS_MAX`].
pub(super) fn bounded(text: &str) -> (String, bool) {
    let text = text.trim();
    match text.char_indices().nth(JUSTIFICATION_CHARS_MAX) {
        Some((end, _)) => (text[..end].to_owned(), true),
        None => (text.to_owned(), false),
    }
}

/// What stands between the quotes of a string of JSON as text. An escape that is none stays as it is.
pub(super) fn decoded(raw: &str) -> (String, bool) {
    if !raw.contains('\\') {
        return bounded(raw);
    }
    let (mut out, mut chars) = (String::new(), raw.trim().chars().peekable());
    let mut count = 0;
    while let Some(c) = chars.next() {
        if count == JUSTIFICATION_CHARS_MAX {
            return (out, true);
        }
        out.push(if c == '\\' { escape(&mut chars) } else { c });
        count += 1;
    }
    (out, false)
}

/// The character that an escape stands for, behind its backslash.
fn escape(chars: &mut Peekable<Chars<'_>>) -> char {
    let Some(c) = chars.peek().copied() else { return '\\' };
    let plain = match c {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        'b' => '\u{8}',
        'f' => '\u{C}',
        '"' | '\'' | '\\' | '/' => c,
        'u' => {
            chars.next();
            return unit(chars).map_or('\u{FFFD}', |first| whole(first, chars));
        }
        _ => return '\\',
    };
    chars.next();
    plain
}

/// Four hexadecimal digits.
fn unit(chars: &mut Peekable<Chars<'_>>) -> Option<u32> {
    (0..4).try_fold(0, |value, _| {
        let digit = chars.peek()?.to_digit(16)?;
        chars.next();
        Some(value * 16 + digit)
    })
}

/// A character of one unit, or of two.
fn whole(first: u32, chars: &mut Peekable<Chars<'_>>) -> char {
    if !(0xD800..0xDC00).contains(&first) {
        return char::from_u32(first).unwrap_or('\u{FFFD}');
    }
    let mut ahead = chars.clone();
    let second = (ahead.next() == Some('\\') && ahead.next() == Some('u')).then(|| unit(&mut ahead)).flatten();
    match second.filter(|second| (0xDC00..0xE000).contains(second)) {
        Some(second) => {
            *chars = ahead;
            char::from_u32(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00)).unwrap_or('\u{FFFD}')
        }
        None => '\u{FFFD}',
    }
}

#[cfg(test)]
mod tests {
    use super::{bounded, decoded};
    use crate::JUSTIFICATION_CHARS_MAX;

    #[test]
    fn escapes_are_resolved_and_others_stay() {
        for (raw, expect) in [
            ("plain", "plain"),
            (r#"a \"b\" c\n\td\\e\/f"#, "a \"b\" c\n\td\\e/f"),
            (r"caf\u00e9 \ud83d\ude42", "café 🙂"),
            (r"\ud83d alone, \ude42 alone, \ud83d\u0041", "\u{FFFD} alone, \u{FFFD} alone, \u{FFFD}A"),
            (r"\x \d 50\% \u12", r"\x \d 50\% �"),
            (r"ends in \", r"ends in \"),
        ] {
            assert_eq!(decoded(raw), (expect.to_owned(), false), "{raw:?}");
        }
    }

    #[test]
    fn texts_are_cut_at_a_character() {
        let long = "é".repeat(JUSTIFICATION_CHARS_MAX + 1);
        for (text, cut) in [bounded(&long), decoded(&format!(r"\n{long}"))] {
            assert_eq!((text.chars().count(), cut), (JUSTIFICATION_CHARS_MAX, true));
        }
        assert!(!bounded(&long[2..]).1);
    }
}
