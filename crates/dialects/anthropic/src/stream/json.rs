//! JSON passed on as it is written. Refuses to know what it means.

use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// A value as something else; `None` where it is missing or of another type.
pub(super) fn read<'a, T: Deserialize<'a>>(raw: Option<&'a RawValue>) -> Option<T> {
    serde_json::from_str(raw?.get()).ok()
}

/// An object as something else; `None` for anything else. (Serde reads a list as one too.)
pub(super) fn object<'a, T: Deserialize<'a>>(raw: Option<&'a RawValue>) -> Option<T> {
    read(raw.filter(|raw| raw.get().starts_with('{')))
}

/// The inside of a string as it is written, between its quotes; empty for anything else.
pub(super) fn inside(raw: Option<&RawValue>) -> &str {
    let text = raw.map_or("", RawValue::get);
    text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or_default()
}

/// The same, and for a value that is no string the inside of one that holds its text; nothing for `null`.
pub(super) fn inside_or_text(raw: Option<&RawValue>) -> Cow<'_, str> {
    match raw.map_or("null", RawValue::get) {
        "null" => Cow::Borrowed(""),
        text if text.starts_with('"') => Cow::Borrowed(inside(raw)),
        text => Cow::Owned(escaped(text)),
    }
}

/// The inside of a string that holds this text.
pub(super) fn escaped(text: &str) -> String {
    let quoted = serde_json::to_string(text).unwrap_or_default();
    quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or_default().to_owned()
}

/// A value without line ends, which would end a line of an event; in JSON they mean no more than a space.
pub(super) fn one_line(raw: &RawValue) -> Cow<'_, str> {
    let text = raw.get();
    if text.contains(['\n', '\r']) { Cow::Owned(text.replace(['\n', '\r'], " ")) } else { Cow::Borrowed(text) }
}

/// Puts these pieces behind each other.
pub(super) fn put(out: &mut Vec<u8>, pieces: &[&str]) {
    pieces.iter().for_each(|piece| out.extend_from_slice(piece.as_bytes()));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> &RawValue {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn strings_keep_their_escapes_and_others_become_text() {
        for (text, inner, any) in [
            (r#""a\n\ud83d""#, r"a\n\ud83d", r"a\n\ud83d"),
            (r#""""#, "", ""),
            ("null", "", ""),
            (r#"{"a":1}"#, "", r#"{\"a\":1}"#),
            ("7", "", "7"),
        ] {
            assert_eq!((inside(Some(raw(text))), inside_or_text(Some(raw(text))).as_ref()), (inner, any), "{text}");
        }
        assert_eq!((inside(None), inside_or_text(None).as_ref()), ("", ""));
        assert_eq!(one_line(raw("[1,\n2]")), "[1, 2]");
    }
}
