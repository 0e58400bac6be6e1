//! Whether the arguments of a call are whole, told while they come. Refuses to know what they say.

/// How far the arguments of one call have come.
#[derive(Debug, Default)]
pub(super) struct Arguments {
    depth: usize,
    in_string: bool,
    escaped: bool,
    whole: bool,
    any: bool,
}

impl Arguments {
    /// Whether anything has come.
    pub(super) fn any(&self) -> bool {
        self.any
    }

    /// Whether an object or a list has ended: whatever comes behind it is no part of it.
    pub(super) fn whole(&self) -> bool {
        self.whole
    }

    /// Takes in the next fragment, which is the inside of a JSON string as it is written.
    pub(super) fn take(&mut self, inside: &str) {
        self.any |= !inside.is_empty();
        let mut bytes = inside.bytes();
        while let Some(byte) = bytes.next() {
            let byte = if byte == b'\\' { unescaped(&mut bytes) } else { byte };
            self.step(byte);
        }
    }

    fn step(&mut self, byte: u8) {
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\\' if self.in_string => self.escaped = true,
            b'"' => self.in_string = !self.in_string,
            _ if self.in_string => {}
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' if self.depth > 0 => {
                self.depth -= 1;
                self.whole |= self.depth == 0;
            }
            _ => {}
        }
    }
}

/// What stands behind a backslash: one byte, and a space for what has no meaning between the parts of JSON.
fn unescaped(bytes: &mut std::str::Bytes<'_>) -> u8 {
    match bytes.next() {
        Some(b'u') => {
            let digits: String = bytes.by_ref().take(4).map(char::from).collect();
            u8::from_str_radix(&digits, 16).unwrap_or(b' ')
        }
        Some(byte @ (b'"' | b'\\' | b'/')) => byte,
        _ => b' ',
    }
}

#[cfg(test)]
mod tests {
    use super::Arguments;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn whole(text: &str) -> bool {
        let mut arguments = Arguments::default();
        arguments.take(&crate::stream::json::escaped(text));
        arguments.whole()
    }

    #[test]
    fn an_object_is_whole_when_its_last_bracket_closes() {
        for (text, expect) in [
            ("{}", true),
            (r#"{"a":"}"}"#, true),
            (r#"{"a":"}"#, false),
            (r#"{"a":"\"}"#, false),
            (r#"{"a":"\\"}"#, true),
            (r#"{"a":[{}]"#, false),
            ("[1]", true),
            ("}", false),
            ("12", false),
            ("", false),
        ] {
            assert_eq!(whole(text), expect, "{text}");
        }
        let mut arguments = Arguments::default();
        arguments.take(r"\u007b\u0022\u00e9\u0022:1");
        assert!(!arguments.whole() && arguments.any());
        arguments.take(r"\u007D");
        assert!(arguments.whole());
    }

    proptest! {
        #[test]
        fn only_the_end_of_an_object_makes_it_whole(key in "[\\PC\"\\\\{}\n]{0,8}", text in "[\\PC\"\\\\{}\\[\\]]{0,12}") {
            let object: Value = json!({ key: [text, { "b": text }] });
            let written = object.to_string();
            for end in (0..written.len()).filter(|end| written.is_char_boundary(*end)) {
                prop_assert!(!whole(&written[..end]), "{}", &written[..end]);
            }
            prop_assert!(whole(&written));
        }
    }
}
