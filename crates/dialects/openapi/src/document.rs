//! Bytes as a tree, within limits; and references within the tree. Knows nothing of what the tree means.

use crate::{Limits, OpenApiError, yaml};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::cell::Cell;
use std::fmt;

/// How deep lists and objects of a document may lie within each other. Whatever walks a document may recurse.
pub(crate) const NESTED_MAX: usize = 100;
/// How many references may follow each other before something that is none.
const HOPS_MAX: usize = 32;
/// How often a text is unescaped in search of a step upwards.
pub(crate) const UNESCAPED_MAX: usize = 3;
/// How much of a reference is shown.
const SHOWN_CHARS_MAX: usize = 120;
/// So many bytes of text count as much as one more value.
const BYTES_PER_VALUE: usize = 32;

/// Why one operation is left out, in words that complete "it is left out: …".
pub(crate) type Reason = String;

/// Reads JSON or YAML.
pub(crate) fn read(bytes: &[u8], limits: &Limits) -> Result<Value, OpenApiError> {
    let most = limits.document_bytes_max;
    if bytes.len() > most {
        return Err(OpenApiError::TooLarge { bytes: bytes.len(), most });
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let column = before.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
        OpenApiError::Syntax { line, column, problem: "this is not UTF-8" }
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let room = Room::new(limits.values_max);
    if text.trim_start().starts_with(['{', '[']) { json(text, &room) } else { yaml::read(text, &room) }
}

/// How much more a document may stand for.
pub(crate) struct Room {
    most: usize,
    left: Cell<usize>,
    too_deep: Cell<bool>,
}

impl Room {
    fn new(most: usize) -> Self {
        Self { most, left: Cell::new(most), too_deep: Cell::new(false) }
    }

    /// Room for so many values more.
    pub(crate) fn take(&self, values: usize) -> Result<(), OpenApiError> {
        let left = self.left.get().checked_sub(values);
        self.left.set(left.unwrap_or(0));
        left.map(drop).ok_or(OpenApiError::TooManyValues { most: self.most })
    }

    fn is_full(&self) -> bool {
        self.left.get() == 0
    }
}

/// What a word costs.
pub(crate) fn cost(word: &str) -> usize {
    1 + word.len() / BYTES_PER_VALUE
}

fn json(text: &str, room: &Room) -> Result<Value, OpenApiError> {
    let mut from = serde_json::Deserializer::from_str(text);
    let read = Seed { room, depth: 0 }.deserialize(&mut from).and_then(|value| from.end().map(|()| value));
    read.map_err(|error| {
        if room.too_deep.get() {
            return OpenApiError::TooDeep { most: NESTED_MAX };
        }
        if room.is_full() {
            return OpenApiError::TooManyValues { most: room.most };
        }
        OpenApiError::Syntax { line: error.line(), column: error.column(), problem: "this is not JSON" }
    })
}

/// A value at a depth, counted while it is read.
#[derive(Clone, Copy)]
struct Seed<'a> {
    room: &'a Room,
    depth: usize,
}

impl Seed<'_> {
    fn inner<E: Error>(self) -> Result<Self, E> {
        if self.depth >= NESTED_MAX {
            self.room.too_deep.set(true);
            return Err(E::custom("too deep"));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }

    fn take<E: Error>(self, values: usize) -> Result<(), E> {
        self.room.take(values).map_err(E::custom)
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        self.take(1)?;
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        self.take(cost(value) - 1)?;
        Ok(Value::String(value.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let (inner, mut list) = (self.inner()?, Vec::new());
        while let Some(item) = items.next_element_seed(inner)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let (inner, mut map) = (self.inner()?, Map::new());
        while let Some(name) = entries.next_key::<String>()? {
            self.take(cost(&name))?;
            map.insert(name, entries.next_value_seed(inner)?);
        }
        Ok(Value::Object(map))
    }
}

/// The place that a reference names within the document, as a JSON pointer.
pub(crate) fn pointer(reference: &str) -> Result<String, Reason> {
    let shown = shorten(reference, SHOWN_CHARS_MAX);
    let Some(within) = reference.strip_prefix('#') else {
        return Err(format!("it refers to `{shown}`, outside of the document; nothing is fetched"));
    };
    if !within.starts_with('/') {
        return Err(format!("it refers to `{shown}`, which is no path within the document"));
    }
    Ok(unescaped(within))
}

/// What a pointer leads to.
pub(crate) fn at<'a>(root: &'a Value, pointer: &str) -> Result<&'a Value, Reason> {
    root.pointer(pointer)
        .ok_or_else(|| format!("it refers to `#{}`, which leads nowhere", shorten(pointer, SHOWN_CHARS_MAX)))
}

/// The value itself, or what its references lead to in the end.
pub(crate) fn deref<'a>(root: &'a Value, mut value: &'a Value) -> Result<&'a Value, Reason> {
    for _ in 0..HOPS_MAX {
        match value.get("$ref").and_then(Value::as_str) {
            Some(reference) => value = at(root, &pointer(reference)?)?,
            None => return Ok(value),
        }
    }
    Err("its references lead in a circle".to_owned())
}

/// A part of an address without its percent signs.
pub(crate) fn unescaped(fragment: &str) -> String {
    let mut bytes = Vec::with_capacity(fragment.len());
    let mut rest = fragment.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let pair = after.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        let decoded = pair.filter(|_| *first == b'%').and_then(|pair| u8::from_str_radix(pair, 16).ok());
        bytes.push(decoded.unwrap_or(*first));
        rest = if decoded.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Whether a path has a step upwards in it, or what becomes one where it is unescaped, as often as servers do.
pub(crate) fn leads_away(path: &str) -> bool {
    let mut text = path.to_owned();
    for _ in 0..UNESCAPED_MAX {
        if text.split(['/', '\\']).any(|part| part == "." || part == "..") {
            return true;
        }
        text = unescaped(&text);
    }
    false
}

/// The first so many characters, with a mark where there were more.
pub(crate) fn shorten(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default().trim_end()),
        None => text.to_owned(),
    }
}

/// A member that is a text; empty where it is none.
pub(crate) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default().trim()
}

/// Whether a member is `true`.
pub(crate) fn flag(value: &Value, name: &str) -> bool {
    value.get(name).and_then(Value::as_bool).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read_with(text: &str, limits: &Limits) -> Result<Value, OpenApiError> {
        read(text.as_bytes(), limits)
    }

    #[test]
    fn json_is_read_as_it_is() {
        let text = r#"{"a": [1, -2, 2.5, true, null, "x"], "b": {"c": {}}}"#;
        let expect: Value = serde_json::from_str(text).unwrap();
        assert_eq!(read_with(&format!("\u{feff} {text}"), &Limits::default()), Ok(expect));
    }

    #[test]
    fn limits_refuse() {
        let limits = Limits { document_bytes_max: 200, values_max: 20, ..Limits::default() };
        let at_once = |text: &str| read_with(text, &limits).unwrap_err();
        assert_eq!(at_once(&"x".repeat(201)), OpenApiError::TooLarge { bytes: 201, most: 200 });
        for text in [format!("[{}0]", "0,".repeat(30)), format!("a: [{}0]", "0,".repeat(30))] {
            assert_eq!(at_once(&text), OpenApiError::TooManyValues { most: 20 }, "{text}");
        }
        for text in
            [format!("[{0:?}, {0:?}, {0:?}]", "x".repeat(199)), format!("a: &a {}\nb: [*a, *a, *a]", "x".repeat(160))]
        {
            let limits = Limits { values_max: 12, ..Limits::default() };
            assert_eq!(read_with(&text, &limits), Err(OpenApiError::TooManyValues { most: 12 }), "{text}");
        }
    }

    #[test]
    fn depth_is_refused_without_an_overflow() {
        let deep = |open: &str, close: &str, times: usize| open.repeat(times) + "1" + &close.repeat(times);
        for times in [NESTED_MAX + 1, 1_000_000] {
            for text in [deep("[", "]", times), deep("{\"a\":", "}", times), "a: ".to_owned() + &deep("[", "]", times)]
            {
                let refused = read_with(&text, &Limits::default()).unwrap_err();
                assert_eq!(refused, OpenApiError::TooDeep { most: NESTED_MAX });
            }
        }
        let lists = "- ".repeat(3_000) + "1";
        assert!(read_with(&lists, &Limits::default()).is_err());
        assert!(read_with(&deep("[", "]", NESTED_MAX), &Limits::default()).is_ok());
    }

    #[test]
    fn what_is_wrong_has_a_place() {
        let place = |bytes: &[u8]| match read(bytes, &Limits::default()) {
            Err(OpenApiError::Syntax { line, column, .. }) => (line, column),
            other => panic!("{other:?}"),
        };
        assert_eq!(place(b"{\n \"a\": tru }"), (2, 10));
        assert_eq!(place(b"a: 1\nb\xff"), (2, 2));
        assert_eq!(place(b"a: [1\nb: 2").0, 2);
        assert_eq!(place(b"{} x").0, 1);
    }

    #[test]
    fn references() {
        let root = json!({"a": {"$ref": "#/b~1c"}, "b/c": {"$ref": "#/d%20e"}, "d e": 1, "x": {"$ref": "#/y"}, "y": {"$ref": "#/x"}});
        assert_eq!(deref(&root, &root["a"]), Ok(&json!(1)));
        assert!(deref(&root, &root["x"]).unwrap_err().contains("circle"));
        for (reference, word) in
            [("other.yaml#/a", "outside"), ("#a", "no path"), ("#/none", "nowhere"), ("#", "no path")]
        {
            let refused = deref(&root, &json!({"$ref": reference})).err();
            assert!(refused.is_none_or(|reason| reason.contains(word)), "{reference}");
            let refused = pointer(reference).and_then(|pointer| at(&root, &pointer)).unwrap_err();
            assert!(refused.contains(word), "{reference}: {refused}");
        }
    }
}
