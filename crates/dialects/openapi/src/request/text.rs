//! Values as texts in OpenAPI's styles, and the characters that have to be escaped. Knows no operation.

use crate::document::{UNESCAPED_MAX, unescaped};
use crate::{At, Place, Style};
use serde_json::Value;

/// How deep a value may be that is written with brackets.
const DEPTH_MAX: usize = 16;

/// Which characters, beside letters, digits and `-._~`, are left as they are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Safe(&'static [u8]);

impl Safe {
    /// None.
    pub(super) fn strict() -> Self {
        Self(b"")
    }

    /// Those that mean nothing in a query, where the document asks for it.
    pub(super) fn query(reserved: bool) -> Self {
        Self(if reserved { b":/?@!$'()*,;" } else { b"" })
    }
}

/// The text with what is not safe as percent signs and digits.
pub(super) fn escaped(text: &str, safe: Safe) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || safe.0.contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// A part of a path as the document has it; what is escaped there already stays.
pub(super) fn template(part: &str) -> String {
    escaped(part, Safe(b"/%:@!$&'()*+,;="))
}

/// A value as a text: words as they are, lists and objects as JSON.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::String(word) => word.clone(),
        Value::Null => String::new(),
        value => value.to_string(),
    }
}

/// A list or object as one text: `a,b`, `k,v`, `k=v`. `write` writes each word of it.
pub(super) fn joined(place: &Place, value: &Value, between: &str, write: &dyn Fn(&Value) -> String) -> String {
    let name = |name: &String| write(&Value::String(name.clone()));
    match value {
        _ if place.style == Style::Json => write(&Value::String(value.to_string())),
        Value::Array(items) => items.iter().map(write).collect::<Vec<_>>().join(between),
        Value::Object(members) => {
            let inner = if place.explode { "=" } else { between };
            let pair = |(key, value): (&String, &Value)| format!("{}{inner}{}", name(key), write(value));
            members.iter().map(pair).collect::<Vec<_>>().join(between)
        }
        value => write(value),
    }
}

/// A value in its place of a path.
///
/// # Errors
/// Why it cannot stand there.
pub(super) fn segment(place: &Place, value: &Value) -> Result<String, &'static str> {
    let write = |value: &Value| escaped(&plain(value), Safe::strict());
    check_words(value)?;
    let exploded = |name: &str| match value {
        Value::Array(items) => items.iter().map(|item| format!(";{name}={}", write(item))).collect::<String>(),
        value => format!(";{}", joined(place, value, ";", &write)),
    };
    let name = escaped(&place.name, Safe::strict());
    let is_list = value.is_array() || value.is_object();
    let text = match place.style {
        Style::Label => format!(".{}", joined(place, value, if place.explode { "." } else { "," }, &write)),
        Style::Matrix if place.explode && is_list => exploded(&name),
        Style::Matrix => format!(";{name}={}", joined(place, value, ",", &write)),
        _ => joined(place, value, ",", &write),
    };
    // Without its last segment a path is another one: `DELETE /pets/` may be all of them.
    if text.is_empty() { Err("it is empty") } else { Ok(text) }
}

/// Refuses what a server that unescapes too early, or too often, would take for a step upwards or an end.
fn check_words(value: &Value) -> Result<(), &'static str> {
    match value {
        Value::Array(items) => items.iter().try_for_each(check_words),
        Value::Object(members) => members.values().try_for_each(check_words),
        value => {
            let mut text = plain(value);
            for _ in 0..UNESCAPED_MAX {
                if text.chars().any(char::is_control) {
                    return Err("it holds a control character");
                }
                if text.split(['/', '\\']).any(|part| part == "." || part == "..") {
                    return Err("it would leave its place in the path");
                }
                text = unescaped(&text);
            }
            Ok(())
        }
    }
}

/// Pairs of a query, a form or cookies.
#[derive(Debug, Default)]
pub(super) struct FormPairs(Vec<String>);

impl FormPairs {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn joined(&self, between: &str) -> String {
        self.0.join(between)
    }

    /// Adds what a value is written as.
    ///
    /// # Errors
    /// Why it cannot be written.
    pub(super) fn add(&mut self, place: &Place, value: &Value, safe: Safe) -> Result<(), &'static str> {
        let write = |value: &Value| escaped(&plain(value), safe);
        let name = escaped(&place.name, Safe::strict());
        match (place.style, value) {
            (Style::DeepObject, Value::Array(_) | Value::Object(_)) => return self.deep(&name, value, safe, 0),
            (Style::SpaceDelimited, Value::Array(_)) => {
                self.pair(&name, &joined(place, value, "%20", &write));
            }
            (Style::PipeDelimited, Value::Array(_)) => {
                self.pair(&name, &joined(place, value, "%7C", &write));
            }
            (Style::Form, Value::Array(items)) if place.explode => {
                for item in items {
                    self.pair(&name, &write(item));
                }
            }
            // A member of a form stands for itself, whatever it holds.
            (Style::Form, Value::Object(_)) if place.at == At::Member || place.at == At::Body => {
                self.pair(&name, &write(value));
            }
            (Style::Form, Value::Object(members)) if place.explode => {
                for (member, value) in members {
                    self.pair(&escaped(member, Safe::strict()), &write(value));
                }
            }
            _ => self.pair(&name, &joined(place, value, ",", &write)),
        }
        Ok(())
    }

    fn deep(&mut self, name: &str, value: &Value, safe: Safe, depth: usize) -> Result<(), &'static str> {
        if depth > DEPTH_MAX {
            return Err("it nests too deep");
        }
        match value {
            Value::Array(items) => items
                .iter()
                .enumerate()
                .try_for_each(|(at, item)| self.deep(&format!("{name}%5B{at}%5D"), item, safe, depth + 1)),
            Value::Object(members) => members.iter().try_for_each(|(member, value)| {
                let member = escaped(member, Safe::strict());
                self.deep(&format!("{name}%5B{member}%5D"), value, safe, depth + 1)
            }),
            value => {
                self.pair(name, &escaped(&plain(value), safe));
                Ok(())
            }
        }
    }

    fn pair(&mut self, name: &str, value: &str) {
        self.0.push(format!("{name}={value}"));
    }
}
