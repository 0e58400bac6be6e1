//! One spelling for answers that are JSON objects or lists, so that they are compared by value and not as prose.

use crate::markdown::without_fences;
use crate::normalise::normalise;
use crate::number::number;
use serde_json::Value;
use std::collections::BTreeMap;

/// The one spelling of a JSON object or list: keys sorted, strings normalised, numbers by value. `None` for any other
/// text. Nesting is bounded by the parser.
pub(super) fn structure(text: &str) -> Option<String> {
    let text = without_fences(text);
    let text = text.trim();
    if !text.starts_with(['{', '[']) {
        return None;
    }
    let value: Value = serde_json::from_str(text).ok()?;
    Some(spell(&value))
}

fn spell(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let sorted: BTreeMap<&String, &Value> = fields.iter().collect();
            let fields: Vec<String> = sorted.iter().map(|(key, value)| format!("{key:?}:{}", spell(value))).collect();
            format!("{{{}}}", fields.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(spell).collect::<Vec<_>>().join(",")),
        Value::String(text) => format!("{:?}", normalise(text)),
        Value::Number(value) => match number(&value.to_string()) {
            Some(quantity) => format!("{:?}", quantity.value + 0.0),
            None => value.to_string(),
        },
        Value::Bool(_) | Value::Null => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::structure;

    #[test]
    fn equal_values_have_one_spelling() {
        for (a, b, expect) in [
            (r#"{"a": 1, "b": "Paris"}"#, "```json\n{\"b\":\"paris.\",\"a\":1.0}\n```", true),
            (r#"{"a": [1, 2]}"#, r#"{"a": [2, 1]}"#, false),
            (r#"{"city": "Paris", "n": 1}"#, r#"{"city": "London", "n": 1}"#, false),
            (r#"{"a": "1"}"#, r#"{"a": 1}"#, false),
            (r#"[9007199254740993]"#, r#"[9007199254740992]"#, false),
            (r#"{"a":{"c":null,"b":true}}"#, r#"{"a":{"b":true,"c":null}}"#, true),
        ] {
            let (a, b) = (structure(a).unwrap(), structure(b).unwrap());
            assert_eq!(a == b, expect, "{a} {b}");
        }
    }

    #[test]
    fn prose_has_no_structure() {
        for text in ["Paris", "42", "\"Paris\"", "{not json}", "[1] says so", ""] {
            assert_eq!(structure(text), None, "{text:?}");
        }
        assert_eq!(structure(&"[".repeat(100_000)), None);
    }
}
