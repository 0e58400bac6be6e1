//! A JSON answer taken apart into its fields, and compared with another one field by field. It counts no votes.

use crate::answer::{Answer, Prompt};
use crate::likeness::likeness as of_texts;
use crate::markdown::without_fences;
use crate::number::number;
use serde_json::{Map, Value};

/// Fields of one answer, at most, objects and arrays among them; an answer with more is compared as a whole.
pub(super) const FIELDS_MAX: usize = 128;

/// A JSON object or array, taken apart.
#[derive(Debug, Clone)]
pub(super) struct Fields {
    /// Everything in it, what holds something in front of what it holds; the first is the whole.
    all: Vec<Field>,
}

/// One value in a JSON document.
#[derive(Debug, Clone)]
pub(super) struct Field {
    /// Where it stands, as a JSON pointer (RFC 6901): `/address/city`, `/names/0`; empty for the whole.
    pub(super) path: String,
    /// The value; an object or an array without what it holds.
    pub(super) value: Value,
    /// A text, read as an answer.
    said: Option<Answer>,
    /// Whether it is an object or an array that holds something, so that its fields speak for it.
    pub(super) holds: bool,
}

impl Fields {
    /// The fields of the JSON object or array that a text is, or that alone stands in it; `None` where there is none or
    /// it has more than [`FIELDS_MAX`].
    pub(super) fn read(text: &str) -> Option<Self> {
        let text = without_fences(text);
        let start = text.find(['{', '['])?;
        let end = text.rfind(['}', ']'])?;
        let value: Value = serde_json::from_str(text.get(start..=end)?).ok()?;
        let mut all = Vec::new();
        take_apart(&value, String::new(), &mut all).then_some(Self { all })
    }

    /// Everything in it, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Field> {
        self.all.iter()
    }

    /// What stands at a path.
    pub(super) fn get(&self, path: &str) -> Option<&Field> {
        self.all.iter().find(|field| field.path == path)
    }
}

/// How much two answers say the same: as much as the two values do that differ most. What one of them lacks differs.
pub(super) fn likeness(a: &Fields, b: &Fields) -> f64 {
    // Texts are compared last, and once: the likeness of two is the same whoever comes first.
    let lacks = |one: &Fields, other: &Fields| other.iter().any(|field| one.get(&field.path).is_none());
    if lacks(a, b) || lacks(b, a) {
        return 0.0;
    }
    a.iter().map(|field| alike(Some(field), b.get(&field.path))).fold(1.0, f64::min)
}

/// How much two values at one path say the same, 0 to 1; nothing and nothing are the same.
///
/// Texts are compared as answers are, numbers by value, objects and arrays only by their kind, because what they hold
/// is compared for itself.
pub(super) fn alike(a: Option<&Field>, b: Option<&Field>) -> f64 {
    let same = |same: bool| if same { 1.0 } else { 0.0 };
    let (Some(a), Some(b)) = (a, b) else { return same(a.is_none() && b.is_none()) };
    if let (Some(a), Some(b)) = (&a.said, &b.said) {
        return of_texts(a, b);
    }
    if let (Value::Number(a), Value::Number(b)) = (&a.value, &b.value) {
        let (a, b) = (a.to_string(), b.to_string());
        return same(a == b || number(&a).zip(number(&b)).is_some_and(|(a, b)| a.same(&b)));
    }
    same(a.value == b.value)
}

/// The document that these values are the fields of: each at its path, what holds something in front of what it holds.
/// A field whose holder is not there, or holds no fields, is left out, and so is what an array holds behind an item that
/// is left out.
pub(super) fn put_together<'a>(fields: impl Iterator<Item = (&'a str, &'a Value)>) -> Value {
    let mut whole = Value::Null;
    for (path, value) in fields {
        let Some((holder, key)) = path.rsplit_once('/') else {
            whole = value.clone();
            continue;
        };
        match whole.pointer_mut(holder) {
            Some(Value::Object(object)) => {
                object.insert(key.replace("~1", "/").replace("~0", "~"), value.clone());
            }
            // What stood behind an item that is left out does not move up into its place: the array ends before it.
            Some(Value::Array(items)) if key.parse() == Ok(items.len()) => items.push(value.clone()),
            _ => {}
        }
    }
    whole
}

/// Adds a value and all that it holds; false once there are too many.
fn take_apart(value: &Value, path: String, all: &mut Vec<Field>) -> bool {
    if all.len() == FIELDS_MAX {
        return false;
    }
    let (bare, holds) = match value {
        Value::Object(fields) => (Value::Object(Map::new()), !fields.is_empty()),
        Value::Array(items) => (Value::Array(Vec::new()), !items.is_empty()),
        other => (other.clone(), false),
    };
    let said = value.as_str().map(|text| Answer::new(text, &Prompt::default()));
    all.push(Field { path: path.clone(), value: bare, said, holds });
    match value {
        Value::Object(fields) => fields.iter().all(|(key, value)| {
            let key = key.replace('~', "~0").replace('/', "~1");
            take_apart(value, format!("{path}/{key}"), all)
        }),
        Value::Array(items) => {
            items.iter().enumerate().all(|(at, value)| take_apart(value, format!("{path}/{at}"), all))
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::{FIELDS_MAX, Fields, likeness, put_together};
    use crate::AGREE_MIN;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn read(text: &str) -> Option<Fields> {
        Fields::read(text)
    }

    #[test]
    fn what_is_taken_apart_can_be_put_together() {
        for text in [
            r#"{"a":1,"b":{"c":[1,{"d":null}],"e/~f":"x"},"g":[],"h":{}}"#,
            r#"[[1,2],[3],"x"]"#,
            "{}",
            "[]",
            r#"{"":{"":1}}"#,
        ] {
            let fields = read(text).unwrap();
            let whole = put_together(fields.iter().map(|field| (field.path.as_str(), &field.value)));
            assert_eq!(whole.to_string(), text);
        }
    }

    #[test]
    fn items_keep_their_places() {
        let fields = [("", json!({})), ("/a", json!([])), ("/a/0", json!(1)), ("/a/2", json!(3)), ("/b", json!(4))];
        let whole = put_together(fields.iter().map(|(path, value)| (*path, value)));
        assert_eq!(whole, json!({ "a": [1], "b": 4 }));
    }

    #[test]
    fn json_is_found_where_it_stands_alone() {
        for (text, found) in [
            ("Here you are:\n```json\n{\"a\": 1}\n```\nAnything else?", true),
            ("The answer is {\"a\": 1}.", true),
            ("{\"a\": 1} or {\"a\": 2}", false),
            ("42", false),
            ("\"yes\"", false),
            ("{not json}", false),
            ("] [", false),
            ("", false),
        ] {
            assert_eq!(read(text).is_some(), found, "{text:?}");
        }
        let items = |n: usize| json!(vec![1; n]).to_string();
        assert!(read(&items(FIELDS_MAX - 1)).is_some() && read(&items(FIELDS_MAX)).is_none());
    }

    #[test]
    fn two_answers_agree_where_all_their_fields_do() {
        let check = |a: &str, b: &str, expect: bool| {
            let (a, b) = (read(a).unwrap(), read(b).unwrap());
            assert_eq!(likeness(&a, &b) >= AGREE_MIN, expect, "{a:?} {b:?}");
            assert_eq!(likeness(&a, &b), likeness(&b, &a));
        };
        check(r#"{"a": 1, "b": "Paris."}"#, r#"{"b": "paris", "a": 1.0}"#, true);
        check(r#"{"a": 1, "b": "Paris"}"#, r#"{"a": 1, "b": "Rome"}"#, false);
        check(r#"{"a": 1}"#, r#"{"a": "1"}"#, false);
        check(r#"{"a": 1}"#, r#"{"a": 1, "b": null}"#, false);
        check(r#"{"a": null}"#, r#"{"a": false}"#, false);
        check("[1, 2]", "[2, 1]", false);
        check("[9007199254740993]", "[9007199254740992]", false);
        check(r#"{"why": "The old towns were walled"}"#, r#"{"why": "Walled: the old town"}"#, true);
        check("{}", "[]", false);
    }

    proptest! {
        #[test]
        fn any_small_document_survives(keys in prop::collection::btree_map("[a-c/~]{0,3}", -9..9_i32, 0..6), deep: bool) {
            let object: Value = json!(keys);
            let value = if deep { json!({ "x": [object, true], "y": "z" }) } else { object };
            let fields = read(&value.to_string()).unwrap();
            let whole = put_together(fields.iter().map(|field| (field.path.as_str(), &field.value)));
            prop_assert_eq!(whole, value);
            prop_assert_eq!(likeness(&fields, &fields), 1.0);
        }
    }
}
