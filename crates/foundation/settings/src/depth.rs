//! How deep settings may nest, judged before and after they are parsed.
//!
//! The parser bounds brackets and dotted keys each, and not one inside the other: together they nest deep enough to
//! use up a stack. So the dots are counted here first, without understanding more of TOML than strings and comments.

use toml::Value;

/// The most tables and lists that may lie inside one another.
pub(crate) const DEPTH_MAX: usize = 32;

/// The most dots in one key.
pub(crate) const DOTS_MAX: usize = 8;

/// The byte at which some key has one dot too many, if any has.
pub(crate) fn dotted_too_deep(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let (mut at, mut dots) = (0, 0);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'#' => at = end_of_line(bytes, at),
            b'"' | b'\'' => at = end_of_string(bytes, at),
            b'.' => dots += 1,
            b'\n' | b'=' | b',' | b'[' | b']' | b'{' | b'}' => dots = 0,
            _ => {}
        }
        if dots > DOTS_MAX {
            return Some(at);
        }
        at += 1;
    }
    None
}

/// The byte before the next line break.
fn end_of_line(bytes: &[u8], at: usize) -> usize {
    bytes[at..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |length| at + length - 1)
}

/// The last byte of the string that begins here; one that is never closed ends with its line, or with the text when
/// it may have many lines.
fn end_of_string(bytes: &[u8], start: usize) -> usize {
    let quote = bytes[start];
    let long = bytes[start..].starts_with(&[quote; 3]);
    let mut at = start + if long { 3 } else { 1 };
    while let Some(byte) = bytes.get(at) {
        let escape = *byte == b'\\' && quote == b'"';
        match byte {
            _ if escape && bytes.get(at + 1).is_some_and(|next| *next != b'\n') => at += 1,
            b'\n' if !long => return at - 1,
            _ if long && bytes[at..].starts_with(&[quote; 3]) => return at + 2,
            _ if !long && *byte == quote => return at,
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

/// Whether a value nests deeper than this many tables and lists.
pub(crate) fn is_deeper(value: &Value, than: usize) -> bool {
    match value {
        Value::Table(table) => than == 0 || table.values().any(|inner| is_deeper(inner, than - 1)),
        Value::Array(list) => than == 0 || list.iter().any(|inner| is_deeper(inner, than - 1)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{dotted_too_deep, is_deeper};

    #[test]
    fn counts_the_dots_of_keys_alone() {
        let check = |text: &str, expect: Option<usize>| assert_eq!(dotted_too_deep(text), expect, "{text}");
        check("a.b.c.d.e.f.g.h.i = 1", None);
        check("a.b.c.d.e.f.g.h.i.j = 1", Some(17));
        check("[a.'b'.\"c\".d.e.f.g.h.i.j]", Some(22));
        check("a = { b.c.d.e.f.g.h.i.j.k = 1 }", Some(23));
        check("a = '..........'\nb = \"..\\\"........\" # ..........\n", None);
        check("a = '''..........\n..........''' # .", None);
        check("a = \"\"\"..........\\\"\"\"\n..........\"\"\"\n", None);
        check("a = [1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5]", None);
        check("a = '..........\nb.........c", Some(25));
        check("a = \"\\\n.........c", Some(15));
        check("#\n.........c", Some(10));
    }

    #[test]
    fn measures_values() {
        let value: toml::Value = "[[{ a = 1 }]]".parse().unwrap();
        assert!(is_deeper(&value, 2));
        assert!(!is_deeper(&value, 3));
    }
}
